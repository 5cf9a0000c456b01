/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs. Put together by tuimon/capture/sources.py, which puts before this file, in this order: the offsets
 * from BTF, events.h, read.h, maps.h, path.h, process.h and socket.h.
 *
 *   sys_exit               tm_sys_exit ─┬─ filtered, or a slim record
 *                                       └─ tm_detail ─┬────────────── tm_finish ── record
 *                                                     └─ tm_process ──┘
 *   sched_process_exec     tm_exec ──── tm_process ── tm_finish
 *   sched_process_fork     tm_fork ──── tm_process ── tm_finish
 *   sched_process_exit     tm_exit ──── tm_process ── tm_finish_bare
 *
 * Accounting, per CPU and exact: each exit of a system call and each of the three process events that is not tuimon's
 * own is seen (a call adds one to its counter in tm_counts, an event to "process_events") and then adds one to exactly
 * one of "emitted", "filtered" and "dropped". The exit of an execve that
 * succeeded is "filtered": its EXEC record, an event of its own, says all of it. A new thread (not a process) and the
 * end of a thread that is not the last of its process are "filtered" as well.
 */

#define TM_ANON_INODE_MAGIC 0x09041934
#define TM_PIPEFS_MAGIC 0x50495045
#define TM_S_IFMT 0170000
#define TM_S_IFSOCK 0140000
#define TM_S_IFIFO 0010000
#define TM_SIGNAL_GROUP_EXIT 4
#define TM_TS_COMPAT 2
#define TM_CLONE_VM 0x100
#define TM_CLONE_VFORK 0x4000
#define TM_AT_EMPTY_PATH 0x1000

/* One function per ring: bcc wants the map named at the call. */
static __always_inline void *reserve_slim(void) { return ring_slim.ringbuf_reserve(TM_SLIM_BYTES); }
static __always_inline void *reserve_short(void) { return ring_short.ringbuf_reserve(TM_SHORT_BYTES); }
static __always_inline void *reserve_mid(void) { return ring_mid.ringbuf_reserve(TM_MID_BYTES); }
static __always_inline void *reserve_long(void) { return ring_long.ringbuf_reserve(TM_LONG_BYTES); }
static __always_inline void *reserve_proc_short(void) { return ring_proc_short.ringbuf_reserve(TM_PROC_SHORT_BYTES); }
static __always_inline void *reserve_proc_mid(void) { return ring_proc_mid.ringbuf_reserve(TM_PROC_MID_BYTES); }
static __always_inline void *reserve_proc_long(void) { return ring_proc_long.ringbuf_reserve(TM_PROC_LONG_BYTES); }

#if TM_ARM64
#define TM_NR(regs) ((s32)REG(regs, syscallno))
#else
#define TM_NR(regs) ((s64)REG(regs, orig_ax))
#endif

static __always_inline void read_args(u64 *arg, u64 regs, int compat)
{
#if TM_ARM64
	arg[0] = REG(regs, orig_x0);
	arg[1] = REG(regs, x1);
	arg[2] = REG(regs, x2);
	arg[3] = REG(regs, x3);
	arg[4] = REG(regs, x4);
	arg[5] = REG(regs, x5);
#else
	if (compat) {
		arg[0] = (u32)REG(regs, bx);
		arg[1] = (u32)REG(regs, cx);
		arg[2] = (u32)REG(regs, dx);
		arg[3] = (u32)REG(regs, si);
		arg[4] = (u32)REG(regs, di);
		arg[5] = (u32)REG(regs, bp);
		return;
	}
	arg[0] = REG(regs, di);
	arg[1] = REG(regs, si);
	arg[2] = REG(regs, dx);
	arg[3] = REG(regs, r10);
	arg[4] = REG(regs, r8);
	arg[5] = REG(regs, r9);
#endif
}

/* The call's native number below TM_CALLS, with TM_F_COMPAT in flags when it was a 32-bit call. */
static __always_inline u32 native_number(u64 task, s64 nr, u8 *flags)
{
#if !TM_ARM64
	if (TASK_GET(task, thread_info_status) & TM_TS_COMPAT) {
		u32 at = (u64)nr < TM_CALLS ? nr : TM_CALLS - 1;
		u16 *mapped = compat_numbers.lookup(&at);

		*flags = TM_F_COMPAT;
		return mapped ? *mapped & (TM_CALLS - 1) : TM_CALLS - 1;
	}
	nr &= ~0x40000000LL;	/* x32 */
#endif
	return (u64)nr < TM_CALLS ? nr : TM_CALLS - 1;
}

