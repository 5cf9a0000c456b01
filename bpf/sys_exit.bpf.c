/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exits of system calls. The programs and what they hand over to:
 *
 *   sys_exit               tm_sys_exit ─┬─ filtered, or a slim record
 *                                       └─ tm_detail ─┬────────────── tm_finish ─┬──────────────────────────── record
 *                                                     └─ tm_process ──┘          └─ tm_prefilter_stage ── tm_emit ─┘
 *   sched_process_exec     tm_exec ──── tm_process ── tm_finish
 *   sched_process_fork     tm_fork ──── tm_process ── tm_finish
 *   sched_process_exit     tm_exit ──── tm_process ── tm_finish_bare
 *
 * Accounting, per CPU and exact: each exit of a system call and each of the three process events that is not tuimon's
 * own is seen (a call adds one to its counter in tm_counts, an event to "process_events") and then adds one to exactly
 * one of "emitted", "filtered" and "dropped". The exit of an execve that succeeded is "filtered": its EXEC record, an
 * event of its own, says all of it. A new thread (not a process) and the end of a thread that is not the last of its
 * process are "filtered" as well.
 */

#define TM_PIPEFS_MAGIC 0x50495045
#define TM_NSFS_MAGIC 0x6e736673
#define TM_PIDFS_MAGIC 0x50494446	/* pidfds are files of it since Linux 6.9 */
#define TM_TS_COMPAT 2
#define TM_MINOR_BITS 20
#define TM_FMODE_CREATED 0x100000	/* include/linux/fs.h, since Linux 4.19 */

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

/* Nothing but the context, the task and the CPU is needed across the slow ways out of know_cgroup(): what else lived there
 * would be saved to the stack by every call. */
