"""Work done at a rate, by programs of their own beside what is measured."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

PROGRAMS: Final = 4
SLICE_S: Final = 0.01


def repeat(rate: int, work: Callable[[], object]) -> None:
    """Do a piece of work at a rate for as long as the program that started this one is there."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    parent, each = os.getppid(), max(1, int(rate * SLICE_S))
    due = time.monotonic()
    while os.getppid() == parent:
        for _ in range(each):
            work()
        due = max(due + SLICE_S, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))


@contextlib.contextmanager
def beside(module: str, option: str, rate: int) -> Iterator[None]:
    """Have programs do their part of a rate meanwhile: a module's, which an option with the rate tells to."""
    argv = [sys.executable, "-m", module, option, str(rate // PROGRAMS)]
    programs = [subprocess.Popen(argv) for _ in range(PROGRAMS if rate else 0)]
    try:
        yield
    finally:
        for each in programs:
            each.kill()
            each.wait()
