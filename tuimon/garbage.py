"""The garbage collector, kept away from large things that are made once and stay."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Make something large that holds no cycles, without the collector looking at it meanwhile or ever.

    A full collection stops every thread for as long as it takes to look at every object there is: 0.1 s and more with
    the 100,000 objects of a rule set of Falco's size, several times while one is made. What is made inside goes when
    the last one who knows it lets it go.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
