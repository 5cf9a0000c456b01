"""RowIndex: which events a list shows, as numbers, in order; cheap for a million of them.

A list row is told by a *sequence number* that never changes while the row is in the list: rows found later at the new
end get higher numbers, rows found later at the old end (a scan that runs backwards through history) get lower ones,
even negative. So a cursor or a scroll position held as a sequence number stays on its row, whatever is added or
falls off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = range | NDArray[np.int64]
"""``evt.num`` of rows, ascending: a range where every event is shown (no memory), an array otherwise."""

_MERGE_BELOW = 4096
"""Rows: neighbours smaller than this become one piece, so that a quiet machine does not end up with thousands."""


class RowIndex:
    """The shown events, oldest first, in pieces."""

    def __init__(self) -> None:
        self.first = 0
        """Sequence number of the oldest row."""
        self._pieces: list[Numbers] = []
        self._starts: list[int] = []

    @property
    def end(self) -> int:
        """One past the sequence number of the newest row."""
        return self._starts[-1] + len(self._pieces[-1]) if self._pieces else self.first

    def __len__(self) -> int:
        return self.end - self.first

    def add_newer(self, numbers: Numbers) -> None:
        """Add rows newer than all there are."""
        if not len(numbers):
            return
        merged = _joined(self._pieces[-1], numbers) if self._pieces else None
        if merged is not None:
            self._pieces[-1] = merged
            return
        self._starts.append(self.end)
        self._pieces.append(numbers)

    def add_older(self, numbers: Numbers) -> None:
        """Add rows older than all there are."""
        if not len(numbers):
            return
        merged = _joined(numbers, self._pieces[0]) if self._pieces else None
        self.first -= len(numbers)
        if merged is not None:
            self._pieces[0] = merged
            self._starts[0] = self.first
            return
        self._starts.insert(0, self.first)
        self._pieces.insert(0, numbers)

    def drop_before(self, num: int) -> int:
        """Let go of the rows whose event number is below ``num``; return how many went."""
        before = self.first
        while self._pieces and int(self._pieces[0][-1]) < num:
            self.first += len(self._pieces[0])
            del self._pieces[0], self._starts[0]
        if self._pieces and int(self._pieces[0][0]) < num:
            keep = self._pieces[0]
            cut = _at_or_after(keep, num)
            self._pieces[0] = keep[cut:]
            self.first += cut
            self._starts[0] = self.first
        return self.first - before

    def pieces(self) -> tuple[Numbers, ...]:
        """Return the event numbers of all rows, oldest first, in pieces that never change."""
        return tuple(self._pieces)

    def nums(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the event numbers of the rows ``start`` to ``stop``, as far as there are such rows."""
        found = []
        for begin, piece in zip(self._starts, self._pieces, strict=True):
            part = piece[max(start - begin, 0) : max(stop - begin, 0)]
            if len(part):
                found.append(np.arange(part.start, part.stop) if isinstance(part, range) else part)
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def holds(self, num: int) -> bool:
        """Return whether an event is shown; any thread, while another one adds and drops rows."""
        pieces = self.pieces()  # in one step: a piece and where it starts are changed one after the other
        at = bisect_left(pieces, num, key=lambda piece: int(piece[-1]))
        if at == len(pieces):
            return False
        place = _at_or_after(pieces[at], num)
        return int(pieces[at][place]) == num

    def num(self, seq: int) -> int | None:
        """Return the event number of a row, None when there is no such row."""
        if not self.first <= seq < self.end:
            return None
        at = bisect_right(self._starts, seq) - 1
        return int(self._pieces[at][seq - self._starts[at]])

    def seq_at_or_after(self, num: int) -> int:
        """Return the sequence number of the first row whose event number is at least ``num``; ``end`` if none."""
        low, high = 0, len(self._pieces)
        while low < high:
            middle = (low + high) // 2
            if int(self._pieces[middle][-1]) < num:
                low = middle + 1
            else:
                high = middle
        if low == len(self._pieces):
            return self.end
        return self._starts[low] + _at_or_after(self._pieces[low], num)


def _at_or_after(numbers: Numbers, num: int) -> int:
    """Return the position of the first number that is at least ``num``."""
    if isinstance(numbers, range):
        return min(max(num - numbers.start, 0), len(numbers))
    return int(np.searchsorted(numbers, num))


def _joined(older: Numbers, newer: Numbers) -> Numbers | None:
    """Return two neighbours as one piece, None when they are better left apart."""
    if isinstance(older, range) and isinstance(newer, range):
        return range(older.start, newer.stop) if older.stop == newer.start else None
    if isinstance(older, range) or isinstance(newer, range) or len(older) + len(newer) > _MERGE_BELOW:
        return None
    return np.concatenate((older, newer))


def numbers_of(rows: Sequence[int] | NDArray[np.intp], first_num: int) -> NDArray[np.int64]:
    """Return rows of a batch as event numbers."""
    return np.asarray(rows, np.int64) + first_num
