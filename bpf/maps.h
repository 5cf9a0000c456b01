/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs share: settings from user space, counters, and one work area per CPU.
 *
 * All programs run in task context with preemption off and none of them nests in another on the same CPU, so per-CPU
 * memory needs no locks and its counters are exact.
 */

#define TM_CALLS 512	/* native system call numbers, x86-64's x32 bit stripped; the last one stands for "none known" */

#define TM_SELF 8

struct tm_config {
	u64 view_generation;	/* grows when the set of viewed cgroups changes */
	u32 view_all;		/* nothing to look up: every cgroup is in view */
	u32 environ;		/* carry the environment of executed programs */
	u32 self[TM_SELF];	/* processes that are tuimon's own; the first TM_SELF_COUNT count */
	u32 sheds;		/* some cgroups are in "shed" */
	u32 times;		/* grows when the time that calls take begins to be asked for */
	u32 sleeps;		/* who reads the records waits for the bell; see ring_bell() */
	u32 pad;
};

/* A call's row: why it is wanted, how wide its record is, and where its arguments are. Packed so that user space
 * replaces it with one 8-byte store. A nibble of 15 means: no such argument. */
#define TM_WANT_RULES 0x01
#define TM_WANT_VIEW 0x02
#define TM_WANT_PATHS 0x04
#define TM_WANT_DATA 0x08
#define TM_WANT(c) ((c) & 0x0f)
#define TM_CALL_FD(c) (((c) >> 8) & 15)
#define TM_CALL_PATH(c) (((c) >> 12) & 15)
#define TM_CALL_DIR(c) (((c) >> 16) & 15)
#define TM_CALL_PATH2(c) (((c) >> 20) & 15)
#define TM_CALL_DIR2(c) (((c) >> 24) & 15)
#define TM_CALL_ADDR(c) (((c) >> 28) & 15)
#define TM_CALL_DATA_ARG(c) (((c) >> 32) & 15)
#define TM_CALL_WIDE (1ULL << 40)	/* more than a slim record */
#define TM_CALL_RESERVED (1ULL << 41)	/* goes to the reserved rings, with the process described */
#define TM_CALL_EXEC (1ULL << 42)	/* its success is told by the EXEC record */
#define TM_CALL_NEW_FD (1ULL << 43)	/* a return value of 0 or more is the fd that the event is about */
#define TM_CALL_FD_PATH (1ULL << 44)	/* resolve the fd's file even when TM_WANT_PATHS is not set */
#define TM_CALL_TEXT (1ULL << 45)	/* "path" is a name and starts from no directory */
#define TM_CALL_OPEN_HOW (1ULL << 46)	/* argument 2 is a struct open_how */
#define TM_CALL_ACCEPT (1ULL << 47)
#define TM_CALL_CONNECT (1ULL << 48)
#define TM_CALL_WRITES (1ULL << 49)	/* data goes out: its length is an argument, not the result */
#define TM_CALL_NEW_CWD (1ULL << 50)	/* its path becomes the working directory */
#define TM_CALL_COPY(c) (((c) >> 51) & 63)	/* what is copied of the memory at TM_CALL_DATA_ARG: TM_COPY_, 0: nothing */
#define TM_CALL_ENTER (1ULL << 57)	/* its fd is gone at the exit: sys_enter.bpf.c looks at it */

/* Beside these: so many times four bytes. */
#define TM_COPY_NEXT 63		/* as many bytes as the next argument says */
#define TM_COPY_POLL 62		/* as many struct pollfd as the next argument says */
#define TM_COPY_STRING 61
#define TM_COPY_VECTOR 60	/* data at the first struct iovec, where data is asked for */
#define TM_COPY_MESSAGE 59	/* the same of a struct msghdr */
#define TM_COPY_MESSAGES 58	/* the same of a struct mmsghdr */
#define TM_COPY_LIMITS 57	/* prlimit's two struct rlimit64; without a new limit only who asks for the call gets it */
#define TM_POLL_BYTES 512	/* 64 fds */
#define TM_CALL_RESULT(c) (((c) >> 58) & 15)	/* what is told of it besides its return value, 0: nothing; see results.h */
#define TM_RESULT_QUEUE 1
#define TM_RESULT_IDS 2
#define TM_RESULT_MEMORY 3
#define TM_RESULT_PIPE 4
#define TM_RESULT_OPTION 5
#define TM_RESULT_OFFSETS 6
#define TM_RESULT_VALUE 7
#define TM_RESULT_MASK1 8
#define TM_RESULT_MASK3 9
#define TM_RESULT_CONTROL 10
#define TM_RESULT_IMAGE 11
#define TM_RESULT_MASK4 12
#define TM_CALL_TIMED (1ULL << 63)	/* how long it takes is asked for: eight bytes more behind the text */
#define TM_CALL_SHED (1ULL << 62)	/* no view gets it for now: there is too much of it */

