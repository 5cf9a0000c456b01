"""How many events one drain may take, so that working them off takes about as long as it should.

What an event costs differs a thousandfold: a read that only a view asked for some ten nanoseconds, an open of a path
that no rule has looked at yet a hundred microseconds. A drain that takes all there is would then keep its reader busy
for seconds; meanwhile nothing is told, and the rings run full.
"""

from __future__ import annotations

from typing import Final

TARGET_S: Final = 0.05
"""CPU time that one drain's events may take their reader. A busy machine makes it some times as long on the wall."""
LEAST: Final = 1024
MOST: Final = 1 << 20
FIRST: Final = 16_384
GROWTH: Final = 4


class Pace:
    """The limit, learnt from what the events before cost."""

    def __init__(self) -> None:
        self.limit = FIRST
        """Of each ring, for the next drain."""

    def took(self, events: int, cpu_s: float) -> None:
        """Learn from one drain.

        Args:
            events: How many there were.
            cpu_s: What the reader spent on them.
        """
        if not events:
            return
        fitting = int(TARGET_S / max(cpu_s, 1e-9) * events)
        if cpu_s > TARGET_S / 4:
            self.limit = max(LEAST, min(fitting, self.limit * GROWTH, MOST))
        elif fitting > self.limit:
            self.limit = min(self.limit * GROWTH, MOST)
