/* SPDX-License-Identifier: Apache-2.0 */
/* bcc chooses between old and new spellings of a few helpers by this; tuimon needs a kernel newer than all of them. */
#define KERNEL_VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))
#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 0)
