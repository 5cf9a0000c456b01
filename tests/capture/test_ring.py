"""Mapped rings: records found, busy and discarded ones handled, several rings merged in order of time.

The kernel's side is played by a memory file of the same layout: consumer page, producer page, data twice in a row.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records import make_records
from tuimon.capture import ring as ring_module
from tuimon.capture.ring import BUSY, DISCARD, Ring, RingSet
from tuimon.records import SizeClass, record_dtype

PAGE = mmap.PAGESIZE
LATE = 1 << 62
"""A time that no clock of the machine reaches."""


class FakeRing:
    """The producer of one ring."""

    def __init__(self, size_class: SizeClass, pages: int = 1, start: int = 0) -> None:
        self.size = pages * PAGE
        self.size_class = size_class
        self.dtype = record_dtype(size_class, ring_header=True)
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * PAGE + 2 * self.size)
        self.memory = mmap.mmap(self.fd, 2 * PAGE + 2 * self.size)
        self.positions = np.ndarray((2,), "<u8", self.memory, strides=(PAGE,))
        self.positions[:] = start
        self.ring = Ring(self.fd, self.size, size_class)

    def put(self, ts_ns: int, bits: int = 0, text: bytes = b"") -> bool:
        """Write one record as the kernel would; False when the ring is full."""
        if int(self.positions[1] - self.positions[0]) + self.dtype.itemsize > self.size:
            return False
        record = np.zeros(1, self.dtype)
        body = make_records(self.size_class, [(ts_ns, [text] if text else [])])
        record["len"] = (self.dtype.itemsize - 8) | bits
        for name in body.dtype.names or ():
            record[name] = body[name]
        data = record.tobytes()
        at = int(self.positions[1]) & (self.size - 1)
        for i, byte in enumerate(data):
            place = 2 * PAGE + (at + i) % self.size
            self.memory[place] = self.memory[place + self.size] = byte
        self.positions[1] += self.dtype.itemsize
        return True

    def set_bits(self, index: int, bits: int) -> None:
        """Change the header of the ``index``-th record that is not consumed."""
        at = (int(self.positions[0]) + index * self.dtype.itemsize) & (self.size - 1)
        for copy in (0, self.size):
            np.ndarray((1,), "<u4", self.memory, offset=2 * PAGE + at + copy)[0] = (self.dtype.itemsize - 8) | bits

    def close(self) -> None:
        self.ring.close()
        del self.positions
        self.memory.close()
        os.close(self.fd)


@pytest.fixture
def slim() -> Iterator[FakeRing]:
    made = FakeRing(SizeClass.SLIM)
    yield made
    made.close()


@pytest.fixture
def short() -> Iterator[FakeRing]:
    made = FakeRing(SizeClass.SHORT)
    yield made
    made.close()


def times(rings: RingSet, *, everything: bool = False, limit: int | None = None) -> list[int]:
    return rings.drain(everything=everything, limit=limit).head["ts_ns"].tolist()


def test_an_empty_ring_gives_an_empty_batch(slim: FakeRing) -> None:
    assert times(RingSet([slim.ring])) == []
    assert not slim.ring.pending()


def test_two_rings_merge_by_time_with_their_text(slim: FakeRing, short: FakeRing) -> None:
    for ts in (10, 30):
        slim.put(ts)
    for ts in (20, 40):
        short.put(ts, text=b"/t%d" % ts)
    batch = RingSet([slim.ring, short.ring]).drain()
    assert batch.head["ts_ns"].tolist() == [10, 20, 30, 40]
    assert [batch.slots(i)[0] for i in range(4)] == [b"", b"/t20", b"", b"/t40"]


def test_room_is_given_back_and_records_may_wrap(slim: FakeRing) -> None:
    """Far more records than the ring holds, one wrapping its end now and then, and none of them lost or torn."""
    rings, seen, ts = RingSet([slim.ring]), [], 0
    for _ in range(20):
        while slim.put(ts):
            ts += 1
        seen += times(rings)
    assert ts > 10 * slim.size // slim.dtype.itemsize
    assert seen == list(range(ts))


def test_positions_need_not_begin_at_zero() -> None:
    made = FakeRing(SizeClass.SLIM, start=72 * 1000)
    made.put(5)
    assert times(RingSet([made.ring])) == [5]
    made.close()


def test_a_busy_record_stops_its_ring_until_it_is_done(slim: FakeRing) -> None:
    for ts, bits in ((1, 0), (2, BUSY), (3, 0)):
        slim.put(ts, bits)
    rings = RingSet([slim.ring])
    assert times(rings) == [1]
    assert times(rings) == []
    slim.set_bits(0, 0)
    assert times(rings) == [2, 3]


def test_a_busy_record_holds_later_ones_of_other_rings_back(slim: FakeRing, short: FakeRing) -> None:
    """Its time is not known yet: it may come before them."""
    for ts, bits in ((10, 0), (20, BUSY)):
        slim.put(ts, bits)
    for ts in (5, 30):
        short.put(ts)
    rings = RingSet([slim.ring, short.ring])
    assert times(rings) == [5, 10]
    slim.set_bits(0, 0)
    assert times(rings) == [20, 30]


def test_discarded_records_are_left_out(slim: FakeRing) -> None:
    for ts, bits in ((1, 0), (2, DISCARD), (3, 0)):
        slim.put(ts, bits)
    rings = RingSet([slim.ring])
    assert times(rings) == [1, 3]
    assert not slim.ring.pending()


def test_the_youngest_records_wait_for_their_neighbours(
    slim: FakeRing, short: FakeRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record of another ring that is a little older may be written a little later."""
    monkeypatch.setattr(ring_module, "SLACK_NS", 100)
    monkeypatch.setattr(ring_module.time, "clock_gettime_ns", lambda _clock: 1000)
    slim.put(890)
    slim.put(950)
    rings = RingSet([slim.ring, short.ring])
    assert times(rings) == [890]
    short.put(940)
    assert times(rings, everything=True) == [940, 950]


