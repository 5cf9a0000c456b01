"""The start of the engine behind the painted screen: in a thread of its own, which nobody who leaves waits for.

What takes long in it (bcc's compiler, the kernel's verifier) cannot be called back, so a thread of asyncio's, which is
waited for at the end, would keep the shell's prompt away until the start is through; and so would an engine that is
stopped while it starts.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from textual.app import App


def in_background(start: Callable[[], None]) -> None:
    """Run a start in a thread that ends with the program."""
    threading.Thread(target=start, name="tuimon-start", daemon=True).start()


@contextmanager
def left_at_once(app: App[None], is_starting: Callable[[], bool]) -> Iterator[None]:
    """End the program, not the block alone, where the screen in it is left in the middle of a start."""
    try:
        yield
    except SystemExit as left:  # a signal before the screen is there
        if is_starting():
            _leave_now(left.code if isinstance(left.code, int) else 1)
        raise
    if is_starting():
        _leave_now(app.return_code or 0)


def _leave_now(status: int) -> NoReturn:
    """End the program in the middle of a start.

    An orderly end would run the compiler's own while it is at work. The kernel takes back what an ended program held.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)
