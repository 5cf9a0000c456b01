"""The bell: ends a wait for events, rung by the kernel programs or by another thread.

The programs hand their records over without waking anybody up: at a million events a second that would cost more than
the events. Who reads them looks at the rings again and again instead, which on a machine where nothing happens is most
of what a monitor costs. So after a silence the programs are asked to ring once, for the next record.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import threading
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

_PAGE: Final = mmap.PAGESIZE


class Bell:
    """Waits for a ring or a call; one thread waits, any may call.

    Args:
        map_fd: Of the BPF_MAP_TYPE_RINGBUF that the programs ring with. What is in it means nothing; that something is
            makes it readable for poll(2).
        sleeps: (1,) uint32 of struct tm_config: 1 asks the programs for one ring, which puts it back to 0.
    """

    def __init__(self, map_fd: int, sleeps: NDArray[np.uint32]) -> None:
        self._sleeps: NDArray[np.uint32] | None = sleeps
        self._calls = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._for_calls, self._for_both = select.poll(), select.poll()
        for waits, fds in ((self._for_calls, (self._calls,)), (self._for_both, (self._calls, map_fd))):
            for fd in fds:
                waits.register(fd, select.POLLIN)
        self._ours = mmap.mmap(map_fd, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self._theirs = mmap.mmap(map_fd, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ, offset=_PAGE)
        self._consumed = ctypes.c_uint64.from_buffer(self._ours)
        self._produced = np.ndarray((1,), "<u8", self._theirs)
        self._lock = threading.Lock()
        """Held while somebody waits: what is waited for must not be closed meanwhile."""
        self._call_lock = threading.Lock()
        """Held while somebody calls: in the place of a file that is closed another may be open."""

    def pause(self, timeout_s: float) -> None:
        """Wait for a call, but no longer than some time; for nothing once the bell is closed."""
        with self._lock:
            if self._sleeps is not None:
                self._listen(self._for_calls, timeout_s)

    def wait(self, timeout_s: float, is_there: Callable[[], bool]) -> bool:
        """Wait for a ring or a call, but no longer than some time.

        A record that is handed over in the very moment of asking (some nanoseconds) may be rung for with the next one.

        Args:
            timeout_s: In seconds.
            is_there: Whether what would be rung for is there already; asked when the programs have been asked to ring.

        Returns:
            Whether there is something to look at.
        """
        with self._lock:
            if self._sleeps is None:
                return False
            self._consumed.value = int(self._produced[0])
            self._sleeps[0] = 1
            if not is_there():
                self._listen(self._for_both, timeout_s)
            self._sleeps[0] = 0
            return int(self._produced[0]) != self._consumed.value or is_there()

    def call(self) -> None:
        """End the wait of another thread, or the next one."""
        with self._call_lock:
            if self._calls >= 0:
                os.eventfd_write(self._calls, 1)

    def close(self) -> None:
        """End the wait, and be of no use from now on; the map's fd stays open."""
        self.call()
        with self._lock, self._call_lock:
            if self._sleeps is None:
                return
            self._sleeps = None
            del self._consumed, self._produced
            self._ours.close()
            self._theirs.close()
            os.close(self._calls)
            self._calls = -1

    def _listen(self, waits: select.poll, timeout_s: float) -> None:
        """Wait, rounded up to a millisecond, and forget the calls heard."""
        for fd, _ in waits.poll(max(timeout_s, 0.0) * 1000):
            if fd == self._calls:
                os.eventfd_read(fd)
