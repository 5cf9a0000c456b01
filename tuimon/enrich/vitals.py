"""What /proc says of a living process beyond what its events carry: memory, threads, open fds, cgroups, CPU time.

Nobody sends these with every event, so they are read when a field asks: by one thread of its own, never on the event
path. Until it has read them the answer is "not yet", and an alert that needs one waits for it. A reading answers for
the events around it and for no others: of a process that has ended meanwhile, and of an event of long ago (or of a
recording), nothing is known.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from tuimon.enrich.fdtable import OpenFd, open_fds
from tuimon.enrich.procfs import Memory, Procfs, same_start
from tuimon.events import Process

NEAR_NS: Final = 1_000_000_000
"""A reading answers for events at most so long before or after it."""
CPU_NS: Final = 1_000_000_000
"""The use of the CPU is what was used between two readings so far apart."""
MAX_KEPT: Final = 4096
MAX_FDS_KEPT: Final = 50_000
"""Of all readings together, some 200 bytes each; a server may have thousands open."""
MAX_WAITING: Final = 1024
"""Readings asked for and not made; beyond it the answer is that nothing is known."""

_Key = tuple[str, int, int, int]
"""What, pid, start in ns, tid or 0."""


@dataclass(frozen=True, slots=True)
class CpuShare:
    """The use of one CPU by a thread over a second, in per cent."""

    user: float
    system: float


@dataclass(slots=True)
class Reading:
    """One answer. Written by the reader's thread, whole; read by any."""

    loaded: bool = False
    """False: not read yet."""
    value: object = None
    """None: nothing is known."""
    asked_ns: int = 0
    """Since boot."""


_NOTHING: Final = Reading(loaded=True)


@dataclass(slots=True)
class _Job:
    key: _Key
    reading: Reading
    read: Callable[[], object]
    due_s: float = 0.0
    before: tuple[int, int, int] | None = field(default=None)
    """CPU use: the first reading."""


