"""Before: the last events of each container, frozen when an alert fires; a noisy neighbour cannot push them out.

For each cgroup the last rows are remembered as row numbers into batches that the history holds anyway; only what the
history lets go of is copied, so that a quiet container keeps its last rows for hours at the cost of some kilobytes. The
rows that tell a story (exec, fork, exit) have room of their own: a flood of reads cannot push out the exec before it.
Everything is bounded: rows for each cgroup, cgroups, bytes that are frozen. What had to go is said.

Written by the engine's thread, read by any.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, concat, single, take
from tuimon.events import PROCESS_BYTES, Alert, Container, Event, Process
from tuimon.records import Kind

ROWS: Final = 512
"""Rows remembered for each cgroup: the last seconds of a busy one, the whole life of a quiet one."""
STORY_ROWS: Final = 256
"""Of exec, fork and exit, beside them."""
CGROUPS: Final = 1_024
RESERVE_BYTES: Final = 16 << 20
"""Of rows that the history no longer holds."""
FROZEN_BYTES: Final = 24 << 20
AGAIN_NS: Final = 1_000_000_000
"""Alerts of one rule in one cgroup that follow so closely share what the first of them froze."""
_LATE_NS: Final = 5 * AGAIN_NS
"""An alert may have waited for two seconds, and others for the drain it came with."""
_OVERHEAD_BYTES: Final = 1_500
"""What the arrays of a batch cost beside their data; it counts against the bounds."""
_JOIN_FROM: Final = 32
"""Copies of a few rows each that are joined into one."""
_LOOK_BACK: Final = 8
"""Batches of the history that are looked at for an alert that had to wait while its cgroup went on."""
_LOSSES: Final = 10_000

Rows = NDArray[np.int32]
Nums = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The events of a container up to an alert."""

    alert_num: int
    """Of the alert it was frozen for."""
    batch: Batch
    """In order of their numbers; the last one is the alert's event, if that was still there."""
    nums: Nums
    """(n,) ``evt.num`` of each row."""
    processes: dict[int, Process]
    """By ``batch.process_at``."""
    container: Container | None
    boot_to_epoch_ns: int
    lost: int
    """Records that the kernel had no room for in the time of these events, whichever container's."""
    cut: bool
    """There were older events, for which there was no room."""

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.batch.nbytes + self.nums.nbytes + _OVERHEAD_BYTES + len(self.processes) * PROCESS_BYTES

    @property
    def cgroup_id(self) -> int:
        """Of the newest event."""
        return int(self.batch.head["cgroup_id"][-1])

    def event(self, row: int) -> Event:
        """Return the row object of an event."""
        alone = single(self.batch, row)
        alone.first_num = int(self.nums[row])
        process = self.processes.get(int(self.batch.process_at[row])) if len(self.batch.process_at) else None
        return Event(alone, 0, process, self.container, self.boot_to_epoch_ns)


@dataclass(slots=True)
class _Part:
    """Rows of one batch that belong to one cgroup."""

    batch: Batch
    rows: Rows
    own_nums: Nums | None = None
    """Of a copy; None while the batch is the history's."""
    processes: dict[int, Process] | None = None
    """Looked up when the history let the batch go, and the process table with it; None while both hold it."""

    @property
    def nums(self) -> Nums:
        """(n,) ``evt.num`` of each row."""
        return self.rows.astype(np.int64) + self.batch.first_num if self.own_nums is None else self.own_nums


@dataclass(slots=True)
class _Ring:
    """The last rows of one cgroup."""

    room: int
    old: deque[_Part] = field(default_factory=deque)
    """Copies of what the history let go of, oldest first."""
    held: deque[_Part] = field(default_factory=deque)
    """Rows of batches that the history holds, all newer."""
    count: int = 0
    cut: bool = False
    """Older rows had to go."""

    def add(self, part: _Part) -> None:
        self.held.append(part)
        self.count += len(part.rows)
        while self.count > self.room:
            self.cut = True
            parts = self.old or self.held
            oldest = parts.popleft()
            over = self.count - self.room
            if len(oldest.rows) > over:
                nums = None if oldest.own_nums is None else oldest.own_nums[over:]
                parts.appendleft(replace(oldest, rows=oldest.rows[over:], own_nums=nums))
            self.count -= min(over, len(oldest.rows))

    def join_old(self) -> None:
        """Make one of many small copies."""
        if len(self.old) < _JOIN_FROM:
            return
        parts = [_copied(part, part.processes or {}) for part in self.old]
        processes = {index: one for part in parts for index, one in (part.processes or {}).items()}
        batch = _behind_another([part.batch for part in parts])
        nums = np.concatenate([part.nums for part in parts])
        self.old = deque([_Part(batch, np.arange(len(batch), dtype=np.int32), nums, processes)])

    @property
    def copied_bytes(self) -> int:
        """Bytes held that the history does not hold."""
        held = sum(len(part.processes or ()) for part in self.old) * PROCESS_BYTES
        return held + sum(part.batch.nbytes + _OVERHEAD_BYTES for part in self.old)


