/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call leaves behind besides its return value: in the memory that its arguments point to, or in the kernel.
 *
 * Numbers go where the record has registers that the call does not use (tuimon/fields/argsource.py says which), bytes
 * into a text slot that it does not use. What cannot be read is TM_NO_RESULT, or an empty slot. How long the call took,
 * where that is asked for, follows the last slot.
 */

#define TM_NO_RESULT (~0ULL)
#define TM_CONTROL_BYTES 512	/* of a longer control message the rest is cut off, and marked */
#define TM_IORING_ENTER_EXT_ARG 8
#define TM_FSCONFIG_SET_STRING 1
#define TM_FSCONFIG_SET_BINARY 2
#define TM_FSCONFIG_SET_PATH_EMPTY 4

/* A number in the program's memory. */
static __always_inline u64 user_number(u64 at, u32 bytes)
{
	u64 value = 0;

	if (!at || bpf_probe_read_user(&value, bytes, (void *)at))
		return TM_NO_RESULT;
	return value;
}

/* The queue of the socket that a connection was taken from: how many wait in it, and how many may. */
static __always_inline void accept_queue(struct tm_work *w, u64 task)
{
	u64 number = file_of_fd(task, (s32)w->arg[0]);
	u64 file, inode, sk;

	w->arg[4] = w->arg[5] = TM_NO_RESULT;
	if (!number)
		return;
	file = CAST(file, number);
	inode = CAST(inode, GET(file, file, f_inode));
	if ((GET(inode, inode, i_mode) & TM_S_IFMT) != TM_S_IFSOCK)
		return;
	sk = GET(CAST(socket, GET(file, file, private_data)), socket, sk);
	if (!sk)
		return;
	sk = CAST(sock, sk);
	w->arg[4] = (u32)GET(sk, sock, sk_ack_backlog);
	w->arg[5] = (u32)GET(sk, sock, sk_max_ack_backlog);
}

/* The inode that both ends of a new pipe share. */
static __always_inline u64 pipe_inode(u64 task, u64 ends)
{
	u64 fd = user_number(ends, 4);
	u64 file = fd == TM_NO_RESULT ? 0 : file_of_fd(task, (s32)fd);

	return file ? GET(CAST(inode, GET(CAST(file, file), file, f_inode)), inode, i_ino) : TM_NO_RESULT;
}

/* How much memory the process has after the call, as the kernel counts it (see fill_memory). */
static __always_inline void memory_job(struct tm_work *w, u64 task)
{
	u64 mm = GET(CAST(task_struct, task), task_struct, mm);

	if (!mm)
		return;
	fill_memory(&w->memory, mm);
	set_job(w, TM_SLOT_BASE, TM_JOB_KERNEL_BYTES, (u64)&w->memory);
	w->length[TM_SLOT_BASE] = sizeof(w->memory);
}

static __always_inline void bytes_job(struct tm_work *w, u32 slot, u64 from, u64 length, u64 limit)
{
	if (!from || !length)
		return;
	if (length > limit) {
		length = limit;
		w->head.flags |= TM_F_TRUNCATED;
	}
	set_job(w, slot, TM_JOB_USER_BYTES, from);
	w->length[slot] = length;
}

/* What fsconfig() sets its key to: a text, or as many bytes as its last argument says. */
static __always_inline void fsconfig_value(struct tm_work *w)
{
	u32 command = w->arg[1];

	if (!w->arg[3])
		return;
	if (command == TM_FSCONFIG_SET_BINARY)
		bytes_job(w, TM_SLOT_GIVEN2, w->arg[3], (u32)w->arg[4], TM_CONTROL_BYTES);
	else if (command >= TM_FSCONFIG_SET_STRING && command <= TM_FSCONFIG_SET_PATH_EMPTY)
		set_job(w, TM_SLOT_GIVEN2, TM_JOB_USER_STRING, w->arg[3]);
}

/* The control messages that came with a message: msg_control and msg_controllen of its struct msghdr. */
static __always_inline void control_job(struct tm_work *w)
{
	u64 control[2] = {};

	if (w->head.ret < 0 || w->head.flags & TM_F_COMPAT)
		return;
	if (!bpf_probe_read_user(control, sizeof(control), (void *)(w->arg[1] + 32)))
		bytes_job(w, TM_SLOT_BASE, control[0], control[1], TM_CONTROL_BYTES);
}

