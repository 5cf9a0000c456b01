"""Top: events counted by a view, over a window; by batches, so that each is looked at once.

What a batch holds is counted in the background and kept; a tick adds what came and takes away what fell out of the
window. Only the two batches at a window's edges are counted anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, rows_of
from tuimon.events import Event
from tuimon.records import Kind
from tuimon.syscalls import CALL_OF_NR
from tuimon.view.scan import Chosen, RowFilter
from tuimon.view.top_views import UNKNOWN_CONTAINER, TopView, Value

WINDOWS: Final = (10.0, 60.0, 300.0, 0.0)
"""Seconds; 0: everything that history holds."""
SHOWN: Final = 1000
"""Rows of the list."""
_REMEMBERED: Final = 200_000
"""Values of distinct texts that are kept, so that no path is asked twice."""
_STEP_VALUES: Final = 128
_SHOW_S: Final = 0.5
"""A long count shows what it has so far this often."""
_NS: Final = 1_000_000_000
_NONE: Final = np.empty(0, np.int64)
EventOf = Callable[[Batch, int], Event]
ORDERS: Final = ("events", "errors", "bytes", "last", "name")
_IO: Final = np.array(
    sorted(
        nr
        for nr, call in CALL_OF_NR.items()
        if call.category in ("io-read", "io-write")
        and not call.returns_fd
        and call.name not in ("sendmmsg", "recvmmsg")
    ),
    np.uint16,
)
"""Calls whose result is a number of bytes; the two left out return one of messages."""


class Kept(Protocol):
    """The live view: where the batches are."""

    def batches(self) -> tuple[Batch, ...]:
        """Return the batches, oldest first."""


@dataclass(frozen=True, slots=True)
class TopRow:
    """One line of the list."""

    value: Value
    events: int
    share: float
    """Of the events in the window, 0 to 1."""
    rate: float
    """Events a second over the window."""
    errors: int
    bytes: int
    last_ns: int
    """Since the epoch."""


@dataclass(frozen=True, slots=True)
class TopTable:
    """A finished count."""

    rows: tuple[TopRow, ...]
    events: int
    """In the window, whether they have a value or not."""
    without: int
    """Those of them that the view is not about, or that have no value."""
    values: int
    """Distinct values; ``rows`` are at most SHOWN of them."""
    seconds: float
    """Length of the window, as far as there were events."""


EMPTY: Final = TopTable((), 0, 0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a batch holds: of each value its number and, each (k,) int64, its figures."""

    ids: NDArray[np.int64]
    events: NDArray[np.int64]
    errors: NDArray[np.int64]
    bytes: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    total: int
    without: int
    settled: bool
    """Whether every value was known."""


