"""The thread of the scan: how much of its time goes into what nobody waits for."""

from __future__ import annotations

import threading

import numpy as np

from tests.builders import batch_of, open_event
from tuimon.history import History
from tuimon.view.live_view import LiveView
from tuimon.view.scan_thread import ScanThread, rest_of


def test_preparation_rests_less_while_hardly_any_events_come():
    assert rest_of(0, 1.0) == rest_of(2_000, 1.0) == rest_of(200, 0.2) == 4
    assert rest_of(2_001, 1.0) == rest_of(200_000, 1.0) == rest_of(1, 0.0) == 19


def test_preparation_goes_on_until_there_is_nothing_left():
    history = History()
    history.append(batch_of([open_event("/a")])[0])
    left, done = [1, 2, 3], threading.Event()

    def prepare() -> bool:
        if not left:
            done.set()
            return False
        left.pop()
        return True

    view = LiveView(history)
    thread = ScanThread(view, prepare)
    thread.start()
    assert done.wait(60)
    thread.stop()
    assert left == []
    assert np.array_equal(view.batches()[0].head, history.batches()[0].head)
