"""The record layouts of ``bpf/events.h`` as numpy dtypes.

The C header is the one definition; this module says the same in numpy's words, and two checks hold them together: a
test compiles the header with the host's ``cc`` and compares every size and offset, and the kernel source does the same
with what bcc compiled when it starts.
"""

from enum import IntEnum, IntFlag
from typing import Final

import numpy as np

ABI: Final = 1


class Kind(IntEnum):
    """``tm_head.kind``."""

    SYSCALL = 0
    EXEC = 1
    FORK = 2
    EXIT = 3
    IO_URING = 4
    HEARTBEAT = 5
    IO_URING_DONE = 6


class Flag(IntFlag):
    """``tm_head.flags``."""

    TRUNCATED = 0x01
    COMPAT = 0x02
    USER_MEMORY = 0x04
    REAL_SAME = 0x08
    HAS_EXT = 0x10
    HAS_PROC = 0x20
    SAMPLED = 0x40
    FAULT = 0x80


class Slot(IntEnum):
    """Text slots of ``tm_ext.slot_len``; what each holds is said in ``bpf/events.h``."""

    GIVEN = 0
    BASE = 1
    REAL = 2
    GIVEN2 = 3
    BASE2 = 4
    SOCK = 5

    ARGV = 3
    ENV = 4
    DATA = 5


class ExeFlag(IntFlag):
    """``tm_proc.exe_flags``."""

    UPPER_LAYER = 0x1
    LOWER_LAYER = 0x2
    BORN_UPPER = 0x4
    MEMFD = 0x8
    WRITABLE = 0x10
    DELETED = 0x20
    VIA_FD = 0x40


class FileFlag(IntFlag):
    """``tm_file.flags``."""

    UPPER_LAYER = 0x1
    LOWER_LAYER = 0x2
    BORN_UPPER = 0x4
    CREATED = 0x80


class SockFlag(IntFlag):
    """``tm_sock.flags``."""

    GIVEN = 0x1
    LISTEN = 0x2
    SERVER = 0x4
    CLIENT = 0x8


class SizeClass(IntEnum):
    """One ring each; the process classes have room of their own that a flood of other events cannot take."""

    SLIM = 0
    SHORT = 1
    MID = 2
    LONG = 3
    PROC_SHORT = 4
    PROC_MID = 5
    PROC_LONG = 6


SLOTS: Final = 6
CLASS_BYTES: Final = {
    SizeClass.SLIM: 64,
    SizeClass.SHORT: 256,
    SizeClass.MID: 1024,
    SizeClass.LONG: 12416,
    SizeClass.PROC_SHORT: 512,
    SizeClass.PROC_MID: 2048,
    SizeClass.PROC_LONG: 32768,
}

HEAD: Final = np.dtype(
    [
        ("ts_ns", "<u8"),
        ("cgroup_id", "<u8"),
        ("ret", "<i8"),
        ("tid", "<u4"),
        ("tgid", "<u4"),
        ("nr", "<u2"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("cpu", "<u2"),
        ("lost", "<u2"),
        ("arg", "<u8", (3,)),
    ]
)
EXT: Final = np.dtype(
    [
        ("arg", "<u8", (3,)),
        ("uid", "<u4"),
        ("gid", "<u4"),
        ("comm", "S16"),
        ("slot_len", "<u2", (SLOTS,)),
        ("text_len", "<u2"),
        ("fd_type", "<u2"),
    ]
)
PROC: Final = np.dtype(
    [
        ("start_ns", "<u8"),
        ("cap_permitted", "<u8"),
        ("cap_effective", "<u8"),
        ("cap_inheritable", "<u8"),
        ("exe_ino", "<u8"),
        ("exe_ctime_ns", "<u8"),
        ("exe_mtime_ns", "<u8"),
        ("pidns_start_ns", "<u8"),
        ("pid", "<u4"),
        ("tid", "<u4"),
        ("ppid", "<u4"),
        ("vpid", "<u4"),
        ("vtid", "<u4"),
        ("pgid", "<u4"),
        ("vpgid", "<u4"),
        ("sid", "<u4"),
        ("vsid", "<u4"),
        ("tty", "<u4"),
        ("loginuid", "<u4"),
        ("euid", "<u4"),
        ("egid", "<u4"),
        ("ruid", "<u4"),
        ("mnt_ns", "<u4"),
        ("pid_ns", "<u4"),
        ("pid_ns_level", "<u4"),
        ("exe_flags", "<u4"),
        ("exe_magic", "<u4"),
        ("exe_mode", "<u4"),
        ("fd_limit", "<u4"),
        ("clone_flags", "<u4"),
        ("cgroup_id", "<u8"),
        ("vm_pages", "<u4"),
        ("threads", "<u4"),
        ("major_faults", "<u4"),
        ("minor_faults", "<u4"),
        ("std_type", "<u2", (3,)),
        ("pad", "<u2"),
        ("rss_pages", "<u4"),
        ("swap_pages", "<u4"),
    ]
)
FILE: Final = np.dtype([("ino", "<u8"), ("dev", "<u4"), ("flags", "<u4")])
MEMORY: Final = np.dtype([("vm_pages", "<u4"), ("rss_pages", "<u4"), ("swap_pages", "<u4"), ("pad", "<u4")])
SOCK: Final = np.dtype(
    [
        ("family", "<u2"),
        ("type", "<u2"),
        ("protocol", "<u2"),
        ("lport", "<u2"),
        ("rport", "<u2"),
        ("state", "u1"),
        ("flags", "u1"),
        ("pad", "<u4"),
        ("laddr", "u1", (16,)),
        ("raddr", "u1", (16,)),
    ]
)


def record_dtype(size_class: SizeClass, *, ring_header: bool = False) -> np.dtype[np.void]:
    """Return the dtype of one record of a size class: head, ext, proc and text as far as the class has them.

    Args:
        size_class: Which ring.
        ring_header: Put the ring buffer's own 8 bytes (``len``, ``pgoff``; see kernel/bpf/ringbuf.c) before it, so
            that a mapped ring of these records is one array.
    """
    fields: list[tuple[str, object]] = [("len", "<u4"), ("pgoff", "<u4")] if ring_header else []
    fields.append(("head", HEAD))
    used = HEAD.itemsize
    if size_class is not SizeClass.SLIM:
        fields.append(("ext", EXT))
        used += EXT.itemsize
    if size_class >= SizeClass.PROC_SHORT:
        fields.append(("proc", PROC))
        used += PROC.itemsize
    if CLASS_BYTES[size_class] > used:
        fields.append(("text", "u1", (CLASS_BYTES[size_class] - used,)))  # type: ignore[arg-type]
    return np.dtype(fields)


ANON_KINDS: Final = {
    "[eventpoll]": "eventpoll",
    "[eventfd]": "event",
    "[signalfd]": "signalfd",
    "[timerfd]": "timerfd",
    "inotify": "inotify",
    "[userfaultfd]": "userfaultfd",
    "[io_uring]": "io_uring",
    "[pidfd]": "pidfd",
}
"""Name of an anonymous inode to Falco's name of the kind of fd."""
