"""Background: one piece of work at a time in a thread, in small steps, so that no key press ever waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Final

_BUDGET_S: Final = 0.008
_BREATH_S: Final = 0.002
"""Between two budgets, so that the screen's thread gets the interpreter without having to ask for it."""


class Background:
    """Runs the newest work given; what it ran before is left where it is.

    Work is an iterator whose every step is short; what it finds it keeps itself, and finished pieces only.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: Iterator[None] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, work: Iterator[None] | None) -> None:
        """Run this from now on; None: nothing."""
        with self._lock:
            self._work = work
            if work is not None and self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=f"tuimon-{self._name}", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End what runs, and wait for its step to end."""
        self.run(None)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    @property
    def is_running(self) -> bool:
        """Whether there is work left."""
        return self._work is not None

    def _loop(self) -> None:
        while True:
            with self._lock:
                work = self._work
                if work is None:
                    self._thread = None
                    return
            if self._steps(work):
                time.sleep(_BREATH_S)
            else:
                with self._lock:
                    if self._work is work:
                        self._work = None

    def _steps(self, work: Iterator[None]) -> bool:
        """Go on for a budget; return whether there is more to do."""
        until = time.monotonic() + _BUDGET_S
        while self._work is work:
            try:
                next(work)
            except StopIteration:
                return False
            if time.monotonic() >= until:
                return True
        return True
