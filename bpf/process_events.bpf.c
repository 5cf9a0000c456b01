/* SPDX-License-Identifier: Apache-2.0 */
/* Process events: a program executed, a process made, a process ended. */

#define TM_SIGNAL_GROUP_EXIT 4
#define TM_CLONE_VM 0x100
#define TM_CLONE_VFORK 0x4000

/* Begin a process event. Returns the work area, NULL when the event is tuimon's own or there is nothing to work with. */
static __always_inline struct tm_work *begin(struct tm_cpu *cpu, u32 kind)
{
	struct tm_work *w = work_of_cpu();
	u64 pid_tgid = bpf_get_current_pid_tgid();

	if (!w)
		return NULL;
	if (is_self(pid_tgid >> 32)) {
		cpu->self_calls++;
		return NULL;
	}
	cpu->process_events++;
	cpu->of_kind[kind]++;
	know_cgroup(cpu, current_cgroup(current_task()));
	fill_head(&w->head, cpu, pid_tgid, 0, 0);
	w->head.kind = kind;
	w->head.flags = TM_F_HAS_EXT;
	w->call = 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < 6; i++)
		w->arg[i] = 0;
	w->proc.exe_flags = 0;
	w->proc.clone_flags = 0;
	fill_ext(w, current_task());
	clear_jobs(w);
	return w;
}

/* The registers of the system call that the current task is in. */
static __always_inline u64 current_regs(u64 task)
{
#if TM_TYPED && H_task_struct_thread_info_status && TM_CAST
	return CAST(pt_regs, bpf_task_pt_regs((void *)task));
#else
	return GET(task, task_struct, stack) + TM_STACK_BYTES - S_pt_regs;
#endif
}

#define TASK_REG(regs, name) GET(regs, pt_regs, name)

/* Whether a file name made by the kernel is /dev/fd/N and nothing behind it: the program was given as an fd alone. */
static __always_inline int is_fd_name(u64 at)
{
	char name[20] = {};
	long n = bpf_probe_read_kernel_str(name, sizeof(name), (void *)at);

	if (n < 10 || *(u64 *)name != 0x2f64662f7665642fULL)	/* "/dev/fd/" */
		return 0;
#pragma clang loop unroll(full)
	for (int i = 8; i < 20; i++)
		if (name[i] == '/')
			return 0;
	return 1;
}

/* sched_process_exec(task, old_pid, bprm), fs/exec.c: the new image is in place. */
int tm_exec(u64 *ctx)
{
	u64 task = current_task();
	u64 bprm = CAST(linux_binprm, ctx[2]);
	u64 mm, start, end, given;
	struct tm_cpu *cpu = this_cpu();
	struct tm_work *w;

	if (!cpu)
		return 0;
	w = begin(cpu, TM_KIND_EXEC);
	if (!w)
		return 0;
	given = GET(bprm, linux_binprm, filename);
	w->head.nr = TM_NR_EXECVE;
#if H_linux_binprm_fdpath
	if (GET(bprm, linux_binprm, fdpath)) {
		w->head.nr = TM_NR_EXECVEAT;
		if (is_fd_name(given))
			w->proc.exe_flags = TM_EXE_VIA_FD;
	}
#endif
	fill_args(w);
	mm = CAST(mm_struct, GET(task, task_struct, mm));
	set_job(w, TM_SLOT_GIVEN, TM_JOB_KERNEL_STRING, given);
	walk_from_cwd(w, TM_SLOT_BASE, task);
	walk_from_file(w, TM_SLOT_REAL, GET(mm, mm_struct, exe_file));
	start = GET(mm, mm_struct, arg_start);
	end = GET(mm, mm_struct, arg_end);
	set_job(w, TM_SLOT_GIVEN2, TM_JOB_USER_BYTES, start);
	w->length[TM_SLOT_GIVEN2] = end - start;
	if (the_config()->environ) {
		start = GET(mm, mm_struct, env_start);
		end = GET(mm, mm_struct, env_end);
		set_job(w, TM_SLOT_BASE2, TM_JOB_USER_BYTES, start);
		w->length[TM_SLOT_BASE2] = end - start;
	}
#pragma clang loop unroll(full)
	for (int i = 0; i < 3; i++)
		w->proc.std_type[i] = std_type(task, i);
	chain_exec.call(ctx, TM_STAGE_PROCESS);
	count_drop(cpu, TM_PROC_SHORT);
	return 0;
}

