"""Session: what the panes of one screen share: the engine, the lists, the filter, the chosen container. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tuimon.batch import Batch
from tuimon.events import Alert, Container, Event, Process
from tuimon.history import History
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.matching import Rule
from tuimon.view.alert_view import AlertView
from tuimon.view.container_view import ContainerView, label
from tuimon.view.filter_history import FilterHistory
from tuimon.view.health import Health
from tuimon.view.live_view import LiveView
from tuimon.view.rule_book import RuleBook
from tuimon.view.scan import Chosen, RowFilter
from tuimon.view.scan_thread import ScanThread
from tuimon.view.severity import worse

if TYPE_CHECKING:
    from tuimon.view.snapshot import Snapshot

_MARKS: Final = 50_000
"""Alert marks kept before those of forgotten events are let go."""


class Outcome(Protocol):
    """What became of rules that were handed in; see tuimon.engine.RuleOutcome."""

    @property
    def accepted(self) -> bool:
        """Whether they are in force."""

    @property
    def revision(self) -> int:
        """The revision in force afterwards."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong or doubtful."""


class EngineFacade(Protocol):
    """What a session asks of the engine; see tuimon.engine.Engine."""

    history: History

    def start(self) -> None:
        """Begin; harmless when it has begun."""

    def stop(self) -> None:
        """End."""

    def error(self) -> BaseException | None:
        """Return what ended the engine."""

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, None before the first."""

    def alerts_since(self, num: int) -> Sequence[Alert]:
        """Return the newer alerts, oldest first."""

    def event(self, batch: Batch, row: int) -> Event:
        """Return a row object."""

    def filter(self, text: str) -> RowFilter:
        """Compile a filter; RuleError when it is wrong."""

    def process_list(self, *, ended: bool = False) -> list[Process]:
        """Return the processes."""

    def container_of(self, cgroup_id: int) -> Container | None:
        """Return the owner of a cgroup."""

    def rules_in_force(self) -> tuple[Rule, ...]:
        """Return the rules with their counters."""

    def health(self) -> Health:
        """Return what the engine tells about itself."""

    def rule_files(self) -> tuple[RuleFile, ...]:
        """Return the files in force."""

    def check_rules(self, files: Sequence[RuleFile]) -> tuple[Diagnostic, ...]:
        """Compile only."""

    def apply_rules(self, files: Sequence[RuleFile]) -> Outcome:
        """Put rules in force."""

    def watch(self, cgroups: frozenset[int] | None, *, everything: bool = False) -> None:
        """Ask for these cgroups in detail; ``everything``: the loud calls too."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a pump found different."""

    live: bool
    alerts: bool
    containers: bool
    switched: bool
    """The live list shows another query's rows now."""


class Session:
    """The lists behind one screen.

    Args:
        engine: The engine, started or not.
        rules_path: What the user gave with ``-r``; see RuleBook.
    """

    def __init__(self, engine: EngineFacade, rules_path: Path | None = None) -> None:
        self.engine = engine
        self.snapshot: Snapshot | None = None
        self.live = LiveView(engine.history)
        self.alerts = AlertView(engine.alerts_since)
        self.containers = ContainerView()
        self.book = RuleBook(engine.rule_files(), rules_path)
        self.filter_history = FilterHistory()
        self.marks: dict[int, str] = {}
        """Event number to the worst priority of its alerts."""
        self.filter_text = ""
        self.loud = False
        """The live pane asks for the loud calls too."""
        self._filter: RowFilter | None = None
        self._chosen: Chosen | None = None
        self._generation = 0
        self._scan = ScanThread(self.live)

    def start(self) -> None:
        """Begin: scan in the background, ask for everything in detail."""
        self._scan.start()
        self._watch()

    def successor(self, engine: EngineFacade) -> Session:
        """Return a session over another engine with the rule texts, the filter and the choice of this one."""
        made = Session(engine)
        made.book, made.filter_history = self.book, self.filter_history
        if self.containers.chosen_id is not None:
            made.choose(self.containers.chosen_id)
        if self.filter_text:
            made.set_filter(self.filter_text)
        return made

    def close(self) -> None:
        """End the scan; the engine is its owner's to stop."""
        self._scan.stop()

    def pump(self) -> Changes:
        """Take what the engine has since the last time. The screen's thread, ten times a second."""
        snapshot = self.engine.snapshot()
        containers = False
        if snapshot is not None and snapshot is not self.snapshot:
            self.snapshot = snapshot
            containers = self.containers.update(snapshot.containers)
        new = self.alerts.sync()
        for alert in new:
            num = alert.event.num
            self.marks[num] = worse(self.marks.get(num), alert.priority) or alert.priority
        if len(self.marks) > _MARKS:
            first = self.live.history.first_num
            for num in [num for num in self.marks if num < first]:
                del self.marks[num]
        if containers and self.containers.cgroups() != self._chosen:
            self._requery()
        live = self.live.sync()
        switched = self.live.generation != self._generation
        self._generation = self.live.generation
        return Changes(live or switched, bool(new), containers, switched)

    @property
    def chosen_name(self) -> str:
        """What the chosen container is called, empty while there is none."""
        row = self.containers.chosen
        return label(row) if row is not None else ""

    def choose(self, container_id: str | None) -> None:
        """Limit the live pane and the alerts to a container; the same again, or None, shows all."""
        self.containers.choose(container_id)
        chosen = self.containers.chosen_id
        self.alerts.show(container=chosen)
        self._requery()
        self._watch()

    def toggle_loud(self) -> None:
        """Ask for the calls that come by the million (read, write, futex, ...) too, or no longer."""
        self.loud = not self.loud
        self._watch()

    def _watch(self) -> None:
        """Ask for what the live pane shows."""
        row = self.containers.chosen
        cgroups = None if row is None or row.container.is_host else row.cgroup_ids
        self.engine.watch(cgroups, everything=self.loud)

    def set_filter(self, text: str) -> None:
        """Keep the events that an expression of the rule language, or plain text, describes; empty keeps all.

        Raises:
            RuleError: The expression is wrong.
        """
        text = text.strip()
        self._filter = self.engine.filter(text) if text else None
        self.filter_text = text
        self.filter_history.add(text)
        self._requery()

    def _requery(self) -> None:
        self._chosen = self.containers.cgroups()
        self.live.show(self._filter, self._chosen)
        self._scan.wake()
