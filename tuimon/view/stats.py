"""Rates and per-container rows, from the exact counters: what the status line and the containers pane show."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tuimon.capture.source import CallCounts, Counts
from tuimon.events import HOST, Alert, Container
from tuimon.view.snapshot import ContainerRow

SPARK_S: Final = 60
PRIORITIES: Final = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
"""Falco's priorities, worst first."""
_RANK: Final = {name: rank for rank, name in enumerate(PRIORITIES)}


def worse(one: str | None, other: str | None) -> str | None:
    """Return the worse of two priorities; None is better than any."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda name: _RANK.get(name, len(_RANK)))


@dataclass(slots=True)
class _Line:
    """The running figures of one container."""

    container: Container
    cgroup_ids: set[int] = field(default_factory=set)
    calls: int = 0
    errors: int = 0
    dropped: int = 0
    rate: float = 0.0
    spark: deque[float] = field(default_factory=lambda: deque(maxlen=SPARK_S))
    alerts: int = 0
    worst: str | None = None


class Stats:
    """Keeps the figures of every container; one writer (the engine's thread).

    Args:
        max_containers: Lines kept; ended containers with no alerts go first, the oldest of them first.
    """

    def __init__(self, max_containers: int = 1000) -> None:
        self._max = max_containers
        self._lines: dict[str, _Line] = {"host": _Line(HOST)}
        self._at = 0.0
        self._last = Counts()
        self.seen_per_s = 0.0
        self.emitted_per_s = 0.0

    def count(self, counts: Counts, calls: CallCounts, owners: list[Container | None]) -> None:
        """Take new totals, about once a second.

        Args:
            counts: The source's totals.
            calls: The per-cgroup totals.
            owners: Container of each row of ``calls``; None while unknown, which counts for the host line.
        """
        now = time.monotonic()
        elapsed = max(now - self._at, 1e-3) if self._at else 1.0
        self._at = now
        self.seen_per_s = (counts.seen - self._last.seen) / elapsed
        self.emitted_per_s = (counts.emitted - self._last.emitted) / elapsed
        self._last = counts
        sums: dict[str, list[int]] = {}
        totals = zip(
            owners,
            calls.cgroup_ids.tolist(),
            calls.calls.sum(axis=1).tolist(),
            calls.errors.sum(axis=1).tolist(),
            calls.dropped.tolist(),
            strict=True,
        )
        for owner, cgroup_id, n_calls, n_errors, n_dropped in totals:
            line = self._line(owner or HOST)
            line.cgroup_ids.add(cgroup_id)
            total = sums.setdefault(line.container.id, [0, 0, 0])
            total[0] += n_calls
            total[1] += n_errors
            total[2] += n_dropped
        for key, line in self._lines.items():
            n_calls, n_errors, n_dropped = sums.get(key, (line.calls, line.errors, line.dropped))
            # A counter slot may be taken from an ended cgroup and start anew: totals never go back.
            line.rate = max(n_calls - line.calls, 0) / elapsed
            line.calls, line.errors, line.dropped = max(n_calls, line.calls), n_errors, n_dropped
            line.spark.append(line.rate)

    def _line(self, container: Container) -> _Line:
        line = self._lines.get(container.id)
        if line is None:
            line = self._lines[container.id] = _Line(container)
            self._make_room()
        else:
            line.container = container
        return line

    def _make_room(self) -> None:
        if len(self._lines) <= self._max:
            return
        for key in [k for k, line in self._lines.items() if line.container.ended and not line.alerts]:
            del self._lines[key]
            if len(self._lines) <= self._max:
                return
        for key in [k for k in self._lines if k != "host"][: len(self._lines) - self._max]:
            del self._lines[key]

    def containers(self, known: Sequence[Container]) -> None:
        """Take the newest metadata, also of containers that made no call yet."""
        for container in known:
            self._line(container)

    def alert(self, alert: Alert) -> None:
        """Count an alert for its container."""
        line = self._line(alert.event.container or HOST)
        line.alerts += 1
        line.worst = worse(line.worst, alert.priority)

    def rows(self) -> tuple[ContainerRow, ...]:
        """Return the lines, the host first, then in the order they appeared."""
        return tuple(
            ContainerRow(
                container=line.container,
                cgroup_ids=frozenset(line.cgroup_ids),
                calls=line.calls,
                errors=line.errors,
                dropped=line.dropped,
                calls_per_s=line.rate,
                spark=tuple(line.spark),
                alerts=line.alerts,
                worst_priority=line.worst,
                ended=line.container.ended,
            )
            for line in self._lines.values()
        )
