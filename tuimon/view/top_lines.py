"""The lines of a view: one value, its events, share, rate, errors, bytes, and when it was seen last."""

from __future__ import annotations

from typing import Final

from tuimon.render import rate_text, size_text
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import amount, clock
from tuimon.view.columns import fit_path
from tuimon.view.drill import Drill
from tuimon.view.top import TopRow
from tuimon.view.top_views import RULES, VIEWS

_BAR: Final = 12
"""Columns of the bar that shows the share, where there is room."""
_WIDE: Final = 70
"""Columns from which on the time has one."""
_WIDEST: Final = 100
"""Columns from which on there is room for the bar."""


class TopLines:
    """What the list of a view shows; sequence numbers are places from the top.

    Args:
        drill: Says what.
        ascii_only: Draw bars without block characters.
    """

    first = 0

    def __init__(self, drill: Drill, *, ascii_only: bool = False) -> None:
        self._drill = drill
        self._block = "#" if ascii_only else "■"

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._drill.table.rows)

    def row(self, seq: int | None) -> TopRow | None:
        """Return the row at a place."""
        rows = self._drill.table.rows
        return rows[seq] if seq is not None and 0 <= seq < len(rows) else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self.row(seq)
        if row is None:
            return ()
        cells = [
            Cell(" ", "", 1),
            Cell(fit_path(row.value.label, width - self._taken(width)), "strong", REST),
            Cell(" ", "", 1),
            Cell(f"{row.events:,}", "", 11, right=True),
            Cell(f"{row.share:.1%}", "muted", 7, right=True),
        ]
        if width >= _WIDEST:
            cells += [Cell(" ", "", 1), Cell(self._block * round(row.share * _BAR), "spark", _BAR)]
        cells += [
            Cell(rate_text(row.rate), "", 6, right=True),
            Cell(amount(row.errors) if row.errors else "", "event-failed", 7, right=True),
            Cell(size_text(row.bytes) if row.bytes else "", "", 7, right=True),
        ]
        if width >= _WIDE:
            cells += [Cell(" ", "", 1), Cell(clock(row.last_ns), "muted", 9)]
        return cells

    def _taken(self, width: int) -> int:
        """Return the columns that the name does not get."""
        return 40 + (_BAR + 1) * (width >= _WIDEST) + 10 * (width >= _WIDE)

    def header(self, width: int) -> Line:
        """Return the names over the columns; the one the list is ordered by stands out."""
        names = [
            ("events", "alerts" if self._drill.name == RULES else "events", 11),
            ("", "share", 7),
            ("", "", _BAR + 1 if width >= _WIDEST else 0),
            ("", "/s", 6),
            ("errors", "errors", 7),
            ("bytes", "bytes", 7),
            ("last", "  last", 10 if width >= _WIDE else 0),
        ]
        order = self._drill.order
        first = Cell(self._drill.title.lower() or "name", "title" if order == "name" else "muted", REST)
        cells = [Cell(" ", "", 1), first, Cell(" ", "", 1)]
        for key, title, room in names:
            if room:
                cells.append(Cell(title, "title" if key == order else "muted", room, right=key != "last"))
        return cells

    def foot(self) -> Line:
        """Return what the counts are of."""
        drill, table = self._drill, self._drill.table
        what = "alerts" if drill.name == RULES else "events"
        window = f"last {drill.window_s:.0f} s" if drill.window_s else f"all kept, {table.seconds:,.0f} s"
        cells = [Cell(f" {window} ", "live"), Cell(f" {table.events:,} {what} ", "muted")]
        if table.without:
            cells.append(Cell(f" {table.without:,} without one ", "muted"))
        if table.values > len(table.rows):
            cells.append(Cell(f" {len(table.rows):,} of {table.values:,} rows shown ", "attention"))
        if drill.progress < 1:
            cells.append(Cell(f" counting {drill.progress:.0%} ", "attention"))
        if drill.error:
            cells.append(Cell(f" {drill.error} ", "bad"))
        return [*cells, Cell(" left, right: shorter, longer", "muted")]


MENU: Final = (
    *((view.name, view.title, view.doc) for view in VIEWS.values()),
    (RULES, "Rules", "alerts by rule"),
    ("", "Events", "the events themselves, one by one"),
)
"""Name, title and meaning of every view, in the order of the menu."""
