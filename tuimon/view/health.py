"""Health: what tuimon costs and whether it works, at one moment; frozen, for any front end.

A ``Health`` is made when somebody looks at it (about once a second while the tab is shown), so it costs nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tuimon.records import SizeClass
from tuimon.rules.matching import Rule
from tuimon.wording import some


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage of the engine takes."""

    name: str
    what: str
    share: float
    """Of one core, over the last second or so."""
    total_s: float
    """CPU seconds since the start."""


def class_name(size_class: SizeClass) -> str:
    """Return the name of a size class for people."""
    return size_class.name.lower().replace("_", " ")


def by_class(counts: Sequence[int]) -> str:
    """Return the size classes of which there is anything, with their numbers."""
    return ", ".join(f"{class_name(c)} {n:,}" for c, n in zip(SizeClass, counts, strict=True) if n)


@dataclass(frozen=True, slots=True)
class Flood:
    """A time in which more came than could be read."""

    began_s: float
    """On the engine's steady clock."""
    ended_s: float | None
    """When the last event was lost or given up; None while it goes on."""
    lost_by_class: tuple[int, ...]
    """Records lost, by records.SizeClass."""
    containers: tuple[tuple[str, tuple[int, ...]], ...]
    """Name and records lost by size class of each container that lost any, the most first."""
    given_up: int
    """Calls that only a view asked for, left out meanwhile."""

    @property
    def lost(self) -> int:
        """Records lost."""
        return sum(self.lost_by_class)

    @property
    def lost_reserved(self) -> int:
        """Of them, of the classes with room of their own: exec, credentials, mounts, modules, ptrace."""
        return sum(self.lost_by_class[SizeClass.PROC_SHORT :])

    def in_words(self) -> str:
        """Return how much was lost, of which size classes and containers."""
        whose = some([name for name, _ in self.containers])
        return f"{self.lost:,} events ({by_class(self.lost_by_class)}{f'; of {whose}' if whose else ''})"


@dataclass(frozen=True, slots=True)
class Health:
    """What the engine tells about itself beyond its snapshot."""

    stages: tuple[StageCost, ...] = ()
    last_event_s: float | None = None
    """Seconds since the last event came, None before the first."""
    memory_bytes: int = 0
    """Resident memory of this process."""
    processes: int = 0
    """Process versions kept."""
    waiting: int = 0
    """Hits that wait for a value to become known."""
    released_early: int = 0
    """Of them, let go as unconfirmed for want of room."""
    unjudged: int = 0
    """Events that could not be judged."""
    rings: tuple[tuple[str, int, int], ...] = ()
    """Of each ring its size class, bytes waiting in it and its size; empty where there are none."""
    facts: tuple[tuple[str, str], ...] = ()
    """What was found and chosen at the start: name and value."""
    floods: tuple[Flood, ...] = ()
    """The last times in which events were lost or given up, oldest first."""
    now_s: float = 0.0
    """On the engine's steady clock, as the floods' times."""
    lag_s: float = 0.0
    """How old what is read now is, when there is more than can be read at once."""


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What one rule has cost since it was loaded."""

    name: str
    priority: str
    evaluated: int
    """Events that the exact evaluator looked at for it; the prefilter kept all others away."""
    matched: int
    unknown: int
    mean_ns: float
    """Of one evaluation; 0 before one was timed."""
    share: float
    """Of the time all rules took, 0 to 1."""


ORDERS: Final = ("cost", "evaluated", "matched", "mean", "name")
"""How the rules can be ordered."""


def rule_costs(rules: Sequence[Rule], order: str = ORDERS[0]) -> tuple[RuleCost, ...]:
    """Return what each rule costs, the dearest first, or in another of ``ORDERS``.

    The time of a rule is its evaluations times their mean: the first and one in 64 are timed (tuimon.rules.ruleset).
    """
    spent = [rule.counter.evaluated * rule.counter.ns_per_event for rule in rules]
    total = sum(spent) or 1.0
    costs = [
        RuleCost(
            name=rule.name,
            priority=rule.priority,
            evaluated=rule.counter.evaluated,
            matched=rule.counter.matched,
            unknown=rule.counter.unknown,
            mean_ns=rule.counter.ns_per_event,
            share=time_ns / total,
        )
        for rule, time_ns in zip(rules, spent, strict=True)
    ]

    def key(cost: RuleCost) -> tuple[float, float, str]:
        first = {"cost": cost.share, "evaluated": cost.evaluated, "matched": cost.matched, "mean": cost.mean_ns}
        return (-first.get(order, 0.0), -cost.evaluated if order != "name" else 0.0, cost.name.lower())

    return tuple(sorted(costs, key=key))


class Inspected(Protocol):
    """What the health pane asks of an engine."""

    def health(self) -> Health:
        """Return what it tells about itself."""

    def rules_in_force(self) -> tuple[Rule, ...]:
        """Return the rules with their counters."""
