"""The timeline: every event counts once, whatever the width and however long it gets."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ui.fake_engine import fed_engine
from tuimon.history import History
from tuimon.view.timeline import BINS, Timeline, number_at, timeline_of

MS = 1_000_000


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**14), st.integers(0, 10**9), st.integers(1, 1000)), min_size=1, max_size=50),
    st.integers(1, 300),
)
def test_every_event_counts_exactly_once(spans, width):
    timeline = Timeline()
    for first, length, count in sorted(spans):
        timeline.add(10**9 + first, 10**9 + first + length, count)
    columns = timeline.columns(width)
    assert len(columns) == width
    assert int(columns.sum()) == timeline.events == sum(count for _, _, count in spans)


def test_bins_grow_with_the_time_and_keep_their_place():
    timeline = Timeline()
    for second in range(3600):
        timeline.add(second * 1000 * MS, second * 1000 * MS + MS, 1)
    timeline.add(3600 * 1000 * MS, 3600 * 1000 * MS, 0)
    halves = timeline.columns(2)
    assert abs(int(halves[0]) - 1800) <= 1
    assert len(timeline._counts) == BINS


def test_times_and_columns_are_each_others_inverse():
    timeline = Timeline()
    timeline.add(100 * MS, 100 * MS, 1)
    timeline.add(1100 * MS, 1100 * MS, 1)
    assert timeline.span_ns == 1000 * MS
    assert [timeline.column_of(t * MS, 10) for t in (0, 100, 150, 600, 1100, 9999)] == [0, 0, 0, 4, 9, 9]
    assert [timeline.time_at(s) // MS for s in (-1, 0, 0.5, 1, 2)] == [100, 100, 600, 1100, 1100]
    assert timeline.columns(10).tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_an_empty_timeline_has_no_height_and_no_trap():
    timeline = Timeline()
    assert timeline.columns(5).tolist() == [0] * 5
    assert timeline.columns(0).tolist() == []
    assert timeline.column_of(5, 0) == 0
    assert timeline.column_of(5, 10) == 9


def test_the_timeline_of_a_history_has_all_its_events():
    engine = fed_engine(5)
    timeline = timeline_of(engine.history)
    assert timeline.events == len(engine.history)
    assert int(timeline.columns(40).sum()) == timeline.events


def test_the_event_at_a_time():
    history = History()
    assert number_at(history, 5) is None
    batch = fed_engine().batch
    for n in range(3):
        head = batch.head.copy()
        head["ts_ns"] = np.arange(len(head)) * 10 + n * 1000
        history.append(dataclasses.replace(batch, head=head, first_num=1 + n * len(head)))
    size = len(batch)
    assert [number_at(history, t) for t in (0, 1, 10, 500, 1000, 1001)] == [1, 2, 2, size + 1, size + 1, size + 2]
    assert number_at(history, 10**9) == 3 * size


@pytest.mark.parametrize("first", [0, 10**18])
def test_a_batch_from_before_the_first_counts_in_the_first_column(first):
    timeline = Timeline()
    timeline.add(first + 100 * MS, first + 120 * MS, 5)
    timeline.add(first + 50 * MS, first + 60 * MS, 2)
    assert int(timeline.columns(3).sum()) == 7


@pytest.mark.parametrize("first", [0, 10**18])
def test_a_long_batch_counts_where_its_events_are(first):
    """Else a busy hour of large batches looks like stripes."""
    timeline = Timeline()
    times = np.arange(1000, dtype=np.uint64) * np.uint64(60 * MS) + np.uint64(first)
    timeline.add_times(times)
    assert timeline.columns(10).tolist() == pytest.approx([100] * 10, abs=2)
    timeline.add_times(np.array([first + 3600 * 1000 * MS], np.uint64))
    assert timeline.events == 1001
    assert int(timeline.columns(60).sum()) == 1001
    assert int(timeline.columns(60)[-1]) == 1
