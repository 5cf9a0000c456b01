/* SPDX-License-Identifier: Apache-2.0 */
/* bcc's prelude includes this name; nothing of it is used. */
