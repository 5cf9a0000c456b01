"""Kernel expressions printed to C: ``tm_prefilter``, compiled into the capture program by bcc, and by cc in a test.

The C is readable on purpose: one function per system call, one line per test. It needs ``bpf/events.h`` before it and
nothing else. Wiring::

    #include "events.h"
    ... this text ...
    if (!tm_prefilter(head, ext, text)) { count as filtered; return 0; }

``text`` points to the slots as the record holds them; ``ext->slot_len`` says where each begins. The function looks at
no more than TM_PREFILTER_TEXT bytes of a path: a longer one may be anything. It is called for system call exits that
carry an ext (never for slim records, nor for process events), and only for calls that no view asked for: it answers
for the rules alone. Whoever includes it may define TM_PATH_TEST (how path tests are declared) as ``static __noinline``
where the program would become too long otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tuimon.records import Slot
from tuimon.rules.prefilter_kernel import MAX_TEXT, All, Among, Compare, Expression, Fixed, PathTest, Some

_HELPERS: Final = """\
#define TM_PREFILTER_TEXT %(text)d
#ifndef TM_PATH_TEST
#define TM_PATH_TEST static __always_inline
#endif

/* Whether a path is absolute and needs no normalising; unreadable, cut and very long ones are not plain. */
static __always_inline int tm_plain(const struct tm_head *head, const u8 *path, u32 len)
{
	u32 i;

	if (len == 0 || len > TM_PREFILTER_TEXT || path[0] != '/')
		return 0;
	if (head->flags & (TM_F_TRUNCATED | TM_F_FAULT))
		return 0;
	for (i = 1; i < TM_PREFILTER_TEXT; i++) {
		if (i >= len)
			break;
		if (path[i - 1] == '/' && (path[i] == '/' || path[i] == '.'))
			return 0;
	}
	return len == 1 || path[(len - 1) & TM_PREFILTER_TEXT] != '/';
}

static __always_inline int tm_begins(const u8 *path, u32 len, const char *want, u32 want_len)
{
	u32 i;

	if (len < want_len)
		return 0;
	for (i = 0; i < want_len; i++)
		if (path[i] != (u8)want[i])
			return 0;
	return 1;
}

