"""The views by which events can be counted: container, process, file, connection, call, error, user, ...

A view says which rows it is about, what rows with one value surely have in common (so that a million are counted
without asking each), and what the value is: a label, and the condition that keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields import UNKNOWN, lookup
from tuimon.fields.facts import facts
from tuimon.fields.flags import errno_name
from tuimon.records import Flag, Kind, Slot
from tuimon.render import value_text
from tuimon.syscalls import event_name
from tuimon.view.dns import message_of, rows_on_port
from tuimon.view.terms import joined, written

Rows = NDArray[np.intp]


_NEGATIVE: Final = np.uint64(0x8000_0000)
"""Sign of an fd in a register: AT_FDCWD has it."""
_PATH: Final = "path"
_PATH_FIELDS: Final = ("fd.name", "fs.path.name")
"""Where the path of a file may stand: calls on an fd have the one, calls on a path alone the other."""


class Value(NamedTuple):
    """What some events have in common."""

    label: str
    """Raw text."""
    field: str = ""
    """The field whose value it is."""
    said: str = ""
    """The condition that keeps them where a field alone does not."""
    container: str = ""
    """Id, of the view by container."""

    @property
    def term(self) -> str:
        """The condition that keeps them, empty when none can; made only for a row that is entered."""
        fields = _PATH_FIELDS if self.field == _PATH else (self.field,) if self.field else ()
        return self.said or " or ".join(f"{name} = {written(self.label)}" for name in fields)


UNKNOWN_CONTAINER: Final = Value("not known yet")


@dataclass(frozen=True, slots=True)
class TopView:
    """One view."""

    name: str
    title: str
    doc: str
    next: str
    """The view that a row leads to; empty: to the events."""
    among: Callable[[Batch], Rows]
    """The rows it is about, ascending."""
    codes: Callable[[Batch, Rows], Sequence[object] | NDArray[np.int64]]
    """What rows with one value have in common, (n,): numbers, or anything that can be a key."""
    value: Callable[[Event], Value | None]
    """The value of one of them, None when it has none."""


def _all(batch: Batch) -> Rows:
    return np.arange(len(batch))


def _failed(batch: Batch) -> Rows:
    head = batch.head
    return np.flatnonzero((head["kind"] == Kind.SYSCALL) & (head["ret"] < 0) & (head["ret"] > -4096))


def _slot_rows(batch: Batch, wanted: Callable[[NDArray[np.uint16]], NDArray[np.bool_]]) -> Rows:
    """Return the rows whose lengths of text slots, (m, SLOTS), are as wanted."""
    if not len(batch.ext):
        return np.empty(0, np.intp)
    kept = wanted(batch.ext["slot_len"][batch.ext_at]) & (batch.ext_at >= 0)
    return np.flatnonzero(kept & (batch.head["kind"] == Kind.SYSCALL))


def _with_path(batch: Batch) -> Rows:
    return _slot_rows(batch, lambda slots: (slots[:, Slot.SOCK] == 0) & (slots[:, : Slot.BASE2].sum(axis=1) > 0))


def _with_socket(batch: Batch) -> Rows:
    return _slot_rows(batch, lambda slots: slots[:, Slot.SOCK] > 0)


def _cgroup(batch: Batch, rows: Rows) -> NDArray[np.int64]:
    found: NDArray[np.int64] = batch.head["cgroup_id"][rows].astype(np.int64)
    return found


def _process_at(batch: Batch, rows: Rows) -> NDArray[np.int64]:
    source = batch.process_at if len(batch.process_at) else batch.head["tgid"]
    return source[rows].astype(np.int64)


def _call(batch: Batch, rows: Rows) -> NDArray[np.int64]:
    kinds: NDArray[np.int64] = batch.head["kind"][rows].astype(np.int64)
    numbers: NDArray[np.int64] = batch.head["nr"][rows].astype(np.int64)
    return kinds << 16 | numbers


def _outcome(batch: Batch, rows: Rows) -> NDArray[np.int64]:
    found: NDArray[np.int64] = batch.head["ret"][rows]
    return found


def _user(batch: Batch, rows: Rows) -> list[object]:
    ext = batch.ext_at[rows]
    uid = np.where(ext >= 0, batch.ext["uid"][ext].astype(np.int64), -1) if len(batch.ext) else np.full(len(rows), -1)
    return list(zip(_process_at(batch, rows).tolist(), uid.tolist(), strict=True))


def _text(batch: Batch, rows: Rows) -> list[object]:
    """Return all that a path or a socket can depend on: the call, its outcome, its directory's fd, its whole text.

    Rows that share one text with the same call, as nearly all do in a batch that was made smaller, are put together
    first: to make a key costs far more than to compare.
    """
    head = batch.head
    parts = (
        batch.ext_at[rows].astype(np.int64) << 16 | head["nr"][rows].astype(np.int64),
        head["flags"][rows] & Flag.REAL_SAME != 0,
        head["ret"][rows] >= 0,
        head["arg"][rows, 0] & _NEGATIVE > 0,
    )
    codes = parts[0]
    for part in parts[1:]:
        codes = codes << 1 | part
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    ext, keyed = batch.ext_at[rows[first]], [part[first].tolist() for part in parts[1:]]
    starts, ends = batch.text_at[ext].tolist(), batch.text_at[ext + 1].tolist()
    columns = (
        head["nr"][rows[first]].tolist(),
        *keyed,
        batch.ext["fd_type"][ext].tolist(),
        [lengths.tobytes() for lengths in batch.ext["slot_len"][ext]],
        [batch.arena[start:end] for start, end in zip(starts, ends, strict=True)],
    )
    keys: list[object] = list(zip(*columns, strict=True))
    return [keys[at] for at in inverse.tolist()]


def _field(name: str) -> Callable[[Event], Value | None]:
    """Return the value of a field."""
    info = lookup(name)
    assert info is not None
    getter = info.get
    assert getter is not None

    def value(event: Event) -> Value | None:
        found = getter(event, None)
        if found is None or found is UNKNOWN or found == "":
            return None
        return Value(value_text(info, found), name)

    return value


def _container(event: Event) -> Value | None:
    """Return the container by its id: its name may become known later than it is counted."""
    container = event.container
    if container is None:
        return UNKNOWN_CONTAINER
    return Value(container.id, "container.id", container=container.id)


def _pid(event: Event) -> Value | None:
    process = event.process
    name = process.comm if process is not None else event.comm or ""
    return Value(f"{event.tgid} {name}", said=f"proc.pid = {event.tgid}")


def _path(event: Event) -> Value | None:
    value = _FS_PATH(event) or _FD_NAME(event)  # of a call in a directory given by its fd, the fd is the directory's
    return None if value is None else value._replace(field=_PATH)


def _endpoint(event: Event) -> Value | None:
    """Return the serving end: the other one's port is another at every connection."""
    for names in (("fd.sip", "fd.sport"), ("fd.rip", "fd.rport")):
        found = [_ENDS[name](event) for name in names]
        if all(found):
            ip, port = (one for one in found if one is not None)
            host = f"[{ip.label}]" if ":" in ip.label else ip.label
            return Value(f"{host}:{port.label}", said=joined([ip.term, port.term]))
    return _FD_NAME(event)


