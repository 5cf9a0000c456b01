/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage between a finished record and its ring: what the rules in force can say of it in the kernel. A translation
 * unit of its own, compiled again when the rules change; tm_prefilter() is printed by tuimon/rules/prefilter_c.py.
 */

_Static_assert(sizeof(struct tm_known) <= sizeof(((struct tm_work *)0)->known), "tm_known");

int tm_prefilter_stage(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();

	if (!cpu)
		return 0;
	if (w) {
		if (!tm_prefilter(&w->head, &w->ext, (const u8 *)w->text, (void *)w->known)) {
			count_ruled_out(w, cpu);
			return 0;
		}
		chain.call(ctx, TM_STAGE_EMIT);
	}
	count_drop(cpu, TM_SHORT);
	return 0;
}
