/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage between a finished record and its ring: what the rules in force can say of it in the kernel. A translation
 * unit of its own, compiled again when the rules change. tuimon/rules/prefilter_c.py prints a function tm_rules_NUMBER()
 * for each system call; around each stands a program of its own (tuimon/capture/sources.py), so that the conditions on
 * one call do not count against another's room: no jump can be longer than 32,767 instructions.
 */

#define TM_PREFILTER_KNOWN 24576	/* scratch memory, behind the joined paths */

_Static_assert(TM_LONG_TEXT + TM_PATH_MAX <= TM_PREFILTER_FULL, "text runs into the joined paths");
_Static_assert(TM_PREFILTER_FULL2 + 2 * TM_PREFILTER_TEXT < TM_PREFILTER_KNOWN, "joined paths");
_Static_assert(TM_PREFILTER_KNOWN + sizeof(struct tm_known) <= 2 * TM_TEXT, "tm_known");

#define TM_RULES(number)                                                                                               \
	tm_rules_##number(&w->head, &w->ext, (u8 *)w->text, (void *)(w->text + TM_PREFILTER_KNOWN))

int tm_prefilter_stage(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();

	if (!cpu)
		return 0;
	if (w) {
		judges.call(ctx, w->head.nr);	/* returns when the call has none */
		chain.call(ctx, TM_STAGE_EMIT);
	}
	count_drop(cpu, TM_SHORT);
	return 0;
}
