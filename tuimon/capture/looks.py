"""When the rings are looked at: again and again while events come, after a silence once the programs have rung.

Each look wakes a CPU up, and each drain costs its readers as much for one event as for a hundred.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tuimon.capture.bell import Bell

POLL_S: Final = 0.01
CALM_POLL_S: Final = 0.04
"""The rings are looked at this often while little happens, whether the last look found something or not."""
CALM_CPUS: Final = 10
"""More of them can fill the rings in less time: they are looked at the sooner, down to POLL_S."""
SILENT_LOOKS: Final = 1
"""So many looks in a calm that found nothing are a silence: then the programs are asked to ring. Where events come in
every 40 ms, a ring before each look would be one wake-up more."""
MANY: Final = 256
"""Events of one drain from which on there is much to do for the next BUSY_S."""
BUSY_S: Final = 0.25


class Looks:
    """Waits for the next look; for the thread that reads.

    Args:
        calm_poll_s: Between two looks while little happens, see ``calm_poll_s``.
        is_there: Whether there is something to look at.
    """

    def __init__(self, calm_poll_s: float, is_there: Callable[[], bool]) -> None:
        self.bell: Bell | None = None
        """None before the start: nothing is waited for."""
        self.interrupted = False
        """The wait that goes on, or the next one, is to end at once."""
        self._calm_poll_s = calm_poll_s
        self._is_there = is_there
        self._at_s = self._calm_at_s = 0.0
        """When the rings are to be looked at next, and from when on little happens."""
        self._silent = 0
        """Looks in a calm that found nothing since the last one that did."""

    def wait(self, now_s: float, deadline_s: float) -> None:
        """Wait until the rings are to be looked at, but not beyond the deadline (time.monotonic())."""
        bell = self.bell
        if bell is None or self.interrupted:
            return
        if self._silent >= SILENT_LOOKS and now_s < deadline_s:
            is_rung = bell.wait(deadline_s - now_s, self._is_there)
            now_s = time.monotonic()
            if is_rung:
                self._at_s = max(self._at_s, now_s + POLL_S)  # a record seldom comes alone
        wait_s = min(self._at_s, deadline_s) - now_s
        if wait_s > 0 and not self.interrupted:
            bell.pause(wait_s)

    def looked(self, now_s: float, events: int, *, is_calm: bool) -> None:
        """Decide when to look again, after a look: at once while there are many events.

        Args:
            now_s: When it was.
            events: How many it found.
            is_calm: Nothing had to be given up lately for there was too much.
        """
        if events >= MANY or not is_calm:
            self._calm_at_s = now_s + BUSY_S
        calm = now_s >= self._calm_at_s
        self._silent = self._silent + 1 if calm and not events else 0
        if calm:
            self._at_s = now_s + self._calm_poll_s
        else:
            self._at_s = now_s if events else now_s + POLL_S

    def interrupt(self) -> None:
        """End the wait, or the next one, at once; any thread."""
        self.interrupted = True
        if (bell := self.bell) is not None:
            bell.call()


def calm_poll_s(cpus: int) -> float:
    """Return how often the rings of a machine of some CPUs are looked at while little happens, in seconds."""
    return max(POLL_S, CALM_POLL_S * min(1.0, CALM_CPUS / cpus))
