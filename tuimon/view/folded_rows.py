"""FoldedRows: the rows of the live view with repeats as one: the same process, call, outcome and text in a row.

It follows the view as rows come at either end, a bounded time at each tick, and says how far it is.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch

_STEP_ROWS: Final = 8192
_BUDGET_S: Final = 0.01


class Source(Protocol):
    """The live view."""

    generation: int

    @property
    def first(self) -> int:
        """Sequence number of the oldest row."""

    @property
    def end(self) -> int:
        """One past the newest."""

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""

    def nums(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the event numbers of some rows."""

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next that is shown."""

    def find_num(self, num: int) -> tuple[Batch, int] | None:
        """Return the batch and row of an event number."""


class FoldedRows:
    """Groups of rows; a group is told by a number that never changes, as a row is.

    Args:
        view: The live view.
    """

    def __init__(self, view: Source) -> None:
        self._view = view
        self._reset()

    def _reset(self) -> None:
        self._generation = self._view.generation
        self._low = self._high = self._view.end
        """The view's rows that have been looked at."""
        self._newer = array("q")
        """Where groups 0, 1, ... begin."""
        self._older = array("q")
        """Where groups -1, -2, ... begin."""
        self._first = 0

    @property
    def first(self) -> int:
        """Number of the oldest group."""
        return self._first

    @property
    def end(self) -> int:
        """One past the newest."""
        return len(self._newer)

    @property
    def progress(self) -> float:
        """Share of the view's rows that have been looked at, 0 to 1."""
        total = self._view.end - self._view.first
        return 1.0 if total <= 0 else min((self._high - max(self._low, self._view.first)) / total, 1.0)

    def start(self, group: int) -> int:
        """Return the view's row that a group begins with."""
        return self._newer[group] if group >= 0 else self._older[-group - 1]

    def stop(self, group: int) -> int:
        """Return one past the view's row that a group ends with."""
        return self.start(group + 1) if group + 1 < self.end else self._high

    def count(self, group: int) -> int:
        """Return how many events a group stands for."""
        return self.stop(group) - max(self.start(group), self._view.first) if self._first <= group < self.end else 0

    def num(self, group: int) -> int | None:
        """Return the event number of a group's newest event."""
        return self._view.num(self.stop(group) - 1) if self._first <= group < self.end else None

    def seq_near(self, num: int) -> int:
        """Return the group of an event number, or of the next that is shown."""
        return self.group_of(self._view.seq_near(num))

    def group_of(self, seq: int) -> int:
        """Return the group of a row of the view."""
        if self._newer and seq >= self._newer[0]:
            return bisect_right(self._newer, seq) - 1
        low, high = self._first, 0
        while low < high:
            middle = (low + high) // 2
            if self.stop(middle) <= seq:
                low = middle + 1
            else:
                high = middle
        return min(low, max(self.end - 1, self._first))

    def sync(self) -> bool:
        """Take up what changed in the view, for a bounded time; return whether anything did."""
        view = self._view
        if view.generation != self._generation:
            self._reset()
        until = time.monotonic() + _BUDGET_S
        changed = self._let_go()
        while self._high < view.end and (not changed or time.monotonic() < until):
            stop = min(self._high + _STEP_ROWS, view.end)
            self._add_newer(self._high, stop)
            changed = True
        while self._low > view.first and time.monotonic() < until:
            self._add_older(max(self._low - _STEP_ROWS, view.first), self._low)
            changed = True
        return changed

    def _add_newer(self, start: int, stop: int) -> None:
        begins = self._begins(start, stop)
        self._newer.frombytes(begins.astype(np.int64).tobytes())
        self._high = stop

    def _add_older(self, start: int, stop: int) -> None:
        begins = self._begins(start, stop)
        if not len(begins) or begins[0] != start:
            begins = np.insert(begins, 0, start)
        if self._first < self.end and self._same(stop - 1, stop):
            self._move_first(int(begins[-1]))
            begins = begins[:-1]
        self._older.frombytes(begins[::-1].astype(np.int64).tobytes())
        self._first = -len(self._older)
        self._low = start

    def _move_first(self, start: int) -> None:
        """The oldest group so far began earlier than was known."""
        if self._first < 0:
            self._older[-self._first - 1] = start
        else:
            self._newer[0] = start

    def _let_go(self) -> bool:
        """Forget the groups that the view let go of."""
        before, oldest = self._first, self._view.first
        while self._first < self.end and self.stop(self._first) <= oldest:
            self._first += 1
        if self._low < oldest:
            self._low = oldest
        return self._first != before

    # What is a repeat.

    def _begins(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return which of some rows of the view differ from the row before, ascending."""
        nums = self._view.nums(start, stop)
        differs = np.ones(len(nums), bool)
        for at, to, batch in self._batches(nums):
            differs[at + 1 : to] = ~repeats(batch, nums[at:to] - batch.first_num)
            if at or self._is_known(start - 1):
                differs[at] = not self._same(start + at - 1, start + at)
        return np.flatnonzero(differs) + start

    def _is_known(self, seq: int) -> bool:
        return self._low <= seq < self._high

    def _batches(self, nums: NDArray[np.int64]) -> Iterator[tuple[int, int, Batch]]:
        """Yield stretches of numbers that lie in one batch; those no longer kept are left out."""
        at = 0
        while at < len(nums):
            found = self._view.find_num(int(nums[at]))
            if found is None:
                at += 1
                continue
            batch = found[0]
            to = int(np.searchsorted(nums, batch.first_num + len(batch)))
            yield at, to, batch
            at = to

    def _same(self, older: int, newer: int) -> bool:
        """Whether two rows of the view are repeats."""
        nums = self._view.num(older), self._view.num(newer)
        found = [self._view.find_num(num) for num in nums if num is not None]
        if len(found) < 2 or found[0] is None or found[1] is None:
            return False
        return _key(*found[0]) == _key(*found[1])


def repeats(batch: Batch, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return, (n - 1,), whether each of some rows of a batch but the first repeats the one before."""
    head = batch.head
    same = np.ones(max(len(rows) - 1, 0), bool)
    columns = [head["kind"][rows], head["nr"][rows], np.minimum(head["ret"][rows], 0)]
    if len(batch.process_at):
        columns.append(batch.process_at[rows])
    ext = batch.ext_at[rows]
    lengths = np.where(ext >= 0, batch.text_at[ext + 1] - batch.text_at[ext], 0)
    for column in (*columns, lengths):
        same &= column[1:] == column[:-1]
    starts, arena = batch.text_at[ext], batch.arena
    for at in np.flatnonzero(same & (lengths[1:] > 0)).tolist():
        one, other, size = int(starts[at]), int(starts[at + 1]), int(lengths[at])
        same[at] = arena[one : one + size] == arena[other : other + size]
    return same


def _key(batch: Batch, row: int) -> tuple[object, ...]:
    head = batch.head[row]
    process = int(batch.process_at[row]) if len(batch.process_at) else int(head["tgid"])
    outcome = min(int(head["ret"]), 0)
    return int(head["kind"]), int(head["nr"]), outcome, process, b"\0".join(batch.slots(row))
