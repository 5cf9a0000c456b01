"""SortedRows: the rows of the live view at one moment, in the order of a column; made in the background.

A field's value is asked once for each distinct thing that it can see (tuimon.rules.columns), so that a million events
take a second at most; what hangs on the whole event is asked of each, and the list says how far it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tuimon.allocator import give_back
from tuimon.batch import Batch
from tuimon.rules.numbering import Memory
from tuimon.rules.versions import EventOf
from tuimon.view.columns import Column
from tuimon.view.row_index import Numbers
from tuimon.view.sort_columns import Source, source_of
from tuimon.view.sort_keys import Keys


class SortedRows:
    """An order of rows. ``work`` is the background's; everything else is the screen's once ``done``.

    Args:
        column: What to order by.
        descending: The greatest first; what has no value comes last either way.
        pieces: Event numbers, ascending.
        batches: Where they are, oldest first.
        event_of: Makes row objects.
        memory: What filters have worked out about the same history.
    """

    first = 0

    def __init__(
        self,
        column: Column,
        descending: bool,
        pieces: Sequence[Numbers],
        batches: Sequence[Batch],
        event_of: EventOf,
        memory: Memory | None = None,
    ) -> None:
        self.column = column
        self.descending = descending
        self.done = False
        self.error = ""
        self.total = sum(len(piece) for piece in pieces)
        self.newest = int(pieces[-1][-1]) if pieces else 0
        """Event number of the newest row that takes part."""
        self._judged = 0
        self._todo = [(pieces, batches, source_of(column, event_of, memory))]
        """Taken by the work, so that no batch, and no text, is kept beyond it."""
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._by_num: NDArray[np.int64] = np.empty(0, np.int64)
        """Event numbers, ascending, and..."""
        self._place: NDArray[np.int32] = np.empty(0, np.int32)
        """...the row of each."""

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._order)

    @property
    def progress(self) -> float:
        """Share of the work that is done, 0 to 1."""
        return 1.0 if self.done else self._judged / max(self.total, 1) * 0.99

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""
        return int(self._order[seq]) if 0 <= seq < len(self._order) else None

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next newer one."""
        at = int(np.searchsorted(self._by_num, num))
        return int(self._place[at]) if at < len(self._place) else max(self.end - 1, 0)

    def next_of(self, nums: NDArray[np.int64], seq: int, step: int) -> int | None:
        """Return the next row (1) or the one before (-1) ``seq`` that shows one of some events, None for none."""
        at = np.searchsorted(self._by_num, nums)
        at = at[(at < len(self._by_num))]
        rows = np.sort(self._place[at])
        rows = rows[rows > seq] if step > 0 else rows[rows < seq]
        return None if not len(rows) else int(rows[0] if step > 0 else rows[-1])

    def only(self, nums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some events that are in the list."""
        at = np.minimum(np.searchsorted(self._by_num, nums), max(len(self._by_num) - 1, 0))
        return nums[self._by_num[at] == nums] if len(self._by_num) else nums[:0]

    # The background.

    def work(self) -> Iterator[None]:
        """Do the work in short steps, once."""
        try:
            yield from self._steps(*self._todo.pop())
        except Exception as error:  # a value that cannot be told must not take the screen with it
            self.error = f"sorting failed: {type(error).__name__}: {error}"
        self.done = True
        give_back()  # what a million keys took meanwhile

    def _steps(self, pieces: Sequence[Numbers], batches: Sequence[Batch], source: Source) -> Iterator[None]:
        parts = list(_parts(pieces, batches))
        nums = np.concatenate([nums for nums, _ in parts]) if parts else np.empty(0, np.int64)
        keys, at = Keys.none(len(nums)), 0
        for some, batch in parts:
            for count in source.fill(batch, some - batch.first_num, keys.part(at, at + len(some))):
                self._judged += count
                yield
            at += len(some)
        if len(source.ranks):
            yield from source.ranks.put_in(keys)
        yield from self._arrange(nums, keys)

    def _arrange(self, nums: NDArray[np.int64], keys: Keys) -> Iterator[None]:
        yield
        order = keys.order(descending=self.descending)
        yield
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        self._by_num, self._place, self._order = nums, place, nums[order]


def _parts(pieces: Sequence[Numbers], batches: Sequence[Batch]) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Yield the event numbers by the batch they are in; those of no batch are left out."""
    for piece in pieces:
        numbers = np.arange(piece.start, piece.stop) if isinstance(piece, range) else piece
        for batch in batches:
            low, high = np.searchsorted(numbers, (batch.first_num, batch.first_num + len(batch))).tolist()
            if low < high:
                yield numbers[low:high], batch
