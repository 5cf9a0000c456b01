"""Rings of slim records, one for each CPU, written without a lock; read like the shared ones.

struct tm_slims of bpf/maps.h: for each CPU how far it was written and read, then the records of all CPUs, which have
no header and are never busy: "written" is moved on when a record is whole. That the reader sees both stores in this
order is what x86-64 promises; elsewhere, and on machines of many CPUs, which would need much memory, slim records share
a ring.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import joined
from tuimon.capture.ring import Ring
from tuimon.capture.sources import possible_cpus
from tuimon.records import SizeClass, record_dtype

MOST_CPUS: Final = 16
SHARED_BYTES: Final = 1 << 20
"""Of the shared ring where each CPU has its own: what is told of io_uring still goes there."""
_POSITIONS: Final = 128
"""sizeof(struct tm_slim_ring)."""
_READ_AT: Final = 64
_RECORD: Final = 64


def slim_ring_bytes(shared: int, cpus: int) -> int:
    """Return the bytes of each CPU's ring, 0 where they share one.

    A CPU cannot use the room of another, so that together they get twice as much as one that all would share; it is
    mapped once, the shared ones are mapped twice.

    Args:
        shared: Of the ring that they would share.
        cpus: How many there may be.
    """
    if platform.machine() != "x86_64" or cpus > MOST_CPUS:
        return 0
    return 1 << (max(-(-2 * shared // cpus), mmap.PAGESIZE) - 1).bit_length()


def slims_bytes(ring_bytes: int) -> int:
    """Return the size of struct tm_slims."""
    cpus = possible_cpus()
    return cpus * (_POSITIONS + ring_bytes) + _RECORD


def slim_rings(mapped: mmap.mmap, ring_bytes: int) -> list[Ring]:
    """Return the rings of all CPUs, which lie in a mapped struct tm_slims."""
    return [SlimRing(mapped, ring_bytes, cpu, possible_cpus()) for cpu in range(possible_cpus())]


class SlimRing(Ring):
    """One CPU's ring.

    Args:
        mapped: A struct tm_slims; stays open when the ring is closed.
        ring_bytes: Of each ring.
        cpu: Whose ring it is.
        cpus: How many there are.
    """

    def __init__(self, mapped: mmap.mmap, ring_bytes: int, cpu: int, cpus: int) -> None:
        self.size_class = SizeClass.SLIM
        self.size_bytes = ring_bytes
        self.dtype = record_dtype(SizeClass.SLIM)
        self.stopped = False
        self._mask = ring_bytes - 1
        self._consumed = ctypes.c_uint64.from_buffer(mapped, cpu * _POSITIONS + _READ_AT)
        self._produced = np.ndarray((1,), "<u8", mapped, cpu * _POSITIONS)
        self._position = int(self._consumed.value)
        self._held, self._held_bytes = np.empty(0, self.dtype), 0
        at = cpus * _POSITIONS + cpu * ring_bytes
        self._records = np.ndarray((ring_bytes // _RECORD,), self.dtype, mapped, at)

    def _written(self, most: int | None = None) -> NDArray[np.void]:
        """Return the records that lie in the ring; copied where they go on at its beginning."""
        count = (int(self._produced[0]) - self._position) // _RECORD
        self.stopped = most is not None and count > most
        count = min(count, most) if most is not None else count
        at = (self._position & self._mask) // _RECORD
        first = self._records[at : at + count]
        return first if len(first) == count else joined([first, self._records[: count - len(first)]], self.dtype)

    def close(self) -> None:
        """Let go of the memory."""
        del self._consumed, self._produced, self._records
