"""evt.* and syscall.*: what happened, when, where, and how it ended. Arguments are in evtarg."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from tuimon.events import Event
from tuimon.fields.facts import OPENS, facts, has_raw_result
from tuimon.fields.flags import errno_name, open_flags, open_mode
from tuimon.fields.registry import FieldType as T
from tuimon.fields.registry import Getter, Value, add
from tuimon.records import FileFlag, Flag, Kind
from tuimon.syscalls import NOT_SYSCALLS

NS_PER_S: Final = 1_000_000_000
HOSTNAME: Final = os.environ.get("FALCO_HOSTNAME") or platform.node()

_READ_CALLS = "read recv recvfrom recvmsg recvmmsg pread readv preadv copy_file_range finit_module"
_WRITE_CALLS = "write send sendto sendmsg sendmmsg pwrite writev pwritev copy_file_range"
_READS = frozenset(_READ_CALLS.split())
WRITES: Final = frozenset(_WRITE_CALLS.split())
WAITS: Final = frozenset({"epoll_wait", "poll", "select", "nanosleep", "ppoll"})
_SUBCATEGORIES: Final = {
    "file": "file",
    "directory": "file",
    "ipv4": "net",
    "ipv6": "net",
    "pipe": "ipc",
    "unix": "ipc",
    "event": "ipc",
    "signalfd": "ipc",
    "inotify": "ipc",
    "userfaultfd": "ipc",
}
_EXEC_BITS: Final = 0o111


# Numbers and times.


def _num(event: Event, _: str | None) -> Value:
    return event.num


CLOCKS: Final = {
    "evt.time": ("%H:%M:%S", ""),
    "evt.time.iso8601": ("%Y-%m-%dT%H:%M:%S", "+0000"),
    "evt.datetime": ("%Y-%m-%d %H:%M:%S", ""),
}
"""Fields that show the time of an event: how its second looks, and what follows the nanoseconds: the zone, if told."""


def second_text(seconds: int, shape: str, *, utc: bool = False) -> str:
    """Return a second since the epoch as text, in the local time zone or in UTC."""
    when = datetime.fromtimestamp(seconds, UTC) if utc else datetime.fromtimestamp(seconds).astimezone()
    return when.strftime(shape)


def _clock(name: str) -> Getter:
    shape, zone = CLOCKS[name]

    def get(event: Event, _: str | None) -> Value:
        seconds, rest = divmod(event.time_ns, NS_PER_S)
        return f"{second_text(seconds, shape, utc=bool(zone))}.{rest:09d}{zone}"

    return get


def _seconds_text(shape: str) -> Getter:
    return lambda event, _: second_text(event.time_ns // NS_PER_S, shape)


_time: Final = _clock("evt.time")
_iso8601: Final = _clock("evt.time.iso8601")
_datetime: Final = _clock("evt.datetime")
_time_s: Final = _seconds_text("%H:%M:%S")
_datetime_s: Final = _seconds_text("%Y-%m-%d %H:%M:%S")


def _rawtime(event: Event, _: str | None) -> Value:
    return event.time_ns


def _rawtime_s(event: Event, _: str | None) -> Value:
    return event.time_ns // NS_PER_S


def _rawtime_ns(event: Event, _: str | None) -> Value:
    return event.time_ns % NS_PER_S


def _reltime(event: Event, _: str | None) -> int | None:
    began = event.batch.run_ns
    return event.ts_ns - began if began else None


def _deltatime(event: Event, _: str | None) -> int | None:
    batch = event.batch
    if not batch.run_ns:
        return None
    before = batch.previous_ns(event.row)
    # Rings are read one after the other: an event may come out behind a younger one.
    return max(event.ts_ns - before, 0) if before else 0


def _latency(event: Event, _: str | None) -> int | None:
    return facts(event).took_ns()


def _quantized(event: Event, _: str | None) -> Value:
    took_ns = _latency(event, None)
    return None if took_ns is None else int(10 * math.log10(max(took_ns, 1)))


def _human_latency(event: Event, _: str | None) -> Value:
    took_ns = _latency(event, None)
    if took_ns is None:
        return None
    unit, ns = next(((unit, ns) for unit, ns in _UNITS if took_ns >= ns), ("ns", 1))
    return f"{took_ns / ns:.2f}".rstrip("0").rstrip(".") + unit


_UNITS: Final = (("s", NS_PER_S), ("ms", 1_000_000), ("us", 1000))


def _wait_latency(event: Event, _: str | None) -> Value:
    return _latency(event, None) if facts(event).name in WAITS else None


def _seconds_of(get: Callable[[Event, str | None], int | None]) -> Getter:
    def seconds(event: Event, _: str | None) -> Value:
        value = get(event, None)
        return None if value is None else value // NS_PER_S

    return seconds


def _rest_of(get: Callable[[Event, str | None], int | None]) -> Getter:
    def rest(event: Event, _: str | None) -> Value:
        value = get(event, None)
        return None if value is None else value % NS_PER_S

    return rest


def _cpu(event: Event, _: str | None) -> Value:
    return event.cpu


# What it is.


def _source(_event: Event, _: str | None) -> Value:
    return "syscall"


def _false(_event: Event, _: str | None) -> Value:
    return False


def _zero(_event: Event, _: str | None) -> Value:
    return 0


def _one(_event: Event, _: str | None) -> Value:
    return 1


def _hostname(_event: Event, _: str | None) -> Value:
    return HOSTNAME


def _dir(_event: Event, _: str | None) -> Value:
    return "<"


def type_of(event: Event, _: str | None = None) -> str:
    """Return evt.type."""
    return facts(event).name


def _type_is(event: Event, arg: str | None) -> Value:
    return int(facts(event).name == arg)


def _syscall_type(event: Event, _: str | None) -> Value:
    name = facts(event).name
    return None if name in NOT_SYSCALLS else name


def _category(event: Event, _: str | None) -> Value:
    f = facts(event)
    if f.kind == Kind.EXIT:
        return "process"
    category = f.call.category
    if not category.startswith("io-"):
        return category
    return _SUBCATEGORIES.get(f.fd_kind() or "", "unknown")


# How it ended.


def _res(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not f.has_result:
        return None
    return "SUCCESS" if f.ret >= 0 else errno_name(f.ret) or str(f.ret)


def rawres(event: Event, _: str | None = None) -> int | None:
    """Return evt.rawres: what the call returned, None for events that return nothing."""
    f = facts(event)
    return f.ret if has_raw_result(f.kind, f.name) else None


def _failed(event: Event, _: str | None) -> Value:
    f = facts(event)
    return f.ret < 0 if f.has_result else None


def _count_error(event: Event, _: str | None) -> Value:
    f = facts(event)
    return int(f.ret < 0) if f.has_result else None


def _error_class(event: Event) -> str:
    """Return what kind of thing a failed call would be counted under: file, net, memory or other."""
    f = facts(event)
    kind = f.fd_kind()
    if kind in ("file", "directory") or (kind is None and f.name in OPENS):
        return "file"
    if kind in ("ipv4", "ipv6", "unix") or (kind is None and f.name in ("accept", "accept4", "connect")):
        return "net"
    return "memory" if f.call.category == "memory" else "other"


def _error_file(event: Event, _: str | None) -> Value:
    return _count_error(event, None) if _error_class(event) == "file" else None


def _error_net(event: Event, _: str | None) -> Value:
    return _count_error(event, None) if _error_class(event) == "net" else None


def _error_memory(event: Event, _: str | None) -> Value:
    return _count_error(event, None) if facts(event).call.category == "memory" else None


def _error_other(event: Event, _: str | None) -> Value:
    return _count_error(event, None) if _error_class(event) == "other" else None


# Input and output.


def _is_io(event: Event, _: str | None) -> Value:
    name = facts(event).name
    return name in _READS or name in WRITES


def _is_io_read(event: Event, _: str | None) -> Value:
    return facts(event).name in _READS


def _is_io_write(event: Event, _: str | None) -> Value:
    return facts(event).name in WRITES


def _io_dir(event: Event, _: str | None) -> Value:
    name = facts(event).name
    if name in WRITES:
        return "write"
    return "read" if name in _READS else None


def _is_wait(event: Event, _: str | None) -> Value:
    return facts(event).name in WAITS


def _is_syslog(event: Event, _: str | None) -> Value:
    f = facts(event)
    return f.name in WRITES and is_syslog(f.fd_name())


def is_syslog(name: str | None) -> bool:
    """Return whether what is written to an fd of this name goes to the system's log."""
    return "/dev/log" in (name or "")


