"""The start of the engine behind the painted screen: in a thread of its own, which nobody who leaves waits for.

What takes long in it (bcc's compiler, the kernel's verifier) cannot be called back, so a thread of asyncio's, which is
waited for at the end, would keep the shell's prompt away until the start is through.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


def in_background(start: Callable[[], None]) -> None:
    """Run a start in a thread that ends with the program."""
    threading.Thread(target=start, name="tuimon-start", daemon=True).start()


def leave_now(status: int) -> NoReturn:
    """End the program in the middle of a start.

    An orderly end would run the compiler's own while it is at work. The kernel takes back what an ended program held.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)
