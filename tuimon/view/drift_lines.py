"""The lines of the drift pane."""

from __future__ import annotations

from typing import Final

from tuimon.view.cells import NAME_TAIL, REST, Cell, Line
from tuimon.view.clock import amount, clock
from tuimon.view.drift import MEMORY, NEW, DriftRow, DriftView

_LOUD = (NEW, MEMORY)
_NARROW: Final = 70
"""Columns below which names and reasons are cut, so that the path is told."""


class DriftLines:
    """What the drift pane shows; sequence numbers are positions from the top.

    Args:
        view: Says which executables.
    """

    first = 0

    def __init__(self, view: DriftView) -> None:
        self._view = view

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._view.rows)

    def row(self, seq: int) -> DriftRow | None:
        """Return the row at a position."""
        rows = self._view.rows
        return rows[seq] if 0 <= seq < len(rows) else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self.row(seq)
        if row is None:
            return ()
        wide = width >= 100
        owner = row.container
        name = "?" if owner is None else owner.name or owner.pod_name or owner.id
        role = "bad" if row.reason in _LOUD else "attention"
        cells = [
            Cell(f" {clock(row.last_ns)}", "muted", 10),
            Cell(amount(row.count), "strong" if row.count > 1 else "muted", 5, right=True),
            Cell(f" {name}", "", _container_width(width) - 1, tail=NAME_TAIL),
            Cell(" ", "", 1),
            Cell(row.path or "?", "strong", REST),
            Cell(f" {row.reason}", role, _why_width(width)),
        ]
        return [*cells, Cell(f" {row.pid} {row.cmdline}", "muted", max(width // 3, 30))] if wide else cells


def _container_width(width: int) -> int:
    return 16 if width >= _NARROW else 12


def _why_width(width: int) -> int:
    return 24 if width >= _NARROW else 13


def drift_header(width: int) -> Line:
    """Return the names over the columns of ``DriftLines``."""
    cells = [
        Cell(" last", "muted", 10),
        Cell("n", "muted", 5, right=True),
        Cell(" container", "muted", _container_width(width)),
        Cell("executable", "muted", REST),
        Cell(" why", "muted", _why_width(width)),
    ]
    return [*cells, Cell(" process", "muted", max(width // 3, 30))] if width >= 100 else cells
