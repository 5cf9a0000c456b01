"""Arrangement: how the live list shows its rows: as they come, folded, or sorted; and the search in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tuimon.rules.numbering import Memory
from tuimon.view.background import Background
from tuimon.view.columns import Column
from tuimon.view.folded_rows import FoldedRows
from tuimon.view.live_lines import LiveLines
from tuimon.view.live_view import LiveView
from tuimon.view.search import STEP_ROWS, EventOf, Search, Text, all_hits
from tuimon.view.sorted_rows import SortedRows


class SortedSearch(Search):
    """The next row of a sorted list that shows a text, or once around."""

    def __init__(self, text: Text, view: LiveView, rows: SortedRows, start: int, step: int) -> None:
        super().__init__(text, view, start, step)
        self._rows = rows

    def _look(self) -> Iterator[None]:
        hits = [np.empty(0, np.int64)]
        batches = self._view.batches()
        self._total = max(sum(map(len, batches)), 1)
        for found in all_hits(self.text, batches):
            hits.append(found)
            self._looked += STEP_ROWS
            yield
        rows = self._rows
        nums = rows.only(np.concatenate(hits))
        at = rows.next_of(nums, rows.seq_near(self._start), self._step)
        if at is None and len(nums):
            self.wrapped = True
            at = rows.next_of(nums, -1 if self._step > 0 else rows.end, self._step)
        self.found = None if at is None else rows.num(at)


class Arrangement:
    """What stands between the live view and the list that shows it.

    Args:
        view: Which events.
        lines: What the list shows; its ``rows`` are set here.
        event_of: Makes row objects.
        memory: What filters have worked out about the history.
    """

    def __init__(self, view: LiveView, lines: LiveLines, event_of: EventOf, memory: Memory | None = None) -> None:
        self._view = view
        self._lines = lines
        self._event_of = event_of
        self._memory = memory
        self._sorter = Background("sort")
        self._searcher = Background("search")
        self._wanted: SortedRows | None = None
        self._generation = view.generation
        self.by: Column | None = None
        """What the rows are sorted by, None as they came."""
        self.descending = False
        self.folded: FoldedRows | None = None
        self.search: Search | None = None
        """The search under way, or the last one."""
        self.text = ""
        """What was searched for last."""
        self._told: Search | None = None

    def close(self) -> None:
        """End what runs in the background."""
        self._sorter.stop()
        self._searcher.stop()

    # Sorting.

    @property
    def sorted(self) -> SortedRows | None:
        """The sorted rows that are shown."""
        rows = self._lines.rows
        return rows if isinstance(rows, SortedRows) else None

    @property
    def sorting(self) -> SortedRows | None:
        """The order that is being made."""
        return self._wanted

    def sort(self, by: Column | None, *, descending: bool = False) -> None:
        """Sort what there is now by a column; None: back to the rows as they come."""
        self.by, self.descending = by, descending
        self._wanted = None
        self._sorter.run(None)
        if by is None:
            self._lines.rows = self.folded or self._view
            return
        self.folded = None
        view = self._view
        self._generation = view.generation
        self._wanted = SortedRows(by, descending, view.pieces(), view.batches(), self._event_of, self._memory)
        self._sorter.run(self._wanted.work())

    def newer(self) -> int:
        """Return how many rows came since the order was made."""
        rows = self.sorted
        return 0 if rows is None else self._view.end - self._view.seq_near(rows.newest + 1)

    # Folding.

    def fold(self, on: bool) -> None:
        """Show repeats as one row, or every event."""
        self.sort(None)
        self.folded = FoldedRows(self._view) if on else None
        if self.folded is not None:
            self.folded.sync()
        self._lines.rows = self.folded or self._view

    # Searching.

    def look(self, text: str, start: int, step: int) -> None:
        """Search from an event on, in the order of the list; ``take_found`` tells when it is found."""
        self.text = text
        wanted, rows = Text(text, self._event_of, self._memory), self.sorted
        if rows is None:
            self.search = Search(wanted, self._view, start, step)
        else:
            self.search = SortedSearch(wanted, self._view, rows, start, step)
        self._searcher.run(self.search.work())

    def take_found(self) -> Search | None:
        """Return a search that has come to its end, once."""
        search = self.search
        if search is None or not search.done or search is self._told:
            return None
        self._told = search
        return search

    # The tick.

    @property
    def at_work(self) -> bool:
        """Whether something is on its way that ``sync`` or ``take_found`` will bring."""
        folding = self.folded is not None and self.folded.progress < 1
        return self._wanted is not None or self.search is not self._told or folding

    def sync(self) -> bool:
        """Take up what the background found; return whether other rows are shown now (the list finds its place)."""
        if self.folded is not None:
            self.folded.sync()
        if self.by is None:
            return False
        view, wanted = self._view, self._wanted
        if view.generation != self._generation and view.progress == 1.0 and not view.pending:
            self.sort(self.by, descending=self.descending)  # the filter is another now
            return False
        if wanted is None or not wanted.done:
            return False
        self._wanted = None
        self._lines.rows = wanted
        return True
