"""Kernel expressions printed to C: ``tm_prefilter``, loaded beside the capture programs, and compiled by cc in a test.

The C is readable on purpose: one function per system call and path test, one line per constant. It needs
``bpf/events.h`` before it and ``tm_place(head)``, which says where an event happened: 1 on the host, 2 in a container,
0 where nobody knows; ``TM_WORD`` and ``TM_COPY`` may be defined, too (bpf/prefilter.h). Wiring::

    #include "events.h"
    u32 tm_place(const struct tm_head *head) ...
    ... this text ...
    if (!tm_prefilter(head, ext, text, known)) { count as filtered; return 0; }

``text`` points to the slots as the record holds them; ``ext->slot_len`` says where each begins. The slots end before
TM_PREFILTER_FULL; behind it, up to TM_PREFILTER_BYTES, is room that the function writes to: relative paths are put
behind their directory there. ``known`` is scratch memory. The function looks at no more than TM_PREFILTER_TEXT bytes of
a path: a longer one may be anything. It is called for system call exits that carry an ext (never for slim records, nor
for process events), and only for calls that no view asked for: it answers for the rules alone.

Texts are compared eight bytes at a time, at offsets that are constants: some ten instructions for a path of the usual
length, and nothing that the kernel's verifier has to follow round a loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tuimon.records import Slot
from tuimon.rules.prefilter_ir import (
    COMM_LEN,
    MAX_TEXT,
    MAYBE,
    All,
    Among,
    Compare,
    Expression,
    Fixed,
    Name,
    PathTest,
    Place,
    Socket,
    Some,
)
from tuimon.syscalls import NAME_TO_NR

_WORD: Final = 8
_LOOKED_FOR: Final = 3
"""Bytes of a held text that are looked for eight places at a time."""
_HELPERS: Final = """\
#define TM_PREFILTER_TEXT %(text)d
#define TM_PREFILTER_ANSWERS %(answers)d
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
};

#define TM_PLAIN 1
#define TM_PLAIN_CUT 2	/* but for a closing slash that was left out, and the program gave it so */

