"""Backtest: two rule sets over one recording, and which alerts only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tuimon.escape import clean, json_text
from tuimon.headless.alerts import clock_time, iso_time
from tuimon.rules.ruleset import RuleSet
from tuimon.wording import counted
from tuimon.workbench.replay import Fired, Replay, Window, judge

SHOWN: Final = 10
"""Alerts listed of each group in the text report; the JSON has all."""
_WIDTH: Final = 120
"""Columns of a command line in the text report."""


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts of one rule, in one container, by one program."""

    rule: str
    container: str
    process: str
    alerts: tuple[Fired, ...]


@dataclass(frozen=True, slots=True)
class Backtest:
    """What differs between two rule sets over one recording."""

    window: Window
    rules_before: int
    rules_after: int
    before: int
    """Alerts of the rules before."""
    after: int
    added: tuple[Fired, ...]
    """In the order of their events."""
    removed: tuple[Fired, ...]

    @property
    def is_equal(self) -> bool:
        """Whether both fire for the same events by the same rules."""
        return not self.added and not self.removed


def backtest(
    recording: Path, before: RuleSet, after: RuleSet, progress: Callable[[float], None] | None = None
) -> Backtest:
    """Replay a recording through two rule sets.

    An alert is the same in both when the same rule fires for the same event; another output or priority is no
    difference.

    Args:
        recording: The file.
        before: The rules as they were.
        after: The rules to compare them with.
        progress: Called with the share that is replayed, from 0 to 1.

    Raises:
        RecordingError: It cannot be read, or is damaged.
    """
    replay = Replay(recording)
    old, new = judge(replay, (before, after), progress)
    had, has = {alert.key for alert in old}, {alert.key for alert in new}
    return Backtest(
        window=replay.window,
        rules_before=len(before),
        rules_after=len(after),
        before=len(old),
        after=len(new),
        added=tuple(alert for alert in new if alert.key not in had),
        removed=tuple(alert for alert in old if alert.key not in has),
    )


def groups(alerts: Sequence[Fired]) -> list[Group]:
    """Return alerts by rule, container and program, the largest group first."""
    found: dict[tuple[str, str, str], list[Fired]] = {}
    for alert in alerts:
        found.setdefault((alert.rule, alert.container, alert.process), []).append(alert)
    made = [Group(*key, tuple(each)) for key, each in found.items()]
    return sorted(made, key=lambda group: (-len(group.alerts), group.rule, group.container, group.process))


def lines(result: Backtest) -> Iterator[str]:
    """Yield the report for people; safe to print."""
    yield from window_lines(result.window)
    yield f"before: {counted(result.before, 'alert')} of {counted(result.rules_before, 'rule')}"
    yield f"after:  {counted(result.after, 'alert')} of {counted(result.rules_after, 'rule')}"
    if result.is_equal:
        yield "the same alerts"
        return
    for sign, word, alerts in (("+", "added", result.added), ("-", "removed", result.removed)):
        if alerts:
            yield ""
            yield f"{counted(len(alerts), 'alert')} {word}"
            for group in groups(alerts):
                yield from _group_lines(sign, group)


def window_lines(window: Window) -> Iterator[str]:
    """Yield what was replayed."""
    span_s = (window.last_time_ns - window.first_time_ns) / 1e9
    yield f"{clean(window.name)}: {counted(window.events, 'event')} in {span_s:.1f} s"
    if window.notice:
        yield f"  {clean(window.notice)}"


def _group_lines(sign: str, group: Group) -> Iterator[str]:
    where = clean(group.container) or "an unknown container"
    yield f"  {sign} {clean(group.rule)}: {len(group.alerts)} by {clean(group.process)} in {where}"
    for alert in group.alerts[:SHOWN]:
        mark = " (unconfirmed)" if alert.unconfirmed else ""
        yield f"      {clock_time(alert.time_ns)}  {_cut(clean(alert.cmdline))}{mark}"
    if len(group.alerts) > SHOWN:
        yield f"      and {len(group.alerts) - SHOWN:,} more"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def as_json(result: Backtest) -> dict[str, Any]:
    """Return the result as JSON can hold it."""
    return {
        "recording": window_json(result.window),
        "before": {"rules": result.rules_before, "alerts": result.before},
        "after": {"rules": result.rules_after, "alerts": result.after},
        "equal": result.is_equal,
        "added": [fired_json(alert) for alert in result.added],
        "removed": [fired_json(alert) for alert in result.removed],
    }


def window_json(window: Window) -> dict[str, Any]:
    """Return what was replayed as JSON can hold it."""
    return {
        "name": json_text(window.name),
        "events": window.events,
        "first_time": iso_time(window.first_time_ns),
        "last_time": iso_time(window.last_time_ns),
        "notice": window.notice,
    }


def fired_json(alert: Fired) -> dict[str, Any]:
    """Return an alert as JSON can hold it."""
    return {
        "rule": json_text(alert.rule),
        "priority": alert.priority,
        "evt.num": alert.num,
        "time": iso_time(alert.time_ns),
        "container": json_text(alert.container),
        "process": json_text(alert.process),
        "cmdline": json_text(alert.cmdline),
        "output": json_text(alert.output),
        "unconfirmed": alert.unconfirmed,
    }
