"""Noise: which rule, container and program most alerts come from, and what share of all they are.

Counted as alerts come, so that it also holds for those no longer kept; bounded, because a program can call itself
anything it likes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from tuimon.events import Alert
from tuimon.view.mutes import Mute, process_name

MAX_PARTS: Final = 5_000
"""Parts counted each for itself; beyond them the rarest are joined per rule and container, and in the end per rule."""
OTHERS: Final = "(others)"
LOUD_SHARE: Final = 0.8
LOUD_FROM: Final = 20
"""Alerts from which on one rule's share is worth a sentence."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of all alerts."""

    rule: str
    container_id: str
    container: str
    process: str
    count: int
    share: float
    """Of all alerts, 0 to 1."""
    newest: Alert
    containers: int = 1
    processes: int = 1
    """More than one of either: the part is a whole rule, and the names are those of its newest alert."""

    @property
    def is_whole_rule(self) -> bool:
        """Whether it stands for all alerts of a rule."""
        return self.containers > 1 or self.processes > 1


@dataclass(frozen=True, slots=True)
class Loudest:
    """The rule that most alerts come from, when it is most of them by far."""

    rule: str
    count: int
    share: float


class Noise:
    """Counts alerts by rule, container and program."""

    def __init__(self) -> None:
        self.total = 0
        self._parts: Counter[tuple[str, str, str]] = Counter()
        self._rules: Counter[str] = Counter()
        self._newest: dict[tuple[str, str, str], Alert] = {}
        self._newest_of_rule: dict[str, Alert] = {}

    def add(self, alert: Alert) -> None:
        """Count an alert."""
        key = (alert.rule, alert.container_id, process_name(alert))
        if key not in self._parts and len(self._parts) >= MAX_PARTS:
            self._join_rare()
        self.total += 1
        self._parts[key] += 1
        self._rules[alert.rule] += 1
        self._newest[key] = self._newest_of_rule[alert.rule] = alert

    def _join_rare(self) -> None:
        """Make room: the rarer half loses its programs' names, then its containers', but not its count."""
        for key, _ in self._parts.most_common()[MAX_PARTS // 2 :]:
            rule, container, process = key
            count, alert = self._parts.pop(key), self._newest.pop(key)
            joined = (rule, OTHERS if process == OTHERS else container, OTHERS)
            self._parts[joined] += count
            self._newest[joined] = alert

    def top(self, limit: int) -> list[Part]:
        """Return the parts that most alerts come from, the greatest first."""
        return [
            Part(rule, container, name, process, count, count / self.total, newest)
            for key, count in self._parts.most_common(limit)
            for (rule, container, process), newest in ((key, self._newest[key]),)
            for name in (OTHERS if container == OTHERS else _called(newest),)
        ]

    def whole_rules(self) -> list[Part]:
        """Return each rule that fires in several containers or for several programs, as one part of its own."""
        containers: defaultdict[str, set[str]] = defaultdict(set)
        processes: defaultdict[str, set[str]] = defaultdict(set)
        for rule, container_id, process in self._parts:
            containers[rule].add(container_id)
            processes[rule].add(process)
        return [
            Part(
                rule, newest.container_id, _called(newest), process_name(newest), count, count / self.total, newest,
                len(containers[rule]), len(processes[rule]),
            )
            for rule, count in self._rules.most_common()
            if len(containers[rule]) > 1 or len(processes[rule]) > 1
            for newest in (self._newest_of_rule[rule],)
        ]  # fmt: skip

    def count_of(self, mute: Mute) -> int:
        """Return how many alerts so far a mute would have kept away, of those told apart."""
        return sum(
            count
            for (rule, container_id, process), count in self._parts.items()
            if rule == mute.rule and mute.container_id in (None, container_id) and mute.process in (None, process)
        )

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self._parts)

    @property
    def loudest(self) -> Loudest | None:
        """The rule that drowns the others, None while none does."""
        if self.total < LOUD_FROM:
            return None
        ((rule, count),) = self._rules.most_common(1)
        share = count / self.total
        return Loudest(rule, count, share) if share >= LOUD_SHARE else None


def _called(alert: Alert) -> str:
    container = alert.event.container
    return "?" if container is None else container.name or container.id
