"""The process table: every version of every process that a kept event refers to.

A process is (pid, start time); each exec, change of credentials and change of name makes a new version with an index of
its own, so that an old event keeps showing who made it *then*. The table is seeded from /proc, kept by the fork, exec
and exit records (and by the reserved calls, which carry a process description too, and chdir), and asks /proc again
only for a pid that nobody saw being made, at a bounded rate.

``apply`` is the hot path: rows are assigned by one gather from an array indexed by pid; Python looks only at the rows
that describe a process. One thread writes (the engine's); ``get`` may be called from any thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from heapq import merge
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.enrich import process_state
from tuimon.enrich.cgroups import Cgroups
from tuimon.enrich.procfs import Procfs, same_start
from tuimon.enrich.record import (
    EXEC,
    EXIT,
    FORK,
    Described,
    Limit,
    Move,
    Said,
    describe,
    differs,
    executed,
    forked,
    limits,
    moves,
    said_rows,
    updated,
)
from tuimon.events import PROCESS_BYTES, Process, decode

_row: Final = attrgetter("row")
Change = tuple[int, int, int]
"""(pid, first row, index of the version it has from that row on)."""
PID_LIMIT: Final = 1 << 22
"""The kernel's PID_MAX_LIMIT; a larger pid can only come from a damaged recording."""
_LONG_BYTES: Final = 1024
"""Text of an exec beyond what ``PROCESS_BYTES`` has room for."""
_INDEX_LIMIT: Final = (1 << 31) - 1
_MAX_DEPTH: Final = 64
"""Ancestors kept behind a dropped version: a program that forks and ends for ever would grow an endless chain."""
_READS_PER_S: Final = 200
"""Of single processes from /proc (0.15 ms each): at most 3 % of the event path."""
_ENVIRONS_PER_BATCH: Final = 50
"""Some 20 µs each."""
_SWEEP_S: Final = 30.0
"""Between two looks for processes whose exit record was lost."""


