"""Commands: what other threads have the engine's thread do, between two batches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

LOOK_S: Final = 0.5
"""How often who waits looks whether there still is a thread to wait for."""


class Commands:
    """A queue of actions that one thread empties; while it takes none they are carried out where they are given.

    Args:
        call: Has that thread look at the queue soon; None where it does so by itself.
    """

    def __init__(self, call: Callable[[], None] | None = None) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None

    @property
    def are_taken(self) -> bool:
        """Whether a thread takes, or has taken, them."""
        return self._thread is not None

    def take_from_now(self, first: Callable[[], None]) -> None:
        """Have them wait for the calling thread from now on, once it has done something."""
        with self._lock:
            self._thread = threading.current_thread()
            first()

    def give(self, action: Callable[[], None], *, wait: bool = True) -> None:
        """Have something done; return when it is done, or at once without ``wait``. Any thread."""
        with self._lock:
            if self._thread is None:
                action()
                return
        if not self._thread.is_alive() or self._thread is threading.current_thread():
            action()
            return
        done = threading.Event()

        def run() -> None:
            try:
                action()
            finally:
                done.set()

        self._waiting.append(run)
        if self._call is not None:
            self._call()
        while wait and not done.wait(LOOK_S):
            if not self._thread.is_alive():
                self.run()
                return

    def run(self) -> bool:
        """Do what waits, in the thread that takes them; return whether anything did."""
        ran = bool(self._waiting)
        while self._waiting:
            self._waiting.popleft()()
        return ran
