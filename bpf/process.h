/* SPDX-License-Identifier: Apache-2.0 */
/* struct tm_proc: a process described from its task. */

#define TM_OVERLAYFS_MAGIC 0x794c7630
#define TM_TMPFS_MAGIC 0x01021994
#define TM_RLIMIT_NOFILE 7
#define TM_ANON_INODE_MAGIC 0x09041934
#define TM_S_IFMT 0170000
#define TM_S_IFSOCK 0140000
#define TM_PIDTYPE_PGID 2
#define TM_PIDTYPE_SID 3
#define TM_CAP_DAC_OVERRIDE 1
#define TM_SB_RDONLY 1
#define TM_S_IMMUTABLE 8
#define TM_MNT_READONLY 0x40

/* Number of a struct pid in the initial namespace. */
static __always_inline u32 pid_number(u64 pid)
{
	return pid ? GET_AT(CAST(pid, pid), pid, numbers, O_upid_nr, 32) : 0;
}

/* Number of a struct pid in its own namespace, the deepest. */
static __always_inline u32 pid_own_number(u64 pid)
{
	u32 level, nr = 0;

	if (!pid)
		return 0;
	level = GET(CAST(pid, pid), pid, level);
	bpf_probe_read_kernel(&nr, 4, (void *)(pid + O_pid_numbers + O_upid_nr + (u64)level * S_upid));
	return nr;
}

static __always_inline void describe_pids(struct tm_proc *p, u64 task)
{
	u64 signal = CAST(signal_struct, GET(task, task_struct, signal));
	u64 pid = GET(task, task_struct, thread_pid);
	u64 group = GET_AT(signal, signal_struct, pids, 8, 64);
	u64 pgrp = GET_AT(signal, signal_struct, pids, 8 * TM_PIDTYPE_PGID, 64);
	u64 session = GET_AT(signal, signal_struct, pids, 8 * TM_PIDTYPE_SID, 64);
	u64 parent = CAST(task_struct, GET(task, task_struct, real_parent));
	u64 ns = 0;
	u32 level;

	p->pid = GET(task, task_struct, tgid);
	p->tid = GET(task, task_struct, pid);
	p->ppid = GET(parent, task_struct, tgid);
	p->vpid = pid_own_number(group);
	p->vtid = pid_own_number(pid);
	p->pgid = pid_number(pgrp);
	p->vpgid = pid_own_number(pgrp);
	p->sid = pid_number(session);
	p->vsid = pid_own_number(session);
	p->fd_limit = GET_AT(signal, signal_struct, rlim, 16 * TM_RLIMIT_NOFILE, 64);
	if (!pid)
		return;
	level = GET(CAST(pid, pid), pid, level);
	p->pid_ns_level = level;
	bpf_probe_read_kernel(&ns, 8, (void *)(pid + O_pid_numbers + O_upid_ns + (u64)level * S_upid));
	if (ns) {
		u64 space = CAST(pid_namespace, ns);
		u64 reaper = GET(space, pid_namespace, child_reaper);

		p->pid_ns = GET(space, pid_namespace, ns_inum);
		if (reaper)
			p->pidns_start_ns = GET(CAST(task_struct, reaper), task_struct, start_boottime);
	}
}