class ProcessTable:
    """All process versions.

    Args:
        procfs: Where ``seed`` reads; /proc when not given. A table that was never seeded (a recording's) never looks
            at this machine.
        cgroup_of: Maps the cgroup paths of a process (see ``Procfs.cgroups``) to the cgroup id that events carry;
            this machine's cgroups when not given.
        live: False for a recording's table: ``seed`` then does nothing.
    """

    def __init__(
        self,
        procfs: Procfs | None = None,
        cgroup_of: Callable[[Mapping[str, str]], int] | None = None,
        *,
        live: bool = True,
    ) -> None:
        self._given = procfs, cgroup_of
        self._live = live
        self._procfs: Procfs | None = None
        """None until seeded."""
        self._cgroup_of = cgroup_of
        self._versions: dict[int, Process] = {}
        self._slot_of = np.zeros(PID_LIMIT + 1, np.int32)
        """Index + 1 of the newest version of each pid, 0 for none. Pages that no pid touches cost nothing."""
        self._changed = np.zeros(PID_LIMIT + 1, np.bool_)
        self._next = 0
        self._closed: deque[tuple[int, list[int]]] = deque()
        """(number of the last event that may refer to them, indexes) of the versions that are no longer the newest."""
        self._long: dict[int, int] = {}
        """Bytes of text of versions that were called with much of it, by index."""
        self._long_bytes = 0
        self._waiting: dict[int, int] = {}
        """Pids to be read from /proc when the rate allows, and the index of what stands in for them."""
        self._environ = False
        self._without_environ: list[int] = []
        """Indexes of versions whose environment is still to be read."""
        self._reads = float(_READS_PER_S)
        self._read_at = time.monotonic()
        self._swept_at = self._read_at
        self._last_num = 0

    def __len__(self) -> int:
        return len(self._versions)

    @property
    def nbytes(self) -> int:
        """About how many bytes the versions hold."""
        return len(self._versions) * PROCESS_BYTES + self._long_bytes

    def get(self, index: int) -> Process | None:
        """Return a version by its index, None when unknown or no longer kept; any thread."""
        return self._versions.get(index)

    def current(self, pid: int) -> Process | None:
        """Return the newest version of a living process, None when there is none; any thread."""
        process = self._newest(pid)
        return process if process is not None and process.end_ns is None else None

    def living(self) -> list[Process]:
        """Return the newest version of every living process; any thread."""
        alive = [p for p in tuple(self._versions.values()) if p.end_ns is None]
        return [p for p in alive if self._newest(p.pid) is p]

    def ended(self) -> list[Process]:
        """Return the last version of every process that ended and is still kept; any thread."""
        last: dict[tuple[int, int], Process] = {}
        for process in tuple(self._versions.values()):
            if process.end_ns is None:
                continue
            key = process.pid, process.start_ns
            # One that took another name in the batch in which it ended has several versions that say so.
            if key not in last or process.exec_ns >= last[key].exec_ns:
                last[key] = process
        return list(last.values())

    def want_environ(self, wanted: bool) -> None:
        """Say whether the environments of processes that were not seen being executed are to be read too.

        Those that are known already are read a few at a time, so that a new rule does not hold up the events.
        """
        if wanted and not self._environ:
            self._without_environ = [p.index for p in self.living() if p.env is None]
        self._environ = wanted

    def seed(self) -> int:
        """Read every process of the machine; call once, after the capture started, so that none slips through.

        Returns:
            How many were read.
        """
        if not self._live:
            return 0
        procfs, cgroup_of = self._given
        self._procfs = procfs or Procfs()
        self._cgroup_of = cgroup_of or Cgroups(procfs=self._procfs).id_of_process
        found = {process.pid: process for process in self._procfs.processes()}
        namespaces = {p.pid_ns: p.start_ns for p in found.values() if p.vpid == 1}
        for process in found.values():
            self._complete(process)
            process.parent = found.get(process.ppid)
            process.pidns_start_ns = namespaces.get(process.pid_ns, 0)
            self._add(process)
        return len(found)

    def apply(self, batch: Batch) -> None:
        """Take in what a batch says about processes and set its ``process_at``.

        The batch must be numbered (``first_num``). Rows before a change belong to the old version; the row of the
        change itself (an exec, a setuid) and those after it to the new one; a fork's row to the parent. Cost: some ns
        per row, some µs per process record.
        """
        n = len(batch)
        self._last_num = batch.first_num + max(n - 1, 0)
        if not n:
            batch.process_at = np.empty(0, np.int32)
            return
        tgid = np.minimum(batch.head["tgid"], PID_LIMIT).astype(np.int64)
        at = self._slot_of[tgid] - np.int32(1)
        changes = self._take_in(batch)
        if changes:
            self._assign(at, tgid, changes)
        missing = np.flatnonzero(at < 0)
        if len(missing):
            self._assign_missing(at, tgid, batch.head["ts_ns"], missing, {pid for pid, _, _ in changes})
        self._follow_names(batch, at)
        batch.process_at = at
        self._sweep()
        if self._without_environ:
            self._read_environs()

    def retire(self, oldest_kept_num: int) -> int:
        """Drop the versions that ended or were replaced before the oldest kept event; return how many.

        Args:
            oldest_kept_num: ``evt.num`` of the oldest event that anybody may still ask about.
        """
        dropped = 0
        while self._closed and self._closed[0][0] < oldest_kept_num:
            _, indexes = self._closed.popleft()
            dropped += sum(map(self._drop, indexes))
        return dropped

    def _drop(self, index: int) -> bool:
        process = self._versions.pop(index, None)
        if process is None:
            return False
        self._long_bytes -= self._long.pop(index, 0)
        if self._slot_of[process.pid] == index + 1:
            self._slot_of[process.pid] = 0
        _cut(process)
        return True

    def to_state(self, since_ns: int = 0) -> dict[str, Any]:
        """Return the table as a dict that JSON can hold (strings may hold lone surrogates); any thread.

        Args:
            since_ns: Leave out what was over before this time since boot and is no ancestor of what was not: after
                hours on a busy machine that is a hundred thousand versions, which no later event is about.
        """
        versions = dict(self._versions)
        newest = {p.pid: i for i, p in versions.items() if self._slot_of[p.pid] == i + 1}
        if since_ns:
            newest = {pid: i for pid, i in newest.items() if (versions[i].end_ns or since_ns) >= since_ns}
            changed = {pid for pid, i in newest.items() if versions[i].exec_ns >= since_ns}
            versions = {i: p for i, p in versions.items() if p.pid in changed or newest.get(p.pid) == i}
        return process_state.dump(versions, newest)

    @classmethod
    def from_state(cls, state: object) -> ProcessTable:
        """Return a table as it was saved, for a recording: it never looks at this machine's /proc.

        Raises:
            RecordingError: The state is not what ``to_state`` returns.
        """
        versions, newest = process_state.load(state, PID_LIMIT, _INDEX_LIMIT)
        table = cls(live=False)
        table._versions = versions
        for pid, index in newest.items():
            table._slot_of[pid] = index + 1
        table._next = max(versions, default=-1) + 1
        return table

    # --- versions

    def _newest(self, pid: int) -> Process | None:
        if not 0 <= pid < PID_LIMIT:
            return None
        return self._versions.get(int(self._slot_of[pid]) - 1)

    def _add(self, process: Process) -> int:
        """Make a process the newest version of its pid; return its index."""
        index = self._register(process)
        before = int(self._slot_of[process.pid]) - 1
        if before >= 0:
            old = self._versions.get(before)
            if old is not None and old.end_ns is None:
                self._close(before)
        self._slot_of[process.pid] = index + 1
        if self._waiting:
            waiting = self._waiting.pop(process.pid, None)
            if waiting is not None:
                self._close(waiting)
        return index

    def _register(self, process: Process) -> int:
        index = self._next
        while index in self._versions:
            index = (index + 1) % _INDEX_LIMIT
        self._next = (index + 1) % _INDEX_LIMIT
        process.index = index
        self._versions[index] = process
        return index

    def _close(self, index: int) -> None:
        if not self._closed or self._closed[-1][0] != self._last_num:
            self._closed.append((self._last_num, []))
        self._closed[-1][1].append(index)

    def _end(self, process: Process, end_ns: int) -> None:
        if process.end_ns is None:
            self._close(process.index)
        process.end_ns = end_ns

    def _complete(self, process: Process) -> None:
        """Fill in what /proc knows beyond the process's own files."""
        assert self._procfs is not None
        if self._cgroup_of is not None:
            process.cgroup_id = self._cgroup_of(self._procfs.cgroups(process.pid))
        if self._environ:
            process.env = self._procfs.strings(process.pid, "environ")

    def _read_environs(self) -> None:
        """Read some of the environments that were asked for after their processes had been read."""
        for _ in range(min(_ENVIRONS_PER_BATCH, len(self._without_environ))):
            process = self._versions.get(self._without_environ.pop())
            if self._procfs is not None and process is not None and process.env is None and process.end_ns is None:
                process.env = self._procfs.strings(process.pid, "environ")

    # --- what the records say

    def _take_in(self, batch: Batch) -> list[Change]:
        """Update the table from the process records, in time order; return what changed."""
        changes: list[Change] = []
        moved = moves(batch)
        if not len(batch.proc_row) and not moved:
            return changes
        arena = batch.arena
        limited = limits(batch)
        rows: Iterator[Said | Move | Limit] = said_rows(batch)
        for said in merge(rows, moved, limited, key=_row) if moved or limited else rows:
            if isinstance(said, Move):
                self._move(said, changes)
                continue
            if isinstance(said, Limit):
                self._limit(said, changes)
                continue
            kind, process = said.kind, said.process
            if not 0 < process.pid < PID_LIMIT or said.tgid >= PID_LIMIT:
                continue
            if kind == FORK:
                if process.pid != said.tgid:
                    changes.append((process.pid, said.row, self._fork(arena, said, changes)))
            elif kind == EXEC:
                changes.append((process.pid, said.row, self._exec(arena, said)))
            elif kind == EXIT:
                self._end(self._known(arena, said, changes), said.ts_ns)
            elif process.tid == process.pid:
                known = self._known(arena, said, changes)
                if differs(known, process):
                    changes.append((process.pid, said.row, self._add(updated(known, process, said.ts_ns))))
            else:
                # Credentials are the thread's own; the limit is everybody's.
                self._limit(Limit(said.row, process.pid, said.ts_ns, process.fd_limit), changes)
        return changes

    def _move(self, move: Move, changes: list[Change]) -> None:
        """Give a process its new working directory; one that is not known yet is read from /proc, where it has it."""
        known = self._newest(move.tgid) if 0 < move.tgid < PID_LIMIT else None
        if known is None or known.end_ns is not None or known.cwd == move.cwd:
            return
        moved = known.copy()
        moved.cwd, moved.exec_ns = move.cwd, move.ts_ns
        changes.append((move.tgid, move.row, self._add(moved)))

    def _limit(self, limit: Limit, changes: list[Change]) -> None:
        known = self.current(limit.tgid)
        if known is not None and known.fd_limit != limit.fd_limit:
            limited = known.copy()
            limited.fd_limit, limited.exec_ns = limit.fd_limit, limit.ts_ns
            changes.append((limit.tgid, limit.row, self._add(limited)))

    def _fork(self, arena: bytes, said: Said, changes: list[Change]) -> int:
        child, ts_ns = said.process, said.ts_ns
        before = self._newest(child.pid)
        parent = self._parent(child.ppid or said.tgid)
        if parent is None and child.ppid in (0, said.tgid):
            # It is alive, it just made the child: a later record will say more of it.
            parent = Process(pid=said.tgid, start_ns=0, exec_ns=ts_ns)
            changes.append((said.tgid, 0, self._add(parent)))
        if before is not None and before.end_ns is None:
            if before.start_ns and same_start(before.start_ns, child.start_ns):
                # Seeded or read on demand before its own record arrived: the record knows the exact start and parent.
                before.start_ns = child.start_ns
                before.parent = before.parent or parent
                return before.index
            if _stands_in_for(before, child):
                process_state.become(before, forked(parent, describe(arena, said), child, ts_ns))
                return before.index
            self._end(before, ts_ns)
        return self._add(forked(parent, describe(arena, said), child, ts_ns))

    def _exec(self, arena: bytes, said: Said) -> int:
        before = self._same(said.process)
        process = executed(before, describe(arena, said), said.process, said.ts_ns)
        parent = before.parent if before is not None else None
        if parent is None:
            process.parent = self._parent(said.process.ppid)
        else:
            newest = self._newest(parent.pid)
            alive = newest is not None and newest.end_ns is None and same_start(newest.start_ns, parent.start_ns)
            process.parent = newest if alive else parent
        index = self._add(process)
        size = sum(said.lengths)
        if size > _LONG_BYTES:
            self._long[index] = size
            self._long_bytes += size
        return index

    def _same(self, said: Described) -> Process | None:
        """Return the living newest version of the process a record describes, ending one whose pid was taken over."""
        process = self._newest(said.pid)
        if process is None or process.end_ns is not None:
            return None
        if process.start_ns == said.start_ns:
            return process
        if same_start(process.start_ns, said.start_ns) or _stands_in_for(process, said):
            process.start_ns = said.start_ns
            return process
        self._end(process, said.start_ns)
        return None

    def _known(self, arena: bytes, row: Said, changes: list[Change]) -> Process:
        """Return the version that a record describes, made from /proc or from the record when there is none."""
        said = row.process
        process = self._same(said)
        if process is not None:
            return process
        since = row.row if self._slot_of[said.pid] else 0
        process = self._read(said.pid)
        if process is None or not same_start(process.start_ns, said.start_ns):
            process = forked(None, describe(arena, row), said, said.start_ns)
        process.start_ns = said.start_ns
        process.parent = self._parent(said.ppid)
        changes.append((said.pid, since, self._add(process)))
        return process

    def _parent(self, ppid: int) -> Process | None:
        if ppid <= 0:
            return None
        process = self._newest(ppid)
        if process is None:
            process = self._read(ppid)
            if process is not None:
                process.parent = self._newest(process.ppid)
                self._add(process)
        return process

    # --- rows

    def _assign(self, at: NDArray[np.int32], tgid: NDArray[np.int64], changes: list[Change]) -> None:
        """Give the rows of the processes that changed to the version in force at each row."""
        change = np.array(changes, np.int64)
        # Stable: of two changes at one row the later one wins.
        keys = (change[:, 0] << 32) | change[:, 1]
        order = np.argsort(keys, kind="stable")
        keys, indexes = keys[order], change[order, 2]
        self._changed[change[:, 0]] = True
        rows = np.flatnonzero(self._changed[tgid])
        self._changed[change[:, 0]] = False
        place = np.searchsorted(keys, (tgid[rows] << 32) | rows, side="right") - 1
        found = place >= 0
        rows, place = rows[found], place[found]
        same = (keys[place] >> 32) == tgid[rows]
        at[rows[same]] = indexes[place[same]]

    def _assign_missing(
        self,
        at: NDArray[np.int32],
        tgid: NDArray[np.int64],
        ts_ns: NDArray[np.uint64],
        missing: NDArray[np.intp],
        changed: set[int],
    ) -> None:
        """Find or make a process for rows whose pid is unknown."""
        pids, first, inverse = np.unique(tgid[missing], return_index=True, return_inverse=True)
        seen_ns = ts_ns[missing[first]]
        found = [
            self._stand_in(pid, at_ns, changed) for pid, at_ns in zip(pids.tolist(), seen_ns.tolist(), strict=True)
        ]
        at[missing] = np.array(found, np.int32)[inverse]

    def _stand_in(self, pid: int, seen_ns: int, changed: set[int]) -> int:
        if pid >= PID_LIMIT:
            return -1
        if pid in changed:
            # Its rows before the change: what /proc shows now would be the state after it.
            index = self._register(Process(pid=pid, start_ns=0, exec_ns=seen_ns))
            self._close(index)
            return index
        if self._procfs is not None and pid and not self._may_read():
            waiting = self._waiting.get(pid)
            if waiting is None:
                waiting = self._waiting[pid] = self._register(Process(pid=pid, start_ns=0, exec_ns=seen_ns))
            return waiting
        process = self._read(pid)
        if process is None:
            waiting = self._waiting.pop(pid, None)
            if waiting is not None:
                self._slot_of[pid] = waiting + 1
                return waiting
            return self._add(Process(pid=pid, start_ns=0, exec_ns=seen_ns))
        process.parent = self._newest(process.ppid)
        return self._add(process)

    def _follow_names(self, batch: Batch, at: NDArray[np.int32]) -> None:
        """Make a new version where a main thread's comm is another than its process's (prctl, /proc/PID/comm)."""
        head = batch.head
        rows = np.flatnonzero((batch.ext_at >= 0) & (head["tid"] == head["tgid"]) & (at >= 0))
        if not len(rows):
            return
        indexes, inverse = np.unique(at[rows], return_inverse=True)
        known = [self._versions[i].comm.encode("utf-8", "surrogateescape")[:16] for i in indexes.tolist()]
        comm = batch.ext["comm"][batch.ext_at[rows]]
        other = np.flatnonzero(comm != np.array(known, "S16")[inverse])
        if not len(other):
            return
        for index in np.unique(at[rows[other]]).tolist():
            mine = at[rows] == index
            self._rename(batch, at, index, rows[mine], comm[mine])

    def _rename(
        self, batch: Batch, at: NDArray[np.int32], index: int, rows: NDArray[np.intp], comm: NDArray[np.bytes_]
    ) -> None:
        process = self._versions[index]
        since: list[int] = []
        versions: list[int] = []
        for row, raw in zip(rows.tolist(), comm.tolist(), strict=True):
            name = decode(raw.split(b"\0", 1)[0])
            if name == process.comm or not name:
                continue
            if not process.comm:
                process.comm = name
                continue
            newest = self._newest(process.pid) is process
            renamed = process.copy()
            renamed.comm = name
            renamed.exec_ns = int(batch.head["ts_ns"][row])
            if newest and process.end_ns is None:
                self._add(renamed)
            else:
                self._register(renamed)
                self._close(renamed.index)
                if newest:
                    # It has ended, and is still what a later batch finds under its pid.
                    self._slot_of[process.pid] = renamed.index + 1
            since.append(row)
            versions.append(renamed.index)
            process = renamed
        if since:
            all_rows = np.flatnonzero(at == index)
            place = np.searchsorted(since, all_rows, side="right") - 1
            at[all_rows[place >= 0]] = np.array(versions, np.int32)[place[place >= 0]]

    # --- /proc on demand

    def _may_read(self) -> bool:
        now = time.monotonic()
        self._reads = min(self._reads + (now - self._read_at) * _READS_PER_S, float(_READS_PER_S))
        self._read_at = now
        return self._reads >= 1.0

    def _read(self, pid: int) -> Process | None:
        """Read a process from /proc, None when it is gone or the rate is used up."""
        if self._procfs is None or pid <= 0 or not self._may_read():
            return None
        self._reads -= 1.0
        process = self._procfs.read(pid)
        if process is not None:
            self._complete(process)
        return process

    def _sweep(self) -> None:
        """End the processes that are gone without a record (it was lost), so that they do not stay for ever."""
        if self._procfs is None:
            return
        now = time.monotonic()
        if now - self._swept_at < _SWEEP_S:
            return
        self._swept_at = now
        alive = set(self._procfs.pids())
        for process in self.living():
            if process.pid not in alive:
                self._end(process, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        # A flood brings pids faster than they can be read, and most of them never come again.
        for index in self._waiting.values():
            self._close(index)
        self._waiting.clear()


def _stands_in_for(process: Process, said: Described) -> bool:
    """Tell whether a placeholder (its start is unknown) was made for rows of the process a record describes."""
    return not process.start_ns and process.exec_ns >= said.start_ns


def _cut(process: Process) -> None:
    """Cut a chain of ancestors behind a version that nobody asks about any more, if it is very long."""
    at: Process | None = process
    for _ in range(_MAX_DEPTH):
        if at is None:
            return
        at = at.parent
    if at is not None:
        at.parent = None
