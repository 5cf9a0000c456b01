"""The C library's allocator, asked to give memory back: what a burst needed should not stay with the process for ever.

glibc only (mallopt(3), malloc_trim(3), mallinfo(3)); with another C library nothing happens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_LARGE_BYTES: Final = 1 << 20
_ARENAS: Final = 2
_FREE_BYTES: Final = 24 << 20
"""So much may lie free: less is not worth the page faults of having it again."""
_WORTH_BYTES: Final = 8 << 20
_PAUSE_S: Final = 10.0
"""Between two times that free memory is given back: 10 to 60 ms each."""
_LONGEST_PAUSE_S: Final = 320.0


class _Info(ctypes.Structure):
    """``struct mallinfo2``, of glibc 2.33 and later."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()  # noqa: SIM905
    )


def keep_large_apart() -> None:
    """Have blocks of a megabyte and more mapped on their own, so that they go back to the system when freed.

    Left alone the allocator raises that bound to 32 MB with the first large block freed, and columns of batches then
    leave holes that stay: 200 MB beside 200 MB of history. It would also give each thread a heap of its own, with
    holes of its own; one thread works at a time here.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return free memory to the system; some milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def free_bytes() -> int:
    """Return how much the allocator holds that nobody uses, 0 where it does not tell; some of it may be given back."""
    return int(_info().fordblks)


def used_bytes() -> int:
    """Return how much the allocator has given out, without Python's small objects; 0 where it does not tell."""
    info = _info()
    return int(info.uordblks + info.hblkhd)


def _info() -> _Info:
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return _Info()
    ask.restype = _Info
    return ask()  # type: ignore[no-any-return]


class Tidy:
    """Gives memory back when much lies free, the more seldom the less there is to gain; for one thread.

    A flood needs a hundred megabytes for seconds, and each new batch leaves holes of another size than the next one
    asks for: 90 of 160 MB after four minutes of a moderate load.

    Args:
        held_bytes: Tells how much memory of its own the process holds.
    """

    def __init__(self, held_bytes: Callable[[], int]) -> None:
        self._held_bytes = held_bytes
        self._least = held_bytes()
        """Held since the last time, at the least."""
        self._pause_s = _PAUSE_S
        self._at_s = float("-inf")

    def look(self, now_s: float) -> bool:
        """Give back if it is worth it; return whether that was tried. Some 10 us when not; call it once a second."""
        held = self._held_bytes()
        self._least = min(self._least, held)
        if held >= self._least + _FREE_BYTES:
            self._pause_s = _PAUSE_S
        # What lies free stays counted when its pages have been given back: only the gain tells whether it was worth it.
        if now_s - self._at_s < self._pause_s or free_bytes() < _FREE_BYTES:
            return False
        give_back()
        self._at_s, self._least = now_s, self._held_bytes()
        gained = held - self._least >= _WORTH_BYTES
        self._pause_s = _PAUSE_S if gained else min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return True
