"""The list behind the live pane: a view equals filter-then-list, places are kept, a pause keeps its rows."""

import dataclasses
import threading
import time
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.batch import Batch, empty_batch
from tuimon.history import History
from tuimon.records import HEAD
from tuimon.view import scan, scan_thread
from tuimon.view.live_view import LiveView
from tuimon.view.scan import SLICE_ROWS, Chosen
from tuimon.view.scan_thread import ScanThread


def batch(first_num, numbers, cgroups=None):
    """Events whose system call number and cgroup are given."""
    head = np.zeros(len(numbers), HEAD)
    head["nr"] = numbers
    head["cgroup_id"] = cgroups if cgroups is not None else 1
    head["ts_ns"] = np.arange(len(numbers)) + first_num
    return dataclasses.replace(
        empty_batch(),
        head=head,
        ext_at=np.full(len(numbers), -1, np.int32),
        process_at=np.full(len(numbers), -1, np.int32),
        first_num=first_num,
    )


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def synced(view):
    view.sync()
    return view


class NrFilter:
    """Keeps one system call number."""

    def __init__(self, nr, text=""):
        self.nr, self.text, self.judged = nr, text, []

    def rows(self, batch: Batch):
        self.judged.append((batch.first_num, len(batch)))
        return np.flatnonzero(batch.head["nr"] == self.nr)


def drain(view):
    while view.scan(1.0):
        pass
    view.sync()


def numbers(view):
    return [view.num(seq) for seq in range(view.first, view.end)]


def test_everything_is_shown_without_a_query():
    history = History()
    view = LiveView(history)
    history.append(batch(1, [0] * 5))
    view.sync()
    assert numbers(view) == [1, 2, 3, 4, 5]
    assert view.hidden == 0
    assert not view.filtered


def test_a_row_leads_to_its_event():
    history = History()
    view = LiveView(history)
    history.append(batch(1, [7, 8]))
    history.append(batch(3, [9]))
    view.sync()
    found, row = view.find(view.end - 1)
    assert found.head["nr"][row] == 9
    assert view.find(view.end) is None


def test_a_filter_is_judged_newest_first_and_says_what_it_hides(monkeypatch):
    monkeypatch.setattr(scan, "SLICE_ROWS", 100)
    history = History()
    for number in range(10):
        history.append(batch(1 + number * 100, [number % 2] * 100))
    view = LiveView(history)
    wanted = NrFilter(1)
    view.show(wanted, None)
    view.scan(0)
    assert wanted.judged[0] == (901, 100)
    drain(view)
    assert len(view) == 500
    assert view.hidden == 500
    assert view.progress == 1.0


