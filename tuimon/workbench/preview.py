"""Preview: what a changed rule would have caught in the history, against what the rules before caught.

Only the rules that changed are asked, old and new together, batch by batch from the newest on, so that it can be cut
into slices, cancelled at the next key press, and still tell something true about the part it has seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.rules.columns import Types
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.nodes import Condition
from tuimon.rules.numbering import Memory
from tuimon.rules.prefilter_kernel import KernelExpressions
from tuimon.rules.versions import EventOf
from tuimon.workbench.capturing import NOT_THINNED, Thinned, not_captured, unfiltered, wanted
from tuimon.workbench.judging import Rules, first_match
from tuimon.workbench.kept_back import Kept, Sieve
from tuimon.workbench.scan import Found, Scan

LIMIT: Final = 500
"""Rows listed of each kind; the counts are exact whatever it is."""
_SAMPLES: Final = 128
"""Events judged by the clock for the cost."""
_OTHERS: Final = 2000
"""Groups kept apart; beyond them the rest is one group, so that a million programs cannot make a million lines."""


class Cancel(Protocol):
    """Tells whether to end early; a ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether to end."""


@dataclass(frozen=True, slots=True)
class Row:
    """One alert that a change adds or takes away, or an event that cannot be judged."""

    rule: str
    num: int
    """``evt.num``; ``History.find`` leads to the event."""
    time_ns: int
    """Since the epoch."""
    container: str
    """Name or id; ``host``; empty while it is not known."""
    process: str
    """Its comm, raw."""
    cmdline: str
    """Raw."""


@dataclass(frozen=True, slots=True)
class Group:
    """How many alerts of one program in one container a change adds and takes away."""

    container: str
    process: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What judging the changed rules costs."""

    judged: int
    """Events of the window that the prefilter left to the exact evaluator, for these rules."""
    ns_per_judged: float
    """Mean of a sample, 0 when nothing is judged and when the look was cancelled."""
    events: int

    @property
    def ns_per_event(self) -> float:
        """Mean over all events of the window, those that the prefilter took for nothing included."""
        return self.ns_per_judged * self.judged / self.events if self.events else 0.0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of rules means for a window of history."""

    rules: tuple[str, ...]
    """The rules that changed, appeared or went."""
    was: int
    """Their alerts in the window before the change."""
    now: int
    added: int
    removed: int
    added_rows: tuple[Row, ...]
    """The newest first, at most as many as were asked for."""
    removed_rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    """The largest first; their sums are ``added`` and ``removed``."""
    unknown: int
    """Events whose answer hangs on a value that is not known yet (by the rules as they are now)."""
    unknown_rows: tuple[Row, ...]
    lost: int
    """Records that the kernel had to drop during the window."""
    not_captured: tuple[str, ...]
    """Event types of these rules that are not captured in detail at present: what happened of them is not here."""
    thinned: tuple[str, ...]
    """Event types of these rules of which the kernel keeps back what no rule in force can match: it is not here."""
    thinned_elsewhere: bool
    """It keeps them back only outside of the containers that the live view shows: all of those is here."""
    unfiltered_before: tuple[str, ...]
    """Event types of which the kernel had to send every event for these rules as they were."""
    unfiltered_now: tuple[str, ...]
    """The same for the rules as they are now; more than before means that an edit stopped the kernel from sorting."""
    kept_before: Kept
    """What the kernel would keep back for these rules alone as they were: an estimate."""
    kept_now: Kept
    """The same for the rules as they are now."""
    events: int
    """Of the window."""
    first_time_ns: int
    """Of the window, since the epoch; 0 when it is empty."""
    last_time_ns: int
    cost_before: Cost
    cost_now: Cost
    complete: bool
    """False: it was cancelled; everything above is about the newest part only."""
    took_s: float


def preview(
    history_batches: Sequence[Batch],
    event_of: EventOf,
    old: Rules | None,
    new: Rules,
    changed_rule_names: Collection[str] | None = None,
    *,
    cancel: Cancel | None = None,
    captured: Collection[str] | None = None,
    thinned: Thinned = NOT_THINNED,
    limit: int = LIMIT,
    breath_s: float = 0.0,
    memory: Memory | None = None,
) -> Preview:
    """Return what the new rules would have caught, against the old.

    Args:
        history_batches: ``History.batches()``.
        event_of: Makes the row object of an event (``Engine.event``).
        old: The rules in force; None: there are none.
        new: The rules to be looked at. Neither set is touched: nothing is counted in it, and it may be in force.
        changed_rule_names: The rules to ask; None: those whose condition differs.
        cancel: Set it to end early.
        captured: The event types that are captured in detail at present (``capturing.captured_types``); None: no word
            is said about it.
        thinned: Of which event types the kernel keeps some back at present (``capturing.thinned``).
        limit: Rows listed of each kind.
        breath_s: Sleep after each batch, so that another thread can have the interpreter.
        memory: Kept from the preview before, of the same history.

    Raises:
        RuleError: A rule cannot be compiled.
    """
    run = Run(history_batches, event_of, old, new, changed_rule_names, limit=limit, memory=memory)
    for _ in run.steps():
        if cancel is not None and cancel.is_set():
            break
        if breath_s:
            time.sleep(breath_s)
    return run.result(captured, thinned)


class Run:
    """A preview that can be taken step by step; ``preview`` is the short way. Arguments as there."""

    def __init__(
        self,
        history_batches: Sequence[Batch],
        event_of: EventOf,
        old: Rules | None,
        new: Rules,
        changed_rule_names: Collection[str] | None = None,
        *,
        limit: int = LIMIT,
        memory: Memory | None = None,
    ) -> None:
        self._began_s = time.perf_counter()
        self._batches = [batch for batch in history_batches if len(batch)]
        self._event_of = event_of
        self._before, self._after = conditions(old), conditions(new)
        names = self._before.keys() | self._after.keys()
        self.names = tuple(
            sorted(name for name in names if name in changed_rule_names)
            if changed_rule_names is not None
            else changed(self._before, self._after)
        )
        self._sides = [
            (name, is_new, side[name])
            for is_new, side in ((False, self._before), (True, self._after))
            for name in self.names
            if name in side
        ]
        self._new = new
        # The conditions are the new ones' or go with them; plain Falco or not is the engine's choice for all.
        self._scan = Scan(
            [condition for _, _, (condition, _) in self._sides],
            [types for _, _, (_, types) in self._sides],
            event_of,
            new.fresh_checks(),
            memory,
        )
        self._first = (
            (first_match(old), first_match(new))
            if new.first_match_only or (old is not None and old.first_match_only)
            else None
        )
        self._kernel = [KernelExpressions(self._mine(is_new=is_new), new.fresh_checks()) for is_new in (False, True)]
        self._sieves = [Sieve(asked) for asked in self._kernel]
        self._limit = limit
        self._pairs = self._paired()
        self._seen = 0
        self._events = self._lost = self._was = self._now = self._added = self._removed = self._unknown = 0
        self._left = np.zeros(len(self._sides), np.int64)
        self._added_rows: list[Row] = []
        self._removed_rows: list[Row] = []
        self._unknown_rows: list[Row] = []
        self._groups: dict[tuple[str, str], list[int]] = {}
        self._samples: list[Event] = []

    def _paired(self) -> list[tuple[str, int, int]]:
        """Return (rule, place of its old condition, place of its new one), -1 where there is none."""
        places = {(name, is_new): at for at, (name, is_new, _) in enumerate(self._sides)}
        return [(name, places.get((name, False), -1), places.get((name, True), -1)) for name in self.names]

    def steps(self) -> Iterator[None]:
        """Look at one batch at a time, the newest first."""
        for batch in reversed(self._batches):
            self._take(batch)
            self._seen += 1
            yield

    def _take(self, batch: Batch) -> None:
        self._events += len(batch)
        self._lost += int(batch.head["lost"].sum(dtype=np.int64))
        found = self._scan.ask(batch)
        self._left += found.left
        self._sample(batch, found)
        for sieve in self._sieves:
            sieve.take(batch, self._event_of)
        if not len(found.rows):
            return
        if self._first is not None:
            self._take_first(batch, found)
            return
        for name, before, after in self._pairs:
            was = found.true[:, before] if before >= 0 else np.zeros(len(found.rows), bool)
            now = found.true[:, after] if after >= 0 else np.zeros(len(found.rows), bool)
            self._was += int(was.sum())
            self._now += int(now.sum())
            self._differ(batch, name, found.rows[now & ~was], found.rows[was & ~now])
            if after >= 0 and found.unknown[:, after].any():
                self._doubt(batch, name, found.rows[found.unknown[:, after]])

    def _take_first(self, batch: Batch, found: Found) -> None:
        """With ``rule_matching: first`` a rule can silence, or set free, those behind it: ask all of them.

        An event that no changed rule matches, before or after, gets the same rule as before.
        """
        assert self._first is not None
        asked = frozenset(self.names)
        differing: dict[str, tuple[list[int], list[int]]] = {}
        for row in found.rows.tolist():
            event = self._event_of(batch, row)
            before, after = (judge(event) for judge in self._first)
            was, now = (rule[0] if rule is not None and rule[1] else None for rule in (before, after))
            self._was += was in asked
            self._now += now in asked
            if was != now:
                if now is not None:
                    differing.setdefault(now, ([], []))[0].append(row)
                if was is not None:
                    differing.setdefault(was, ([], []))[1].append(row)
            if after is not None and not after[1]:
                self._doubt(batch, after[0], np.array([row]))
        for name, (added, removed) in differing.items():
            self._differ(batch, name, np.array(added, np.intp), np.array(removed, np.intp))

    def _differ(self, batch: Batch, name: str, added: NDArray[np.intp], removed: NDArray[np.intp]) -> None:
        self._added += len(added)
        self._removed += len(removed)
        for at, rows in enumerate((added, removed)):
            if len(rows):
                self._list((self._added_rows, self._removed_rows)[at], batch, name, rows)
                self._group(batch, rows, at)

    def _doubt(self, batch: Batch, name: str, rows: NDArray[np.intp]) -> None:
        self._unknown += len(rows)
        self._list(self._unknown_rows, batch, name, rows)

    def _list(self, into: list[Row], batch: Batch, name: str, rows: NDArray[np.intp]) -> None:
        newest = rows[::-1][: max(0, self._limit - len(into))].tolist()
        into += [row_of(name, self._event_of(batch, row)) for row in newest]

    def _group(self, batch: Batch, rows: NDArray[np.intp], at: int) -> None:
        cgroups = batch.head["cgroup_id"][rows]
        processes = batch.process_at[rows] if len(batch.process_at) else np.full(len(rows), -1, np.int32)
        order = np.lexsort((processes, cgroups))
        cgroups, processes = cgroups[order], processes[order]
        starts = np.flatnonzero(
            np.concatenate(([True], (cgroups[1:] != cgroups[:-1]) | (processes[1:] != processes[:-1])))
        )
        sizes = np.diff(np.append(starts, len(rows)))
        for row, size in zip(rows[order][starts].tolist(), sizes.tolist(), strict=True):
            key = who(self._event_of(batch, row))
            if key not in self._groups and len(self._groups) >= _OTHERS:
                key = ("", "others")
            self._groups.setdefault(key, [0, 0])[at] += size

    def _sample(self, batch: Batch, found: Found) -> None:
        if len(found.rows) and len(self._samples) < _SAMPLES:
            step = max(1, len(found.rows) // 16)
            self._samples += [self._event_of(batch, row) for row in found.rows[::step].tolist()]

    def result(self, captured: Collection[str] | None = None, thinned: Thinned = NOT_THINNED) -> Preview:
        """Return what has been seen so far."""
        seen = self._batches[len(self._batches) - self._seen :]
        offset_ns = self._event_of(seen[0], 0).boot_to_epoch_ns if seen else 0
        groups = [Group(*key, *counts) for key, counts in self._groups.items()]
        groups.sort(key=lambda group: (-(group.added + group.removed), group.container, group.process))
        types = [each for _, is_new, (_, each) in self._sides if is_new]
        missing = wanted(types) & thinned.types
        return Preview(
            rules=self.names,
            was=self._was,
            now=self._now,
            added=self._added,
            removed=self._removed,
            added_rows=tuple(self._added_rows),
            removed_rows=tuple(self._removed_rows),
            groups=tuple(groups),
            unknown=self._unknown,
            unknown_rows=tuple(self._unknown_rows),
            lost=self._lost,
            not_captured=not_captured(types, captured),
            thinned=tuple(sorted(missing)),
            thinned_elsewhere=bool(missing) and thinned.elsewhere,
            unfiltered_before=unfiltered(self._kernel[False]),
            unfiltered_now=unfiltered(self._kernel[True]),
            kept_before=self._sieves[False].kept,
            kept_now=self._sieves[True].kept,
            events=self._events,
            first_time_ns=int(seen[0].head["ts_ns"][0]) + offset_ns if seen else 0,
            last_time_ns=int(seen[-1].head["ts_ns"][-1]) + offset_ns if seen else 0,
            cost_before=self._cost(is_new=False),
            cost_now=self._cost(is_new=True),
            complete=self._seen == len(self._batches),
            took_s=time.perf_counter() - self._began_s,
        )

    def _mine(self, *, is_new: bool) -> list[tuple[Condition, Types]]:
        """Return condition and event types of the changed rules as they were, or as they are now."""
        return [pair for _, new, pair in self._sides if new is is_new]

    def _cost(self, *, is_new: bool) -> Cost:
        mine = [at for at, (_, new, _) in enumerate(self._sides) if new is is_new]
        judged = int(self._left[mine].sum())
        if not judged or self._seen < len(self._batches):  # cancelled: somebody is typing
            return Cost(judged, 0.0, self._events)
        checks = self._new.fresh_checks()
        total_ns = 0.0
        for at in mine:
            judge = compile_condition(self._sides[at][2][0], checks=checks)
            total_ns += mean_ns(judge, self._samples) * int(self._left[at])
        return Cost(judged, total_ns / judged, self._events)


def conditions(rules: Rules | None) -> dict[str, tuple[Condition, Types]]:
    """Return condition and event types of each rule by name."""
    if rules is None:
        return {}
    return {rule.name: (condition, rule.event_types) for rule, condition in rules.pairs}


def changed(before: dict[str, tuple[Condition, Types]], after: dict[str, tuple[Condition, Types]]) -> list[str]:
    """Return the rules that are in one of the two only, or differ."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def mean_ns(judge: Callable[[Event], object], events: Iterable[Event]) -> float:
    """Return the mean CPU time of judging some events, each a fresh object so that nothing of it is decoded yet.

    Of this thread alone: a busy machine makes no rule expensive.
    """
    fresh = [Event(e.batch, e.row, e.process, e.container, e.boot_to_epoch_ns) for e in events]
    if not fresh:
        return 0.0
    began_ns = time.thread_time_ns()
    for event in fresh:
        judge(event)
    return (time.thread_time_ns() - began_ns) / len(fresh)


def who(event: Event) -> tuple[str, str]:
    """Return container and process of an event as a group's name."""
    process = event.process
    name = event.comm if process is None or not process.comm else process.comm
    return container_name(event), name or ""


def container_name(event: Event) -> str:
    """Return the name of an event's container, its id when it has none, empty while it is not known."""
    container = event.container
    if container is None:
        return ""
    return container.name or container.id


def row_of(rule: str, event: Event) -> Row:
    """Return an event as a listed row."""
    container, process = who(event)
    return Row(rule, event.num, event.time_ns, container, process, event.process.cmdline if event.process else process)
