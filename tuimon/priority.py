"""Who comes first: the thread that reads a live kernel before all others, what is only compiled after them."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Final

LIVE_NICE: Final = -5
"""Of the thread that reads a live kernel: three times the share of an ordinary thread (sched(7))."""
SWITCH_S: Final = 0.0005
"""A thread that computes gives up the interpreter this soon (Python's own: 5 ms). The engine's thread lets go of it
some dozen times in a batch, inside numpy, and waits as long each time to have it back: while rules were compiled beside
a flow of 200,000 events a second, batches were up to 1 s apart, and 0.1 s so."""
COMPILE_NICE: Final = 10
"""Of threads that compile: a tenth of an ordinary thread's share when the machine is busy (sched(7))."""


def hurry() -> None:
    """Put the calling thread ahead of ordinary ones, where that is allowed, and have others let it in soon.

    A flood of processes that takes every CPU would else take them from the reader too, and what cannot be read in time
    is lost: with four shells that start programs on two CPUs every eighth exec was, and none with this.
    """
    sys.setswitchinterval(SWITCH_S)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LIVE_NICE)


def wait_one_s_turn() -> None:
    """Put the calling thread behind ordinary ones: nothing waits for it, and the flow of events comes first."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), COMPILE_NICE)