def test_batches_are_judged_whole_and_a_few_at_a_time():
    history = History()
    for number in range(6):
        history.append(batch(1 + number * (SLICE_ROWS // 2), [3] * (SLICE_ROWS // 2)))
    view = LiveView(history)
    wanted = NrFilter(3)
    view.show(wanted, None)
    assert view.scan(0)
    view.sync()
    assert 0 < view.progress < 1
    assert len(wanted.judged) == 2
    drain(view)
    assert {size for _, size in wanted.judged} == {SLICE_ROWS // 2}
    assert len(view) == SLICE_ROWS * 3
    assert numbers(view) == list(range(1, len(view) + 1))


def test_a_query_is_not_through_before_its_last_rows_are_in_the_list():
    """The screen's tick may fall between the judging of the last batch and the handing over of what was found."""
    history = History()
    history.append(batch(1, [5, 6]))
    view = LiveView(history)
    view.sync()
    shown = []

    class Found(deque):
        def append(self, piece):
            view.sync()
            shown.append((len(view), view.pending, view.progress))
            super().append(piece)

    view._found = Found()
    view.show(NrFilter(6), None)
    drain(view)
    assert shown == [(2, True, 0.0)]
    assert (numbers(view), view.pending, view.progress) == ([2], False, 1.0)


def test_a_slow_query_leaves_the_old_rows_until_it_has_something():
    history = History()
    for number in range(3):
        history.append(batch(1 + number * SLICE_ROWS, [0] * SLICE_ROWS))
    view = LiveView(history)
    view.sync()
    view.show(NrFilter(5), None)
    view.scan(0)
    view.sync()
    assert len(view) == SLICE_ROWS * 3
    generation = view.generation
    drain(view)
    assert len(view) == 0
    assert view.generation == generation + 1


def test_a_query_that_searches_long_no_longer_shows_the_old_rows(monkeypatch):
    monkeypatch.setattr(scan, "SHOW_AFTER_S", 0.0)
    history = History()
    for number in range(3):
        history.append(batch(1 + number * SLICE_ROWS, [0] * SLICE_ROWS))
    view = LiveView(history)
    view.sync()
    view.show(NrFilter(5), None)
    view.scan(0)
    view.sync()
    assert len(view) == 0
    assert view.progress < 1
    assert not view.pending


def test_a_filter_that_breaks_is_reported_and_not_raised():
    class Broken:
        text = ""

        def rows(self, batch):
            raise ValueError("no such thing")

    history = History()
    history.append(batch(1, [0]))
    view = LiveView(history)
    view.show(Broken(), None)
    drain(view)
    assert "no such thing" in view.error


def test_a_chosen_container_and_the_host():
    history = History()
    history.append(batch(1, [0] * 6, [1, 1, 2, 3, 3, 3]))
    view = LiveView(history)
    view.show(None, Chosen(frozenset({2, 3})))
    drain(view)
    assert numbers(view) == [3, 4, 5, 6]
    view.show(None, Chosen(frozenset({2, 3}), invert=True))
    drain(view)
    assert numbers(view) == [1, 2]
    assert view.hidden == 4


@pytest.mark.parametrize("text", ["", "evt.num > 3"])
def test_filter_and_container_together(text):
    history = History()
    history.append(batch(1, [5, 6, 5, 5], [1, 2, 2, 1]))
    view = LiveView(history)
    view.show(NrFilter(5, text), Chosen(frozenset({2})))
    drain(view)
    assert numbers(view) == [3]


def test_rows_fall_off_with_history_and_places_stay():
    one = batch(1, [0] * 100)
    history = History(max_bytes=int(one.nbytes * 2.5))
    view = LiveView(history)
    for number in range(3):
        history.append(batch(1 + number * 100, [0] * 100))
        view.sync()
    assert history.evicted == 100
    assert len(view) == 200
    assert view.num(150) == 151
    assert view.num(50) is None


def test_a_pause_freezes_the_list_counts_what_comes_and_keeps_its_rows():
    one = batch(1, [0] * 100)
    history = History(max_bytes=int(one.nbytes * 2.5))
    view = LiveView(history)
    history.append(one)
    view.sync()
    view.pause()
    for number in range(1, 10):
        history.append(batch(1 + number * 100, [0] * 100))
        view.sync()
    assert numbers(view) == list(range(1, 101))
    assert view.find(view.first) is not None
    assert view.fresh == 200  # what history still holds
    view.resume()
    view.sync()
    assert numbers(view) == list(range(801, 1001))
    assert view.fresh == 0


def test_a_filter_set_while_paused_judges_the_paused_moment():
    one = batch(1, [5, 6] * 50)
    history = History(max_bytes=int(one.nbytes * 2.5))
    view = LiveView(history)
    history.append(one)
    view.sync()
    view.pause()
    for number in range(1, 6):
        history.append(batch(1 + number * 100, [5, 6] * 50))
        view.sync()
    view.show(NrFilter(5), None)
    drain(view)
    assert numbers(view) == list(range(1, 101, 2))
    assert view.fresh > 0
    view.show(None, None)
    view.sync()
    assert numbers(view) == list(range(1, 101))
    view.resume()
    view.sync()
    assert view.num(view.end - 1) == 600


def test_merged_batches_change_nothing():
    """The engine may join small batches; rows are told by event number, not by batch."""
    history = History()
    view = LiveView(history)
    history.append(batch(1, [5, 6]))
    history.append(batch(3, [5]))
    view.show(NrFilter(5), None)
    drain(view)
    history._batches.clear()
    history._batches.append(batch(1, [5, 6, 5]))
    history._view = tuple(history._batches)
    view.sync()
    assert numbers(view) == [1, 3]
    assert view.find(view.end - 1)[1] == 2


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["events", "filter", "all", "chosen", "pause", "resume", "scan", "sync"]),
            st.integers(1, 60),
        ),
        max_size=30,
    )
)
def test_a_view_equals_filter_then_list(steps):
    """Whatever happens in whatever order, once it is through the list is what a plain loop over history gives."""
    history = History(max_bytes=6000)
    view = LiveView(history)
    nr = chosen = None
    next_num = 1
    for kind, size in steps:
        if kind == "events":
            rows = np.arange(next_num, next_num + size)
            history.append(batch(next_num, rows % 3, rows % 2 + 1))
            next_num += size
        elif kind == "filter":
            nr = size % 3
        elif kind == "all":
            nr = chosen = None
        elif kind == "chosen":
            chosen = size % 2 + 1
        elif kind == "pause":
            view.pause()
        elif kind == "resume":
            view.resume()
        elif kind == "scan":
            view.scan(0)
        else:
            view.sync()
        if kind in ("filter", "all", "chosen"):
            view.show(None if nr is None else NrFilter(nr), None if chosen is None else Chosen(frozenset({chosen})))
    view.resume()
    for _ in range(3):
        drain(view)
    expected = [
        num
        for b in history.batches()
        for num in range(b.first_num, b.first_num + len(b))
        if (nr is None or num % 3 == nr) and (chosen is None or num % 2 + 1 == chosen)
    ]
    assert numbers(view) == expected


def test_the_thread_judges_in_the_background():
    history = History()
    history.append(batch(1, [5, 6] * 1000))
    view = LiveView(history)
    thread = ScanThread(view)
    thread.start()
    view.show(NrFilter(6), None)
    thread.wake()
    until(lambda: len(synced(view)) == 1000)
    thread.stop()
    thread.stop()
    assert len(view) == 1000


def test_the_thread_looks_seldom_at_a_history_that_nothing_is_added_to_and_at_once_when_told(monkeypatch):
    waits = []

    class Wake(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return super().wait(timeout)

    history = History()
    history.append(batch(1, [5, 6]))
    view = LiveView(history)
    thread = ScanThread(view)
    thread._wake = Wake()
    monkeypatch.setattr(scan_thread, "_CALM_S", 300.0)  # only a call ends the wait
    thread.start()
    until(lambda: 300.0 in waits)
    view.show(NrFilter(6), None)
    thread.wake()
    until(lambda: len(synced(view)) == 1)
    history.append(batch(3, [6, 6]))
    thread.wake()
    until(lambda: len(synced(view)) == 3)
    thread.stop()
    assert scan_thread._IDLE_S in waits
