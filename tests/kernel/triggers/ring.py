"""The least of io_uring (io_uring(7)): one request at a time, made and waited for, without a library."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from typing import Final

SETUP, ENTER = 425, 426
OP_CONNECT, OP_OPENAT, OP_UNLINKAT = 16, 18, 36
_OFF_SQ, _OFF_CQ, _OFF_SQES = 0, 0x8000000, 0x10000000
_GETEVENTS: Final = 1
_AT_FDCWD: Final = -100


class Ring:
    """An io_uring.

    Raises:
        OSError: The kernel has none for us.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        params = ctypes.create_string_buffer(120)
        self._fd = self._libc.syscall(SETUP, 4, params)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "io_uring_setup")
        # struct io_uring_params: two struct of offsets at 40 and 80 (include/uapi/linux/io_uring.h).
        _, self._sq_tail, self._sq_mask, _, _, _, self._sq_array = struct.unpack_from("<7I", params, 40)
        self._cq_head, _, self._cq_mask, _, _, self._cqes = struct.unpack_from("<6I", params, 80)
        self._sq, self._cq, self._sqes = (mmap.mmap(self._fd, 4096, offset=at) for at in (_OFF_SQ, _OFF_CQ, _OFF_SQES))

    def request(self, opcode: int, fd: int, addr: int, length: int = 0, off: int = 0, flags: int = 0) -> int:
        """Make a request and return its result."""
        (tail,) = struct.unpack_from("<I", self._sq, self._sq_tail)
        at = tail & struct.unpack_from("<I", self._sq, self._sq_mask)[0]
        struct.pack_into("<BBHiQQII32x", self._sqes, 64 * at, opcode, 0, 0, fd, off, addr, length, flags)
        struct.pack_into("<I", self._sq, self._sq_array + 4 * at, at)
        struct.pack_into("<I", self._sq, self._sq_tail, tail + 1)
        self._libc.syscall(ENTER, self._fd, 1, 1, _GETEVENTS, None, 0)
        (head,) = struct.unpack_from("<I", self._cq, self._cq_head)
        place = self._cqes + 16 * (head & struct.unpack_from("<I", self._cq, self._cq_mask)[0])
        (result,) = struct.unpack_from("<i", self._cq, place + 8)
        struct.pack_into("<I", self._cq, self._cq_head, head + 1)
        return int(result)

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Open a file, relative to the working directory."""
        name = ctypes.create_string_buffer(os.fsencode(path))
        return self.request(OP_OPENAT, _AT_FDCWD, ctypes.addressof(name), flags=flags)

    def connect(self, fd: int, address: bytes) -> int:
        """Connect a socket to a ``struct sockaddr``."""
        there = ctypes.create_string_buffer(address, len(address))
        return self.request(OP_CONNECT, fd, ctypes.addressof(there), off=len(address))

    def close(self) -> None:
        """Give it back."""
        for memory in (self._sq, self._cq, self._sqes):
            memory.close()
        os.close(self._fd)
