"""Session: what the panes of one screen share: the engine, the lists, the filter, the chosen container. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tuimon.batch import Batch
from tuimon.before import Frozen
from tuimon.events import Alert, Container, Event, Process
from tuimon.history import History
from tuimon.revisions import Revision
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.matching import Rule
from tuimon.view.alert_view import AlertView
from tuimon.view.board import COLUMNS, columns_of
from tuimon.view.completion import Completion, complete, context_of
from tuimon.view.container_view import ContainerView
from tuimon.view.drift import DriftRow, DriftView
from tuimon.view.filter_history import FilterHistory
from tuimon.view.health import Health
from tuimon.view.in_force import InForce, Outcome
from tuimon.view.journal import Journal
from tuimon.view.live_view import LiveView
from tuimon.view.query import compile_all, compile_one, parted
from tuimon.view.rule_book import RuleBook, outline
from tuimon.view.rule_completion import complete_rule, rule_context
from tuimon.view.scan import Chosen, RowFilter
from tuimon.view.scan_thread import ScanThread
from tuimon.view.seen import Seen
from tuimon.view.severity import worse
from tuimon.view.terms import joined
from tuimon.view.trail import Step, Steps, Trail

if TYPE_CHECKING:
    from tuimon.view.snapshot import Snapshot

_MARKS: Final = 50_000
"""Alert marks kept before those of forgotten events are let go."""


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

    def before(self, alert: Alert) -> Frozen | None:
        """Return the events of its container that were frozen with an alert."""

    def before_is_pending(self, alert: Alert) -> bool:
        """Return whether ``before`` will know more of an alert in a moment."""

    def event(self, batch: Batch, row: int) -> Event:
        """Return a row object."""

    def prepare(self) -> bool:
        """Do a piece of work that makes filters quicker; return whether there was any."""

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

    def revisions(self) -> tuple[Revision, ...]:
        """Return the rule sets that are or were in force, the last one in force."""

    def roll_back(self, to: int | None = None) -> Outcome:
        """Put an earlier rule set in force again."""

    def watch(self, cgroups: frozenset[int] | None, *, everything: bool = False, messages: bool = False) -> None:
        """Ask for these cgroups in detail; ``everything``: the loud calls too; ``messages``: what is sent, too."""

    def capture(self, calls: frozenset[str]) -> None:
        """Ask for these calls, by name, besides."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a pump found different."""

    live: bool
    alerts: bool
    containers: bool
    switched: bool
    """The live list shows another query's rows now."""
    figures: bool = False
    """There is a newer snapshot."""


