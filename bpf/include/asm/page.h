/* SPDX-License-Identifier: Apache-2.0 */
#define PAGE_SHIFT 12
#define PAGE_SIZE (1 << PAGE_SHIFT)
