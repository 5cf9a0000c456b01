/* SPDX-License-Identifier: Apache-2.0 */
/* What tm_prefilter(), printed by tuimon/rules/prefilter_c.py, needs of the kernel. */

#define TM_WORD(at) (*(const u64 *)(at))	/* every kernel we run on reads words at any address */
#define TM_COPY(to, count, from) bpf_probe_read_kernel(to, count, from)

/* Where events happen, as far as user space has found out: 1 on the host, 2 in a container. */
BPF_HASH(places, u64, u32, 16384);

/* A program for each system call that some event of can be ruled out; its number is its place. */
BPF_PROG_ARRAY(judges, TM_CALLS);

static __always_inline u32 tm_place(const struct tm_head *head)
{
	u64 cgroup_id = head->cgroup_id;
	u32 *known = places.lookup(&cgroup_id);

	return known ? *known : 0;
}
