"""Near misses: rules that an event failed by little, and what stood in the way; and which rules it does match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.rules.explain import NearMiss, Part
from tuimon.rules.explain import near_misses as _nearest
from tuimon.rules.prefilter_numpy import EventOf
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.judging import Judging
from tuimon.workbench.scan import rows_of

__all__ = ["NearEvent", "NearMiss", "Why", "near_events", "near_misses", "why"]


@dataclass(frozen=True, slots=True)
class Why:
    """What all rules say about one event."""

    matched: tuple[str, ...]
    """Rules that it matches, in the order of the files."""
    unknown: tuple[str, ...]
    """Rules that hang on a value that is not known yet."""
    missed: tuple[NearMiss, ...]
    """The nearest first."""
    first: str | None
    """The rule that alerts with ``rule_matching: first``: it shadows all the others that match."""


@dataclass(frozen=True, slots=True)
class NearEvent:
    """An event that a rule failed by little."""

    batch: Batch
    row: int
    tree: Part
    blockers: tuple[Part, ...]


def near_misses(ruleset: RuleSet, event: Event, *, limit: int = 5, parts: int | None = None) -> list[NearMiss]:
    """Return the rules that came closest to an event without matching it, the closest first.

    Args:
        ruleset: The rules; nothing is counted in them. Any thread.
        event: The event.
        limit: At most so many.
        parts: Only rules that failed by at most so many checks; None: however many.
    """
    found = _nearest(ruleset.applicable(event), event, len(ruleset), ruleset.fresh_checks())
    return [miss for miss in found if parts is None or len(miss.blockers) <= parts][:limit]


def why(ruleset: RuleSet, event: Event, *, limit: int = 5) -> Why:
    """Return which rules an event matches, cannot be decided for, and nearly matches."""
    judging = Judging(ruleset, first_only=False)
    verdicts = judging.verdicts(event)
    matched = tuple(rule.name for rule, sure in verdicts if sure)
    unknown = tuple(rule.name for rule, sure in verdicts if not sure)
    missed = [miss for miss in near_misses(ruleset, event, limit=limit + len(unknown)) if miss.tree.truth is False]
    return Why(matched, unknown, tuple(missed[:limit]), matched[0] if matched else None)


def near_events(
    batches: Sequence[Batch], event_of: EventOf, ruleset: RuleSet, rule: str, *, parts: int = 1, scan: int = 20_000
) -> Iterator[NearEvent]:
    """Yield the newest events that a rule failed by at most so many checks.

    Every event of the rule's types is explained, which costs some 50 µs each: it is a generator, to be stopped at will.

    Args:
        batches: ``History.batches()``.
        event_of: Makes the row object of an event.
        ruleset: Where the rule is.
        rule: Its name; nothing is yielded when there is no such rule.
        parts: Checks that may stand in the way.
        scan: Events looked at, at most.
    """
    pairs = [pair for pair in ruleset.pairs if pair[0].name == rule]
    if not pairs:
        return
    types = pairs[0][0].event_types
    checks = ruleset.fresh_checks()
    for batch in reversed(batches):
        for row in rows_of(batch, types)[::-1].tolist():
            if scan <= 0:
                return
            scan -= 1
            for miss in _nearest(pairs, event_of(batch, row), 1, checks):
                if len(miss.blockers) <= parts:
                    yield NearEvent(batch, row, miss.tree, miss.blockers)