def _dns(event: Event) -> Value | None:
    """Return the name that was asked for; of a call that carries none, the server's address."""
    if (question := message_of(event)) is not None:
        return Value(question.label, said=question.term)
    end = _endpoint(event)
    if end is None or not end.said or facts(event).data() is not None:
        return None
    return Value(f"{end.label} (no name carried)", said=f"{end.said} and not evt.buffer exists")


def _error(event: Event) -> Value | None:
    name = errno_name(event.ret)
    return Value(name, "evt.res") if name else None


def _type(event: Event) -> Value | None:
    name = event_name(event.kind, event.nr)
    return Value(name, "evt.type")


_FD_NAME: Final = _field("fd.name")
_FS_PATH: Final = _field("fs.path.name")
_ENDS: Final = {name: _field(name) for name in ("fd.sip", "fd.sport", "fd.rip", "fd.rport")}

_VIEWS: Final = (
    TopView("container", "Containers", "which containers do most", "process", _all, _cgroup, _container),
    TopView("process", "Processes", "by name of the program", "file", _all, _process_at, _field("proc.name")),
    TopView("pid", "Processes, one by one", "each with its number", "file", _all, _process_at, _pid),
    TopView("file", "Files", "paths that were opened, read, changed, removed", "", _with_path, _text, _path),
    TopView("directory", "Directories", "the same by directory", "file", _with_path, _text, _field("fd.directory")),
    TopView("connection", "Connections", "by address and port of the serving end", "", _with_socket, _text, _endpoint),
    TopView("port", "Ports", "by port of the serving end", "connection", _with_socket, _text, _field("fd.sport")),
    TopView("dns", "DNS", "names asked for and answered (port 53)", "process", rows_on_port, _text, _dns),
    TopView("syscall", "System calls", "calls and other kinds of events", "process", _all, _call, _type),
    TopView("error", "Errors", "what failing calls returned", "process", _failed, _outcome, _error),
    TopView("user", "Users", "who the processes run as", "process", _all, _user, _field("user.name")),
)
VIEWS: Final = {view.name: view for view in _VIEWS}
"""All views but that by rule, by name, in the order of the menu."""
RULES: Final = "rule"
"""The view that counts alerts."""