/* How long the answer of getsockopt() is, and all of it in place of its first bytes. */
static __always_inline void option_length(struct tm_work *w)
{
	u64 length = user_number(w->arg[4], 4);

	w->arg[5] = length;
	if (w->head.ret < 0 || length == TM_NO_RESULT || w->job[TM_SLOT_SOCK] != TM_JOB_SOCK)
		return;
	w->job[TM_SLOT_GIVEN2] = TM_JOB_NONE;
	bytes_job(w, TM_SLOT_GIVEN2, w->arg[3], length, TM_DATA_BYTES);
}

/* Remember when the current thread began a call. */
static __always_inline void note_begin(u32 nr)
{
	u64 key = bpf_get_current_pid_tgid();
	struct tm_began now = {};

	now.ns = bpf_ktime_get_boot_ns();
	now.nr = nr;
	now.times = the_config()->times;
	began.update(&key, &now);
}

/* How long ago that was. What was noted of another call, or before nobody asked for a while, is not this one's. */
static __always_inline u64 time_taken(u32 nr)
{
	u64 key = bpf_get_current_pid_tgid(), took = TM_NO_RESULT;
	struct tm_began *b = began.lookup(&key);

	if (!b)
		return TM_NO_RESULT;
	if (b->nr == nr && b->times == the_config()->times)
		took = bpf_ktime_get_boot_ns() - b->ns;
	began.delete(&key);
	return took;
}

/* Put it behind the text of a finished record; no slot's length counts it. */
static __always_inline void put_time(struct tm_work *w)
{
	u64 at = w->text_len;

	if (!(w->call & TM_CALL_TIMED) || w->took == TM_NO_RESULT || at + 8 > w->limit)
		return;
	*(u64 *)&w->text[at & (TM_TEXT - 1)] = w->took;
	w->text_len = at + 8;
	w->ext.text_len = at + 8;
}

static __always_inline void result_jobs(struct tm_work *w, u64 task, u64 call)
{
	u32 bytes = w->head.flags & TM_F_COMPAT ? 4 : 8;
	u32 which = TM_CALL_RESULT(call);

	if (which == TM_RESULT_QUEUE) {
		accept_queue(w, task);
	} else if (which == TM_RESULT_IDS) {
		w->arg[3] = user_number(w->arg[0], 4);
		w->arg[4] = user_number(w->arg[1], 4);
		w->arg[5] = user_number(w->arg[2], 4);
	} else if (which == TM_RESULT_MEMORY && call & TM_WANT_PATHS) {
		memory_job(w, task);
	} else if (which == TM_RESULT_PIPE) {
		w->arg[5] = w->head.ret < 0 ? TM_NO_RESULT : pipe_inode(task, w->arg[0]);
	} else if (which == TM_RESULT_OPTION) {
		option_length(w);
	} else if (which == TM_RESULT_OFFSETS) {
		w->arg[1] = user_number(w->arg[1], 8);
		w->arg[3] = user_number(w->arg[3], 8);
	} else if (which == TM_RESULT_VALUE) {
		fsconfig_value(w);
	} else if (which == TM_RESULT_MASK1) {
		w->arg[5] = user_number(w->arg[1], bytes);
	} else if (which == TM_RESULT_MASK3) {
		w->arg[5] = user_number(w->arg[3], bytes);
	} else if (which == TM_RESULT_MASK4) {
		u64 from = w->arg[4];

		if (w->arg[3] & TM_IORING_ENTER_EXT_ARG)	/* a struct that begins with where the mask is */
			from = user_number(from, 8);
		w->arg[5] = from == TM_NO_RESULT ? from : user_number(from, 8);
	} else if (which == TM_RESULT_CONTROL && call & TM_WANT_DATA) {
		control_job(w);
	} else if (which == TM_RESULT_IMAGE && call & TM_WANT_DATA) {
		bytes_job(w, TM_SLOT_GIVEN2, w->arg[0], w->arg[1], TM_DATA_BYTES);
	}
}