struct tm_cpu {
	u64 filtered;		/* what every call touches, in one cache line */
	u64 process_events;	/* seen; the calls seen are the sum of struct tm_counts */
	u64 cgroup_id;		/* one-entry cache: the last cgroup, its slot, and whether it is in view */
	u64 emitted;
	u32 slot;
	u32 in_view;
	u32 lost;		/* since the last record emitted on this CPU */
	u32 counted;		/* where the slot's counters of this CPU are: bytes from tm_counted.of */
	u64 view_generation;
	u64 self_calls;
	u64 dropped[TM_CLASSES];
	u64 prefiltered;	/* of "filtered": records that no rule could match */
	u64 of_kind[7];		/* of "process_events", by TM_KIND_: each program's sign of life */
	u64 requests;		/* io_uring requests that await their outcome, ever */
};

struct tm_pair {
	u64 calls;
	u64 errors;
};

struct tm_counts {		/* of one cgroup */
	struct tm_pair call[TM_CALLS];
	u64 dropped[TM_CLASSES];
	u64 shed;		/* of "filtered": what a view asked for, not told because there was too much of it */
};

/* An io_uring operation: the call it stands for, and where its arguments lie; see tuimon/capture/uring.py. */
#define TM_URING_OPS 128
#define TM_URING_NONE 255

struct tm_uring_op {
	u16 nr;
	u8 path;	/* offset of the pointer to the first path's struct filename */
	u8 dir;		/* position of the argument with the directory it starts from */
	u8 path2;
	u8 dir2;
	u8 fd;		/* position of the request's own fd */
	u8 pad;
	u8 arg[6];	/* offset of each argument */
	u8 bytes[6];	/* and its size */
	u32 pad2;
};

/* How each text slot of a record is to be filled. */
#define TM_JOB_NONE 0
#define TM_JOB_USER_STRING 1
#define TM_JOB_KERNEL_STRING 2
#define TM_JOB_WALK 3	/* "at" is a dentry, "length" its mount */
#define TM_JOB_USER_BYTES 4
#define TM_JOB_SOCK 5
#define TM_JOB_FILE 6
#define TM_JOB_KERNEL_BYTES 7
#define TM_ENTERED_TEXT 1024	/* of a longer path the rest is cut off, and marked */

#define TM_MOUNTS 32			/* mounts of a file system looked at; of more the first may be missed */
#define TM_DEPTH 128			/* path components looked at; a deeper path is marked truncated */
#define TM_TEXT 32768			/* text is masked to this; the other half of the buffer is room to overrun into */
#define TM_LONG_TEXT (TM_LONG_BYTES - 128)
#define TM_PROC_LONG_TEXT (TM_PROC_LONG_BYTES - 320)
#define TM_PATH_MAX 4096

struct tm_entered {		/* what an fd led to when a call on it began */
	u32 fd;
	u16 fd_type;
	u16 real;		/* lengths of the text's parts, in this order */
	u16 file;
	u16 sock;
	u16 flags;		/* TM_F_TRUNCATED */
	u16 pad;
	char text[TM_ENTERED_TEXT];
};

struct tm_began {		/* the call that a thread is in */
	u64 ns;
	u32 nr;
	u32 times;	/* of tm_config then */
};

