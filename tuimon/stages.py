"""Where the engine's thread spends its time, by stage of the flow.

CPU time of the calling thread, not wall time: waiting for events is no cost. A lap costs one system call
(CLOCK_THREAD_CPUTIME_ID), some 0.3 µs, and the engine takes about six for each drain, of which there are at most fifty
a second.
"""

from __future__ import annotations

import time
from typing import Final

STAGES: Final = {
    "drain": "read what the kernel, or the recording, gave",
    "processes": "keep the process table",
    "record": "hand batches to a recorder",
    "rules": "judge events by the rules in force",
    "history": "keep events for the screen, forget the oldest",
    "publish": "count, and say what the screen shows",
}
"""Every stage, in the order of the flow, and what is done in it."""


class Stages:
    """CPU time by stage; one writer, any reader."""

    def __init__(self) -> None:
        self.total_ns = dict.fromkeys(STAGES, 0)
        """Since the start."""
        self.shares = dict.fromkeys(STAGES, 0.0)
        """Share of one core over the last second or so, 0 to 1; replaced as a whole."""
        self._at = 0
        self._then = dict(self.total_ns)
        self._then_s = time.monotonic()

    def begin(self) -> None:
        """Start the clock in the thread that is to be measured; time before this is nobody's."""
        self._at = time.thread_time_ns()

    def lap(self, stage: str) -> None:
        """Put the time since the last lap down to a stage."""
        now = time.thread_time_ns()
        self.total_ns[stage] += now - self._at
        self._at = now

    def share(self, now_s: float) -> None:
        """Make ``shares`` anew from what happened since the last call.

        Args:
            now_s: ``time.monotonic()``.
        """
        elapsed_ns = max((now_s - self._then_s) * 1e9, 1.0)
        self.shares = {name: (total - self._then[name]) / elapsed_ns for name, total in self.total_ns.items()}
        self._then, self._then_s = dict(self.total_ns), now_s
