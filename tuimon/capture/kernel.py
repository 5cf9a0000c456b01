"""The live kernel as a source of events: loads the programs, maps their rings and tables, drains and counts."""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, concat, empty_batch
from tuimon.capture.bell import Bell
from tuimon.capture.bpf_calls import delete, keys, update
from tuimon.capture.cgroup_key import cgroup_key as choose_cgroup_key
from tuimon.capture.cgroup_key import hierarchy_folder
from tuimon.capture.compiled import CACHE
from tuimon.capture.counters import (
    CALLS,
    CPU,
    Counted,
    Counters,
    counted_bytes,
    default_slots,
    living_cgroups,
    no_calls,
)
from tuimon.capture.facts import KernelFacts, probe
from tuimon.capture.looks import POLL_S, Looks, calm_poll_s
from tuimon.capture.outcomes import HOLD_NS, with_outcomes
from tuimon.capture.pace import Pace
from tuimon.capture.prefilter import Prefilter, load_prefilter, put_in_force, put_places
from tuimon.capture.privileges import in_initial_pid_namespace, require_privileges
from tuimon.capture.program import RINGS, Programs, load
from tuimon.capture.ring import Ring, RingSet
from tuimon.capture.rows import ENTER, TIMED, call_rows
from tuimon.capture.shedding import Shedding, Step, busiest
from tuimon.capture.slim_rings import SHARED_BYTES, slim_ring_bytes, slim_rings, slims_bytes
from tuimon.capture.source import CallCounts, Counts, Interest, Want, always
from tuimon.capture.sources import Build, possible_cpus
from tuimon.errors import CaptureError
from tuimon.records import Kind, SizeClass
from tuimon.syscalls import COMPAT_I386, NAME_TO_NR

__all__ = ["KernelFacts", "KernelSource", "probe"]

SELF_MAX: Final = 8
DATA_BYTES: Final = 80
"""First bytes of a read or write carried on request; Falco's default snaplen."""
HEARTBEAT_S: Final = 1.0
FIND_ITSELF_S: Final = 1.0
VIEWED_MAX: Final = 4096
"""As many cgroups as the kernel's set of viewed ones holds; a view of more is a view of all."""
_MIB: Final = 1 << 20
_NOTHING: Final = empty_batch()

DEFAULT_RINGS: Final[Mapping[SizeClass, int]] = {
    SizeClass.SLIM: 32 * _MIB,
    SizeClass.SHORT: 32 * _MIB,
    SizeClass.MID: 8 * _MIB,
    SizeClass.LONG: 8 * _MIB,
    SizeClass.PROC_SHORT: 16 * _MIB,
    SizeClass.PROC_MID: 8 * _MIB,
    SizeClass.PROC_LONG: 32 * _MIB,
}
"""Bytes of each ring. The process classes have theirs to themselves: a flood of others cannot take their room. Where
rules look at the environment, an exec is a PROC_LONG as soon as that holds some 1.5 KB, which is usual: 32 MiB are
1,024 of them."""

CONFIG: Final = np.dtype(
    [
        ("view_generation", "<u8"),
        ("view_all", "<u4"),
        ("environ", "<u4"),
        ("self", "<u4", (SELF_MAX,)),
        ("sheds", "<u4"),
        ("times", "<u4"),
        ("sleeps", "<u4"),
        ("pad", "<u4"),
    ]
)
"""struct tm_config of bpf/maps.h."""