struct tm_known {
	struct tm_path given, given2, real, raw;
	u8 answer[TM_PREFILTER_ANSWERS];
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

/* Whether an absolute path is its own normal form: behind no slash is another one, nor one or two dots and a slash or
 * the end. What stands behind the path cannot matter: it is looked at only where the path ends in one of these. */
static __always_inline u32 tm_plain(const volatile struct tm_path *path, const u8 *at)
{
	u64 last = path->last;
	u32 i;

	if (path->len == 1)
		return 1;
	if (last >> 56 == '/' || last >> 48 == 0x2e2f || last >> 40 == 0x2e2e2f)
		return 0;
	for (i = 0; i < TM_PREFILTER_TEXT; i += 8) {
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

/* Whether three bytes may stand somewhere in a path, or right behind it: worth a walk. */
static __always_inline u32 tm_may_hold(const volatile struct tm_path *path, const u8 *at, u64 one, u64 two, u64 three)
{
	u32 i;

	for (i = 0; i < TM_PREFILTER_TEXT; i += 8) {
		u64 found;

		if (i >= path->len)
			break;
		found = tm_zeros(TM_WORD(at + i) ^ one) & tm_zeros(TM_WORD(at + i + 1) ^ two);
		if (found & tm_zeros(TM_WORD(at + i + 2) ^ three))
			return 1;
	}
	return 0;
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
	path->base = path->plain = 0;
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
	path->plain = tm_plain(path, text + (path->at & TM_PREFILTER_AT)) ? plain : 0;
}
"""
_ARGUMENTS: Final = "const struct tm_head *head, const struct tm_ext *ext, u8 *text, volatile struct tm_known *known"
_SLOT_NAMES: Final = {Slot.GIVEN: "given", Slot.GIVEN2: "given2", Slot.REAL: "real"}
_MEMBERS: Final = {
    "family": "(sock0 & 0xffff)", "type": "(sock0 >> 16 & 0xffff)", "protocol": "(sock0 >> 32 & 0xffff)",
    "lport": "(sock0 >> 48)", "rport": "(sock1 & 0xffff)", "laddr": "(u64)(u32)sock2", "raddr": "(u64)(u32)sock4",
}  # fmt: skip
"""Members of struct tm_sock in its words; addresses lie at 16 and 32."""
_SOCKET: Final = """\
	u32 sock_at = ext->slot_len[0] + ext->slot_len[1] + ext->slot_len[2] + ext->slot_len[3] + ext->slot_len[4];
	const u8 *sock = text + (sock_at & TM_PREFILTER_AT);
	u64 sock0 = TM_WORD(sock), sock1 = TM_WORD(sock + 8), sock2 = TM_WORD(sock + 16), sock4 = TM_WORD(sock + 32);
	u32 is_sock = ext->slot_len[5] >= sizeof(struct tm_sock) && (ext->fd_type & 0170000) == 0140000 &&
		ext->fd_type < 0xfff0;

	(void)sock0;
	(void)sock1;
	(void)sock2;
	(void)sock4;
"""
MAX_ANSWERS: Final = 192
"""Path tests of one system call; one that would need more is never ruled out."""


def c_prefilter(expressions: Mapping[int, Expression], names: Mapping[int, str]) -> str:
    """Return the C text of ``tm_prefilter``.

    Args:
        expressions: By native system call number; a call that is not in it is never ruled out.
        names: For the comments.

    Calls that are asked the same share a function ``tm_rules_NUMBER`` with the arguments of ``tm_prefilter``, which
    only chooses among them. The text depends on nothing but the arguments, so that equal rules give an equal program.
    """
    printer = _Printer()
    calls: dict[Expression, list[int]] = {}
    for number, expression in sorted(expressions.items()):
        if expression != MAYBE:
            calls.setdefault(expression, []).append(number)
    bodies = [
        printer.function(numbers[0], ", ".join(names.get(each, str(each)) for each in numbers), expression)
        for expression, numbers in calls.items()
    ]
    lines = [_HELPERS % {"text": MAX_TEXT, "answers": MAX_ANSWERS}, *bodies]
    lines += [f"static __always_inline int tm_prefilter({_ARGUMENTS})", "{"]
    lines += [f"\t(void){name};" for name in ("ext", "text", "known")]
    lines.append("\tswitch (head->nr) {")
    for numbers in calls.values():
        lines += [f"\tcase {number}:" for number in numbers]
        lines.append(f"\t\treturn tm_rules_{numbers[0]}(head, ext, text, known);")
    return "\n".join([*lines, "\t}", "\treturn 1;", "}", ""])


class _Printer:
    """Prints expressions; path tests become functions of their own."""

    def __init__(self) -> None:
        self._tests: dict[PathTest, str] = {}

    def function(self, number: int, name: str, expression: Expression) -> str:
        """Return the function of one system call, and those it calls that were not printed before.

        What the registers say is asked first, with every path test taken for true. Then all path tests are answered,
        into memory: the verifier forgets there which way it came, and need not follow each way to its end.
        """
        places: dict[PathTest, int] = {}
        value = _value(expression, places)
        lines = [f"/* {name} */", f"static __always_inline int tm_rules_{number}({_ARGUMENTS})", "{"]
        lines.append(f"\tu32 place = {'tm_place(head)' if _asks(expression, Place) else '0'};\n")
        if "flags" in value:
            at = f"head->arg[head->nr == {NAME_TO_NR['open']} ? 1 : 2]" if "open" in NAME_TO_NR else "head->arg[2]"
            lines.append(f"\tu64 flags = {at};")
        lines.append("\tu32 turn;\n")
        lines += [f"\t(void){each};" for each in ("head", "ext", "text", "known", "place", "turn")]
        if _asks(expression, Socket):
            lines.append(_SOCKET)
        if not places or len(places) > MAX_ANSWERS:
            return "\n".join([*lines, f"\treturn {_value(expression, None)};", "}", ""])
        printed = [self._test(test) for test in places if _constants(test) not in self._tests]
        lines += [f"\tif (!{_value(expression, None)})", "\t\treturn 0;", ""]
        paths: dict[str, dict[PathTest, int]] = {}
        for test, answer in places.items():
            paths.setdefault("raw" if test.form == "raw" else _SLOT_NAMES[test.slot], {})[test] = answer
        lines += [line for path in (*paths, "real") for line in _find(path)]
        lines += [f"\tknown->answer[{answer}] = 0;" for answer in places.values()]
        for path, tests in paths.items():
            lines += self._answers(path, tests)
        return "\n".join([*printed, *lines, f"\treturn {value};", "}", ""])

    def _answers(self, name: str, tests: Mapping[PathTest, int]) -> list[str]:
        """Return the lines that ask all tests of one path, and then all that are not negated of the real path.

        It is a loop so that each test stands in the program once, and it must stay one.
        """
        lines = [
            "#ifdef __clang__",
            "#pragma clang loop unroll(disable)",
            "#endif",
            "\tfor (turn = 0; turn < 2; turn++) {",
        ]
        lines += ["\t\tu64 is_real = turn;", "", '\t\tasm volatile("" : "+r"(is_real));']
        lines += [f"\t\tvolatile struct tm_path *path = is_real ? &known->real : &known->{name};"]
        lines += ["\t\tconst u8 *at = text + (path->at & TM_PREFILTER_AT);", ""]
        lines += ["\t\tif (is_real && !path->len)", "\t\t\tbreak;"]
        for test, at in tests.items():
            asked = "!is_real && " if test.negated else ""
            lines.append(f"\t\tknown->answer[{at}] |= {asked}{self._tests[_constants(test)]}(path, at);")
        lines.append("\t}")
        for test, at in tests.items():
            known = f"known->{name}.plain" + (" == TM_PLAIN" if test.form == "arg" else "")
            answer = f"known->answer[{at}]"
            if test.negated:
                lines.append(f"\t{answer} = !({known}) || !{answer};")
            else:
                lines.append(f"\t{answer} |= !({known}) || known->real.len > TM_PREFILTER_TEXT;")
        return lines

    def _test(self, test: PathTest) -> str:
        name = self._tests[_constants(test)] = f"tm_path_{len(self._tests) + 1}"
        start = f"static __always_inline int {name}(const volatile struct tm_path *path, const u8 *at)"
        return "\n".join([start, "{", *_tests(test), ""])


def _constants(test: PathTest) -> PathTest:
    """Return what tests of different paths have in common."""
    return replace(test, slot=Slot.GIVEN, negated=False, form="name")


def _asks(expression: Expression, kind: type[Place | Socket]) -> bool:
    if isinstance(expression, All | Some):
        return any(_asks(part, kind) for part in expression.parts)
    return isinstance(expression, kind)


def _value(expression: Expression, places: dict[PathTest, int] | None) -> str:
    """Return an expression in C; path tests take their places among the answers, or are true where there are none."""
    match expression:
        case Fixed(truth):
            return str(int(truth))
        case All(parts):
            return "(" + " &&\n\t\t".join(_value(part, places) for part in parts) + ")"
        case Some(parts):
            return "(" + " ||\n\t\t".join(_value(part, places) for part in parts) + ")"
        case Compare(column, order, value):
            return f"({_column(column)} {order} {_constant(column, value)})"
        case Among(column, values, mask, negated):
            return _among(column, values, mask, negated)
        case Place(host, container):
            return f"(!place || place == {1 if host else 2})" if host or container else "!place"
        case Name():
            return _name(expression)
        case Socket(member, values, mask, negated):
            left = f"({_MEMBERS[member]} & {mask:#x}ULL)" if mask != 0xFFFFFFFF else _MEMBERS[member]
            sign, word = ("!=", " && ") if negated else ("==", " || ")
            return f"(!is_sock || ({word.join(f'{left} {sign} {value}ULL' for value in values) or str(int(negated))}))"
        case PathTest():
            return "1" if places is None else f"known->answer[{places.setdefault(expression, len(places))}]"
    raise TypeError(f"not an expression: {expression!r}")


def _column(column: str) -> str:
    if column == "ret":
        return "head->ret"
    if column in ("uid", "fd_type"):
        return f"(u64)ext->{column}"
    if column == "flags":
        return "flags"
    at = int(column[3:])
    return f"head->arg[{at}]" if at < 3 else f"ext->arg[{at - 3}]"


def _constant(column: str, value: int) -> str:
    if column != "ret":
        return f"{value & ((1 << 64) - 1)}ULL"
    return "(-9223372036854775807LL - 1)" if value == -(1 << 63) else f"{value}LL"


def _among(column: str, values: tuple[int, ...], mask: int, negated: bool) -> str:
    left = _column(column)
    if mask != -1:
        left = f"({left} & {mask}ULL)"
    low, high = (-(1 << 63), (1 << 63) - 1) if column == "ret" else (0, (1 << 64) - 1)
    fitting = [value for value in values if low <= value <= high]
    if not fitting:
        return str(int(negated))
    sign, word = ("!=", " && ") if negated else ("==", " || ")
    return "(" + word.join(f"{left} {sign} {_constant(column, value)}" for value in fitting) + ")"


def _name(test: Name) -> str:
    """Return the test of a name: known of a main thread that has one."""
    texts = [text.ljust(COMM_LEN + 1, bytes(1)) for text in test.equal] + list(test.prefixes)
    found = " || ".join("(" + " && ".join(_words(text, "TM_COMM")) + ")" for text in texts)
    return f"(head->tid != head->tgid || !ext->comm[0] || {found})"


def _find(name: str) -> list[str]:
    """Return the lines that find one of the paths and say where it is."""
    slot = next((slot for slot, each in _SLOT_NAMES.items() if each == name), Slot.GIVEN)
    start = " + ".join(f"ext->slot_len[{before}]" for before in range(slot)) or "0"
    lines = [f"tm_take(&known->{name}, text, {start}, ext->slot_len[{int(slot)}]);"]
    if name == "raw":
        lines.append("tm_raw(head, &known->raw, text);")
    elif name != "real":
        room = "TM_PREFILTER_FULL" + ("2" if slot == Slot.GIVEN2 else "")
        lines.append(f"known->{name}.base = ext->slot_len[{slot + 1}];")
        lines.append(f"tm_given(head, &known->{name}, text, {room});")
    return [f"\t{line}" for line in lines]


def _tests(test: PathTest) -> list[str]:
    """Return the body of the function that compares a path with a test's constants."""
    lines = ["\t(void)at;", "\t(void)path;"]
    for order, texts in (("==", test.equal), (">=", test.prefixes)):
        for text in texts:
            words = " && ".join([f"path->len {order} {len(text)}", *_words(text)])
            lines += [f"\tif ({words})\t/* {_comment(text)} */", "\t\treturn 1;"]
    for text in test.folders:
        words = " && ".join([f"path->len >= {len(text)}", *_words(text), f"tm_flat(path, at, {len(text)})"])
        lines += [f"\tif ({words})\t/* {_comment(text)} */", "\t\treturn 1;"]
    for text in test.suffixes:
        lines += [f"\tif ({_window('path->last', text)})\t/* {_comment(text)} */", "\t\treturn 1;"]
    return [*lines, *(_walk(test.holds) if test.holds else ()), "\treturn 0;", "}"]


def _words(text: bytes, at: str = "at") -> list[str]:
    """Return the comparisons of a path's beginning with a text, as few as there can be."""
    places = list(range(0, len(text) - _WORD + 1, _WORD))
    if len(text) > _WORD and len(text) % _WORD:
        places.append(len(text) - _WORD)  # overlaps the word before
    if places:
        return [f"TM_WORD({at} + {place}) == {_number_of(text[place : place + _WORD])}" for place in places]
    return [f"TM_WORD({at}) << {64 - 8 * len(text)} == {_number_of(text.rjust(_WORD, bytes(1)))}"]


def _walk(holds: tuple[bytes, ...]) -> list[str]:
    """Return the walk along a path with the last bytes of it in one word, the oldest lowest.

    A look for three bytes of each text comes first: it takes an eighth of the time.
    """
    worth = " ||\n\t    ".join(_may_hold(text) for text in holds)
    lines = [
        "\t{" if any(len(text) < _LOOKED_FOR for text in holds) else f"\tif ({worth}) {{",
        "\t\tu64 last = 0;",
        "\t\tu32 i;",
        "",
        "\t\tfor (i = 0; i < TM_PREFILTER_TEXT; i++) {",
        "\t\t\tif (i >= path->len)",
        "\t\t\t\tbreak;",
        "\t\t\tlast = (last >> 8) | ((u64)at[i] << 56);",
    ]
    for text in holds:
        lines += [f"\t\t\tif ({_window('last', text)})\t/* {_comment(text)} */", "\t\t\t\treturn 1;"]
    return [*lines, "\t\t}", "\t}"]


def _may_hold(text: bytes) -> str:
    words = ", ".join(_number_of(text[at : at + 1] * _WORD) for at in range(_LOOKED_FOR))
    return f"tm_may_hold(path, at, {words})"


def _window(last: str, text: bytes) -> str:
    """Return the comparison of the last bytes seen with a text of at most eight."""
    shift = 64 - 8 * len(text)
    left = f"{last} >> {shift}" if shift else last
    return f"{left} == {_number_of(text)}"


def _number_of(text: bytes) -> str:
    return f"{int.from_bytes(text, 'little'):#x}ULL"


def _comment(text: bytes) -> str:
    """Return a text as a comment can hold it."""
    return "".join(chr(byte) if chr(byte).isalnum() or byte in b"_-. " else "?" for byte in text if byte < 128)
