"""Makes a hundred system calls, each at least once, most of them well and some of them wrongly; for whoever watches.

``calls_subject.py FOLDER NUMBERS TOKEN``: NUMBERS is a JSON file with the number of each call by Falco's name. Every
call goes through syscall(2), so that none is replaced by another; which of them are allowed does not matter.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import sys
from pathlib import Path

NAME_TO_NR = json.loads(Path(sys.argv[2]).read_text())
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
CWD = -100
PAGE = 4096


def call(name: str, *args: object) -> int:
    """Make a system call by Falco's name: ints, and bytes or ctypes buffers by their address."""
    words = [arg if not isinstance(arg, int) else ctypes.c_long(arg) for arg in args]
    return int(LIBC.syscall(ctypes.c_long(NAME_TO_NR[name]), *words))


def buffer(raw: bytes) -> ctypes.Array[ctypes.c_char]:
    """Return writable memory with this content."""
    return ctypes.create_string_buffer(raw, len(raw))


def files() -> None:
    """Open, make, link, rename, change, remove."""
    call("mkdir", b"one", 0o750)
    call("mkdirat", CWD, b"two", 0o700)
    fd = call("openat", CWD, b"one/file", os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o640)
    call("write", fd, b"some text\n", 10)
    call("lseek", fd, 2, os.SEEK_SET)
    call("read", fd, buffer(bytes(32)), 5)
    call("pwrite", fd, b"XY", 2, 4)
    call("pread", fd, buffer(bytes(16)), 6, 1)
    memory = buffer(b"abcdef")
    call("writev", fd, buffer(struct.pack("QQ", ctypes.addressof(memory), 6)), 1)
    call("fchmod", fd, 0o600)
    call("fchown", fd, 0, 0)
    call("flock", fd, 2 | 4)
    call("fsync", fd)
    call("ftruncate", fd, 3)
    call("getdents64", fd, buffer(bytes(64)), 64)
    call("fcntl", fd, 3, 0)
    call("ioctl", fd, 0x5401, buffer(bytes(64)))
    call("dup", fd)
    call("dup2", fd, 90)
    call("dup3", fd, 91, os.O_CLOEXEC)
    call("close", 90)
    call("creat", b"made", 0o604)
    call("open", b"/nonexistent/shadow", os.O_WRONLY | os.O_APPEND, 0)
    how = buffer(struct.pack("QQQ", os.O_RDONLY, 0, 0x08))
    call("openat2", CWD, b"one", how, 24)
    call("link", b"made", b"made2")
    call("linkat", CWD, b"made", CWD, b"made3", 0)
    call("symlink", b"made", b"soft")
    call("symlinkat", b"one/file", CWD, b"soft2")
    call("rename", b"made2", b"made4")
    call("renameat", CWD, b"made3", CWD, b"made5")
    call("renameat2", CWD, b"made4", CWD, b"made6", 1)
    call("chmod", b"made", 0o666)
    call("fchmodat", CWD, b"made", 0o604)
    call("chown", b"made", 0, 0)
    call("lchown", b"soft", 0, 0)
    call("fchownat", CWD, b"soft", 0, 0, 0x100)
    call("access", b"made", os.R_OK | os.W_OK)
    call("stat", b"made", buffer(bytes(256)))
    call("lstat", b"soft", buffer(bytes(256)))
    call("newfstatat", CWD, b"soft", buffer(bytes(256)), 0x100)
    call("mknodat", CWD, b"fifo", 0o010622, 0)
    call("unlink", b"soft2")
    call("unlinkat", CWD, b"two", 0x200)
    call("rmdir", b"not-there")
    call("chdir", b"one")
    call("getcwd", buffer(bytes(PAGE)), PAGE)
    call("fchdir", call("open", b"..", os.O_DIRECTORY, 0))
    call("umount2", b"/nonexistent", 2)
    call("mount", b"none", b"/nonexistent", b"tmpfs", 0x1 | 0x8, 0)
    call("chroot", b"/nonexistent")


def results() -> None:
    """Make calls that leave something behind besides their return value."""
    call("getresuid", *[buffer(bytes(4)) for _ in range(3)])
    call("getresgid", *[buffer(bytes(4)) for _ in range(3)])
    ends = buffer(bytes(8))
    call("pipe2", ends, 0)
    call("fstat", struct.unpack("ii", ends.raw)[1], buffer(bytes(256)))
    call("brk", 0)
    at = call("mmap", 0, MAPPED, 3, 0x22 | 0x8000, -1, 0)
    statm = call("open", b"/proc/self/statm", 0, 0)
    call("read", statm, buffer(bytes(80)), 80)
    call("munmap", at, MAPPED)
    call("pread", statm, buffer(bytes(80)), 80, 0)
    fd = call("openat", CWD, b"one/copied", os.O_CREAT | os.O_RDWR, 0o600)
    call("write", fd, b"0123456789", 10)
    call("copy_file_range", fd, buffer(struct.pack("q", 2)), fd, buffer(struct.pack("q", 20)), 3, 0)
    mask = buffer(struct.pack("Q", 1 << 1 | 1 << 9))
    call("ppoll", 0, 0, buffer(bytes(16)), mask, 8)
    call("signalfd4", -1, mask, 8, os.O_CLOEXEC)
    call("eventfd", 3)
    call("inotify_init")
    call("fsconfig", 999, 1, b"source", b"some value", 0)
    call("fsconfig", 999, 2, b"blob", b"1\0002", 3)
    call(
        "quotactl", 0x80000800, b"/nonexistent", 5, buffer(struct.pack("QQQQQQQQI4x", 11, 12, 13, 14, 15, 0, 16, 17, 5))
    )
    call("quotactl", 0x80000201, b"/nonexistent", 2, b"/a.quota")
    call("init_module", b"not a module", 12, b"a=1")
    here, there = buffer(bytes(5)), buffer(b"words")
    local, remote = (buffer(struct.pack("QQ", ctypes.addressof(each), 5)) for each in (here, there))
    call("process_vm_readv", os.getpid(), local, 1, remote, 1, 0)
    call("semop", 999, buffer(struct.pack("HhHHhH", 1, -1, 0o4000, 2, 3, 0x1000)), 2)
    ring = call("io_uring_setup", 4, buffer(struct.pack("III", 0, 0, 0x10) + bytes(108)))
    call("io_uring_enter", ring, 0, 0, 0, mask, 8)


