"""What the kernel can judge about an event: a few comparisons on the record before it is sent.

For one system call, the rules in force become one expression over the record's head, ext and texts. It is a sound
over-approximation: when it is false, no rule can match. It knows the result, the effective user, the register arguments
and paths that stand plainly in the text; processes, containers, sockets and everything else are *maybe*.

A path counts as *plain* when it is absolute and its text needs no normalising; one that is not plain may be anything.
The expression is printed to numpy by tuimon.rules.prefilter_columns and to C by tuimon.rules.prefilter_c.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tuimon.errors import RuleError
from tuimon.records import Slot
from tuimon.rules.checks import Checks
from tuimon.rules.graph import Graph
from tuimon.rules.nodes import Check, Condition, FieldRef, ValueList
from tuimon.rules.nodes import Literal as Constant
from tuimon.rules.values import parse_bool, parse_number
from tuimon.syscalls import CALLS, PARAMS, Call

Column = Literal["ret", "uid", "arg0", "arg1", "arg2", "arg3", "arg4", "arg5"]
Order = Literal["<", "<=", ">", ">="]

MAX_TEXT: Final = 255
"""Longest constant text that is compared in the kernel."""
MAX_CONSTANTS: Final = 96
"""Constants of one path test; a test of more is *maybe*, lest the kernel's verifier gives up."""
WINDOW: Final = 8
"""Bytes that are compared at a time while the kernel walks along a path."""
_FLAG_BITS: Final = {"O_CREAT": os.O_CREAT, "O_TRUNC": os.O_TRUNC, "O_APPEND": os.O_APPEND, "O_EXCL": os.O_EXCL}
_UNSET: Final = 0xFFFFFFFF
_OPEN_FLAGS: Final[dict[str, Column]] = {"open": "arg1", "openat": "arg2"}
"""openat2 has its flags in memory: a record shows them in a register only after it was completed."""
_MIRROR: Final[dict[str, Order]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_PATH_ARGS: Final = frozenset(("name", "path", "filename", "pathname", "oldpath"))
_PATH2_ARGS: Final = frozenset(("newpath",))
_GIVEN_FIELDS: Final = frozenset(("fd.name", "fd.nameraw"))
_OPENS: Final = frozenset(("open", "openat", "openat2", "creat"))


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always, or never."""

    truth: bool


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A column against a constant; ``ret`` is signed, the others are not."""

    column: Column
    order: Order
    value: int


@dataclass(frozen=True, slots=True)
class Among:
    """A column, masked, is one of some values; with ``negated`` it is none of them."""

    column: Column
    values: tuple[int, ...]
    mask: int = -1
    """-1: the whole column."""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class PathTest:
    """A path of the record may be one of some texts, begin or end with one, or hold one.

    Positive: the path is not plain, or it matches, or the real path does or is too long to tell. Negated: not (the path
    is plain and matches). Of ends and held texts WINDOW bytes are compared: the last ones, and the first ones.
    """

    slot: Slot
    equal: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    suffixes: tuple[bytes, ...] = ()
    holds: tuple[bytes, ...] = ()
    negated: bool = False

    @property
    def texts(self) -> tuple[bytes, ...]:
        """All its constants."""
        return (*self.equal, *self.prefixes, *self.suffixes, *self.holds)


Expression = Fixed | All | Some | Compare | Among | PathTest
MAYBE: Final = Fixed(True)
NEVER: Final = Fixed(False)


def kernel_expression(conditions: Iterable[Condition], name: str, checks: Checks) -> Expression:
    """Return the expression of some rules for one system call.

    Args:
        conditions: Resolved conditions.
        name: The call's ``evt.type``.
        checks: Knows the fields.
    """
    graph = Graph()
    translator = _Translator(graph, checks, name)
    return some([translator.over(graph.add(condition, name), negated=False) for condition in conditions])


def every(parts: Sequence[Expression]) -> Expression:
    """Return the conjunction, simplified: negated path tests of one kind are joined."""
    flat = dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, All) else (part,)))
    flat.pop(MAYBE, None)
    if NEVER in flat:
        return NEVER
    joined = _joined(list(flat), negated=True)
    return MAYBE if not joined else joined[0] if len(joined) == 1 else All(tuple(joined))


