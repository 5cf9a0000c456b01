"""What comes out of judging an event: hits, the rule behind each, and the queue of those that are not decided yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tuimon.events import Event
from tuimon.rules.evaluate import Judge
from tuimon.rules.output import Template
from tuimon.rules.predicates import predicate

__all__ = ["MAX_PENDING", "Counter", "Pending", "Rule", "RuleHit", "predicate"]

MAX_PENDING: Final = 10_000
"""Undecided hits kept; beyond it the oldest are let go as unconfirmed, so that an engine that never answers cannot
make the queue grow without end."""


@dataclass(slots=True)
class Counter:
    """What a rule has done since it was loaded; carried over to the next rule set while the rule stays the same.

    Written by the engine's thread only.
    """

    evaluated: int = 0
    """Events that the exact evaluator looked at for this rule."""
    matched: int = 0
    unknown: int = 0
    """Events for which some value was not known yet."""
    sampled: int = 0
    """Evaluations that were timed."""
    sampled_ns: int = 0
    """Time they took together."""

    @property
    def ns_per_event(self) -> float:
        """Mean time of one evaluation, from the timed ones; 0 before there is one."""
        return self.sampled_ns / self.sampled if self.sampled else 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force."""

    name: str
    priority: str
    tags: tuple[str, ...]
    source: str
    file: str
    line: int
    event_types: frozenset[str] | None
    """None: all."""
    template: Template
    judge: Judge
    """The exact condition by itself."""
    signature: tuple[object, ...]
    """What makes it the same rule in the next rule set."""
    counter: Counter = field(default_factory=Counter)

    def takes(self, event_type: str) -> bool:
        """Return whether events of a type can match it at all."""
        return self.event_types is None or event_type in self.event_types


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that matched an event, or may have."""

    rule: Rule
    revision: int
    unknown: bool = False
    """Some value was not known yet; judge again when it is."""
    instead: tuple[RuleHit, ...] = ()
    """Hits of later rules that count only when this one turns out false (``rule_matching: first``)."""

    def decide(self, event: Event) -> tuple[RuleHit, bool | None]:
        """Judge an event again, and by the next of ``instead`` when this rule turns out not to match.

        Returns:
            The hit that counts, and whether it does; None while that is still not known.
        """
        verdict = self.rule.judge(event) if self.unknown else True
        if verdict is not False or not self.instead:
            return self, verdict
        return replace(self.instead[0], instead=self.instead[1:]).decide(event)

    def output(self, event: Event) -> str:
        """Return the message, its fields filled in as they are; whoever shows it escapes it."""
        return self.rule.template.format(event, escape=False)

    def fields(self, event: Event) -> dict[str, object]:
        """Return the values of the fields of the message."""
        return self.rule.template.values(event)


@dataclass(slots=True)
class _Waiting:
    event: Event
    hit: RuleHit
    deadline_s: float
    judged_at: int = -1
    """Metadata revision at which it was last judged."""
    counted: bool = False
    """Its match is counted already: the condition held at once, only the message waits."""
    confirmed: bool = False
    """The condition holds."""


class Pending:
    """Hits that wait for a value to become known, each for a bounded time and all of them within a bounded number.

    The value may be one that the condition needs, or one that only the message shows.

    Used by one thread.

    Args:
        wait_s: How long a hit may wait; then it fires as unconfirmed.
        capacity: How many may wait.
        failed: Told of a hit that cannot be judged again, which is then forgotten; None: let the error through.
    """

    def __init__(
        self,
        wait_s: float = 2.0,
        capacity: int = MAX_PENDING,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.wait_s = wait_s
        self.capacity = capacity
        self._failed = failed
        self.released_early = 0
        """Hits that fired unconfirmed before their time because there were too many."""
        self._waiting: deque[_Waiting] = deque()
        self._added: list[tuple[Event, RuleHit]] = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._added)

    def add(self, event: Event, hit: RuleHit) -> None:
        """Keep a hit; its time runs from the next ``settle``."""
        self._added.append((event, hit))

    def settle(
        self, now_s: float, revision: int, renewed: Callable[[Event], Event]
    ) -> Iterator[tuple[Event, RuleHit, bool]]:
        """Yield the hits that are decided or out of time, as (event, hit, unconfirmed); forget those that are false.

        Args:
            now_s: Any steady clock, seconds.
            revision: Changes whenever metadata became known; without a change nothing is judged again.
            renewed: Gives an event its container as it is known now.
        """
        self._waiting.extend(
            _Waiting(event, hit, now_s + self.wait_s, counted=not hit.unknown) for event, hit in self._added
        )
        self._added.clear()
        excess = len(self._waiting) - self.capacity
        kept: deque[_Waiting] = deque()
        for number, waiting in enumerate(self._waiting):
            crowded = number < excess
            verdict = self._decide(waiting, revision, renewed)
            if verdict is None and waiting.deadline_s > now_s and not crowded:
                kept.append(waiting)
                continue
            self.released_early += verdict is None and crowded
            if verdict is not False:
                waiting.hit.rule.counter.matched += not waiting.counted
                yield waiting.event, waiting.hit, not waiting.confirmed
        self._waiting = kept

    def _decide(self, waiting: _Waiting, revision: int, renewed: Callable[[Event], Event]) -> bool | None:
        if waiting.judged_at == revision:
            return None
        waiting.judged_at = revision
        waiting.event = renewed(waiting.event)
        try:
            waiting.hit, verdict = waiting.hit.decide(waiting.event)
            waiting.confirmed = bool(verdict)
            if verdict and waiting.hit.rule.template.lacks(waiting.event):
                return None
        except Exception as error:  # one event that cannot be judged must not end the judging of all others
            if self._failed is None:
                raise
            self._failed(error)
            return False
        return verdict
