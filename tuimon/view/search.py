"""Search: the next row that shows a text, whatever the case; over everything the filter keeps, in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, rows_of
from tuimon.events import Event
from tuimon.fields.flags import errno_name
from tuimon.records import Slot
from tuimon.rules.filter import TextFilter
from tuimon.rules.numbering import Memory
from tuimon.view.columns import container_label, detail

STEP_ROWS: Final = 4096
_MAX_ERRNO: Final = 4096
EventOf = Callable[[Batch, int], Event]


class Shown(Protocol):
    """The live view, as far as the background may ask it while the screen's thread changes its rows."""

    def batches(self) -> tuple[Batch, ...]:
        """Return the batches that the rows are in, oldest first."""

    def shows(self, num: int) -> bool:
        """Return whether an event is among the rows."""


class Text:
    """A text looked for in what a row of the list shows: type, process, paths, addresses, outcome, container.

    Args:
        wanted: The text.
        event_of: Makes row objects.
        memory: What filters have worked out about the same history.
    """

    def __init__(self, wanted: str, event_of: EventOf, memory: Memory | None = None) -> None:
        self.wanted = wanted
        self._lower = wanted.lower()
        self._event_of = event_of
        self._memory = memory or Memory()
        self._text = TextFilter(wanted, wanted, event_of, self._memory)
        self._types: list[bool] = []
        """Whether the name of each kind of event shows it, by the memory's number of the kind."""
        names = (errno_name(-number).lower() if number else "" for number in range(_MAX_ERRNO + 1))
        self._errors = np.array([self._lower in name for name in names], bool)
        """The same of each error number; 0 is none."""

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch that show it, ascending."""
        kept = np.zeros(len(batch), bool)
        kept[self._text.rows(batch)] = True
        kept |= self._by_type(batch) | self._by_outcome(batch) | self._by_container(batch)
        for row in np.flatnonzero(_has_address(batch) & ~kept).tolist():
            event = self._event_of(batch, row)
            kept[row] = self._lower in detail(event).lower()
            event.part()
        return np.flatnonzero(kept)

    def _by_type(self, batch: Batch) -> NDArray[np.bool_]:
        with self._memory.lock:
            codes = self._memory.known(batch).codes
            for code in range(len(self._types), len(self._memory.code_of)):
                self._types.append(self._lower in self._memory.name_of(code))
        return np.array(self._types, bool)[codes]

    def _by_outcome(self, batch: Batch) -> NDArray[np.bool_]:
        return np.asarray(self._errors[np.clip(-batch.head["ret"], 0, _MAX_ERRNO)], bool)

    def _by_container(self, batch: Batch) -> NDArray[np.bool_]:
        _, first, inverse = np.unique(batch.head["cgroup_id"], return_index=True, return_inverse=True)
        labels = [container_label(self._event_of(batch, row)).lower() for row in first.tolist()]
        return np.array([self._lower in label for label in labels], bool)[inverse]


def _has_address(batch: Batch) -> NDArray[np.bool_]:
    """Return which rows tell of a socket: its address is no text."""
    if not len(batch.ext):
        return np.zeros(len(batch), bool)
    found: NDArray[np.bool_] = batch.ext["slot_len"][batch.ext_at, Slot.SOCK] > 0
    return found & (batch.ext_at >= 0)


class Search:
    """One way from a row to the next that shows a text, or once around.

    Args:
        text: What to look for.
        view: The live view.
        start: Event number to begin at, which is not looked at itself before the end.
        step: 1: to the newer, -1: to the older.
    """

    def __init__(self, text: Text, view: Shown, start: int, step: int) -> None:
        self.text = text
        self.found: int | None = None
        """Event number."""
        self.wrapped = False
        """It was found beyond the end, from the other side."""
        self.done = False
        self.error = ""
        self._view = view
        self._start = start
        self._step = step
        self._looked, self._total = 0, 1

    @property
    def said(self) -> str:
        """What there is to say of it besides the row that it found; empty: nothing."""
        if self.error or self.found is None:
            return self.error or "not found"
        if not self.wrapped:
            return ""
        return "in no other row" if self.found == self._start else "found beyond the end, from the other side"

    @property
    def progress(self) -> float:
        """Share of the rows looked at, 0 to 1."""
        return 1.0 if self.done else min(self._looked / self._total, 1.0)

    def work(self) -> Iterator[None]:
        """Do the work in short steps."""
        try:
            yield from self._look()
        except Exception as error:  # a value that cannot be told must not take the screen with it
            self.error = f"searching failed: {type(error).__name__}: {error}"
        self.done = True

    def _look(self) -> Iterator[None]:
        pieces = _slices(self._view.batches(), self._start, self._step)
        self._total = max(sum(len(batch) for batch, _ in pieces), 1)
        for batch, wrapped in pieces:
            nums = self.text.rows(batch) + batch.first_num
            for num in (nums if self._step > 0 else nums[::-1]).tolist():
                if self._view.shows(num):
                    self.found, self.wrapped = num, wrapped
                    return
            self._looked += len(batch)
            yield


def all_hits(text: Text, batches: Sequence[Batch]) -> Iterator[NDArray[np.int64]]:
    """Yield the event numbers of the events that show a text, oldest first."""
    for batch in batches:
        for part in cut(batch, 0, len(batch)):
            yield text.rows(part) + part.first_num


def _slices(batches: Sequence[Batch], start: int, step: int) -> list[tuple[Batch, bool]]:
    """Return the events from ``start`` on, in slices in the direction of search; then the rest, marked."""
    before: list[Batch] = []
    after: list[Batch] = []
    for batch in batches:
        middle = min(max(start + (step > 0) - batch.first_num, 0), len(batch))
        before += cut(batch, 0, middle)
        after += cut(batch, middle, len(batch))
    if step > 0:
        return [(one, False) for one in after] + [(one, True) for one in before]
    return [(one, False) for one in reversed(before)] + [(one, True) for one in reversed(after)]


def cut(batch: Batch, begin: int, end: int) -> list[Batch]:
    """Return some rows of a batch in slices that share the columns' memory."""
    return [rows_of(batch, at, min(at + STEP_ROWS, end)) for at in range(begin, end, STEP_ROWS)]
