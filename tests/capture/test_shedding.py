"""What is given up when there is too much, and when it is taken up again."""

from __future__ import annotations

import numpy as np
import pytest

from tuimon.capture.rows import SHED, call_rows
from tuimon.capture.shedding import CALM_MAX_S, CALM_S, RAISE_S, Shedding, Step, busiest
from tuimon.capture.source import Interest, Want
from tuimon.syscalls import NAME_TO_NR

READ, OPENAT, SETUID = (NAME_TO_NR[name] for name in ("read", "openat", "setuid"))


class Clock:
    """Looks at a controller twenty times a second."""

    def __init__(self, *, has_loud: bool = True) -> None:
        self.shedding = Shedding()
        self.now_s = 100.0
        self.has_loud = has_loud
        self.steps = [Step.NOTHING]

    def go(self, seconds: float, fill: float, lag_s: float = 0.0) -> list[Step]:
        """Let time pass; return the steps that were taken."""
        taken = []
        for _ in range(round(seconds * 20)):
            self.now_s += 0.05
            if self.shedding.look(self.now_s, fill, lag_s, self.has_loud, lambda: frozenset({7})):
                taken.append(self.shedding.step)
        return taken


def test_steps_are_taken_one_by_one_while_there_is_too_much() -> None:
    clock = Clock()
    assert clock.go(0.2, 0.6) == [Step.LOUD]
    assert clock.go(RAISE_S - 0.1, 0.6) == []
    assert clock.go(0.2, 0.6) == [Step.BUSY]
    assert clock.shedding.busy == {7}
    assert clock.go(10, 0.6) == [Step.VIEW]
    assert clock.shedding.busy == {7}


def test_it_is_calm_before_a_step_and_again_once_the_last_is_long_taken_back() -> None:
    clock = Clock()
    assert clock.shedding.is_calm
    clock.go(0.05, 0.6)
    assert not clock.shedding.is_calm  # a look at empty rings would forget how long there has been too much
    clock.go(0.2, 0.6)
    assert clock.go(CALM_S + 1, 0.0) == [Step.NOTHING]
    assert clock.go(0.2, 0.6) == [Step.LOUD]  # soon after: the next calm is to last longer, until a look forgets that
    assert clock.go(3 * CALM_S, 0.0) == [Step.NOTHING]
    assert not clock.shedding.is_calm
    clock.go(CALM_MAX_S + 1, 0.0)
    assert clock.shedding.is_calm


def test_being_late_counts_as_much_as_a_full_ring() -> None:
    assert Clock().go(0.2, 0.0, lag_s=1.5) == [Step.LOUD]


def test_one_full_ring_is_a_reader_that_was_held_up_once() -> None:
    clock = Clock()
    for _ in range(5):
        assert clock.go(0.1, 0.9) == []
        assert clock.go(0.1, 0.3) == []
    for _ in range(5):
        assert clock.go(0.1, 0.9) == []
        clock.now_s += 1


def test_a_view_without_loud_calls_gives_up_the_busiest_at_once() -> None:
    assert Clock(has_loud=False).go(0.2, 0.6) == [Step.BUSY]


def test_room_that_is_half_taken_changes_nothing() -> None:
    clock = Clock()
    assert clock.go(10, 0.3) == []
    assert clock.go(0.2, 0.6) == [Step.LOUD]
    assert clock.go(100, 0.3) == []


def test_steps_are_taken_back_one_by_one_when_there_is_room() -> None:
    clock = Clock()
    clock.go(2, 0.6)
    assert clock.go(CALM_S - 0.2, 0.0) == []
    assert clock.go(3 * CALM_S + 1, 0.0) == [Step.BUSY, Step.LOUD, Step.NOTHING]
    assert clock.shedding.busy == frozenset()


def test_a_step_taken_back_too_early_is_kept_longer_and_longer_but_not_for_ever() -> None:
    clock = Clock()
    waits = []
    for _ in range(8):
        while clock.shedding.step is Step.NOTHING:
            clock.go(0.1, 0.9)
        began = clock.now_s
        while clock.shedding.step is Step.LOUD:
            clock.go(0.1, 0.0)
        waits.append(round(clock.now_s - began))
    assert waits[0] == pytest.approx(CALM_S, abs=0.3)
    assert waits == sorted(waits)
    assert waits[2] > 3 * waits[0]
    assert waits[-1] <= CALM_MAX_S + 0.3
    clock.go(CALM_MAX_S + 1, 0.0)
    clock.go(0.2, 0.9)
    assert clock.go(CALM_S + 0.3, 0.0) == [Step.NOTHING]


def test_the_busiest_are_the_fewest_that_make_most_of_it() -> None:
    ids = np.array([1] * 50 + [2] * 35 + [3] * 10 + [4] * 5, np.uint64)
    assert busiest(ids) == {1, 2}
    assert busiest(ids[:50]) == {1}
    assert busiest(ids[:0]) == frozenset()


@pytest.mark.parametrize(
    ("step", "marked"),
    [
        (Step.NOTHING, set()),
        (Step.LOUD, {READ}),
        (Step.BUSY, {READ}),
        (Step.VIEW, {READ, OPENAT}),
    ],
)
def test_what_rules_alone_ask_for_is_never_marked(step: Step, marked: set[int]) -> None:
    view = Want.VIEW
    interest = Interest({READ: view, OPENAT: view | Want.RULES, SETUID: Want.RULES}, loud=frozenset({READ, SETUID}))
    rows = call_rows(interest, step)
    assert {nr for nr in (READ, OPENAT, SETUID) if int(rows[nr]) & SHED} == marked
    assert all(int(rows[nr]) & int(want) == want for nr, want in interest.calls.items())