def some(parts: Sequence[Expression]) -> Expression:
    """Return the disjunction, simplified: what says yes anyway swallows the rest, path tests of one kind are joined."""
    flat = dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, Some) else (part,)))
    flat.pop(NEVER, None)
    if MAYBE in flat:
        return MAYBE
    joined = _joined(list(flat), negated=False)
    absorbed = [part for part in joined if not any(_covers(other, part) for other in joined if other != part)]
    return NEVER if not absorbed else absorbed[0] if len(absorbed) == 1 else Some(tuple(absorbed))


def _covers(wide: Expression, narrow: Expression) -> bool:
    """Whether a conjunction says no more than one of its parts, or than a part of it."""
    if not isinstance(narrow, All):
        return False
    return set(wide.parts) <= set(narrow.parts) if isinstance(wide, All) else wide in narrow.parts


def _joined(parts: list[Expression], *, negated: bool) -> list[Expression]:
    """Join path tests on one slot into one: those of a disjunction, or the negated ones of a conjunction."""
    out: list[Expression] = []
    tests: dict[Slot, PathTest] = {}
    for part in parts:
        if not isinstance(part, PathTest) or part.negated is not negated:
            out.append(part)
            continue
        known = tests.get(part.slot)
        tests[part.slot] = part if known is None else _both(known, part)
    return [*out, *tests.values()]


def _both(one: PathTest, two: PathTest) -> PathTest:
    return path_test(
        one.slot,
        (*one.equal, *two.equal),
        (*one.prefixes, *two.prefixes),
        (*one.suffixes, *two.suffixes),
        (*one.holds, *two.holds),
        negated=one.negated,
    )


def path_test(
    slot: Slot,
    equal: Sequence[bytes] = (),
    prefixes: Sequence[bytes] = (),
    suffixes: Sequence[bytes] = (),
    holds: Sequence[bytes] = (),
    *,
    negated: bool = False,
) -> PathTest:
    """Return a path test in its shortest form: sorted, cut to the window, nothing that another constant covers."""
    short = sorted(set(prefixes))
    begins = [each for each in short if not any(each != other and each.startswith(other) for other in short)]
    exact = [each for each in sorted(set(equal)) if not any(each.startswith(other) for other in begins)]
    ends = sorted({each[-WINDOW:] for each in suffixes})
    held = sorted({each[:WINDOW] for each in holds})
    return PathTest(slot, tuple(exact), tuple(begins), tuple(ends), tuple(held), negated)


