/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format between the kernel programs and user space.
 *
 * One place for the layout: bcc compiles it into the programs, the host's cc compiles it in a test, and
 * tuimon/records.py says the same as numpy dtypes. Start-up compares both sides and refuses to run on a mismatch.
 *
 * Every record begins with struct tm_head. All classes but the slim one go on with struct tm_ext; the process
 * classes (reserved rings) then carry struct tm_proc; the rest of the record is text: up to TM_SLOTS byte strings laid
 * one behind the other without terminators, their lengths in tm_ext.slot_len.
 */
#ifndef TUIMON_EVENTS_H
#define TUIMON_EVENTS_H

#ifndef __KERNEL__
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
#endif

#define TM_ABI 1

/* tm_head.kind */
#define TM_KIND_SYSCALL 0	/* the exit of a system call */
#define TM_KIND_EXEC 1		/* a program was executed (sched_process_exec); nr is execve's or execveat's */
#define TM_KIND_FORK 2		/* a process (not a thread) was made (sched_process_fork); ret is the child's pid */
#define TM_KIND_EXIT 3		/* the last thread of a process ended; ret is the kernel's exit code */
#define TM_KIND_IO_URING 4	/* an io_uring request was submitted; nr is the syscall it stands for, ret is 0 */
#define TM_KIND_HEARTBEAT 5	/* tuimon's own sign of life */
#define TM_KIND_IO_URING_DONE 6	/* the same with its outcome in ret. In a ring: the outcome alone, a slim record that counts
				 * as no event; arg[0] is what the request has behind its last argument */

/* tm_head.flags */
#define TM_F_TRUNCATED 0x01	/* a string did not fit the largest class and was cut */
#define TM_F_COMPAT 0x02	/* a 32-bit call, nr already mapped to the native number */
#define TM_F_USER_MEMORY 0x04	/* GIVEN was read from the program's memory after the call (it may have changed it) */
#define TM_F_REAL_SAME 0x08	/* REAL equals GIVEN and is not repeated (slot length 0) */
#define TM_F_HAS_EXT 0x10	/* tm_ext follows */
#define TM_F_HAS_PROC 0x20	/* tm_proc follows tm_ext */
#define TM_F_SAMPLED 0x40	/* emitted for a view that samples; its neighbours may be missing */
#define TM_F_FAULT 0x80		/* a string of the program's could not be read */

/* text slots */
#define TM_SLOTS 6
#define TM_SLOT_GIVEN 0		/* path as the program gave it | exec: file name as given to execve */
#define TM_SLOT_BASE 1		/* directory a relative GIVEN starts from (absolute, from the kernel) | exec, fork: cwd */
#define TM_SLOT_REAL 2		/* path of the object the kernel returned or used | exec, fork: the executable's path */
#define TM_SLOT_GIVEN2 3	/* second path of two-path calls | exec: argv, NUL between arguments */
#define TM_SLOT_BASE2 4		/* directory a relative GIVEN2 starts from | exec: environment, NUL between, if asked
				 * | of a call on an fd, which has no second path: struct tm_file */
#define TM_SLOT_SOCK 5		/* struct tm_sock and, for AF_UNIX, the path behind it | data bytes of an I/O call
				 * (of one on a socket they are in GIVEN2)
				 * What else calls leave behind: see bpf/results.h */

struct tm_head {		/* 64 bytes; all there is of a slim record */
	u64 ts_ns;		/* bpf_ktime_get_boot_ns() */
	u64 cgroup_id;		/* key of the container: see tuimon/enrich/cgroups.py */
	s64 ret;		/* return value of the call, see kind for the others */
	u32 tid;		/* kernel pid: the thread */
	u32 tgid;		/* the process */
	u16 nr;			/* native system call number */
	u8 kind;
	u8 flags;
	u8 cpu_lo;		/* CPU number, low byte */
	u8 cpu_hi;
	u16 lost;		/* records lost on this CPU since its last emitted one, saturating */
	u64 arg[3];		/* first three arguments, as passed in registers; openat2's are laid out as openat's:
				 * flags and mode from its struct open_how, then the resolve flags. Behind the last
				 * argument of some calls stand results: see bpf/results.h */
};

struct tm_ext {			/* 64 bytes */
	u64 arg[3];		/* arguments four to six */
	u32 uid;		/* effective uid, in the initial user namespace */
	u32 gid;		/* effective gid */
	char comm[16];		/* of the thread, NUL padded */
	u16 slot_len[TM_SLOTS];	/* bytes of each text slot */
	u16 text_len;		/* their sum */
	u16 fd_type;		/* S_IFMT bits of the fd or file the call is about, 0 if none; 0xfff0: an anonymous inode,
				 * its name in REAL ("[eventpoll]", "bpf-map"); 0xfff1: a pidfd */
};

