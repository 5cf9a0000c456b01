/* SPDX-License-Identifier: Apache-2.0 */
/* Making a record: room in a ring, the parts that all records have, the hand-over. */

/* One function per ring: bcc wants the map named at the call. */
static __always_inline void *reserve_slim(void) { return ring_slim.ringbuf_reserve(TM_SLIM_BYTES); }
static __always_inline void *reserve_short(void) { return ring_short.ringbuf_reserve(TM_SHORT_BYTES); }
static __always_inline void *reserve_mid(void) { return ring_mid.ringbuf_reserve(TM_MID_BYTES); }
static __always_inline void *reserve_long(void) { return ring_long.ringbuf_reserve(TM_LONG_BYTES); }
static __always_inline void *reserve_proc_short(void) { return ring_proc_short.ringbuf_reserve(TM_PROC_SHORT_BYTES); }
static __always_inline void *reserve_proc_mid(void) { return ring_proc_mid.ringbuf_reserve(TM_PROC_MID_BYTES); }
static __always_inline void *reserve_proc_long(void) { return ring_proc_long.ringbuf_reserve(TM_PROC_LONG_BYTES); }

/* Wake who reads the records, when it asked for it: for the first one after a silence. Otherwise nobody is woken up. */
static __always_inline void ring_bell(void)
{
	struct tm_config *conf = the_config();
	u64 rung = 1;

	if (!conf->sleeps)
		return;
	conf->sleeps = 0;
	bell.ringbuf_output(&rung, sizeof(rung), BPF_RB_FORCE_WAKEUP);
}

/* Hand a record over. */
static __always_inline void submit(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	ring_bell();
}

/* Room for a slim record of a call, and its hand-over. Where each CPU has a ring of its own, "written" is moved on when the
 * record is whole: stores are seen in their order on the machines that have these rings (tuimon/capture/slim_rings.py). */
#if TM_SLIM_RING
static __always_inline struct tm_slim_ring *slim_ring(void)
{
	struct tm_slims *all = DIRECT(TM_DIRECT_SLIMS);
	u64 number;

	CPU_NUMBER(number, NULL);
	return &all->of_cpu[number];
}

static __always_inline struct tm_head *begin_slim(void)
{
	struct tm_slims *all = DIRECT(TM_DIRECT_SLIMS);
	struct tm_slim_ring *ring;
	u64 number, at;

	CPU_NUMBER(number, NULL);
	ring = &all->of_cpu[number];
	at = ring->written;
	if (at - ring->read >= TM_SLIM_RING)
		return NULL;
	at &= TM_SLIM_RING - TM_SLIM_BYTES;
	OPAQUE(at);
	at &= TM_SLIM_RING - TM_SLIM_BYTES;
	number *= TM_SLIM_RING;
	OPAQUE(number);	/* added, not or-ed: older verifiers keep no bounds over that */
	return (struct tm_head *)&all->record[number + at];
}

static __always_inline void end_slim(struct tm_head *head)
{
	struct tm_slim_ring *ring = slim_ring();

	asm volatile("" : : : "memory");
	if (ring)
		*(volatile u64 *)&ring->written = ring->written + TM_SLIM_BYTES;
	ring_bell();
}
#else
static __always_inline struct tm_head *begin_slim(void) { return reserve_slim(); }
static __always_inline void end_slim(struct tm_head *head) { submit(head); }
#endif

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

/* The current task's name, and zeros behind it: the task keeps it so since Linux 5.17 (strscpy_pad() in
 * __set_task_comm(), fs/exec.c), and two loads cost less than a helper that copies it letter by letter. */
static __always_inline void fill_comm(struct tm_work *w, u64 task)
{
	u64 *comm = (u64 *)w->ext.comm;

#if TM_CAST
	comm[0] = GET_AT(task, task_struct, comm, 0, 64);
	comm[1] = GET_AT(task, task_struct, comm, 8, 64) & ~(0xffULL << 56);
#else
	comm[0] = comm[1] = 0;	/* on Linux 6.1 the helper writes up to the NUL, and the last task's name stayed behind it */
	bpf_get_current_comm(w->ext.comm, sizeof(w->ext.comm));
#endif
}

static __always_inline void fill_ext(struct tm_work *w, u64 task)
{
	u64 cred = CAST(cred, GET(task, task_struct, cred));

	w->task = task;
	w->ext.uid = GET(cred, cred, euid);
	w->ext.gid = GET(cred, cred, egid);
	w->ext.fd_type = 0;
	set_root(w, task);
	fill_comm(w, task);
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

/* Whether the rules alone want this record, so that their prefilter may rule it out. It has no judge for calls that change
 * what is known of a process (tuimon/pushdown.py). */
static __always_inline int is_for_rules(struct tm_work *w, struct tm_cpu *cpu)
{
	u64 call = w->call;

	if (w->head.kind != TM_KIND_SYSCALL || !(call & TM_WANT_RULES))
		return 0;
	return !(call & TM_WANT_VIEW && is_viewed(cpu, call));
}

/* Copy the finished record and hand it over. "fixed" is what lies before the text in this class. The smallest classes
 * are copied whole: that costs less than a helper that copies what is used. */
#define TM_SUBMIT_WHOLE(r, w, fixed, bytes)                                                                            \
	do {                                                                                                           \
		__builtin_memcpy((u64 *)(r), (u64 *)&(w)->head, fixed);                                                \
		__builtin_memcpy((u64 *)(r) + (fixed) / 8, (u64 *)(w)->text, (bytes) - (fixed));                       \
		submit(r);                                                                                             \
	} while (0)

#define TM_SUBMIT(r, w, fixed, bytes)                                                                                  \
	do {                                                                                                           \
		u64 __n = (w)->text_len;                                                                               \
		OPAQUE(__n);                                                                                           \
		if (__n > (bytes) - (fixed))                                                                           \
			__n = (bytes) - (fixed);                                                                       \
		__builtin_memcpy((u64 *)(r), (u64 *)&(w)->head, fixed);                                                \
		bpf_probe_read_kernel((char *)(r) + (fixed), __n, (w)->text);                                          \
		submit(r);                                                                                             \
	} while (0)