struct tm_work {		/* the record being made, in its final order, and what is needed to make it */
	struct tm_head head;
	struct tm_ext ext;
	struct tm_proc proc;
	u64 call;
	u64 arg[8];
	u64 task;
	u64 at[TM_SLOTS];
	u64 length[TM_SLOTS];
	u32 job[TM_SLOTS];
	u32 slot;
	u32 text_len;
	u32 limit;
	u64 root_dentry;
	u64 root_mount;
	u64 dentry;
	u64 mount;
	u64 mount_root;
	u64 known_dentry;	/* whose path stands in the text already, 0: none */
	u64 known_mount;
	u32 is_known;	/* the walk has ended there */
	u32 pad3;
	u32 names;
	u32 sock_len;
	u64 name[TM_DEPTH];
	u32 name_len[TM_DEPTH];
	struct tm_file file;
	struct tm_memory memory;
	struct tm_sock sock;
	char sun_path[128];
	u64 took;		/* ns from the entry of the call to its exit, TM_NO_RESULT when it is not known or asked for */
	u32 shed;		/* a view wants it and does not get it: count it so, when the rules do not want it either */
	u32 pad;
	struct tm_entered entered;
	char text[2 * TM_TEXT] __attribute__((aligned(8)));
};

struct tm_rows {
	u64 row[TM_CALLS];
};

struct tm_cpus {
	struct tm_cpu cpu[TM_CPUS];
};

/* The slim records of each CPU. The others' rings are shared by all CPUs and take a lock: 30 ns for each record, which is
 * little beside the rest of them. Written by one program that nothing interrupts, and read by user space alone. */
struct tm_slim_ring {
	u64 written;	/* bytes, ever */
	u64 pad[7];
	u64 read;
	u64 pad2[7];
};

struct tm_slims {
	struct tm_slim_ring of_cpu[TM_CPUS];
	char record[TM_CPUS * TM_SLIM_RING + TM_SLIM_BYTES];	/* all of the first CPU, then all of the next */
};

struct tm_counted {
	u64 cgroup_id[TM_CGROUP_SLOTS];	/* whose counters they are, 0 of a free slot and of slot 0 */
	struct tm_counts of[TM_CPUS * TM_CGROUP_SLOTS];	/* all of the first CPU, then all of the next */
};

/* Arrays of one element: mapped by user space, and reached by the programs without a lookup (see DIRECT). */
BPF_F_TABLE("array", u32, struct tm_rows, call_rows, 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct tm_config, config, 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct tm_cpus, cpus, 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, u64, counts, 1, BPF_F_MMAPABLE);	/* the loader gives it a struct tm_counted: the compiler
								 * would take minutes for so large a one */
BPF_F_TABLE("array", u32, u64, slims, 1, BPF_F_MMAPABLE);	/* and this a struct tm_slims */
BPF_HASH(slots, u64, u32, TM_CGROUP_SLOTS);
BPF_QUEUE(free_slots, u32, TM_CGROUP_SLOTS);
BPF_HASH(viewed, u64, u32, 4096);
BPF_HASH(shed, u64, u32, 64);
BPF_ARRAY(compat_numbers, u16, TM_CALLS);
BPF_ARRAY(uring_ops, struct tm_uring_op, TM_URING_OPS);
BPF_TABLE("lru_hash", u64, u64, uring_open, 8192);	/* requests told and not done, by address: which one it is */
BPF_ARRAY(works, struct tm_work, TM_CPUS);
BPF_TABLE("lru_hash", u64, struct tm_entered, entered, 1024);	/* by thread */
BPF_TABLE("lru_hash", u64, struct tm_began, began, 16384);	/* by thread */

/* One page each while compiling; the loader makes them as large as they shall be. */
BPF_RINGBUF_OUTPUT(ring_slim, 1);
BPF_RINGBUF_OUTPUT(ring_short, 1);
BPF_RINGBUF_OUTPUT(ring_mid, 1);
BPF_RINGBUF_OUTPUT(ring_long, 1);
BPF_RINGBUF_OUTPUT(ring_proc_short, 1);
BPF_RINGBUF_OUTPUT(ring_proc_mid, 1);
BPF_RINGBUF_OUTPUT(ring_proc_long, 1);
BPF_RINGBUF_OUTPUT(bell, 1);

/* One chain per tracepoint: the kernel lets a program tail-call only programs attached to the same point. The stages
 * are compiled against "chain"; the loader puts the right one in. */
