"""Memory given back: when it is worth it, and not all the time."""

from __future__ import annotations

import pytest

from tuimon import allocator
from tuimon.allocator import Tidy

MB = 1 << 20


class Machine:
    """A process that holds so much, of which so much can be given back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held = 100 * MB
        self.free = 0
        self.given = 0
        monkeypatch.setattr(allocator, "free_bytes", lambda: 50 * MB)
        monkeypatch.setattr(allocator, "give_back", self.give_back)

    def give_back(self) -> None:
        self.given += 1
        self.held -= self.free
        self.free = 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_memory_is_given_back_again_and_again_while_there_is_something_to_gain(machine: Machine) -> None:
    tidy = Tidy(lambda: machine.held)
    for second in range(60):
        if second % 10 == 0:
            machine.held, machine.free = machine.held + 30 * MB, 30 * MB
        tidy.look(float(second))
    assert machine.given == 6
    assert machine.held == 100 * MB


def test_where_nothing_is_gained_it_is_tried_ever_more_seldom(machine: Machine) -> None:
    """It stops other threads for some milliseconds."""
    tidy = Tidy(lambda: machine.held)
    for second in range(3600):
        tidy.look(float(second))
    assert machine.given < 20


def test_a_flood_after_an_hour_of_peace_does_not_wait_for_the_next_try(machine: Machine) -> None:
    tidy = Tidy(lambda: machine.held)
    for second in range(3600):
        tidy.look(float(second))
    machine.held, machine.free = machine.held + 30 * MB, 30 * MB
    for second in range(3600, 3620):
        tidy.look(float(second))
    assert machine.held == 100 * MB


def test_little_that_lies_free_is_left_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "free_bytes", lambda: 5 * MB)
    tidy = Tidy(lambda: machine.held)
    assert not any(tidy.look(float(second)) for second in range(3600))


def test_the_c_library_answers() -> None:
    assert allocator.free_bytes() >= 0
    allocator.give_back()