class _Translator:
    """Turns nodes of a graph into expressions for one system call."""

    def __init__(self, graph: Graph, checks: Checks, name: str) -> None:
        self._graph = graph
        self._checks = checks
        self._name = name
        self._call = CALLS.get(name, Call(""))

    def over(self, node: int, *, negated: bool) -> Expression:
        """Return what holds whenever the node (negated: its opposite) is true or unknown."""
        kind, inner = self._graph.keys[node]
        if kind == "const":
            return Fixed(inner is not negated)
        if kind == "not":
            return self.over(inner, negated=not negated)
        if kind == "check":
            return _limited(self._check(inner, negated))
        parts = [self.over(child, negated=negated) for child in inner]
        return every(parts) if (kind == "and") is not negated else some(parts)

    def _check(self, check: Check, negated: bool) -> Expression:
        texts = _constants(check)
        if texts is None or not isinstance(check.left, FieldRef):
            return MAYBE
        info, arg = self._checks.field(check.left)
        try:
            if info.name in ("evt.rawres", "fd.num"):
                return self._result(info.name, check.op, texts, negated)
            if info.name in ("evt.res", "evt.failed"):
                return self._outcome(info.name, check.op, texts, negated)
            if info.name in ("evt.is_open_read", "evt.is_open_write"):
                return self._opening(info.name, check.op, texts, negated)
            if info.name == "user.uid":
                return _user(check.op, texts, negated)
        except RuleError:
            return MAYBE
        raw = [text.encode("utf-8", "surrogateescape") for text in texts]
        if any(not text or 0 in text for text in raw):
            return MAYBE
        if info.name == "evt.arg" and arg == "flags":
            return self._flags(check.op, texts, negated)
        if info.name in ("fd.directory", "fd.filename") and self._name in _OPENS:
            return MAYBE if negated else _part_of_path(info.name, check.op, raw)
        slot = self._slot(info.name, arg)
        return MAYBE if slot is None else _path(slot, check.op, raw, negated)

    def _flags(self, op: str, texts: Sequence[str], negated: bool) -> Expression:
        """Flags of an open that their text shows by one bit each."""
        column, bit = _OPEN_FLAGS.get(self._name), _FLAG_BITS.get(texts[0])
        if op != "contains" or column is None or bit is None:
            return MAYBE
        return Among(column, (bit,), bit, negated=negated)

    def _result(self, field: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        numbers = [parse_number(text, 64, True) for text in texts]
        if field == "fd.num":
            # A failed call's fd is -1, whatever the error; from 0 on it is the result itself.
            if self._call.returns_fd and numbers == [-1] and op in ("=", "=="):
                return Compare("ret", ">=" if negated else "<", 0)
            if not self._call.returns_fd or min(numbers, default=-1) < 0 or op in ("<", "<=", "!="):
                return MAYBE
        elif not PARAMS.get(self._name):
            return Fixed(negated)  # absent: the check is false
        return _number("ret", op, numbers, negated)

    def _outcome(self, field: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        if not PARAMS.get(self._name):
            return Fixed(negated)
        if field == "evt.res" and op == "startswith" and texts[0].startswith("E"):
            return MAYBE if negated else Compare("ret", "<", 0)
        if len(texts) != 1 or op not in ("=", "==", "!="):
            return MAYBE
        if field == "evt.res" and texts[0] != "SUCCESS":
            return MAYBE if negated or op == "!=" else Compare("ret", "<", 0)
        failed = parse_bool(texts[0]) if field == "evt.failed" else False
        return Compare("ret", "<" if failed is not (negated is not (op == "!=")) else ">=", 0)

    def _opening(self, field: str, op: str, texts: Sequence[str], negated: bool) -> Expression:
        if len(texts) != 1 or op not in ("=", "==", "!="):
            return MAYBE
        wanted = parse_bool(texts[0]) is not (negated is not (op == "!="))
        if self._name not in ("open", "openat", "openat2", "open_by_handle_at"):
            return Fixed(not wanted)  # creat included: Falco looks at its flags for evt.is_open_exec only
        column = _OPEN_FLAGS.get(self._name)
        if column is None:
            return MAYBE
        read = field == "evt.is_open_read"
        modes = (os.O_WRONLY,) if read else (os.O_WRONLY, os.O_RDWR)
        return Among(column, modes, os.O_ACCMODE, negated=wanted is read)

    def _slot(self, field: str, arg: str | None) -> Slot | None:
        """Return the text a field shows, None when it is not one of the record's paths as they stand."""
        if field in _GIVEN_FIELDS:
            return Slot.GIVEN if self._name in _OPENS else None
        if field != "evt.arg" or self._call.path is None or self._call.text is not None:
            return None
        known = {param.name for param in PARAMS.get(self._name, ())}
        if arg in _PATH_ARGS and arg in known:
            return Slot.GIVEN
        return Slot.GIVEN2 if arg in _PATH2_ARGS and arg in known and self._call.path2 is not None else None


def _limited(expression: Expression) -> Expression:
    """Return the expression, or *maybe* when it has more or longer constants than the kernel takes."""
    if not isinstance(expression, PathTest):
        return expression
    too_long = any(len(text) > MAX_TEXT for text in expression.texts)
    return MAYBE if too_long or len(expression.texts) > MAX_CONSTANTS else expression


def _constants(check: Check) -> tuple[str, ...] | None:
    """Return the constants of a check, None when there are none or a modifier says how they count."""
    if check.modifier is not None:
        return None
    match check.right:
        case Constant(text):
            return (text,)
        case ValueList(items):
            return tuple(item.text for item in items)
    return None


def _number(column: Column, op: str, numbers: Sequence[int], negated: bool) -> Expression:
    """Return a comparison of a column that always has a value."""
    if op in _MIRROR:
        order: Order = _MIRROR[op] if negated else op  # type: ignore[assignment]
        return Compare(column, order, numbers[0])
    if op in ("=", "==", "in", "intersects"):
        return Among(column, tuple(sorted(set(numbers))), negated=negated) if numbers else Fixed(negated)
    return Among(column, tuple(numbers), negated=not negated) if op == "!=" else MAYBE


def _user(op: str, texts: Sequence[str], negated: bool) -> Expression:
    """Return a comparison of the effective uid; (u32)-1 is nobody, an absent value."""
    numbers = [parse_number(text, 32, False) for text in texts]
    if op in ("=", "==", "in", "intersects"):
        numbers = [number for number in numbers if number != _UNSET]
        return _number("uid", "in", numbers, negated)
    if op == "!=":
        return _number("uid", "in", [*numbers, _UNSET], not negated)
    return MAYBE


def _path(slot: Slot, op: str, texts: Sequence[bytes], negated: bool) -> Expression:
    if op in ("=", "==", "in", "intersects"):
        return path_test(slot, texts, negated=negated) if texts else Fixed(negated)
    if op == "startswith":
        return path_test(slot, (), texts, negated=negated)
    if op == "!=" and negated:
        return path_test(slot, texts)
    if negated and (op not in ("endswith", "contains") or len(texts[0]) > WINDOW):
        return MAYBE
    if op == "endswith":
        return path_test(slot, suffixes=texts, negated=negated)
    if op == "contains":
        return path_test(slot, holds=texts, negated=negated)
    if op == "glob":
        return _globbed(slot, texts[0])
    if op == "pmatch":
        # Wider than it is: a component prefix, up to the first glob.
        return path_test(slot, (), [_fixed_part(text) for text in texts]) if texts else NEVER
    return MAYBE


def _part_of_path(field: str, op: str, texts: Sequence[bytes]) -> Expression:
    """Return a wider test of a whole path: what lies in a directory begins with it, a file's name ends the path."""
    if op not in ("=", "==", "in", "intersects"):
        return MAYBE
    if field == "fd.directory":
        return path_test(Slot.GIVEN, (), [text if text == b"/" else text + b"/" for text in texts]) if texts else NEVER
    return path_test(Slot.GIVEN, suffixes=[b"/" + text for text in texts]) if texts else NEVER


def _globbed(slot: Slot, pattern: bytes) -> Expression:
    """Return a wider test than a glob: its fixed beginning, else the longest text that every match holds."""
    if any(mark in pattern for mark in b"[\\"):
        return MAYBE
    pieces = pattern.replace(b"?", b"*").split(b"*")
    if pieces[0]:
        return path_test(slot, (), pieces[:1])
    longest = max(pieces, key=len)
    return path_test(slot, holds=[longest]) if longest else MAYBE


def _fixed_part(path: bytes) -> bytes:
    """Return a prefix that every plain path at or below a pmatch path has."""
    parts = [part for part in path.split(b"/") if part]
    out = b""
    for part in parts:
        if any(mark in part for mark in b"*?["):
            return out + b"/"
        out += b"/" + part
    return out or b"/"
