"""The programs' exact counters, read from their maps; counter slots of cgroups that are gone are given out anew."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.capture.bpf_calls import delete, update
from tuimon.capture.source import CallCounts, Counts
from tuimon.capture.sources import possible_cpus
from tuimon.records import Kind, SizeClass

CALLS: Final = 512
CPU: Final = np.dtype(
    [
        ("filtered", "<u8"),
        ("process_events", "<u8"),
        ("cgroup_id", "<u8"),
        ("emitted", "<u8"),
        ("slot", "<u4"),
        ("in_view", "<u4"),
        ("lost", "<u4"),
        ("counted", "<u4"),
        ("view_generation", "<u8"),
        ("self_calls", "<u8"),
        ("dropped", "<u8", (len(SizeClass),)),
        ("prefiltered", "<u8"),
        ("of_kind", "<u8", (len(Kind),)),
        ("requests", "<u8"),
    ]
)
"""struct tm_cpu of bpf/maps.h."""
COUNTS: Final = np.dtype(
    [("call", [("calls", "<u8"), ("errors", "<u8")], (CALLS,)), ("dropped", "<u8", (len(SizeClass),)), ("shed", "<u8")]
)
"""struct tm_counts of bpf/maps.h."""
_WORDS: Final = COUNTS.itemsize // 8
SLOTS_MIN: Final = 32
SLOTS_MAX: Final = 512
COUNTS_BYTES: Final = 64 * 1024 * 1024
"""Memory that the counters of all cgroups on all CPUs may take."""
SKIPPED_CGROUPS: Final = 4096
"""Cgroups whose records that were not read are counted apart."""
RECYCLE_AT: Final = 0.75
"""Slots of cgroups that are gone are given out anew when so many are taken."""
RECYCLE_S: Final = 5.0


def default_slots(cpus: int) -> int:
    """Return how many counter slots a machine gets: each costs 8 KB per CPU."""
    return max(SLOTS_MIN, min(SLOTS_MAX, COUNTS_BYTES // (cpus * COUNTS.itemsize)))


def living_cgroups(folder: str | os.PathLike[str]) -> set[int]:
    """Return the ids of all cgroups below a hierarchy's folder: their folders' inode numbers."""
    found = set()
    for path, _, _ in os.walk(folder):
        try:
            found.add(os.stat(path).st_ino)
        except OSError:
            continue
    return found


def no_calls() -> CallCounts:
    """Return counters of nothing."""
    none = np.zeros((0, CALLS), np.uint64)
    return CallCounts(np.zeros(0, np.uint64), none, none.copy(), np.zeros(0, np.uint64))


def counted_bytes(slots: int) -> int:
    """Return the size of the mapped counters of so many slots: struct tm_counted of bpf/maps.h."""
    return 8 * slots + possible_cpus() * slots * COUNTS.itemsize


class Counted:
    """The mapped counters: a slot for each cgroup, on every CPU. The programs write; reading costs no system call.

    Args:
        memory: The mapped map.
        slots: How many there are, the shared one among them.
    """

    def __init__(self, memory: mmap.mmap, slots: int) -> None:
        self.slots = slots
        self.cgroup_ids = np.ndarray((slots,), "<u8", memory)
        """Whose each is, 0 of a free one and of slot 0."""
        self.words = np.ndarray((possible_cpus(), slots, _WORDS), "<u8", memory, offset=8 * slots)
        """COUNTS as plain numbers."""

    def taken(self) -> dict[int, int]:
        """Return slot to cgroup id."""
        ids = self.cgroup_ids.copy()
        return {slot: int(ids[slot]) for slot in np.flatnonzero(ids).tolist()}

    def sums(self, slots: list[int]) -> NDArray[np.uint64]:
        """Return the counters of some slots, summed over the CPUs, shape ``(len(slots), words)``."""
        return self.words[:, slots].sum(axis=0, dtype=np.uint64)  # type: ignore[no-any-return]

    def clear(self, slot: int) -> None:
        """Make a slot nobody's."""
        self.words[:, slot] = 0
        self.cgroup_ids[slot] = 0


