"""Columns of the live list: what each shows of an event, and the condition that its value is.

The usual ones are made for reading; any field of the registry can be a column beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tuimon.errors import TuimonError
from tuimon.events import Event, Process
from tuimon.fields import FieldInfo, FieldType, Scope, all_fields, lookup
from tuimon.fields.facts import CALL_KINDS
from tuimon.records import Kind
from tuimon.render import summary, value_text
from tuimon.rules.values import NUMERIC
from tuimon.syscalls import CALL_OF_NR, event_name
from tuimon.view.cells import NAME_TAIL, REST, Cell, cut, severity_role
from tuimon.view.clock import clock
from tuimon.view.severity import letter
from tuimon.view.terms import field_term, joined

WIDE: Final = 100
"""Columns of the list from which on the usual ones are wider, and the container is one of them."""

Marks = Mapping[int, str]
"""Worst priority of the alerts of an event, by event number."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    key: str
    """What it is called in settings: a word of its own, or a field's name."""
    title: str
    doc: str
    narrow: int
    """Columns of the screen; REST: what the others leave."""
    wide: int
    cell: Callable[[Event, int, Marks], Cell]
    """Event, width and marks to what is shown."""
    term: Callable[[Event], str]
    """The condition that an event has this value; raises TuimonError when none can say it."""
    scope: Scope = Scope.EVENT
    """What the value depends on: sorting asks once for each process or container where it can."""
    right: bool = False

    def width(self, total: int) -> int:
        """Return its width in a list of some columns."""
        return self.wide if total >= WIDE else self.narrow


def _of(name: str) -> Callable[[Event], str]:
    """Return the term of a field that is there in any case."""
    info = lookup(name)
    assert info is not None
    return lambda event: field_term(info, event)


def _no_term(what: str) -> Callable[[Event], str]:
    def refuse(event: Event) -> str:  # noqa: ARG001
        raise TuimonError(f"no field says {what}: nothing to filter by")

    return refuse


def _mark(event: Event, width: int, marks: Marks) -> Cell:
    mark = marks.get(event.num)
    return Cell(letter(mark), severity_role(mark), width)


