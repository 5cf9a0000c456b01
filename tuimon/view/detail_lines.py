"""The lines of the detail screens: what they share, and one alert with its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tuimon.events import Alert, Process
from tuimon.render import summary
from tuimon.syscalls import event_name
from tuimon.view.alert_view import AlertGroup
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import clock, day

_WRAPPED: Final = 200
"""Lines that one long text may take; a hostile argument list must not bury everything else."""


class FixedLines:
    """Prepared lines as a list's source."""

    first = 0

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    @property
    def end(self) -> int:
        """One past the last line."""
        return len(self._lines)

    def line(self, seq: int, width: int) -> Line:  # noqa: ARG002
        """Return one line."""
        return self._lines[seq]


def pair(name: str, text: str, role: str = "") -> Line:
    """Return a name and its text."""
    return (Cell(f" {name}", "muted", 14), Cell(text, role, REST))


def head(title: str) -> list[Line]:
    """Return the head of a section."""
    return [(), (Cell(f" {title}", "title", REST),)]


def wrapped(text: str, width: int, indent: int = 1) -> list[str]:
    """Return text cut into lines of a width, between words where it can be, without losing a character.

    A text of too many lines says how much of it is left out.
    """
    room = max(width - indent - 1, 10)
    lines: list[str] = []
    at = 0
    while at < len(text) and len(lines) < _WRAPPED:
        end = min(at + room, len(text))
        if end < len(text) and (space := text.rfind(" ", at, end)) > at + room // 2:
            end = space + 1
        lines.append(text[at:end])
        at = end
    if at < len(text):
        lines.append(f"... {len(text) - at:,} more characters")
    return lines or [""]


def wrapped_pair(name: str, text: str, width: int, role: str = "") -> list[Line]:
    """Return a name and its text, which may take several lines."""
    first, *more = wrapped(text, width, 14)
    return [pair(name, first, role), *(pair("", part, role) for part in more)]


def whole(line: Line, width: int) -> list[Line]:
    """Return a line as several where the text of its last cell has no room, the rest of it below where it begins."""
    *before, last = line
    indent = sum(cell.width or len(cell.text) for cell in before)
    first, *more = wrapped(last.text, width, indent)
    return [(*before, last._replace(text=first)), *((Cell("", "", indent), last._replace(text=part)) for part in more)]


def ancestry_lines(process: Process | None, width: int) -> list[Line]:
    """Return the process and its ancestors, the oldest first, each further to the right."""
    if process is None:
        return [pair("", "not known", "muted")]
    line_of = [process, *process.ancestors()][::-1]
    lines: list[Line] = []
    for depth, at in enumerate(line_of):
        role = "strong" if at is process else ""
        lead = " " * (1 + 2 * depth) + ("\\_ " if depth else "")
        text = at.cmdline if at.comm else "?"
        line = (Cell(lead, "muted"), Cell(f"{at.pid} ", "muted"), Cell(text, role, REST))
        lines += whole(line, width) if at is process else [line]
    if process.exepath:
        lines += wrapped_pair("executable", process.exepath, width)
    if process.cwd:
        lines += wrapped_pair("directory", process.cwd, width)
    return lines


def alert_lines(row: AlertGroup | Alert, members: Sequence[Alert], width: int) -> list[Line]:
    """Return an alert in full: output, fields, event, and the times of its repeats."""
    alert = row.newest if isinstance(row, AlertGroup) else row
    lines: list[Line] = [
        pair("rule", alert.rule, "strong"),
        pair("priority", alert.priority, severity_role(alert.priority)),
        pair("time", f"{clock(alert.time_ns, 9)}  on {day(alert.time_ns)[:10]}"),
        *wrapped_pair("output", alert.output, width, "strong"),
    ]
    if alert.unconfirmed:
        lines.append(pair("unconfirmed", "a value was still unknown when the wait for it ended", "attention"))
    if alert.tags:
        lines += wrapped_pair("tags", ", ".join(alert.tags), width)
    lines.append(pair("rules", f"revision {alert.revision}, source {alert.source}"))
    if alert.output_fields:
        lines += head("fields of the output")
        room = min(max(map(len, alert.output_fields)) + 2, width // 2)
        for name, value in alert.output_fields.items():
            text = "none" if value is None else str(value)
            first, *more = wrapped(text, width, room + 1)
            lines.append((Cell(f" {name}", "token-field", room), Cell(" ", "", 1), Cell(first, "strong", REST)))
            lines += [(Cell("", "", room + 1), Cell(part, "strong", REST)) for part in more]
    lines += head("event")
    lines += wrapped_pair(event_name(alert.event.kind, alert.event.nr), summary(alert.event), width)
    lines += ancestry_lines(alert.event.process, width)
    if len(members) > 1:
        lines += head(f"{len(members):,} alerts, newest first")
        for other in members[:500]:
            lines.append((Cell(f" {clock(other.time_ns, 3)}", "muted", 14), Cell(other.output, "", REST)))
    return lines
