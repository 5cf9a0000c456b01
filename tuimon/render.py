"""Values to text, for every front end alike: the one-line summary of an event, times, sizes, rates, field values.

``summary`` and ``value_text`` return raw text, which may hold anything a monitored process put there: whoever shows it
passes it through ``clean`` or ``clean_segments`` (tuimon.escape, also offered here) at the very edge.
"""

from __future__ import annotations

import time
from ipaddress import IPv6Address
from typing import Final

from tuimon.escape import clean, clean_segments, json_text
from tuimon.events import Event, decode
from tuimon.fields.evtarg import shown_params
from tuimon.fields.facts import Facts, facts
from tuimon.fields.flags import errno_name, signal_name
from tuimon.fields.registry import UNKNOWN, FieldInfo, FieldType, Value
from tuimon.fields.sock import ip_text
from tuimon.records import Flag, Kind, Slot
from tuimon.syscalls import Call

__all__ = [
    "clean",
    "clean_segments",
    "duration_text",
    "json_text",
    "rate_text",
    "size_text",
    "summary",
    "time_text",
    "value_text",
]

NS_PER_S: Final = 1_000_000_000
ABSENT: Final = "<NA>"
CUT: Final = " [cut]"
"""Follows a text that did not fit the record."""

_STEPS: Final = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def size_text(value: float) -> str:
    """Return a number in at most five characters: 999, 1.1k, 24k, 3.2M.

    >>> [size_text(n) for n in (0, 999, 1100, 24_000, 999_960, 3_240_000)]
    ['0', '999', '1.1k', '24k', '1.0M', '3.2M']
    """
    for step, letter in _STEPS:
        if value >= step * 0.99995:
            part = value / step
            return f"{part:.1f}{letter}" if part < 9.95 else f"{part:.0f}{letter}"
    return f"{value:.0f}"


def rate_text(per_s: float) -> str:
    """Return a rate, with one decimal below ten: 0.3, 7.1, 212, 18k; 0 for nothing at all."""
    if per_s <= 0:
        return "0"
    return f"{per_s:.1f}" if per_s < 9.95 else size_text(per_s)


