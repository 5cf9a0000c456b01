"""The questions that the kernel can answer about an event, as a small tree, and how trees are simplified.

Each node *may hold* or surely does not: what a node cannot tell counts as holding. tuimon.rules.prefilter_kernel makes
the trees from conditions, tuimon.rules.prefilter_columns asks them of a batch, tuimon.rules.prefilter_c prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tuimon.records import Slot

Column = Literal["ret", "uid", "fd_type", "flags", "arg0", "arg1", "arg2", "arg3", "arg4", "arg5"]
"""``flags`` are those of an open, openat or openat2: one question for all three."""
Order = Literal["<", "<=", ">", ">="]
Member = Literal["family", "type", "protocol", "lport", "rport", "laddr", "raddr"]
Form = Literal["name", "arg", "raw"]
"""What a path test looks at: ``name``, the path made absolute and normalised (fd.name); ``arg``, the same of a relative
path only, an absolute one as it was given (evt.arg.path); ``raw``, the text as it was given (fd.nameraw)."""

MAX_TEXT: Final = 255
"""Longest path, and longest constant, that is compared in the kernel."""
MAX_CONSTANTS: Final = 96
"""Constants of one path test; one of more is *maybe*, lest the kernel's verifier gives up."""
MAX_NAMES: Final = 256
"""The same of a test of names, which are short."""
_COMPARED: Final = 200
"""Parts of a disjunction that are compared, each with each, to leave out what another covers."""
WINDOW: Final = 8
"""Bytes that are compared at a time while the kernel walks along a path."""
COMM_LEN: Final = 15
"""Longest name of a thread (TASK_COMM_LEN without its NUL)."""


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
class Place:
    """Whether something may hold of events on the host, and in containers; where it is not known which, it may."""

    host: bool
    container: bool


@dataclass(frozen=True, slots=True)
class Name:
    """The process's name is one of some, or begins with one.

    Known of a process's main thread alone, whose name the process table follows; of other threads it may be anything.
    That a name is *not* one of some is never asked: it is true of nearly every event, and the lists are long.
    """

    equal: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Socket:
    """A member of the record's struct tm_sock, masked, is one of some values; with ``negated``, none of them.

    It may be anything where the record is not about a socket. An address is its first four bytes as one number.
    """

    member: Member
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    negated: bool = False


@dataclass(frozen=True, slots=True)
class PathTest:
    """A path of the record may be one of some texts, begin or end with one, hold one, or lie right in a folder.

    Positive: the path is not known, or it matches, or the real path does or is too long to tell. Negated: not (the path
    is known and matches). Of ends and held texts WINDOW bytes are compared: the last ones, and the first ones.
    """

    slot: Slot
    equal: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    suffixes: tuple[bytes, ...] = ()
    holds: tuple[bytes, ...] = ()
    negated: bool = False
    folders: tuple[bytes, ...] = ()
    form: Form = "name"

    @property
    def texts(self) -> tuple[bytes, ...]:
        """All its constants."""
        return (*self.equal, *self.prefixes, *self.suffixes, *self.holds, *self.folders)


Expression = Fixed | All | Some | Compare | Among | Place | Name | Socket | PathTest
MAYBE: Final = Fixed(True)
NEVER: Final = Fixed(False)


def every(parts: Sequence[Expression]) -> Expression:
    """Return the conjunction, simplified: negated path tests of one kind are joined, places are one."""
    flat = dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, All) else (part,)))
    flat.pop(MAYBE, None)
    if NEVER in flat:
        return NEVER
    joined = _joined(_one_place(list(flat), all_of=True), negated=True)
    return MAYBE if not joined else joined[0] if len(joined) == 1 else All(tuple(joined))


def some(parts: Sequence[Expression]) -> Expression:
    """Return the disjunction, simplified: what says yes anyway swallows the rest, path tests of one kind are joined."""
    flat = dict.fromkeys(each for part in parts for each in (part.parts if isinstance(part, Some) else (part,)))
    flat.pop(NEVER, None)
    if MAYBE in flat:
        return MAYBE
    joined = _joined(_one_place(list(flat), all_of=False), negated=False)
    if MAYBE in joined:
        return MAYBE
    if len(joined) <= _COMPARED:
        joined = [part for part in joined if not any(_covers(other, part) for other in joined if other is not part)]
    return NEVER if not joined else joined[0] if len(joined) == 1 else Some(tuple(joined))