static __always_inline int tm_equals(const u8 *path, u32 len, const char *want, u32 want_len)
{
	return len == want_len && tm_begins(path, len, want, want_len);
}
"""
_ARGUMENTS: Final = "const struct tm_head *head, const struct tm_ext *ext, const u8 *text"
_SLOT_NAMES: Final = {Slot.GIVEN: "given", Slot.GIVEN2: "given2", Slot.REAL: "real"}


def c_prefilter(expressions: Mapping[int, Expression], names: Mapping[int, str]) -> str:
    """Return the C text of ``tm_prefilter``.

    Args:
        expressions: By native system call number; a call that is not in it is never ruled out.
        names: For the comments.

    The text depends on nothing but the arguments, so that equal rules give an equal program.
    """
    printer = _Printer()
    bodies = [
        printer.function(number, names.get(number, str(number)), expression)
        for number, expression in sorted(expressions.items())
        if not isinstance(expression, Fixed)
    ]
    lines = [_HELPERS % {"text": MAX_TEXT}, *bodies]
    lines += [f"static __always_inline int tm_prefilter({_ARGUMENTS})", "{", "\t(void)ext;", "\t(void)text;"]
    lines.append("\tswitch (head->nr) {")
    for number, expression in sorted(expressions.items()):
        value = f"tm_rules_{number}(head, ext, text)"
        if isinstance(expression, Fixed):
            value = str(int(expression.truth))
        lines.append(f"\tcase {number}:\t/* {names.get(number, number)} */")
        lines.append(f"\t\treturn {value};")
    lines += ["\t}", "\treturn 1;", "}", ""]
    return "\n".join(lines)


class _Printer:
    """Prints expressions; path tests become functions of their own, equal ones one function."""

    def __init__(self) -> None:
        self._names: dict[PathTest, str] = {}

    def function(self, number: int, name: str, expression: Expression) -> str:
        """Return the function of one system call, and those it calls."""
        tests: list[str] = []
        value = self._value(expression, tests)
        head = f"/* {name} */\nstatic __always_inline int tm_rules_{number}({_ARGUMENTS})"
        body = f"{head}\n{{\n\t(void)head;\n\t(void)ext;\n\t(void)text;\n\treturn {value};\n}}\n"
        return "\n".join([*tests, body])

    def _value(self, expression: Expression, tests: list[str]) -> str:
        match expression:
            case Fixed(truth):
                return str(int(truth))
            case All(parts):
                return "(" + " &&\n\t\t".join(self._value(part, tests) for part in parts) + ")"
            case Some(parts):
                return "(" + " ||\n\t\t".join(self._value(part, tests) for part in parts) + ")"
            case Compare(column, order, value):
                return f"{_column(column)} {order} {_constant(column, value)}"
            case Among(column, values, mask, negated):
                return _among(column, values, mask, negated)
            case PathTest():
                name = self._names.get(expression)
                if name is None:
                    name = self._names[expression] = f"tm_path_{len(self._names) + 1}"
                    tests.append(_path_function(name, expression))
                return f"{name}(head, ext, text)"
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


def _path_function(name: str, test: PathTest) -> str:
    slot = _SLOT_NAMES[test.slot]
    at = " + ".join(["0", *(f"ext->slot_len[{before}]" for before in range(test.slot))])
    lines = [
        f"TM_PATH_TEST int {name}({_ARGUMENTS})",
        "{",
        f"\tconst u8 *{slot} = text + ({at});",
        f"\tu32 len = ext->slot_len[{int(test.slot)}];",
    ]
    if test.negated:
        lines += [f"\tif (!tm_plain(head, {slot}, len))", "\t\treturn 1;"]
        lines += _tests(test, slot, "len", 0)
        return "\n".join([*lines, "\treturn 1;", "}", ""])
    lines += [
        "\tconst u8 *real = text + ext->slot_len[0] + ext->slot_len[1];",
        "\tu32 real_len = ext->slot_len[2];",
        "",
        f"\tif (!tm_plain(head, {slot}, len))",
        "\t\treturn 1;",
    ]
    lines += _tests(test, slot, "len", 1)
    lines += ["\tif (!real_len)", "\t\treturn 0;", "\tif (real_len > TM_PREFILTER_TEXT)", "\t\treturn 1;"]
    lines += _tests(test, "real", "real_len", 1)
    return "\n".join([*lines, "\treturn 0;", "}", ""])


def _tests(test: PathTest, path: str, length: str, value: int) -> list[str]:
    calls = [f'tm_equals({path}, {length}, "{_quoted(text)}", {len(text)})' for text in test.equal]
    calls += [f'tm_begins({path}, {length}, "{_quoted(text)}", {len(text)})' for text in test.prefixes]
    lines = [line for call in calls for line in (f"\tif ({call})", f"\t\treturn {value};")]
    return [*lines, *_walk(test, path, length, value)] if test.suffixes or test.holds else lines


def _walk(test: PathTest, path: str, length: str, value: int) -> list[str]:
    """Return the walk along a path with the last bytes of it in one word, the oldest lowest."""
    lines = [
        "\t{",
        "\t\tu64 last = 0;",
        "\t\tu32 i;",
        "",
        "\t\tfor (i = 0; i < TM_PREFILTER_TEXT; i++) {",
        f"\t\t\tif (i >= {length})",
        "\t\t\t\tbreak;",
        f"\t\t\tlast = (last >> 8) | ((u64){path}[i] << 56);",
    ]
    for text in test.holds:
        lines += [f"\t\t\tif ({_window(text)})\t/* {_comment(text)} */", f"\t\t\t\treturn {value};"]
    lines.append("\t\t}")
    for text in test.suffixes:
        lines += [f"\t\tif ({_window(text)})\t/* {_comment(text)} */", f"\t\t\treturn {value};"]
    return [*lines, "\t}"]


def _window(text: bytes) -> str:
    """Return the comparison of the walk's last bytes with a text of at most eight."""
    shift = 64 - 8 * len(text)
    left = f"last >> {shift}" if shift else "last"
    return f"{left} == {int.from_bytes(text, 'little'):#x}ULL"


def _comment(text: bytes) -> str:
    """Return a text as a comment can hold it."""
    return "".join(chr(byte) if chr(byte).isalnum() or byte in b"_-. " else "?" for byte in text if byte < 128)


def _quoted(text: bytes) -> str:
    """Return bytes as the inside of a C string: what is not plain as three octal digits."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+,: "
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text)
