"""Shadow report: which rules also fire where a rule fires, and which rules never fire alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuimon.escape import clean, json_text
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.backtest import window_json, window_lines
from tuimon.workbench.replay import Fired, Replay, Window, judge


@dataclass(frozen=True, slots=True)
class Overlap:
    """One rule against all others."""

    rule: str
    alerts: int
    alone: int
    """Alerts whose event no other rule matched."""
    also: tuple[tuple[str, int], ...]
    """Rules that matched the same events, with how many of them, the most first."""
    because_of: tuple[str, ...]
    """Rules that matched every event that it matched: because of each of them it never fires alone."""
    silenced_by: tuple[str, ...] = ()
    """Those of them that come before it: with ``rule_matching: first`` it would never alert."""


@dataclass(frozen=True, slots=True)
class Shadows:
    """The report over one recording."""

    window: Window
    rules: tuple[Overlap, ...]
    """In the order of the files, those without an alert too."""


def shadows(recording: Path, ruleset: RuleSet, progress: Callable[[float], None] | None = None) -> Shadows:
    """Replay a recording through all rules (``rule_matching: all``, whatever the rule set says).

    Raises:
        RecordingError: It cannot be read, or is damaged.
    """
    replay = Replay(recording)
    was, ruleset.first_match_only = ruleset.first_match_only, False
    try:
        (fired,) = judge(replay, (ruleset,), progress)
    finally:
        ruleset.first_match_only = was
    return Shadows(replay.window, tuple(overlaps([rule.name for rule in ruleset.rules], fired)))


def overlaps(names: Sequence[str], fired: Sequence[Fired]) -> list[Overlap]:
    """Return each rule against the others, from the alerts of all of them."""
    rules_of: dict[int, set[str]] = {}
    for alert in fired:
        rules_of.setdefault(alert.num, set()).add(alert.rule)
    alerts: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    also: dict[str, Counter[str]] = {name: Counter() for name in names}
    for rules in rules_of.values():
        for rule in rules:
            alerts[rule] += 1
            alone[rule] += len(rules) == 1
            also[rule].update(rules - {rule})
    place = {name: at for at, name in enumerate(names)}
    covering = {
        name: sorted(other for other, count in counts.items() if count == alerts[name]) for name, counts in also.items()
    }
    return [
        Overlap(
            rule=name,
            alerts=alerts[name],
            alone=alone[name],
            also=tuple(sorted(also[name].items(), key=lambda pair: (-pair[1], pair[0]))),
            because_of=tuple(covering[name]),
            silenced_by=tuple(other for other in covering[name] if place[other] < place[name]),
        )
        for name in names
    ]


def lines(result: Shadows) -> Iterator[str]:
    """Yield the report for people; safe to print."""
    yield from window_lines(result.window)
    for each in result.rules:
        if each.alerts:
            yield ""
            yield f"{clean(each.rule)}: {each.alerts:,} alert{'s' * (each.alerts != 1)}, {each.alone:,} alone"
            if each.also:
                yield "  also matched by " + ", ".join(f"{clean(name)} ({count:,})" for name, count in each.also)
            if each.because_of:
                yield "  never fires alone because of " + ", ".join(map(clean, each.because_of))
            if each.silenced_by:
                names = ", ".join(map(clean, each.silenced_by))
                yield f"  with rule_matching: first it would be silent, after {names}"
    silent = [clean(each.rule) for each in result.rules if not each.alerts]
    if silent:
        yield ""
        yield f"no alert: {', '.join(silent)}"


def as_json(result: Shadows) -> dict[str, Any]:
    """Return the report as JSON can hold it."""
    return {
        "recording": window_json(result.window),
        "rules": [
            {
                "rule": json_text(each.rule),
                "alerts": each.alerts,
                "alone": each.alone,
                "also_matched_by": {json_text(name): count for name, count in each.also},
                "never_fires_alone_because_of": [json_text(name) for name in each.because_of],
                "silent_with_first_match_after": [json_text(name) for name in each.silenced_by],
            }
            for each in result.rules
        ],
    }
