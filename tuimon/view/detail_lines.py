"""The lines of the detail screens: one event with every field and its meaning, one alert with its output."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from tuimon.events import Alert, Event, Process
from tuimon.fields.registry import UNKNOWN, FieldInfo, Value
from tuimon.render import summary, value_text
from tuimon.syscalls import event_name
from tuimon.view.alert_view import AlertGroup
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import clock
from tuimon.view.columns import container_label

_GROUPS: Final = {name: at for at, name in enumerate(("fd", "fs", "proc", "user", "group", "container", "k8s"))}
"""Field groups that say most come first."""
_NAME: Final = 26
"""Columns for the name of a field."""
_BESIDE: Final = 90
"""Columns from which on a field's meaning stands beside its value."""
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


def _pair(name: str, text: str, role: str = "") -> Line:
    return (Cell(f" {name}", "muted", 14), Cell(text, role, REST))


def _head(title: str) -> list[Line]:
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


def _wrapped_pair(name: str, text: str, width: int, role: str = "") -> list[Line]:
    first, *more = wrapped(text, width, 14)
    return [_pair(name, first, role), *(_pair("", part, role) for part in more)]


def event_lines(event: Event, fields: Sequence[FieldInfo], width: int) -> list[Line]:
    """Return everything known of an event.

    Args:
        event: The event.
        fields: Which fields to list; those without a value are left out.
        width: Columns there are.
    """
    lines: list[Line] = [
        _pair("time", clock(event.time_ns, 9)),
        _pair("event", f"{event_name(event.kind, event.nr)}  (evt.num {event.num})", "strong"),
        *_wrapped_pair("what", summary(event), width, "strong"),
        _pair("container", container_label(event) or "not known yet"),
    ]
    lines += _head("process and its ancestors") + ancestry_lines(event.process, width)
    lines += _head("fields") + _field_lines(event, fields, width)
    return lines


def ancestry_lines(process: Process | None, width: int) -> list[Line]:
    """Return the process and its ancestors, the oldest first, each further to the right."""
    if process is None:
        return [_pair("", "not known", "muted")]
    line_of = [process, *process.ancestors()][::-1]
    lines: list[Line] = []
    for depth, at in enumerate(line_of):
        role = "strong" if at is process else ""
        lead = " " * (1 + 2 * depth) + ("\\_ " if depth else "")
        text = at.cmdline if at.comm else "?"
        lines.append((Cell(lead, "muted"), Cell(f"{at.pid} ", "muted"), Cell(text, role, REST)))
    if process.exepath:
        lines += _wrapped_pair("executable", process.exepath, width)
    if process.cwd:
        lines += _wrapped_pair("directory", process.cwd, width)
    return lines


def _field_lines(event: Event, fields: Sequence[FieldInfo], width: int) -> list[Line]:
    lines: list[Line] = []
    for info in sorted(fields, key=lambda info: _GROUPS.get(info.name.split(".")[0], len(_GROUPS))):
        if info.get is None or info.arg == "required" or info.filter_only:
            continue
        try:
            value = info.get(event, None)
        except Exception as error:  # a recording from elsewhere may hold what no kernel writes
            value = f"(cannot be shown: {type(error).__name__}: {error})"
        if value is None:
            continue
        lines += _field(info, value, width)
    return lines


def _field(info: FieldInfo, value: Value, width: int) -> list[Line]:
    """Return a field's lines: name, value and meaning side by side, or the meaning below where there is no room."""
    text = "not known yet" if value is UNKNOWN else value_text(info, value)
    role = "attention" if value is UNKNOWN else "strong"
    if width < _BESIDE:
        values = wrapped(text, width, _NAME)
        lines: list[Line] = [
            (Cell(f" {info.name}" if n == 0 else "", "token-field", _NAME), Cell(part, role, REST))
            for n, part in enumerate(values)
        ]
        return lines + [(Cell("", "", _NAME), Cell(part, "muted", REST)) for part in wrapped(info.doc, width, _NAME)]
    half = (width - _NAME) // 2
    sides = zip_longest(wrapped(text, half), wrapped(info.doc, width - _NAME - half), fillvalue="")
    return [
        (
            Cell(f" {info.name}" if n == 0 else "", "token-field", _NAME),
            Cell(left, role, half),
            Cell(right, "muted", REST),
        )
        for n, (left, right) in enumerate(sides)
    ]


def alert_lines(row: AlertGroup | Alert, members: Sequence[Alert], width: int) -> list[Line]:
    """Return an alert in full: output, fields, event, and the times of its repeats."""
    alert = row.newest if isinstance(row, AlertGroup) else row
    lines: list[Line] = [
        _pair("rule", alert.rule, "strong"),
        _pair("priority", alert.priority, severity_role(alert.priority)),
        _pair("time", clock(alert.time_ns, 9)),
        *_wrapped_pair("output", alert.output, width, "strong"),
    ]
    if alert.unconfirmed:
        lines.append(_pair("unconfirmed", "a value was still unknown when the wait for it ended", "attention"))
    if alert.tags:
        lines += _wrapped_pair("tags", ", ".join(alert.tags), width)
    lines.append(_pair("rules", f"revision {alert.revision}, source {alert.source}"))
    if alert.output_fields:
        lines += _head("fields of the output")
        for name, value in alert.output_fields.items():
            text = "none" if value is None else str(value)
            lines.append((Cell(f" {name}", "token-field", 26), Cell(" ", "", 1), Cell(text, "strong", REST)))
    lines += _head("event")
    lines += _wrapped_pair(event_name(alert.event.kind, alert.event.nr), summary(alert.event), width)
    lines += ancestry_lines(alert.event.process, width)
    if len(members) > 1:
        lines += _head(f"{len(members):,} alerts, newest first")
        for other in members[:500]:
            lines.append((Cell(f" {clock(other.time_ns, 3)}", "muted", 14), Cell(other.output, "", REST)))
    return lines
