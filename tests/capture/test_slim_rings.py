"""Each CPU's own ring of slim records; the kernel's side is played by memory of the same layout."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
import pytest

from tests.records import make_records
from tuimon.capture import slim_rings as module
from tuimon.capture.ring import RingSet
from tuimon.capture.slim_rings import SlimRing, slim_ring_bytes
from tuimon.records import SizeClass, record_dtype

CPUS = 3
BYTES = 4096
ROOM = BYTES // 64
LATE = 1 << 62


class Cpu:
    """What writes one of the rings."""

    def __init__(self, memory: mmap.mmap, cpu: int) -> None:
        self.ring = SlimRing(memory, BYTES, cpu, CPUS)
        self._positions = np.ndarray((2,), "<u8", memory, cpu * 128, strides=(64,))
        self._records = np.ndarray((ROOM,), record_dtype(SizeClass.SLIM), memory, CPUS * 128 + cpu * BYTES)

    def put(self, *times_ns: int) -> int:
        """Write records as the kernel would; return how many found room."""
        done = 0
        for ts_ns in times_ns:
            written, read = map(int, self._positions)
            if written - read >= BYTES:
                break
            self._records[written % BYTES // 64] = make_records(SizeClass.SLIM, [(ts_ns, [])])[0]
            self._positions[0] = written + 64
            done += 1
        return done

    def close(self) -> None:
        self.ring.close()
        del self._positions, self._records


@pytest.fixture
def cpus() -> Iterator[list[Cpu]]:
    memory = mmap.mmap(-1, CPUS * (128 + BYTES) + 64)
    made = [Cpu(memory, cpu) for cpu in range(CPUS)]
    yield made
    for each in made:
        each.close()
    memory.close()


def times(found) -> list[int]:
    return found["head"]["ts_ns"].tolist()


def test_records_are_found_and_their_room_is_given_back(cpus):
    first = cpus[0]
    assert not first.ring.pending()
    assert first.put(*range(ROOM + 5)) == ROOM
    assert first.ring.pending()
    assert first.ring.waiting_bytes == BYTES
    assert times(first.ring.look()) == list(range(ROOM))
    first.ring.consume(10)
    assert first.put(*range(100, 120)) == 10
    assert times(first.ring.look()) == [*range(10, ROOM), *range(100, 110)]
    assert not first.ring.stopped


def test_a_limit_is_kept_where_the_ring_begins_again(cpus):
    first = cpus[0]
    first.put(*range(ROOM))
    first.ring.consume(ROOM - 3)
    first.put(*range(100, 110))
    assert times(first.ring.look(5)) == [ROOM - 3, ROOM - 2, ROOM - 1, 100, 101]
    assert first.ring.stopped
    assert times(first.ring.look(13)) == [ROOM - 3, ROOM - 2, ROOM - 1, *range(100, 110)]
    assert not first.ring.stopped


def test_laps_lose_and_double_nothing(cpus):
    first, seen, put = cpus[0], [], 0
    for portion in (1, ROOM, 7, 63, 40) * 9:
        put += first.put(*range(put, put + portion))
        found = first.ring.look(30)
        seen += times(found)
        first.ring.consume(len(found))
    while first.ring.pending():
        found = first.ring.look()
        seen += times(found)
        first.ring.consume(len(found))
    assert seen == list(range(put))


def test_rings_are_told_in_order_of_time_and_do_not_touch(cpus):
    rings = RingSet([each.ring for each in cpus])
    cpus[0].put(10, 40)
    cpus[1].put(20)
    cpus[2].put(30, LATE)
    assert rings.drain().head["ts_ns"].tolist() == [10, 20, 30, 40]
    assert rings.drain(everything=True).head["ts_ns"].tolist() == [LATE]
    assert not rings.pending()


def test_what_is_held_is_told_first(cpus):
    first = cpus[0]
    first.put(*range(ROOM))
    first.ring.hold()
    assert first.put(*range(100, 103)) == 3
    assert times(first.ring.look()) == [*range(ROOM), 100, 101, 102]


def test_the_size_of_a_ring(monkeypatch):
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    mib = 1 << 20
    assert slim_ring_bytes(32 * mib, 2) == 32 * mib
    assert slim_ring_bytes(32 * mib, 3) == 32 * mib
    assert slim_ring_bytes(32 * mib, 16) == 4 * mib
    assert slim_ring_bytes(64 * 1024, 2) == 64 * 1024
    assert slim_ring_bytes(4096, 16) == mmap.PAGESIZE
    assert slim_ring_bytes(32 * mib, 17) == 0
    monkeypatch.setattr(module.platform, "machine", lambda: "aarch64")
    assert slim_ring_bytes(32 * mib, 2) == 0