def test_a_record_out_of_order_in_its_ring_holds_others_back(slim: FakeRing, short: FakeRing) -> None:
    """Two CPUs reserve in one order and read the clock in the other: what waits behind a late record counts too."""
    slim.put(LATE)
    slim.put(15)
    short.put(10)
    short.put(20)
    assert times(RingSet([slim.ring, short.ring])) == [10]


def test_a_limited_drain_takes_the_oldest_of_all_rings(slim: FakeRing, short: FakeRing) -> None:
    for ts in range(10):
        slim.put(10 * ts)
    for ts in (5, 25, 95):
        short.put(ts)
    rings = RingSet([slim.ring, short.ring])
    assert times(rings, limit=3) == [0, 5, 10, 20]
    assert times(rings, limit=100) == [25, 30, 40, 50, 60, 70, 80, 90, 95]


def test_a_limited_drain_looks_no_further_than_it_must(slim: FakeRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "LOOK_AHEAD", 2)
    for ts in range(10):
        slim.put(ts)
    assert len(slim.ring.look(5)) == 5
    assert slim.ring.stopped
    rings = RingSet([slim.ring])
    assert times(rings, limit=3) == [0, 1, 2]
    assert times(rings) == [3, 4, 5, 6, 7, 8, 9]


def test_the_reserved_rings_have_room_again_while_a_flood_is_worked_off(slim: FakeRing) -> None:
    """A drain that does not take all of a flood leaves nothing of an exec's records in the kernel, and tells them in
    their time."""
    reserved = FakeRing(SizeClass.PROC_SHORT)
    rings = RingSet([slim.ring, reserved.ring])
    try:
        told, put, ts = [], 0, 0
        for ts in range(0, 50, 2):
            assert slim.put(ts)
        for _ in range(4):
            while reserved.put(ts := ts + 2):
                put += 1
            ts -= 2
            told += times(rings, limit=2)
        assert put == 4 * (reserved.size // reserved.dtype.itemsize)
        assert told == [0, 2, 4, 6, 8, 10, 12, 14]
        assert reserved.ring.waiting_bytes == put * reserved.dtype.itemsize
        told += times(rings)
        assert told == sorted(told)
        assert len(told) == 25 + put
        assert not reserved.ring.pending()
    finally:
        reserved.close()


def test_memory_of_what_was_held_is_given_back() -> None:
    """A slice of an array keeps all of it: a flood's memory would stay for good."""
    reserved = FakeRing(SizeClass.PROC_SHORT, pages=4)
    try:
        while reserved.put(1):
            pass
        reserved.ring.hold()
        held = len(reserved.ring.look())
        reserved.ring.consume(held - 2)
        assert reserved.ring._held.base is None or reserved.ring._held.base.nbytes == 2 * reserved.dtype.itemsize
        reserved.ring.consume(2)
        assert reserved.ring._held.base is None or reserved.ring._held.base.nbytes == 0
        assert not reserved.ring.pending()
    finally:
        reserved.close()


def test_a_backlog_gives_way_to_reserved_records_that_have_no_more_room(
    slim: FakeRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was skipped is told, so that it can be counted as lost; order of time is kept."""
    reserved = FakeRing(SizeClass.PROC_SHORT)
    monkeypatch.setattr(ring_module, "HELD_BYTES", 8 * reserved.dtype.itemsize)
    skipped: list[tuple[SizeClass, int]] = []
    rings = RingSet([slim.ring, reserved.ring], lambda size_class, ids: skipped.append((size_class, len(ids))))
    try:
        for ts in range(40):
            slim.put(ts)
        for ts in range(30, 36):
            reserved.put(ts)
        assert times(rings, limit=2) == [0, 1]
        assert skipped == []
        told = times(rings, limit=2)
        assert skipped == [(SizeClass.SLIM, 28)]
        assert told == [30, 30, 31, 31]
        rest = times(rings) + times(rings)
        assert rest == sorted([*range(32, 40), *range(32, 36)])
    finally:
        reserved.close()


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    reserved = FakeRing(SizeClass.PROC_SHORT)
    monkeypatch.setattr(ring_module, "HELD_BYTES", 3 * reserved.dtype.itemsize)
    try:
        for ts in range(6):
            reserved.put(ts)
        reserved.ring.hold()
        reserved.ring.hold()
        assert int(reserved.positions[0]) == 3 * reserved.dtype.itemsize
        rings = RingSet([reserved.ring])
        assert times(rings) == [0, 1, 2]
        assert times(rings) == [3, 4, 5]
    finally:
        reserved.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 40), st.sampled_from(["put", "put", "busy", "drain", "limit", "finish"])
        ),
        max_size=80,
    )
)
def test_nothing_is_lost_doubled_or_taken_out_of_order(steps: list[tuple[int, int, str]]) -> None:
    """Whatever the kernel does between drains: each record once, and drains never go back in time further than the
    records did inside their own ring."""
    classes = ((SizeClass.SLIM, 2), (SizeClass.SHORT, 8), (SizeClass.PROC_SHORT, 2))
    fakes = [FakeRing(size_class, pages=pages) for size_class, pages in classes]
    rings, clock, put, got, busy = RingSet([f.ring for f in fakes]), 0, [], [], [0, 0, 0]
    try:
        for which, step, action in steps:
            clock += step
            fake = fakes[which]
            if action in ("put", "busy"):
                if fake.put(clock, BUSY if action == "busy" else 0):
                    put.append(clock)
                    busy[which] += action == "busy"
            elif action in ("drain", "limit"):
                got += times(rings, limit=1 + step % 3 if action == "limit" else None)
            else:
                waiting = int(fake.positions[1] - fake.positions[0]) // fake.dtype.itemsize
                for index in range(waiting):
                    fake.set_bits(index, 0)
        for fake in fakes:
            for index in range(int(fake.positions[1] - fake.positions[0]) // fake.dtype.itemsize):
                fake.set_bits(index, 0)
        got += times(rings, everything=True)
        assert got == sorted(put)
    finally:
        for fake in fakes:
            fake.close()
