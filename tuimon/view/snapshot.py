"""What a screen shows at one moment: frozen, made by the engine's thread, read by any front end."""

from __future__ import annotations

from dataclasses import dataclass

from tuimon.capture.source import Counts
from tuimon.events import Container
from tuimon.records import SizeClass


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """One line of the containers pane; the host is one of them."""

    container: Container
    cgroup_ids: frozenset[int]
    """All cgroups that belong to it (its own and those made inside it); filters use them."""
    calls: int
    """System calls since the start, exact."""
    errors: int
    dropped: int
    """Detail events lost for want of room."""
    calls_per_s: float
    spark: tuple[float, ...]
    """Calls per second over the last 60 s, oldest first, at most 60."""
    alerts: int
    worst_priority: str | None
    ended: bool
    dropped_by_class: tuple[int, ...] = (0,) * len(SizeClass)
    """Of ``dropped``, by size class; all 0 where the source does not tell."""
    shed: int = 0
    """Calls that only a view asked for, given up because there was too much."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the engine."""

    node: str
    kernel: str
    source: str
    """live, or the recording's file name."""
    live: bool
    ended: bool
    """The source has no more events."""
    time_ns: int
    """Now, or the time of the newest event of a recording; since the epoch."""
    uptime_s: float
    counts: Counts
    seen_per_s: float
    emitted_per_s: float
    engine_load: float
    """Share of one core used by the engine's thread over the last second, 0 to 1."""
    revision: int
    rules: int
    """Rules in force."""
    alerts: int
    alerts_forgotten: int
    """Alerts that fell off the bounded list."""
    history_events: int
    history_bytes: int
    history_max_bytes: int
    history_first_time_ns: int
    containers: tuple[ContainerRow, ...]
    """The host first, then by start."""
    notices: tuple[str, ...] = ()
    """Sentences the user should read: probes silent, an engine's socket gone, events lost or given up."""
    known: int = 0
    """Changes whenever something that earlier events lacked became known: a container's name, a host's."""
    other: ContainerRow | None = None
    """What cgroups without counters of their own did: more of them than counters, or gone; None when nothing."""
