"""Rules judged exactly and apart from the engine: nothing is counted in the rule set, and any thread may do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tuimon.events import Event
from tuimon.rules.checks import Addresses, Checks, Context, Test
from tuimon.rules.evaluate import Program
from tuimon.rules.loader import LoadResult
from tuimon.rules.nodes import Condition
from tuimon.syscalls import event_name


class Named(Protocol):
    """What is asked of a rule."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def event_types(self) -> frozenset[str] | None: ...  # noqa: D102


class Rules(Protocol):
    """Rules to be asked: a RuleSet, or what was loaded and not compiled (``LoadedRules``)."""

    @property
    def first_match_only(self) -> bool: ...  # noqa: D102
    @property
    def pairs(self) -> Sequence[tuple[Named, Condition]]: ...  # noqa: D102
    def fresh_checks(self) -> Checks: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The enabled rules of a load, without the cost of compiling all of them for the engine."""

    loaded: LoadResult
    first_match_only: bool = False
    plain_falco: bool = False
    addresses: Addresses | None = None

    @property
    def pairs(self) -> tuple[tuple[Named, Condition], ...]:
        """Every rule that would be in force with its condition, in the order of the files."""
        chosen = (rule for rule in self.loaded.rules if rule.enabled and rule.source == "syscall")
        return tuple((rule, rule.condition) for rule in chosen)

    def fresh_checks(self) -> Checks:
        """Return a compiler of checks."""
        return Checks(plain_falco=self.plain_falco, addresses=self.addresses)


Verdicts = list[tuple[Named, bool]]
"""Rules that an event matches, in the order of the files, each with whether that is sure (else: not known yet)."""


class Judging:
    """The rules of a rule set, asked of single events. Used by one thread.

    Args:
        rules: Only their names and conditions are read.
        first_only: End at the first sure match; None: as the rule set does.
    """

    def __init__(self, rules: Rules, *, first_only: bool | None = None) -> None:
        self._pairs = rules.pairs
        self._first_only = rules.first_match_only if first_only is None else first_only
        self._checks = rules.fresh_checks()
        self._programs: dict[str, tuple[list[tuple[Named, Test]], Context]] = {}

    def verdicts(self, event: Event) -> Verdicts:
        """Return what ``RuleSet.judge`` would, without its counting."""
        tests, blank = self._program(event_name(event.kind, event.nr))
        context = blank.copy()
        context[0] = event
        found: Verdicts = []
        for rule, test in tests:
            result = test(context)
            if result is False:
                continue
            found.append((rule, result is True))
            if result and self._first_only:
                break
        return found

    def _program(self, name: str) -> tuple[list[tuple[Named, Test]], Context]:
        known = self._programs.get(name)
        if known is None:
            pairs = [pair for pair in self._pairs if pair[0].event_types is None or name in pair[0].event_types]
            program = Program(self._checks)
            tests = program.compile([condition for _, condition in pairs], name)
            named = [rule for rule, _ in pairs]
            known = self._programs[name] = list(zip(named, tests, strict=True)), program.blank()
        return known


def first_match(rules: Rules | None) -> Callable[[Event], tuple[str, bool] | None]:
    """Return what names the first rule that an event may match, and whether it surely does; None: it matches none.

    With Falco's ``rule_matching: first`` that rule alone can fire, and while it is undecided no other.
    """
    if rules is None:
        return lambda _event: None
    judging = Judging(rules)

    def judge(event: Event) -> tuple[str, bool] | None:
        return next(((rule.name, sure) for rule, sure in judging.verdicts(event)), None)

    return judge
