/* SPDX-License-Identifier: Apache-2.0 */
/* Included by bcc before everything else. */
typedef unsigned long uintptr_t;
#define CONFIG_BPF_SYSCALL 1
