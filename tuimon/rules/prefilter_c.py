"""Kernel expressions printed to C: ``tm_prefilter``, loaded beside the capture programs, and compiled by cc in a test.

The C is readable on purpose: one function per system call and path test, one line per constant. It needs
``bpf/events.h`` before it and nothing else. Wiring::

    #include "events.h"
    ... this text ...
    u8 answer[TM_PREFILTER_ANSWERS];	/* in the kernel: part of a map */
    if (!tm_prefilter(head, ext, text, known)) { count as filtered; return 0; }

``text`` points to the slots as the record holds them, with room for TM_PREFILTER_ROOM bytes more than any record has;
``ext->slot_len`` says where each begins. The function looks at no more than TM_PREFILTER_TEXT bytes of a path: a longer
one may be anything. It is called for system call exits that carry an ext (never for slim records, nor for process
events), and only for calls that no view asked for: it answers for the rules alone.

Texts are compared eight bytes at a time, at offsets that are constants: some ten instructions for a path of the usual
length, and nothing that the kernel's verifier has to follow round a loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tuimon.records import Slot
from tuimon.rules.prefilter_kernel import MAX_TEXT, All, Among, Compare, Expression, Fixed, PathTest, Some

_WORD: Final = 8
_HELPERS: Final = """\
#define TM_PREFILTER_TEXT %(text)d
#define TM_PREFILTER_ROOM 512
#define TM_PREFILTER_ANSWERS %(answers)d
#define TM_PREFILTER_AT 32767	/* text begins no further behind: a mask, for the verifier */

#ifndef TM_WORD
static __always_inline u64 tm_word(const u8 *at)
{
	u64 word;

	__builtin_memcpy(&word, at, 8);
	return word;
}
#define TM_WORD(at) tm_word(at)
#endif

/* What is known of a path, and what its tests answered: in memory, and read again each time. The verifier forgets there
 * which way it came; it would follow every way to its end, were it to remember. */
struct tm_path {
	u64 last;	/* its last eight bytes, the oldest lowest; of a shorter path zeros come first */
	u32 len;
	u32 plain;	/* absolute and needs no normalising; unreadable, cut and very long ones are not plain */
};

struct tm_known {
	struct tm_path given, given2, real;
	u8 answer[TM_PREFILTER_ANSWERS];
};

/* The highest bit of each byte that is zero; exact, unlike the shorter trick, which errs above a zero byte. */
static __always_inline u64 tm_zeros(u64 word)
{
	u64 low = 0x7f7f7f7f7f7f7f7fULL;

	return ~(((word & low) + low) | word | low);
}

static __always_inline u32 tm_plain(const struct tm_head *head, const volatile struct tm_path *path, const u8 *at)
{
	const u64 slash = 0x2f2f2f2f2f2f2f2fULL, dot = 0x2e2e2e2e2e2e2e2eULL;
	u32 i;

	if (path->len == 0 || path->len > TM_PREFILTER_TEXT || at[0] != '/')
		return 0;
	if (head->flags & (TM_F_TRUNCATED | TM_F_FAULT))
		return 0;
	for (i = 0; i < TM_PREFILTER_TEXT; i += 8) {
		u32 len = path->len;
		u64 now, behind, found;

		if (i + 1 >= len)
			break;
		now = TM_WORD(at + i);
		behind = TM_WORD(at + i + 1);
		found = tm_zeros(now ^ slash) & (tm_zeros(behind ^ slash) | tm_zeros(behind ^ dot));
		if (len < i + 9)
			found &= (1ULL << (8 * ((len - 1 - i) & 7))) - 1;
		if (found)
			return 0;
	}
	return path->len == 1 || path->last >> 56 != '/';
}

