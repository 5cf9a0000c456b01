"""Rules judged exactly and apart from the engine: nothing is counted in the rule set, and any thread may do it."""

from __future__ import annotations

from collections.abc import Callable

from tuimon.events import Event
from tuimon.rules.checks import Context, Test
from tuimon.rules.evaluate import Program
from tuimon.rules.matching import Rule
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import event_name

Verdicts = list[tuple[Rule, bool]]
"""Rules that an event matches, in the order of the files, each with whether that is sure (else: not known yet)."""


class Judging:
    """The rules of a rule set, asked of single events. Used by one thread.

    Args:
        ruleset: Only its rules and conditions are read.
        first_only: End at the first sure match; None: as the rule set does.
    """

    def __init__(self, ruleset: RuleSet, *, first_only: bool | None = None) -> None:
        self._pairs = ruleset.pairs
        self._first_only = ruleset.first_match_only if first_only is None else first_only
        self._checks = ruleset.fresh_checks()
        self._programs: dict[str, tuple[list[tuple[Rule, Test]], Context]] = {}

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

    def _program(self, name: str) -> tuple[list[tuple[Rule, Test]], Context]:
        known = self._programs.get(name)
        if known is None:
            pairs = [pair for pair in self._pairs if pair[0].event_types is None or name in pair[0].event_types]
            program = Program(self._checks)
            tests = program.compile([condition for _, condition in pairs], name)
            rules = [rule for rule, _ in pairs]
            known = self._programs[name] = list(zip(rules, tests, strict=True)), program.blank()
        return known


def first_match(ruleset: RuleSet | None) -> Callable[[Event], str | None]:
    """Return what names the first rule that an event surely matches (Falco's ``rule_matching: first``)."""
    if ruleset is None:
        return lambda _event: None
    judging = Judging(ruleset)

    def judge(event: Event) -> str | None:
        return next((rule.name for rule, sure in judging.verdicts(event) if sure), None)

    return judge
