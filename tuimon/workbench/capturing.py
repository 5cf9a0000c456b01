"""What the kernel sends for some rules: which event types reach the history, and which of them it cannot sort out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from tuimon.capture.source import Interest, Want
from tuimon.rules.checks import Checks
from tuimon.rules.nodes import Condition
from tuimon.rules.prefilter_kernel import MAYBE, kernel_expression
from tuimon.syscalls import CALLS, NR_TO_NAME

ALWAYS: Final = frozenset(("execve", "execveat", "clone", "clone3", "fork", "vfork", "procexit"))
"""Process events: captured whatever is asked for."""
_EMITTED: Final = frozenset(NR_TO_NAME.values()) | {"procexit"}
"""Event types there can be here at all; a rule may name those of other machines too."""
_CALLS: Final = frozenset(NR_TO_NAME.values()) - ALWAYS


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
    wanted: set[str] = set()
    for each in types:
        wanted |= each if each is not None else CALLS.keys()
    return tuple(sorted(wanted & _EMITTED - frozenset(captured)))


def unfiltered(rules: Iterable[tuple[Condition, frozenset[str] | None]], checks: Checks) -> tuple[str, ...]:
    """Return the event types of which the kernel must send every event for these rules, sorted.

    Of the others it can tell by the record alone that some match no rule, and keeps those to itself. Process events are
    left out: they are always sent.

    Args:
        rules: Condition and event types of each.
        checks: Compiles the checks.
    """
    by_type: dict[str, list[Condition]] = {}
    for condition, types in rules:
        for name in types if types is not None else CALLS:
            if name in _CALLS:
                by_type.setdefault(name, []).append(condition)
    return tuple(
        sorted(name for name, conditions in by_type.items() if kernel_expression(conditions, name, checks) == MAYBE)
    )
