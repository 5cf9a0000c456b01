/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a record: strings copied and paths walked into the work area, slot by slot.
 *
 * The walk goes from a dentry up to the task's root, across mounts, twice over: up to note the names, down to copy
 * them. Its whole state lives in the work area and not in registers, so that every round looks the same to the
 * verifier (otherwise: E2BIG). Where the directory that a path starts from was walked, the walk of the object it led to
 * ends there: mostly that is one step, and the rest is copied.
 */

static __always_inline void walk_up(struct tm_work *w)
{
	w->names = 0;
	w->mount_root = GET(CAST(vfsmount, w->mount), vfsmount, mnt_root);
#pragma clang loop unroll(disable)
	for (int i = 0; i < TM_DEPTH + 24; i++) {
		u64 at = w->dentry;
		u64 dentry, parent;
		u32 n = w->names;

		if (!at || (at == w->root_dentry && w->mount == w->root_mount))
			return;
		if (at == w->known_dentry && w->mount == w->known_mount) {
			w->is_known = 1;
			return;
		}
		if (at == w->mount_root) {
			u64 node = w->mount - O_mount_mnt;
			u64 mount = CAST(mount, node);

			parent = GET(mount, mount, mnt_parent);
			if (parent == node || !parent)
				return;
			w->dentry = GET(mount, mount, mnt_mountpoint);
			w->mount = parent + O_mount_mnt;
			w->mount_root = GET(CAST(mount, parent), mount, mnt_mnt_root);
			continue;
		}
		dentry = CAST(dentry, at);
		parent = GET(dentry, dentry, d_parent);
		/* A dentry on its own, such as a memfd's, is all the path there is. */
		if (parent == at && n)
			return;
		if (n >= TM_DEPTH)
			break;
		n &= TM_DEPTH - 1;
		w->name[n] = GET(dentry, dentry, d_name_name);
		w->name_len[n] = GET(dentry, dentry, d_name_len);
		w->names = n + 1;
		if (parent == at)
			return;
		w->dentry = parent;
	}
	w->head.flags |= TM_F_TRUNCATED;
}

/* Copy the name of a dentry. Where that is a plain load, a short one is read as five words whatever its length (a load
 * costs 1 ns, the helper 45; a branch for each word would be paid to the verifier): names are aligned to words, and what
 * is written too much is overwritten by what follows. */
static __always_inline void put_name(char *to, u64 name, u32 length)
{
#if TM_CAST
	u64 words = WORDS(name);
	u64 *out = (u64 *)to;

	if (length <= 40) {
		out[0] = WORD(words, 0);
		out[1] = WORD(words, 1);
		out[2] = WORD(words, 2);
		out[3] = WORD(words, 3);
		out[4] = WORD(words, 4);
		return;
	}
#endif
	bpf_probe_read_kernel(to, length, (void *)name);
}

/* Put the directory that is known already at the end of the text, without its slash where that is all it is. */
static __always_inline void put_known(struct tm_work *w)
{
	u64 length = w->ext.slot_len[TM_SLOT_BASE];
	u64 *from = (u64 *)&w->text[w->ext.slot_len[TM_SLOT_GIVEN] & (TM_TEXT - 1)];
	u64 *to = (u64 *)&w->text[w->text_len & (TM_TEXT - 1)];

	if (length == 1 && w->names)
		return;
	OPAQUE(length);
	if (length >= TM_PATH_MAX)
		return;
	if (length <= 64)
		__builtin_memcpy(to, from, 64);
	else if (length <= 128)
		__builtin_memcpy(to, from, 128);
	else
		bpf_probe_read_kernel(to, length, from);
	w->text_len += length;
}

static __always_inline void walk_down(struct tm_work *w)
{
	u32 end = w->text_len;

	if (w->is_known) {
		put_known(w);
	} else if (!w->names) {
		w->text[end & (TM_TEXT - 1)] = '/';
		w->text_len = end + 1;
		return;
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < TM_DEPTH; i++) {
		u32 n = w->names;
		u32 at = w->text_len;
		u32 length;

		if (!n)
			return;
		n = (n - 1) & (TM_DEPTH - 1);
		w->names = n;
		length = w->name_len[n] & 0xff;
		if (at + length + 1 > w->limit) {
			w->head.flags |= TM_F_TRUNCATED;
			return;
		}
		w->text[at & (TM_TEXT - 1)] = '/';
		at++;
		put_name(&w->text[at & (TM_TEXT - 1)], w->name[n], length);
		w->text_len = at + length;
	}
}

/* Resolve the pointer to an open file, 0 when the fd is not open. */
static __always_inline u64 file_of_fd(u64 task, u32 fd)
{
	u64 files = CAST(files_struct, GET(task, task_struct, files));
	u64 table = CAST(fdtable, GET(files, files_struct, fdt));

	if (fd >= GET(table, fdtable, max_fds))
		return 0;
	return WORD(WORDS(GET(table, fdtable, fd) + 8ULL * fd), 0);
}

/* Note where the walk of a slot begins. It is found out by an earlier stage: the verifier would follow the walk once for
 * each way to find it. */
