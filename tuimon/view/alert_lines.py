"""The lines of the alerts pane."""

from __future__ import annotations

from tuimon.events import Alert
from tuimon.view.alert_view import AlertGroup, AlertView, Divider, Row
from tuimon.view.cells import NAME_TAIL, REST, Cell, Line, severity_role
from tuimon.view.clock import amount, clock
from tuimon.view.severity import short

_WIDE = 100
_VALUE = 24
"""Columns for the value of the field grouped by, where there is room for the output too."""


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

    def _at(self, seq: int) -> Row | None:
        rows = self._view.rows
        return rows[seq] if 0 <= seq < len(rows) else None

    def row(self, seq: int) -> AlertGroup | Alert | None:
        """Return the row at a position, None for the line between and when there is no such row."""
        row = self._at(seq)
        return None if isinstance(row, Divider) else row

    def key(self, seq: int) -> object:
        """Return what tells a row from the others, whatever moves; None when there is no such row."""
        row = self.row(seq)
        return row.key if isinstance(row, AlertGroup) else None if row is None else row.num

    def position(self, key: object) -> int | None:
        """Return where the row of a key is now, None when it is not shown."""
        return next((seq for seq in range(self.end) if self.key(seq) == key), None)

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self._at(seq)
        if row is None:
            return ()
        if isinstance(row, Divider):
            return _divider(row)
        alert, wide = newest(row), width >= _WIDE
        state, role = self._state(row)
        settled = state in ("ack", "mute")
        if alert.unconfirmed and not wide:  # the word would take the rule's name
            state, role = f"{state}?", "attention"
        colour = "muted" if settled else severity_role(row.priority)
        time_ns = row.last_time_ns if isinstance(row, AlertGroup) else row.time_ns
        cells = [
            Cell(" " + short(row.priority), colour, 6),
            *self._count(row, settled=settled),
            Cell("  " + clock(time_ns), "muted", 11),
            Cell(state, role, 6),
            Cell(row.rule, colour, 40 if wide else REST),
            Cell(" ", "", 1),
            Cell(container_of(alert), "muted" if settled else "", 14, tail=NAME_TAIL),
            Cell(" ", "", 1),
        ]
        if self._view.field is not None and isinstance(row, AlertGroup):
            cells += [Cell(row.value or "", "chosen" if not settled else "muted", _VALUE if wide else 16), Cell(" ")]
        if wide and alert.unconfirmed:
            cells += [Cell(alert.output, "muted", REST), Cell(" unconfirmed", "attention")]
        elif wide:
            cells += [Cell(alert.output, "muted", REST), Cell(" ", "", 1)]
        return cells

    @staticmethod
    def _count(row: AlertGroup | Alert, *, settled: bool) -> list[Cell]:
        count = row.count if isinstance(row, AlertGroup) else 1
        return [Cell(amount(count), "strong" if count > 1 and not settled else "muted", 5, right=True)]

    def _state(self, row: AlertGroup | Alert) -> tuple[str, str]:
        """Return what became of a row, as a word and its role: never by its place alone."""
        if isinstance(row, AlertGroup) and row.muted:
            return "mute", "muted"
        if self._view.is_acked(row):
            return "ack", "muted"
        if isinstance(row, AlertGroup) and row.is_back:
            return "again", "attention"
        return "", ""


def _divider(row: Divider) -> Line:
    parts = []
    if row.acked:
        parts.append(f"{row.acked:,} acknowledged")
    if row.muted:
        parts.append(f"{row.muted:,} muted")
    return (
        Cell(" -- ", "muted"),
        Cell("  ".join(parts), "attention"),
        Cell(f"  (A {'hides' if row.shown else 'shows'} them, M lists mutes) --", "muted", REST),
    )


def alert_header(width: int, field: str | None = None) -> Line:
    """Return the names over the columns of ``AlertLines``."""
    wide = width >= _WIDE
    cells = [
        Cell(" prio", "muted", 6),
        Cell("n", "muted", 5, right=True),
        Cell("  last", "muted", 17),
        Cell("rule", "muted", 40 if wide else REST),
        Cell(" container", "muted", 16),
    ]
    if field is not None:
        cells.append(Cell(field, "chosen", _VALUE + 1 if wide else 17))
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
