"""Ticker: calls something again and again in the screen's thread, for as little as the event loop takes for it.

A timer of Textual's goes through a task, a look at the callback's signature and, where paints are gathered, a round
of messages: 0.2 ms of CPU for each tick, most of what a screen costs on which nothing happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Ticker:
    """Ticks in step from ``start`` to ``stop``; what was missed while the thread was held up is left out.

    Args:
        every_s: Seconds between two ticks.
        call: What to do.
        failed: Told of an error in it.
    """

    def __init__(self, every_s: float, call: Callable[[], None], failed: Callable[[Exception], object]) -> None:
        self._every_s = every_s
        self._call = call
        self._failed = failed
        self._at_s = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; in the thread and the context (contextvars) that ticks are to be in."""
        self._at_s = asyncio.get_running_loop().time()
        self._wait()

    def stop(self) -> None:
        """End; may be called more than once."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._at_s += self._every_s
        if self._at_s <= now_s:
            self._at_s = now_s + self._every_s
        self._handle = loop.call_at(self._at_s, self._tick)

    def _tick(self) -> None:
        self._wait()
        try:
            self._call()
        except Exception as error:
            self._failed(error)
