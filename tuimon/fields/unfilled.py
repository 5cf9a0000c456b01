"""Parameters of events that never have a value here, and why: nothing is absent without a reason."""

from __future__ import annotations

from typing import Final, NamedTuple

from tuimon.fields.argsource import BOUND
from tuimon.syscalls import NOT_SYSCALLS


class Unfilled(NamedTuple):
    """Events, their parameters without a value, and the reason."""

    events: tuple[str, ...]
    params: tuple[str, ...]
    why: str


_OTHER_EVENTS: Final = frozenset(NOT_SYSCALLS) - {"procexit"}
_OTHER_NAMES: Final = frozenset({"stat64", "lstat64", "fstat64", "mmap2"})
_REASONS: Final = {
    "cgroups": "an event has one cgroup, that of its container; `thread.cgroups` is read from /proc when a rule asks",
    "reaper_tid": "the process that adopts the children is not followed: a process keeps the parent that made it",
    "timeout": "the kernel overwrites it with the time that was left before the call returns",
    "source": "an address in the kernel's memory, which would help an attacker who reads the alert",
    "peer": "as `source`",
}
_OF_OTHER_EVENTS: Final = "no event of this kind is made here"
_OF_OTHER_NAMES: Final = "32-bit calls are told under the names of their 64-bit twins"


def why_unfilled(event: str, param: str) -> str:
    """Return why a parameter never has a value; empty when nobody has said."""
    if event in _OTHER_EVENTS:
        return _OF_OTHER_EVENTS
    return _OF_OTHER_NAMES if event in _OTHER_NAMES else _REASONS.get(param, "")


def unfilled() -> list[Unfilled]:
    """Return all parameters without a value, those with the same reason together, system calls first."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for event, bounds in BOUND.items():
        for why in dict.fromkeys(why_unfilled(event, b.param.name) for b in bounds if b.get is None):
            params = tuple(b.param.name for b in bounds if b.get is None and why_unfilled(event, b.param.name) == why)
            found.setdefault((why, () if event in _OTHER_EVENTS | _OTHER_NAMES else params), []).append(event)
    rows = [Unfilled(tuple(events), params, why) for (why, params), events in found.items()]
    return sorted(rows, key=lambda row: (not row.params, row.why == _OF_OTHER_EVENTS, row.events))