static __always_inline void walk_from(struct tm_work *w, u32 slot, u64 dentry, u64 mount)
{
	w->job[slot] = dentry ? TM_JOB_WALK : TM_JOB_NONE;
	w->at[slot] = dentry;
	w->length[slot] = mount;
}

/* The walk ends at the root of the task: what it sees as "/". */
static __always_inline void set_root(struct tm_work *w, u64 task)
{
	u64 fs = CAST(fs_struct, GET(task, task_struct, fs));

	w->root_dentry = GET(fs, fs_struct, root_dentry);
	w->root_mount = GET(fs, fs_struct, root_mnt);
}

/*
 * The mount to name a file by: of a file system that its namespace shows whole more than once, the first; of one that it
 * shows in part (mount --bind of a folder or a file), the whole. Else every bind mount would give a file a second name
 * that no rule knows. The root's file system is the usual case and costs a few reads; of the others the list of mounts
 * is followed for a while. struct super_block, include/linux/fs.h; struct mount, fs/mount.h.
 */
static __always_inline void first_mount(struct tm_work *w)
{
	u64 root = CAST(vfsmount, w->root_mount);
	u64 mount = CAST(vfsmount, w->mount);
	u64 at = GET(mount, vfsmount, mnt_sb);
	u64 sb = CAST(super_block, at);
	u64 whole = GET(sb, super_block, s_root);

	if (at == GET(root, vfsmount, mnt_sb) && whole == GET(root, vfsmount, mnt_root)) {
		w->mount = w->root_mount;
		return;
	}
#if H_mount_mnt_next_for_sb && H_mount_mnt_id_unique
	u64 first = -1ULL;
	u64 space = GET(CAST(mount, w->mount - O_mount_mnt), mount, mnt_ns);

	w->dentry = GET(sb, super_block, s_mounts);
#pragma clang loop unroll(disable)
	for (int i = 0; i < TM_MOUNTS; i++) {
		u64 node = w->dentry;
		u64 id;

		if (!node)
			break;
		at = CAST(mount, node);
		id = GET(at, mount, mnt_id_unique);
		if (GET(at, mount, mnt_ns) == space && GET(at, mount, mnt_mnt_root) == whole && id < first) {
			first = id;
			w->mount = node + O_mount_mnt;
		}
		w->dentry = GET(at, mount, mnt_next_for_sb);
	}
#elif H_mount_mnt_instance_next && H_super_block_s_mounts_next
	/* Before Linux 6.17: a list with a head, to whose end the mounts were added as they came. */
	u64 space = GET(CAST(mount, w->mount - O_mount_mnt), mount, mnt_ns);
	u64 head = at + O_super_block_s_mounts_next;

	w->dentry = GET(sb, super_block, s_mounts_next);
#pragma clang loop unroll(disable)
	for (int i = 0; i < TM_MOUNTS; i++) {
		u64 node = w->dentry;

		if (!node || node == head)
			break;
		node -= O_mount_mnt_instance_next;
		at = CAST(mount, node);
		if (GET(at, mount, mnt_ns) == space && GET(at, mount, mnt_mnt_root) == whole) {
			w->mount = node + O_mount_mnt;
			break;
		}
		w->dentry = GET(at, mount, mnt_instance_next);
	}
#endif
}

static __always_inline void walk_from_cwd(struct tm_work *w, u32 slot, u64 task)
{
	u64 fs = CAST(fs_struct, GET(task, task_struct, fs));

	walk_from(w, slot, GET(fs, fs_struct, pwd_dentry), GET(fs, fs_struct, pwd_mnt));
}

static __always_inline void walk_from_file(struct tm_work *w, u32 slot, u64 file)
{
	if (!file)
		return;
	file = CAST(file, file);
	walk_from(w, slot, GET(file, file, f_path_dentry), GET(file, file, f_path_mnt));
}

/* The same, by the first mount that shows the file. */
static __always_inline void walk_from_first(struct tm_work *w, u32 slot, u64 file)
{
	file = CAST(file, file);
	w->mount = GET(file, file, f_path_mnt);
	if (w->mount != w->root_mount)
		first_mount(w);
	walk_from(w, slot, GET(file, file, f_path_dentry), w->mount);
}

/* A directory given as an fd, which may be AT_FDCWD. */
static __always_inline void walk_from_dirfd(struct tm_work *w, u32 slot, u64 task, u64 dirfd)
{
	if ((s32)dirfd == -100)
		walk_from_cwd(w, slot, task);
	else
		walk_from_file(w, slot, file_of_fd(task, dirfd));
}

/* Whether REAL repeats an absolute GIVEN: compared up to 128 bytes, longer ones are simply both carried. */
static __always_inline int real_is_given(struct tm_work *w, u32 start)
{
	u32 length = w->text_len - start;

	if (length != w->ext.slot_len[TM_SLOT_GIVEN] || length > 128 || w->ext.slot_len[TM_SLOT_BASE])
		return 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 128; i += 8) {
		u64 differ;

		if (i >= length)
			break;
		differ = *(u64 *)&w->text[(start + i) & (TM_TEXT - 1)] ^ *(u64 *)&w->text[i];
		if (length - i < 8)
			differ &= (1ULL << ((8 * (length - i)) & 63)) - 1;
		if (differ)
			return 0;
	}
	return 1;
}

