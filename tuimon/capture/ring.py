"""BPF ring buffers mapped into the process and read as numpy arrays, several of them merged by time.

Layout and protocol follow the kernel's Documentation/bpf/ringbuf.rst and kernel/bpf/ringbuf.c: one page with the
consumer's position (ours to write), one with the producer's, then the data, mapped twice in a row so that a record
never wraps. Each record has an 8-byte header whose first word is its length with a busy bit (still being written) and a
discard bit. A ring of ours holds records of one length only, so a run of them is one structured array.
"""

from __future__ import annotations

import ctypes
import mmap
import time
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, empty_batch, from_records, joined
from tuimon.records import SizeClass, record_dtype

BUSY: Final = 1 << 31
DISCARD: Final = 1 << 30
SLACK_NS: Final = 300_000
"""A record's time is taken just before its room is reserved; what is younger than this waits for the next drain, so
that a record in between is not overtaken by a later one of another ring."""

LOOK_AHEAD: Final = 1024
"""Records behind a limit that are looked at as well: one of another CPU may be a little older than its neighbours."""
HELD_BYTES: Final = 64 << 20
"""What may be held of one ring in our own memory, so that the kernel has its room back."""

_PAGE: Final = mmap.PAGESIZE


class Ring:
    """One mapped ring.

    Args:
        map_fd: Of a BPF_MAP_TYPE_RINGBUF.
        data_bytes: Its size, a power of two.
        size_class: What its records look like.
    """

    def __init__(self, map_fd: int, data_bytes: int, size_class: SizeClass) -> None:
        self.size_class = size_class
        self.size_bytes = data_bytes
        self.dtype = record_dtype(size_class, ring_header=True)
        self._mask = data_bytes - 1
        self._ours = mmap.mmap(map_fd, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self._theirs = mmap.mmap(map_fd, _PAGE + 2 * data_bytes, mmap.MAP_SHARED, mmap.PROT_READ, offset=_PAGE)
        self._consumed = ctypes.c_uint64.from_buffer(self._ours)
        self._produced = np.ndarray((1,), "<u8", self._theirs)
        self._position = int(self._consumed.value)
        self._held = np.empty(0, self.dtype)
        self._held_bytes = 0
        """What the memory behind ``_held`` takes."""
        self.stopped = False
        """Whether the last look ended before the last record: at a busy one, or at its limit."""

    def pending(self) -> bool:
        """Whether anything is there to look at."""
        return self._held_bytes > 0 or int(self._produced[0]) != self._position

    @property
    def waiting_bytes(self) -> int:
        """Bytes that were not consumed yet, in the ring and held; any thread, as of about now."""
        return max(int(self._produced[0]) - self._position, 0) + self._held.nbytes

    def look(self, most: int | None = None) -> NDArray[np.void]:
        """Return the finished records up to the first busy one.

        Args:
            most: No more than so many.

        Returns:
            A view, valid until they are consumed or held.
        """
        if not len(self._held):
            return self._written(most)
        self.hold()
        if most is None or len(self._held) <= most:
            return self._held
        self.stopped = True
        return self._held[:most]

    def _written(self, most: int | None = None) -> NDArray[np.void]:
        """Return the finished records that lie in the ring."""
        count = (int(self._produced[0]) - self._position) // self.dtype.itemsize
        self.stopped = most is not None and count > most
        at = _PAGE + (self._position & self._mask)
        records = np.ndarray((min(count, most) if most is not None else count,), self.dtype, self._theirs, offset=at)
        busy = records["len"] >= BUSY
        if not busy.any():
            return records
        self.stopped = True
        return records[: int(busy.argmax())]

    def hold(self) -> None:
        """Take the finished records into our own memory, as far as they may: the kernel has their room back."""
        records = self._written()
        room = max(HELD_BYTES - self._held.nbytes, 0) // self.dtype.itemsize
        self.stopped |= len(records) > room
        records = records[:room]
        if len(records):
            self._keep(joined([self._held, records], self.dtype))
            self._give_back(len(records))

    @property
    def is_pressed(self) -> bool:
        """Whether half of what may be held is held."""
        return 2 * self._held.nbytes >= HELD_BYTES

    def consume(self, count: int) -> None:
        """Be done with the first ``count`` records of the last look; views of them are no longer valid."""
        if not len(self._held):
            self._give_back(count)
            return
        self._held = self._held[count:]
        if 2 * len(self._held) < self._held_bytes // self.dtype.itemsize:
            self._keep(joined([self._held], self.dtype))  # a slice would keep the memory of what was before it

    def _keep(self, held: NDArray[np.void]) -> None:
        self._held, self._held_bytes = held, held.nbytes

    def _give_back(self, count: int) -> None:
        self._position += count * self.dtype.itemsize
        self._consumed.value = self._position

    def close(self) -> None:
        """Unmap; what was looked at is no longer valid."""
        del self._consumed, self._produced
        self._ours.close()
        self._theirs.close()


def _ignore(_size_class: SizeClass, _cgroup_ids: NDArray[np.uint64]) -> None:
    """Do nothing."""


class RingSet:
    """All rings of a source, drained together.

    Args:
        rings: The rings.
        skipped: Told of records that were not read, for the reserved ones behind them had no more room: their class,
            and (n,) the cgroup of each.
    """

    def __init__(self, rings: list[Ring], skipped: Callable[[SizeClass, NDArray[np.uint64]], None] = _ignore) -> None:
        self.rings = rings
        self._skipped = skipped
        self.lag_s = 0.0
        """How old the youngest record of the last drain was, when that left some behind for its limit; else 0."""

    def pending(self) -> bool:
        """Whether any ring has something to look at."""
        for ring in self.rings:  # noqa: SIM110 - a generator takes as long again
            if ring.pending():
                return True
        return False

    def drain(self, *, everything: bool = False, limit: int | None = None) -> Batch:
        """Return what is there, in order of time, and make room.

        Args:
            everything: Take the youngest records too; only right when nothing is written any more.
            limit: Take about this many of each ring at most, the oldest. What the reserved rings hold beyond that is
                taken out of them too and kept for the next drain, so that they have room however long this one takes
                to work off.
        """
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        cut, self.lag_s = (1 << 63) if everything else now_ns - SLACK_NS, 0.0
        if limit is not None:
            self._give_way(limit)
        most = None if limit is None else limit + LOOK_AHEAD
        found = [(ring, ring.look(most)) for ring in self.rings if ring.pending()]
        if not found:
            return empty_batch()
        limited = False
        for _, records in found:
            if limit is not None and len(records) > limit:
                cut, limited = min(cut, int(records["head"]["ts_ns"][limit - 1])), True
        counts = _ready(found, cut)
        parts = [
            (ring.size_class, _without_discarded(records[:n]))
            for (ring, records), n in zip(found, counts, strict=True)
            if n
        ]
        batch = from_records(parts)
        for (ring, _), n in zip(found, counts, strict=True):
            if n:
                ring.consume(n)
        if limited:
            self.lag_s = (now_ns - cut) / 1e9
            for ring in self.rings:
                if ring.size_class >= SizeClass.PROC_SHORT:
                    ring.hold()
        return batch

    def _give_way(self, limit: int) -> None:
        """Skip ordinary records that reserved ones wait behind, when what is held of these comes near its bound.

        Told in order of time, an exec waits for every open before it; where that takes too long, the opens are lost.
        """
        pressed = [ring for ring in self.rings if ring.size_class >= SizeClass.PROC_SHORT and ring.is_pressed]
        if not pressed:
            return
        heads = [ring.look(limit)["head"]["ts_ns"] for ring in pressed]
        cut = min(int(ts[-1]) for ts in heads if len(ts))
        for ring in self.rings:
            if ring.size_class < SizeClass.PROC_SHORT and ring.pending():
                records = ring.look()
                surplus = _prefix(records["head"]["ts_ns"], cut) - limit
                if surplus > 0:
                    told = _without_discarded(records[:surplus])
                    self._skipped(ring.size_class, told["head"]["cgroup_id"].copy())
                    ring.consume(surplus)

    @property
    def fill(self) -> float:
        """Share of the fullest of the ordinary rings that is taken, 0 to 1."""
        return max(
            (r.waiting_bytes / r.size_bytes for r in self.rings if r.size_class < SizeClass.PROC_SHORT), default=0.0
        )

    def close(self) -> None:
        """Unmap all rings."""
        for ring in self.rings:
            ring.close()
        self.rings.clear()


def _without_discarded(records: NDArray[np.void]) -> NDArray[np.void]:
    if "len" not in (records.dtype.names or ()):
        return records
    discarded = records["len"] & DISCARD
    return records[discarded == 0] if discarded.any() else records


def _ready(found: list[tuple[Ring, NDArray[np.void]]], cut: int) -> list[int]:
    """Return how many records of each ring can be taken so that no record left behind is older than one taken.

    A ring that was not looked at to its end, for a busy record or a limit, holds everything later back: its next record
    may be of any time after the last one seen.
    """
    times = []
    for ring, records in found:
        ts = records["head"]["ts_ns"]
        times.append(ts)
        if ring.stopped:
            cut = min(cut, int(ts[-1]) if len(ts) else 0)
    while True:
        counts = [_prefix(ts, cut) for ts in times]
        behind = min((int(ts[n:].min()) for ts, n in zip(times, counts, strict=True) if n < len(ts)), default=cut + 1)
        if behind > cut:
            return counts
        cut = behind - 1


def _prefix(ts: NDArray[np.uint64], cut: int) -> int:
    """Return how many leading values are not above ``cut``."""
    late = ts > np.uint64(max(cut, 0))
    return int(late.argmax()) if late.any() else len(ts)