def _time(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
    return Cell(clock(event.time_ns, max(min(width - 9, 9), 0)), "muted", width)


def _time_term(event: Event) -> str:
    second = event.time_ns // 1_000_000_000
    return f"evt.rawtime.s = {second}"


def _pid(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
    return Cell(str(event.tgid), "", width, right=True)


def _pid_term(event: Event) -> str:
    return f"proc.pid = {event.tgid}"


def _process(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
    return Cell(process_label(event), "strong", width)


def _type(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
    return Cell(event_name(event.kind, event.nr), event_role(event), width)


def _detail(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
    failed = event.kind in CALL_KINDS and event.ret < 0
    text = detail(event)
    return Cell(fit_failure(text, width) if failed else fit_path(text, width), "event-failed" if failed else "", REST)


def _detail_term(event: Event) -> str:
    """Return what the event was about: the file, the other end of a connection, the command."""
    tries: Sequence[Sequence[str]] = (("fd.rip", "fd.rport"), ("fd.name",), ("fs.path.name",))
    if event.kind is Kind.EXEC:
        tries = (("proc.cmdline",),)
    for names in tries:
        infos = [info for name in names if (info := lookup(name)) is not None and info.get is not None]
        if all(info.get is not None and info.get(event, None) for info in infos):
            return joined([field_term(info, event) for info in infos])
    raise TuimonError("this event is about no file, connection or command: choose another column (left, right)")


def _container(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
    return Cell(container_label(event), "muted", width, tail=NAME_TAIL)


def _container_term(event: Event) -> str:
    container = event.container
    named = container is not None and container.name and not container.is_host
    return (_of("container.name") if named else _of("container.id"))(event)


_USUAL: Final = (
    Column("alert", "!", "the worst alert about the event", 1, 1, _mark, _no_term("which alerts an event has")),
    Column("time", "time", "when it was, local time", 10, 12, _time, _time_term),
    Column("pid", "pid", "number of the process", 7, 8, _pid, _pid_term, right=True),
    Column("process", "process", "who did it: parent>name", 14, 20, _process, _of("proc.name"), Scope.PROCESS),
    Column("type", "type", "system call or kind of event", 13, 18, _type, _of("evt.type")),
    Column("detail", "detail", "what it was about, and what came of it", REST, REST, _detail, _detail_term),
    Column("container", "container", "where it was", 12, 14, _container, _container_term, Scope.CONTAINER),
)
USUAL: Final = {column.key: column for column in _USUAL}
"""The columns that are no fields, by key, in their order."""


_NARROW: Final = 66
"""Columns below which a process's number would leave eight to what an event is about."""


def usual_keys(width: int) -> tuple[str, ...]:
    """Return the columns of a list of some columns while nobody chose others."""
    left_out = () if width >= WIDE else ("container",) if width >= _NARROW else ("container", "pid")
    return tuple(key for key in USUAL if key not in left_out)


def column_of(key: str) -> Column | None:
    """Return the column of a key, None when there is none (a key from a state file may be of another version)."""
    if key in USUAL:
        return USUAL[key]
    info = lookup(key)
    return None if info is None or not can_be_column(info) else _field_column(info)


def can_be_column(info: FieldInfo) -> bool:
    """Whether a field has a value to show without an argument."""
    return info.get is not None and info.arg != "required" and not info.filter_only and not info.compared_only


def field_columns() -> tuple[FieldInfo, ...]:
    """Return the fields that can be columns."""
    return tuple(info for info in all_fields() if can_be_column(info) and not info.deprecated)


def _field_column(info: FieldInfo) -> Column:
    number = info.type in NUMERIC
    narrow, wide = (10, 12) if number else (16, 24)
    if info.type is FieldType.BOOL:
        narrow = wide = 7

    def cell(event: Event, width: int, marks: Marks) -> Cell:  # noqa: ARG001
        text = field_text(info, event)
        return Cell(fit_path(text, width), "", width, right=number)

    title = info.name
    return Column(
        info.name, title, info.doc, narrow, wide, cell, lambda event: field_term(info, event), info.scope, number
    )


def field_text(info: FieldInfo, event: Event) -> str:
    """Return a field's value as a list shows it, empty when it has none."""
    assert info.get is not None
    try:
        value = info.get(event, None)
    except Exception as error:  # a recording from elsewhere may hold what no kernel writes
        return f"({type(error).__name__})"
    return "" if value is None else value_text(info, value)


def fit_path(text: str, width: int) -> str:
    """Shorten a text that begins with a path from the front of the path: what tells files apart is their name."""
    if width <= 0 or len(text) <= width or not text.startswith("/"):
        return text
    path, blank, rest = text.partition(" ")
    room = max(width - len("...") - len(blank + rest), width * 2 // 3)  # the path is worth more than its flags
    if len(path) <= room:
        return text
    at = path.find("/", max(len(path) - max(room, 0), 1))
    if at < 0:  # not even the name fits beside the rest
        at = path.rfind("/")
    return f"...{path[at:]}{blank}{rest}" if at > len("...") else text


_FAILED: Final = " = -"
_BEFORE_FAILURE: Final = 16
"""Columns that must be left for what a failed call was about."""


def fit_failure(text: str, width: int) -> str:
    """Shorten a failed call's summary before what came of it: that it failed, and how, is worth more than its flags.

    >>> fit_failure("/etc/localtime O_RDONLY|O_CLOEXEC = -2 ENOENT", 34)
    '/etc/localtime O_RD... = -2 ENOENT'
    """
    at = text.rfind(_FAILED)
    room = width - (len(text) - at)
    if len(text) <= width or at < 0 or room < _BEFORE_FAILURE:
        return fit_path(text, width)
    about = text[:at]
    path = about.partition(" ")[0]
    return cut(about if len(path) <= room else fit_path(path, room), room) + text[at:]


def detail(event: Event) -> str:
    """Return the summary; a recording from elsewhere may hold what no kernel writes, and must not end the screen."""
    try:
        return summary(event)
    except Exception as error:
        return f"(cannot be shown: {type(error).__name__}: {error})"


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
