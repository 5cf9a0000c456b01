"""LiveView: the list behind the live pane. Every event of History, or those that a query keeps, without a screen.

Two threads share it. A scanning thread calls ``scan`` and does the work of judging batches, newest first; the
screen's thread calls ``sync`` and reads. Between them lie only finished pieces in a queue, so neither waits for the
other. A query that is replaced leaves the old rows on the screen until the new one has something to show or is through.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, take
from tuimon.history import History
from tuimon.view.row_index import Numbers, RowIndex, numbers_of

SLICE_ROWS: Final = 16_384
"""Rows judged at a time: a few milliseconds for a vector filter, so that a new query is taken up at once."""
_SHOW_AFTER_ROWS: Final = 400
"""A new query's rows replace the old ones once there are this many (more than a screenful) or it is through."""
_SHOW_AFTER_S: Final = 0.5
"""Or once it has searched this long: rows that do not match must not stay under the words of the new filter."""
_PIN_BYTES: Final = 64 * 1024 * 1024
"""A paused view keeps this much of the newest history alive, so that a firehose cannot pull the rows away."""


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
class _Piece:
    """What one step of a scan found."""

    scan: _Scan
    end: Literal["newer", "older"]
    numbers: Numbers


class _Scan:
    """One query on its way through history; ``low`` and ``high`` bound the event numbers already judged.

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
        self._began = time.monotonic()

    @property
    def is_slow(self) -> bool:
        """Whether it has been at it for longer than the old rows may stay on the screen."""
        return time.monotonic() - self._began > _SHOW_AFTER_S

    @property
    def matches_all(self) -> bool:
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

    def step(self) -> _Piece | None:
        """Judge one slice: what is new first, then the next older one; None when there is nothing to do."""
        batches = self._batches()
        if not batches or self.error is not None:
            return None
        first, last = batches[0].first_num, batches[-1].first_num + len(batches[-1]) - 1
        if self.high <= last:
            start = max(self.high, first)
            stop = last + 1 if self.matches_all else min(last + 1, start + SLICE_ROWS)
            numbers = self._judge(start, stop, batches)
            self.high = stop
            return _Piece(self, "newer", numbers)
        if self.low > first:
            stop = self.low
            start = _run_start(batches, stop) if self.matches_all else max(first, stop - SLICE_ROWS)
            numbers = self._judge(start, stop, batches)
            self.low = start
            return _Piece(self, "older", numbers)
        return None

    def _judge(self, start: int, stop: int, batches: tuple[Batch, ...]) -> Numbers:
        """Return the numbers kept of the events ``start`` to ``stop``."""
        if self.matches_all:
            return range(start, stop)
        found = [self._rows(part) for part in _parts(batches, start, stop)]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _rows(self, batch: Batch) -> NDArray[np.int64]:
        """Return the event numbers kept of a batch."""
        row_filter, chosen = self.row_filter, self.chosen
        if chosen is None:
            assert row_filter is not None
            return numbers_of(row_filter.rows(batch), batch.first_num)
        kept = np.flatnonzero(chosen.mask(batch))
        if row_filter is None or not len(kept):
            return numbers_of(kept, batch.first_num)
        if "evt.num" in row_filter.text:  # a cut batch would number its rows anew
            return numbers_of(np.intersect1d(kept, row_filter.rows(batch), assume_unique=True), batch.first_num)
        return numbers_of(kept[row_filter.rows(take(batch, kept))], batch.first_num)


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


def _parts(batches: tuple[Batch, ...], start: int, stop: int) -> list[Batch]:
    """Return the events numbered ``start`` to ``stop``, oldest first, as batches that share the columns' memory."""
    low, high = 0, len(batches)
    while low < high:
        middle = (low + high) // 2
        if batches[middle].first_num + len(batches[middle]) <= start:
            low = middle + 1
        else:
            high = middle
    out = []
    for batch in batches[low:]:
        if batch.first_num >= stop:
            break
        begin, end = max(start - batch.first_num, 0), min(stop - batch.first_num, len(batch))
        out.append(batch if end - begin == len(batch) else _cut(batch, begin, end))
    return out


def _cut(batch: Batch, begin: int, end: int) -> Batch:
    """Return the rows ``begin`` to ``end`` of a batch without copying a column."""
    low, high = np.searchsorted(batch.proc_row, (begin, end)).tolist()
    return dataclasses.replace(
        batch,
        head=batch.head[begin:end],
        ext_at=batch.ext_at[begin:end],
        proc_row=batch.proc_row[low:high] - np.int32(begin),
        proc=batch.proc[low:high],
        first_num=batch.first_num + begin,
        process_at=batch.process_at[begin:end],
    )


