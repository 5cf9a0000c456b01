"""Whether tuimon still sees: silent probes, events lost and found again, what is given up; as sentences and as alerts.

Once a second it is shown the counters. What it finds goes two ways: notices, which stand on the screen for as long as
they are true, and alerts of source ``internal``, which go where every alert goes and so reach those who look at no
screen (Falco does the same for its drops). Alerts of loss are limited to one in half a minute, the first at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tuimon.capture.shedding import Step
from tuimon.capture.source import CallCounts, Counts, Source
from tuimon.records import Kind, SizeClass
from tuimon.syscalls import NAME_TO_NR
from tuimon.view.health import Flood
from tuimon.view.snapshot import ContainerRow
from tuimon.wording import some

SILENT_S: Final = 5.0
"""A program that has not shown for this long, although what it is attached to has happened, is gone."""
OVER_S: Final = 5.0
"""A flood is over when nothing was lost and nothing given up for this long."""
TOLD_S: Final = 60.0
"""That it is over is said for this long."""
ALERT_EVERY_S: Final = 30.0
MAX_FLOODS: Final = 20
LATE_S: Final = 2.0

SYSTEM_CALLS: Final = "system calls"
_EVENTS: Final = {
    Kind.EXEC: ("programs executed", ("execve", "execveat"), 0),
    Kind.FORK: ("processes made", ("clone", "clone3", "fork", "vfork"), 20),
}
"""What a kind of event tells, the calls that make one, and how many of those may succeed without: a child of tuimon
itself returns from its clone, and the event of that is left out."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What tuimon has to say of itself: an alert without a rule of anybody's."""

    rule: str
    priority: str
    output: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class State:
    """What there is to look at."""

    now_s: float
    """Any steady clock."""
    counts: Counts
    rows: Sequence[ContainerRow]
    """Every container, the host, and the line of those without counters of their own."""
    made: dict[Kind, int] = field(default_factory=dict)
    """Successful calls since the start of those that make each kind of process event."""
    silent_s: float = 0.0
    """Since tuimon's own system calls were last seen."""
    step: Step = Step.NOTHING
    busy: frozenset[int] = frozenset()
    """Cgroups of which a view gets nothing."""
    lag_s: float = 0.0


def state_of(source: Source, counts: Counts, calls: CallCounts, rows: Sequence[ContainerRow]) -> State:
    """Return what there is to look at of a source, now; one without probes has none that are silent."""
    succeeded = (calls.calls.sum(axis=0) - calls.errors.sum(axis=0)).tolist()
    made = {kind: sum(succeeded[NAME_TO_NR.get(n, -1)] for n in names) for kind, (_, names, _) in _EVENTS.items()}
    step, busy = getattr(source, "shedding", lambda: (Step.NOTHING, frozenset()))()
    return State(
        now_s=time.monotonic(),
        counts=counts,
        rows=rows,
        made=made,
        silent_s=getattr(source, "silent_s", 0.0),
        step=step,
        busy=busy,
        lag_s=getattr(source, "lag_s", 0.0),
    )


class Watchdog:
    """Finds out; used by the engine's thread. ``notices`` and ``floods`` may be read by any."""

    def __init__(self) -> None:
        self.notices: tuple[str, ...] = ()
        self.floods: tuple[Flood, ...] = ()
        """The last ones, oldest first; the last may go on."""
        self._silent: dict[str, float] = {}
        """What is silent, and since when."""
        self._seen: dict[Kind, tuple[int, int, float]] = {}
        """Events of a kind, the calls behind them, and when the events last grew."""
        self._start: State | None = None
        """How things stood before the flood that goes on."""
        self._before: State | None = None
        self._worse_s = 0.0
        self._alerted: State | None = None

    def look(self, state: State) -> list[Announcement]:
        """Look at the state, once a second; return what is to be announced."""
        said = self._look_for_silence(state)
        if self._before is not None:
            said += self._look_for_loss(state, self._before)
        self._before = state
        self.notices = tuple(self._notices(state))
        return said

    # -- silence -----------------------------------------------------------------------------------------------------

    def _look_for_silence(self, state: State) -> list[Announcement]:
        silent = {SYSTEM_CALLS: state.silent_s} | {_EVENTS[kind][0]: self._silent_s(kind, state) for kind in state.made}
        said = []
        for what, silent_s in silent.items():
            if silent_s > SILENT_S and what not in self._silent:
                self._silent[what] = state.now_s - silent_s
                said.append(_silent(what, silent_s))
            elif silent_s <= SILENT_S and what in self._silent:
                said.append(_back(what, state.now_s - self._silent.pop(what)))
        return said

    def _silent_s(self, kind: Kind, state: State) -> float:
        """Return for how long a kind of event has not been seen although calls that make it succeeded."""
        events, made = state.counts.of_kind[kind], state.made[kind]
        before, made_before, at_s = self._seen.get(kind, (-1, made, state.now_s))
        if events != before or made <= made_before + _EVENTS[kind][2]:
            self._seen[kind] = (events, made, state.now_s)
            return 0.0
        return state.now_s - at_s

    # -- loss --------------------------------------------------------------------------------------------------------

    def _look_for_loss(self, state: State, before: State) -> list[Announcement]:
        worse = state.counts.dropped > before.counts.dropped or state.step is not Step.NOTHING
        if worse:
            self._start = self._start or before
            self._worse_s = state.now_s
        if self._start is None:
            return []
        over = state.now_s - self._worse_s >= OVER_S
        flood = _flood(self._start, state, self._worse_s if over else None)
        self.floods = (*(f for f in self.floods if f.began_s != flood.began_s), flood)[-MAX_FLOODS:]
        if over:
            self._start = self._alerted = None
            return [_over(flood)] if flood.lost else []
        return self._alert(state)

    def _alert(self, state: State) -> list[Announcement]:
        """Return the alert of what was lost since the last one, when it is time for one."""
        assert self._start is not None
        last = self._alerted or self._start
        due = self._alerted is None or state.now_s - last.now_s >= ALERT_EVERY_S
        if state.counts.dropped <= last.counts.dropped or not due:
            return []
        self._alerted = state
        return [_lost(_flood(last, state, None), state.now_s - last.now_s)]

    # -- sentences ---------------------------------------------------------------------------------------------------

    def _notices(self, state: State) -> Iterable[str]:
        for what, since_s in self._silent.items():
            silent_s = state.now_s - since_s
            yield f"the probes have been silent for {silent_s:.0f} s: {what} of this machine are not being watched"
        if state.step is not Step.NOTHING:
            yield f"too much at once: {given_up(state)} are left out of the view"
        if state.lag_s >= LATE_S:
            yield f"{state.lag_s:.0f} s behind: more comes than can be judged at once"
        if not self.floods or not self.floods[-1].lost:
            return
        flood = self.floods[-1]
        if flood.ended_s is None:
            yield f"losing events: {flood.in_words()} so far"
        elif state.now_s - flood.ended_s < TOLD_S:
            yield f"recovered after {flood.ended_s - flood.began_s:.0f} s: {flood.in_words()} were lost"


