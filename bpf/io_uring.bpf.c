/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests submitted by io_uring: files opened and removed, sockets connected, without a system call of that name.
 *
 * A request is told as the system call it stands for (head.nr), when it is submitted: ret is 0, for the outcome is not
 * known. That comes later, in a record of its own, which tuimon/capture/outcomes.py joins to the request's. Where its
 * arguments lie differs from operation to operation and from kernel to kernel, so user space fills a
 * table from BTF (tuimon/capture/uring.py). Paths come from the kernel's own copy of the name.
 */

/* Note one path of a request, and where it starts from when it is relative. */
static __always_inline void uring_path(struct tm_work *w, u64 task, u64 command, u32 offset, u32 dir, u32 slot)
{
	u64 filename = 0, name;
	char first = 0;

	if (offset == TM_URING_NONE)
		return;
	bpf_probe_read_kernel(&filename, 8, (void *)(command + offset));
	if (!filename)
		return;
	name = GET(CAST(filename, filename), filename, name);
	set_job(w, slot, TM_JOB_KERNEL_STRING, name);
	bpf_probe_read_kernel(&first, 1, (void *)name);
	if (first == '/')
		return;
	if (dir < 6)
		walk_from_dirfd(w, slot + 1, task, w->arg[dir & 7]);
	else
		walk_from_cwd(w, slot + 1, task);
}

#if H_io_kiocb_cmd
/* What a tracepoint hands over about one request: trace_io_uring_submit_req(req), io_uring/io_uring.c, Linux 6.3. */
int tm_io_uring(u64 *ctx)
{
	u64 number = ctx[0];
	u64 task = current_task();
	u64 request = CAST(io_kiocb, number);
	u64 command = number + O_io_kiocb_cmd;
	u32 opcode = GET(request, io_kiocb, opcode);
	struct tm_rows *rows = DIRECT(TM_DIRECT_ROWS);
	struct tm_cpu *cpu = this_cpu();
	struct tm_uring_op *op;
	struct tm_work *w;
	u64 call, file;
	u32 fd;

	if (!cpu)
		return 0;
	w = begin(cpu, TM_KIND_IO_URING);
	if (!w)
		return 0;
	op = uring_ops.lookup(&opcode);
	call = op ? rows->row[op->nr & (TM_CALLS - 1)] : 0;
	if (!op || op->nr >= TM_CALLS || !TM_WANT(call) || !is_wanted(cpu, call)) {
		cpu->filtered++;
		return 0;
	}
	w->call = call & ~TM_CALL_TIMED;
	w->head.nr = op->nr;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 6; i++) {
		u64 value = 0;

		if (op->arg[i] == TM_URING_NONE)
			continue;
		bpf_probe_read_kernel(&value, 8, (void *)(command + op->arg[i]));
		w->arg[i] = op->bytes[i] < 8 ? value & ((1ULL << ((8 * op->bytes[i]) & 63)) - 1) : value;
	}
	fd = GET(request, io_kiocb, cqe_fd);
	if (op->fd != TM_URING_NONE) {
		w->arg[op->fd & 7] = fd;
		file = file_of_fd(task, fd);
		if (file)
			file_jobs(w, call, file);
	}
	w->arg[5] = (u64)(bpf_get_smp_processor_id() + 1) << 48 | ++cpu->requests;
	uring_open.update(&number, &w->arg[5]);
	fill_args(w);
	uring_path(w, task, command, op->path, op->dir, TM_SLOT_GIVEN);
	uring_path(w, task, command, op->path2, op->dir2, TM_SLOT_GIVEN2);
	chain_uring.call(ctx, TM_STAGE_FINISH);
	count_drop(cpu, TM_SHORT);
	return 0;
}
#else
int tm_io_uring(u64 *ctx)
{
	return 0;
}
#endif

/* trace_io_uring_complete(ctx, req, cqe), io_uring/io_uring.h; before Linux 6.15 the result itself stands behind user_data
 * in place of the entry. A request with more than one outcome (multishot) is told with its first. */
int tm_io_uring_done(u64 *ctx)
{
	u64 number = ctx[1], request;
	struct tm_cpu *cpu = this_cpu();
	struct tm_head *head;
	u64 *open;
	s32 result;

	open = cpu && number ? uring_open.lookup(&number) : NULL;
	if (!open)
		return 0;
	request = *open;
	uring_open.delete(&number);
#if TM_URING_CQE && H_io_uring_cqe_res
	result = GET(CAST(io_uring_cqe, ctx[2]), io_uring_cqe, res);
#else
	result = ctx[3];
#endif
	head = reserve_slim();
	if (!head)
		return 0;	/* the request stays without an outcome, and nothing is lost that was counted */
	fill_head(head, cpu, bpf_get_current_pid_tgid(), 0, result);
	head->kind = TM_KIND_IO_URING_DONE;
	head->flags = 0;
	head->lost = 0;
	head->arg[0] = request;
	head->arg[1] = head->arg[2] = 0;
	head->ts_ns = bpf_ktime_get_boot_ns();
	submit(head);
	return 0;
}
