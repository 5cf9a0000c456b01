"""How much one drain may take follows what the events before cost."""

from __future__ import annotations

from tuimon.capture.pace import FIRST, LEAST, MOST, TARGET_S, Pace


def test_dear_events_come_in_small_portions_at_once() -> None:
    pace = Pace()
    pace.took(FIRST, FIRST * 100e-6)
    assert pace.limit == LEAST
    assert Pace().limit == FIRST


def test_the_limit_settles_where_a_portion_takes_as_long_as_it_should() -> None:
    pace, cost_s = Pace(), 20e-6
    for _ in range(10):
        pace.took(pace.limit, pace.limit * cost_s)
    assert abs(pace.limit * cost_s - TARGET_S) < TARGET_S / 10


def test_cheap_events_come_in_ever_larger_portions() -> None:
    pace = Pace()
    limits = []
    for _ in range(6):
        limits.append(pace.limit)
        pace.took(pace.limit, pace.limit * 50e-9)
    assert limits == sorted(limits)
    assert limits[-1] >= TARGET_S / 50e-9 / 4
    assert pace.limit <= MOST


def test_a_few_dear_events_say_little_of_the_next() -> None:
    """Ten events that took a millisecond: nothing to hurry about."""
    pace = Pace()
    pace.took(10, 0.001)
    pace.took(0, 1.0)
    assert pace.limit == FIRST