static __always_inline void fill_head(struct tm_head *head, struct tm_cpu *cpu, u64 pid_tgid, u32 nr, s64 ret)
{
	u32 number = bpf_get_smp_processor_id();

	head->cgroup_id = cpu->cgroup_id;
	head->ret = ret;
	head->tid = pid_tgid;
	head->tgid = pid_tgid >> 32;
	head->nr = nr;
	head->cpu_lo = number;
	head->cpu_hi = number >> 8;
}

int tm_sys_exit(u64 *ctx)
{
	u64 regs = ctx[0];
	s64 ret = ctx[1];
	u64 task = current_task();
	u32 tgid = TASK_GET(task, tgid);
	struct tm_cpu *cpu = this_cpu();
	struct tm_counts *count;
	struct tm_work *w;
	struct tm_head *head;
	struct tm_rows *rows = DIRECT(TM_DIRECT_ROWS);
	u64 call, at, pid_tgid;
	u32 slot, nr;
	u8 flags = 0;

	if (!cpu)
		return 0;
	if (is_self(tgid)) {
		cpu->self_calls++;
		return 0;
	}
	nr = native_number(task, TM_NR(regs), &flags);
	at = nr;
	OPAQUE(at);
	at &= TM_CALLS - 1;
	know_cgroup(cpu, current_cgroup(task));
	slot = cpu->slot;
	count = counts.lookup(&slot);
	if (count) {
		count->call[at].calls++;
		if (ret < 0 && ret >= -4095)
			count->call[at].errors++;
	}
	call = rows->row[at];
	if (!TM_WANT(call)) {
		cpu->filtered++;
		return 0;
	}
	if ((call & TM_CALL_EXEC && ret >= 0) || !(call & TM_WANT_RULES || in_view(cpu))) {
		cpu->filtered++;
		return 0;
	}
	pid_tgid = bpf_get_current_pid_tgid();
	if (call & TM_CALL_WIDE)
		goto wide;

	head = reserve_slim();
	if (!head) {
		count_drop(cpu, TM_SLIM);
		return 0;
	}
	fill_head(head, cpu, pid_tgid, nr, ret);
	head->kind = TM_KIND_SYSCALL;
	head->flags = flags;
	head->lost = cpu->lost;
	if (flags & TM_F_COMPAT) {
		u64 arg[6];

		read_args(arg, regs, 1);
		head->arg[0] = arg[0];
		head->arg[1] = arg[1];
		head->arg[2] = arg[2];
	} else {
		u64 arg[6];

		read_args(arg, regs, 0);
		head->arg[0] = arg[0];
		head->arg[1] = arg[1];
		head->arg[2] = arg[2];
	}
	head->ts_ns = bpf_ktime_get_boot_ns();
	cpu->lost = 0;
	cpu->emitted++;
	bpf_ringbuf_submit(head, BPF_RB_NO_WAKEUP);
	return 0;

wide:
	w = work_of_cpu();
	if (w) {
		w->call = call;
		fill_head(&w->head, cpu, pid_tgid, nr, ret);
		w->head.kind = TM_KIND_SYSCALL;
		w->head.flags = flags | TM_F_HAS_EXT;
		chain.call(ctx, TM_STAGE_DETAIL);
	}
	count_drop(cpu, TM_SHORT);
	return 0;
}

static __always_inline void fill_ext(struct tm_work *w, u64 task)
{
	u64 cred = CAST(cred, GET(task, task_struct, cred));

	w->task = task;
	w->ext.uid = GET(cred, cred, euid);
	w->ext.gid = GET(cred, cred, egid);
	w->ext.fd_type = 0;
	set_root(w, task);
	bpf_get_current_comm(w->ext.comm, sizeof(w->ext.comm));
}

static __always_inline void clear_jobs(struct tm_work *w)
{
#pragma clang loop unroll(full)
	for (int s = 0; s < TM_SLOTS; s++)
		w->job[s] = TM_JOB_NONE;
}

static __always_inline void fill_args(struct tm_work *w)
{
	w->head.arg[0] = w->arg[0];
	w->head.arg[1] = w->arg[1];
	w->head.arg[2] = w->arg[2];
	w->ext.arg[0] = w->arg[3];
	w->ext.arg[1] = w->arg[4];
	w->ext.arg[2] = w->arg[5];
}

static __always_inline void set_job(struct tm_work *w, u32 slot, u32 job, u64 at)
{
	w->job[slot] = job;
	w->at[slot] = at;
}

