"""What the kernel sends for some rules: which event types reach the history, and which of them it cannot sort out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from tuimon.capture.source import Interest, Want
from tuimon.interest import UNFILTERED
from tuimon.rules.prefilter_kernel import MAYBE, KernelExpressions
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import CALLS, NAME_TO_NR, NR_TO_NAME

ALWAYS: Final = frozenset(("execve", "execveat", "clone", "clone3", "fork", "vfork", "procexit"))
"""Process events: captured whatever is asked for."""
_EMITTED: Final = frozenset(NR_TO_NAME.values()) | {"procexit"}
"""Event types there can be here at all; a rule may name those of other machines too."""
_CALLS: Final = frozenset(NR_TO_NAME.values()) - ALWAYS


@dataclass(frozen=True, slots=True)
class Thinned:
    """Event types of which the kernel sends less than there is."""

    types: frozenset[str]
    """Of these it keeps to itself what no rule in force can match, so that a new rule cannot see it in the history."""
    elsewhere: bool
    """Only outside of the containers that the live view shows: of those it sends everything."""


NOT_THINNED: Final = Thinned(frozenset(), elsewhere=False)


def thinned(interest: Interest, in_force: RuleSet | None) -> Thinned:
    """Return what the kernel thins out at present.

    Args:
        interest: ``Engine.interest()``.
        in_force: The rules in force; the kernel filters for them.
    """
    if in_force is None:
        return NOT_THINNED
    elsewhere = bool(interest.cgroups)
    mine = [nr for nr, want in interest.calls.items() if want & Want.RULES and (elsewhere or not want & Want.VIEW)]
    always = {NAME_TO_NR.get(name) for name in UNFILTERED}
    asked = in_force.kernel_expressions(set(mine) - always)
    return Thinned(frozenset(NR_TO_NAME[nr] for nr, each in asked.items() if each != MAYBE), elsewhere)


def captured_types(interest: Interest) -> frozenset[str]:
    """Return the event types that an interest (``Engine.interest()``) has captured in detail everywhere.

    Calls that only a live view of some containers asks for do not count: elsewhere they are missing.
    """
    rules_only = bool(interest.cgroups)
    calls = {
        NR_TO_NAME[nr]
        for nr, want in interest.calls.items()
        if nr in NR_TO_NAME and (want & Want.RULES or (want and not rules_only))
    }
    return ALWAYS | calls


def not_captured(types: Iterable[frozenset[str] | None], captured: Collection[str] | None) -> tuple[str, ...]:
    """Return the event types that rules ask for and nobody captures, sorted.

    Args:
        types: Of each rule; None: it takes all, which means those whose arguments are decoded.
        captured: What is captured; None: nobody knows.
    """
    if captured is None:
        return ()
    return tuple(sorted(wanted(types) - frozenset(captured)))


def wanted(types: Iterable[frozenset[str] | None]) -> frozenset[str]:
    """Return the event types that rules ask for, of those there can be here; of a rule that takes all, the decoded."""
    names: set[str] = set()
    for each in types:
        names |= each if each is not None else CALLS.keys()
    return _EMITTED & names


def unfiltered(rules: KernelExpressions) -> tuple[str, ...]:
    """Return the event types of which the kernel must send every event for these rules, sorted.

    Of the others it can tell by the record and its cgroup that some match no rule, and keeps those to itself. Process
    events are left out: they are always sent.
    """
    names = _CALLS & rules.names
    return tuple(sorted(name for name in names if name in UNFILTERED or rules.of(name) == MAYBE))
