/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of close(), whose exit has nothing left to look at, and of calls of which the time that they take is asked
 * for. Attached only while somebody asks: every system call of the machine passes here then.
 *
 * What the fd leads to is described as at the exit of any other call, kept under the thread, and taken into the record
 * when the call returns.
 */

int tm_sys_enter(u64 *ctx)
{
	u64 task = current_task();
	struct tm_rows *rows = DIRECT(TM_DIRECT_ROWS);
	struct tm_work *w;
	u64 call, file, at;
	u8 flags = 0;

	at = native_number(task, (s64)ctx[1], &flags);
	OPAQUE(at);
	at &= TM_CALLS - 1;
	call = rows->row[at];
	if (!(call & (TM_CALL_ENTER | TM_CALL_TIMED)) || is_self(TASK_GET(task, tgid)))
		return 0;
	if (call & TM_CALL_TIMED)
		note_begin(at);
	if (!(call & TM_CALL_ENTER))
		return 0;
	w = work_of_cpu();
	if (!w)
		return 0;
	w->call = call;
	w->head.kind = TM_KIND_SYSCALL;
	w->head.flags = 0;
	read_args(w->arg, ctx[0], flags & TM_F_COMPAT);
	w->task = task;
	w->ext.fd_type = 0;
	set_root(w, task);
	clear_jobs(w);
	file = file_of_fd(task, w->arg[0]);
	if (!file)
		return 0;
	file_jobs(w, call, file);
	chain_enter.call(ctx, TM_STAGE_FINISH);
	return 0;
}

int tm_entered(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	u64 key = bpf_get_current_pid_tgid();
	struct tm_entered *e;
	u64 length;

	if (!w)
		return 0;
	fill_slots(w);
	e = &w->entered;
	e->fd = w->arg[0];
	e->fd_type = w->ext.fd_type;
	e->flags = w->head.flags & TM_F_TRUNCATED;
	e->real = w->ext.slot_len[TM_SLOT_REAL];
	e->file = w->ext.slot_len[TM_SLOT_BASE2];
	e->sock = w->ext.slot_len[TM_SLOT_SOCK];
	length = w->text_len;
	OPAQUE(length);
	if (length > TM_ENTERED_TEXT) {
		length = TM_ENTERED_TEXT;
		e->real = length;
		e->file = e->sock = 0;
		e->flags = TM_F_TRUNCATED;
	}
	bpf_probe_read_kernel(e->text, length, w->text);
	entered.update(&key, e);
	return 0;
}
