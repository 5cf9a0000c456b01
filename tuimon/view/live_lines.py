"""The lines of the live pane: one event, one line, in the columns that were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.columns import Column, column_of, usual_keys

_TIMES: int = 5
"""Columns that the count of folded repeats takes."""


class EventMaker(Protocol):
    """The engine's part in a line."""

    def event(self, batch: Batch, row: int) -> Event:
        """Return the row object of an event."""


class Rows(Protocol):
    """Which events, in which order: the live view itself, or one folded or sorted."""

    @property
    def first(self) -> int:
        """Sequence number of the first row."""

    @property
    def end(self) -> int:
        """One past the last."""

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next that is shown."""


class View(Rows, Protocol):
    """The live view."""

    def find_num(self, num: int) -> tuple[Batch, int] | None:
        """Return the batch and row of an event number."""


class LiveLines:
    """What the live list shows.

    Args:
        engine: Makes row objects.
        view: Says which events.
        marks: Worst priority of the alerts of an event, by event number.
    """

    def __init__(self, engine: EventMaker, view: View, marks: Mapping[int, str]) -> None:
        self._engine = engine
        self._view = view
        self._marks = marks
        self.rows: Rows = view
        """The view, or an arrangement of it."""
        self.chosen: tuple[Column, ...] = ()
        """Columns that were chosen; empty: the usual ones for the width there is."""

    @property
    def first(self) -> int:
        """Sequence number of the oldest row."""
        return self.rows.first

    @property
    def end(self) -> int:
        """One past the newest."""
        return self.rows.end

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""
        return self.rows.num(seq)

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next that is shown."""
        return self.rows.seq_near(num)

    def event(self, seq: int) -> Event | None:
        """Return the event of a row, None when it is no longer kept."""
        num = self.rows.num(seq)
        found = None if num is None else self._view.find_num(num)
        return None if found is None else self._engine.event(*found)

    def times(self, seq: int) -> int:
        """Return how many events a row stands for."""
        count = getattr(self.rows, "count", None)
        return 1 if count is None else count(seq)

    def columns(self, width: int) -> tuple[Column, ...]:
        """Return the columns of a list of some columns of the screen."""
        return self.chosen or tuple(c for key in usual_keys(width) if (c := column_of(key)) is not None)

    def line(self, seq: int, width: int) -> Line:
        """Return one row: a cell for each column, each behind a blank; a count first where repeats are folded."""
        event = self.event(seq)
        if event is None:
            return (Cell(" (no longer kept)", "muted", REST),)
        columns = self.columns(width)
        cells: list[Cell] = []
        for column, room in zip(columns, widths(columns, width, folded=self.is_folded), strict=True):
            cell = column.cell(event, room, self._marks)
            cells += [cell._replace(width=room), Cell(" ", "", 1)]
        event.part()
        if self.is_folded:
            times = self.times(seq)
            cells += [Cell(f"x{times:,}" if times > 1 else "", "attention", _TIMES, right=True), Cell(" ", "", 1)]
        return cells

    @property
    def is_folded(self) -> bool:
        """Whether repeats are one row."""
        return hasattr(self.rows, "count")

    def header(self, width: int, *, sorted_by: str = "", descending: bool = False) -> Line:
        """Return the names over the columns; two cells each, as in ``line``."""
        columns = self.columns(width)
        cells: list[Cell] = []
        for column, room in zip(columns, widths(columns, width, folded=self.is_folded), strict=True):
            mark = ("v" if descending else "^") if column.key == sorted_by else ""
            title = fit_title(column.title, room - len(mark))
            cells += [Cell(title + mark, "title" if mark else "muted", room, column.right), Cell(" ", "", 1)]
        if self.is_folded:
            cells.append(Cell("times", "muted", _TIMES, right=True))
        return cells


def fit_title(title: str, room: int) -> str:
    """Return a column's name in some columns of the screen; of a field, what tells it from others of its kind."""
    if len(title) <= room or "." not in title:
        return title
    return title[-max(room, 1) :].lstrip(".")


def widths(columns: Sequence[Column], total: int, *, folded: bool = False) -> list[int]:
    """Return the width of each column: what the fixed ones leave goes to the detail, without one to the last."""
    wanted = [column.width(total) for column in columns]
    rest = wanted.index(REST) if REST in wanted else len(wanted) - 1
    if not wanted:
        return []
    fixed = sum(width for at, width in enumerate(wanted) if at != rest) + len(wanted) + (_TIMES + 1) * folded
    wanted[rest] = max(total - fixed, 8)
    return wanted
