"""Which event types reach the history at present, so that an empty preview can say that nothing was looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from tuimon.capture.source import Interest, Want
from tuimon.syscalls import CALLS, NR_TO_NAME

ALWAYS: Final = frozenset(("execve", "execveat", "clone", "clone3", "fork", "vfork", "procexit"))
"""Process events: captured whatever is asked for."""
_EMITTED: Final = frozenset(NR_TO_NAME.values()) | {"procexit"}
"""Event types there can be here at all; a rule may name those of other machines too."""


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
