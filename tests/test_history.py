"""History: bounded in bytes, found by number."""

import numpy as np

from tests.records import make_records
from tuimon.batch import Batch, from_records
from tuimon.history import JOINED_ROWS, History
from tuimon.records import SizeClass


def batch_of(count: int, first_num: int) -> Batch:
    batch = from_records([(SizeClass.SLIM, make_records(SizeClass.SLIM, [(i, []) for i in range(count)]))])
    batch.first_num = first_num
    batch.process_at = np.zeros(count, np.int32)
    return batch


def test_the_oldest_batches_go_when_the_bound_is_reached() -> None:
    history = History(max_bytes=100_000)
    for i in range(50):
        history.append(batch_of(100, 1 + i * 100))
    assert history.nbytes <= 100_000
    assert history.evicted + len(history) == 5000
    assert history.first_num == history.evicted + 1
    assert history.last_num == 5000


def test_what_is_held_beside_the_columns_counts_against_the_bound_up_to_half_of_it() -> None:
    """A machine that starts programs all the time would otherwise hold their descriptions without a bound."""
    history = History(max_bytes=100_000)
    for i in range(50):
        history.append(batch_of(100, 1 + i * 100), 30_000)
    assert history.nbytes <= 70_000
    for i in range(50, 100):
        history.append(batch_of(100, 1 + i * 100), 10_000_000)
    assert 30_000 < history.nbytes <= 50_000
    assert history.nbytes + history.beside_bytes <= 100_000


def test_a_batch_larger_than_the_bound_is_kept_alone() -> None:
    history = History(max_bytes=10)
    history.append(batch_of(10, 1))
    history.append(batch_of(10, 11))
    assert history.first_num == 11
    assert len(history) == 10


def test_an_event_is_found_by_its_number_while_it_is_kept() -> None:
    history = History(max_bytes=100_000)
    for i in range(50):
        history.append(batch_of(100, 1 + i * 100))
    assert history.find(history.first_num - 1) is None
    assert history.find(5001) is None
    found = history.find(4321)
    assert found is not None
    batch, row = found
    assert batch.first_num + row == 4321


def test_what_a_reader_holds_does_not_change() -> None:
    history = History(max_bytes=100_000)
    history.append(batch_of(5, 1))
    held = history.batches()
    history.append(batch_of(5, 6))
    assert len(held) == 1
    assert len(history.batches()) == 2


def test_small_batches_are_joined_and_it_is_told_where_their_events_went() -> None:
    history = History()
    gone: dict[int, Batch] = {}
    held = []
    for i in range(100):
        held.append(batch_of(10, 1 + i * 10))
        history.append(held[-1])
        for old, new in history.join():
            gone[id(old)] = new
    assert len(history.batches()) < 10
    assert len(history) == 1000
    assert sum(map(len, history.batches())) == 1000
    for old in held:
        at = old
        while id(at) in gone:
            at = gone[id(at)]
        found = history.find(old.first_num)
        assert found is not None
        assert found[0] is at
        assert found[0].head["ts_ns"][found[1]] == old.head["ts_ns"][0]
    assert history.nbytes >= sum(batch.nbytes for batch in history.batches())


def test_large_batches_are_not_joined() -> None:
    history = History()
    for i in range(3):
        history.append(batch_of(JOINED_ROWS, 1 + i * JOINED_ROWS))
        assert history.join() == []
    assert len(history.batches()) == 3


def test_a_batch_is_replaced_by_another_with_the_same_events() -> None:
    history = History()
    old, new = batch_of(10, 1), batch_of(10, 1)
    history.append(old)
    held = history.batches()
    assert history.replace(old, new)
    assert history.batches()[0] is new
    assert held[0] is old
    assert not history.replace(old, new)