class Before:
    """Remembers and freezes.

    Args:
        process: A process version by its index.
        container: The owner of a cgroup.
        boot_to_epoch_ns: Added to an event's time since boot.
        held: The batches of the history, oldest first.
    """

    def __init__(
        self,
        process: Callable[[int], Process | None],
        container: Callable[[int], Container | None],
        boot_to_epoch_ns: Callable[[], int],
        held: Callable[[], Sequence[Batch]] = tuple,
    ) -> None:
        self.forgotten = 0
        """Frozen windows that had to go for newer ones."""
        self._process = process
        self._container = container
        self._boot_to_epoch_ns = boot_to_epoch_ns
        self._held = held
        self._rings: dict[int, tuple[_Ring, _Ring]] = {}
        """By cgroup, the one that was silent for longest first: all rows, and those that tell a story."""
        self._wanted: list[Alert] = []
        self._heard = self._settled = 0
        """Numbers of the last alert that was heard of, and of the last one of which all is done."""
        self._frozen: dict[int, Frozen] = {}
        self._frozen_bytes = 0
        self._last: dict[tuple[str, int], tuple[int, int]] = {}
        """By rule and cgroup, the oldest first: number and time of the alert that last froze something."""
        self._shared: dict[int, int] = {}
        self._lost_at: list[int] = [0]
        self._lost: list[int] = [0]

    @property
    def nbytes(self) -> int:
        """Bytes held beyond the history."""
        copies = sum(ring.copied_bytes for rings in list(self._rings.values()) for ring in rings)
        return copies + self._frozen_bytes

    # The engine's thread.

    def alert(self, alert: Alert) -> None:
        """An alert fired: freeze what came before it once its batch is added."""
        self._heard = alert.num
        key, ts_ns = (alert.rule, alert.event.cgroup_id), alert.event.ts_ns
        num, last_ns = self._last.get(key, (0, ts_ns + 1))
        if 0 <= ts_ns - last_ns < AGAIN_NS:
            self._shared[alert.num] = num
            if len(self._shared) > _LOSSES:
                del self._shared[next(iter(self._shared))]
            return
        self._last.pop(key, None)
        self._last[key] = alert.num, ts_ns
        self._forget_last(ts_ns)
        self._wanted.append(alert)

    def _forget_last(self, now_ns: int) -> None:
        """Let go of the alerts of which no other one will share what they froze."""
        while len(self._last) > CGROUPS or now_ns - next(iter(self._last.values()))[1] > _LATE_NS:
            del self._last[next(iter(self._last))]

    def add(self, batch: Batch, gone: Iterable[Batch] = ()) -> None:
        """Take a batch that entered the history, and those that it let go for it.

        Those that are gone must still have their processes in the table.
        """
        for old in gone:
            self._reserve(old)
        self._count_lost(batch)
        fresh = _by_cgroup(batch)
        self._freeze_wanted(fresh, batch)
        for cgroup, rows in fresh.items():
            self._remember(cgroup, batch, rows)

    def settle(self) -> None:
        """Nothing is on its way into the history: an alert that was raised late need not wait for the next event."""
        self._freeze_wanted({})

    def _freeze_wanted(self, fresh: dict[int, Rows], batch: Batch | None = None) -> None:
        """Freeze for the alerts of which the event is in the history now; those of a later batch wait for it."""
        wanted, self._wanted = self._wanted, []
        for alert in wanted:
            if batch is not None and alert.event.num >= batch.first_num + len(batch):
                self._wanted.append(alert)
            else:
                self._freeze(alert, batch, fresh)
        self._settled = self._wanted[0].num - 1 if self._wanted else self._heard

    def moved(self, old: Batch, new: Batch) -> None:
        """The history holds the events of a batch in another one from now on."""
        offset = old.first_num - new.first_num
        for rings in self._rings.values():
            for ring in rings:
                for part in ring.held:
                    if part.batch is old:
                        part.batch, part.rows = new, part.rows + np.int32(offset)

    def _count_lost(self, batch: Batch) -> None:
        lost = int(batch.head["lost"].sum(dtype=np.int64))
        if lost:
            self._lost_at.append(int(batch.head["ts_ns"][-1]))
            self._lost.append(self._lost[-1] + lost)
            del self._lost_at[1:-_LOSSES], self._lost[1:-_LOSSES]

    def _remember(self, cgroup: int, batch: Batch, rows: Rows) -> None:
        rings = self._rings.pop(cgroup, None)
        if rings is None:
            if len(self._rings) >= CGROUPS:
                del self._rings[next(iter(self._rings))]
            rings = (_Ring(ROWS), _Ring(STORY_ROWS))
        self._rings[cgroup] = rings
        tells = rows[batch.head["kind"][rows] != Kind.SYSCALL]
        if len(tells):
            rings[1].add(_Part(batch, tells[-STORY_ROWS:].copy()))
        rings[0].cut |= len(rows) > ROWS
        rings[0].add(_Part(batch, rows[-ROWS:].copy()))  # a copy: a view would keep the rows of all cgroups

    def _reserve(self, gone: Batch) -> None:
        """Copy what is remembered of a batch that the history no longer holds."""
        copied = False
        for rings in self._rings.values():
            for ring in rings:
                while ring.held and ring.held[0].batch.first_num < gone.first_num + len(gone):
                    part = ring.held.popleft()
                    ring.old.append(_copied(part, self._processes_of(part)))
                    ring.join_old()
                    copied = True
        if copied:
            self._bound_reserve()

    def _bound_reserve(self) -> None:
        """Let go of those that have been silent for longest when there is too much."""
        held = sum(ring.copied_bytes for rings in self._rings.values() for ring in rings)
        for cgroup in list(self._rings):
            if held <= RESERVE_BYTES:
                return
            for ring in self._rings[cgroup]:
                held -= ring.copied_bytes
                ring.count -= sum(len(part.rows) for part in ring.old)
                ring.old.clear()
                ring.cut = True

    def _processes_of(self, part: _Part) -> dict[int, Process]:
        if part.processes is not None:
            return part.processes
        if not len(part.batch.process_at):
            return {}
        indexes = np.unique(part.batch.process_at[part.rows]).tolist()
        found = {index: self._process(index) for index in indexes}
        return {index: process for index, process in found.items() if process is not None}

    # Freezing.

    def _freeze(self, alert: Alert, batch: Batch | None, fresh: dict[int, Rows]) -> None:
        event = alert.event
        owner = self._container(event.cgroup_id)
        cgroups = self._same(event.cgroup_id, owner, {*self._rings, *fresh})
        parts, cut = self._remembered(cgroups)
        if batch is not None:
            parts += [_Part(batch, fresh[cgroup]) for cgroup in cgroups if cgroup in fresh]
        parts = [_until(part, event.num) for part in parts]
        if not any(len(part.rows) and part.nums[-1] == event.num for part in parts):
            parts += self._looked_back(cgroups, event.num)
        parts = [part for part in parts if len(part.rows)]
        if parts:
            self._keep(alert, self._joined(parts, alert, owner, cut=cut))

    def _same(self, cgroup: int, owner: Container | None, known: Collection[int]) -> list[int]:
        """Return the cgroups of the same container; the host's services each are one of their own."""
        if owner is None or owner.is_host:
            return [cgroup]
        owners = {other: self._container(other) for other in known}
        return [other for other, one in owners.items() if other == cgroup or (one is not None and one.id == owner.id)]

    def _remembered(self, cgroups: Iterable[int]) -> tuple[list[_Part], bool]:
        rings = [ring for cgroup in cgroups for ring in self._rings.get(cgroup, ())]
        return [part for ring in rings for part in (*ring.old, *ring.held)], any(ring.cut for ring in rings)

    def _looked_back(self, cgroups: Sequence[int], num: int) -> list[_Part]:
        """Return the rows up to an event that its cgroup has left behind since, from the history."""
        held = self._held()
        at = bisect_left(held, num, key=lambda batch: batch.first_num + len(batch) - 1)
        found: list[_Part] = []
        count = 0
        for batch in reversed(held[max(at - _LOOK_BACK, 0) : at + 1]):
            rows = np.flatnonzero(np.isin(batch.head["cgroup_id"], np.array(cgroups, np.uint64))).astype(np.int32)
            found.append(_until(_Part(batch, rows), num))
            count += len(found[-1].rows)
            if count >= ROWS:
                break
        return found

    def _joined(self, parts: list[_Part], alert: Alert, owner: Container | None, *, cut: bool) -> Frozen:
        copies = [_copied(part, self._processes_of(part)) for part in parts]
        nums, first = np.unique(np.concatenate([part.nums for part in copies]), return_index=True)
        batch = _behind_another([part.batch for part in copies])
        kept = _last_rows(batch.head["kind"][first])  # the rings of a container's cgroups together hold more
        batch = take(batch, first[kept].astype(np.intp))
        return Frozen(
            alert_num=alert.num,
            batch=batch,
            nums=nums[kept],
            processes={index: one for part in copies for index, one in (part.processes or {}).items()},
            container=owner if owner is not None else alert.event.container,
            boot_to_epoch_ns=self._boot_to_epoch_ns(),
            lost=self._lost_between(int(batch.head["ts_ns"][0]), alert.event.ts_ns),
            cut=cut or len(kept) < len(first),
        )

    def _lost_between(self, begin_ns: int, end_ns: int) -> int:
        first, last = bisect_left(self._lost_at, begin_ns), bisect_left(self._lost_at, end_ns)
        return self._lost[min(last, len(self._lost) - 1)] - self._lost[max(first - 1, 0)]

    def _keep(self, alert: Alert, made: Frozen) -> None:
        self._frozen[alert.num] = made
        self._frozen_bytes += made.nbytes
        while self._frozen_bytes > FROZEN_BYTES and len(self._frozen) > 1:
            self._forget_one()

    def _forget_one(self) -> None:
        """Let the oldest window go of whoever has most of the room: a noisy one pays with its own. The newest stays."""
        sizes: dict[int, int] = {}
        *older, _ = self._frozen.items()
        for _, one in older:
            sizes[one.cgroup_id] = sizes.get(one.cgroup_id, 0) + one.nbytes
        noisy = max(sizes, key=lambda cgroup: sizes[cgroup])
        num = next(n for n, one in older if one.cgroup_id == noisy)
        self._frozen_bytes -= self._frozen.pop(num).nbytes
        self.forgotten += 1

    # Any thread.

    def is_pending(self, alert: Alert) -> bool:
        """Return whether an alert's window is still to be frozen: alerts are told before their events are kept."""
        return alert.num > self._settled

    def of(self, alert: Alert) -> Frozen | None:
        """Return what was frozen with an alert, or with the one right before it; None when it had to go."""
        return self._frozen.get(alert.num) or self._frozen.get(self._shared.get(alert.num, -1))


