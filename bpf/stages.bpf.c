/* SPDX-License-Identifier: Apache-2.0 */
/* The stages that all kinds of events share: describe the process, fill the text, hand the record over. */

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
	submit(r);
	cpu->lost = 0;
	cpu->emitted++;
	return 0;
}

/* Hand over a record that does not describe its process. */
static __always_inline void emit(struct tm_work *w, struct tm_cpu *cpu)
{
	u32 length = w->text_len, class;
	void *r;

	w->head.lost = cpu->lost;
	w->head.ts_ns = bpf_ktime_get_boot_ns();
	if (length <= TM_SHORT_BYTES - 128) {
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
	return;
dropped:
	count_drop(cpu, class);
}

/* The same of one that does. */
static __always_inline void emit_with_process(struct tm_work *w, struct tm_cpu *cpu)
{
	u32 length = w->text_len, class;
	void *r;

	w->head.lost = cpu->lost;
	w->head.ts_ns = bpf_ktime_get_boot_ns();
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
	cpu->lost = 0;
	cpu->emitted++;
	return;
dropped:
	count_drop(cpu, class);
}

int tm_finish(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();

	if (!cpu)
		return 0;
	if (!w) {
		count_drop(cpu, TM_SHORT);
		return 0;
	}
	fill_slots(w);
	put_time(w);
	if (is_for_rules(w, cpu)) {
		w->shed = w->call & TM_WANT_VIEW && in_view(cpu);
		chain.call(ctx, TM_STAGE_PREFILTER);	/* returns when no prefilter is in force */
	}
	if (w->head.flags & TM_F_HAS_PROC)
		emit_with_process(w, cpu);
	else
		emit(w, cpu);
	return 0;
}

/* What a prefilter that says yes hands over to. */
int tm_emit(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();

	if (!cpu)
		return 0;
	if (!w)
		count_drop(cpu, TM_SHORT);
	else if (w->head.flags & TM_F_HAS_PROC)
		emit_with_process(w, cpu);
	else
		emit(w, cpu);
	return 0;
}