def buffer_of(event: Event, _: str | None = None) -> bytes | None:
    """Return the first bytes of what was read or written; None when the record carries none."""
    return facts(event).data()


def _buflen(event: Event, _: str | None) -> Value:
    f = facts(event)
    if f.call.category not in ("io-read", "io-write") or f.fd_kind() is None or f.ret < 0:
        return None
    return f.ret


def _buflen_where(category: str, kinds: tuple[str, ...]) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        f = facts(event)
        if category not in ("", f.call.category) or (kinds and f.fd_kind() not in kinds):
            return None
        return _buflen(event, None)

    return get


# Opening.


def _is_open_read(event: Event, _: str | None) -> Value:
    flags = open_flags(facts(event))
    return flags is not None and flags & os.O_ACCMODE != os.O_WRONLY


def _is_open_write(event: Event, _: str | None) -> Value:
    flags = open_flags(facts(event))
    return flags is not None and flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


def _mode_of_open(event: Event) -> int:
    f = facts(event)
    return (f.reg(1) if f.name == "creat" else open_mode(f)) or 0


def _is_open_exec(event: Event, _: str | None) -> Value:
    return bool(_mode_of_open(event) & _EXEC_BITS)


def _is_open_create(event: Event, _: str | None) -> Value:
    f = facts(event)
    flags = open_flags(f)
    if flags is None or f.ret < 0:
        return False
    if flags & os.O_TMPFILE == os.O_TMPFILE:
        return True
    file = f.file()
    if file is not None:
        return bool(file.flags & FileFlag.CREATED)
    # Without the kernel's word (an io_uring request) only an exclusive creation is sure.
    return bool(flags & os.O_CREAT) and bool(flags & os.O_EXCL)


