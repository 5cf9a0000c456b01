"""Ticker: calls something again and again in the screen's thread: as often as there is news, and no oftener.

On a machine where nothing happens each waking of a thread costs more than what the screen has to do then. So whoever
has news says so, from any thread; without news, or work that goes on, a tick comes now and then, for the clock.

A timer of Textual's goes through a task, a look at the callback's signature and, where paints are gathered, a round
of messages: 0.2 ms of CPU for each tick, most of what a screen costs on which nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Final, NamedTuple

_STIR_PACES: Final = 10
"""After a key the pace is kept for so many ticks: what it began may bring something that nobody tells of."""


class Tick(NamedTuple):
    """A tick: how many paces had gone by at it, since the first, and at the one before."""

    at: int
    before: int

    def every(self, paces: int, after: int = 0) -> bool:
        """Return whether it is the first tick since a multiple of some paces, and ``after`` more, have gone by."""
        return (self.at - after) // paces > (self.before - after) // paces


class Ticker:
    """Ticks from ``start`` to ``stop``; what was missed while the thread was held up is left out.

    Args:
        pace_s: Seconds between two ticks while there is news, or work; in step.
        calm_s: Seconds between two ticks otherwise.
        call: What to do. It is told how many paces have gone by since the last tick, and returns whether to tick at
            the next one too, whether there is news or not.
        failed: Told of an error in it.
    """

    def __init__(
        self, pace_s: float, calm_s: float, call: Callable[[int], bool], failed: Callable[[Exception], object]
    ) -> None:
        self._pace_s = pace_s
        self._calm_s = calm_s
        self._call = call
        self._failed = failed
        self._at_s = self._due_s = 0.0
        """When the last tick was due, and when the next one is."""
        self._stirred = 0
        """So many more ticks come at the pace."""
        self._news = False
        self._waits = False
        """The next tick is far: news is to wake the thread."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; in the thread and the context (contextvars) that ticks are to be in."""
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._at_s = self._loop.time()
        self._wait(self._at_s + self._pace_s)

    def stop(self) -> None:
        """End; may be called more than once."""
        self._loop = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def news(self) -> None:
        """Say that there is something new: tick as soon as the pace allows. Any thread; never waits, never fails."""
        self._news = True  # before the question: a tick that has not seen it yet asks again before it waits for long
        loop = self._loop
        if self._waits and loop is not None:
            self._waits = False
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._hasten, context=self._context)

    def stir(self) -> None:
        """Keep the pace for a while, beginning with the tick after the next pace: a key comes before all ticks."""
        self._stirred = _STIR_PACES
        if self._waits and self._loop is not None:
            self._waits = False
            self._hasten(self._loop.time() + self._pace_s)

    def _hasten(self, at_s: float = 0.0) -> None:
        """Tick now, or at a time, if the pace allows."""
        if self._loop is None or self._handle is None:
            return
        at_s = max(at_s or self._loop.time(), self._at_s + self._pace_s)
        if at_s < self._due_s:
            self._handle.cancel()
            self._wait(at_s)

    def _wait(self, due_s: float) -> None:
        """Have the next tick at a time."""
        if self._loop is not None:
            self._due_s = due_s
            self._handle = self._loop.call_at(due_s, self._tick, context=self._context)

    def _tick(self) -> None:
        loop = self._loop
        if loop is None:
            return
        now_s, was_s = loop.time(), self._at_s
        self._at_s = self._due_s if now_s < self._due_s + self._pace_s else now_s
        self._news = self._waits = False
        more = True
        try:
            more = self._call(max(round((self._at_s - was_s) / self._pace_s), 1))
        except Exception as error:
            self._failed(error)
        if more or self._stirred:
            self._stirred = max(self._stirred - 1, 0)
            self._wait(self._at_s + self._pace_s)
            return
        self._wait(self._at_s + self._calm_s)
        self._waits = True
        if self._news:  # told between the look and the wait
            self.news()