MAPPED = 32 << 20


def messages() -> None:
    """Take connections from a queue, ask for an option, pass an fd."""
    own = call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
    call("bind", own, buffer(struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton("127.0.0.1"))), 16)
    call("listen", own, 5)
    address = buffer(bytes(16))
    call("getsockname", own, address, buffer(struct.pack("i", 16)))
    for _ in range(3):
        call("connect", call("socket", socket.AF_INET, socket.SOCK_STREAM, 0), address, 16)
    call("accept", own, 0, 0)
    pair = buffer(bytes(8))
    call("socketpair", socket.AF_UNIX, socket.SOCK_DGRAM, 0, pair)
    left, right = struct.unpack("ii", pair.raw)
    call("getsockopt", left, 1, 17, buffer(bytes(32)), buffer(struct.pack("i", 32)))
    text, control = buffer(b"passed"), buffer(struct.pack("Qiii4x", 20, 1, 1, own))
    vector = buffer(struct.pack("QQ", ctypes.addressof(text), 6))
    words = (0, 0, ctypes.addressof(vector), 1, ctypes.addressof(control), 24, 0)
    call("sendmsg", left, buffer(struct.pack("7Q", *words)), 0)
    call("recvmsg", right, buffer(struct.pack("7Q", *words)), 0)


def sockets() -> None:
    """Talk over unix and IP sockets."""
    pair = buffer(bytes(8))
    call("socketpair", socket.AF_UNIX, socket.SOCK_STREAM, 0, pair)
    left, _ = struct.unpack("ii", pair.raw)
    call("shutdown", left, socket.SHUT_WR)
    fd = call("socket", socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
    call("setsockopt", fd, 1, 2, buffer(struct.pack("i", 1)), 4)
    address = buffer(struct.pack("=HH4s8x", socket.AF_INET, socket.htons(9), socket.inet_aton("127.0.0.1")))
    call("connect", fd, address, 16)
    call("sendto", fd, b"hello", 5, 0, 0, 0)
    own = call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
    any_port = buffer(struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton("127.0.0.1")))
    call("bind", own, any_port, 16)
    call("listen", own, 7)
    call("accept4", 999, 0, 0, socket.SOCK_CLOEXEC)


def processes() -> None:
    """Limits, ids, signals, memory, and everything with a struct behind a pointer."""
    limits = buffer(struct.pack("QQ", 100, 200))
    call("prlimit", 0, 7, limits, buffer(bytes(16)))
    call("prlimit", 0, 3, 0, buffer(bytes(16)))
    call("nanosleep", buffer(struct.pack("QQ", 0, 1234)), 0)
    call("pipe2", buffer(bytes(8)), os.O_CLOEXEC)
    poll = buffer(struct.pack("ihhihh", 0, 1, 0, 91, 4, 0))
    call("poll", poll, 2, 0)
    call("kill", os.getpid(), 0)
    call("tgkill", os.getpid(), os.getpid(), 0)
    call("setsid")
    call("setpgid", 0, 0)
    call("setuid", 0)
    call("setresuid", 0, 0, 0)
    call("setgid", 0)
    call("setregid", 0, 0)
    call("memfd_create", b"a name", 1)
    call("eventfd2", 3, os.O_NONBLOCK)
    call("epoll_create1", os.O_CLOEXEC)
    call("inotify_init1", os.O_CLOEXEC)
    call("timerfd_create", 1, 0)
    at = call("mmap", 0, 2 * PAGE, 3, 0x22, -1, 0)
    call("mprotect", at, PAGE, 1)
    call("munmap", at, 2 * PAGE)
    call("prctl", 15, b"another name", 0, 0, 0)
    call("unshare", 0x400)
    call("setns", 999, 0x20000)
    call("ptrace", 16, 999999, 0, 0)
    call("seccomp", 2, 0, 0)
    call("personality", 0xFFFFFFFF)
    call("bpf", 15, 0, 0)
    call("finit_module", 999, b"a=1", 0)
    call("delete_module", b"no_such_module", os.O_NONBLOCK)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    files()
    results()
    messages()
    sockets()
    processes()
