"""Rates and per-container rows, from the exact counters: what the status line and the containers pane show."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.capture.source import CallCounts, Counts
from tuimon.events import HOST, Alert, Container
from tuimon.records import SizeClass
from tuimon.view.severity import worse
from tuimon.view.snapshot import ContainerRow

SPARK_S: Final = 60
CGROUPS: Final = 4_096
"""Kept of one container, of those that are gone too: one that runs containers itself makes ever new ones."""
OTHER: Final = Container(id="other", full_id="other", name="others", known=True)
"""Stands for the cgroups without counters of their own: those that found none left, and those that are gone."""


class _Figure(IntEnum):
    """What is counted of each cgroup; the losses by size class follow."""

    CALLS = 0
    ERRORS = 1
    DROPPED = 2
    SHED = 3
    BY_CLASS = 4


_WIDTH: Final = _Figure.BY_CLASS + len(SizeClass)
_Figures = NDArray[np.int64]
"""(_WIDTH,) totals."""


def _nothing() -> _Figures:
    return np.zeros(_WIDTH, np.int64)


@dataclass(slots=True)
class _Line:
    """The running figures of one container.

    The counters of a cgroup that is gone are given to another, and what they had counted is reported with cgroup id 0
    from then on: here it stays with its container, as ``settled``.
    """

    container: Container
    cgroup_ids: set[int] = field(default_factory=set)
    settled: _Figures = field(default_factory=_nothing)
    counting: dict[int, _Figures] = field(default_factory=dict)
    """By cgroup id, as counted at the last look."""
    total: _Figures = field(default_factory=_nothing)
    rate: float = 0.0
    spark: list[float] = field(default_factory=list)
    """Rates of the last seconds, oldest first; empty again once an ended container has been quiet for so long."""
    alerts: int = 0
    worst: str | None = None
    shown: ContainerRow | None = None
    """As others see it; None while that has changed."""

    def take(self, found: dict[int, _Figures], elapsed_s: float) -> None:
        """Take what the container's cgroups count now; those not among them, or that began anew, count no more."""
        if not found and not self.counting and self.is_over:
            return
        for cgroup_id, before in self.counting.items():
            now = found.get(cgroup_id)
            if now is None or now[_Figure.CALLS] < before[_Figure.CALLS]:
                self.settled = self.settled + before
        self.counting = found
        self._know(found)
        self.sum_up(sum(found.values(), self.settled), elapsed_s)
        if self.container.ended and len(self.spark) == SPARK_S and not any(self.spark):
            self.spark = []

    @property
    def is_over(self) -> bool:
        """The container has ended, and its last calls were long ago."""
        return self.container.ended and not self.spark

    def _know(self, cgroup_ids: Iterable[int]) -> None:
        """Take the container's cgroups. The host's are told by what is not the host: of its own, those that count."""
        if self.container.is_host or len(self.cgroup_ids) > CGROUPS:
            self.cgroup_ids = set(cgroup_ids)
        else:
            self.cgroup_ids.update(cgroup_ids)

    def sum_up(self, total: _Figures, elapsed_s: float) -> None:
        """Set the totals and what follows from them."""
        self.rate = max(int(total[_Figure.CALLS] - self.total[_Figure.CALLS]), 0) / elapsed_s
        self.total = total
        if math.isfinite(elapsed_s):
            self.spark = [*self.spark[1 - SPARK_S :], self.rate]
        self.shown = None

    def count_alert(self, priority: str) -> None:
        """Take an alert of the container's."""
        self.alerts += 1
        self.worst = worse(self.worst, priority)
        self.shown = None

    def row(self) -> ContainerRow:
        """Return it as others see it; the same object while it is the same."""
        if self.shown is None or self.shown.container is not self.container:
            self.shown = self._made_row()
        return self.shown

    def _made_row(self) -> ContainerRow:
        calls, errors, dropped, shed, *by_class = self.total.tolist()
        return ContainerRow(
            container=self.container,
            cgroup_ids=frozenset(self.cgroup_ids),
            calls=calls,
            errors=errors,
            dropped=dropped,
            dropped_by_class=tuple(by_class),
            shed=shed,
            calls_per_s=self.rate,
            spark=tuple(self.spark),
            alerts=self.alerts,
            worst_priority=self.worst,
            ended=self.container.ended,
        )


class Stats:
    """Keeps the figures of every container; one writer (the engine's thread).

    Args:
        max_containers: Lines kept; ended containers with no alerts go first, the oldest of them first.
    """

    def __init__(self, max_containers: int = 1000) -> None:
        self._max = max_containers
        self._lines: dict[str, _Line] = {"host": _Line(HOST)}
        self._other = _Line(OTHER)
        self._at = 0.0
        self._last = Counts()
        self.seen_per_s = 0.0
        self.emitted_per_s = 0.0

    def count(self, counts: Counts, calls: CallCounts, owners: list[Container | None]) -> None:
        """Take new totals, about once a second.

        Args:
            counts: The source's totals.
            calls: The per-cgroup totals.
            owners: Container of each row of ``calls``; None while unknown, which counts for the host line. The row of
                cgroup id 0 is nobody's: see ``other``.
        """
        now = time.monotonic()
        # A rate takes two looks: at the first a recording has its kernel's totals already.
        elapsed = max(now - self._at, 1e-3) if self._at else math.inf
        self._at = now
        self.seen_per_s = (counts.seen - self._last.seen) / elapsed
        self.emitted_per_s = (counts.emitted - self._last.emitted) / elapsed
        self._last = counts
        figures = _figures(calls)
        found: dict[str, dict[int, _Figures]] = {}
        for owner, cgroup_id, row in zip(owners, calls.cgroup_ids.tolist(), figures, strict=True):
            if not cgroup_id:
                continue
            line = self._line(owner or HOST)
            found.setdefault(line.container.id, {})[cgroup_id] = row
        for key, line in self._lines.items():
            line.take(found.get(key, {}), elapsed)
        settled = sum((line.settled for line in self._lines.values()), _nothing())
        nobodys = figures[calls.cgroup_ids == 0].sum(axis=0) - settled
        self._other.sum_up(np.maximum(nobodys, self._other.total), elapsed)

    @property
    def other(self) -> ContainerRow | None:
        """The line of the cgroups without counters of their own, None when they did nothing."""
        return self._other.row() if self._other.total.any() else None

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
        self._line(alert.event.container or HOST).count_alert(alert.priority)

    def rows(self) -> tuple[ContainerRow, ...]:
        """Return the lines, the host first, then in the order they appeared."""
        return tuple(line.row() for line in self._lines.values())


def _figures(calls: CallCounts) -> NDArray[np.int64]:
    """Return the totals of each cgroup, shape (s, _WIDTH)."""
    out = np.zeros((len(calls.cgroup_ids), _WIDTH), np.int64)
    out[:, _Figure.CALLS] = calls.calls.sum(axis=1)
    out[:, _Figure.ERRORS] = calls.errors.sum(axis=1)
    out[:, _Figure.DROPPED] = calls.dropped
    if len(calls.shed):
        out[:, _Figure.SHED] = calls.shed
    if len(calls.dropped_by_class):
        out[:, _Figure.BY_CLASS :] = calls.dropped_by_class
    return out