def place(*, host: bool, container: bool) -> Expression:
    """Return the question after the place; none at all where the answer does not matter."""
    return MAYBE if host and container else Place(host, container)


def _one_place(parts: list[Expression], *, all_of: bool) -> list[Expression]:
    """Make one question of all that ask after the place; it is cheap and comes first."""
    places = [part for part in parts if isinstance(part, Place)]
    if not places:
        return parts
    both = all if all_of else any
    joined = place(host=both(each.host for each in places), container=both(each.container for each in places))
    return [joined, *(part for part in parts if not isinstance(part, Place))]


def _covers(wide: Expression, narrow: Expression) -> bool:
    """Whether a conjunction says no more than one of its parts, or than a part of it."""
    if not isinstance(narrow, All):
        return False
    return set(wide.parts) <= set(narrow.parts) if isinstance(wide, All) else wide in narrow.parts


def _joined(parts: list[Expression], *, negated: bool) -> list[Expression]:
    """Join path tests on one slot into one: those of a disjunction, or the negated ones of a conjunction."""
    out: list[Expression] = []
    tests: dict[tuple[Slot, Form], PathTest] = {}
    for part in parts:
        if not isinstance(part, PathTest) or part.negated is not negated:
            out.append(part)
            continue
        key = part.slot, part.form
        known = tests.get(key)
        if known is not None and len(known.texts) + len(part.texts) > MAX_CONSTANTS:
            out.append(known)
            known = None
        tests[key] = part if known is None else _both(known, part)
    return [*out, *tests.values()]


def _both(one: PathTest, two: PathTest) -> PathTest:
    return path_test(
        one.slot,
        (*one.equal, *two.equal),
        (*one.prefixes, *two.prefixes),
        (*one.suffixes, *two.suffixes),
        (*one.holds, *two.holds),
        (*one.folders, *two.folders),
        negated=one.negated,
        form=one.form,
    )


def limited(expression: Expression) -> Expression:
    """Return the expression, or *maybe* when it has more or longer constants than the kernel takes."""
    if isinstance(expression, Name):
        return expression if len(expression.equal) + len(expression.prefixes) <= MAX_NAMES else MAYBE
    if not isinstance(expression, PathTest):
        return expression
    too_long = any(len(text) > MAX_TEXT - 1 for text in expression.texts)
    return MAYBE if too_long or len(expression.texts) > MAX_CONSTANTS else expression


def path_test(
    slot: Slot,
    equal: Sequence[bytes] = (),
    prefixes: Sequence[bytes] = (),
    suffixes: Sequence[bytes] = (),
    holds: Sequence[bytes] = (),
    folders: Sequence[bytes] = (),
    *,
    negated: bool = False,
    form: Form = "name",
) -> PathTest:
    """Return a path test in its shortest form: sorted, cut to the window, nothing that another constant covers."""
    short = sorted(set(prefixes))
    begins = [each for at, each in enumerate(short) if not any(each.startswith(other) for other in short[:at])]
    exact = [each for each in sorted(set(equal)) if not any(each.startswith(other) for other in begins)]
    ends = sorted({each[-WINDOW:] for each in suffixes})
    held = sorted({each[:WINDOW] for each in holds})
    inside = [each for each in sorted(set(folders)) if not any(each.startswith(other) for other in begins)]
    return PathTest(slot, tuple(exact), tuple(begins), tuple(ends), tuple(held), negated, tuple(inside), form)


def name_test(equal: Sequence[bytes] = (), prefixes: Sequence[bytes] = ()) -> Expression:
    """Return a test of the process's name; what is longer than a name can be is no name's beginning."""
    exact = tuple(sorted({each for each in equal if len(each) <= COMM_LEN}))
    begins = tuple(sorted({each for each in prefixes if len(each) <= COMM_LEN}))
    return Name(exact, begins) if exact or begins else NEVER
