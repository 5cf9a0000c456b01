"""The lines of the alerts pane."""

from __future__ import annotations

from tuimon.events import Alert
from tuimon.view.alert_view import AlertGroup, AlertView
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import amount, clock
from tuimon.view.severity import short


class AlertLines:
    """What the alerts list shows; sequence numbers are positions from the top.

    Args:
        view: Says which alerts.
    """

    first = 0

    def __init__(self, view: AlertView) -> None:
        self._view = view

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._view.rows)

    def row(self, seq: int) -> AlertGroup | Alert | None:
        """Return the row at a position."""
        rows = self._view.rows
        return rows[seq] if 0 <= seq < len(rows) else None

    def key(self, seq: int) -> object:
        """Return what tells a row from the others, whatever moves; None when there is no such row."""
        row = self.row(seq)
        if row is None:
            return None
        return (row.rule, row.container_id) if isinstance(row, AlertGroup) else row.num

    def position(self, key: object) -> int | None:
        """Return where the row of a key is now, None when it is not shown."""
        return next((seq for seq in range(self.end) if self.key(seq) == key), None)

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self.row(seq)
        if row is None:
            return ()
        alert = newest(row)
        count = row.count if isinstance(row, AlertGroup) else 1
        time_ns = row.last_time_ns if isinstance(row, AlertGroup) else row.time_ns
        wide = width >= 100
        cells = [
            Cell(" " + short(row.priority), severity_role(row.priority), 6),
            Cell(amount(count), "strong" if count > 1 else "muted", 5, right=True),
            Cell("  " + clock(time_ns), "muted", 12),
            Cell(row.rule, severity_role(row.priority), 40 if wide else REST),
            Cell(" ", "", 1),
            Cell(container_of(alert), "", 14),
            Cell(" ", "", 1),
        ]
        if wide:
            cells += [Cell(alert.output, "muted", REST), Cell(" ", "", 1)]
        if alert.unconfirmed:
            cells.append(Cell("unconfirmed", "attention", 11))
        return cells


def alert_header(width: int) -> Line:
    """Return the names over the columns of ``AlertLines``."""
    wide = width >= 100
    cells = [
        Cell(" prio", "muted", 6),
        Cell("n", "muted", 5, right=True),
        Cell("  last", "muted", 12),
        Cell("rule", "muted", 40 if wide else REST),
        Cell(" container", "muted", 16),
    ]
    if wide:
        cells.append(Cell("output", "muted", REST))
    return cells


def newest(row: AlertGroup | Alert) -> Alert:
    """Return the alert that stands for a row."""
    return row.newest if isinstance(row, AlertGroup) else row


def container_of(alert: Alert) -> str:
    """Return the container's name, its id while that is all there is, "?" while unknown."""
    container = alert.event.container
    return "?" if container is None else container.name or container.id