struct tm_proc {		/* 192 bytes: the process as it is at this event (fork: the child) */
	u64 start_ns;		/* boot time, with tgid the key of a process */
	u64 cap_permitted;
	u64 cap_effective;
	u64 cap_inheritable;
	u64 exe_ino;
	u64 exe_ctime_ns;	/* since the epoch */
	u64 exe_mtime_ns;
	u64 pidns_start_ns;	/* boot time of the pid namespace's init */
	u32 pid;		/* tgid of the process described (fork: the child's) */
	u32 tid;		/* its thread */
	u32 ppid;		/* tgid of the real parent */
	u32 vpid;		/* in its own pid namespace */
	u32 vtid;
	u32 pgid;		/* on the host */
	u32 vpgid;
	u32 sid;
	u32 vsid;
	u32 tty;		/* device number as Falco prints it (new_encode_dev), 0 without a terminal */
	u32 loginuid;		/* (u32)-1 when unset */
	u32 euid;
	u32 egid;
	u32 ruid;
	u32 mnt_ns;
	u32 pid_ns;
	u32 pid_ns_level;
	u32 exe_flags;		/* TM_EXE_* */
	u32 exe_magic;		/* s_magic of the executable's file system */
	u32 exe_mode;		/* i_mode */
	u32 fd_limit;		/* RLIMIT_NOFILE, soft */
	u32 clone_flags;	/* fork only */
	u64 cgroup_id;		/* of the process described */
	u32 vm_pages;		/* mapped memory, in pages; 0 when the process has given it back (exit) */
	u32 threads;		/* living ones */
	u32 major_faults;	/* of the thread described, since it was made */
	u32 minor_faults;
	u16 std_type[3];	/* exec: what fds 0, 1 and 2 are: S_IFMT bits, TM_STD_SOCKET and the family, 0 if not open */
	u16 pad;
	u32 rss_pages;		/* of vm_pages: in memory, 0 as with it, and of a recording of before it was told */
	u32 swap_pages;		/* and swapped out */
};

#define TM_STD_SOCKET 0xfe00	/* and the socket's AF_* in the low byte */
#define TM_STD_ANON 0xfff0	/* an anonymous inode */

#define TM_EXE_UPPER_LAYER 0x1	/* overlay: the inode has an upper dentry */
#define TM_EXE_LOWER_LAYER 0x2	/* overlay: it has none */
#define TM_EXE_BORN_UPPER 0x4	/* upper, and made there (inode numbers equal), not copied up from the image */
#define TM_EXE_MEMFD 0x8
#define TM_EXE_WRITABLE 0x10	/* by the user who executes it */
#define TM_EXE_DELETED 0x20
#define TM_EXE_VIA_FD 0x40	/* execveat with an empty path, or fexecve */

struct tm_file {		/* 16 bytes: the object behind an fd */
	u64 ino;
	u32 dev;		/* of its file system, as Falco prints it (new_encode_dev) */
	u32 flags;		/* TM_EXE_*_LAYER, TM_EXE_BORN_UPPER, TM_FILE_CREATED */
};

#define TM_FILE_CREATED 0x80	/* this very open made it */

struct tm_memory {		/* 16 bytes, in BASE of brk, mmap and munmap: what the process has after the call */
	u32 vm_pages;
	u32 rss_pages;
	u32 swap_pages;
	u32 pad;
};

struct tm_sock {		/* 48 bytes, from the kernel's struct sock unless TM_SOCK_GIVEN */
	u16 family;		/* AF_* */
	u16 type;		/* SOCK_* */
	u16 protocol;		/* IPPROTO_* */
	u16 lport;		/* host byte order */
	u16 rport;
	u8 state;		/* TCP_* */
	u8 flags;		/* TM_SOCK_* */
	u32 pad;
	u8 laddr[16];		/* IPv4 in the first four bytes, network order */
	u8 raddr[16];
};

#define TM_SOCK_GIVEN 0x1	/* raddr/rport come from the caller's sockaddr, not from a connected socket */
#define TM_SOCK_LISTEN 0x2
#define TM_SOCK_SERVER 0x4	/* this side accepted (role known) */
#define TM_SOCK_CLIENT 0x8	/* this side connected (role known) */

/* Size classes: one ring each, every record of a ring is as long as its class says. */
#define TM_SLIM 0
#define TM_SHORT 1
#define TM_MID 2
#define TM_LONG 3
#define TM_PROC_SHORT 4		/* reserved: exec, fork, exit, credentials, mounts, modules, ptrace */
#define TM_PROC_MID 5
#define TM_PROC_LONG 6
#define TM_CLASSES 7

#define TM_SLIM_BYTES 64
#define TM_SHORT_BYTES 256	/* 128 of text */
#define TM_MID_BYTES 1024	/* 896 of text */
#define TM_LONG_BYTES 12416	/* 12,288 of text: PATH_MAX three times */
#define TM_PROC_SHORT_BYTES 512	/* 192 of text */
#define TM_PROC_MID_BYTES 2048	/* 1,728 of text */
#define TM_PROC_LONG_BYTES 32768	/* 32,448 of text */

_Static_assert(sizeof(struct tm_head) == 64, "tm_head");
_Static_assert(sizeof(struct tm_ext) == 64, "tm_ext");
_Static_assert(sizeof(struct tm_proc) == 192, "tm_proc");
_Static_assert(sizeof(struct tm_sock) == 48, "tm_sock");
_Static_assert(sizeof(struct tm_file) == 16, "tm_file");
_Static_assert(sizeof(struct tm_memory) == 16, "tm_memory");

#endif
