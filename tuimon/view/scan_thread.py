"""The thread that judges history for the live view, so that a slow filter never holds a key press up."""

from __future__ import annotations

import threading
from typing import Final

from tuimon.view.live_view import LiveView

_BUDGET_S: Final = 0.008
_BREATH_S: Final = 0.002
"""Between two budgets, so that the screen's thread gets the interpreter without having to ask for it."""
_IDLE_S: Final = 0.05


class ScanThread:
    """Keeps a LiveView's scan going until ``stop``."""

    def __init__(self, view: LiveView) -> None:
        self._view = view
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tuimon-scan", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is a new query."""
        self._wake.set()

    def stop(self) -> None:
        """End and join; may be called more than once."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._view.scan(_BUDGET_S):
                self._stop.wait(_BREATH_S)
            else:
                self._wake.wait(_IDLE_S)
                self._wake.clear()