class Top:
    """Counts; ``work`` is the background's, everything else the screen's.

    Args:
        view: By what.
        kept: Where the batches are.
        event_of: Makes row objects.
        row_filter: Which events; None: all.
        chosen: Which cgroups; None: all.
        boot_to_epoch_ns: See tuimon.capture.source.
        name_of: What a container is called, by its id.
    """

    def __init__(
        self,
        view: TopView,
        kept: Kept,
        event_of: EventOf,
        row_filter: RowFilter | None = None,
        chosen: Chosen | None = None,
        boot_to_epoch_ns: int = 0,
        name_of: Callable[[str], str] = str,
    ) -> None:
        self.view = view
        self.window_s = 0.0
        self.order = ORDERS[0]
        self.error = ""
        self.table = EMPTY
        self.progress = 0.0
        self._kept = kept
        self._event_of = event_of
        self._filter = row_filter
        self._chosen = chosen
        self._offset_ns = boot_to_epoch_ns
        self._name_of = name_of
        self._values: dict[object, int] = {}
        """The value's number by a text's code; -1: it has none."""
        self._ids: dict[Value, int] = {}
        self._list: list[Value] = []
        self._counted: dict[int, tuple[int, _Counted]] = {}
        """By ``first_num`` of a batch: its length and what it holds."""

    def work(self, now_ns: int) -> Iterator[None]:
        """Count in short steps what is new, then make the table.

        Args:
            now_ns: Where the window ends, since boot; 0: at the newest event.
        """
        try:
            yield from self._count(now_ns)
        except Exception as error:  # a value that cannot be told must not take the screen with it
            self.error = f"counting failed: {type(error).__name__}: {error}"

    def _count(self, now_ns: int) -> Iterator[None]:
        batches = self._kept.batches()
        self._forget(batches)
        end_ns = now_ns or (int(batches[-1].head["ts_ns"][-1]) if batches else 0)
        start_ns = end_ns - int(self.window_s * _NS) if self.window_s else 0
        inside = [batch for batch in batches if int(batch.head["ts_ns"][-1]) >= start_ns]
        parts: list[_Counted] = []
        shown_at = time.monotonic()
        for number, batch in enumerate(reversed(inside)):
            whole = int(batch.head["ts_ns"][0]) >= start_ns
            if whole and batch.first_num in self._counted:
                parts.append(self._counted[batch.first_num][1])
                continue
            if not whole:
                batch = rows_of(batch, int(np.searchsorted(batch.head["ts_ns"], start_ns)), len(batch))
            counted = yield from self._part(batch)
            parts.append(counted)
            if whole and counted.settled:
                self._counted[batch.first_num] = (len(batch), counted)
            self.progress = (number + 1) / len(inside) * 0.99
            if time.monotonic() > shown_at + _SHOW_S:
                self._add_up(parts, self._seconds(inside[-number - 1 :], start_ns, end_ns))
                shown_at = time.monotonic()
            yield
        seconds = self._seconds(batches, start_ns, end_ns)
        self._add_up(parts, seconds)
        self.progress = 1.0

    def _forget(self, batches: Sequence[Batch]) -> None:
        """Let go of what history let go of, or has joined with others."""
        there = {batch.first_num: len(batch) for batch in batches}
        if len(self._list) > _REMEMBERED:
            self._counted, self._values, self._ids, self._list = {}, {}, {}, []
        gone = [num for num, (length, _) in self._counted.items() if there.get(num) != length]
        for num in gone:
            del self._counted[num]

    def _seconds(self, batches: Sequence[Batch], start_ns: int, end_ns: int) -> float:
        """Return the length of the window, as far back as there are events."""
        if not batches:
            return self.window_s
        return max((end_ns - max(int(batches[0].head["ts_ns"][0]), start_ns)) / _NS, 1e-3)

    def _add_up(self, parts: Sequence[_Counted], seconds: float) -> None:
        """Make the table of what has been counted."""
        size, ids = len(self._list), np.concatenate([part.ids for part in parts] or [_NONE])
        sums = [np.zeros(size, np.int64) for _ in range(4)]
        for name, total in zip(("events", "errors", "bytes"), sums, strict=False):
            np.add.at(total, ids, np.concatenate([getattr(part, name) for part in parts] or [_NONE]))
        np.maximum.at(sums[3], ids, np.concatenate([part.last_ns for part in parts] or [_NONE]))
        present = np.flatnonzero(sums[0])
        events = sum(part.total for part in parts)
        best = self._best(present, sums)
        rows = tuple(self._row(at, [int(each[at]) for each in sums], events, seconds) for at in best)
        self.table = TopTable(rows, events, sum(part.without for part in parts), len(present), seconds)

    def _best(self, present: NDArray[np.int64], sums: Sequence[NDArray[np.int64]]) -> list[int]:
        """Return the numbers of the values to show, in order; equals by name."""
        if self.order == "name":
            return sorted(present.tolist(), key=self._label)[:SHOWN]
        by, events = sums[ORDERS.index(self.order)], sums[0]
        best: list[int] = present[np.lexsort((-events[present], -by[present]))[:SHOWN]].tolist()
        return sorted(best, key=lambda at: (-by[at], -events[at], self._label(at)))

    def _label(self, at: int) -> str:
        value = self._list[at]
        return self._name_of(value.container) if value.container else value.label

    def _row(self, at: int, figures: Sequence[int], events: int, seconds: float) -> TopRow:
        value, (count, errors, size, last_ns) = self._list[at], figures
        value = value._replace(label=self._label(at))
        share, rate = count / max(events, 1), count / max(seconds, 1e-3)
        return TopRow(value, count, share, rate, errors, size, last_ns + self._offset_ns)

    # One batch.

    def _part(self, batch: Batch) -> Generator[None, None, _Counted]:
        """Count a batch, in short steps."""
        rows = self._rows(batch)
        about = np.intersect1d(rows, self.view.among(batch), assume_unique=True)
        if not len(about):
            return _Counted(_NONE, _NONE, _NONE, _NONE, _NONE, len(rows), len(rows), True)
        groups, first = _grouped(self.view.codes(batch, about))
        yield
        ids = np.empty(len(first), np.int64)
        for number, (code, at) in enumerate(first.items()):
            ids[number] = self._id(code, batch, int(about[at]))
            if number % _STEP_VALUES == _STEP_VALUES - 1:
                yield
        events, *figures = _figures(batch, about, groups, len(first))
        has = ids >= 0
        without = len(rows) - len(about) + int(events[~has].sum())
        settled = self._ids.get(UNKNOWN_CONTAINER, -1) not in ids[has]
        errors, size, last_ns = (each[has] for each in figures)
        return _Counted(ids[has], events[has], errors, size, last_ns, len(rows), without, settled)

    def _rows(self, batch: Batch) -> NDArray[np.intp]:
        rows = np.arange(len(batch)) if self._filter is None else self._filter.rows(batch)
        if self._chosen is not None:
            rows = rows[self._chosen.mask(batch)[rows]]
        return rows

    def _id(self, code: object, batch: Batch, row: int) -> int:
        """Return the number of a row's value; texts are asked once, what is a number may mean another thing later."""
        remember = isinstance(code, tuple) and isinstance(code[-1], bytes)
        if remember and (known := self._values.get(code)) is not None:
            return known
        event = self._event_of(batch, row)
        value = self.view.value(event)
        event.part()
        number = -1
        if value is not None:
            number = self._ids.setdefault(value, len(self._list))
            if number == len(self._list):
                self._list.append(value)
        if remember:
            self._values[code] = number
        return number


