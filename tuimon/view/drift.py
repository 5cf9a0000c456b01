"""DriftView: executables that ran and are not what the image brought, by container; without a screen.

An image's files do not change while it runs, so a program from anywhere else was brought in later. Told by the flags
of the executed file's own inode (bpf/events.h, ``TM_EXE_*``), not by its path. Also said: programs from memory (memfd),
on the host too, and programs from another file system than the container's overlay (a volume, a tmpfs).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from tuimon.batch import Batch
from tuimon.events import Container, Event, Process
from tuimon.history import History
from tuimon.records import ExeFlag, Kind

NEW: Final = "new, not in the image"
CHANGED: Final = "changed since the image"
MEMORY: Final = "from memory, no file"
TMPFS: Final = "from a tmpfs"
ELSEWHERE: Final = "from outside the image"
_TMPFS_MAGIC: Final = 0x01021994
"""TMPFS_MAGIC of include/uapi/linux/magic.h."""
_MARKED: Final = int(ExeFlag.UPPER_LAYER | ExeFlag.BORN_UPPER | ExeFlag.MEMFD)
_LAYERS: Final = int(ExeFlag.UPPER_LAYER | ExeFlag.LOWER_LAYER)
_MAX: Final = 2_000
"""Lines kept: who makes a new file for each run must not fill the memory; what is over is counted."""
_BATCHES: Final = 256
"""Looked at in one go."""


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One executable in one container."""

    container: Container | None
    """None while not known."""
    path: str
    reason: str
    count: int
    """Times it was executed, as far as was seen."""
    first_ns: int
    """Of the first time, since the epoch."""
    last_ns: int
    num: int
    """Event of the last time; 0 when it ran before tuimon did."""
    pid: int
    cmdline: str
    """Of the last time."""


class Watched(Protocol):
    """What drift asks of an engine."""

    history: History

    def event(self, batch: Batch, row: int) -> Event:
        """Return a row object."""

    def process_list(self, *, ended: bool = False) -> list[Process]:
        """Return the processes."""

    def container_of(self, cgroup_id: int) -> Container | None:
        """Return the owner of a cgroup."""


class DriftView:
    """The rows of the drift pane, the newest first.

    Args:
        engine: Gives events, processes and containers.
    """

    def __init__(self, engine: Watched) -> None:
        self.rows: tuple[DriftRow, ...] = ()
        self.dropped = 0
        """Executables left out for want of room."""
        self._engine = engine
        self._next = 1
        self._found: dict[tuple[int, str], DriftRow] = {}
        self._overlaid: set[int] = set()
        """Cgroups in which a program of an overlay ran: only there is another file system a sign."""
        self._seeded = False

    def sync(self) -> bool:
        """Look at what history has gained; return whether the list looks different now."""
        changed = False
        batches = self._engine.history.batches()
        new = [batch for batch in batches if batch.first_num + len(batch) > self._next][:_BATCHES]
        for batch in new:
            changed |= self._look(batch, max(self._next - batch.first_num, 0))
            self._next = batch.first_num + len(batch)
        if not self._seeded and new:
            self._seeded = True
            changed |= self._seed(new[0])
        changed |= self._named()
        if changed:
            self.rows = tuple(sorted(self._found.values(), key=lambda row: -row.last_ns))
        return changed

    def _look(self, batch: Batch, start: int) -> bool:
        """Find the executions of a batch that count, from a row on: history joins new batches to those looked at."""
        if not len(batch.proc_row):
            return False
        head = batch.head[batch.proc_row]
        executed = head["kind"] == Kind.EXEC
        flags = batch.proc["exe_flags"]
        layered = executed & ((flags & _LAYERS) != 0)
        self._overlaid.update(np.unique(head["cgroup_id"][layered]).tolist())
        marked = executed & (((flags & _MARKED) != 0) | ((flags & _LAYERS) == 0))
        changed = False
        for at in np.flatnonzero(marked & (batch.proc_row >= start)).tolist():
            cgroup, row = int(head["cgroup_id"][at]), int(batch.proc_row[at])
            reason = self._reason(int(flags[at]), int(batch.proc["exe_magic"][at]), cgroup)
            if reason:
                event = self._engine.event(batch, row)
                if not _is_runtime(event.process):
                    changed |= self._add(cgroup, reason, event.process, event.time_ns, event.num)
        return changed

    def _reason(self, flags: int, magic: int, cgroup: int) -> str:
        """Return why an executable is drift, empty when it is not."""
        if flags & ExeFlag.MEMFD:
            return MEMORY
        owner = self._engine.container_of(cgroup)
        if owner is not None and owner.is_host:
            return ""
        if flags & ExeFlag.BORN_UPPER:
            return NEW
        if flags & ExeFlag.UPPER_LAYER:
            return CHANGED
        if flags & ExeFlag.LOWER_LAYER or owner is None or cgroup not in self._overlaid:
            return ""
        return TMPFS if magic == _TMPFS_MAGIC else ELSEWHERE

    def _seed(self, batch: Batch) -> bool:
        """Take in what ran already when tuimon started."""
        offset = self._engine.event(batch, 0).boot_to_epoch_ns
        changed = False
        for process in self._engine.process_list():
            if process.exe_flags & _MARKED and process.from_procfs and process.cgroup_id:
                reason = self._reason(process.exe_flags, 0, process.cgroup_id)
                if reason and not _is_runtime(process):
                    changed |= self._add(process.cgroup_id, reason, process, process.start_ns + offset, 0)
        return changed

    def _add(self, cgroup: int, reason: str, process: Process | None, time_ns: int, num: int) -> bool:
        path = process.exepath if process is not None else ""
        old = self._found.get((cgroup, path))
        if old is None and len(self._found) >= _MAX:
            self.dropped += 1
            return False
        self._found[cgroup, path] = DriftRow(
            container=self._engine.container_of(cgroup),
            path=path,
            reason=reason,
            count=1 if old is None else old.count + 1,
            first_ns=time_ns if old is None else old.first_ns,
            last_ns=time_ns,
            num=num,
            pid=process.pid if process is not None else 0,
            cmdline=process.cmdline if process is not None else "",
        )
        return True

    def _named(self) -> bool:
        """Take up the names of containers that became known meanwhile; what turns out to be the host's is no drift."""
        changed = False
        for key, row in list(self._found.items()):
            if row.container is not None and (row.container.known or row.container.ended):
                continue
            owner = self._engine.container_of(key[0])
            if owner is row.container:
                continue
            changed = True
            if owner is not None and owner.is_host and row.reason != MEMORY:
                del self._found[key]
            else:
                self._found[key] = replace(row, container=owner)
        return changed


def _is_runtime(process: Process | None) -> bool:
    """Return whether this is runc on its way into a container: it runs there from a file, or a copy, of its own.

    See libcontainer/dmz and nsenter/cloned_binary.c of runc. Whoever imitates it hides from this list, not from rules.
    """
    if process is None:
        return False
    path = process.exepath
    return path.startswith("/memfd:runc_cloned:") or (path == "/" and process.args == ("init",))


def drifted(process: Process) -> str:
    """Return in one word why a process's executable stands out, empty when it does not."""
    flags = process.exe_flags
    for flag, word in ((ExeFlag.MEMFD, "memfd"), (ExeFlag.BORN_UPPER, "new"), (ExeFlag.UPPER_LAYER, "changed")):
        if flags & flag:
            return word
    return "deleted" if flags & ExeFlag.DELETED else ""
