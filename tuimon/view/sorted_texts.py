"""Orders by the long texts of events: their details, and evt.args. What is alike is written out once.

Nearly all events of a machine at work are opens, whose texts are put together from their paths without a getter. The
others are told apart by the few columns that their texts hang on.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields.argsource import BOUND, bound_of
from tuimon.fields.evtarg import SETTING, args_text, param_text, shown_bounds, shown_params
from tuimon.fields.facts import DIRFD_CALLS, FD_EVENTS, NO_CALL, facts
from tuimon.records import Flag, Kind, Slot
from tuimon.render import CUT, about, with_outcome
from tuimon.rules.args_text import columns_of_args, is_written, open_texts
from tuimon.rules.columns import Columns
from tuimon.rules.grouping import Rows
from tuimon.rules.look import Look
from tuimon.rules.numbering import Memory
from tuimon.rules.pools import ABSENT, TEXT_POOL
from tuimon.rules.record_parts import Opens
from tuimon.rules.versions import EventOf
from tuimon.rules.words import TEXTS, Words, columns_of
from tuimon.syscalls import CALLS, Call
from tuimon.view.columns import detail
from tuimon.view.sort_keys import NONE, PLAIN, Begun, Keys, Ranks

_STEP_ROWS: Final = 16_384
_WRITTEN: Final = frozenset(("open", "openat"))
_RESULT_ONLY: Final = (Kind.FORK, Kind.EXIT, Kind.HEARTBEAT)

Alike = list[tuple[Any, ...]]
"""What events of one kind with the same text have in common."""


class Writer(Protocol):
    """Writes the texts of events."""

    def begin(self) -> None:
        """Forget what was known by numbers: they are given anew."""

    def is_open(self, look: Look, code: int, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which rows, of one kind, are opens that ``opens`` knows."""

    def opens(self, look: Look, rows: Rows, openings: NDArray[np.int64]) -> list[str]:
        """Return the texts of opens, rows ascending, by the numbers of their flags and modes."""

    def alike(self, look: Look, code: int, rows: Rows) -> Alike:
        """Return, (k,), what tells the texts of events of one kind apart."""

    def texts(self, look: Look, code: int, rows: Rows, alike: Alike) -> Sequence[str | Begun]:
        """Return the texts of events of one kind, rows ascending."""


class TextKeys:
    """Keys of texts.

    Args:
        writer: Writes them.
        event_of: Makes row objects.
        memory: What filters have worked out about the same history.
    """

    def __init__(self, writer: Writer, event_of: EventOf, memory: Memory | None) -> None:
        self.ranks = Ranks()
        self._writer = writer
        self._columns = Columns([], event_of, None, None, memory)
        self._generation = -1
        self._opens: dict[int, int] = {}
        """Numbers of texts by ``Columns.open_numbers``, and..."""
        self._others: dict[int, dict[tuple[Any, ...], int]] = {}
        """...of others by kind of event and what they have in common."""

    def fill(self, batch: Batch, rows: Rows, keys: Keys) -> Iterator[int]:
        """Find the keys of some rows, ascending; yield how many, step by step."""
        for at in range(0, len(rows), _STEP_ROWS):
            some = rows[at : at + _STEP_ROWS]
            found = np.empty(len(some), np.int64)
            with self._looking(batch) as look:
                codes = look.codes(some)
                for code in np.unique(codes).tolist():
                    mine = np.flatnonzero(codes == code)
                    found[mine] = self._numbers(look, code, some[mine])
            keys.part(at, at + len(some)).put(
                np.arange(len(some)), found, np.where(found < 0, np.int8(NONE), np.int8(PLAIN))
            )
            yield len(some)

    @contextlib.contextmanager
    def _looking(self, batch: Batch) -> Iterator[Look]:
        """Hold what filters know, for as short as it can be."""
        memory = self._columns.memory
        with memory.lock:
            self._columns.begin()
            if self._generation != memory.generation:
                self._generation = memory.generation
                self._opens.clear()
                self._others.clear()
                self._writer.begin()
            look = Look(self._columns, batch, memory.known(batch).codes)
            try:
                yield look
            finally:
                look.close()

    def _number(self, text: str | Begun) -> int:
        if isinstance(text, Begun):
            return self.ranks.begun(text)
        return self.ranks.number(text) if text else -1

    def _numbers(self, look: Look, code: int, rows: Rows) -> NDArray[np.int64]:
        """Return, (k,), the numbers of the texts of events of one kind, -1 where there is none."""
        opens = self._writer.is_open(look, code, rows)
        if opens.all():
            return self._of_opens(look, rows)
        out = np.empty(len(rows), np.int64)
        if opens.any():
            out[opens] = self._of_opens(look, rows[opens])
        others, known = rows[~opens], self._others.setdefault(code, {})
        keys = self._writer.alike(look, code, others)
        fresh = {key: at for at, key in enumerate(keys) if key not in known}
        if fresh:
            at = np.array(sorted(fresh.values()), np.intp)
            new = [keys[each] for each in at.tolist()]
            known.update(zip(new, map(self._number, self._writer.texts(look, code, others[at], new)), strict=True))
        out[~opens] = [known[key] for key in keys]
        return out

    def _of_opens(self, look: Look, rows: Rows) -> NDArray[np.int64]:
        known = self._opens
        distinct, first, inverse = np.unique(look.open_numbers(rows), return_index=True, return_inverse=True)
        fresh = np.sort(first[[number not in known for number in distinct.tolist()]])
        if len(fresh):
            openings = look.memory.groups(look.batch, "opening")
            texts = self._writer.opens(look, rows[fresh], openings.numbers[openings.of_row[rows[fresh]]])
            known.update(zip(look.open_numbers(rows[fresh]).tolist(), map(self._number, texts), strict=True))
        return np.array([known[number] for number in distinct.tolist()], np.int64)[inverse]


