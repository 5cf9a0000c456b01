"""What tuimon says of itself: silent probes, loss, recovery, what is given up; and no more often than it should."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from tuimon.capture.shedding import Step
from tuimon.capture.source import Counts
from tuimon.events import HOST, Container
from tuimon.records import Kind, SizeClass
from tuimon.view.snapshot import ContainerRow
from tuimon.view.stats import OTHER
from tuimon.watchdog import ALERT_EVERY_S, MAX_FLOODS, OVER_S, SILENT_S, TOLD_S, Announcement, State, Watchdog

WEB = Container(id="aaaaaaaaaaaa", name="web", known=True)
CLASSES = len(SizeClass)


def row(container: Container, by_class: tuple[int, ...], cgroups: frozenset[int]) -> ContainerRow:
    zero = ContainerRow(container, cgroups, 1, 0, sum(by_class), 0.0, (), 0, None, ended=False)
    return replace(zero, dropped_by_class=by_class)


@dataclass
class Machine:
    """A machine whose losses the test decides, looked at once a second."""

    dog: Watchdog = field(default_factory=Watchdog)
    now_s: float = 1000.0
    host: list[int] = field(default_factory=lambda: [0] * CLASSES)
    web: list[int] = field(default_factory=lambda: [0] * CLASSES)
    other: list[int] = field(default_factory=lambda: [0] * CLASSES)
    shed: int = 0
    silent_s: float = 0.0
    step: Step = Step.NOTHING
    lag_s: float = 0.0
    executed: int = 10
    told: int = 10

    def look(self) -> list[Announcement]:
        self.now_s += 1
        by_class = tuple(map(sum, zip(self.host, self.web, self.other, strict=True)))
        of_kind = [0] * len(Kind)
        of_kind[Kind.EXEC] = self.told
        counts = Counts(dropped=sum(by_class), dropped_by_class=by_class, shed=self.shed, of_kind=tuple(of_kind))
        rows = [
            row(HOST, tuple(self.host), frozenset({1})),
            row(WEB, tuple(self.web), frozenset({70})),
            row(OTHER, tuple(self.other), frozenset()),
        ]
        busy = frozenset({70}) if self.step >= Step.BUSY else frozenset[int]()
        made = {Kind.EXEC: self.executed}
        return self.dog.look(State(self.now_s, counts, rows, made, self.silent_s, self.step, busy, self.lag_s))

    def pass_by(self, seconds: float) -> list[Announcement]:
        return [said for _ in range(round(seconds)) for said in self.look()]


def names(said: list[Announcement]) -> list[str]:
    return [each.rule for each in said]


def test_nothing_is_said_of_a_quiet_machine() -> None:
    machine = Machine()
    assert machine.pass_by(100) == []
    assert machine.dog.notices == ()
    assert machine.dog.floods == ()


def test_silent_probes_are_announced_once_and_again_when_they_are_back() -> None:
    machine = Machine()
    machine.look()
    said = []
    for second in range(1, 20):
        machine.silent_s = second
        said += machine.look()
    assert [(each.rule, each.priority) for each in said] == [("tuimon: Probes Silent", "Critical")]
    assert said[0].fields["tuimon.probes"] == "system calls"
    assert machine.dog.notices == (
        "the probes have been silent for 19 s: system calls of this machine are not being watched",
    )
    machine.silent_s = 0.5
    (back,) = machine.pass_by(3)
    assert back.rule == "tuimon: Probes Back"
    assert "were not watched for 20 s" in back.output
    assert machine.dog.notices == ()


def test_execs_without_exec_events_are_silence_too() -> None:
    machine = Machine()
    machine.look()
    machine.executed += 3
    said = machine.pass_by(SILENT_S + 3)
    assert names(said) == ["tuimon: Probes Silent"]
    assert said[0].fields["tuimon.probes"] == "programs executed"
    machine.executed, machine.told = 20, 20
    assert names(machine.look()) == ["tuimon: Probes Back"]


def test_execs_that_are_told_are_no_silence_however_seldom() -> None:
    machine = Machine()
    for _ in range(5):
        machine.executed += 1
        machine.told += 1
        assert machine.pass_by(30) == []


def test_loss_is_announced_at_once_then_every_half_minute_with_what_was_new() -> None:
    machine = Machine()
    machine.look()
    said = []
    for _ in range(round(2 * ALERT_EVERY_S)):
        machine.web[SizeClass.SHORT] += 10
        machine.host[SizeClass.MID] += 1
        said += machine.look()
    lost = [each.fields["n_drops"] for each in said]
    assert names(said) == ["tuimon: Events Lost"] * 2
    assert lost == [11, 11 * round(ALERT_EVERY_S)]
    assert said[1].fields == {
        "n_drops": 330,
        "tuimon.lost.short": 300,
        "tuimon.lost.mid": 30,
        "tuimon.containers": "web,host",
        "tuimon.during_s": 30,
    }
    assert said[0].priority == "Warning"
    assert machine.dog.notices == ("losing events: 660 events (short 600, mid 60; of web, host) so far",)


def test_a_loss_of_reserved_records_is_critical() -> None:
    machine = Machine()
    machine.look()
    machine.other[SizeClass.PROC_MID] += 1
    (said,) = machine.look()
    assert said.priority == "Critical"
    assert "proc mid 1; of others" in said.output


def test_recovery_is_stated_with_how_long_it_took_and_what_was_lost() -> None:
    machine = Machine()
    machine.look()
    for _ in range(4):
        machine.web[SizeClass.SLIM] += 100
        machine.look()
    said = machine.pass_by(OVER_S)
    assert names(said) == ["tuimon: Recovered"]
    assert said[0].output == ("tuimon recovered after 4 s: 400 events (slim 400; of web) were lost (n_drops=400)")
    assert machine.dog.notices == ("recovered after 4 s: 400 events (slim 400; of web) were lost",)
    (flood,) = machine.dog.floods
    assert (flood.lost, flood.lost_reserved, flood.ended_s) == (400, 0, 1005.0)
    assert flood.containers == (("web", (400, 0, 0, 0, 0, 0, 0)),)
    assert machine.pass_by(TOLD_S) == []
    assert machine.dog.notices == ()


def test_floods_are_kept_up_to_a_number() -> None:
    machine = Machine()
    machine.look()
    for _ in range(MAX_FLOODS + 5):
        machine.host[0] += 1
        machine.pass_by(2 * OVER_S)
    assert len(machine.dog.floods) == MAX_FLOODS
    assert all(flood.ended_s is not None and flood.lost == 1 for flood in machine.dog.floods)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step.LOUD, "too much at once: the loud calls (read, write, ...) are left out of the view"),
        (Step.BUSY, "too much at once: the loud calls and those of web that no rule asks for are left out of the view"),
        (Step.VIEW, "too much at once: all calls that no rule asks for are left out of the view"),
    ],
)
def test_what_is_given_up_is_said_and_is_no_loss(step: Step, words: str) -> None:
    machine = Machine()
    machine.look()
    machine.step, machine.shed = step, 500
    assert machine.pass_by(3) == []
    assert machine.dog.notices == (words,)
    machine.step = Step.NOTHING
    assert machine.pass_by(2 * OVER_S) == []
    assert machine.dog.notices == ()
    (flood,) = machine.dog.floods
    assert (flood.lost, flood.given_up) == (0, 500)


def test_being_behind_is_said() -> None:
    machine = Machine(lag_s=7.4)
    machine.look()
    assert machine.dog.notices == ("7 s behind: more comes than can be judged at once",)
