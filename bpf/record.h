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
