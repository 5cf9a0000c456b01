"""A recording judged from its beginning to its end, without an engine: each alert of each rule set given.

Processes and containers are restored from the recording. What could not be decided when its event came (a container
not known yet) is judged again at the end, when everything the recording tells is known, as a live engine would have
waited for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuimon.batch import Batch, number
from tuimon.capture.recording import RecordingSource
from tuimon.enrich.containers import Containers
from tuimon.enrich.processes import ProcessTable
from tuimon.enrich.users import use_names
from tuimon.events import Event, event_at
from tuimon.rules.matching import RuleHit
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.preview import container_name, who

_MAX_UNDECIDED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert of a replay."""

    rule: str
    priority: str
    num: int
    """``evt.num``: the place of its event in the recording, from 1."""
    time_ns: int
    """Since the epoch."""
    container: str
    """Name or id; ``host``; empty when the recording does not tell."""
    process: str
    """Its comm, raw."""
    cmdline: str
    """Raw."""
    output: str
    """Raw."""
    unconfirmed: bool = False
    """A value it hangs on was never known."""

    @property
    def key(self) -> tuple[int, str]:
        """Event and rule: what makes it the same alert in another replay."""
        return self.num, self.rule


@dataclass(frozen=True, slots=True)
class Window:
    """What was replayed."""

    name: str
    events: int
    first_time_ns: int
    """Since the epoch, 0 when there is no event."""
    last_time_ns: int
    notice: str = ""
    """Why it may not be all; empty when nothing is known to be missing."""


class Replay:
    """A recording as numbered batches with their processes and containers.

    The names of users and groups are those of the recording's machine, for the whole program from then on: run it in
    a process of its own when an engine lives in this one.

    Args:
        path: The recording.

    Raises:
        RecordingError: It is none, or is damaged; also while it is read.
    """

    def __init__(self, path: Path) -> None:
        self._source = RecordingSource(path)
        self._source.start()
        use_names(self._source.meta.get("names"))
        state = self._source.processes_state
        self.processes = ProcessTable.from_state(state) if state is not None else ProcessTable(live=False)
        self.containers = Containers(live=False)
        self._read = 0
        self._events = 0
        self._first_ns = self._last_ns = 0
        self._restore()

    def batches(self) -> Iterator[Batch]:
        """Yield the batches, in order, once."""
        try:
            while not self._source.ended:
                batch = self._source.drain(0.0)
                self._restore()
                if not len(batch):
                    continue
                number(batch, self._events + 1, self._first_ns, self._last_ns)
                self.processes.apply(batch)
                self._first_ns = batch.run_ns
                self._events += len(batch)
                self._last_ns = int(batch.head["ts_ns"][-1])
                yield batch
        finally:
            self._source.close()

    def event(self, batch: Batch, row: int) -> Event:
        """Return the row object of an event, with its process, and its container as far as it has been told."""
        return event_at(batch, row, self.processes.get, self.containers.of_cgroup, self._source.boot_to_epoch_ns)

    def again(self, event: Event) -> Event:
        """Return the row object of an event anew, with its container as it is known by now."""
        container = self.containers.of_cgroup(event.cgroup_id)
        return Event(event.batch, event.row, event.process, container, event.boot_to_epoch_ns)

    @property
    def progress(self) -> float:
        """The share of the file that has been read, 0 to 1."""
        return self._source.read_share

    @property
    def window(self) -> Window:
        """What has been read so far."""
        offset_ns = self._source.boot_to_epoch_ns if self._events else 0
        first_ns, last_ns = self._first_ns + offset_ns, self._last_ns + offset_ns
        return Window(self._source.name, self._events, first_ns, last_ns, self._source.notice)

    def _restore(self) -> None:
        if self._source.containers_revision != self._read:
            self._read = self._source.containers_revision
            self.containers = Containers.from_state(self._source.containers_state)


def judge(
    replay: Replay, rulesets: Sequence[RuleSet], progress: Callable[[float], None] | None = None
) -> list[list[Fired]]:
    """Return the alerts of each rule set over a whole recording, in the order of their events.

    Args:
        replay: The recording.
        rulesets: To be judged with.
        progress: Called with the share that has been read, from 0 to 1.

    Raises:
        RecordingError: The recording is damaged.
    """
    fired: list[list[Fired]] = [[] for _ in rulesets]
    undecided: list[tuple[int, Event, RuleHit]] = []
    for batch in replay.batches():
        if progress is not None:
            progress(replay.progress)
        for at, ruleset in enumerate(rulesets):
            for row in ruleset.candidates(batch, replay).tolist():
                event = replay.event(batch, row)
                for hit in ruleset.judge(event):
                    if hit.unknown and len(undecided) < _MAX_UNDECIDED:
                        undecided.append((at, event.alone(), hit))
                    else:
                        fired[at].append(_fired(event, hit, unconfirmed=hit.unknown))
    for at, old, hit in undecided:
        event = replay.again(old)
        hit, verdict = hit.decide(event)
        if verdict is not False:
            fired[at].append(_fired(event, hit, unconfirmed=verdict is None))
    for alerts in fired:
        alerts.sort(key=lambda alert: alert.num)
    return fired


def _fired(event: Event, hit: RuleHit, *, unconfirmed: bool) -> Fired:
    _, process = who(event)
    return Fired(
        rule=hit.rule.name,
        priority=hit.rule.priority,
        num=event.num,
        time_ns=event.time_ns,
        container=container_name(event),
        process=process,
        cmdline=event.process.cmdline if event.process is not None else process,
        output=hit.output(event),
        unconfirmed=unconfirmed,
    )
