"""LiveView: the list behind the live pane. Every event of History, or those that a query keeps, without a screen.

Two threads share it. A scanning thread calls ``scan`` and does the work of judging batches, newest first; the
screen's thread calls ``sync`` and reads. Between them lie only finished pieces in a queue, so neither waits for the
other. A query that is replaced leaves the old rows on the screen until the new one has something to show or is through.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.history import History
from tuimon.view.row_index import Numbers
from tuimon.view.scan import Chosen, Piece, RowFilter, Scan

_SHOW_AFTER_ROWS: Final = 400
"""A new query's rows replace the old ones once there are this many (more than a screenful) or it is through."""
_PIN_BYTES: Final = 64 * 1024 * 1024
"""A paused view keeps this much of the newest history alive, so that a firehose cannot pull the rows away."""


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
        self._found: deque[Piece] = deque()
        self._pinned: tuple[Batch, ...] = ()
        self._pinned_end = 0
        self._shown = self._scan_of(None, None)
        self._next: Scan | None = None

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
    def searching(self) -> bool:
        """Whether events are still to be judged, or their rows to be taken: ``sync`` may bring rows without news."""
        scan = self._working
        if scan.matches_all or scan.error is not None:
            return self.pending
        return self.pending or scan.high <= self.history.last_num or not scan.is_through

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

    def shows(self, num: int) -> bool:
        """Return whether an event is among the rows; any thread."""
        return self._shown.index.holds(num)

    def nums(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the event numbers of the rows ``start`` to ``stop``, as far as there are such rows."""
        return self._shown.index.nums(start, stop)

    def pieces(self) -> tuple[Numbers, ...]:
        """Return the event numbers of all rows, oldest first, in pieces that never change."""
        return self._shown.index.pieces()

    def batches(self) -> tuple[Batch, ...]:
        """Return the batches that the rows are in, oldest first."""
        return self._batches()

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

    def _scan_of(self, row_filter: RowFilter | None, chosen: Chosen | None) -> Scan:
        start = self._pinned_end if self.paused else self.history.last_num + 1
        return Scan(row_filter, chosen, self._batches, start)

    def _batches(self) -> tuple[Batch, ...]:
        """Return what can be judged: history, before it what only the pause keeps alive."""
        pinned, kept = self._pinned, self.history.batches()
        if not pinned or not kept or kept[0].first_num <= pinned[0].first_num:
            return kept
        return (*(b for b in pinned if b.first_num + len(b) <= kept[0].first_num), *kept)

    @property
    def _working(self) -> Scan:
        """The scan that is to go on: the newest."""
        return self._next or self._shown

    def _take(self, piece: Piece) -> bool:
        scan = piece.scan
        if scan is not self._shown and scan is not self._next:
            return False
        if piece.end == "older":
            scan.index.add_older(piece.numbers)
        elif not self.paused:
            scan.index.add_newer(piece.numbers)
        elif len(piece.numbers):
            scan.later.append(piece.numbers)
        scan.moved(piece)
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
