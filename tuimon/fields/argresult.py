"""What calls leave behind besides their return value, as bpf/results.h puts it into the record.

The sources of parameters that argsource's table names for it. Raw values only, as there.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Final

from tuimon.events import decode
from tuimon.fields.facts import Facts
from tuimon.records import Kind, Slot

Raw = int | str | bytes | None
Source = Callable[[Facts], Raw]

PAGE_KB: Final = os.sysconf("SC_PAGE_SIZE") // 1024
_NO_RESULT: Final = (1 << 64) - 1
"""TM_NO_RESULT: what could not be read."""


def number_at(raw: bytes, offset: int, shape: str) -> int | None:
    """Return a number of a struct's bytes, ``shape`` as in the module struct; None where they are too few."""
    form = struct.Struct("<" + shape)
    return int(form.unpack_from(raw, offset)[0]) if len(raw) >= offset + form.size else None


def result(at: int, *, must_succeed: bool) -> Source:
    """Make the source of a number that stands behind the call's own registers."""

    def get(f: Facts) -> Raw:
        value = f.reg(at)
        return None if value == _NO_RESULT or (must_succeed and f.ret < 0) else value

    return get


def queue_pct(f: Facts) -> Raw:
    """Return how full the queue of a listening socket was, in per cent."""
    waiting, room = f.reg(4), f.reg(5)
    if waiting is None or room is None or _NO_RESULT in (waiting, room):
        return None
    return 100 * waiting // room if room else 0


def memory(offset: int) -> Source:
    """Make the source of the memory, in KB, that the process has after brk, mmap or munmap (struct tm_memory)."""

    def get(f: Facts) -> Raw:
        pages = number_at(f.slot(Slot.BASE), offset, "I") if f.kind == Kind.SYSCALL else None
        return None if pages is None else pages * PAGE_KB

    return get


def described_kb(member: str) -> Source:
    """Make the source of a number of pages of an exec's or fork's process, in KB.

    A recording of before they were told has pages, and none of them in memory: then nothing is known of those.
    """

    def get(f: Facts) -> Raw:
        described = f.event.batch.proc_of(f.event.row)
        if described is None or (member != "vm_pages" and described["vm_pages"] and not described["rss_pages"]):
            return None
        return int(described[member]) * PAGE_KB

    return get


# fsconfig: what the key is set to.

_SET_STRING, _SET_BINARY, _SET_PATH, _SET_PATH_EMPTY = 1, 2, 3, 4


def config_bytes(f: Facts) -> Raw:
    """Return the bytes that fsconfig sets its key to, None when it sets it to none."""
    return f.slot(Slot.GIVEN2) or None if f.reg(1) == _SET_BINARY else None


def config_text(f: Facts) -> Raw:
    """Return the text or path that fsconfig sets its key to, None when it sets it to none."""
    raw = f.slot(Slot.GIVEN2) if f.reg(1) in (_SET_STRING, _SET_PATH, _SET_PATH_EMPTY) else b""
    return decode(raw) if raw else None


def offset_halves(f: Facts) -> Raw:
    """Return the offset that _llseek is given in two registers, signed."""
    high, low = f.reg(1), f.reg(2)
    if high is None or low is None:
        return None
    value = (high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF
    return value if value < 1 << 63 else value - (1 << 64)


# quotactl: the command and the kind in the first argument, behind the last one what the command takes or tells.

_QUOTA_ON, _GET_FORMAT, _GET_INFO, _SET_INFO, _GET_QUOTA, _SET_QUOTA = (0x800000 + at for at in (2, 4, 5, 6, 7, 8))
_TELLS: Final = frozenset({_GET_FORMAT, _GET_INFO, _GET_QUOTA})


def quota_command(f: Facts) -> int | None:
    """Return the command of quotactl."""
    value = f.reg(0)
    return None if value is None else (value & 0xFFFFFFFF) >> 8


def quota_type(f: Facts) -> Raw:
    """Return whose quota quotactl is about: 0 a user's, 1 a group's."""
    value = f.reg(0)
    return None if value is None else value & 0xFF


def _of_commands(offset: int, shape: str, *commands: int) -> Source:
    def get(f: Facts) -> Raw:
        command = quota_command(f)
        if command not in commands or (command in _TELLS and f.ret < 0):
            return None
        return number_at(f.copied(), offset, shape)

    return get


def quota(offset: int) -> Source:
    """Make the source of a number of quotactl's ``struct if_dqblk`` (linux/quota.h)."""
    return _of_commands(offset, "Q", _GET_QUOTA, _SET_QUOTA)


def quota_info(offset: int, shape: str) -> Source:
    """Make the source of a number of quotactl's ``struct if_dqinfo`` (linux/quota.h)."""
    return _of_commands(offset, shape, _GET_INFO, _SET_INFO)


quota_format_out: Final = _of_commands(0, "I", _GET_FORMAT)
"""Which format the quota file has; QFMT_ in linux/quota.h."""


def quota_format(f: Facts) -> Raw:
    """Return the format that quotactl is told the quota file has; no other command has one."""
    return f.reg(2) if quota_command(f) == _QUOTA_ON else None


def quota_path(f: Facts) -> Raw:
    """Return the quota file that quotactl is given, None when its name did not fit the record."""
    name, end, _ = f.copied().partition(b"\0")
    return decode(name) if end and quota_command(f) == _QUOTA_ON else None