class Counters:
    """Reads the counters.

    Args:
        maps: Map name to fd.
        cpus: The mapped ``cpus`` array, shape ``(possible CPUs,)`` of CPU.
        counted: The mapped counters of cgroups.
        living: Returns the ids of the cgroups that exist.
    """

    def __init__(
        self, maps: Mapping[str, int], cpus: NDArray[np.void], counted: Counted, living: Callable[[], set[int]]
    ) -> None:
        self._maps = maps
        self._cpus = cpus
        self._counted = counted
        self._living = living
        self._ended = np.zeros(_WORDS, np.uint64)
        """What cgroups counted whose slots were given out anew; reported with slot 0."""
        self._before: dict[int, int] = {}
        """Slot to its sum of calls at the last look for cgroups that are gone."""
        self._looked_s = 0.0
        self._skipped: dict[int, NDArray[np.int64]] = {}
        """By cgroup id: records that were emitted and not read, by size class."""
        for slot in range(1, counted.slots):
            update(maps["free_slots"], None, _u32(slot))

    def skip(self, size_class: SizeClass, cgroup_ids: NDArray[np.uint64]) -> None:
        """Count records that were emitted and not read as dropped."""
        found, counts = np.unique(cgroup_ids, return_counts=True)
        for cgroup_id, count in zip(found.tolist(), counts.tolist(), strict=True):
            known = cgroup_id if cgroup_id in self._skipped or len(self._skipped) < SKIPPED_CGROUPS else 0
            self._skipped.setdefault(known, np.zeros(len(SizeClass), np.int64))[size_class] += count

    def totals(self) -> Counts:
        """Return the exact totals."""
        cpus = self._cpus.copy()
        calls = self.calls()
        skipped = sum(self._skipped.values(), np.zeros(len(SizeClass), np.int64))
        dropped = cpus["dropped"].sum(axis=0).astype(np.int64) + skipped
        process_events = int(cpus["process_events"].sum())
        return Counts(
            seen=process_events + int(calls.calls.sum()),
            emitted=int(cpus["emitted"].sum()) - int(skipped.sum()),
            filtered=int(cpus["filtered"].sum()),
            dropped=int(dropped.sum()),
            self_calls=int(cpus["self_calls"].sum()),
            prefiltered=int(cpus["prefiltered"].sum()),
            dropped_by_class=tuple(int(n) for n in dropped),
            shed=int(calls.shed.sum()),
            of_kind=tuple(int(n) for n in cpus["of_kind"].sum(axis=0)),
        )

    def calls(self) -> CallCounts:
        """Return the exact counters per cgroup and call."""
        slots = self._counted.taken()
        used = [0, *sorted(slots)]
        sums = self._counted.sums(used)
        sums[0] += self._ended
        values = sums.view(COUNTS)[:, 0]
        row_of = {slots[slot]: row for row, slot in enumerate(used) if slot}
        for cgroup_id, by_class in self._skipped.items():
            values["dropped"][row_of.get(cgroup_id, 0)] += by_class.astype(np.uint64)
        found = CallCounts(
            cgroup_ids=np.array([slots.get(slot, 0) for slot in used], np.uint64),
            calls=values["call"]["calls"].copy(),
            errors=values["call"]["errors"].copy(),
            dropped=values["dropped"].sum(axis=1),
            dropped_by_class=values["dropped"].copy(),
            shed=values["shed"].copy(),
        )
        now = time.monotonic()
        if len(slots) > RECYCLE_AT * self._counted.slots and now - self._looked_s > RECYCLE_S:
            self._looked_s = now
            self._recycle(slots, dict(zip(used, found.calls.sum(axis=1).tolist(), strict=True)))
        return found

    def beat(self, *, own: bool) -> int:
        """Return a number that grows with tuimon's own calls when they are told apart, else with all that is seen."""
        names = ("self_calls",) if own else ("filtered", "emitted", "dropped")
        return sum(int(self._cpus[name].sum()) for name in names)

    def _recycle(self, slots: dict[int, int], sums: dict[int, int]) -> None:
        """Take the slots of cgroups that are gone back, keeping what they counted.

        A removed cgroup has no tasks, so nothing counts in its slot any more. That it is not among the living is not
        enough where only a part of the hierarchy can be seen: its counters must have stood still as well.
        """
        living = self._living()
        still = {slot for slot in slots if sums[slot] == self._before.get(slot)}
        self._before = sums
        for slot in still:
            if slots[slot] in living:
                continue
            delete(self._maps["slots"], slots[slot].to_bytes(8, "little"))
            self._ended += self._counted.sums([slot])[0]
            self._counted.clear(slot)
            update(self._maps["free_slots"], None, _u32(slot))
            del self._before[slot]


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")