class KernelSource:
    """Events of the running kernel.

    Args:
        rings: Bytes of each ring where they differ from DEFAULT_RINGS; rounded up to a power of two.
        self_pids: Processes whose events are left out; the calling process when empty, nobody when None.
        only_kind: Load this kind of programs and no other: ``typed+cast``, ``typed`` or ``plain`` (tests, benchmarks).
        cache: Folder where compiled programs are kept for the next start, None for nowhere (tuimon.capture.compiled).
        cgroup_key: ``unified`` or the cgroup version 1 controller to take container keys from; chosen as
            tuimon.capture.cgroup_key does when None.
        cgroup_slots: How many cgroups have counters of their own at a time; by the number of CPUs when None.
        sheds: Whether what only a view asks for may be given up when there is too much (tuimon.capture.shedding).
    """

    name = "kernel"
    live = True

    def __init__(
        self,
        rings: Mapping[SizeClass, int] | None = None,
        self_pids: Iterable[int] | None = (),
        *,
        only_kind: str | None = None,
        cache: Path | None = CACHE,
        cgroup_key: str | None = None,
        cgroup_slots: int | None = None,
        sheds: bool = True,
    ) -> None:
        self.ended = False
        self.boot_to_epoch_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.kind = ""
        """Kind of the loaded programs, empty before the start."""
        self.has_prefilter = False
        """Whether a prefilter is in force."""
        self.unjudged: tuple[int, ...] = ()
        """System calls that it lets pass because their program is too much for the kernel."""
        self._prefilter: Prefilter | None = None
        sizes = {**DEFAULT_RINGS, **(rings or {})}
        self._slim_ring = 0
        """Bytes of each CPU's own ring of slim records, 0 while they have none."""
        self._ring_bytes = {c: 1 << (max(mmap.PAGESIZE, sizes[c]) - 1).bit_length() for c in SizeClass}
        self._self_pids = () if self_pids is None else (tuple(self_pids) or (os.getpid(),))[:SELF_MAX]
        self._excludes_itself = self_pids is not None and self._self_pids == (os.getpid(),)
        self._early: list[Batch] = []
        """Events drained while starting or closing, for the next drain to return."""
        self._only_kind = only_kind
        self._cache = cache
        self.cgroup_key = cgroup_key or choose_cgroup_key()
        """The hierarchy whose ids the events carry."""
        self._cgroup_slots = cgroup_slots or default_slots(possible_cpus())
        self._programs: Programs | None = None
        self._rings = RingSet([])
        self._pace = Pace()
        self._shedding = Shedding()
        self._sheds = sheds
        self._given, self._given_cpu_s = 0, 0.0
        """Events that the last drain returned, and the reader's CPU clock then."""
        self._maps: list[mmap.mmap] = []
        self._rows: NDArray[np.uint64] = np.zeros(CALLS, np.uint64)
        self._config: NDArray[np.void] = np.zeros(1, CONFIG)
        self._counters: Counters | None = None
        self._lock = threading.Lock()
        """Held while mapped memory is looked at: ``close`` may come from another thread."""
        self._asked_s = self._alive_s = 0.0
        self._looks = Looks(calm_poll_s(possible_cpus()), self._is_something_there)
        self._beat = 0
        self._interest = Interest()
        self._places: dict[int, int] = {}
        self._last_counts = Counts()
        self._last_calls = no_calls()

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Compile, load and attach the programs (1.5 s on two CPUs, nearly all of it the kernel's check of them).

        Events flow when it returns.

        Raises:
            CaptureError: Not possible here; the hint says what is missing.
        """
        if self._programs is not None:
            return
        require_privileges()
        self._slim_ring = slim_ring_bytes(self._ring_bytes[SizeClass.SLIM], possible_cpus())
        if self._slim_ring:
            self._ring_bytes[SizeClass.SLIM] = min(self._ring_bytes[SizeClass.SLIM], SHARED_BYTES)
        build = Build(self._cgroup_slots, DATA_BYTES, len(self._self_pids), slim_ring=self._slim_ring)
        sizes = {name: self._ring_bytes[size_class] for name, size_class in zip(RINGS, SizeClass, strict=True)}
        sizes["bell"] = mmap.PAGESIZE
        self._programs = load(build, self.cgroup_key, sizes, only=self._only_kind, cache=self._cache)
        try:
            self._prepare(self._programs)
            self._programs.attach()
        except (OSError, ValueError) as error:
            self.close()
            raise CaptureError(f"the kernel's buffers cannot be mapped: {error}") from None
        except CaptureError:
            self.close()
            raise
        self.kind = self._programs.kind
        if self._excludes_itself and not in_initial_pid_namespace():
            self._find_itself()
        self._alive_s = time.monotonic()

    def _prepare(self, programs: Programs) -> None:
        """Map the rings and tables, and fill what the programs need before the first event."""
        rings = [Ring(programs.maps[name], self._ring_bytes[c], c) for c, name in zip(SizeClass, RINGS, strict=True)]
        if self._slim_ring:
            slims = self._map_array(programs, "slims", slims_bytes(self._slim_ring))
            rings += slim_rings(slims, self._slim_ring)
        self._rings = RingSet(rings, self._skip)
        self._rows = np.ndarray((CALLS,), np.uint64, self._map_array(programs, "call_rows", CALLS * 8))
        self._config = np.ndarray((1,), CONFIG, self._map_array(programs, "config", CONFIG.itemsize))
        cpus = np.ndarray((possible_cpus(),), CPU, self._map_array(programs, "cpus", possible_cpus() * CPU.itemsize))
        folder = hierarchy_folder(self.cgroup_key)
        counted = Counted(self._map_array(programs, "counts", counted_bytes(self._cgroup_slots)), self._cgroup_slots)
        self._counters = Counters(programs.maps, cpus, counted, lambda: living_cgroups(folder))
        self._config["self"][0, : len(self._self_pids)] = self._self_pids
        self._looks.bell = Bell(programs.maps["bell"], self._config["sleeps"])
        for nr in range(CALLS):
            native = COMPAT_I386.get(nr, CALLS - 1)
            update(programs.maps["compat_numbers"], _u32(nr), native.to_bytes(2, "little"))
        self._ask(programs, self._interest)

    def _map_array(self, programs: Programs, name: str, size: int) -> mmap.mmap:
        """Map a BPF array into memory: a store into it is seen by the programs at once."""
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        mapped = mmap.mmap(programs.maps[name], size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._maps.append(mapped)
        return mapped

    def close(self) -> None:
        """Detach the programs and free everything; the counters keep their last values. May be called again."""
        with self._lock:
            programs, self._programs = self._programs, None
            if programs is not None:
                self.ended = True
                self._free(programs)

    def _free(self, programs: Programs) -> None:
        programs.detach()
        if self._looks.bell is not None:
            self._looks.bell.close()
        if self._prefilter is not None:
            self._prefilter.close()
            self._prefilter = None
        if self._counters is not None:
            self._last_counts, self._last_calls = self._counters.totals(), self._counters.calls()
        self._counters = None
        self._rows, self._config = np.zeros(CALLS, np.uint64), np.zeros(1, CONFIG)
        self._early.append(self._rings.drain(everything=True))
        self._rings.close()
        for mapped in self._maps:
            mapped.close()
        self._maps.clear()
        programs.close()

    # -- events --------------------------------------------------------------------------------------------------

    def drain(self, timeout_s: float) -> Batch:
        """Return the events since the last drain in order of time, waiting up to ``timeout_s`` for the first.

        Of a flood it returns the oldest, as many as the reader can work off in a while (tuimon.capture.pace): call
        again. The first drain after the close returns what had been emitted and not been read; then there is nothing
        more.
        """
        self._pace.took(self._given, max(time.thread_time() - self._given_cpu_s, 0.0))
        batch = self._drain(timeout_s)
        self._given, self._given_cpu_s = len(batch), time.thread_time()
        return batch

    def _drain(self, timeout_s: float) -> Batch:
        now = time.monotonic()
        deadline = now + timeout_s
        while True:
            self._looks.wait(now, deadline)
            with self._lock:
                if self._programs is None:
                    return with_outcomes(self._take_early(), 1 << 63)[0]
                now = time.monotonic()
                batch = self._look(self._programs, now)
            self._looks.looked(now, len(batch), is_calm=self._shedding.is_calm)
            if len(batch) or now >= deadline or self._looks.interrupted:
                self._looks.interrupted = False
                return batch

    def _is_something_there(self) -> bool:
        return bool(self._early) or self._rings.pending()

    def _look(self, programs: Programs, now_s: float) -> Batch:
        """Look at the rings, and at whether the programs are alive."""
        waits = self._is_something_there()
        batch = self._read(programs, now_s) if waits else _NOTHING
        if now_s - self._asked_s > HEARTBEAT_S:
            self._heartbeat(now_s)
        if self._sheds and not waits and not self._shedding.is_calm:
            self._shed(programs, now_s, 0.0, batch)
        return batch

    def interrupt(self) -> None:
        """End the drain that waits, or the next one, at once. Any thread."""
        self._looks.interrupt()

    def _read(self, programs: Programs, now_s: float) -> Batch:
        """Return what the rings hold, as much of it as one drain may take."""
        fill = self._rings.fill
        batch = concat([self._take_early(), self._rings.drain(limit=self._pace.limit)])
        batch, held = with_outcomes(batch, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - HOLD_NS)
        if len(held):
            self._early.append(held)
        if self._sheds:
            self._shed(programs, now_s, fill, batch)
        return batch

    def _shed(self, programs: Programs, now_s: float, fill: float, batch: Batch) -> None:
        """Give up what matters least while there is too much, and take it up again."""
        has_loud = any(self._interest.calls.get(nr, Want.NOTHING) & Want.VIEW for nr in self._interest.loud)
        if self._shedding.look(now_s, fill, self._rings.lag_s, has_loud, lambda: busiest(batch.head["cgroup_id"])):
            self._ask(programs, self._interest)

    def _skip(self, size_class: SizeClass, cgroup_ids: NDArray[np.uint64]) -> None:
        if self._counters is not None:
            self._counters.skip(size_class, cgroup_ids)

    @property
    def lag_s(self) -> float:
        """How old the youngest event of the last drain was, when there was more than it could return; else 0."""
        return self._rings.lag_s

    def shedding(self) -> tuple[Step, frozenset[int]]:
        """Return what is given up at present, and the cgroups of which a view gets nothing; any thread."""
        return self._shedding.step, self._shedding.busy

    def _take_early(self) -> Batch:
        early, self._early = self._early, []
        return concat(early)

    def _find_itself(self) -> None:
        """Learn which process the kernel takes us for: in a pid namespace of its own ours is not the number it knows.

        A call that nobody else makes is asked for, made, and looked for among the events.
        """
        nr, mark, asked = NAME_TO_NR["getsid"], 0x7F000000 | os.getpid() & 0xFFFFFF, self._interest
        self.set_interest(Interest({nr: Want.RULES}))
        with contextlib.suppress(OSError):
            os.getsid(mark)
        deadline = time.monotonic() + FIND_ITSELF_S
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            batch = self._rings.drain()
            self._early.append(batch)
            head = batch.head
            found = np.flatnonzero((head["nr"] == nr) & (head["kind"] == Kind.SYSCALL) & (head["arg"][:, 0] == mark))
            if len(found):
                self._config["self"][0, 0] = head["tgid"][found[0]]
                break
        self.set_interest(asked)

    @property
    def silent_s(self) -> float:
        """Seconds since the programs last gave a sign of life; some three seconds and more mean that they are gone.

        They count tuimon's own system calls, so that a drain can ask them once in a while: one call, and their
        counters must have grown. Only as fresh as the last drain.
        """
        return max(0.0, self._asked_s - self._alive_s)

    def _heartbeat(self, now_s: float) -> None:
        os.getppid()
        total = self._counters.beat(own=bool(self._self_pids)) if self._counters is not None else 0
        if total != self._beat:
            self._beat, self._alive_s = total, now_s
        self._asked_s = now_s

    def set_interest(self, interest: Interest) -> None:
        """Say what to emit in detail from now on: each call switches with one store, none is missed or doubled."""
        self._interest = interest
        with self._lock:
            if self._programs is not None:
                self._ask(self._programs, interest)

    def _ask(self, programs: Programs, interest: Interest) -> None:
        self._view(programs, interest)
        self._config["environ"][0] = interest.environ
        rows = call_rows(interest, self._shedding.step)
        looks = bool(np.any(rows & np.uint64(ENTER | TIMED)))
        if np.any(rows & np.uint64(TIMED)) and not np.any(self._rows & np.uint64(TIMED)):
            self._config["times"][0] += 1
        if looks:
            programs.look_at_entries(True)
        for nr in np.flatnonzero(self._rows != rows).tolist():
            self._rows[nr] = rows[nr]
        if not looks:
            programs.look_at_entries(False)

    def _view(self, programs: Programs, interest: Interest) -> None:
        """Put the cgroups in view into the kernel's set; what leaves the view leaves before the rest enters."""
        wanted = interest.cgroups if len(interest.cgroups) <= VIEWED_MAX else frozenset()
        _put(programs.maps["viewed"], wanted)
        _put(programs.maps["shed"], self._shedding.busy)
        self._config["sheds"][0] = bool(self._shedding.busy)
        self._config["view_all"][0] = not wanted
        self._config["view_generation"][0] += 1

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Let the kernel keep what no rule can match; see ``Source.set_prefilter``. Any thread; no-op when not started.

        Raises:
            CaptureError: It does not compile, or the kernel refuses it; none is in force then.
        """
        programs = self._programs
        if programs is None:
            return
        made = None if c_text is None else load_prefilter(programs, c_text, self._cache)
        with self._lock:
            if self._programs is not programs or not still_wanted():
                old = made
            else:
                put_places(programs, self._places)
                put_in_force(programs, made)
                old, self._prefilter = self._prefilter, made
                self.has_prefilter = made is not None
                self.unjudged = made.refused if made is not None else ()
            if old is not None:
                old.close()

    def set_places(self, places: Mapping[int, int]) -> None:
        """Say where the cgroups are that are known, for the prefilter: 1 the host's, 2 a container's. Any thread."""
        with self._lock:
            before, self._places = self._places, dict(places)
            changed = {cgroup_id: 0 for cgroup_id in before if cgroup_id not in places}
            changed |= {cgroup_id: place for cgroup_id, place in places.items() if before.get(cgroup_id) != place}
            if self._programs is not None:
                put_places(self._programs, changed)

    # -- what it is like -----------------------------------------------------------------------------------------

    def ring_fill(self) -> tuple[tuple[str, int, int], ...]:
        """Return of each size class the bytes waiting in its rings and their size, as of about now; any thread."""
        with self._lock:
            rings = [(ring.size_class, ring.waiting_bytes, ring.size_bytes) for ring in self._rings.rings]
        of_class = {c: [ring for ring in rings if ring[0] is c] for c in dict.fromkeys(c for c, _, _ in rings)}
        return tuple(
            (c.name.lower().replace("_", " "), sum(waiting for _, waiting, _ in of), sum(size for _, _, size in of))
            for c, of in of_class.items()
        )

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what was found and chosen at the start, as names and values for people; any thread."""
        programs = self._programs
        if programs is None:
            return ()
        of_class = dict(self._ring_bytes)
        of_class[SizeClass.SLIM] += self._slim_ring * possible_cpus()
        total = sum(of_class.values()) / _MIB
        sizes = ", ".join(f"{c.name.lower()} {size >> 10}" for c, size in of_class.items())
        return (
            ("programs", f"{self.kind} raw tracepoints"),
            ("attached to", ", ".join(programs.attached)),
            ("rings", f"{total:.1f} MiB ({sizes} KiB)"),
            ("processors", str(possible_cpus())),
            ("containers", f"counted exactly for up to {self._cgroup_slots - 1:,} cgroups at a time"),
            ("rules' prefilter", "in force" if self.has_prefilter else "none"),
            ("left out", f"own processes {', '.join(map(str, self._self_pids))}" if self._self_pids else "nobody"),
        )

    # -- counters ------------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Return the exact totals, the last ones after the close."""
        with self._lock:
            return self._last_counts if self._counters is None else self._counters.totals()

    def call_counts(self) -> CallCounts:
        """Return the exact per-(cgroup, call) counters, the last ones after the close."""
        with self._lock:
            return self._last_calls if self._counters is None else self._counters.calls()


def _put(cgroups: int, wanted: frozenset[int]) -> None:
    """Make the keys of a map of cgroups these."""
    present = {int.from_bytes(key, "little") for key in keys(cgroups, 8)}
    for cgroup_id in present - wanted:
        delete(cgroups, _u64(cgroup_id))
    for cgroup_id in wanted - present:
        update(cgroups, _u64(cgroup_id), _u32(1))


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _u64(value: int) -> bytes:
    return value.to_bytes(8, "little")
