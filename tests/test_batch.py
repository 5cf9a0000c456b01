"""Batches: merged by time, cut and joined without changing a byte."""

import numpy as np
import pytest

from tests.records import make_records
from tuimon.batch import Batch, concat, empty_batch, from_records, number, pieces, rows_of, single, take
from tuimon.records import SizeClass, Slot


def mixed() -> Batch:
    """Five events of three classes whose times interleave."""
    return from_records(
        [
            (SizeClass.SLIM, make_records(SizeClass.SLIM, [(10, []), (40, [])])),
            (SizeClass.SHORT, make_records(SizeClass.SHORT, [(20, [b"/etc/passwd"]), (50, [b"x", b"/base"])])),
            (SizeClass.PROC_SHORT, make_records(SizeClass.PROC_SHORT, [(30, [b"prog", b"/", b"/bin/prog"])])),
        ]
    )


def contents(batch: Batch) -> list[tuple[int, list[bytes], int | None]]:
    rows = []
    for row in range(len(batch)):
        proc = batch.proc_of(row)
        rows.append((int(batch.head["ts_ns"][row]), batch.slots(row), None if proc is None else int(proc["pid"])))
    return rows


def test_events_of_all_rings_come_out_in_order_of_time_with_their_text() -> None:
    batch = mixed()
    assert batch.head["ts_ns"].tolist() == [10, 20, 30, 40, 50]
    assert batch.slot(1, Slot.GIVEN) == b"/etc/passwd"
    assert batch.slot(4, Slot.BASE) == b"/base"
    assert batch.slot(2, Slot.REAL) == b"/bin/prog"
    assert batch.slot(0, Slot.GIVEN) == b""
    assert batch.proc_row.tolist() == [2]
    assert batch.proc_of(2) is not None
    assert batch.proc_of(1) is None


def test_a_text_length_beyond_the_record_is_cut_to_it() -> None:
    records = make_records(SizeClass.SHORT, [(1, [b"abc"])])
    records["ext"]["text_len"] = 60_000
    batch = from_records([(SizeClass.SHORT, records)])
    assert len(batch.arena) == 128


def test_taking_rows_keeps_their_text_and_process() -> None:
    batch = mixed()
    rows = np.array([1, 2, 4])
    assert contents(take(batch, rows)) == [contents(batch)[row] for row in rows]


def test_a_single_event_keeps_its_number() -> None:
    batch = mixed()
    batch.first_num = 100
    alone = single(batch, 3)
    assert len(alone) == 1
    assert alone.first_num == 103


@pytest.mark.parametrize("cut", range(6))
def test_joining_what_was_cut_gives_the_same_batch(cut: int) -> None:
    batch = mixed()
    parts = [take(batch, np.arange(cut)), take(batch, np.arange(cut, len(batch)))]
    assert contents(concat(parts)) == contents(batch)


def test_nothing_joined_is_an_empty_batch() -> None:
    assert len(concat([])) == 0
    assert len(concat([empty_batch()])) == 0
    assert len(from_records([])) == 0


def test_pieces_of_a_large_batch_are_its_events_in_order() -> None:
    records = make_records(SizeClass.SHORT, [(100 + i, [b"/a%d" % (i % 7)]) for i in range(1000)])
    batch = from_records([(SizeClass.SHORT, records)])
    number(batch, 11, 5, 90)
    assert pieces(batch, 600) == [batch]
    parts = pieces(batch, 300)
    assert [len(part) for part in parts] == [300, 300, 300, 100]
    assert [part.first_num for part in parts] == [11, 311, 611, 911]
    for part in parts:
        for row in (0, len(part) - 1):
            at = part.first_num - 11 + row
            assert part.slots(row) == batch.slots(at)
            assert part.previous_ns(row) == batch.previous_ns(at)
            assert part.head["ts_ns"][row] == batch.head["ts_ns"][at]
            assert part.run_ns == 5


@pytest.mark.parametrize(("begin", "end"), [(0, 5), (1, 4), (2, 3), (3, 5), (5, 5)])
@pytest.mark.parametrize("taken", [False, True])
def test_rows_without_copying_tell_what_the_whole_tells_of_them(begin: int, end: int, taken: bool) -> None:
    """What goes by row goes with the rows: times before, process descriptions, and what was worked out of the whole."""
    whole = mixed()
    number(whole, 101, 3, 7)
    if taken:
        whole = take(whole, np.arange(5))
    whole.notes = "of the whole, by row"
    part = rows_of(whole, begin, end)
    assert part.notes is None
    assert part.first_num == whole.first_num + begin
    assert contents(part) == contents(whole)[begin:end]
    assert [part.previous_ns(row) for row in range(len(part))] == [whole.previous_ns(row) for row in range(begin, end)]
    assert len(part) == 0 or np.shares_memory(part.head, whole.head)
