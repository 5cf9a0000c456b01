"""What is read from /proc: only events near a reading, and the newest, are asked one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tests import builders
from tuimon.rules import moment

S = 1_000_000_000


class Readings:
    """Those there are, at one moment."""

    def __init__(self, now_ns: int, kept: list[tuple[int, int]]) -> None:
        self._answer = now_ns, kept

    def readings(self) -> tuple[int, list[tuple[int, int]]]:
        return self._answer


def near(monkeypatch: pytest.MonkeyPatch, now_ns: int, kept: list[tuple[int, int]]) -> list[bool]:
    """Return which of three events of process 4000, two seconds apart, are near."""
    event = builders.syscall_event("read", process=builders.process("cat", pid=4000))
    batch, _ = builders.batch_of([event] * 3)
    batch.head["ts_ns"] = builders.TS_NS + np.arange(3) * 2 * S
    monkeypatch.setattr(moment, "VITALS", Readings(now_ns, kept))
    return moment.is_near(batch, np.arange(3)).tolist()


def test_of_an_old_history_nothing_is_near(monkeypatch):
    assert near(monkeypatch, builders.TS_NS + 3600 * S, []) == [False, False, False]


def test_a_reading_may_still_be_made_of_the_newest(monkeypatch):
    """Also of those that were there when the question began and is a second older at its end."""
    assert near(monkeypatch, builders.TS_NS + 4 * S + S // 2, []) == [False, False, True]


def test_a_reading_answers_for_its_own_process_around_it(monkeypatch):
    long_after = builders.TS_NS + 3600 * S
    assert near(monkeypatch, long_after, [(4000, builders.TS_NS + 2 * S + S // 2)]) == [False, True, False]
    assert near(monkeypatch, long_after, [(4001, builders.TS_NS + 2 * S)]) == [False, False, False]
    assert near(monkeypatch, long_after, [(4000, builders.TS_NS - 5 * S), (4000, builders.TS_NS + 4 * S)]) == [
        False,
        False,
        True,
    ]
