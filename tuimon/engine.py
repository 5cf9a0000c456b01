"""The engine: capture, enrichment, rules and history in one background thread; what every front end talks to.

Front ends (screen, headless, recorder, tests) read snapshots and send commands; nothing else crosses. The thread owns
the source, the tables and the history; what it hands out is finished and never changed again.
"""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tuimon.alerts import Alerts
from tuimon.allocator import Tidy, keep_large_apart
from tuimon.batch import Batch, concat, number, pieces
from tuimon.before import Before, Frozen
from tuimon.capture.recording import RecordingSource
from tuimon.capture.source import Counts, Interest, Source
from tuimon.commands import Commands
from tuimon.enrich.containers import Containers
from tuimon.enrich.hostnames import HostNames
from tuimon.enrich.processes import ProcessTable
from tuimon.enrich.procfs import own_anonymous_bytes, own_memory_bytes
from tuimon.enrich.users import use_names, use_own_names
from tuimon.enrich.vitals import VITALS
from tuimon.events import Alert, Container, Event, Process, event_at
from tuimon.history import History
from tuimon.interest import Views, interest_for
from tuimon.preparer import Preparer
from tuimon.priority import hurry
from tuimon.pushdown import Pushdown
from tuimon.revisions import Ready, Revision, Revisions, RuleOutcome
from tuimon.rhythm import Rhythm
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.filter import Filter, Preparation, compile_filter
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.matching import Rule
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet
from tuimon.settings import Settings
from tuimon.stages import STAGES, Stages
from tuimon.view.health import Health, StageCost
from tuimon.view.snapshot import Snapshot
from tuimon.view.stats import Stats
from tuimon.watchdog import Watchdog, state_of

APPEND_EVENTS: Final = 16_384
"""As many events enter the history at once, whenever that was done last."""


class Listener(Protocol):
    """Somebody who wants every batch, in the engine's thread: the recorder. Must be quick."""

    def batch(self, batch: Batch) -> None:
        """Take a numbered batch."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine works."""

    history_bytes: int = 256 * 1024 * 1024
    first_match_only: bool = False
    """Falco's ``rule_matching: first``."""
    plain_falco: bool = False
    """Unknown is absent, and only the given path is tested."""
    suggested_output: bool = False
    """Put the container's and the pod's fields behind every output, as falco.yaml's ``append_output`` asks for."""