static __always_inline void tm_take(volatile struct tm_path *path, const u8 *at, u32 len)
{
	u64 last = 0;

	if (len >= 8 && len <= TM_PREFILTER_TEXT)
		last = TM_WORD(at + (len - 8));
	else if (len && len < 8)
		last = TM_WORD(at) << (8 * (8 - len));
	path->last = last;
	path->len = len;
	path->plain = 0;
}
"""
_ARGUMENTS: Final = (
    "const struct tm_head *head, const struct tm_ext *ext, const u8 *text, volatile struct tm_known *known"
)
_SLOT_NAMES: Final = {Slot.GIVEN: "given", Slot.GIVEN2: "given2", Slot.REAL: "real"}
MAX_ANSWERS: Final = 64
"""Path tests of one system call; one that would need more is never ruled out."""


def c_prefilter(expressions: Mapping[int, Expression], names: Mapping[int, str]) -> str:
    """Return the C text of ``tm_prefilter``.

    Args:
        expressions: By native system call number; a call that is not in it is never ruled out.
        names: For the comments.

    The text depends on nothing but the arguments, so that equal rules give an equal program.
    """
    printer = _Printer()
    values, bodies = {}, []
    for number, expression in sorted(expressions.items()):
        if isinstance(expression, Fixed):
            values[number] = str(int(expression.truth))
        else:
            values[number] = f"tm_rules_{number}(head, ext, text, known)"
            bodies.append(printer.function(number, names.get(number, str(number)), expression))
    lines = [_HELPERS % {"text": MAX_TEXT, "answers": MAX_ANSWERS}, *bodies]
    lines += [f"static __always_inline int tm_prefilter({_ARGUMENTS})", "{"]
    lines += [f"\t(void){name};" for name in ("ext", "text", "known")]
    lines.append("\tswitch (head->nr) {")
    for number, value in values.items():
        lines += [f"\tcase {number}:\t/* {names.get(number, number)} */", f"\t\treturn {value};"]
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
        printed = [self._test(test) for test in places if test not in self._tests]
        lines = [f"/* {name} */", f"static __always_inline int tm_rules_{number}({_ARGUMENTS})", "{"]
        if not places or len(places) > MAX_ANSWERS:
            unused = [f"\t(void){each};" for each in ("head", "ext", "text", "known")]
            return "\n".join([*lines, *unused, f"\treturn {'1' if places else value};", "}", ""])
        slots = sorted({slot for test in places for slot in _slots(test)})
        lines += [_begin(slot) for slot in slots]
        lines += ["", f"\tif (!{_value(expression, None)})", "\t\treturn 0;"]
        lines += [line for slot in slots for line in _take(slot)]
        for test, place in places.items():
            arguments = ", ".join(f"&known->{_SLOT_NAMES[slot]}, {_SLOT_NAMES[slot]}" for slot in _slots(test))
            lines.append(f"\tknown->answer[{place}] = {self._tests[test]}({arguments});")
        return "\n".join([*printed, *lines, f"\treturn {value};", "}", ""])

    def _test(self, test: PathTest) -> str:
        name = self._tests[test] = f"tm_path_{len(self._tests) + 1}"
        return _path_function(name, test)


def _slots(test: PathTest) -> tuple[Slot, ...]:
    return (test.slot,) if test.negated else (test.slot, Slot.REAL)


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
        case PathTest():
            return "1" if places is None else f"known->answer[{places.setdefault(expression, len(places))}]"
    raise TypeError(f"not an expression: {expression!r}")


def _column(column: str) -> str:
    if column == "ret":
        return "head->ret"
    if column == "uid":
        return "(u64)ext->uid"
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


def _begin(slot: Slot) -> str:
    begin = " + ".join(["0", *(f"ext->slot_len[{before}]" for before in range(slot))])
    return f"\tconst u8 *{_SLOT_NAMES[slot]} = text + (({begin}) & TM_PREFILTER_AT);"


def _take(slot: Slot) -> list[str]:
    name = _SLOT_NAMES[slot]
    lines = [f"\ttm_take(&known->{name}, {name}, ext->slot_len[{int(slot)}]);"]
    if slot != Slot.REAL:
        lines.append(f"\tknown->{name}.plain = tm_plain(head, &known->{name}, {name});")
    return lines


def _path_function(name: str, test: PathTest) -> str:
    one = "const volatile struct tm_path *path, const u8 *at"
    lines = [f"static __always_inline int {name}_matches({one})", "{", *_tests(test), ""]
    if test.negated:
        lines += [
            f"static __always_inline int {name}({one})",
            "{",
            f"\treturn !path->plain || !{name}_matches(path, at);",
        ]
    else:
        lines += [
            f"static __always_inline int {name}({one}, const volatile struct tm_path *real, const u8 *real_at)",
            "{",
            f"\tif (!path->plain || {name}_matches(path, at))",
            "\t\treturn 1;",
            "\tif (!real->len)",
            "\t\treturn 0;",
            f"\treturn real->len > TM_PREFILTER_TEXT || {name}_matches(real, real_at);",
        ]
    return "\n".join([*lines, "}", ""])


def _tests(test: PathTest) -> list[str]:
    """Return the body of the function that compares a path with a test's constants."""
    lines = ["\t(void)at;"]
    for order, texts in (("==", test.equal), (">=", test.prefixes)):
        for text in texts:
            words = " && ".join([f"path->len {order} {len(text)}", *_words(text)])
            lines += [f"\tif ({words})\t/* {_comment(text)} */", "\t\treturn 1;"]
    for text in test.suffixes:
        lines += [f"\tif ({_window('path->last', text)})\t/* {_comment(text)} */", "\t\treturn 1;"]
    return [*lines, *(_walk(test.holds) if test.holds else ()), "\treturn 0;", "}"]


def _words(text: bytes) -> list[str]:
    """Return the comparisons of a path's beginning with a text, as few as there can be."""
    places = list(range(0, len(text) - _WORD + 1, _WORD))
    if len(text) > _WORD and len(text) % _WORD:
        places.append(len(text) - _WORD)  # overlaps the word before
    if places:
        return [f"TM_WORD(at + {at}) == {_number_of(text[at : at + _WORD])}" for at in places]
    return [f"TM_WORD(at) << {64 - 8 * len(text)} == {_number_of(text.rjust(_WORD, bytes(1)))}"]


def _walk(holds: tuple[bytes, ...]) -> list[str]:
    """Return the walk along a path with the last bytes of it in one word, the oldest lowest."""
    lines = [
        "\t{",
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