#define TM_STAGE_DETAIL 0
#define TM_STAGE_PROCESS 1
#define TM_STAGE_FINISH 2
#define TM_STAGE_PREFILTER 3	/* compiled from the rules in force, replaced with them; there may be none */
#define TM_STAGE_EMIT 4
BPF_PROG_ARRAY(chain, 8);
BPF_PROG_ARRAY(chain_exec, 4);
BPF_PROG_ARRAY(chain_fork, 4);
BPF_PROG_ARRAY(chain_exit, 4);
BPF_PROG_ARRAY(chain_uring, 4);
BPF_PROG_ARRAY(chain_enter, 4);

static __always_inline struct tm_work *work_of_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return works.lookup(&cpu);
}

/* The address of a map's only element as a constant. The loader puts the map's fd in place of the number, which bcc, who
 * knows the fd, has no word for. A lookup's key goes through the stack: 1 ns each, on every call. */
#define DIRECT(number) ((void *)bpf_pseudo_fd(2, number))
#define TM_DIRECT_ROWS 0x7ffe0001
#define TM_DIRECT_CONFIG 0x7ffe0002
#define TM_DIRECT_CPUS 0x7ffe0003
#define TM_DIRECT_COUNTS 0x7ffe0004
#define TM_DIRECT_SLIMS 0x7ffe0005

/* The CPU's number as a place in an array of TM_CPUS. Older verifiers (6.1) take it for any number, and know of a
 * comparison only in the register that was compared: nothing may be made of it before, nor of a copy. */
#define CPU_NUMBER(number, otherwise)                                                                                  \
	do {                                                                                                           \
		number = bpf_get_smp_processor_id();                                                                   \
		OPAQUE(number);                                                                                        \
		if (number >= TM_CPUS)                                                                                 \
			return otherwise;                                                                              \
		OPAQUE(number);                                                                                        \
	} while (0)

static __always_inline struct tm_cpu *this_cpu(void)
{
	struct tm_cpus *all = DIRECT(TM_DIRECT_CPUS);
	u64 number;

	CPU_NUMBER(number, NULL);
	return &all->cpu[number];
}

/* The counters of the last cgroup of this CPU. */
static __always_inline struct tm_counts *counts_of(struct tm_cpu *cpu)
{
	struct tm_counted *all = DIRECT(TM_DIRECT_COUNTS);
	u64 number, slot = cpu->slot;

	OPAQUE(slot);
	if (slot >= TM_CGROUP_SLOTS)
		return NULL;
	CPU_NUMBER(number, NULL);
	return &all->of[number * TM_CGROUP_SLOTS + slot];
}

/* The same where know_cgroup() has just been asked, as every call does: one comparison in place of two and a product. */
static __always_inline struct tm_counts *counts_known(struct tm_cpu *cpu)
{
	struct tm_counted *all = DIRECT(TM_DIRECT_COUNTS);
	u64 at = cpu->counted;

	OPAQUE(at);
	if (at > sizeof(all->of) - sizeof(struct tm_counts))
		return NULL;
	return (struct tm_counts *)((char *)all->of + at);
}

static __always_inline struct tm_config *the_config(void)
{
	return DIRECT(TM_DIRECT_CONFIG);
}

static __always_inline int is_self(u32 tgid)
{
	struct tm_config *conf = the_config();

#pragma clang loop unroll(full)
	for (int i = 0; i < TM_SELF_COUNT; i++)
		if (tgid == conf->self[i])
			return 1;
	return 0;
}

static __always_inline u64 cgroup_of(u64 task)
{
	u64 set = CAST(css_set, GET(task, task_struct, cgroups));
#if TM_CGROUP_SUBSYS >= 0
	u64 state = CAST(cgroup_subsys_state, GET_AT(set, css_set, subsys, 8 * TM_CGROUP_SUBSYS, 64));
	u64 cgroup = CAST(cgroup, GET(state, cgroup_subsys_state, cgroup));
#else
	u64 cgroup = CAST(cgroup, GET(set, css_set, dfl_cgrp));
#endif
	return GET(CAST(kernfs_node, GET(cgroup, cgroup, kn)), kernfs_node, id);
}