def _by_cgroup(batch: Batch) -> dict[int, Rows]:
    """Return the rows of each cgroup, ascending.

    Events of one cgroup come in runs, and cgroups are few: sorting the runs is cheaper than sorting the rows.
    """
    cgroups = np.ascontiguousarray(batch.head["cgroup_id"])
    starts = np.concatenate([[0], np.flatnonzero(cgroups[1:] != cgroups[:-1]) + 1])
    owners, which = np.unique(cgroups[starts], return_inverse=True)
    if len(owners) == 1:
        return {int(owners[0]): np.arange(len(batch), dtype=np.int32)}
    of_row = np.repeat(which, np.diff(np.concatenate([starts, [len(cgroups)]])))
    order = np.argsort(of_row, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(of_row, minlength=len(owners))).tolist()
    begins = [0, *ends[:-1]]
    return {owner: order[a:b] for owner, a, b in zip(owners.tolist(), begins, ends, strict=True)}


def _last_rows(kinds: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return which rows there is room for: the last ones, and of those that tell a story some more."""
    if len(kinds) <= ROWS:
        return np.arange(len(kinds))
    early = np.flatnonzero(kinds[:-ROWS] != Kind.SYSCALL)[-STORY_ROWS:]
    return np.concatenate([early, np.arange(len(kinds) - ROWS, len(kinds))])


def _until(part: _Part, num: int) -> _Part:
    """Return the rows up to an event that there is room for."""
    end = int(np.searchsorted(part.nums, num, "right"))
    kept = _last_rows(part.batch.head["kind"][part.rows[:end]])
    nums = None if part.own_nums is None else part.own_nums[kept]
    return replace(part, rows=part.rows[kept], own_nums=nums)


def _copied(part: _Part, processes: dict[int, Process]) -> _Part:
    """Return the rows in memory of their own."""
    own = take(part.batch, part.rows.astype(np.intp))
    return _Part(own, np.arange(len(own), dtype=np.int32), part.nums, processes)


def _behind_another(batches: list[Batch]) -> Batch:
    """Return taken batches as one, although their times may overlap; each row keeps the time before it."""
    joined = concat(batches)
    if len(batches) > 1:
        joined.prior_ns = np.concatenate([batch.prior_ns for batch in batches])
    return joined
