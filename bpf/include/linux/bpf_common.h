/* SPDX-License-Identifier: Apache-2.0 */
/* What bcc's own copy of linux/bpf.h takes from this header. */
#ifndef TUIMON_LINUX_BPF_COMMON_H
#define TUIMON_LINUX_BPF_COMMON_H

#define BPF_CLASS(code) ((code) & 0x07)

#endif