def given_up(state: State) -> str:
    """Return what is left out of the view, in words."""
    match state.step:
        case Step.LOUD:
            return "the loud calls (read, write, ...)"
        case Step.BUSY:
            busy = [_name(row) for row in state.rows if row.cgroup_ids & state.busy]
            return f"the loud calls and those of {some(busy) or 'the busiest'} that no rule asks for"
        case _:
            return "all calls that no rule asks for"


def _flood(start: State, now: State, ended_s: float | None) -> Flood:
    lost_before = {row.container.id: row.dropped_by_class for row in start.rows}
    containers = []
    for row in now.rows:
        before = lost_before.get(row.container.id, (0,) * len(SizeClass))
        lost = tuple(max(a - b, 0) for a, b in zip(row.dropped_by_class, before, strict=True))
        if any(lost):
            containers.append((_name(row), lost))
    by_class = zip(now.counts.dropped_by_class, start.counts.dropped_by_class, strict=True)
    return Flood(
        began_s=start.now_s,
        ended_s=ended_s,
        lost_by_class=tuple(a - b for a, b in by_class),
        containers=tuple(sorted(containers, key=lambda pair: -sum(pair[1]))),
        given_up=now.counts.shed - start.counts.shed,
    )


def _name(row: ContainerRow) -> str:
    return row.container.name or row.container.id


def _about_probes(title: str, sentence: str, what: str, silent_s: float) -> Announcement:
    """Return what is said when probes fall silent, and when they are back."""
    return Announcement(
        title,
        "Critical",
        f"tuimon's probes {sentence} (silent_s={silent_s:.0f})",
        {"tuimon.probes": what, "tuimon.silent_s": round(silent_s)},
    )


def _silent(what: str, silent_s: float) -> Announcement:
    sentence = f"are silent: {what} of this machine are not being watched"
    return _about_probes("tuimon: Probes Silent", sentence, what, silent_s)


def _back(what: str, silent_s: float) -> Announcement:
    sentence = f"report again: {what} were not watched for {silent_s:.0f} s"
    return _about_probes("tuimon: Probes Back", sentence, what, silent_s)


def _lost(flood: Flood, during_s: float) -> Announcement:
    return Announcement(
        "tuimon: Events Lost",
        "Critical" if flood.lost_reserved else "Warning",
        f"tuimon lost events: {flood.in_words()} in the last {during_s:.0f} s (n_drops={flood.lost})",
        _fields(flood) | {"tuimon.during_s": round(during_s)},
    )


def _over(flood: Flood) -> Announcement:
    took_s = (flood.ended_s or flood.began_s) - flood.began_s
    return Announcement(
        "tuimon: Recovered",
        "Notice",
        f"tuimon recovered after {took_s:.0f} s: {flood.in_words()} were lost (n_drops={flood.lost})",
        _fields(flood) | {"tuimon.during_s": round(took_s)},
    )


def _fields(flood: Flood) -> dict[str, object]:
    """Return the values for receivers: Falco's name for the number, ours for what it has none for."""
    lost = zip(SizeClass, flood.lost_by_class, strict=True)
    return {
        "n_drops": flood.lost,
        **{f"tuimon.lost.{size_class.name.lower()}": n for size_class, n in lost if n},
        "tuimon.containers": ",".join(name for name, _ in flood.containers),
    }
