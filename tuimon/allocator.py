"""The C library's allocator, asked to give memory back: what a burst needed should not stay with the process for ever.

glibc only (mallopt(3), malloc_trim(3)); with another C library nothing happens.
"""

from __future__ import annotations

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 1 << 20


def keep_large_apart() -> None:
    """Have blocks of a megabyte and more mapped on their own, so that they go back to the system when freed.

    Left alone the allocator raises that bound to 32 MB with the first large block freed, and columns of batches then
    leave holes that stay: 200 MB beside 200 MB of history.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def give_back() -> None:
    """Return free memory to the system; some milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
