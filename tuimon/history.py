"""History: the last events as batches, bounded in bytes. One writer, any number of readers, no lock.

Readers take ``batches()``: a tuple that never changes. The writer replaces the tuple as a whole; the engine joins small
drains into one batch before it appends, and small batches are joined again (``join``), so that a quiet machine does not
end up with a hundred thousand of them, each of which would cost every filter half a millisecond.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from tuimon.batch import Batch, concat

JOINED_ROWS: Final = 16_384
"""Batches are not joined beyond this."""
_OVERHEAD_BYTES: Final = 1500
"""What the arrays of a batch cost beside their data; it counts against the bound."""


class History:
    """The last events, oldest first.

    Args:
        max_bytes: Bound of the memory held by the columns and by what is kept for them; the oldest batches go first.
            At least one batch is kept.
    """

    def __init__(self, max_bytes: int = 256 * 1024 * 1024) -> None:
        self.max_bytes = max_bytes
        self.evicted = 0
        """Events that fell off the old end since the start."""
        self.beside_bytes = 0
        """Held for the events beside their columns, as was said with the last batch."""
        self._batches: deque[Batch] = deque()
        self._nbytes = 0
        self._count = 0
        self._view: tuple[Batch, ...] = ()

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes held in columns."""
        return self._nbytes

    @property
    def first_num(self) -> int:
        """``evt.num`` of the oldest event kept, 0 when empty."""
        view = self._view
        return view[0].first_num if view else 0

    @property
    def last_num(self) -> int:
        """``evt.num`` of the newest event kept, 0 when empty."""
        view = self._view
        return view[-1].first_num + len(view[-1]) - 1 if view else 0

    def batches(self) -> tuple[Batch, ...]:
        """Return the batches kept, oldest first; safe to read from any thread for as long as one likes."""
        return self._view

    def append(self, batch: Batch, beside_bytes: int = 0) -> list[Batch]:
        """Add a batch, let the oldest go and return them. Only the engine calls this.

        Args:
            batch: Numbered, and with its processes.
            beside_bytes: Memory held for the events elsewhere, for their processes: it counts against the bound, up to
                half of it, so that a machine that starts many programs keeps fewer events and not more memory.
        """
        gone: list[Batch] = []
        self.beside_bytes = min(beside_bytes, self.max_bytes // 2)
        if not len(batch):
            return gone
        self._batches.append(batch)
        self._nbytes += batch.nbytes + _OVERHEAD_BYTES
        self._count += len(batch)
        while self._nbytes + self.beside_bytes > self.max_bytes and len(self._batches) > 1:
            old = self._batches.popleft()
            self._nbytes -= old.nbytes + _OVERHEAD_BYTES
            self._count -= len(old)
            self.evicted += len(old)
            gone.append(old)
        self._view = tuple(self._batches)
        return gone

    def join(self) -> list[tuple[Batch, Batch]]:
        """Join small batches at the new end; return each that is gone with the one its events are in now.

        Two neighbours of about the same size become one, so that an event is copied a few times at most. Only the
        engine calls this.
        """
        moved: list[tuple[Batch, Batch]] = []
        while len(self._batches) > 1:
            older, newer = self._batches[-2], self._batches[-1]
            if len(older) + len(newer) > JOINED_ROWS or len(older) > 2 * len(newer):
                break
            both = concat((older, newer))
            self._batches.pop()
            self._batches[-1] = both
            self._nbytes += both.nbytes - older.nbytes - newer.nbytes - _OVERHEAD_BYTES
            moved = [(old, both if new is newer else new) for old, new in moved]
            moved += [(older, both)] if any(new is both for _, new in moved) else [(older, both), (newer, both)]
        if moved:
            self._view = tuple(self._batches)
        return moved

    def replace(self, old: Batch, new: Batch) -> bool:
        """Put the same events in the place of a batch; False when it is not there any more. Only the engine calls."""
        for at in range(len(self._batches) - 1, -1, -1):
            if self._batches[at] is old:
                self._batches[at] = new
                self._nbytes += new.nbytes - old.nbytes
                self._view = tuple(self._batches)
                return True
        return False

    def find(self, num: int) -> tuple[Batch, int] | None:
        """Return the batch and row of an event by its number, None when it is not (or no longer) kept."""
        view = self._view
        low, high = 0, len(view)
        while low < high:
            middle = (low + high) // 2
            if view[middle].first_num + len(view[middle]) <= num:
                low = middle + 1
            else:
                high = middle
        if low == len(view) or num < view[low].first_num:
            return None
        return view[low], num - view[low].first_num
