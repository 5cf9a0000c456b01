"""The lines of the live pane: one event, one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from tuimon.batch import Batch
from tuimon.events import Event, Process
from tuimon.records import Kind
from tuimon.render import summary
from tuimon.syscalls import CALL_OF_NR, event_name
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import clock
from tuimon.view.severity import short

if TYPE_CHECKING:
    from tuimon.view.live_view import LiveView

_WIDE: Final = 100
"""Columns from which on the container has a column of its own."""


_FIXED: Final = 53
"""Columns of a line that are not the detail's."""
_WIDE_FIXED: Final = 76


class EventMaker(Protocol):
    """The engine's part in a line."""

    def event(self, batch: Batch, row: int) -> Event:
        """Return the row object of an event."""


class LiveLines:
    """What the live list shows.

    Args:
        engine: Makes row objects.
        view: Says which events.
        marks: Worst priority of the alerts of an event, by event number.
    """

    def __init__(self, engine: EventMaker, view: LiveView, marks: Mapping[int, str]) -> None:
        self._engine = engine
        self._view = view
        self._marks = marks

    @property
    def first(self) -> int:
        """Sequence number of the oldest row."""
        return self._view.first

    @property
    def end(self) -> int:
        """One past the newest."""
        return self._view.end

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""
        return self._view.num(seq)

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next that is shown."""
        return self._view.seq_near(num)

    def event(self, seq: int) -> Event | None:
        """Return the event of a row, None when it is no longer kept."""
        found = self._view.find(seq)
        return None if found is None else self._engine.event(*found)

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        event = self.event(seq)
        if event is None:
            return (Cell(" (no longer kept)", "muted", REST),)
        wide = width >= _WIDE
        mark = self._marks.get(event.num)
        failed = event.kind is Kind.SYSCALL and event.ret < 0
        role = event_role(event)
        cells = [
            Cell(" " + clock(event.time_ns, 3 if wide else 1), "muted", 14 if wide else 12),
            Cell(str(event.tgid), "", 8, right=True),
            Cell(" ", "", 1),
            Cell(process_label(event), "strong", 20 if wide else 14),
            Cell(" ", "", 1),
            Cell(event_name(event.kind, event.nr), role, 12 if wide else 10),
            Cell(" ", "", 1),
            Cell(
                fit_path(_summary(event), width - (_WIDE_FIXED if wide else _FIXED)),
                "event-failed" if failed else "",
                REST,
            ),
            Cell(" ", "", 1),
        ]
        if wide:
            cells += [Cell(container_label(event), "muted", 12), Cell(" ", "", 1)]
        cells.append(Cell(short(mark), severity_role(mark), 5))
        return cells


def fit_path(text: str, width: int) -> str:
    """Shorten a text that begins with a path from the front of the path: what tells files apart is their name."""
    if len(text) <= width or not text.startswith("/"):
        return text
    path, blank, rest = text.partition(" ")
    room = max(width - len("...") - len(blank + rest), width * 2 // 3)  # the path is worth more than its flags
    if len(path) <= room:
        return text
    at = path.find("/", max(len(path) - max(room, 0), 1))
    if at < 0:  # not even the name fits beside the rest
        at = path.rfind("/")
    return f"...{path[at:]}{blank}{rest}" if at > len("...") else text


def _summary(event: Event) -> str:
    """Return the summary; a recording from elsewhere may hold what no kernel writes, and must not end the screen."""
    try:
        return summary(event)
    except Exception as error:
        return f"(cannot be shown: {type(error).__name__}: {error})"


def live_header(width: int) -> Line:
    """Return the names over the columns of ``LiveLines``."""
    wide = width >= _WIDE
    cells = [
        Cell(" time", "muted", 14 if wide else 12),
        Cell("pid", "muted", 8, right=True),
        Cell(" process", "muted", 21 if wide else 15),
        Cell(" type", "muted", 13 if wide else 11),
        Cell(" detail", "muted", REST),
        Cell(" ", "", 1),
    ]
    if wide:
        cells.append(Cell("container", "muted", 13))
    cells.append(Cell("alert", "muted", 5))
    return cells


def process_label(event: Event) -> str:
    """Return who did it: ``parent>child``, or the name alone where it has no parent or is its parent's own kind."""
    process = event.process
    name = (process.comm if process is not None else "") or event.comm or ""
    parent: Process | None = process.parent if process is not None else None
    if parent is None or not parent.comm or parent.comm == name:
        return name
    return f"{parent.comm}>{name}"


def container_label(event: Event) -> str:
    """Return the container's name, its id while that is all there is; empty while unknown."""
    container = event.container
    return "" if container is None else container.name or container.id


def event_role(event: Event) -> str:
    """Return the role of an event's type."""
    match event.kind:
        case Kind.EXEC:
            return "event-exec"
        case Kind.FORK | Kind.EXIT:
            return "event-process"
        case _:
            call = CALL_OF_NR.get(event.nr)
            category = call.category if call is not None else "other"
            roles = {"file": "event-file", "net": "event-network", "process": "event-process"}
            return roles.get(category, "event-other")
