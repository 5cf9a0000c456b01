/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bcc's prelude names struct pt_regs in declarations only; tuimon reads registers at the offsets that the running
 * kernel's BTF gives (see tuimon/capture/btf.py), so an opaque struct of about the right size is enough.
 */
#ifndef TUIMON_ASM_PTRACE_H
#define TUIMON_ASM_PTRACE_H

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#endif