/* The same for the current task, on the path that every call takes. A typed program's chain of loads starts at a trusted
 * pointer and needs no casts and no fault handling: 1 ns, where the helper takes 5. */
static __always_inline u64 current_cgroup(u64 task)
{
#if TM_CGROUP_SUBSYS >= 0
	return cgroup_of(CAST(task_struct, task));
#elif TM_TYPED
	u64 set = TASK_GET(task, cgroups);
	u64 cgroup = TM_LOAD(set, O_css_set_dfl_cgrp, W_css_set_dfl_cgrp);
	u64 node = TM_LOAD(cgroup, O_cgroup_kn, W_cgroup_kn);

	return TM_LOAD(node, O_kernfs_node_id, W_kernfs_node_id);
#else
	return bpf_get_current_cgroup_id();
#endif
}

/* Find the counter slot of a cgroup, taking a free one at first sight. Slot 0 is shared by all that find none left. */
static __always_inline u32 slot_of(u64 cgroup_id)
{
	struct tm_counted *all = DIRECT(TM_DIRECT_COUNTS);
	u32 *known = slots.lookup(&cgroup_id);
	u32 fresh = 0;
	u64 at;

	if (known)
		return *known;
	if (free_slots.pop(&fresh))
		return 0;
	if (slots.insert(&cgroup_id, &fresh)) {
		free_slots.push(&fresh, 0);
		known = slots.lookup(&cgroup_id);
		return known ? *known : 0;
	}
	at = fresh;
	OPAQUE(at);
	if (at < TM_CGROUP_SLOTS)
		all->cgroup_id[at] = cgroup_id;
	return fresh;
}

/* Make the one-entry cache speak of this cgroup; whether it is in view is found out when it is asked for. */
static __always_inline void know_cgroup(struct tm_cpu *cpu, u64 cgroup_id)
{
	if (cpu->cgroup_id == cgroup_id)
		return;
	cpu->view_generation = 0;
	cpu->slot = slot_of(cgroup_id);
	cpu->counted = (bpf_get_smp_processor_id() * TM_CGROUP_SLOTS + cpu->slot) * sizeof(struct tm_counts);
	cpu->cgroup_id = cgroup_id;
}

#define TM_IN_VIEW 1
#define TM_IN_VIEW_SHED 2	/* in view, and among what is not told for now */

static __always_inline u32 in_view(struct tm_cpu *cpu)
{
	u64 cgroup_id = cpu->cgroup_id;
	struct tm_config *conf = the_config();

	if (cpu->view_generation != conf->view_generation) {
		cpu->in_view = conf->view_all || viewed.lookup(&cgroup_id);
		if (cpu->in_view && conf->sheds && shed.lookup(&cgroup_id))
			cpu->in_view = TM_IN_VIEW_SHED;
		cpu->view_generation = conf->view_generation;
	}
	return cpu->in_view;
}

/* Whether a view gets the call that it asks for; it does not when the view is of other cgroups, or the call is shed. */
static __always_inline int is_viewed(struct tm_cpu *cpu, u64 call)
{
	return !(call & TM_CALL_SHED) && in_view(cpu) == TM_IN_VIEW;
}

static __always_inline void count_shed(struct tm_cpu *cpu)
{
	struct tm_counts *count = counts_of(cpu);

	if (count)
		count->shed++;
}

/* Whether somebody gets a call that somebody asks for. What the rules ask for is never shed. */
static __always_inline int is_wanted(struct tm_cpu *cpu, u64 call)
{
	if (call & TM_WANT_RULES || is_viewed(cpu, call))
		return 1;
	if (in_view(cpu))
		count_shed(cpu);
	return 0;
}

/* Count a record that no rule can match, which nobody else gets either. */
static __always_inline void count_ruled_out(struct tm_work *w, struct tm_cpu *cpu)
{
	cpu->filtered++;
	if (w->shed)
		count_shed(cpu);
	else
		cpu->prefiltered++;
}

static __always_inline void count_drop(struct tm_cpu *cpu, u32 class)
{
	struct tm_counts *count = counts_of(cpu);

	cpu->dropped[class]++;
	if (cpu->lost < 0xffff)
		cpu->lost++;
	if (count)
		count->dropped[class]++;
}
