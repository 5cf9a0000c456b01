"""What is given up first when more comes than can be read: what only a view asked for, never what the rules ask for.

Three steps, each taken when the one before was not enough, and taken back one by one when there is room again: the loud
calls (read, write, futex, ...), then everything of the cgroups that make most of the noise, then everything that no
rule asks for. The kernel does the leaving out and counts it, per cgroup; see ``is_wanted`` in bpf/maps.h.

A step that had to be taken again soon after it was taken back is kept for longer the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

FULL: Final = 0.5
"""Share of a ring filled at which there is too much."""
LATE_S: Final = 1.0
"""Age of what is read at which there is too much."""
EMPTY: Final = 0.1
EARLY_S: Final = 0.1
LASTS_S: Final = 0.1
"""There must have been too much for so long, at every look: a reader that was held up once catches up by itself."""
LOOKS_S: Final = 0.5
"""Looks further apart than this say nothing of what was in between."""
RAISE_S: Final = 0.3
"""A step is given so long to show what it does."""
CALM_S: Final = 3.0
"""There must be room for so long before a step is taken back; twice as long each time that proves too early."""
CALM_MAX_S: Final = 60.0
MOST_OF_IT: Final = 0.8
MOST_CGROUPS: Final = 64
"""As many as the kernel's map holds."""


class Step(IntEnum):
    """How much is given up; each step includes those before it."""

    NOTHING = 0
    LOUD = 1
    BUSY = 2
    """The view's calls of the busiest cgroups."""
    VIEW = 3
    """All calls that no rule asks for."""


class Shedding:
    """Decides; used by the thread that drains."""

    def __init__(self) -> None:
        self.step = Step.NOTHING
        self.busy: frozenset[int] = frozenset()
        """Cgroup ids of which a view gets nothing at ``Step.BUSY`` and beyond."""
        self._changed_s = 0.0
        self._looked_s = 0.0
        self._much_since_s: float | None = None
        self._calm_since_s: float | None = None
        self._calm_s = CALM_S
        self._lowered_s = -CALM_MAX_S

    @property
    def is_calm(self) -> bool:
        """Whether nothing is given up, or was lately: a look at empty rings would change nothing then."""
        return self.step is Step.NOTHING and self._much_since_s is None and self._calm_s == CALM_S

    def look(
        self, now_s: float, fill: float, lag_s: float, has_loud: bool, busiest: Callable[[], frozenset[int]]
    ) -> bool:
        """Take a step or take one back, if it is time to; return whether anything changed.

        Args:
            now_s: Any steady clock.
            fill: Of the fullest of the ordinary rings, 0 to 1.
            lag_s: How old what is read now is.
            has_loud: Whether a view asks for loud calls.
            busiest: Names the cgroups that make most of the events.
        """
        if now_s - self._looked_s > LOOKS_S:
            self._much_since_s = None
        self._looked_s = now_s
        if fill >= FULL or lag_s >= LATE_S:
            self._calm_since_s = None
            if self._much_since_s is None:
                self._much_since_s = now_s
            lasts = now_s - self._much_since_s >= LASTS_S and now_s - self._changed_s >= RAISE_S
            return lasts and self._raise(now_s, has_loud, busiest)
        self._much_since_s = None
        if self.step is Step.NOTHING:
            if now_s - self._lowered_s > CALM_MAX_S:
                self._calm_s = CALM_S
            return False
        if fill > EMPTY or lag_s > EARLY_S:
            self._calm_since_s = None
            return False
        if self._calm_since_s is None:
            self._calm_since_s = now_s
        return now_s - self._calm_since_s >= self._calm_s and self._lower(now_s)

    def _raise(self, now_s: float, has_loud: bool, busiest: Callable[[], frozenset[int]]) -> bool:
        if self.step is Step.VIEW:
            return False
        if now_s - self._lowered_s < 2 * self._calm_s:
            self._calm_s = min(2 * self._calm_s, CALM_MAX_S)
        self.step = Step(self.step + 1)
        if self.step is Step.LOUD and not has_loud:
            self.step = Step.BUSY
        if self.step is Step.BUSY:
            self.busy = busiest()
        self._changed_s = now_s
        return True

    def _lower(self, now_s: float) -> bool:
        self.step = Step(self.step - 1)
        if self.step < Step.BUSY:
            self.busy = frozenset()
        self._changed_s = self._lowered_s = self._calm_since_s = now_s
        return True


def busiest(cgroup_ids: NDArray[np.uint64]) -> frozenset[int]:
    """Return the cgroups that most of some events are of, the fewest that make ``MOST_OF_IT``.

    Args:
        cgroup_ids: (n,) one for each event.
    """
    found, counts = np.unique(cgroup_ids, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    enough = int(np.searchsorted(np.cumsum(counts[order]), MOST_OF_IT * len(cgroup_ids))) + 1
    return frozenset(found[order[: min(enough, MOST_CGROUPS)]].tolist())