class LiveView:
    """The rows of the live pane.

    Args:
        history: The engine's.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.paused = False
        self.generation = 0
        """Grows when another query's rows are shown: sequence numbers mean other rows then."""
        self._found: deque[_Piece] = deque()
        self._pinned: tuple[Batch, ...] = ()
        self._pinned_end = 0
        self._shown = self._scan_of(None, None)
        self._next: _Scan | None = None

    # What the screen reads. Its thread only.

    @property
    def first(self) -> int:
        """Sequence number of the oldest row."""
        return self._shown.index.first

    @property
    def end(self) -> int:
        """One past the sequence number of the newest row."""
        return self._shown.index.end

    def __len__(self) -> int:
        return len(self._shown.index)

    @property
    def fresh(self) -> int:
        """Rows that came while paused and are not in the list yet."""
        return sum(len(numbers) for numbers in self._shown.later)

    @property
    def hidden(self) -> int:
        """Events of history, judged so far, that the query keeps out of the list."""
        scan = self._shown
        judged = scan.high - max(scan.low, self.history.first_num)
        return 0 if scan.matches_all else max(judged - len(scan.index) - self.fresh, 0)

    @property
    def progress(self) -> float:
        """Share of history that the newest query has judged, 0 to 1."""
        return self._working.progress

    @property
    def pending(self) -> bool:
        """Whether the rows shown are still those of the query before."""
        return self._next is not None

    @property
    def error(self) -> str | None:
        """What went wrong while judging, None while all is well."""
        return self._working.error

    @property
    def filtered(self) -> bool:
        """Whether a query is in force."""
        return not self._working.matches_all

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""
        return self._shown.index.num(seq)

    def seq_near(self, num: int) -> int:
        """Return the sequence number of the row at an event number, or of the next after it (``end`` if none)."""
        return self._shown.index.seq_at_or_after(num)

    def find(self, seq: int) -> tuple[Batch, int] | None:
        """Return the batch and row of a list row, None when it is no longer kept."""
        num = self._shown.index.num(seq)
        return None if num is None else self.find_num(num)

    def find_num(self, num: int) -> tuple[Batch, int] | None:
        """Return the batch and row of an event number, None when it is no longer kept."""
        if (found := self.history.find(num)) is not None:
            return found
        for batch in self._pinned:
            if 0 <= num - batch.first_num < len(batch):
                return batch, num - batch.first_num
        return None

    def sync(self) -> bool:
        """Take what the scan found and let go of what history let go of; return whether anything changed."""
        if (scan := self._working).matches_all:
            while (piece := scan.step()) is not None:
                self._found.append(piece)
        changed = False
        while self._found:
            changed |= self._take(self._found.popleft())
        return self._swap() | self._evict() | changed

    # Commands. The screen's thread only.

    def show(self, row_filter: RowFilter | None, chosen: Chosen | None) -> None:
        """Replace the query. While paused the list goes on showing the moment of the pause."""
        self._next = self._scan_of(row_filter, chosen)

    def pause(self) -> None:
        """Freeze the list; what comes is counted. The newest history is kept alive for it."""
        if self.paused:
            return
        self.sync()
        self.paused = True
        self._pinned = _newest(self.history.batches(), _PIN_BYTES)
        self._pinned_end = self._shown.high

    def resume(self) -> None:
        """Go on; the rows that came meanwhile join the list."""
        if not self.paused:
            return
        self.paused = False
        self._pinned = ()
        for scan in (self._shown, self._next):
            if scan is not None:
                scan.index.drop_before(self.history.first_num)
                for numbers in scan.later:
                    scan.index.add_newer(numbers)
                scan.later = []

    # The scanning thread.

    def scan(self, budget_s: float) -> bool:
        """Judge for about ``budget_s``; return whether there is more to do right away. One thread at a time."""
        until = time.monotonic() + budget_s
        while not (scan := self._working).matches_all:
            try:
                piece = scan.step()
            except Exception as error:
                # A filter that cannot judge some event must not take the screen with it; its words reach the user.
                scan.error = f"the filter failed: {error}"
                return False
            if piece is None:
                return False
            self._found.append(piece)
            if time.monotonic() >= until:
                return True
        return False

    def _scan_of(self, row_filter: RowFilter | None, chosen: Chosen | None) -> _Scan:
        start = self._pinned_end if self.paused else self.history.last_num + 1
        return _Scan(row_filter, chosen, self._batches, start)

    def _batches(self) -> tuple[Batch, ...]:
        """Return what can be judged: history, before it what only the pause keeps alive."""
        pinned, kept = self._pinned, self.history.batches()
        if not pinned or not kept or kept[0].first_num <= pinned[0].first_num:
            return kept
        return (*(b for b in pinned if b.first_num + len(b) <= kept[0].first_num), *kept)

    @property
    def _working(self) -> _Scan:
        """The scan that is to go on: the newest."""
        return self._next or self._shown

    def _take(self, piece: _Piece) -> bool:
        scan = piece.scan
        if scan is not self._shown and scan is not self._next:
            return False
        if piece.end == "older":
            scan.index.add_older(piece.numbers)
        elif not self.paused:
            scan.index.add_newer(piece.numbers)
        elif len(piece.numbers):
            scan.later.append(piece.numbers)
        return bool(len(piece.numbers))

    def _swap(self) -> bool:
        """Show the new query's rows once they are worth showing."""
        scan = self._next
        if scan is None:
            return False
        if len(scan.index) < _SHOW_AFTER_ROWS and not scan.is_through and not scan.is_slow:
            return False
        self._shown, self._next = scan, None
        self.generation += 1
        return True

    def _evict(self) -> bool:
        first = self.history.first_num
        keep = min(first, self._pinned[0].first_num) if self._pinned else first
        gone = 0
        for scan in (self._shown, self._next):
            if scan is not None:
                gone += scan.index.drop_before(keep)
                scan.later = [kept for numbers in scan.later if len(kept := _from(numbers, first))]
        return gone > 0


def _from(numbers: Numbers, num: int) -> Numbers:
    """Return the numbers that are at least ``num``."""
    if isinstance(numbers, range):
        return range(max(numbers.start, num), max(numbers.stop, num))
    return numbers[int(np.searchsorted(numbers, num)) :] if numbers[0] < num else numbers


def _newest(batches: tuple[Batch, ...], max_bytes: int) -> tuple[Batch, ...]:
    """Return the newest batches that fit ``max_bytes`` together, at least one."""
    size, at = 0, len(batches)
    while at and (size == 0 or size + batches[at - 1].nbytes <= max_bytes):
        at -= 1
        size += batches[at].nbytes
    return batches[at:]
