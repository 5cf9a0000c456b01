/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading kernel memory.
 *
 * A kernel pointer is a plain u64 here: bcc rewrites dereferences of what it takes for kernel pointers into probe reads,
 * and a number is left alone. GET() reads a member at the offset that the running kernel's BTF gives (constants O_, Z_,
 * W_ and H_ are printed by tuimon/capture/btf.py), GET_AT() some bits at a distance from it.
 *
 * TM_TYPED   the programs are loaded as typed raw tracepoints: what the context points to is read with plain loads
 * TM_CAST    the kernel has bpf_rdonly_cast() (6.2): every pointer can be given its type, so all reads are plain loads
 * neither    every read is bpf_probe_read_kernel(), 40 to 65 ns each
 */

/* One use of "p" and one asm per load: nested reads expand into each other, and bcc walks the tree several times. */
#define TM_LOAD(p, offset, width)                                                                                      \
	({                                                                                                             \
		u64 __v;                                                                                               \
		asm volatile("%0 = *(" width " *)(%1 + %2)" : "=r"(__v) : "r"((u64)(p)), "i"(offset));                 \
		__v;                                                                                                   \
	})

#define TM_PROBE(p, offset, bytes)                                                                                     \
	({                                                                                                             \
		u64 __v = 0;                                                                                           \
		bpf_probe_read_kernel(&__v, bytes, (void *)((u64)(p) + (offset)));                                     \
		__v;                                                                                                   \
	})

#if TM_CAST
/* A kfunc: the loader turns the call of this number into the call of bpf_rdonly_cast(). */
static u64 (*tm_rdonly_cast)(u64 p, u32 type) = (void *)0x7ffffff1;
#define CAST(name, p) tm_rdonly_cast((u64)(p), B_##name)
#define GET(p, name, member) TM_LOAD(p, O_##name##_##member, W_##name##_##member)
#define GET_AT(p, name, member, more, bits) TM_LOAD(p, O_##name##_##member + (more), "u" #bits)
/* Memory of no particular type is read as if it were registers: pt_regs begins with some twenty words. */
#define WORD(p, index) TM_LOAD(p, 8 * (index), "u64")
#define WORDS(p) CAST(pt_regs, p)
#else
#define CAST(name, p) ((u64)(p))
#define GET(p, name, member) TM_PROBE(p, O_##name##_##member, Z_##name##_##member)
#define GET_AT(p, name, member, more, bits) TM_PROBE(p, O_##name##_##member + (more), (bits) / 8)
#define WORD(p, index) TM_PROBE(p, 8 * (index), 8)
#define WORDS(p) ((u64)(p))
#endif

/* pt_regs come with the context: a typed program may read them plainly, cast or no cast. */
#if TM_TYPED
#define REG(regs, name) TM_LOAD(regs, O_pt_regs_##name, W_pt_regs_##name)
#else
#define REG(regs, name) TM_PROBE(regs, O_pt_regs_##name, Z_pt_regs_##name)
#endif

static __always_inline u64 current_task(void)
{
#if TM_TYPED
	return (u64)bpf_get_current_task_btf();
#else
	return bpf_get_current_task();
#endif
}

/* A typed program may read the current task plainly, cast or no cast. */
#if TM_TYPED
#define TASK_GET(task, member) TM_LOAD(task, O_task_struct_##member, W_task_struct_##member)
#else
#define TASK_GET(task, member) TM_PROBE(task, O_task_struct_##member, Z_task_struct_##member)
#endif

/* What bpf_get_current_pid_tgid() returns, by a load in place of its call where that is cheaper. */
static __always_inline u64 current_ids(u64 task, u32 tgid)
{
#if TM_TYPED
	return (u64)tgid << 32 | (u32)TASK_GET(task, pid);
#else
	return bpf_get_current_pid_tgid();
#endif
}

/* Keeps the compiler from knowing more about a value than the verifier will. */
#define OPAQUE(v) asm volatile("" : "+r"(v))