def time_text(time_ns: int, decimals: int = 3) -> str:
    """Return the local time of day of a moment since the epoch, with up to nine decimals of a second."""
    clock = time.strftime("%H:%M:%S", time.localtime(time_ns // NS_PER_S))
    return f"{clock}.{time_ns % NS_PER_S:09d}"[: 9 + decimals] if decimals else clock


def duration_text(duration_ns: int) -> str:
    """Return a length of time in its two largest units: 340ms, 12s, 14m32s, 3h05m, 2d04h.

    >>> [duration_text(n) for n in (340_000_000, 12_000_000_000, 872_000_000_000, 11_100_000_000_000)]
    ['340ms', '12s', '14m32s', '3h05m']
    """
    seconds, rest_ns = divmod(duration_ns, NS_PER_S)
    if seconds == 0:
        return f"{rest_ns // 1_000_000}ms" if rest_ns >= 1_000_000 else f"{rest_ns // 1000}us"
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds // 60 % 60:02d}m"
    return f"{seconds // 86400}d{seconds // 3600 % 24:02d}h"


# Field values.


def value_text(info: FieldInfo, value: Value) -> str:
    """Return a field's value as Falco prints it: ``<NA>`` when absent, ``(a,b)`` for several, addresses in full."""
    if value is None:
        return ABSENT
    if value is UNKNOWN:
        return "not known yet"
    if isinstance(value, tuple):
        return "(" + ",".join(value_text(info, item) for item in value) + ")"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _bytes_text(info, value)
    return str(value)


def _bytes_text(info: FieldInfo, value: bytes) -> str:
    if info.type in (FieldType.IPADDR, FieldType.IPNET):
        if len(value) == 4:
            return ip_text(value)
        return str(IPv6Address(value)) if len(value) == 16 else value.hex()
    return decode(value)


# One line for an event.


def summary(event: Event) -> str:
    """Return what an event did, in one line: ``/etc/shadow O_RDONLY = 3``, ``203.0.113.9:443``, ``/tmp/x 0755``.

    The path is the one given; the real one follows in brackets where it differs. Raw text: clean it to show it.
    """
    f = facts(event)
    text = _exec(f) if f.kind == Kind.EXEC else with_outcome(about(event), f.kind, f.call, f.ret)
    return text + CUT if f.flags & Flag.TRUNCATED else text


def about(event: Event) -> str:
    """Return what a call was about: ``summary`` but for what came of it; empty for the end or the fork of a process."""
    f = facts(event)
    return "" if f.kind in _RESULT_ONLY else " ".join(filter(None, (_subject(f), *shown_params(f))))


_RESULT_ONLY: Final = (Kind.FORK, Kind.EXIT, Kind.HEARTBEAT)


def with_outcome(text: str, kind: int, call: Call, ret: int) -> str:
    """Return what an event was about together with what came of it: ``= 3``, ``= -2 ENOENT``, ``exit 1``."""
    if kind == Kind.FORK:
        return f"= {ret}"
    if kind == Kind.EXIT:
        return _exit(ret)
    if kind == Kind.HEARTBEAT:
        return ""
    result = "" if kind == Kind.IO_URING else _result(call, ret)
    if kind in (Kind.IO_URING, Kind.IO_URING_DONE):
        result = f"(io_uring) {result}".rstrip()
    return f"{text} {result}" if text and result else text or result


def _exec(f: Facts) -> str:
    """Return what was executed and with what: the path, and the name that it was given where that is another.

    ``argv[0]`` is whatever who starts a program likes to write there.
    """
    argv = decode(f.slot(Slot.ARGV)).rstrip("\0").split("\0")
    process = f.event.process
    if argv == [""] and process is not None:
        argv = [process.exe or process.exepath, *process.args]
    given = decode(f.slot(Slot.GIVEN))
    if given:
        is_same = argv[0].rpartition("/")[2] == given.rpartition("/")[2]
        argv[0] = given if is_same else f"{given} as {argv[0]}"
    return " ".join(argv)


def _exit(status: int) -> str:
    signal = status & 0x7F
    if not signal:
        return f"exit {status >> 8 & 0xFF}"
    core = " (core dumped)" if status & 0x80 else ""
    return f"killed by {signal_name(signal) or signal}{core}"


def _subject(f: Facts) -> str:
    """Return what the call worked on: paths, a peer, an fd."""
    path = f.path()
    if path is not None:
        return _paths(f, path)
    name = f.fd_name()
    if name and f.sock() is not None:
        return _peer(f)
    number = f.fd_num()
    if name:
        return name
    return f"fd={number}" if number is not None and number >= 0 and not f.call.returns_fd else ""


def _paths(f: Facts, path: str) -> str:
    second = f.path2()
    if second is not None:
        return f"{path} -> {second}"
    real = f.real() if f.call.text is None else None
    return f"{path} [{real}]" if real is not None and real != path else path


def _peer(f: Facts) -> str:
    sock = f.sock()
    if sock is None or not sock.is_ip:
        return f.fd_name() or ""
    if f.name in ("bind", "listen") or sock.bound_only:
        return f"{_ip(sock.laddr)}:{sock.lport}"
    remote = f"{_ip(sock.raddr)}:{sock.rport}"
    if f.name in ("accept", "accept4"):
        return f"{remote} -> :{sock.lport}"
    return remote


def _ip(packed: bytes) -> str:
    return ip_text(packed) if len(packed) == 4 else f"[{ip_text(packed)}]"


def _result(call: Call, ret: int) -> str:
    if -4096 < ret < 0:
        return f"= {ret} {errno_name(ret)}".rstrip()
    if call.category in ("io-read", "io-write") and not call.returns_fd:
        return size_text(ret)
    if call.name == "umask":  # a mask of permissions is read in octal
        return f"= {ret:04o}"
    if call.returns_fd or 0 < ret < 1 << 31:
        return f"= {ret}"
    return f"= 0x{ret & 0xFFFFFFFFFFFFFFFF:x}" if ret else ""