static __always_inline u32 clone_flags(u64 regs, u32 nr)
{
	u64 flags = 0;

#if !TM_ARM64
	if (nr == TM_NR_VFORK)
		return TM_CLONE_VM | TM_CLONE_VFORK;
	if (nr == TM_NR_CLONE)
		return TASK_REG(regs, di);
	if (nr == TM_NR_CLONE3)
		bpf_probe_read_user(&flags, 8, (void *)TASK_REG(regs, di));
#else
	if (nr == TM_NR_CLONE)
		return TASK_REG(regs, orig_x0);
	if (nr == TM_NR_CLONE3)
		bpf_probe_read_user(&flags, 8, (void *)TASK_REG(regs, orig_x0));
#endif
	return flags;
}

/* sched_process_fork(parent, child), kernel/fork.c: the child exists and has not run. */
int tm_fork(u64 *ctx)
{
	u64 task = current_task();
	u64 number = ctx[1];
	u64 child = CAST(task_struct, number);
	u64 regs = current_regs(task);
	u64 mm;
	struct tm_cpu *cpu = this_cpu();
	struct tm_work *w;
	u8 flags = 0;

	if (!cpu)
		return 0;
	w = begin(cpu, TM_KIND_FORK);
	if (!w)
		return 0;
	if (GET(child, task_struct, pid) != GET(child, task_struct, tgid)) {
		cpu->filtered++;
		return 0;
	}
	w->task = number;
	w->head.ret = GET(child, task_struct, pid);
#if TM_ARM64
	w->head.nr = native_number(task, (s32)TASK_REG(regs, syscallno), &flags);
#else
	w->head.nr = native_number(task, TASK_REG(regs, orig_ax), &flags);
#endif
	w->head.flags |= flags;
	w->proc.clone_flags = flags ? 0 : clone_flags(regs, w->head.nr);
	w->arg[0] = w->proc.clone_flags;
	fill_args(w);
	mm = GET(child, task_struct, mm);
	walk_from_cwd(w, TM_SLOT_BASE, child);
	if (mm)
		walk_from_file(w, TM_SLOT_REAL, GET(CAST(mm_struct, mm), mm_struct, exe_file));
	chain_fork.call(ctx, TM_STAGE_PROCESS);
	count_drop(cpu, TM_PROC_SHORT);
	return 0;
}

/* sched_process_exit(task), kernel/exit.c: signal->live is already without this thread. */
int tm_exit(u64 *ctx)
{
	u64 task = current_task();
	u64 signal = CAST(signal_struct, GET(task, task_struct, signal));
	u64 leader = CAST(task_struct, GET(task, task_struct, group_leader));
	struct tm_cpu *cpu = this_cpu();
	struct tm_work *w;

	if (!cpu)
		return 0;
	w = begin(cpu, TM_KIND_EXIT);
	if (!w)
		return 0;
	if (GET(signal, signal_struct, live_counter) != 0) {
		cpu->filtered++;
		return 0;
	}
	if (GET(signal, signal_struct, flags) & TM_SIGNAL_GROUP_EXIT)
		w->head.ret = GET(signal, signal_struct, group_exit_code);
	else
		w->head.ret = GET(leader, task_struct, exit_code);
	w->head.nr = TM_NR_EXIT_GROUP;
	fill_args(w);
	chain_exit.call(ctx, TM_STAGE_PROCESS);
	count_drop(cpu, TM_PROC_SHORT);
	return 0;
}