class Details:
    """Writes what events were about and what came of it."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was known by numbers."""
        self._tails: dict[Hashable, str] = {}
        """What follows a path, by the number of the opening, or by what it hangs on."""
        self._about: dict[Hashable, str] = {}

    def is_open(self, look: Look, code: int, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of the rows, of one kind, are opens by a path."""
        if look.name_of(code) not in _WRITTEN:
            return np.zeros(len(rows), bool)
        return look.is_plain_open(rows)

    def opens(self, look: Look, rows: Rows, openings: NDArray[np.int64]) -> list[str]:
        """Return the texts of opens."""
        return self._with_paths(look, look.opens(rows), rows, openings.tolist())

    def alike(self, look: Look, code: int, rows: Rows) -> Alike:
        """Return, (k,), what tells the details of events of one kind apart: of a call texts first, the result last."""
        kind, head = look.kind_of(code), look.batch.head[rows]
        if kind == Kind.EXEC:
            return _commands(look.batch, rows)
        rets = head["ret"].tolist()
        if kind in _RESULT_ONLY:
            return list(zip(rets, (head["flags"] & int(Flag.TRUNCATED)).tolist(), strict=True))
        words, unknown = Words(look, code, rows), np.zeros(len(rows), bool)
        columns: list[NDArray[Any]] = [
            words.column(which, None) for which in _columns_of_details(kind, look.name_of(code))
        ]
        if _shows_fd(look.name_of(code)):
            found, has, unknown = look.numbers("fd.num", rows)
            columns += [has, found]
        out: Alike = list(zip(*(column.tolist() for column in columns), rets, strict=True))
        for at in np.flatnonzero(unknown).tolist():
            out[at] = _alone(look.batch, int(rows[at]))
        return out

    def texts(self, look: Look, code: int, rows: Rows, alike: Alike) -> list[str]:
        """Return the details of events of one kind."""
        kind, call = look.kind_of(code), CALLS.get(look.name_of(code), NO_CALL)
        if kind in _RESULT_ONLY:
            return [with_outcome("", kind, NO_CALL, ret) + (CUT if cut else "") for ret, cut in alike]
        if kind == Kind.EXEC:
            return [detail(look.event(row)) for row in rows.tolist()]
        out = [""] * len(rows)
        at = np.arange(0)
        if kind == Kind.SYSCALL and _is_of_path(look.name_of(code)) and not _hangs_on_texts(look.name_of(code)):
            paths = look.opens(rows, np.ones(len(rows), bool))
            at = paths.at
            tails = [(code, *alike[each][1:-1]) for each in at.tolist()]
            for place, text in zip(at.tolist(), self._with_paths(look, paths, rows[at], tails), strict=True):
                out[place] = text
        for each in np.setdiff1d(np.arange(len(rows)), at).tolist():
            out[each] = self._text(look.event(int(rows[each])), kind, call, code, alike[each])
        return out

    def _with_paths(self, look: Look, paths: Opens, rows: Rows, tails: Sequence[Hashable]) -> list[str]:
        """Return the details of calls by a path, all of one kind; ``tails`` says what else each hangs on."""
        if not len(rows):
            return []
        code = int(look.codes(rows[:1])[0])
        kind, call = look.kind_of(code), CALLS[look.name_of(code)]
        head, values = look.batch.head[rows], look.memory.pool(TEXT_POOL).values
        columns = (paths.paths.given, paths.paths.real, head["ret"], head["flags"] & int(Flag.TRUNCATED), rows)
        out = []
        for key, path_at, real_at, ret, cut, row in zip(tails, *(each.tolist() for each in columns), strict=True):
            tail = self._tails.get(key)
            if tail is None:
                tail = self._tails[key] = "".join(f" {text}" for text in shown_params(facts(look.event(row))))
            path = values[path_at] if real_at in (path_at, ABSENT) else f"{values[path_at]} [{values[real_at]}]"
            text = with_outcome(f"{path}{tail}", kind, call, ret)
            out.append(text + CUT if cut else text)
        return out

    def _text(self, event: Event, kind: int, call: Call, code: int, columns: tuple[Any, ...]) -> str:
        if columns[0] == _ALONE or event.flags & Flag.TRUNCATED:
            return detail(event)
        key = code, *columns[:-1]
        start = self._about.get(key)
        if start is None:
            try:
                start = self._about[key] = about(event)
            except Exception:  # a recording from elsewhere may hold what no kernel writes
                return detail(event)
        return with_outcome(start, kind, call, columns[-1])


_ALONE: Final = -1 << 70
"""Stands in the place of a number for an event that is like no other."""


def _alone(batch: Batch, row: int) -> tuple[int, int]:
    return _ALONE, batch.first_num + row


@functools.cache
def _is_of_path(name: str) -> bool:
    """Whether a call is about one path, the first of its texts, and nothing else but what is shown behind it."""
    call = CALLS.get(name, NO_CALL)
    return call.path is not None and call.path2 is None and call.text is None and name not in (*SETTING, "chdir")


@functools.cache
def _hangs_on_texts(name: str) -> bool:
    """Whether what is shown behind the path hangs on the record's texts, too: of creat(2) the flags of the file."""
    return any(TEXTS in columns_of(bound, Kind.SYSCALL, name, is_raw=False) for bound in shown_bounds(name))


@functools.cache
def _shows_fd(name: str) -> bool:
    """Whether what a call was about may hang on the number of its fd; one that it made itself is its result."""
    return name in FD_EVENTS and (name in DIRFD_CALLS or not CALLS[name].returns_fd)


@functools.cache
def _columns_of_details(kind: int, name: str) -> tuple[str, ...]:
    """Return the columns that the details of a kind of event hang on, beside its result and its fd."""
    bounds = (*shown_bounds(name), *(bound_of(name, each) for each in SETTING.get(name, ())))
    columns = (
        column for bound in bounds if bound is not None for column in columns_of(bound, kind, name, is_raw=False)
    )
    return tuple(dict.fromkeys((TEXTS, *columns)))


def _commands(batch: Batch, rows: Rows) -> Alike:
    """Return, (k,), what decides the details of an exec: its file and its arguments; or the process."""
    out: Alike = []
    cut = (batch.head["flags"][rows] & int(Flag.TRUNCATED)).tolist()
    for row, at, is_cut in zip(rows.tolist(), batch.ext_at[rows].tolist(), cut, strict=True):
        if at < 0:
            out.append(_alone(batch, row))
            continue
        start, lengths = int(batch.text_at[at]), batch.ext["slot_len"][at].tolist()
        before = start + sum(lengths[: Slot.ARGV])
        given, argv = batch.arena[start : start + lengths[0]], batch.arena[before : before + lengths[Slot.ARGV]]
        out.append((given, argv, is_cut) if argv.strip(b"\0") else _alone(batch, row))
    return out


class Arguments:
    """Writes evt.args."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was known by numbers."""
        self._tails: dict[int, str] = {}

    def is_open(self, look: Look, code: int, rows: Rows) -> NDArray[np.bool_]:  # noqa: ARG002
        """Return, (k,), which rows are opens that are written without a getter."""
        return is_written(look, rows)

    def opens(self, look: Look, rows: Rows, openings: NDArray[np.int64]) -> list[str]:
        """Return the texts of opens."""
        return open_texts(look, rows, self._tails, openings)

    def alike(self, look: Look, code: int, rows: Rows) -> Alike:
        """Return, (k,), what tells evt.args of events of one kind apart."""
        columns = columns_of_args(look.kind_of(code), look.name_of(code))
        if columns is None:
            return [_alone(look.batch, row) for row in rows.tolist()]
        words = Words(look, code, rows)
        if not columns:
            return [()] * len(rows)
        return list(zip(*(words.column(which, None).tolist() for which in columns), strict=True))

    def texts(self, look: Look, code: int, rows: Rows, alike: Alike) -> Sequence[str | Begun]:  # noqa: ARG002
        """Return the texts of events of one kind; of those that are like no other as much as tells them apart."""
        events = map(look.event, rows.tolist())
        if columns_of_args(look.kind_of(code), look.name_of(code)) is None:
            return [_begun(event) for event in events]
        return [args_text(event) for event in events]


_FIRST: Final = 4
"""Parameters of an exec or a fork of which two are seldom alike: result, program, arguments, thread."""


def _begun(event: Event) -> str | Begun:
    f = facts(event)
    bounds = BOUND.get(f.name, ())
    if len(bounds) <= _FIRST:
        return args_text(event)
    shown = [param_text(f, bound) for bound in bounds[:_FIRST]]
    return Begun(" ".join((*shown, f"{bounds[_FIRST].param.name}=")), functools.partial(_whole, event))


def _whole(event: Event) -> str:
    text = args_text(event)
    event.part()
    return text
