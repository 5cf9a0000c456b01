"""Rule sets in force, one after the other: compiled beside the flow, swapped whole, each kept to go back to.

The engine's thread puts a rule set in force between two batches; whoever hands rules in compiles them in a thread of
his own. What readers see is replaced as a whole, so that any thread may look at any time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tuimon.garbage import uncollected
from tuimon.interest import RuleNeeds, needs_of
from tuimon.rules.checks import Addresses
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.matching import Rule
from tuimon.rules.ruleset import RuleSet

MAX_PAST: Final = 50
"""Revisions one can go back to."""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of a rule set that was handed in."""

    accepted: bool
    revision: int
    """The revision in force afterwards (unchanged when refused)."""
    diagnostics: tuple[Diagnostic, ...]
    pause_s: float = 0.0
    """How long events were not taken while the rules were exchanged; compiling them is no part of it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A rule set that is or was in force, and how it differs from the one before it."""

    number: int
    time_ns: int
    """When it was put in force, since the epoch."""
    files: tuple[RuleFile, ...]
    added: tuple[str, ...] = ()
    """Names of rules that were not in force before; a rule that was enabled counts."""
    removed: tuple[str, ...] = ()
    """Names of rules that no longer are in force; a rule that was disabled counts."""
    changed: tuple[str, ...] = ()
    """Names of rules of which the condition (macros and lists opened), output, priority or tags are others."""
    restores: int | None = None
    """The revision whose files were put in force again; None when the files were handed in."""

    @property
    def origin(self) -> int:
        """The revision that first had these files in force."""
        return self.number if self.restores is None else self.restores


@dataclass(frozen=True, slots=True)
class Ready:
    """A rule set that is compiled and may be put in force."""

    revision: Revision
    loaded: LoadResult
    ruleset: RuleSet
    needs: RuleNeeds


@dataclass(frozen=True, slots=True)
class _InForce:
    """Replaced as a whole."""

    past: tuple[Revision, ...] = ()
    """Oldest first; the last one is in force."""
    loaded: LoadResult = field(default_factory=lambda: load(()))
    ruleset: RuleSet | None = None
    needs: RuleNeeds | None = None


class Revisions:
    """The rules in force and those that were before. Written by one thread at a time, read by any.

    Args:
        first_match_only: Falco's ``rule_matching: first``.
        plain_falco: Unknown is absent, and only given paths count.
        suggested_output: Outputs end with the container's and the pod's fields.
        addresses: Resolves names that addresses are compared with.
    """

    def __init__(
        self,
        *,
        first_match_only: bool = False,
        plain_falco: bool = False,
        suggested_output: bool = False,
        addresses: Addresses | None = None,
    ) -> None:
        self.first_match_only = first_match_only
        self.plain_falco = plain_falco
        self.suggested_output = suggested_output
        self.addresses = addresses
        self._now = _InForce()

    @property
    def number(self) -> int:
        """The revision in force, 0 before there is one."""
        return self._now.past[-1].number if self._now.past else 0

    @property
    def ruleset(self) -> RuleSet | None:
        """The rules in force; None before there are any."""
        return self._now.ruleset

    @property
    def needs(self) -> RuleNeeds | None:
        """What the rules in force ask the kernel for; None before there are any."""
        return self._now.needs

    @property
    def loaded(self) -> LoadResult:
        """What the rules in force were made of."""
        return self._now.loaded

    @property
    def files(self) -> tuple[RuleFile, ...]:
        """The files in force, in load order."""
        return self._now.past[-1].files if self._now.past else ()

    @property
    def all(self) -> tuple[Revision, ...]:
        """Every revision that is still kept, oldest first; the last one is in force."""
        return self._now.past

    def prepare(self, files: Sequence[RuleFile], *, restores: int | None = None) -> Ready | RuleOutcome:
        """Compile files for the next revision; changes nothing, takes its time.

        Args:
            files: In load order.
            restores: The revision they are of, when they were in force before.

        Returns:
            What ``put`` takes, or why they are refused.
        """
        before = self._now.ruleset
        kept = {file: file for file in self.files}  # they are read anew each time, and fifty revisions are kept
        files = tuple(kept.get(file, file) for file in files)
        with uncollected(stays=before is None):
            loaded = load(files)
            if not loaded.ok:
                return RuleOutcome(accepted=False, revision=self.number, diagnostics=loaded.diagnostics)
            ruleset = RuleSet.build(
                loaded,
                self.number + 1,
                before,
                first_match_only=self.first_match_only,
                plain_falco=self.plain_falco,
                suggested_output=self.suggested_output,
                addresses=self.addresses,
            )
        added, removed, changed = difference(before.rules if before is not None else (), ruleset.rules)
        revision = Revision(self.number + 1, time.time_ns(), files, added, removed, changed, restores)
        return Ready(revision, loaded, ruleset, needs_of(ruleset))

    def put(self, ready: Ready) -> None:
        """Put in force what was prepared; quick."""
        past = (*self._now.past, ready.revision)[-MAX_PAST - 1 :]
        self._now = _InForce(past, ready.loaded, ready.ruleset, ready.needs)

    def earlier(self, to: int | None = None) -> Revision | None:
        """Return a kept revision by its number, None when it is not kept.

        Args:
            to: The number; None: the one before what is in force. What was put back counts as what it was then, so
                that going back again leads further back and never to and fro.
        """
        past = self._now.past
        if to is not None:
            return next((each for each in past if each.number == to), None)
        if not past:
            return None
        return next((each for each in reversed(past) if each.number < past[-1].origin), None)


def difference(
    before: Sequence[Rule], after: Sequence[Rule]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the names of the rules (added, removed, changed) between two rule sets, in the order of the files."""
    old = {rule.name: (rule.signature, rule.tags) for rule in before}
    new = {rule.name: (rule.signature, rule.tags) for rule in after}
    return (
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(name for name, what in new.items() if name in old and old[name] != what),
    )
