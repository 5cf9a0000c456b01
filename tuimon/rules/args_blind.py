"""evt.args of execs and forks as a check sees it that cannot tell numbers apart (``is_blind`` in .args_checks).

Each of them has pids and times of its own, so that no two texts are alike; but for the digits of those there are a few
hundred among 30,000. A number is replaced here by what its digits hang on least: whether it is there, and its sign.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import BOUND, Bound
from tuimon.fields.evtarg import is_plain_number
from tuimon.records import Kind
from tuimon.rules.args_text import UNLIKE
from tuimon.rules.asked import PERHAPS, Asked
from tuimon.rules.grouping import Groups, Rows, grouped, small, some_of
from tuimon.rules.members import NO_PID
from tuimon.rules.numbering import NOT_ASKED, KeptWords, Truths
from tuimon.rules.words import TEXTS, Words, columns_of, is_pid

if TYPE_CHECKING:
    from tuimon.rules.look import Look

_DECIMAL: Final = ("INT", "UINT", "ABSTIME")
"""How the types of parameters begin that are printed as digits, but for those in hexadecimal."""
_SIGN: Final = "sign of "
_PID: Final = "which of "
"""Whether a pid is the process itself, its parent or another one: only the first two are shown by name."""
_NAMES: Final = ("process comm", "process parent.comm")
_IN_TEXTS: Final = ("slot ", "base of ")
"""Columns that the texts of the record tell as well."""
_MEMBER: Final = "process "


def is_of_process(kind: int, name: str) -> bool:
    """Return whether events of a kind and type tell of a process: execs and forks, and calls to exec that failed."""
    return kind in UNLIKE or name in ("execve", "execveat")


def said_of_blind(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), what a check that cannot tell numbers apart says of some of those; what is alike is asked once.

    Names of users are shown, which change: answers are kept as long as others about them.
    """
    look.whole[rows] = True
    groups = some_of(*_among(look, rows))
    table = look.memory.table("named", ("all arguments", asked.question), int(groups.numbers.max(initial=-1)) + 1)
    found = table[groups.numbers]
    for at in np.flatnonzero(found == NOT_ASKED).tolist():
        found[at] = said = asked.answer(look.event(int(groups.first[at])))
        if said != PERHAPS:  # else it may be known at the next question
            table[groups.numbers[at]] = said
    return np.asarray(found[groups.of_row])


def _among(look: Look, rows: Rows) -> tuple[Groups, NDArray[np.intp]]:
    """Return the groups of all of those in the batch, and the places of some rows among them."""
    kinds, groups = but_for_digits(look)
    return groups, look.places_among(kinds, rows)


def but_for_digits(look: Look) -> tuple[NDArray[np.intp], Groups]:
    """Return the kinds of event in the batch that tell of a process, and their rows in groups alike but for digits.

    They are kept where they were prepared, or asked last, while nothing else is known of processes and containers.
    """
    memory, batch = look.memory, look.batch
    present = memory.present(batch).tolist()
    kinds = np.array([code for code in present if is_of_process(look.kind_of(code), look.name_of(code))], np.intp)
    kept = memory.known(batch).words.get(_KEPT, {}).get(_SIDE)
    if kept is not None and kept.holds(memory.era, look.who) and np.array_equal(kept.kinds, kinds):
        return kinds, kept.groups
    rows = look.which(kinds, np.arange(len(batch)))
    groups = grouped(_numbers(look, rows))
    groups = groups._replace(first=rows[groups.first])
    of_row, numbers = groups.of_row.astype(small(len(groups.first))), groups.numbers.astype(np.int32)
    words = KeptWords(kinds, memory.era, look.who, of_row, groups.first.astype(np.int32), numbers)
    memory.keep_words(batch, _KEPT, _SIDE, words)
    return kinds, groups


_KEPT: Final = ("evt.args", "")
_SIDE: Final = "but for digits"


