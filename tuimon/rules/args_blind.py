"""evt.args of execs and forks as a check sees it that cannot tell numbers apart (``is_blind`` in .args_checks).

Each of them has pids and times of its own, so that no two texts are alike; but for the digits of those there are a few
hundred among 30,000. A number is replaced here by what its digits hang on least: whether it is there, and its sign.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import BOUND, Bound
from tuimon.fields.evtarg import is_plain_number
from tuimon.process import Process
from tuimon.records import Kind
from tuimon.rules.args_text import UNLIKE
from tuimon.rules.asked import PERHAPS, Asked
from tuimon.rules.grouping import Groups, KeptGroups, Rows, grouped, some_of
from tuimon.rules.members import NO_PID, getter_of_member
from tuimon.rules.numbering import NOT_ASKED, KeptWords, Truths
from tuimon.rules.words import MEMBERS, TEXTS, Words, columns_of, is_pid

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
_OF_PROCESS: Final = (_MEMBER, _SIGN + _MEMBER)


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
    if kept is not None and look.still_holds(kept) and np.array_equal(kept.kinds, kinds):
        return kinds, kept.groups
    rows = look.which(kinds, np.arange(len(batch)))
    groups = grouped(_numbers(look, rows))
    groups = groups._replace(first=rows[groups.first])
    words = KeptWords(kinds, memory.era, look.who, KeptGroups.of(groups))
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
    of_process = tuple(sorted(name for name in names if name.startswith(_OF_PROCESS)))
    others = [name for name in names if name not in of_process]
    key = np.zeros((len(rows), len(others) + 2), np.int64)
    key[:, 0], key[:, 1] = codes, seen.of_process(of_process)
    for at, name in enumerate(others, 2):
        having = [code for code, each in kinds.items() if name in each]
        is_shown = True if len(having) == len(kinds) else np.isin(codes, having)
        np.copyto(key[:, at], seen.column(name), where=is_shown)
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

    @functools.cached_property
    def _groups(self) -> Groups:
        return some_of(self._look.memory.groups(self._look.batch, "process"), self._rows)

    @functools.cached_property
    def _processes(self) -> list[Process | None]:
        """The process of each group. They are asked themselves: tables of their members would take megabytes."""
        return self._look.members.processes(self._groups.first)

    def of_process(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        """Return, (k,), a number for columns of the process, all together."""
        texts = [getter_of_member(name.removeprefix(_MEMBER)) for name in names if name.startswith(_MEMBER)]
        signs = [getter_of_member(name.removeprefix(_SIGN + _MEMBER)) for name in names if name.startswith(_SIGN)]
        values = [
            names if each is None else (names, *(get(each) for get in texts), *(_sign(get(each)) for get in signs))
            for each in self._processes
        ]
        places = self._look.memory.pool(_SIDE).places(values).astype(np.int64)
        return np.asarray(places[self._groups.of_row])

    def column(self, name: str) -> NDArray[np.int64]:
        """Return, (k,), another column, as ``_columns`` names it: what it is, or its sign."""
        if name.startswith(_PID):
            return self._which(name.removeprefix(_PID))
        column = self._words.column(name.removeprefix(_SIGN), None)
        return np.where(column == _ABSENT, np.int64(_NONE), np.sign(column)) if name.startswith(_SIGN) else column

    def _which(self, source: str) -> NDArray[np.int64]:
        """Return what is shown of pids beside their digits."""
        if source in MEMBERS:
            pids = self._pids_of(MEMBERS[source])
            has = pids != NO_PID
        else:
            pids, has = self._words.pids(source)
        own, above, tid, child = self._pids
        is_own = (pids == own) | (pids == tid) | (pids == child)
        is_known = (pids > 0) & (own != NO_PID)
        shown = np.where(is_known & is_own, 1, np.where(is_known & (pids == above), 2, 0))
        return np.where(has, shown + 3 * np.sign(pids), -_NONE - 1)

    @functools.cached_property
    def _pids(self) -> tuple[NDArray[np.int64], ...]:
        """The pids of each row's process, of its parent, of its thread, and of the child that it made."""
        own, above, head = self._pids_of("pid"), self._pids_of("parent.pid"), self._look.batch.head
        is_fork = np.array([code >> 16 == Kind.FORK for code in self._look.memory.code_of], bool)[self._codes]
        tid, ret = (head[name][self._rows].astype(np.int64) for name in ("tid", "ret"))
        return own, above, tid, np.where(is_fork, ret, NO_PID)

    def _pids_of(self, member: str) -> NDArray[np.int64]:
        """Return, (k,), one of ``members.PID_MEMBERS``, NO_PID where there is none."""
        get = getter_of_member(member)
        pids = (None if process is None else get(process) for process in self._processes)
        found = np.array([NO_PID if pid is None else pid for pid in pids], np.int64)
        return np.asarray(found[self._groups.of_row])


def _sign(value: Any) -> int | None:
    return None if value is None else (value > 0) - (value < 0)


_NONE: Final = 3
_ABSENT: Final = -(1 << 63)
"""What ``Words`` has for a number that a record does not carry."""
