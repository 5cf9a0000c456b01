"""The garbage collector, kept away from large things that are made once and stay."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected(*, stays: bool = False) -> Iterator[None]:
    """Make something large that holds no cycles, without the collector looking at it meanwhile.

    A full collection stops every thread for as long as it takes to look at every object there is: 0.1 s and more with
    the 100,000 objects of a rule set of Falco's size, several times while one is made.

    Args:
        stays: The collector is not to look at it later either, nor at anything else there is now: for a program's
            start, when there is no garbage yet that would stay with it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if stays:
            gc.freeze()
        if was_on:
            gc.enable()
