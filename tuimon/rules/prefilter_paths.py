"""What the kernel's prefilter knows of paths, in C: it stands before the functions that prefilter_c prints."""

from __future__ import annotations

from typing import Final

HELPERS: Final = """\
#define TM_PREFILTER_TEXT %(text)d
#define TM_PREFILTER_ANSWERS %(answers)d
#define TM_PREFILTER_HEADS %(heads)d
#define TM_PREFILTER_AT 32767	/* text begins no further behind: a mask, for the verifier */
#define TM_PREFILTER_FULL 20480	/* behind the longest record's text: room for joined paths */
#define TM_PREFILTER_FULL2 21504
#define TM_PREFILTER_BYTES 33280

#ifndef TM_WORD
static __always_inline u64 tm_word(const u8 *at)
{
	u64 word;

	__builtin_memcpy(&word, at, 8);
	return word;
}
#define TM_WORD(at) tm_word(at)
#define TM_COPY(to, count, from) __builtin_memcpy(to, from, count)
#endif

/* What is known of a path, and what its tests answered: in memory, and read again each time. The verifier forgets there
 * which way it came; it would follow every way to its end, were it to remember. */
struct tm_path {
	u64 last;	/* its last eight bytes, the oldest lowest; of a shorter path zeros come first */
	u32 len;
	u32 at;		/* where it begins in the text */
	u32 plain;	/* whether it is known: TM_PLAIN_ */
	u32 base;	/* length of its directory */
	u32 same;	/* whether the real path says no more */
	u32 pad;
};

#define TM_PLAIN 1
#define TM_PLAIN_CUT 2	/* but for a closing slash that was left out, and the program gave it so */

struct tm_known {
	struct tm_path given, given2, real, raw;
	u64 flags;	/* of an open */
	u32 place;
	u32 pad;
	u64 held[TM_PREFILTER_HEADS];	/* not zero: a text with this head may stand in the path looked at */
	u8 answer[TM_PREFILTER_ANSWERS];
	u8 asked[TM_PREFILTER_ANSWERS];	/* whether tests can matter, by what the registers say */
};

/* The highest bit of each byte that is zero; exact, unlike the shorter trick, which errs above a zero byte. */
static __always_inline u64 tm_zeros(u64 word)
{
	u64 low = 0x7f7f7f7f7f7f7f7fULL;

	return ~(((word & low) + low) | word | low);
}

#define TM_COMM ((const u8 *)ext->comm)
#define TM_SLASH 0x2f2f2f2f2f2f2f2fULL
#define TM_DOT 0x2e2e2e2e2e2e2e2eULL

/* Whether an absolute path is its own normal form from one of its slashes on: behind no slash is another one, nor one
 * or two dots and a slash or the end. What stands behind the path cannot matter: it is looked at only where the path
 * ends in one of these. */
static __always_inline u32 tm_plain(const volatile struct tm_path *path, const u8 *at, u32 from)
{
	u64 last = path->last;
	u32 i;

	if (path->len == 1)
		return 1;
	if (last >> 56 == '/' || last >> 48 == 0x2e2f || last >> 40 == 0x2e2e2f)
		return 0;
	for (i = from; i < TM_PREFILTER_TEXT; i += 8) {
		u32 len = path->len;
		u64 slash, behind, second, ends;

		if (i >= len)
			break;
		slash = tm_zeros(TM_WORD(at + i) ^ TM_SLASH);
		if (len < i + 8)
			slash &= (1ULL << (8 * ((len - i) & 7))) - 1;
		behind = TM_WORD(at + i + 1);
		if (slash & tm_zeros(behind ^ TM_SLASH))
			return 0;
		slash &= tm_zeros(behind ^ TM_DOT);
		if (!slash)
			continue;
		second = TM_WORD(at + i + 2);
		ends = tm_zeros(second ^ TM_DOT) & tm_zeros(TM_WORD(at + i + 3) ^ TM_SLASH);
		if (slash & (tm_zeros(second ^ TM_SLASH) | ends))
			return 0;
	}
	return 1;
}

/* Whether a text has no slash right behind another. */
static __always_inline u32 tm_single(const volatile struct tm_path *path, const u8 *at)
{
	u32 i;

	for (i = 0; i < TM_PREFILTER_TEXT; i += 8) {
		u32 len = path->len;
		u64 found;

		if (i + 1 >= len)
			break;
		found = tm_zeros(TM_WORD(at + i) ^ TM_SLASH) & tm_zeros(TM_WORD(at + i + 1) ^ TM_SLASH);
		if (len < i + 9)
			found &= (1ULL << (8 * ((len - 1 - i) & 7))) - 1;
		if (found)
			return 0;
	}
	return 1;
}

/* Whether there is no slash from a place on. */
static __always_inline u32 tm_flat(const volatile struct tm_path *path, const u8 *at, u32 from)
{
	u32 i;

	for (i = from; i < TM_PREFILTER_TEXT; i += 8) {
		u32 len = path->len;
		u64 found;

		if (i >= len)
			break;
		found = tm_zeros(TM_WORD(at + i) ^ TM_SLASH);
		if (len < i + 8)
			found &= (1ULL << (8 * ((len - i) & 7))) - 1;
		if (found)
			return 0;
	}
	return 1;
}

/* Whether two texts are the same. */
static __always_inline u32 tm_equal(const u8 *one, const u8 *two, const volatile u32 *length)
{
	u32 i;

	for (i = 0; i < TM_PREFILTER_TEXT; i += 8) {
		u32 len = *length;
		u64 differ;

		if (i >= len)
			break;
		differ = TM_WORD(one + i) ^ TM_WORD(two + i);
		if (len < i + 8)
			differ &= (1ULL << (8 * ((len - i) & 7))) - 1;
		if (differ)
			return 0;
	}
	return 1;
}

/* Take a path as it stands. */
static __always_inline void tm_take(volatile struct tm_path *path, const u8 *text, u32 start, u32 len)
{
	const u8 *at = text + (start & TM_PREFILTER_AT);
	u64 last = 0;

	if (len >= 8 && len <= TM_PREFILTER_TEXT)
		last = TM_WORD(at + (len - 8));
	else if (len && len < 8)
		last = TM_WORD(at) << (8 * (8 - len));
	path->last = last;
	path->len = len;
	path->at = start & TM_PREFILTER_AT;
	path->base = path->plain = path->same = 0;
}

/* A path that was taken, as the program gave it, nothing changed. */
static __always_inline void tm_raw(const struct tm_head *head, volatile struct tm_path *path, const u8 *text)
{
	if (!path->len || path->len > TM_PREFILTER_TEXT || head->flags & (TM_F_TRUNCATED | TM_F_FAULT))
		return;
	path->plain = tm_single(path, text);
}

/* Put a relative path behind its directory; returns whether it could be done. */
static __always_inline u32 tm_join(volatile struct tm_path *path, u8 *text, u32 full)
{
	const u8 *given = text + (path->at & TM_PREFILTER_AT);
	const u8 *base = given + (path->len & TM_PREFILTER_TEXT);
	u32 len = path->len & TM_PREFILTER_TEXT, under = path->base & TM_PREFILTER_TEXT, skip = 0;
	u8 *to;

	if (!path->base || path->base + path->len >= TM_PREFILTER_TEXT || base[0] != '/')
		return 0;
	if (given[0] == '.' && len == 1)
		skip = 1;
	else if (given[0] == '.' && given[1] == '/')
		skip = 2;
	TM_COPY(text + full, under, base);
	if (under == 1)
		under = 0;
	path->base = under + 1;
	path->last = skip;
	under = path->base & TM_PREFILTER_TEXT;
	to = text + full + under;
	to[-1] = '/';
	skip = path->last & 3;
	len = (path->len - skip) & TM_PREFILTER_TEXT;
	TM_COPY(to, len, given + skip);
	path->len = under + len;
	path->at = full;
	return 1;
}

/* Make a path that was taken, and can be relative to the directory in the slot behind it, absolute. */
static __always_inline void tm_given(const struct tm_head *head, volatile struct tm_path *path, u8 *text, u32 full)
{
	u32 len = path->len, plain = TM_PLAIN;

	if (!len || len > TM_PREFILTER_TEXT || head->flags & (TM_F_TRUNCATED | TM_F_FAULT))
		return;
	if (text[path->at & TM_PREFILTER_AT] == '/')
		plain = TM_PLAIN_CUT;
	else if (!tm_join(path, text, full))
		return;
	len = path->len & TM_PREFILTER_TEXT;
	if (len > 1 && text[(path->at & TM_PREFILTER_AT) + len - 1] == '/')
		len--;
	else
		plain = TM_PLAIN;
	tm_take(path, text, path->at, len);
	path->plain = tm_plain(path, text + (path->at & TM_PREFILTER_AT), 0) ? plain : 0;
}

/* Whether the real path, which was taken, says no more than the given one.
 *
 * A relative path is first looked for in the real one, behind its directory: where it stands there letter by letter,
 * as it does unless a link was followed, that is the path it makes, and nothing need be joined. The directory's own
 * path comes from the kernel and is plain. */
static __always_inline void
tm_same(const struct tm_head *head, volatile struct tm_path *path, const volatile struct tm_path *real, const u8 *text)
{
	const u8 *given = text + (path->at & TM_PREFILTER_AT);
	const u8 *base = given + (path->len & TM_PREFILTER_TEXT);
	const u8 *found = text + (real->at & TM_PREFILTER_AT);
	u32 under = path->base & TM_PREFILTER_TEXT;

	if (!path->len || head->flags & (TM_F_TRUNCATED | TM_F_FAULT) || real->len > TM_PREFILTER_TEXT)
		return;
	if (path->base <= 1 || real->len != path->base + 1 + path->len || base[0] != '/' || found[under] != '/')
		return;
	if (!tm_equal(base, found, &path->base) || !tm_equal(given, found + under + 1, &path->len))
		return;
	if (!tm_plain(real, found, under))
		return;
	path->last = real->last;
	path->len = real->len;
	path->at = real->at;
	path->same = 1;
	path->plain = TM_PLAIN;
}
"""