class Engine:
    """Capture, enrichment, rules and history behind one facade.

    Args:
        source: Where events come from; the engine starts and closes it.
        processes: The process table of that source.
        containers: The containers of that source.
        options: See EngineOptions.
    """

    def __init__(
        self,
        source: Source,
        processes: ProcessTable,
        containers: Containers,
        options: EngineOptions = EngineOptions(),
    ) -> None:
        self.source = source
        self.processes = processes
        self.containers = containers
        self.options = options
        # A recording is judged on any machine at any time: what a name means there and then says nothing about it.
        self.host_names = HostNames() if source.live else None
        self.history = History(options.history_bytes)
        # Asked of the table of the moment: a recording brings one of its own.
        self.memory = Memory(lambda index: self.processes.get(index))
        """What questions about the history have in common; any thread, see there."""
        self.listeners: list[Listener] = []
        self._stats = Stats()
        self._stages = Stages()
        self._tidy = Tidy(own_anonymous_bytes)
        self._last_event_at: float | None = None
        self._revisions = Revisions(
            first_match_only=options.first_match_only,
            plain_falco=options.plain_falco,
            suggested_output=options.suggested_output,
            addresses=self.host_names,
        )
        self._views = Views()
        self._fresh: list[Batch] = []
        self._fresh_events = 0
        self._rhythm = Rhythm(time.monotonic())
        self._interrupt = getattr(source, "interrupt", None)
        """Ends a wait for events; None where the source has no such thing, and is never waited for long."""
        containers.changed = self._interrupt
        self._num = 1
        self._run_ns = self._last_ns = 0
        self.node = os.environ.get("FALCO_HOSTNAME") or socket.gethostname()
        self._before = Before(
            lambda index: self.processes.get(index),
            lambda cgroup_id: self.containers.of_cgroup(cgroup_id),
            lambda: self.source.boot_to_epoch_ns,
            self.history.batches,
        )
        self._alerts = Alerts(self.node, self._alerted)
        self._watchdog = Watchdog()
        self._began = time.monotonic()
        self._load = 0.0
        self._clocks = (0.0, 0.0)
        """The thread's CPU time and the time, when it was last looked at."""
        self._snapshot: Snapshot | None = None
        self._commands = Commands(self._interrupt)
        preparation = Preparation(self.event, self.memory)
        self._preparer = Preparer(preparation, self.history, self._commands, self._before.moved)
        self._rules_lock = threading.RLock()
        self._pushdown = Pushdown(source)
        self._stop = threading.Event()
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._finished = False
        self._heard = threading.Event()
        """There is an alert, or an end, since who waits for it looked last."""
        self._told: tuple[Callable[[], object], ...] = ()
        """Who listens for news."""
        self._containers_read = 0
        self._thread: threading.Thread | None = None

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread and return at once; ``error()`` tells when the source could not be started."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tuimon-engine", daemon=True)
            self._thread.start()

    def halt(self) -> None:
        """Stop taking events, join the thread; the counters can still be read. Idempotent."""
        self._stop.set()
        if self._interrupt is not None:
            self._interrupt()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)

    def stop(self) -> None:
        """Halt, detach the probes, free everything; idempotent."""
        self.halt()
        self._pushdown.lift()
        self._pushdown.wait()
        self.source.close()
        self.containers.close()
        if self.host_names is not None:
            self.host_names.close()

    @property
    def taken(self) -> int:
        """Events taken from the source so far."""
        return self._num - 1

    def finished(self) -> bool:
        """Whether the source has ended and every event of it has been judged; any thread."""
        return self._finished

    def wait_started(self, timeout_s: float) -> bool:
        """Wait until the source is attached (True), or has failed or takes longer (False)."""
        return self._started.wait(timeout_s) and self._error is None

    def error(self) -> BaseException | None:
        """Return what ended the thread, None while it is well."""
        return self._error

    def _run(self) -> None:
        if self.source.live:
            hurry()
        try:
            self._begin()
            self._commands.take_from_now(self._ask_first)
            self._started.set()
            self._loop()
        except BaseException as error:  # carried over to whoever asks; a thread has nobody to raise to
            self._error = error
        finally:
            self._take_rest()
            self._flush()
            self._commands.run()
            self._publish()
            self._started.set()
            self._heard.set()

    def _begin(self) -> None:
        """Attach first, then read what exists, so that nothing slips through between the two."""
        self.source.start()
        if not isinstance(self.source, RecordingSource):
            use_own_names()
            self.processes.want_environ(self.interest().environ)
            self.processes.seed()
            self.containers.start()
        else:
            use_names(self.source.meta.get("names"))
            if self.source.processes_state is not None:
                self.processes = ProcessTable.from_state(self.source.processes_state)
        self._restore_containers()

    def _restore_containers(self) -> None:
        """Take the containers of a recording as far as it has told."""
        source = self.source
        if isinstance(source, RecordingSource) and source.containers_revision != self._containers_read:
            self._containers_read = source.containers_revision
            self.containers = Containers.from_state(source.containers_state)

    def _loop(self) -> None:
        rhythm, lap = self._rhythm, self._stages.lap
        self._stages.begin()
        self._clocks = time.thread_time(), time.monotonic()
        while not self._stop.is_set():
            batch = self.source.drain(self._patience_s())
            lap("drain")
            self._restore_containers()
            self._pushdown.follow(self.containers)
            ran = self._commands.run()
            if len(batch):
                self._take(batch)
            now = time.monotonic()
            self._settle(now)
            lap("history")
            if self.source.ended and not len(batch) and not self._fresh and not self._alerts.waiting:
                self._finished = True
                self._heard.set()
            if rhythm.counts(now):
                self._weigh(now)
                self._count()
                self._tidy.look(now)
                self._stages.share(now)
            rhythm.news |= ran or len(batch) > 0 or not self.source.live  # a recording tells where it is
            if rhythm.tells(now):
                self._publish()
            lap("publish")

    def _patience_s(self) -> float:
        """Return how long the source may be waited for; one that cannot be interrupted never for long."""
        busy = bool(self._interrupt is None or self._alerts.waiting)
        return self._rhythm.patience_s(time.monotonic(), busy=busy, fresh=bool(self._fresh))

    def _weigh(self, now_s: float) -> None:
        """Find what the thread takes of a core."""
        cpu_s, then_s = self._clocks
        self._clocks = time.thread_time(), now_s
        self._load = (self._clocks[0] - cpu_s) / max(now_s - then_s, 1e-9)

    def _take_rest(self) -> None:
        """Take what came since the last look, so that a recording ends where the counters do."""
        now_ns, newest_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME), 0
        while self._error is None and self._commands.are_taken and newest_ns < now_ns:
            batch = self.source.drain(0)
            if not len(batch):
                return
            newest_ns = int(batch.head["ts_ns"][-1])
            self._take(batch)

    # -- one batch -------------------------------------------------------------------------------------------------

    def _take(self, batch: Batch) -> None:
        number(batch, self._num, self._run_ns, self._last_ns)
        self._num += len(batch)
        self._run_ns, self._last_ns = batch.run_ns, int(batch.head["ts_ns"][-1])
        self._last_event_at = time.monotonic()
        lap = self._stages.lap
        self.processes.apply(batch)
        lap("processes")
        for listener in self.listeners:
            listener.batch(batch)
        lap("record")
        ruleset = self._revisions.ruleset
        if ruleset is not None:
            for row in ruleset.candidates(batch, self).tolist():
                event = self.event(batch, row)
                self._alerts.judge(ruleset, event)
                event.part()
        lap("rules")
        self._fresh.append(batch)
        self._fresh_events += len(batch)

    def _settle(self, now: float) -> None:
        """Judge again what waited for metadata; let the joined drains into the history; forget old processes."""
        self._alerts.settle(now, self._known_revision(), self._renewed)
        if self._fresh and (self._fresh_events >= APPEND_EVENTS or self._rhythm.keeps(now)):
            self._flush()
            self._rhythm.kept(now)
        if not self._fresh:
            self._before.settle()

    def _known_revision(self) -> int:
        """Return what changes whenever something that events wait for became known."""
        names = self.host_names.revision if self.host_names is not None else 0
        return self.containers.revision + names + VITALS.revision

    def _flush(self) -> None:
        if not self._fresh:
            return
        for batch in pieces(concat(self._fresh), APPEND_EVENTS):
            self._before.add(batch, self.history.append(batch, self.processes.nbytes))
        for old, new in self.history.join():
            self._before.moved(old, new)
        self._fresh, self._fresh_events = [], 0
        self.processes.retire(self.history.first_num)
        batches = self.history.batches()
        if batches:
            self.containers.retire(int(batches[0].head["ts_ns"][0]))

    def _alerted(self, alert: Alert) -> None:
        self._stats.alert(alert)
        self._before.alert(alert)
        self._heard.set()

    def _renewed(self, event: Event) -> Event:
        event.container = self.containers.of_cgroup(event.cgroup_id)
        return event

    # -- numbers ---------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        calls = self.source.call_counts()
        owners = [self.containers.of_cgroup(cgroup_id) for cgroup_id in calls.cgroup_ids.tolist()]
        self._stats.containers(self.containers.list())
        counts = self.source.counts()
        self._stats.count(counts, calls, owners)
        if self.source.live:
            other = self._stats.other
            rows = (*self._stats.rows(), *((other,) if other is not None else ()))
            for said in self._watchdog.look(state_of(self.source, counts, calls, rows)):
                self._alerts.announce(said, self._revisions.number, self.source.boot_to_epoch_ns)

    def _publish(self) -> None:
        batches = self.history.batches()
        first_ns = int(batches[0].head["ts_ns"][0]) + self.source.boot_to_epoch_ns if batches else 0
        last_ns = int(batches[-1].head["ts_ns"][-1]) + self.source.boot_to_epoch_ns if batches else 0
        ruleset = self._revisions.ruleset
        self._snapshot = Snapshot(
            node=self.node,
            kernel=platform.release(),
            source=self.source.name,
            live=self.source.live,
            ended=self.source.ended,
            time_ns=time.time_ns() if self.source.live else last_ns,
            uptime_s=time.monotonic() - self._began,
            counts=self.source.counts() if self._started.is_set() else Counts(),
            seen_per_s=self._stats.seen_per_s,
            emitted_per_s=self._stats.emitted_per_s,
            engine_load=self._load,
            revision=self._revisions.number,
            rules=len(ruleset) if ruleset is not None else 0,
            alerts=self._alerts.count,
            alerts_forgotten=self._alerts.forgotten,
            history_events=len(self.history),
            history_bytes=self.history.nbytes + self.history.beside_bytes,
            history_max_bytes=self.history.max_bytes,
            history_first_time_ns=first_ns,
            containers=self._stats.rows(),
            notices=self._notices(),
            known=self._known_revision(),
            other=self._stats.other,
        )
        for told in self._told:
            told()

    def _notices(self) -> tuple[str, ...]:
        own = []
        if isinstance(self.source, RecordingSource) and self.source.notice:
            own.append(self.source.notice)
        own += self._watchdog.notices
        if self._pushdown.notice:
            own.append(self._pushdown.notice)
        alerts = self._alerts
        if alerts.unjudged:
            own.append(f"{alerts.unjudged:,} events could not be judged, a bug of tuimon ({alerts.unjudged_why})")
        return (*own, *self.containers.notices())

    # -- what front ends ask ---------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot (made 10 times a second), None before the first; any thread, never blocks."""
        return self._snapshot

    def listen(self, told: Callable[[], object]) -> None:
        """Have this called in the engine's thread at each new snapshot, and at the end; it must be quick."""
        self._told = (*self._told, told)

    def alerts_since(self, num: int) -> Sequence[Alert]:
        """Return the kept alerts with a number greater than ``num``, oldest first; any thread."""
        return self._alerts.since(num)

    def wait_for_alerts(self, num: int, timeout_s: float) -> None:
        """Wait until there is an alert with a greater number, or the source or the engine has ended; for one thread."""
        self._heard.clear()
        if self._alerts.count <= num and not self._finished and self._error is None:
            self._heard.wait(timeout_s)

    def before(self, alert: Alert) -> Frozen | None:
        """Return the events of its container that were frozen with an alert, None when they had to go; any thread."""
        return self._before.of(alert)

    def before_is_pending(self, alert: Alert) -> bool:
        """Return whether ``before`` will know more of an alert in a moment; any thread."""
        return self._before.is_pending(alert)

    def event(self, batch: Batch, row: int) -> Event:
        """Return the row object of an event, with its process and container; any thread."""
        return event_at(batch, row, self.processes.get, self.containers.of_cgroup, self.source.boot_to_epoch_ns)

    def process_list(self, *, ended: bool = False) -> list[Process]:
        """Return the living processes, and if asked for those that ended and are still kept; any thread."""
        processes = self.processes
        return [*processes.living(), *processes.ended()] if ended else processes.living()

    def container_of(self, cgroup_id: int) -> Container | None:
        """Return the container a cgroup belongs to, the host, or None while it is not known; any thread."""
        return self.containers.of_cgroup(cgroup_id)

    def rules_in_force(self) -> tuple[Rule, ...]:
        """Return the rules in force, with their counters; any thread."""
        ruleset = self._revisions.ruleset
        return () if ruleset is None else ruleset.rules

    def health(self) -> Health:
        """Return what there is to know about the engine itself, as of now; any thread."""
        stages, shares, last = self._stages, self._stages.shares, self._last_event_at
        return Health(
            stages=tuple(
                StageCost(name, what, shares[name], stages.total_ns[name] / 1e9) for name, what in STAGES.items()
            ),
            last_event_s=None if last is None else time.monotonic() - last,
            memory_bytes=own_memory_bytes(),
            processes=len(self.processes),
            waiting=self._alerts.waiting,
            released_early=self._alerts.released_early,
            unjudged=self._alerts.unjudged,
            rings=getattr(self.source, "ring_fill", tuple)(),
            facts=getattr(self.source, "facts", tuple)(),
            floods=self._watchdog.floods,
            now_s=time.monotonic(),
            lag_s=getattr(self.source, "lag_s", 0.0),
        )

    def prepare(self) -> bool:
        """Work out of one batch of the history what filters ask most; see Preparer; any thread."""
        return self._preparer.prepare()

    def filter(self, text: str) -> Filter:
        """Compile a filter expression; raises RuleError with line, column and hint; any thread."""
        return compile_filter(text, self._revisions.loaded, self.event, self.memory)

    def rule_files(self) -> tuple[RuleFile, ...]:
        """Return the files in force, in load order; any thread."""
        return self._revisions.files

    @property
    def ruleset(self) -> RuleSet | None:
        """The rules in force, to be read, not judged with; None before there are any; any thread."""
        return self._revisions.ruleset

    @property
    def loaded(self) -> LoadResult:
        """What the rules in force were made of; any thread."""
        return self._revisions.loaded

    def check_rules(self, files: Sequence[RuleFile]) -> tuple[Diagnostic, ...]:
        """Compile only; any thread."""
        return load(files).diagnostics

    def apply_rules(self, files: Sequence[RuleFile]) -> RuleOutcome:
        """Compile in the calling thread, swap between two batches, return when in force; any thread."""
        return self._put_in_force(files)

    def revisions(self) -> tuple[Revision, ...]:
        """Return the rule sets that are or were in force, oldest first, the last one in force; any thread."""
        return self._revisions.all

    def roll_back(self, to: int | None = None) -> RuleOutcome:
        """Put the files of an earlier revision in force again, under a new number; any thread.

        Args:
            to: Number of a revision of ``revisions()``; None: the one before what is in force; called again so, one
                further back.

        Returns:
            Not accepted when there is no such revision any more, or when it no longer loads.
        """
        with self._rules_lock:
            earlier = self._revisions.earlier(to)
            if earlier is None:
                return RuleOutcome(accepted=False, revision=self._revisions.number, diagnostics=())
            return self._put_in_force(earlier.files, restores=earlier.origin)

    def _put_in_force(self, files: Sequence[RuleFile], *, restores: int | None = None) -> RuleOutcome:
        with self._rules_lock:
            ready = self._revisions.prepare(files, restores=restores)
            if isinstance(ready, RuleOutcome):
                return ready
            pause_s: list[float] = []
            self._commands.give(lambda: pause_s.append(self._swap(ready)))
            if self._commands.are_taken:
                self._pushdown.ask(ready.ruleset)
            return RuleOutcome(True, self._revisions.number, ready.loaded.diagnostics, *pause_s)

    def _swap(self, ready: Ready) -> float:
        """Put rules in force, in the engine's thread; return how long that took, in seconds."""
        began = time.perf_counter()
        self._pushdown.lift()
        self._revisions.put(ready)
        self._ask()
        return time.perf_counter() - began

    def watch(self, cgroups: frozenset[int] | None, *, everything: bool = False, messages: bool = False) -> None:
        """Say which cgroups the live pane shows (None: all), so that their calls are emitted in detail; any thread.

        Args:
            cgroups: Cgroup ids; an empty set asks for nothing.
            everything: Every call, also the loud ones (read, write, futex, ...); otherwise those that tell a story.
            messages: What is sent and received too, with its first bytes.
        """
        views = {"cgroups": cgroups, "everything": everything, "messages": messages}
        self._commands.give(lambda: self._look(**views), wait=False)

    def capture(self, calls: frozenset[str]) -> None:
        """Say which calls, by name, are emitted in detail besides, for a rule that is being written; any thread."""
        self._commands.give(lambda: self._look(besides=calls), wait=False)

    def _look(self, **what: object) -> None:
        self._views = replace(self._views, **what)  # type: ignore[arg-type]
        self._ask()

    def _ask_first(self) -> None:
        self._ask()
        self._pushdown.ask(self._revisions.ruleset)

    def _ask(self) -> None:
        """Tell the source what is wanted in detail, once it can be told."""
        interest = self.interest()
        self.processes.want_environ(interest.environ)
        if self._commands.are_taken:
            self.source.set_interest(interest)

    def interest(self) -> Interest:
        """Return what the rules in force and the open views ask for."""
        return interest_for(self._revisions.needs, self._views)


def build_engine(settings: Settings, source: Source) -> Engine:
    """Return an engine as the settings want it, with no rules yet, not started."""
    keep_large_apart()
    options = EngineOptions(
        history_bytes=settings.history_mb * 1024 * 1024,
        first_match_only=settings.rule_matching == "first",
        plain_falco=settings.plain_falco,
        suggested_output=settings.suggested_output,
    )
    return Engine(source, ProcessTable(), Containers(), options)
