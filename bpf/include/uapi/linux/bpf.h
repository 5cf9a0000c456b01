/* SPDX-License-Identifier: Apache-2.0 */
/* bcc carries its own copy of this header under another name and only has to find one here. */