static __always_inline void path_jobs(struct tm_work *w, u64 task, u64 call)
{
	u32 path = TM_CALL_PATH(call), dir = TM_CALL_DIR(call);

	if (path < 6) {
		set_job(w, TM_SLOT_GIVEN, TM_JOB_USER_STRING, w->arg[path & 7]);
		w->head.flags |= TM_F_USER_MEMORY;
		if (dir < 6)
			walk_from_dirfd(w, TM_SLOT_BASE, task, w->arg[dir & 7]);
		else if (!(call & TM_CALL_TEXT))
			walk_from_cwd(w, TM_SLOT_BASE, task);
	}
	path = TM_CALL_PATH2(call);
	dir = TM_CALL_DIR2(call);
	if (path < 6) {
		set_job(w, TM_SLOT_GIVEN2, TM_JOB_USER_STRING, w->arg[path & 7]);
		if (dir < 6)
			walk_from_dirfd(w, TM_SLOT_BASE2, task, w->arg[dir & 7]);
		else
			walk_from_cwd(w, TM_SLOT_BASE2, task);
	}
	if (call & TM_CALL_NEW_CWD && !w->head.ret) {
		/* The directory that a relative path started from is left by now; the one it led to is here. */
		set_job(w, TM_SLOT_BASE, TM_JOB_NONE, 0);
		walk_from_cwd(w, TM_SLOT_REAL, task);
	}
}

/* The first bytes of what a call read or wrote. A socket's slot is taken by its addresses: they go to GIVEN2 then. */
static __always_inline void data_job(struct tm_work *w, u64 call)
{
	u32 at = TM_CALL_DATA_ARG(call);
	u32 slot = w->job[TM_SLOT_SOCK] ? TM_SLOT_GIVEN2 : TM_SLOT_SOCK;
	s64 length = w->head.ret;

	if (at >= 6 || !(call & TM_WANT_DATA))
		return;
	if (length < 0) {
		if (!(call & TM_CALL_WRITES))
			return;
		length = w->arg[(at + 1) & 7];
	}
	if ((u64)length > TM_DATA_BYTES)
		length = TM_DATA_BYTES;
	if (!length)
		return;
	set_job(w, slot & 7, TM_JOB_USER_BYTES, w->arg[at & 7]);
	w->length[slot & 7] = length;
}

static __always_inline void fd_job(struct tm_work *w, u64 task, u64 call)
{
	u32 arg = TM_CALL_FD(call), mode;
	u64 number, file, inode, dentry, magic;
	s64 fd;

	if (call & TM_CALL_NEW_FD && w->head.ret >= 0)
		fd = w->head.ret;
	else if (arg < 6)
		fd = (s32)w->arg[arg & 7];
	else
		return;
	if (fd < 0)
		return;
	number = file_of_fd(task, fd);
	if (!number)
		return;
	file = CAST(file, number);
	inode = CAST(inode, GET(file, file, f_inode));
	mode = GET(inode, inode, i_mode) & TM_S_IFMT;
	w->ext.fd_type = mode;
	if (mode == TM_S_IFSOCK) {
		describe_socket(w, file);
		return;
	}
	magic = GET(CAST(super_block, GET(inode, inode, i_sb)), super_block, s_magic);
	if (magic == TM_ANON_INODE_MAGIC) {
		dentry = CAST(dentry, GET(file, file, f_path_dentry));
		w->ext.fd_type = 0xfff0;
		set_job(w, TM_SLOT_REAL, TM_JOB_KERNEL_STRING, GET(dentry, dentry, d_name_name));
		return;
	}
	if (magic == TM_PIPEFS_MAGIC)
		return;
	if (call & (TM_CALL_FD_PATH | TM_WANT_PATHS))
		walk_from_first(w, TM_SLOT_REAL, number);
}

/* Make openat2's arguments look like openat's: flags and mode in the third and fourth, then the resolve flags. */
static __always_inline void open_how(struct tm_work *w)
{
	u64 how[3] = {};

	bpf_probe_read_user(how, sizeof(how), (void *)w->arg[2]);
	w->arg[2] = how[0];
	w->arg[3] = how[1];
	w->arg[4] = how[2];
	w->arg[5] = 0;
}

int tm_detail(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	u64 regs = ctx[0];
	u64 task = current_task();
	struct tm_cpu *cpu;
	u64 call;

	if (!w)
		goto lost;
	call = w->call;
	read_args(w->arg, regs, w->head.flags & TM_F_COMPAT);
	if (call & TM_CALL_OPEN_HOW)
		open_how(w);
	fill_args(w);
	fill_ext(w, task);
	clear_jobs(w);
	path_jobs(w, task, call);
	fd_job(w, task, call);
	data_job(w, call);
	if (call & TM_CALL_RESERVED)
		chain.call(ctx, TM_STAGE_PROCESS);
	else
		chain.call(ctx, TM_STAGE_FINISH);
lost:
	cpu = this_cpu();
	if (cpu)
		count_drop(cpu, TM_SHORT);
	return 0;
}

