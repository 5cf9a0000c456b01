"""Scan: one query on its way through history: which events it keeps, found piece by piece, newest first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.view.row_index import Numbers, RowIndex, numbers_of

SLICE_ROWS: Final = 16_384
"""At least so many rows are judged at a time, whole batches: some milliseconds at most for what has been asked before,
so that a new query is taken up at once. Whole, because what is known of a batch serves the next query too."""
SHOW_AFTER_S: Final = 0.5
"""A query's rows are shown once it has searched this long, however few: rows that do not match must not stay under the
words of the new filter."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which cgroups are shown: those in ``ids``, or with ``invert`` all others (the host is what no container is)."""

    ids: frozenset[int]
    invert: bool = False

    def mask(self, batch: Batch) -> NDArray[np.bool_]:
        """Return (n,) bool: the rows of these cgroups."""
        wanted = np.fromiter(self.ids, np.uint64, len(self.ids))
        found = np.isin(batch.head["cgroup_id"], wanted)
        return ~found if self.invert else found


class RowFilter(Protocol):
    """What the engine's filters are to a view."""

    text: str

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch that it keeps, ascending."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one step of a scan found."""

    scan: Scan
    end: Literal["newer", "older"]
    numbers: Numbers
    bound: int
    """``high`` of the scan for newer ones, ``low`` for older ones, once this piece is in its index."""


class Scan:
    """One query on its way through history.

    ``low`` and ``high`` bound the event numbers whose pieces are in the index; the screen's thread moves them with it.
    Were they to say what the scanning thread has judged, a list could be taken for whole without its last rows.

    Args:
        row_filter: What to keep; None: everything.
        chosen: Which cgroups; None: all.
        batches: Asks for the batches there are, oldest first.
        start_num: Where to begin: what is below is judged backwards, what is at or above as it comes.
    """

    def __init__(
        self,
        row_filter: RowFilter | None,
        chosen: Chosen | None,
        batches: Callable[[], tuple[Batch, ...]],
        start_num: int,
    ) -> None:
        self.row_filter = row_filter
        self.chosen = chosen
        self.low = self.high = start_num
        self.error: str | None = None
        self.index = RowIndex()
        """Written by the screen's thread only."""
        self.later: list[Numbers] = []
        """Rows that came while paused; written by the screen's thread only."""
        self._batches = batches
        self._low = self._high = start_num
        """What is judged; the scanning thread's."""
        self._began = time.monotonic()

    @property
    def is_slow(self) -> bool:
        """Whether it has been at it for longer than the old rows may stay on the screen."""
        return time.monotonic() - self._began > SHOW_AFTER_S

    @property
    def matches_all(self) -> bool:
        """Whether it keeps every event: then there is nothing to judge."""
        return self.row_filter is None and self.chosen is None

    @property
    def is_through(self) -> bool:
        """Whether everything there was at the beginning has been judged."""
        batches = self._batches()
        return self.error is not None or not batches or self.low <= batches[0].first_num

    @property
    def progress(self) -> float:
        """Share of history judged, 0 to 1."""
        batches = self._batches()
        if self.is_through:
            return 1.0
        return (self.high - self.low) / max(self.high - batches[0].first_num, 1)

    def step(self) -> Piece | None:
        """Judge one slice: what is new first, then the next older one; None when there is nothing to do."""
        batches = self._batches()
        if not batches or self.error is not None:
            return None
        first, last = batches[0].first_num, batches[-1].first_num + len(batches[-1]) - 1
        if self._high <= last:
            start = max(self._high, first)
            stop = last + 1 if self.matches_all else _stop_after(batches, start)
            numbers = self._judge(start, stop, batches)
            self._high = stop
            return Piece(self, "newer", numbers, stop)
        if self._low > first:
            stop = self._low
            start = _run_start(batches, stop) if self.matches_all else _start_before(batches, stop)
            numbers = self._judge(start, stop, batches)
            self._low = start
            return Piece(self, "older", numbers, start)
        return None

    def moved(self, piece: Piece) -> None:
        """Count a piece as judged, now that its rows are in the index."""
        if piece.end == "older":
            self.low = piece.bound
        else:
            self.high = piece.bound

    def _judge(self, start: int, stop: int, batches: tuple[Batch, ...]) -> Numbers:
        """Return the numbers kept of the events ``start`` to ``stop``."""
        if self.matches_all:
            return range(start, stop)
        found = [self._rows(batch) for batch in batches[_place(batches, start) : _place(batches, stop - 1) + 1]]
        numbers = np.concatenate(found) if found else np.empty(0, np.int64)
        low, high = np.searchsorted(numbers, (start, stop))
        return numbers[low:high]

    def _rows(self, batch: Batch) -> NDArray[np.int64]:
        """Return the event numbers kept of a batch."""
        row_filter, chosen = self.row_filter, self.chosen
        if chosen is None:
            assert row_filter is not None
            return numbers_of(row_filter.rows(batch), batch.first_num)
        kept = np.flatnonzero(chosen.mask(batch))
        if row_filter is None or not len(kept):
            return numbers_of(kept, batch.first_num)
        return numbers_of(np.intersect1d(kept, row_filter.rows(batch), assume_unique=True), batch.first_num)


def _run_start(batches: tuple[Batch, ...], stop: int) -> int:
    """Return where the unbroken run of numbers that ends before ``stop`` begins (pinned batches leave a gap)."""
    for batch in reversed(batches):
        end = batch.first_num + len(batch)
        if batch.first_num >= stop:
            continue
        if end < stop:
            break
        stop = batch.first_num
    else:
        return stop
    return stop


def _place(batches: tuple[Batch, ...], num: int) -> int:
    """Return the place of the first batch that reaches up to an event number or beyond."""
    low, high = 0, len(batches)
    while low < high:
        middle = (low + high) // 2
        if batches[middle].first_num + len(batches[middle]) <= num:
            low = middle + 1
        else:
            high = middle
    return low


def _stop_after(batches: tuple[Batch, ...], start: int) -> int:
    """Return where the batches end that are to be judged next, from an event number on."""
    stop = start
    for batch in batches[_place(batches, start) :]:
        stop = batch.first_num + len(batch)
        if stop - start >= SLICE_ROWS:
            break
    return stop


def _start_before(batches: tuple[Batch, ...], stop: int) -> int:
    """Return where the batches begin that are to be judged next, up to an event number."""
    start = stop
    for at in range(min(_place(batches, stop - 1), len(batches) - 1), -1, -1):
        start = min(batches[at].first_num, start)
        if stop - start >= SLICE_ROWS:
            break
    return start
