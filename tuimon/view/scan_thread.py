"""The thread that judges history for the live view, so that a slow filter never holds a key press up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from tuimon.view.live_view import LiveView

_BUDGET_S: Final = 0.008
_BREATH_S: Final = 0.002
"""Between two budgets, so that the screen's thread gets the interpreter without having to ask for it."""
_IDLE_S: Final = 0.1
_CALM_S: Final = 1.0
"""A history that nothing was added to is looked at this often; who adds to it, or asks something else, says so."""
_REST: Final = 19
"""Times as long as a piece of preparation took it lasts until the next while events come, and..."""
_CALM_REST: Final = 4
"""...while hardly any do, as when a recording was opened: what there is to do ends."""
_FEW_PER_S: Final = 2_000
"""Events for which the preparation of what comes takes less than a hundredth of a core."""


class ScanThread:
    """Keeps a LiveView's scan going until ``stop``.

    Args:
        view: The view.
        prepare: Does a piece of work that makes later scans quicker and says whether there was any; asked when there
            is nothing to scan, and no more than a twentieth of the time, or a fifth while hardly any events come.
    """

    def __init__(self, view: LiveView, prepare: Callable[[], bool] = lambda: False) -> None:
        self._view = view
        self._prepare = prepare
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tuimon-scan", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is a new query, or something new for the one there is."""
        self._wake.set()

    def stop(self) -> None:
        """End and join; may be called more than once."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        rested_at, seen = 0.0, -1
        done_at, done_num = time.monotonic(), self._view.history.last_num
        while not self._stop.is_set():
            if self._view.scan(_BUDGET_S):
                self._stop.wait(_BREATH_S)
                continue
            began, last = time.monotonic(), self._view.history.last_num
            busy = began < rested_at or self._prepare()
            if busy and began >= rested_at:
                rest = rest_of(last - done_num, began - done_at)
                done_at, done_num = began, last
                rested_at = began + (time.monotonic() - began) * (1 + rest)
            self._wake.wait(_IDLE_S if busy or last != seen else _CALM_S)
            self._wake.clear()
            seen = last


def rest_of(came: int, within_s: float) -> int:
    """Return how many times as long as it took a piece of preparation is rested from, by how many events came when."""
    return _CALM_REST if came <= _FEW_PER_S * within_s else _REST
