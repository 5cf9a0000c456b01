"""Settings of the interpreter that keep a key press quick while another thread works."""

from __future__ import annotations

import gc
import sys
from typing import Final

from tuimon.allocator import keep_large_apart

SWITCH_INTERVAL_S: Final = 0.001
_THRESHOLDS: Final = (50_000, 20, 100)


def tune() -> None:
    """Take what is loaded so far out of the garbage collector's sight and hand the interpreter over more often.

    A full collection of a running screen costs 35 to 50 ms; with the modules, styles and widgets frozen it costs a few.
    The default switch interval of 5 ms is what a key press otherwise waits for, several times over.
    """
    keep_large_apart()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
