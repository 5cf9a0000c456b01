"""The lines of the tree pane, and of the dialog of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tuimon.enrich.container_users import CONTAINER_USERS
from tuimon.enrich.users import HOST_USERS
from tuimon.events import UNSET_ID, Container, Event, Process
from tuimon.history import History
from tuimon.records import ExeFlag
from tuimon.render import summary
from tuimon.syscalls import event_name
from tuimon.view.cells import NAME_TAIL, REST, Cell, Line
from tuimon.view.clock import amount, clock
from tuimon.view.detail_lines import ancestry_lines, whole
from tuimon.view.drift import drifted
from tuimon.view.process_tree import ProcessTree, TreeRow

if TYPE_CHECKING:
    from tuimon.view.session import EngineFacade

_WIDE: Final = 100
_EVENTS: Final = 200
"""Of a process that its dialog lists."""


class TreeLines:
    """What the tree shows; sequence numbers are positions from the top.

    Args:
        tree: Says which processes.
        boot_to_epoch_ns: Turns start times into times of day.
        ascii_only: Draw without any character beyond ASCII.
    """

    first = 0

    def __init__(self, tree: ProcessTree, boot_to_epoch_ns: int, *, ascii_only: bool = False) -> None:
        self._tree = tree
        self.boot_to_epoch_ns = boot_to_epoch_ns
        self._marks = ("- ", "+ ", "` ") if ascii_only else ("▾ ", "▸ ", "· ")

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._tree.rows)

    def row(self, seq: int) -> TreeRow | None:
        """Return the row at a position."""
        rows = self._tree.rows
        return rows[seq] if 0 <= seq < len(rows) else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self.row(seq)
        if row is None:
            return ()
        process = row.process
        wide = width >= _WIDE
        gone = process.end_ns is not None
        cells = [Cell(str(process.pid), "muted", 8, right=True), Cell(" ", "", 1)]
        if wide:
            cells += [
                Cell(user_of(process, self._tree.owner(process)), "", 10),
                Cell(" ", "", 1),
                Cell(self._clock(process.start_ns), "muted", 9),
            ]
        name = self._tree.container_name(process)
        cells += [Cell(name, "event-process", 15 if wide else 11, tail=NAME_TAIL), Cell(" ", "", 1)]
        return [*cells, *self._command(row, gone, width)]

    def _command(self, row: TreeRow, gone: bool, width: int) -> list[Cell]:
        """Return the process under its parent: its name stands out, its arguments do not."""
        process = row.process
        indent = lead(row.depth, width)
        mark = self._marks[1 if row.hidden else 0] if row.children else self._marks[2]
        name = process.comm or "?"
        role = "muted" if gone or not row.matched else "strong"
        cells = [Cell(indent, "muted"), Cell(mark, "key" if row.children else "muted"), Cell(name, role)]
        if row.hidden:
            cells.append(Cell(f" +{row.hidden}", "key"))
        if word := drifted(process):
            cells.append(Cell(f" {word} executable", "attention"))
        if gone:
            assert process.end_ns is not None
            cells.append(Cell(f" ended {self._clock(process.end_ns)}", "muted"))
        path = process.exepath if process.exepath and process.exepath.rpartition("/")[2] != process.comm else ""
        rest = " ".join(process.args)
        return [*cells, Cell(f" {path}" if path else "", "muted"), Cell(f" {rest}", "muted" if gone else "", REST)]

    def _clock(self, time_ns: int) -> str:
        """Return a time since boot as a time of day, empty while it is not known when the machine was booted."""
        return clock(time_ns + self.boot_to_epoch_ns) if time_ns and self.boot_to_epoch_ns else ""

    def mark_at(self, seq: int, x: int, width: int) -> bool:
        """Return whether a position of a row is its fold mark."""
        row = self.row(seq)
        if row is None or not row.children:
            return False
        before = (9 + 20 + 16 if width >= _WIDE else 9 + 12) + len(lead(row.depth, width))
        return before <= x < before + 2


def lead(depth: int, width: int) -> str:
    """Return the blanks before a process at a depth: two for each level, but never more than a third of the line."""
    return " " * min(depth * 2, max(width // 3, 8))


def tree_header(width: int) -> Line:
    """Return the names over the columns of ``TreeLines``."""
    cells = [Cell("pid", "muted", 8, right=True), Cell(" ", "", 1)]
    if width >= _WIDE:
        cells += [Cell("user", "muted", 11), Cell("started", "muted", 9)]
    return [*cells, Cell("container", "muted", 16 if width >= _WIDE else 12), Cell("process", "muted", REST)]


def user_of(process: Process, owner: Container | None) -> str:
    """Return the user's name where the process runs, else the number; empty while not known."""
    return "" if process.uid == UNSET_ID else name_of(process.uid, process, owner) or str(process.uid)


def name_of(uid: int, process: Process, owner: Container | None) -> str:
    """Return what a user is called where a process runs, empty when it has no name there or none is known."""
    if owner is None:
        return "root" if uid == 0 else ""
    alive = process.pid if process.end_ns is None else 0
    user = HOST_USERS.user(uid) if owner.is_host else CONTAINER_USERS.names(owner, alive).users.get(uid)
    return user.name if user is not None else "root" if uid == 0 else ""


# The dialog of one process.