class Vitals:
    """Readings of this machine's processes.

    Args:
        procfs: Where they are read.
        now_ns: The clock of the events, ns since boot.
    """

    def __init__(
        self,
        procfs: Procfs | None = None,
        now_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    ) -> None:
        self._procfs = procfs or Procfs()
        self._now_ns = now_ns
        self._known: dict[_Key, Reading] = {}
        """The oldest first."""
        self._fds = 0
        """In the readings kept."""
        self._waiting = 0
        self._lock = threading.Lock()
        """Held for changing these three."""
        self._asked: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.revision = 0
        """Changes whenever something became known; any thread may look."""

    def memory(self, process: Process, ts_ns: int) -> tuple[bool, Memory | None]:
        """Return (whether it is known, memory and threads of a process) around an event; never waits."""
        pid = process.pid
        loaded, value = self._ask(("memory", pid, process.start_ns, 0), ts_ns, lambda: self._procfs.memory(pid))
        return loaded, cast("Memory | None", value)

    def fds(self, process: Process, ts_ns: int) -> tuple[bool, dict[int, OpenFd] | None]:
        """Return (whether they are known, the open fds of a process by number) around an event; never waits."""
        pid = process.pid
        loaded, value = self._ask(("fds", pid, process.start_ns, 0), ts_ns, lambda: open_fds(self._procfs, pid))
        return loaded, cast("dict[int, OpenFd] | None", value)

    def cgroups(self, process: Process, tid: int, ts_ns: int) -> tuple[bool, dict[str, str] | None]:
        """Return (whether they are known, cgroup path by controllers of a thread) around an event; never waits."""
        key = ("cgroups", process.pid, process.start_ns, tid)
        loaded, value = self._ask(key, ts_ns, lambda: self._procfs.cgroups(process.pid, tid))
        return loaded, cast("dict[str, str] | None", value)

    def faults(self, process: Process, tid: int, ts_ns: int) -> tuple[bool, tuple[int, int] | None]:
        """Return (whether they are known, (major, minor) page faults of a thread) around an event; never waits."""
        key = ("faults", process.pid, process.start_ns, tid)
        loaded, value = self._ask(key, ts_ns, lambda: self._procfs.faults(process.pid, tid))
        return loaded, cast("tuple[int, int] | None", value)

    def cpu(self, process: Process, tid: int, ts_ns: int) -> tuple[bool, CpuShare | None]:
        """Return (whether it is known, CPU use of a thread over the second after an event); never waits."""
        key = ("cpu", process.pid, process.start_ns, tid)
        loaded, value = self._ask(key, ts_ns, lambda: self._procfs.cpu_times(process.pid, tid))
        return loaded, cast("CpuShare | None", value)

    def readings(self) -> tuple[int, list[tuple[int, int]]]:
        """Return the time now, and pid and time of each reading that is kept, in ns since boot; any thread."""
        return self._now_ns(), [(key[1], reading.asked_ns) for key, reading in list(self._known.items())]

    def _ask(self, key: _Key, ts_ns: int, read: Callable[[], object]) -> tuple[bool, object]:
        reading = self._known.get(key)
        if reading is None or abs(ts_ns - reading.asked_ns) > NEAR_NS:
            reading = self._begin(key, ts_ns, read)
        return reading.loaded, reading.value

    def _begin(self, key: _Key, ts_ns: int, read: Callable[[], object]) -> Reading:
        now_ns = self._now_ns()
        if abs(now_ns - ts_ns) > NEAR_NS or self._waiting >= MAX_WAITING or not key[2]:
            return _NOTHING
        reading = Reading(asked_ns=now_ns)
        with self._lock:
            self._forget(key)
            while len(self._known) >= MAX_KEPT or (self._fds > MAX_FDS_KEPT and self._known):
                self._forget(next(iter(self._known)))
            self._known[key] = reading
            self._waiting += 1
        self._asked.put(_Job(key, reading, read))
        self._start()
        return reading

    def _forget(self, key: _Key) -> None:
        reading = self._known.pop(key, None)
        if reading is not None and reading.loaded:
            self._fds -= _fds_in(key, reading.value)

    # --- the thread

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="tuimon-vitals", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        again: list[_Job] = []
        """CPU uses whose first reading was made, the oldest first."""
        while True:
            timeout_s = max(0.0, again[0].due_s - time.monotonic()) if again else None
            try:
                job = self._asked.get(timeout=timeout_s)
            except queue.Empty:
                job = again.pop(0)
            if not self._carry_out(job):
                again.append(job)

    def _carry_out(self, job: _Job) -> bool:
        """Read; False when it takes a second reading."""
        try:
            value = job.read() if self._is_same(job.key) else None
        except OSError:
            value = None
        if job.key[0] == "cpu" and value is not None:
            now = cast("tuple[int, int]", value)
            if job.before is None:
                job.before, job.due_s = (time.monotonic_ns(), *now), time.monotonic() + CPU_NS / 1e9
                return False
            value = _share(job.before, now)
        with self._lock:
            if self._known.get(job.key) is job.reading:
                self._fds += _fds_in(job.key, value)
            job.reading.value = value
            job.reading.loaded = True
            self._waiting -= 1
        self.revision += 1
        return True

    def _is_same(self, key: _Key) -> bool:
        start_ns = self._procfs.start_ns(key[1])
        return start_ns is not None and same_start(start_ns, key[2])


def _fds_in(key: _Key, value: object) -> int:
    return len(value) if key[0] == "fds" and isinstance(value, dict) else 0


def _share(before: tuple[int, int, int], now: tuple[int, int]) -> CpuShare:
    at_ns, user_ns, system_ns = before
    per_cent = 100.0 / max(time.monotonic_ns() - at_ns, 1)
    return CpuShare((now[0] - user_ns) * per_cent, (now[1] - system_ns) * per_cent)


VITALS: Final = Vitals()
"""Of this machine's processes."""