def _grouped(codes: Sequence[object] | NDArray[np.int64]) -> tuple[NDArray[np.int64], dict[object, int]]:
    """Return the group of each row, (n,), and of each group its code with the place of its first row."""
    if isinstance(codes, np.ndarray):
        found, first, groups = np.unique(codes, return_index=True, return_inverse=True)
        return groups, dict(zip(found.tolist(), first.tolist(), strict=True))
    numbers: dict[object, int] = {}
    groups = np.fromiter((numbers.setdefault(code, len(numbers)) for code in codes), np.int64, len(codes))
    _, first = np.unique(groups, return_index=True)
    return groups, dict(zip(numbers, first.tolist(), strict=True))


def _figures(
    batch: Batch, rows: NDArray[np.intp], groups: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, each (count,): events, failed calls, bytes read and written, time of the newest."""
    head = batch.head
    ret: NDArray[np.int64] = head["ret"][rows]
    calls = head["kind"][rows] == Kind.SYSCALL
    failed = calls & (ret < 0) & (ret > -4096)
    moved = np.where(calls & (ret > 0) & np.isin(head["nr"][rows], _IO), ret, 0)
    last = np.zeros(count, np.int64)
    last[groups] = head["ts_ns"][rows].astype(np.int64)  # in order of time: the newest stays
    return (
        np.bincount(groups, minlength=count),
        np.bincount(groups[failed], minlength=count),
        np.bincount(groups, weights=moved, minlength=count).astype(np.int64),
        last,
    )