/* A device number as new_encode_dev() in include/linux/kdev_t.h packs it. */
static __always_inline u32 encoded_dev(u32 major, u32 minor)
{
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/* The device number of the controlling terminal. */
static __always_inline u32 tty_of(u64 task)
{
	u64 signal = CAST(signal_struct, GET(task, task_struct, signal));
	u64 tty = GET(signal, signal_struct, tty);
	u64 driver;
	u32 major, minor;

	if (!tty)
		return 0;
	tty = CAST(tty_struct, tty);
	driver = CAST(tty_driver, GET(tty, tty_struct, driver));
	major = GET(driver, tty_driver, major);
	minor = GET(driver, tty_driver, minor_start) + GET(tty, tty_struct, index);
	return encoded_dev(major, minor);
}

static __always_inline void describe_user(struct tm_proc *p, u64 task)
{
	u64 cred = CAST(cred, GET(task, task_struct, cred));

	p->euid = GET(cred, cred, euid);
	p->egid = GET(cred, cred, egid);
	p->ruid = GET(cred, cred, uid);
	p->cap_permitted = GET(cred, cred, cap_permitted);
	p->cap_effective = GET(cred, cred, cap_effective);
	p->cap_inheritable = GET(cred, cred, cap_inheritable);
#if H_task_struct_loginuid
	p->loginuid = GET(task, task_struct, loginuid);
#else
	p->loginuid = (u32)-1;
#endif
}

/* Whether the process may write the file: mode bits by owner, group, others; a read-only or immutable one nobody may. */
static __always_inline int may_write(struct tm_proc *p, u64 inode, u64 mount, u64 sb)
{
	u32 mode = GET(inode, inode, i_mode);

	if (GET(sb, super_block, s_flags) & TM_SB_RDONLY || GET(inode, inode, i_flags) & TM_S_IMMUTABLE)
		return 0;
	if (GET(CAST(vfsmount, mount), vfsmount, mnt_flags) & TM_MNT_READONLY)
		return 0;
	if (p->cap_effective & (1ULL << TM_CAP_DAC_OVERRIDE))
		return 1;
	if (GET(inode, inode, i_uid) == p->euid)
		return !!(mode & 0200);
	if (GET(inode, inode, i_gid) == p->egid)
		return !!(mode & 0020);
	return !!(mode & 0002);
}

/* Where an executable on an overlay comes from: no upper dentry, the image; one with the overlay's own inode number,
 * made in the container; one with another number, copied up from the image (and maybe changed). */
static __always_inline u32 overlay_flags(u64 inode)
{
	u64 upper, upper_inode;

#if H_ovl_inode___upperdentry
	bpf_probe_read_kernel(&upper, 8, (void *)(inode - O_ovl_inode_vfs_inode + O_ovl_inode___upperdentry));
#else
	/* Overlayfs built as a module has BTF of its own; the pointer follows the inode since Linux 4.13. */
	bpf_probe_read_kernel(&upper, 8, (void *)(inode + S_inode));
#endif
	if (!upper)
		return TM_EXE_LOWER_LAYER;
	upper_inode = GET(CAST(dentry, upper), dentry, d_inode);
	if (upper_inode && GET(CAST(inode, upper_inode), inode, i_ino) == GET(CAST(inode, inode), inode, i_ino))
		return TM_EXE_UPPER_LAYER | TM_EXE_BORN_UPPER;
	return TM_EXE_UPPER_LAYER;
}

static __always_inline u64 inode_time(u64 inode, int modified)
{
#if H_inode_i_ctime_sec
	/* The top bit of the nanoseconds says that somebody has looked (multigrain timestamps, Linux 6.13). */
	if (modified)
		return GET(inode, inode, i_mtime_sec) * 1000000000ULL + GET(inode, inode, i_mtime_nsec);
	return GET(inode, inode, i_ctime_sec) * 1000000000ULL + (GET(inode, inode, i_ctime_nsec) & 0x7fffffff);
#else
	if (modified)
		return GET_AT(inode, inode, mtime, 0, 64) * 1000000000ULL + GET_AT(inode, inode, mtime, 8, 64);
	return GET_AT(inode, inode, ctime, 0, 64) * 1000000000ULL + GET_AT(inode, inode, ctime, 8, 64);
#endif
}

/* Describe the executable; returns the struct file, 0 for a task without one (kernel threads, a process that has ended). */
static __always_inline u64 describe_exe(struct tm_proc *p, u64 task)
{
	u64 mm = GET(task, task_struct, mm);
	u64 file, inode, sb, dentry, name, number;
	char start[8] = {};

	if (!mm)
		return 0;
	number = GET(CAST(mm_struct, mm), mm_struct, exe_file);
	if (!number)
		return 0;
	file = CAST(file, number);
	number = (u64)GET(file, file, f_inode);
	inode = CAST(inode, number);
	sb = CAST(super_block, GET(inode, inode, i_sb));
	dentry = CAST(dentry, GET(file, file, f_path_dentry));
	p->exe_ino = GET(inode, inode, i_ino);
	p->exe_mode = GET(inode, inode, i_mode);
	p->exe_magic = GET(sb, super_block, s_magic);
	p->exe_ctime_ns = inode_time(inode, 0);
	p->exe_mtime_ns = inode_time(inode, 1);
	if (p->exe_magic == TM_OVERLAYFS_MAGIC)
		p->exe_flags |= overlay_flags(number);
	if (GET(inode, inode, i_nlink) == 0)
		p->exe_flags |= TM_EXE_DELETED;
	name = GET(dentry, dentry, d_name_name);
	bpf_probe_read_kernel(start, 6, (void *)name);
	if (*(u64 *)start == 0x3a64666d656dULL && p->exe_flags & TM_EXE_DELETED)	/* "memfd:" */
		p->exe_flags |= TM_EXE_MEMFD;
	if (may_write(p, inode, GET(file, file, f_path_mnt), sb))
		p->exe_flags |= TM_EXE_WRITABLE;
	return mm;
}

/* What kind of object an fd of the current task leads to: tm_proc.std_type. */
static __always_inline u16 std_type(u64 task, u32 fd)
{
	u64 number = file_of_fd(task, fd);
	u64 file, inode, sk;
	u32 mode;

	if (!number)
		return 0;
	file = CAST(file, number);
	inode = CAST(inode, GET(file, file, f_inode));
	mode = GET(inode, inode, i_mode) & TM_S_IFMT;
	if (mode == TM_S_IFSOCK) {
		sk = GET(CAST(socket, GET(file, file, private_data)), socket, sk);
		return TM_STD_SOCKET | (sk ? GET(CAST(sock, sk), sock, family) & 0xff : 0);
	}
	if (GET(CAST(super_block, GET(inode, inode, i_sb)), super_block, s_magic) == TM_ANON_INODE_MAGIC)
		return TM_STD_ANON;
	return mode;
}

/* What a process has mapped, in memory and swapped out. Since Linux 6.2 the counters are kept per CPU, and their sums here
 * may be some dozen pages per CPU behind; a sum just below zero counts as none. */
static __always_inline void fill_memory(struct tm_memory *m, u64 address)
{
	u64 mm = CAST(mm_struct, address);
	s64 rss = GET(mm, mm_struct, rss_file);
	s64 swap = GET(mm, mm_struct, rss_swap);

	rss += (s64)GET(mm, mm_struct, rss_anon);
	rss += (s64)GET(mm, mm_struct, rss_shmem);
	m->vm_pages = GET(mm, mm_struct, total_vm);
	m->rss_pages = rss > 0 ? rss : 0;
	m->swap_pages = swap > 0 ? swap : 0;
	m->pad = 0;
}

static __always_inline void describe_use(struct tm_proc *p, u64 task)
{
	u64 mm = GET(task, task_struct, mm);
	u64 signal = CAST(signal_struct, GET(task, task_struct, signal));
	struct tm_memory memory = {};

	if (mm)
		fill_memory(&memory, mm);
	p->vm_pages = memory.vm_pages;
	p->rss_pages = memory.rss_pages;
	p->swap_pages = memory.swap_pages;
	p->threads = GET(signal, signal_struct, nr_threads);
	p->major_faults = GET(task, task_struct, maj_flt);
	p->minor_faults = GET(task, task_struct, min_flt);
}

static __always_inline void describe_process(struct tm_work *w)
{
	struct tm_proc *p = &w->proc;
	u64 task = CAST(task_struct, w->task);
	u64 proxy = GET(task, task_struct, nsproxy);

	p->exe_flags &= TM_EXE_VIA_FD;
	p->start_ns = GET(CAST(task_struct, GET(task, task_struct, group_leader)), task_struct, start_boottime);
	p->exe_ino = p->exe_ctime_ns = p->exe_mtime_ns = p->pidns_start_ns = 0;
	p->exe_magic = p->exe_mode = p->pid_ns = p->pid_ns_level = p->mnt_ns = 0;
	describe_pids(p, task);
	describe_user(p, task);
	describe_use(p, task);
	p->tty = tty_of(task);
	p->cgroup_id = cgroup_of(task);
	if (proxy) {
		u64 space = GET(CAST(nsproxy, proxy), nsproxy, mnt_ns);

		if (space)
			p->mnt_ns = GET(CAST(mnt_namespace, space), mnt_namespace, ns_inum);
	}
	describe_exe(p, task);
	if (w->head.kind != TM_KIND_EXEC)
		p->std_type[0] = p->std_type[1] = p->std_type[2] = 0;
}
