"""The lines of one event's dialog: what it was, who did it, its alerts, every field with its value and meaning.

Each line knows which field it is about, so that the value under the cursor can be kept, dropped or copied.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from tuimon.events import Alert, Event
from tuimon.fields import lookup
from tuimon.fields.registry import UNKNOWN, FieldInfo, Value
from tuimon.render import summary, value_text
from tuimon.syscalls import event_name
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import clock, day
from tuimon.view.columns import container_label
from tuimon.view.detail_lines import ancestry_lines, head, pair, wrapped, wrapped_pair
from tuimon.view.export import event_json
from tuimon.view.severity import short

_GROUPS: Final = {name: at for at, name in enumerate(("fd", "fs", "proc", "user", "group", "container", "k8s"))}
"""Field groups that say most come first."""
_NAME: Final = 26
"""Columns for the name of a field."""
_BESIDE: Final = 90
"""Columns from which on a field's meaning stands beside its value."""


@dataclass(frozen=True, slots=True)
class About:
    """What a line is about."""

    info: FieldInfo
    text: str
    """The value in full, as text."""


Said = tuple[Line, About | None]


class EventLines:
    """An event in full, for a width.

    Args:
        event: The event.
        fields: Which fields to list; those without a value are left out.
        alerts: Those about the event.
        width: Columns there are.
    """

    def __init__(self, event: Event, fields: Sequence[FieldInfo], alerts: Sequence[Alert], width: int) -> None:
        said = [*_beginning(event, width), *_plain(_alert_lines(alerts, width))]
        said += _plain(head("process and its ancestors") + ancestry_lines(event.process, width))
        said += _plain(head("fields")) + _field_lines(event, fields, width)
        self.lines: list[Line] = [line for line, _ in said]
        self._about = [about for _, about in said]

    def about(self, seq: int | None) -> About | None:
        """Return the field that a line is about, None when it is about none."""
        return self._about[seq] if seq is not None and 0 <= seq < len(self._about) else None


def json_lines(event: Event, fields: Sequence[FieldInfo], width: int) -> list[Line]:
    """Return the event as JSON, laid out; long values take several lines."""
    text = json.dumps(json.loads(event_json(event, fields)), indent=2, ensure_ascii=True)
    lines: list[Line] = []
    for each in text.split("\n"):
        first, *more = wrapped(each, width, 1)
        lines += [(Cell(f" {first}", "", REST),), *((Cell(f"     {part}", "", REST),) for part in more)]
    return lines


def _plain(lines: Sequence[Line]) -> list[Said]:
    return [(line, None) for line in lines]


def _beginning(event: Event, width: int) -> list[Said]:
    name = event_name(event.kind, event.nr)
    said: list[Said] = [(pair("time", f"{clock(event.time_ns, 9)}  on {day(event.time_ns)[:10]}"), None)]
    said.append((pair("event", f"{name}  (evt.num {event.num})", "strong"), _about("evt.type", name)))
    said += _plain(wrapped_pair("what", summary(event), width, "strong"))
    label = container_label(event)
    about = _about("container.name" if event.container is not None and event.container.name else "container.id", label)
    said.append((pair("container", label or "not known yet"), about if label else None))
    return said


def _about(name: str, text: str) -> About | None:
    info = lookup(name)
    return None if info is None else About(info, text)


def _alert_lines(alerts: Sequence[Alert], width: int) -> list[Line]:
    if not alerts:
        return []
    lines = head("alerts about it")
    for alert in alerts:
        lines.append(
            (Cell(f" {short(alert.priority)}", severity_role(alert.priority), 6), Cell(alert.rule, "strong", REST))
        )
        lines += [(Cell("", "", 6), Cell(part, "", REST)) for part in wrapped(alert.output, width, 6)]
    return lines


def _field_lines(event: Event, fields: Sequence[FieldInfo], width: int) -> list[Said]:
    said: list[Said] = []
    for info in sorted(fields, key=lambda info: _GROUPS.get(info.name.split(".")[0], len(_GROUPS))):
        if info.get is None or info.arg == "required" or info.filter_only:
            continue
        try:
            value = info.get(event, None)
        except Exception as error:  # a recording from elsewhere may hold what no kernel writes
            value = f"(cannot be shown: {type(error).__name__}: {error})"
        if value is not None:
            said += _field(info, value, width)
    return said


def _field(info: FieldInfo, value: Value, width: int) -> list[Said]:
    """Return a field's lines: name, value and meaning side by side, or the meaning below where there is no room."""
    text = "not known yet" if value is UNKNOWN else value_text(info, value)
    role = "attention" if value is UNKNOWN else "strong"
    about = About(info, text)
    if width < _BESIDE:
        values = wrapped(text, width, _NAME)
        lines: list[Line] = [
            (Cell(f" {info.name}" if n == 0 else "", "token-field", _NAME), Cell(part, role, REST))
            for n, part in enumerate(values)
        ]
        lines += [(Cell("", "", _NAME), Cell(part, "muted", REST)) for part in wrapped(info.doc, width, _NAME)]
        return [(line, about) for line in lines]
    half = (width - _NAME) // 2
    sides = zip_longest(wrapped(text, half), wrapped(info.doc, width - _NAME - half), fillvalue="")
    return [
        (
            (
                Cell(f" {info.name}" if n == 0 else "", "token-field", _NAME),
                Cell(left, role, half),
                Cell(right, "muted", REST),
            ),
            about,
        )
        for n, (left, right) in enumerate(sides)
    ]