int tm_process(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu;

	if (w) {
		w->head.flags |= TM_F_HAS_PROC;
		describe_process(w);
		chain.call(ctx, TM_STAGE_FINISH);
	}
	cpu = this_cpu();
	if (cpu)
		count_drop(cpu, TM_PROC_SHORT);
	return 0;
}

/* Copy the finished record and hand it over. "fixed" is what lies before the text in this class. The smallest classes
 * are copied whole: that costs less than a helper that copies what is used. */
#define TM_SUBMIT_WHOLE(r, w, fixed, bytes)                                                                            \
	do {                                                                                                           \
		__builtin_memcpy((u64 *)(r), (u64 *)&(w)->head, fixed);                                                \
		__builtin_memcpy((u64 *)(r) + (fixed) / 8, (u64 *)(w)->text, (bytes) - (fixed));                       \
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                                                               \
	} while (0)

#define TM_SUBMIT(r, w, fixed, bytes)                                                                                  \
	do {                                                                                                           \
		u64 __n = (w)->text_len;                                                                               \
		OPAQUE(__n);                                                                                           \
		if (__n > (bytes) - (fixed))                                                                           \
			__n = (bytes) - (fixed);                                                                       \
		__builtin_memcpy((u64 *)(r), (u64 *)&(w)->head, fixed);                                                \
		bpf_probe_read_kernel((char *)(r) + (fixed), __n, (w)->text);                                          \
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                                                               \
	} while (0)

/* The last stage of a record without text: short to verify, and all that the end of a process needs. */
int tm_finish_bare(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();
	void *r;

	if (!cpu)
		return 0;
	r = w ? reserve_proc_short() : NULL;
	if (!r) {
		count_drop(cpu, TM_PROC_SHORT);
		return 0;
	}
	w->ext.text_len = 0;
	__builtin_memset(w->ext.slot_len, 0, sizeof(w->ext.slot_len));
	w->head.lost = cpu->lost;
	w->head.ts_ns = bpf_ktime_get_boot_ns();
	__builtin_memcpy((u64 *)r, (u64 *)&w->head, 320);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	cpu->lost = 0;
	cpu->emitted++;
	return 0;
}

int tm_finish(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();
	u32 class, length;
	void *r;

	if (!cpu)
		return 0;
	if (!w) {
		count_drop(cpu, TM_SHORT);
		return 0;
	}
	fill_slots(w);
	length = w->text_len;
	w->head.lost = cpu->lost;
	w->head.ts_ns = bpf_ktime_get_boot_ns();
	if (w->head.flags & TM_F_HAS_PROC) {
		if (length <= TM_PROC_SHORT_BYTES - 320) {
			class = TM_PROC_SHORT;
			r = reserve_proc_short();
			if (!r)
				goto dropped;
			TM_SUBMIT_WHOLE(r, w, 320, TM_PROC_SHORT_BYTES);
		} else if (length <= TM_PROC_MID_BYTES - 320) {
			class = TM_PROC_MID;
			r = reserve_proc_mid();
			if (!r)
				goto dropped;
			TM_SUBMIT(r, w, 320, TM_PROC_MID_BYTES);
		} else {
			class = TM_PROC_LONG;
			r = reserve_proc_long();
			if (!r)
				goto dropped;
			TM_SUBMIT(r, w, 320, TM_PROC_LONG_BYTES);
		}
	} else if (length <= TM_SHORT_BYTES - 128) {
		class = TM_SHORT;
		r = reserve_short();
		if (!r)
			goto dropped;
		TM_SUBMIT_WHOLE(r, w, 128, TM_SHORT_BYTES);
	} else if (length <= TM_MID_BYTES - 128) {
		class = TM_MID;
		r = reserve_mid();
		if (!r)
			goto dropped;
		TM_SUBMIT(r, w, 128, TM_MID_BYTES);
	} else {
		class = TM_LONG;
		r = reserve_long();
		if (!r)
			goto dropped;
		TM_SUBMIT(r, w, 128, TM_LONG_BYTES);
	}
	cpu->lost = 0;
	cpu->emitted++;
	return 0;
dropped:
	count_drop(cpu, class);
	return 0;
}

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