class Session:
    """The lists behind one screen.

    Args:
        engine: The engine, started or not.
        rules_path: What the user gave with ``-r``; see RuleBook.
        rule_folders: Watched for new rule files; see RuleBook.
        journal: Keeps unsaved rule texts; None: nothing does.
    """

    def __init__(
        self,
        engine: EngineFacade,
        rules_path: Path | None = None,
        rule_folders: Sequence[Path] = (),
        journal: Journal | None = None,
    ) -> None:
        self.engine = engine
        self.snapshot: Snapshot | None = None
        self.live = LiveView(engine.history)
        self.alerts = AlertView(engine.alerts_since)
        self.containers = ContainerView()
        self.book = RuleBook(engine.rule_files(), rules_path, rule_folders)
        self.journal = journal if journal is not None else Journal(None)
        self.drift = DriftView(engine)
        """Synced by the board tab, whatever tab is shown."""
        self._drifted: tuple[DriftRow, ...] = ()
        self.filter_history = FilterHistory()
        self._seen = Seen(engine.history, engine.event)
        self.marks: dict[int, str] = {}
        """Event number to the worst priority of its alerts."""
        self.trail = Trail()
        self.loud = False
        """The live pane asks for the loud calls too."""
        self.messages = False
        """The view of DNS names asks for what is sent and received."""
        self.besides: frozenset[str] = frozenset()
        """Calls, by name, that are captured for a rule that is being written."""
        self._filter: RowFilter | None = None
        self._chosen: Chosen | None = None
        self._watched: frozenset[int] | None = None
        """The cgroups that the engine was asked for."""
        self._generation = 0
        self._scanned_to = 0
        """The newest event that the scan was told of."""
        self._scan = ScanThread(self.live, engine.prepare)
        self._is_told = False
        """The engine says when it has news."""

    @property
    def in_force(self) -> InForce:
        """What puts the book's texts in force."""
        return InForce(self.engine, self.book, self.journal)

    @property
    def at_work(self) -> bool:
        """Whether ``pump`` may find something that the engine does not tell of."""
        return not self._is_told or self.live.searching

    def listen(self, told: Callable[[], object]) -> None:
        """Have the engine tell of news, in its own thread; one that cannot is to be asked again and again."""
        listen = getattr(self.engine, "listen", None)
        if listen is not None:
            listen(told)
            self._is_told = True

    def start(self) -> None:
        """Begin: scan in the background, ask for everything in detail."""
        self._scan.start()
        self._watch()

    def successor(self, engine: EngineFacade) -> Session:
        """Return a session over another engine with the rule texts and the steps of this one."""
        made = Session(engine)
        made.book, made.filter_history = self.book, self.filter_history
        made.alerts.mutes = self.alerts.mutes
        made.trail = self.trail
        made._follow_trail()
        return made

    def close(self) -> None:
        """End the scan; the engine is its owner's to stop."""
        self._scan.stop()

    def pump(self) -> Changes:
        """Take what the engine has since the last time. The screen's thread, up to ten times a second."""
        snapshot = self.engine.snapshot()
        containers = False
        figures = snapshot is not None and snapshot is not self.snapshot
        if snapshot is not None and figures:
            self.snapshot = snapshot
            containers = self.containers.update(snapshot.containers)
        new = self.alerts.sync()
        for alert in new:
            num = alert.event.num
            self.marks[num] = worse(self.marks.get(num), alert.priority) or alert.priority
            found = self.containers.tactics.setdefault(alert.container_id, set())
            found.update(COLUMNS[at].name for at in columns_of(alert.tags) if COLUMNS[at].tag)
        if len(self.marks) > _MARKS:
            first = self.live.history.first_num
            for num in [num for num in self.marks if num < first]:
                del self.marks[num]
        if self.drift.rows is not self._drifted:
            self._drifted = self.drift.rows
            self.containers.drift = _by_container(self._drifted)
            containers = True
        if containers:
            self._follow_containers()
        if self.live.filtered and self._scanned_to != (last := self.live.history.last_num):
            self._scanned_to = last
            self._scan.wake()
        live = self.live.sync()
        switched = self.live.generation != self._generation
        self._generation = self.live.generation
        return Changes(live or switched, bool(new), containers, switched, figures)

    @property
    def chosen_name(self) -> str:
        """What the chosen containers are called, and which have ended; empty while there are none."""
        ended = {row.container.id for row in self.containers.chosen_rows if row.ended}
        named = ((self.containers.name(each), each in ended) for each in self.containers.chosen_ids)
        return ", ".join(f"{name} (ended)" if over else name for name, over in sorted(named))

    @property
    def crumbs(self) -> list[str]:
        """What the steps are called, the widest first; containers by the names that they have now."""
        known = {row.container.id for row in self.containers.rows}
        return [
            self.chosen_name if step.containers and step.containers <= known else step.label
            for step in self.trail.steps
        ]

    @property
    def row_filter(self) -> RowFilter | None:
        """The conditions of all steps, compiled; None for none."""
        return self._filter

    @property
    def filter_text(self) -> str:
        """The conditions of all steps as one text."""
        return joined(self.trail.terms)

    def choose(self, container_id: str | None) -> None:
        """Limit the live pane and the alerts to a container; the same again, or None, shows all."""
        same = container_id is None or self.containers.chosen_ids == {container_id}
        self.choose_all(frozenset() if same or container_id is None else frozenset((container_id,)))

    def toggle_container(self, container_id: str) -> None:
        """Take one more container into the choice, or out of it."""
        self.choose_all(self.containers.chosen_ids ^ {container_id})

    def choose_all(self, ids: frozenset[str], view: str = "") -> None:
        """Limit the live pane and the alerts to some containers; none: all.

        Args:
            ids: Of containers.
            view: See Step.
        """
        label = ", ".join(sorted(self.containers.name(each) for each in ids))
        self.trail.set_containers(Step(label, containers=ids, view=view) if ids else None)
        self._follow_trail()

    def alerts_about(self, num: int) -> Sequence[Alert]:
        """Return the alerts about an event that are still kept, oldest first."""
        if num not in self.marks:
            return ()
        return [alert for alert in self.engine.alerts_since(0) if alert.event.num == num]

    def toggle_loud(self) -> None:
        """Ask for the calls that come by the million (read, write, futex, ...) too, or no longer."""
        self.loud = not self.loud
        self._watch()

    def want_messages(self, wanted: bool) -> None:
        """Ask for what is sent and received too, as the view of DNS names needs it, or no longer."""
        if wanted != self.messages:
            self.messages = wanted
            self._watch()

    def capture(self, calls: frozenset[str]) -> None:
        """Ask for these calls, by name, besides, for a rule that is being written; none: no longer."""
        self.besides = calls
        self.engine.capture(calls)

    def _watch(self) -> None:
        """Ask for what the live pane shows."""
        self._watched = self.containers.watched()
        self.engine.watch(self._watched, everything=self.loud, messages=self.messages)

    def set_filter(self, text: str) -> None:
        """Keep the events that an expression of the rule language, or plain text, describes; empty keeps all.

        It takes the place of all conditions there are; ``!`` before it: what it does not describe.

        Raises:
            RuleError: The expression is wrong.
        """
        text = text.strip()
        if text:
            compile_one(text, self.engine.filter)
        self.filter_history.add(text)
        self.trail.set_terms(Step(text, text) if text else None)
        self._follow_trail()

    def complete(self, text: str, cursor: int) -> Completion:
        """Return what can stand at a place of a filter; any thread, may take some milliseconds."""
        lead = len(text) - len(text.removeprefix("!"))
        context = context_of(getattr(self.engine, "loaded", None), self._seen)
        found = complete(text[lead:], max(cursor - lead, 0), context)
        return Completion(found.start + lead, found.items)

    def complete_rule(self, text: str, row: int, column: int) -> Completion:
        """Return what can stand at a place of a rule file; any thread, may take some milliseconds."""
        loaded = getattr(self.engine, "loaded", None)
        context = context_of(loaded, self._seen)
        known = {item.name: item for file in self.book.dirty() for item in outline(file.buffer)}
        typed = {name: "defined in the editor" for name, item in known.items() if item.kind == "macro"}
        lists: dict[str, Sequence[str]] = {name: () for name, item in known.items() if item.kind == "list"}
        context = replace(context, macros=typed | dict(context.macros), lists=lists | dict(context.lists))
        return complete_rule(text, row, column, rule_context(loaded, context))

    def add_step(self, step: Step) -> bool:
        """Take a step further in; return False when it was taken already.

        Raises:
            RuleError: Its condition is wrong.
        """
        if step.term:
            compile_all((*self.trail.terms, step.term), self.engine.filter)
        changed = self.trail.add(step)
        if changed:
            self.filter_history.add(self.filter_text)
            self._follow_trail()
        return changed

    def climb(self) -> Step | None:
        """Take the newest step back; None when there is none."""
        gone = self.trail.climb()
        if gone is not None:
            self._follow_trail()
        return gone

    def climb_to(self, steps: int) -> None:
        """Keep the first steps only."""
        if self.trail.cut(steps):
            self._follow_trail()

    def go(self, by: int) -> bool:
        """Go to the state before (-1) or after (1) this one; return whether there was any."""
        moved = self.trail.go(by)
        if moved:
            self._follow_trail()
        return moved

    @property
    def editable(self) -> str:
        """What the filter bar edits: all conditions as one expression, else the newest text that cannot be joined."""
        terms = self.trail.terms
        if len(terms) <= 1:
            return terms[0] if terms else ""
        _, others = parted(terms, self.engine.filter)
        return others[-1] if others else joined(terms)

    def edited(self, text: str) -> None:
        """Take what became of ``editable``.

        Raises:
            RuleError: The expression is wrong.
        """
        text, terms, was = text.strip(), self.trail.terms, self.editable
        if len(terms) <= 1 or was not in terms:
            self.set_filter(text)
            return
        if text:
            compile_one(text, self.engine.filter)
            self.filter_history.add(text)
        steps: Steps = tuple(
            Step(text, text) if step.term == was else step for step in self.trail.steps if text or step.term != was
        )
        self.trail.set(steps)
        self._follow_trail()

    def _follow_trail(self) -> None:
        """Show what the steps stand for."""
        ids = self.trail.containers
        if ids != self.containers.chosen_ids:
            self.containers.chosen_ids = ids
            self.alerts.show(containers=ids)
            self._watch()
        self._filter = compile_all(self.trail.terms, self.engine.filter)
        self._requery()

    def _follow_containers(self) -> None:
        """Show, and ask for, what the chosen containers have become: a restarted one has another cgroup."""
        if self.containers.watched() != self._watched:
            self._watch()
        if self.containers.cgroups() != self._chosen:
            self._requery()

    def _requery(self) -> None:
        self._chosen = self.containers.cgroups()
        self.live.show(self._filter, self._chosen)
        self._scan.wake()


def _by_container(rows: Sequence[DriftRow]) -> dict[str, list[str]]:
    """Return the paths of drifted programs by the id of their container, the newest first."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.container is not None:
            found.setdefault(row.container.id, []).append(row.path)
    return found