def _numbers(look: Look, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number for what each text is but for its digits, the same in every batch."""
    if not len(rows):
        return np.empty(0, np.int64)
    codes, seen = look.codes(rows), _Seen(look, rows)
    kinds = {code: _columns(look.kind_of(code), look.name_of(code)) for code in np.unique(codes).tolist()}
    names = dict.fromkeys(name for each in kinds.values() for name in each)
    key = np.zeros((len(rows), len(names) + 1), np.int64)
    key[:, 0] = codes
    masks: dict[tuple[int, ...], NDArray[np.bool_]] = {}
    for at, name in enumerate(names, 1):
        having = tuple(code for code, each in kinds.items() if name in each)
        if len(having) == len(kinds):
            key[:, at] = seen.column(name)
            continue
        mask = masks.get(having)
        if mask is None:
            mask = masks[having] = np.isin(codes, having)
        np.copyto(key[:, at], seen.column(name), where=mask)
    return look.memory.bytes_numbered(_SIDE, key.view(f"V{key.shape[1] * 8}")[:, 0].tolist(), len(rows))


@functools.cache
def _columns(kind: int, name: str) -> tuple[str, ...]:
    """Return the columns that evt.args of a kind of event hangs on, but for the digits of its numbers."""
    bounds = (bound for bound in BOUND.get(name, ()) if bound.get is not None)
    return tuple(dict.fromkeys(column for bound in bounds for column in _columns_of(bound, kind, name)))


def _columns_of(bound: Bound, kind: int, name: str) -> Iterator[str]:
    param = bound.param
    if param.type == "PID" and is_pid(bound.source, kind):
        yield from (_PID + bound.source, *_NAMES)
        return
    columns = [column for is_raw in (True, False) for column in columns_of(bound, kind, name, is_raw=is_raw)]
    is_number = is_plain_number(param) and param.type.startswith(_DECIMAL) and param.style != "x"
    for column in columns:
        if is_number:
            yield _SIGN + column
        else:
            yield TEXTS if column.startswith(_IN_TEXTS) else column


class _Seen:
    """Columns of some execs and forks."""

    def __init__(self, look: Look, rows: Rows) -> None:
        self._look = look
        self._rows = rows
        self._codes = look.codes(rows)
        self._words = Words(look, int(self._codes[0]), rows)

    def column(self, name: str) -> NDArray[np.int64]:
        """Return, (k,), a column, as ``_columns`` names it; the same number stands for the same in every batch."""
        if name.startswith(_PID):
            return self._which(name.removeprefix(_PID))
        if not name.startswith(_SIGN):
            return self._words.column(name, None)
        inner = name.removeprefix(_SIGN)
        column = self._words.column(inner, None)
        if inner.startswith(_MEMBER):
            return self._signs_of_members(column)
        return np.where(column == _ABSENT, np.int64(_NONE), np.sign(column))

    def _signs_of_members(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the signs of members of processes at places; _NONE for none."""
        values = self._look.members.values
        table = self._look.memory.table("value", "sign of a member", len(values))
        found = table[places]
        new = np.unique(places[found == NOT_ASKED])
        if len(new):
            # None of them is below 0, for that means that it was not asked.
            signs = (_NONE if values[at] is None else 1 + (values[at] > 0) - (values[at] < 0) for at in new.tolist())
            table[new] = np.fromiter(signs, np.int8, len(new))
            found = table[places]
        return found.astype(np.int64)

    def _which(self, source: str) -> NDArray[np.int64]:
        """Return what is shown of pids beside their digits."""
        pids, has = self._words.pids(source)
        own, above, tid, child = self._pids
        is_own = (pids == own) | (pids == tid) | (pids == child)
        is_known = (pids > 0) & (own != NO_PID)
        shown = np.where(is_known & is_own, 1, np.where(is_known & (pids == above), 2, 0))
        return np.where(has, shown + 3 * np.sign(pids), -_NONE - 1)

    @functools.cached_property
    def _pids(self) -> tuple[NDArray[np.int64], ...]:
        """The pids of each row's process, of its parent, of its thread, and of the child that it made."""
        members, head = self._look.members, self._look.batch.head
        own, above = (members.pids(member, self._rows) for member in ("pid", "parent.pid"))
        is_fork = np.array([code >> 16 == Kind.FORK for code in self._look.memory.code_of], bool)[self._codes]
        tid, ret = (head[name][self._rows].astype(np.int64) for name in ("tid", "ret"))
        return own, above, tid, np.where(is_fork, ret, NO_PID)


_NONE: Final = 3
_ABSENT: Final = -(1 << 63)
"""What ``Words`` has for a number that a record does not carry."""
