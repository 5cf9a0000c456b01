"""When the engine's thread does what: keep, count, tell; and for how long it may wait for events meanwhile.

Every wait that ends wakes a CPU up, and on a machine where nothing happens that is most of what a monitor costs. So it
waits for long while there is nothing to do, and no more is told then than the clock needs. What comes after a calm goes
through at once; only what follows soon is joined.

Times are seconds of any steady clock.
"""

from __future__ import annotations

from typing import Final

DRAIN_S: Final = 0.02
"""The source is waited for this long while something else is to be looked at soon."""
KEEP_S: Final = 0.1
"""Drains are joined for this long before they enter the history, so that a quiet machine does not end up with
thousands of tiny batches."""
COUNT_S: Final = 1.0
TELL_S: Final = 0.1


class Rhythm:
    """What is due; used by one thread.

    Args:
        now_s: The time.
    """

    def __init__(self, now_s: float) -> None:
        self.news = True
        """There is something to tell."""
        self._keep_at = self._count_at = self._tell_at = now_s

    def keeps(self, now_s: float) -> bool:
        """Return whether what was drained is to enter the history now."""
        return now_s >= self._keep_at

    def kept(self, now_s: float) -> None:
        """Take note that it has."""
        self._keep_at = now_s + KEEP_S
        self.news = True

    def counts(self, now_s: float) -> bool:
        """Return whether it is time to count; then there will be something to tell."""
        if now_s < self._count_at:
            return False
        self._count_at = _next(self._count_at, now_s, COUNT_S)
        self.news = True
        return True

    def tells(self, now_s: float) -> bool:
        """Return whether it is time to tell what is new."""
        if not self.news or now_s < self._tell_at:
            return False
        self._tell_at = _next(self._tell_at, now_s, TELL_S)
        self.news = False
        return True

    def patience_s(self, now_s: float, *, busy: bool, fresh: bool = False) -> float:
        """Return how long the source may be waited for.

        Args:
            now_s: The time.
            busy: Something else is to be looked at soon, or the wait could not be ended.
            fresh: Something was drained that is not in the history yet.
        """
        if busy:
            return DRAIN_S
        due_at = min(self._count_at, self._tell_at) if self.news else self._count_at
        due_at = min(due_at, self._keep_at) if fresh else due_at
        return max(due_at - now_s, 0.0)


def _next(at_s: float, now_s: float, every_s: float) -> float:
    """Return when something is due again: in step with before, unless that has passed as well."""
    return at_s + every_s if at_s + every_s > now_s else now_s + every_s