def process_lines(process: Process, engine: EngineFacade, boot_to_epoch_ns: int, width: int) -> list[Line]:
    """Return everything known of a process: its fields with their meaning, its ancestors, its last events."""
    lines: list[Line] = []
    for name, text, what in _facts(process, engine, boot_to_epoch_ns):
        column = max(min(width // 2, 60) - 16, 24, len(text) + 2)
        head = Cell(f" {name}", "token-field", 16)
        if 16 + column + 24 > width:
            lines += whole((head, Cell(text, "strong", REST)), width)
        else:
            lines += whole((head, Cell(text, "strong", column), Cell(what, "muted", REST)), width)
    lines += [(), (Cell(" process and its ancestors", "title", REST),), *ancestry_lines(process, width)]
    events, more_events = recent(process, engine)
    kept = f", the last {_EVENTS}" if more_events else ""
    lines += [(), (Cell(f" its events{kept}, newest first", "title", REST),)]
    if not events:
        lines.append((Cell(" none that are still kept", "muted", REST),))
    for event in events:
        lines.append(
            (
                Cell(f" {clock(event.time_ns, 3)} ", "muted", 15),
                Cell(event_name(event.kind, event.nr), "event-exec" if event.kind else "", 16),
                Cell(" ", "", 1),
                Cell(summary(event), "", REST),
            )
        )
    return lines


def _facts(process: Process, engine: EngineFacade, boot_to_epoch_ns: int) -> list[tuple[str, str, str]]:
    """Return name, value and meaning of everything a Process holds."""
    owner = engine.container_of(process.cgroup_id) if process.cgroup_id else None
    named = "not known yet" if owner is None else owner.name or owner.id

    def when(time_ns: int) -> str:
        return clock(time_ns + boot_to_epoch_ns, 6) if time_ns else "not known"

    def caps(mask: int | None) -> str:
        return "not known" if mask is None else f"{mask:#x}" if mask else "none"

    def who(number: int) -> str:
        return "never set" if number == UNSET_ID else f"{number} {name_of(number, process, owner)}".strip()

    environ = "not captured" if process.env is None else " ".join(process.env) or "empty"
    flags = ", ".join(flag.name.lower().replace("_", " ") for flag in ExeFlag if process.exe_flags & flag and flag.name)
    return [
        ("pid", f"{process.pid}  (inside: {process.vpid})", "on the host, and in its own pid namespace"),
        ("name", process.comm, "comm: what the kernel calls it, 15 bytes"),
        ("exe", process.exe, "argv[0], chosen by whoever started it"),
        ("executable", process.exepath, "real path of the file"),
        ("arguments", " ".join(process.args), "after argv[0]"),
        ("directory", process.cwd, "working directory"),
        ("environment", environ, "as it was at the exec"),
        ("container", named, "by its cgroup"),
        ("state", "lives" if process.end_ns is None else f"ended {when(process.end_ns)}", ""),
        ("started", when(process.start_ns), "when the process began"),
        ("program since", when(process.exec_ns), "when it became what it is now: exec, or a change of ids or name"),
        ("known from", "/proc" if process.from_procfs else "its own events", ""),
        ("user", who(process.uid), "effective"),
        ("group", str(process.gid) if process.gid != UNSET_ID else "not known", "effective"),
        ("login user", who(process.loginuid), "who logged in, kept through su and sudo"),
        ("terminal", str(process.tty) if process.tty else "none", "device number"),
        ("session", f"{process.sid}  (inside: {process.vsid})", "session id"),
        ("group id", f"{process.pgid}  (inside: {process.vpgid})", "process group"),
        ("permitted", caps(process.cap_permitted), "capabilities it may use (capabilities(7))"),
        ("effective", caps(process.cap_effective), "capabilities in use"),
        ("inheritable", caps(process.cap_inheritable), "capabilities kept through an exec"),
        ("file", flags or "nothing special", "marks of the executable"),
        ("file inode", str(process.exe_ino), ""),
        ("file changed", clock(process.exe_ctime_ns, 3) if process.exe_ctime_ns else "not known", "inode's ctime"),
        ("file written", clock(process.exe_mtime_ns, 3) if process.exe_mtime_ns else "not known", "inode's mtime"),
        ("mount ns", str(process.mnt_ns), "mount namespace"),
        ("pid ns", f"{process.pid_ns}  (level {process.pid_ns_level})", "pid namespace"),
        ("open files", f"at most {amount(process.fd_limit)}" if process.fd_limit else "not known", "RLIMIT_NOFILE"),
        ("cgroup", str(process.cgroup_id), "id of its cgroup"),
    ]


def boot_offset(engine: EngineFacade) -> int:
    """Return what turns times since boot into times since the epoch; 0 before the first event."""
    batches = engine.history.batches()
    return engine.event(batches[0], 0).boot_to_epoch_ns if batches else 0


def recent(process: Process, engine: EngineFacade) -> tuple[list[Event], bool]:
    """Return the newest events of a process, newest first, and whether there are more."""
    found: list[Event] = []
    history: History = engine.history
    until = process.end_ns
    for batch in reversed(history.batches()):
        rows = np.flatnonzero(batch.head["tgid"] == process.pid)
        if not len(rows):
            continue
        times = batch.head["ts_ns"][rows]
        inside = times >= process.start_ns
        if until is not None:
            inside &= times <= until
        for row in rows[inside][::-1].tolist():
            if len(found) == _EVENTS:
                return found, True
            found.append(engine.event(batch, row))
        if process.start_ns and int(batch.head["ts_ns"][0]) < process.start_ns:
            break
    return found, False
