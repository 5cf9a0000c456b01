"""Makes 32-bit system calls from a 64-bit program: machine code written at run time enters by ``int $0x80``.

``compat_subject.py FOLDER TOKEN`` prints ``no`` when the kernel has no such entry. Numbers are those of
arch/x86/entry/syscalls/syscall_32.tbl.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import sys

MAP_32BIT = 0x40
AT_FDCWD = -100
OPEN, CREAT, LINK, UNLINK, CHMOD, RENAME, MKDIR, RMDIR, KILL, EXECVE = 5, 8, 9, 10, 15, 38, 39, 40, 37, 11
SETUID32, SYMLINKAT, OPENAT, MKDIRAT, SOCKET, CONNECT, PTRACE = 213, 304, 295, 296, 359, 362, 26
ENOSYS = -38

# push rbx; mov eax, edi; mov ebx, esi; xchg edx, ecx; mov esi, r8d; mov edi, r9d; int 0x80; cdqe; pop rbx; ret
CODE = bytes.fromhex("53 89f8 89f3 87d1 4489c6 4489cf cd80 4898 5b c3")
LOW = mmap.mmap(-1, 4 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT)
MACHINE = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def below(raw: bytes) -> int:
    """Put bytes where 32 bits can point to, and return the address."""
    at = LOW.tell()
    LOW.write(raw + bytes(-len(raw) % 16 + 16))
    return ctypes.addressof(ctypes.c_char.from_buffer(LOW)) + at


def main() -> None:
    """Make every call."""
    MACHINE.write(CODE)
    kind = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 6)
    enter = kind(ctypes.addressof(ctypes.c_char.from_buffer(MACHINE)))

    def call(number: int, *args: int | bytes) -> int:
        words = [below(arg + b"\0") if isinstance(arg, bytes) else arg for arg in args]
        return int(enter(number, *(words + [0] * 5)[:5]))

    os.chdir(sys.argv[1])
    if call(MKDIR, b"one", 0o750) == ENOSYS:
        print("no")
        return
    call(MKDIRAT, AT_FDCWD, b"two", 0o700)
    call(CREAT, b"one/file", 0o604)
    call(OPEN, b"one/file", os.O_WRONLY | os.O_APPEND, 0)
    call(OPENAT, AT_FDCWD, b"one/none", os.O_RDONLY, 0)
    call(LINK, b"one/file", b"linked")
    call(RENAME, b"linked", b"moved")
    call(SYMLINKAT, b"moved", AT_FDCWD, b"soft")
    call(CHMOD, b"moved", 0o600)
    call(UNLINK, b"soft")
    call(RMDIR, b"two")
    call(KILL, os.getpid(), 0)
    call(SETUID32, os.getuid())
    fd = call(SOCKET, socket.AF_INET, socket.SOCK_DGRAM, 0)
    call(CONNECT, fd, below(struct.pack("=HH4s8x", socket.AF_INET, socket.htons(9), socket.inet_aton("127.0.0.1"))), 16)
    call(PTRACE, 16, 999999, 0, 0)
    if os.fork() == 0:
        argv = struct.pack("=3I", below(b"/bin/true\0"), below(f"{sys.argv[2]}\0".encode()), 0)
        call(EXECVE, b"/bin/true", below(argv), 0)
        os._exit(9)
    os.wait()
    print("yes")


if __name__ == "__main__":
    main()