/* Copy a NUL-terminated string to the end of the text. */
static __always_inline void put_string(struct tm_work *w, u32 job, u64 at)
{
	char *to = &w->text[w->text_len & (TM_TEXT - 1)];
	long n;

	if (job == TM_JOB_USER_STRING)
		n = bpf_probe_read_user_str(to, TM_PATH_MAX, (void *)at);
	else
		n = bpf_probe_read_kernel_str(to, TM_PATH_MAX, (void *)at);
	if (n < 0)
		w->head.flags |= TM_F_FAULT;
	else
		w->text_len += (n - 1) & (TM_PATH_MAX - 1);
}

/* Copy bytes of memory to the end of the text, as many as there is room for. */
static __always_inline void put_bytes(struct tm_work *w, u32 job, u64 at, u64 length)
{
	void *to = &w->text[w->text_len & (TM_TEXT - 1)];
	u32 room = w->limit - w->text_len;

	if (length > room) {
		length = room;
		w->head.flags |= TM_F_TRUNCATED;
	}
	OPAQUE(length);
	if (length >= TM_TEXT)
		return;
	if (job == TM_JOB_KERNEL_BYTES ? bpf_probe_read_kernel(to, length, (void *)at)
				       : bpf_probe_read_user(to, length, (void *)at))
		w->head.flags |= TM_F_FAULT;
	else
		w->text_len += length;
}

static __always_inline void put_sock(struct tm_work *w)
{
	u64 length = w->sock_len;

	OPAQUE(length);
	if (length > sizeof(w->sock) + sizeof(w->sun_path))
		return;
	bpf_probe_read_kernel(&w->text[w->text_len & (TM_TEXT - 1)], length, &w->sock);
	w->text_len += length;
}

static __always_inline void put_file(struct tm_work *w)
{
	u64 *to = (u64 *)&w->text[w->text_len & (TM_TEXT - 1)];
	u64 *from = (u64 *)&w->file;

	to[0] = from[0];
	to[1] = from[1];
	w->text_len += sizeof(w->file);
}

/* Whether the walk of a slot may end at the directory that the one before it has led to. */
static __always_inline void know_base(struct tm_work *w, u32 slot)
{
	u32 length = w->ext.slot_len[TM_SLOT_BASE];

	w->is_known = 0;
	w->known_dentry = 0;
	if (slot != TM_SLOT_REAL || w->job[TM_SLOT_BASE] != TM_JOB_WALK || !length || length >= TM_PATH_MAX)
		return;
	if (w->text_len + length >= w->limit || w->head.flags & TM_F_TRUNCATED)
		return;
	w->known_dentry = w->at[TM_SLOT_BASE];
	w->known_mount = w->length[TM_SLOT_BASE];
}

static __always_inline void fill_slots(struct tm_work *w)
{
	w->text_len = 0;
	w->limit = w->head.flags & TM_F_HAS_PROC ? TM_PROC_LONG_TEXT : TM_LONG_TEXT;
#pragma clang loop unroll(disable)
	for (int s = 0; s < TM_SLOTS; s++) {
		u32 start = w->text_len;
		u32 job;

		OPAQUE(s);
		job = w->job[s];
		if (job == TM_JOB_NONE)
			goto measure;
		if (s == TM_SLOT_GIVEN || s == TM_SLOT_GIVEN2) {
			if (job == TM_JOB_USER_BYTES) {
				put_bytes(w, job, w->at[s], w->length[s]);
				goto measure;
			}
			put_string(w, job, w->at[s]);
			if (w->job[s] == TM_JOB_USER_STRING && w->text[start & (TM_TEXT - 1)] == '/' &&
			    w->text_len > start)
				w->job[s + 1] = TM_JOB_NONE;
		} else if (s == TM_SLOT_SOCK) {
			if (job == TM_JOB_SOCK)
				put_sock(w);
			else if (job == TM_JOB_USER_STRING)
				put_string(w, job, w->at[s]);
			else
				put_bytes(w, job, w->at[s], w->length[s]);
		} else if (job == TM_JOB_USER_BYTES || job == TM_JOB_KERNEL_BYTES) {
			put_bytes(w, job, w->at[s], w->length[s]);
		} else if (job == TM_JOB_FILE) {
			put_file(w);
		} else if (job == TM_JOB_KERNEL_STRING) {
			put_string(w, job, w->at[s]);
		} else {
			w->dentry = w->at[s];
			w->mount = w->length[s];
			know_base(w, s);
			walk_up(w);
			walk_down(w);
			if (s == TM_SLOT_REAL && w->head.kind == TM_KIND_SYSCALL && real_is_given(w, start)) {
				w->text_len = start;
				w->head.flags |= TM_F_REAL_SAME;
			}
		}
measure:
		if (w->text_len > w->limit) {
			w->text_len = w->limit;
			w->head.flags |= TM_F_TRUNCATED;
		}
		w->ext.slot_len[s] = w->text_len - start;
	}
	w->ext.text_len = w->text_len;
}