int tm_sys_exit(u64 *ctx)
{
	u64 task = current_task();
	struct tm_cpu *cpu = this_cpu();
	struct tm_counts *count;
	struct tm_work *w;
	struct tm_head *head;
	struct tm_rows *rows;
	u64 regs, call, at, pid_tgid;
	s64 ret;
	u32 nr;
	u8 flags = 0;

	if (!cpu)
		return 0;
	OPAQUE(cpu);	/* one register, not a base and an index */
	if (is_self(TASK_GET(task, tgid))) {
		cpu->self_calls++;
		return 0;
	}
	know_cgroup(cpu, current_cgroup(task));
	regs = ctx[0];
	ret = ctx[1];
	nr = native_number(task, TM_NR(regs), &flags);
	at = nr;
	OPAQUE(at);
	at &= TM_CALLS - 1;
	count = counts_known(cpu);
	if (!count)
		return 0;	/* for the verifier: there is no way here */
	count->call[at].calls++;
	if (ret < 0 && ret >= -4095)
		count->call[at].errors++;
	rows = DIRECT(TM_DIRECT_ROWS);
	call = rows->row[at];
	if (!TM_WANT(call)) {
		cpu->filtered++;
		return 0;
	}
	if ((call & TM_CALL_EXEC && ret >= 0) || !is_wanted(cpu, call)) {
		cpu->filtered++;
		return 0;
	}
	pid_tgid = current_ids(task, TASK_GET(task, tgid));
	if (call & TM_CALL_WIDE)
		goto wide;

	head = begin_slim();
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
	end_slim(head);
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

/* Where the data of a vectored call begins: its first buffer. Returns 0 when there is none (or it is a 32-bit one's). */
static __always_inline int first_vector(struct tm_work *w, u64 call, u64 *from, s64 *length)
{
	u64 vector[2] = {}, at = *from;
	u32 kind = TM_CALL_COPY(call), sent = 0;

	if (w->head.flags & TM_F_COMPAT)
		return 0;
	if (kind == TM_COPY_MESSAGES) {
		bpf_probe_read_user(&sent, 4, (void *)(at + 56));	/* mmsghdr.msg_len */
		*length = *length > 0 ? sent : *length;
	}
	if (kind != TM_COPY_VECTOR)
		bpf_probe_read_user(from, 8, (void *)(at + 16));	/* msghdr.msg_iov */
	if (bpf_probe_read_user(vector, sizeof(vector), (void *)*from))
		return 0;
	*from = vector[0];
	if (*length < 0 && !(call & TM_CALL_WRITES))
		return 0;
	if (*length < 0 || *length > (s64)vector[1])
		*length = vector[1];
	return *length > 0;
}

/* The first bytes of what a call read or wrote. A socket's slot is taken by its addresses: they go to GIVEN2 then. */
static __always_inline void data_job(struct tm_work *w, u64 call)
{
	u32 at = TM_CALL_DATA_ARG(call);
	u32 slot = w->job[TM_SLOT_SOCK] ? TM_SLOT_GIVEN2 : TM_SLOT_SOCK;
	s64 length = w->head.ret;

	u64 from = w->arg[at & 7];

	if (at >= 6 || !(call & TM_WANT_DATA))
		return;
	if (TM_CALL_COPY(call) && !first_vector(w, call, &from, &length))
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
	set_job(w, slot & 7, TM_JOB_USER_BYTES, from);
	w->length[slot & 7] = length;
}

/* What an argument points to: a struct or a string that says what the call does. */
static __always_inline void copy_job(struct tm_work *w, u64 call)
{
	u32 at = TM_CALL_DATA_ARG(call), kind = TM_CALL_COPY(call);
	u32 slot = w->job[TM_SLOT_SOCK] ? TM_SLOT_GIVEN2 : TM_SLOT_SOCK;
	u64 from = w->arg[at & 7], next = w->arg[(at + 1) & 7], length = 4 * kind;

	if (!kind || at >= 6 || (kind >= TM_COPY_MESSAGES && kind <= TM_COPY_VECTOR))
		return;
	if (kind == TM_COPY_LIMITS) {
		length = 16;
		if (next && w->head.ret >= 0) {
			set_job(w, TM_SLOT_GIVEN2, TM_JOB_USER_BYTES, next);
			w->length[TM_SLOT_GIVEN2] = length;
		}
	} else if (kind == TM_COPY_NEXT) {
		length = next > TM_DATA_BYTES ? TM_DATA_BYTES : next;
	} else if (kind == TM_COPY_POLL) {
		length = 8 * next;
		if (next > TM_POLL_BYTES / 8) {
			length = TM_POLL_BYTES;
			w->head.flags |= TM_F_TRUNCATED;
		}
	}
	if (!from || !length)
		return;
	set_job(w, slot & 7, kind == TM_COPY_STRING ? TM_JOB_USER_STRING : TM_JOB_USER_BYTES, from);
	w->length[slot & 7] = length;
}

/* Which object it is. An fd's call has no second path, so the slot of that is free. */
static __always_inline void identify(struct tm_work *w, u64 file, u64 number, u64 sb, u64 magic)
{
	u64 inode = CAST(inode, number);
	u32 dev = GET(sb, super_block, s_dev);

	w->file.ino = GET(inode, inode, i_ino);
	w->file.dev = encoded_dev(dev >> TM_MINOR_BITS, dev & ((1U << TM_MINOR_BITS) - 1));
	w->file.flags = GET(file, file, f_mode) & TM_FMODE_CREATED ? TM_FILE_CREATED : 0;
	if (magic == TM_OVERLAYFS_MAGIC)
		w->file.flags |= overlay_flags(number);
	set_job(w, TM_SLOT_BASE2, TM_JOB_FILE, 0);
}

/* What is told of an open file: its kind, and its path, its name or both ends of its socket. */
static __always_inline void file_jobs(struct tm_work *w, u64 call, u64 opened)
{
	u64 file, inode, number, dentry, magic, sb;
	u32 mode;

	file = CAST(file, opened);
	number = GET(file, file, f_inode);
	inode = CAST(inode, number);
	mode = GET(inode, inode, i_mode) & TM_S_IFMT;
	w->ext.fd_type = mode;
	sb = CAST(super_block, GET(inode, inode, i_sb));
	magic = GET(sb, super_block, s_magic);
	if (TM_CALL_PATH2(call) >= 6)
		identify(w, file, number, sb, magic);
	if (mode == TM_S_IFSOCK) {
		describe_socket(w, file);
		return;
	}
	if (magic == TM_ANON_INODE_MAGIC) {
		dentry = CAST(dentry, GET(file, file, f_path_dentry));
		w->ext.fd_type = 0xfff0;
		set_job(w, TM_SLOT_REAL, TM_JOB_KERNEL_STRING, GET(dentry, dentry, d_name_name));
		return;
	}
	if (magic == TM_PIDFS_MAGIC)
		w->ext.fd_type = 0xfff1;
	/* Their files lie in no directory. */
	if (magic == TM_PIPEFS_MAGIC || magic == TM_NSFS_MAGIC || magic == TM_PIDFS_MAGIC)
		return;
	if (call & (TM_CALL_FD_PATH | TM_WANT_PATHS))
		walk_from_first(w, TM_SLOT_REAL, opened);
}

/* What an fd led to that is closed by now. */
static __always_inline void take_entered(struct tm_work *w, u32 fd)
{
	u64 key = bpf_get_current_pid_tgid();
	struct tm_entered *e = entered.lookup(&key);
	u64 text = (u64)w->entered.text;

	if (!e || e->fd != fd)
		return;
	bpf_probe_read_kernel(&w->entered, sizeof(w->entered), e);
	entered.delete(&key);
	w->ext.fd_type = w->entered.fd_type;
	w->head.flags |= w->entered.flags;
	if (w->entered.real) {
		set_job(w, TM_SLOT_REAL, TM_JOB_KERNEL_BYTES, text);
		w->length[TM_SLOT_REAL] = w->entered.real;
	}
	if (w->entered.file) {
		set_job(w, TM_SLOT_BASE2, TM_JOB_KERNEL_BYTES, text + w->entered.real);
		w->length[TM_SLOT_BASE2] = w->entered.file;
	}
	if (w->entered.sock) {
		set_job(w, TM_SLOT_SOCK, TM_JOB_KERNEL_BYTES, text + w->entered.real + w->entered.file);
		w->length[TM_SLOT_SOCK] = w->entered.sock;
	}
}

static __always_inline void fd_job(struct tm_work *w, u64 task, u64 call)
{
	u32 arg = TM_CALL_FD(call);
	u64 number;
	s64 fd;

	if (call & TM_CALL_NEW_FD && w->head.ret >= 0)
		fd = w->head.ret;
	else if (arg < 6)
		fd = (s32)w->arg[arg & 7];
	else
		return;
	if (fd < 0)
		return;
	if (call & TM_CALL_ENTER) {
		take_entered(w, fd);
		return;
	}
	number = file_of_fd(task, fd);
	if (number)
		file_jobs(w, call, number);
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

/* Whether a call is wanted for what it changes alone, and by no rule or view (tuimon/interest.py, STATE). */
static __always_inline int is_for_state(u64 call, struct tm_cpu *cpu)
{
	return !(call & TM_WANT_PATHS) && !(call & TM_WANT_VIEW && cpu && in_view(cpu));
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
	cpu = this_cpu();
	if (TM_CALL_COPY(call) == TM_COPY_LIMITS && !w->arg[2] && is_for_state(call, cpu)) {
		if (cpu)
			cpu->filtered++;
		return 0;
	}
	w->took = call & TM_CALL_TIMED ? time_taken(w->head.nr) : TM_NO_RESULT;
	if (call & TM_CALL_OPEN_HOW)
		open_how(w);
	fill_args(w);
	fill_ext(w, task);
	clear_jobs(w);
	path_jobs(w, task, call);
	fd_job(w, task, call);
	data_job(w, call);
	copy_job(w, call);
	if (TM_CALL_RESULT(call)) {
		result_jobs(w, task, call);
		fill_args(w);
	}
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
