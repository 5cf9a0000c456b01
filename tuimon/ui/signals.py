"""What ends the program from outside while the screen is shown: SIGTERM, and SIGINT that is no key.

An exception raised wherever the program happens to be would be lost in a callback, be taken by Textual for an error of
the widget that it is about to lay out, or cut short the lines that give the terminal back. So the signal is handed to
the screen's loop, which leaves as the key does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STUCK_S: Final = 6.0
"""A loop that has not left by then waits for something that does not come, such as a terminal that takes nothing."""


@contextmanager
def leaving_on_signals(leave: Callable[[int], None]) -> Iterator[None]:
    """Call ``leave`` in the running loop, with the exit status that a signal means; at most once."""
    watchdogs: list[threading.Timer] = []

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        status = 128 + number
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # the screen is not there yet, or has just been left
            raise SystemExit(status) from None
        if not watchdogs:
            watchdogs.append(_watchdog(status))
            loop.call_soon_threadsafe(leave, status)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    try:
        for number in taken:
            signal.signal(number, stop)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
        for watchdog in watchdogs:
            watchdog.cancel()


def _watchdog(status: int) -> threading.Timer:
    """Return a running timer that ends the program; the kernel takes back what it held."""
    timer = threading.Timer(STUCK_S, os._exit, (status,))
    timer.daemon = True
    timer.start()
    return timer
