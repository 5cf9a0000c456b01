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

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
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
    every,
)
from tuimon.rules.prefilter_paths import HELPERS
from tuimon.syscalls import NAME_TO_NR

_WORD: Final = 8
_LOOKED_FOR: Final = 3
"""Bytes of a held text that are looked for eight places at a time."""
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
	(void)sock4;\
"""
MAX_ANSWERS: Final = 192
"""Path tests of one system call; one that would need more is never ruled out."""
MAX_HEADS: Final = 12
"""Beginnings of held texts that are told apart; the program's stack has room for no more."""


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
    lines = [HELPERS % {"text": MAX_TEXT, "answers": MAX_ANSWERS, "heads": MAX_HEADS}, *bodies]
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

        What the registers say is asked first, with every path test taken for true, and of the path tests those alone
        that can matter then. They are answered into memory: the verifier forgets there which way it came, and need not
        follow each way to its end. The paths come one after the other, as long as those to come could make it true.
        """
        asked: dict[PathTest, list[Expression]] = {}
        _gather(expression, (), asked)
        lines = [f"/* {name} */", f"static __always_inline int tm_rules_{number}({_ARGUMENTS})", "{"]
        lines += _locals(expression)
        guards = {guard: at for at, guard in enumerate(dict.fromkeys(each for of in asked.values() for each in of))}
        if not asked or max(len(asked), len(guards)) > MAX_ANSWERS:
            return "\n".join([*lines, f"\treturn {_value(expression, {})};", "}", ""])
        printed = [self._test(test) for test in asked if _constants(test) not in self._tests]
        answers = {test: at for at, test in enumerate(asked)}
        wanted = {test: tuple(sorted({guards[each] for each in of})) for test, of in asked.items()}
        lines += [f"\tknown->asked[{at}] = {_value(guard, {})};" for guard, at in guards.items()]
        lines += [f"\tif (!{_value(expression, {}, guards)})", "\t\treturn 0;", ""]
        lines += [f"\t((volatile u64 *)known->answer)[{at}] = 0;" for at in range(-(-len(asked) // _WORD))]
        lines += [f"\t{line}" for line in _find("real")]
        known: dict[PathTest, int] = {}
        for path, tests in _by_path(asked).items():
            if known:
                lines += [f"\tif (!{_value(expression, known, guards)})", "\t\treturn 0;", ""]
            lines += [f"\t{line}" for line in _find(path)]
            lines += self._answers(path, {test: answers[test] for test in tests}, wanted)
            known |= {test: answers[test] for test in tests}
        return "\n".join([*printed, *lines, f"\treturn {_value(expression, known, guards)};", "}", ""])

    def _answers(
        self, name: str, answers: Mapping[PathTest, int], wanted: Mapping[PathTest, tuple[int, ...]]
    ) -> list[str]:
        """Return the lines that ask all tests of one path, and then all that are not negated of the real path.

        It is a loop so that each test stands in the program once, and it must stay one. Of a path that is not known
        nothing need be asked.
        """
        lines = [
            "#ifdef __clang__",
            "#pragma clang loop unroll(disable)",
            "#endif",
            f"\tfor (turn = known->{name}.plain ? 0 : 2; turn < 2; turn++) {{",
        ]
        lines += ["\t\tu64 is_real = turn;", "", '\t\tasm volatile("" : "+r"(is_real));']
        lines += [f"\t\tvolatile struct tm_path *path = is_real ? &known->real : &known->{name};"]
        lines += ["\t\tconst u8 *at = text + (path->at & TM_PREFILTER_AT);", ""]
        lines += [f"\t\tif (is_real && (!path->len || known->{name}.same))", "\t\t\tbreak;"]
        heads, found = _heads(answers, wanted)
        lines += [f"\t\tknown->held[{at}] = 0;" for at in sorted(set(heads.values()))]
        for guards, some in found.items():
            lines += [f"\t\tif ({_any_asked(guards)}) {{", *_look_for({head: heads[head] for head in some}), "\t\t}"]
        for guards in dict.fromkeys(wanted[test] for test in answers):
            tests = {test: at for test, at in answers.items() if wanted[test] == guards}
            lines += [f"\t\tif ({_any_asked(guards)}) {{", *self._turn(tests, heads), "\t\t}"]
        lines.append("\t}")
        for test, at in answers.items():
            known = f"known->{name}.plain" + (" == TM_PLAIN" if test.form == "arg" else "")
            answer = f"known->answer[{at}]"
            if test.negated:
                lines.append(f"\t{answer} = !({known}) || !{answer};")
            else:
                lines.append(f"\t{answer} |= !({known}) || known->real.len > TM_PREFILTER_TEXT;")
        return lines

    def _turn(self, answers: Mapping[PathTest, int], heads: Mapping[bytes, int]) -> list[str]:
        """Return the lines that ask some tests of the path in turn; what was found of heads says what is worth more."""
        lines = []
        for test, at in answers.items():
            asked = "!is_real && " if test.negated else ""
            worth = " || ".join(f"known->held[{at}] != 0" for at in sorted({heads[_head(text)] for text in test.holds}))
            more = f", {worth}" if worth else ""
            lines.append(f"known->answer[{at}] |= {asked}{self._tests[_constants(test)]}(path, at{more});")
        return [f"\t\t\t{line}" for line in lines]

    def _test(self, test: PathTest) -> str:
        name = self._tests[_constants(test)] = f"tm_path_{len(self._tests) + 1}"
        more = ", u32 worth" if test.holds else ""
        start = f"static __always_inline int {name}(const volatile struct tm_path *path, const u8 *at{more})"
        return "\n".join([start, "{", *_tests(test), ""])


def _locals(expression: Expression) -> list[str]:
    """Return the lines at the beginning of a call's function; in memory, too, for the verifier's sake."""
    lines = ["\tu32 turn;\n", *([_SOCKET] if _asks(expression, Socket) else ())]
    lines += [f"\t(void){each};" for each in ("head", "ext", "text", "known", "turn")]
    if _asks(expression, Place):
        lines.append("\tknown->place = tm_place(head);")
    if "known->flags" in _value(expression, {}):
        at = f"head->nr == {NAME_TO_NR['open']} ? 1 : 2" if "open" in NAME_TO_NR else "2"
        lines.append(f"\tknown->flags = head->arg[{at}];")
    return lines


def _gather(expression: Expression, before: tuple[Expression, ...], found: dict[PathTest, list[Expression]]) -> None:
    """Find the path tests of an expression, each with what must hold of the rest for its answer to matter."""
    match expression:
        case PathTest():
            found.setdefault(expression, []).append(every(before))
        case Some(parts):
            for part in parts:
                _gather(part, before, found)
        case All(parts):
            for part in parts:
                _gather(part, _beside(parts, before), found)


def _beside(parts: tuple[Expression, ...], before: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """Return what must hold beside the path tests of a conjunction, which stands below others."""
    return (*before, *(part for part in parts if not _asks(part, PathTest)))


def _by_path(tests: Iterable[PathTest]) -> dict[str, list[PathTest]]:
    """Return the tests by the path they ask, the cheapest to find first: few need the text as it was given."""
    paths: dict[str, list[PathTest]] = {}
    for test in sorted(tests, key=lambda test: (test.form == "raw", test.slot)):
        paths.setdefault("raw" if test.form == "raw" else _SLOT_NAMES[test.slot], []).append(test)
    return paths


def _constants(test: PathTest) -> PathTest:
    """Return what tests of different paths have in common."""
    return replace(test, slot=Slot.GIVEN, negated=False, form="name")


def _asks(expression: Expression, kind: type[Place | Socket | PathTest]) -> bool:
    if isinstance(expression, All | Some):
        return any(_asks(part, kind) for part in expression.parts)
    return isinstance(expression, kind)


def _value(
    expression: Expression,
    answers: Mapping[PathTest, int],
    guards: Mapping[Expression, int] = MappingProxyType({}),
    before: tuple[Expression, ...] = (),
) -> str:
    """Return an expression in C, what costs least first.

    Args:
        expression: What to print.
        answers: Where the answers of path tests are; one that has none is true.
        guards: Where it is told what holds of the registers.
        before: What holds where the value matters.
    """
    match expression:
        case Fixed(truth):
            return str(int(truth))
        case All(parts):
            beside = _beside(parts, before)
            at = guards.get(every(beside))
            rest = [part for part in parts if at is None or _asks(part, PathTest)]
            told = [] if at is None else [f"known->asked[{at}]"]
            texts = [_value(part, answers, guards, beside) for part in sorted(rest, key=_cost)]
            asked = [*told, *(text for text in texts if text != "1")]
            return "(" + (" &&\n\t\t".join(asked) or "1") + ")"
        case Some(parts):
            texts = [_value(part, answers, guards, before) for part in sorted(parts, key=_cost)]
            return "(" + " ||\n\t\t".join(texts) + ")"
        case Compare(column, order, value):
            return f"({_column(column)} {order} {_constant(column, value)})"
        case Among(column, values, mask, negated):
            return _among(column, values, mask, negated)
        case Place(host, container):
            return f"(!known->place || known->place == {1 if host else 2})" if host or container else "!known->place"
        case Name():
            return _name(expression)
        case Socket(member, values, mask, negated):
            left = f"({_MEMBERS[member]} & {mask:#x}ULL)" if mask != 0xFFFFFFFF else _MEMBERS[member]
            sign, word = ("!=", " && ") if negated else ("==", " || ")
            return f"(!is_sock || ({word.join(f'{left} {sign} {value}ULL' for value in values) or str(int(negated))}))"
        case PathTest():
            return f"known->answer[{answers[expression]}]" if expression in answers else "1"
    raise TypeError(f"not an expression: {expression!r}")


def _cost(expression: Expression) -> int:
    """Return about how many comparisons an expression takes; sorting keeps the order of equals."""
    match expression:
        case All(parts) | Some(parts):
            return sum(map(_cost, parts))
        case Name(equal, prefixes):
            return 2 * len(equal) + 2 * len(prefixes)
        case Among(_, values) | Socket(_, values):
            return len(values)
    return 1


def _column(column: str) -> str:
    if column == "ret":
        return "head->ret"
    if column in ("uid", "fd_type"):
        return f"(u64)ext->{column}"
    if column == "flags":
        return "known->flags"
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
    """Return the lines that find one of the paths and say where it is; the real one comes first."""
    slot = next((slot for slot, each in _SLOT_NAMES.items() if each == name), Slot.GIVEN)
    start = " + ".join(f"ext->slot_len[{before}]" for before in range(slot)) or "0"
    lines = [f"tm_take(&known->{name}, text, {start}, ext->slot_len[{int(slot)}]);"]
    if name == "raw":
        lines.append("tm_raw(head, &known->raw, text);")
    elif name != "real":
        room = "TM_PREFILTER_FULL" + ("2" if slot == Slot.GIVEN2 else "")
        lines.append(f"known->{name}.base = ext->slot_len[{slot + 1}];")
        lines.append(f"tm_same(head, &known->{name}, &known->real, text);")
        lines += [f"if (!known->{name}.same)", f"\ttm_given(head, &known->{name}, text, {room});"]
    return lines


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
    """Return the walk along a path with the last bytes of it in one word, the oldest lowest."""
    lines = [
        "\tif (worth) {",
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


def _any_asked(guards: Iterable[int]) -> str:
    return " | ".join(f"known->asked[{at}]" for at in guards)


def _heads(
    tests: Iterable[PathTest], wanted: Mapping[PathTest, tuple[int, ...]]
) -> tuple[dict[bytes, int], dict[tuple[int, ...], list[bytes]]]:
    """Return where it is told whether a head was found, and which of them are looked for when.

    A head that several tests want is looked for once, in one walk with all others that the same guards want. Those that
    are too many share the last place: what is worth more for one of them is then for all.
    """
    guards_of: dict[bytes, set[int]] = {}
    for test in tests:
        for text in test.holds:
            guards_of.setdefault(_head(text), set()).update(wanted[test])
    found: dict[tuple[int, ...], list[bytes]] = {}
    for head, guards in guards_of.items():
        found.setdefault(tuple(sorted(guards)), []).append(head)
    return {head: min(at, MAX_HEADS - 1) for at, head in enumerate(guards_of)}, found


def _head(text: bytes) -> bytes:
    """Return what is looked for of a held text before a walk: eight places are looked at at a time."""
    return text[:_LOOKED_FOR]


def _look_for(heads: Mapping[bytes, int]) -> list[str]:
    """Return the lines that tell which heads may stand somewhere in a path, or right behind it.

    They are told as bits of any kind, and by memory: the verifier would follow each set of them on its own.
    """
    if not heads:
        return []
    found = sorted(set(heads.values()))
    lines = ["{", *(f"\tu64 head{at} = 0;" for at in found), "\tu32 i;", ""]
    lines += ["\tfor (i = 0; i < TM_PREFILTER_TEXT; i += 8) {"]
    lines += ["\t\tu64 word0, word1, word2;", "", "\t\tif (i >= path->len)", "\t\t\tbreak;"]
    lines += [f"\t\tword{at} = TM_WORD(at + i + {at});" for at in range(_LOOKED_FOR)]
    for head, at in heads.items():
        words = " & ".join(
            f"tm_zeros(word{place} ^ {_number_of(head[place : place + 1] * _WORD)})" for place in range(len(head))
        )
        lines.append(f"\t\thead{at} |= {words};\t/* {_comment(head)} */")
    lines += ["\t\t(void)word1;", "\t\t(void)word2;", "\t}"]
    return [f"\t\t\t{line}" for line in (*lines, *(f"\tknown->held[{at}] |= head{at};" for at in found), "}")]


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