def _is_truncated(event: Event, _: str | None) -> Value:
    return bool(facts(event).flags & Flag.TRUNCATED)


_DEAD = "entry events are not captured any more, neither here nor by Falco"
_OURS = "Falco, which sees no entries of calls any more, says 0"

add("evt", "evt.num", T.UINT64, "number of the event in this run, the first is 1", _num)
add("evt", "evt.time", T.CHARBUF, "time of day with nanoseconds, in the local time zone", _time)
add("evt", "evt.time.s", T.CHARBUF, "time of day to the second, in the local time zone", _time_s)
add("evt", "evt.time.iso8601", T.CHARBUF, "date and time in UTC, ISO 8601 with nanoseconds", _iso8601)
add("evt", "evt.datetime", T.CHARBUF, "date and time with nanoseconds, in the local time zone", _datetime)
add("evt", "evt.datetime.s", T.CHARBUF, "date and time to the second, in the local time zone", _datetime_s)
add("evt", "evt.rawtime", T.ABSTIME, "time in nanoseconds since 1970", _rawtime)
add("evt", "evt.rawtime.s", T.ABSTIME, "whole seconds of evt.rawtime", _rawtime_s)
add("evt", "evt.rawtime.ns", T.ABSTIME, "nanoseconds of evt.rawtime beyond the whole second", _rawtime_ns)
add("evt", "evt.reltime", T.RELTIME, "nanoseconds since the first event of the run", _reltime)
add("evt", "evt.reltime.s", T.RELTIME, "whole seconds of evt.reltime", _seconds_of(_reltime))
add("evt", "evt.reltime.ns", T.RELTIME, "nanoseconds of evt.reltime beyond the whole second", _rest_of(_reltime))
add("evt", "evt.pluginname", T.CHARBUF, "plugin that made the event; system calls have none")
add("evt", "evt.plugininfo", T.CHARBUF, "summary a plugin gives of its event; system calls have none")
add("evt", "evt.source", T.CHARBUF, "where the event comes from: syscall", _source)
add("evt", "evt.is_async", T.BOOL, "whether the event was injected from outside the stream", _false)
add("evt", "evt.asynctype", T.CHARBUF, "name of an injected event; system calls have none")
add("evt", "evt.hostname", T.CHARBUF, "name of this machine, or what FALCO_HOSTNAME says", _hostname)
add(
    "evt",
    "evt.latency",
    T.RELTIME,
    "nanoseconds spent in the call; known while a rule asks",
    _latency,
    deprecated=_OURS,
)
add("evt", "evt.latency.s", T.RELTIME, "whole seconds of evt.latency", _seconds_of(_latency), deprecated=_OURS)
add("evt", "evt.latency.ns", T.RELTIME, "rest of evt.latency in nanoseconds", _rest_of(_latency), deprecated=_OURS)
add(
    "evt",
    "evt.latency.quantized",
    T.UINT64,
    "ten times the decimal logarithm of evt.latency",
    _quantized,
    print_only=True,
    deprecated=_OURS,
)
add("evt", "evt.latency.human", T.CHARBUF, "evt.latency in words: 1.25ms", _human_latency, deprecated=_OURS)
add("evt", "evt.deltatime", T.RELTIME, "nanoseconds since the event before, of those that were asked for", _deltatime)
add("evt", "evt.deltatime.s", T.RELTIME, "whole seconds of evt.deltatime", _seconds_of(_deltatime))
add("evt", "evt.deltatime.ns", T.RELTIME, "nanoseconds of evt.deltatime beyond the whole second", _rest_of(_deltatime))
add("evt", "evt.outputtime", T.CHARBUF, "time in the format chosen for printing", _time, print_only=True)
add("evt", "evt.dir", T.CHARBUF, "direction: always < (the call's exit)", _dir, deprecated=_DEAD)
add("evt", "evt.type", T.CHARBUF, "name of the event: openat, execve, connect, procexit, ...", type_of)
add(
    "evt",
    "evt.type.is",
    T.UINT32,
    "1 when the event has the type named behind the dot, else 0",
    _type_is,
    arg="required",
)
add("evt", "syscall.type", T.CHARBUF, "name of the system call; absent for events that are none", _syscall_type)
add("evt", "evt.category", T.CHARBUF, "kind of work: file, net, process, memory, user, ...", _category)
add("evt", "evt.cpu", T.INT16, "CPU the event happened on", _cpu)
add("evt", "evt.buffer", T.BYTEBUF, "first bytes that the call read or wrote", buffer_of)
add("evt", "evt.buflen", T.UINT64, "bytes that the call read or wrote", _buflen)
add("evt", "evt.res", T.CHARBUF, "SUCCESS, or the name of the error: ENOENT, EACCES, ...", _res)
add(
    "evt",
    "evt.rawres",
    T.INT64,
    "what the call returned, below 0 an error number; of an io_uring request 0 when its outcome came later",
    rawres,
)
add("evt", "evt.failed", T.BOOL, "whether the call returned an error", _failed)
add("evt", "evt.is_io", T.BOOL, "whether the call reads or writes through an fd", _is_io)
add("evt", "evt.is_io_read", T.BOOL, "whether the call reads through an fd", _is_io_read)
add("evt", "evt.is_io_write", T.BOOL, "whether the call writes through an fd", _is_io_write)
add("evt", "evt.io_dir", T.CHARBUF, "read or write for calls that move data, absent for others", _io_dir)
add("evt", "evt.is_wait", T.BOOL, "whether the call lets its thread sleep until something happens", _is_wait)
add("evt", "evt.wait_latency", T.RELTIME, "evt.latency of calls that wait", _wait_latency, deprecated=_OURS)
add("evt", "evt.is_syslog", T.BOOL, "whether the call writes to /dev/log", _is_syslog)
add("evt", "evt.count", T.UINT32, "always 1, to be summed up", _one)
add("evt", "evt.count.error", T.UINT32, "1 when the call failed", _count_error)
add("evt", "evt.count.error.file", T.UINT32, "1 when a call on a file failed", _error_file)
add("evt", "evt.count.error.net", T.UINT32, "1 when a call on a socket failed", _error_net)
add("evt", "evt.count.error.memory", T.UINT32, "1 when a memory call failed", _error_memory)
add("evt", "evt.count.error.other", T.UINT32, "1 when any other call failed", _error_other)
add("evt", "evt.count.exit", T.UINT32, "1 for the exit of a call, which every event is", _one)
add("evt", "evt.count.procinfo", T.UINT32, "1 for periodic process reports; always 0", _zero, print_only=True)
add("evt", "evt.count.threadinfo", T.UINT32, "1 for periodic thread reports; always 0", _zero, print_only=True)
add(
    "evt",
    "evt.around",
    T.UINT64,
    "true near a moment: evt.around[TIME] = MILLISECONDS on either side, TIME as in evt.rawtime",
    _rawtime,
    arg="required",
    filter_only=True,
    no_rhs=True,
    no_transformer=True,
)
add("evt", "evt.is_open_read", T.BOOL, "whether the call opens a file for reading", _is_open_read)
add("evt", "evt.is_open_write", T.BOOL, "whether the call opens a file for writing", _is_open_write)
add("evt", "evt.is_open_exec", T.BOOL, "whether the call makes a file with a permission to execute", _is_open_exec)
add("evt", "evt.is_open_create", T.BOOL, "whether the call made the file it opened", _is_open_create)
for _name, _what, _category_of, _kinds in (
    ("evt.buflen.in", "read", "io-read", ()),
    ("evt.buflen.out", "written", "io-write", ()),
    ("evt.buflen.file", "moved from or to files", "", ("file",)),
    ("evt.buflen.file.in", "read from files", "io-read", ("file",)),
    ("evt.buflen.file.out", "written to files", "io-write", ("file",)),
    ("evt.buflen.net", "moved through sockets", "", ("ipv4", "ipv6")),
    ("evt.buflen.net.in", "read from sockets", "io-read", ("ipv4", "ipv6")),
    ("evt.buflen.net.out", "written to sockets", "io-write", ("ipv4", "ipv6")),
):
    add("evt", _name, T.UINT64, f"bytes {_what}", _buflen_where(_category_of, _kinds), print_only=True)
for _part in ("name", "container.id", "container.name", "container.image"):
    add(
        "evt",
        f"evt.infra.docker.{_part}",
        T.CHARBUF,
        f"{_part} of an event told by a Docker daemon; system calls have none",
        print_only=True,
    )
add("evt", "evt.is_truncated", T.BOOL, "tuimon: whether a text of the event was too long and cut", _is_truncated)
