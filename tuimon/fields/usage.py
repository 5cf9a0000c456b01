"""proc.*, thread.* and fd.* that are true for a moment only: memory, threads, all open fds, cgroups, CPU time.

Where the event's record describes its process (exec, exit, changes of credentials) they are the kernel's, as of the
event. Else they are read from /proc when a rule asks, within a second of the event and not on the event path: UNKNOWN
until they are read, absent when the process is gone by then or the event is an old one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, Final

from tuimon.enrich.fdtable import OpenFd
from tuimon.enrich.procfs import Memory
from tuimon.enrich.vitals import VITALS, CpuShare
from tuimon.events import Event
from tuimon.fields.facts import facts
from tuimon.fields.registry import UNKNOWN, Getter, Value, _Unknown, add
from tuimon.fields.registry import FieldType as T
from tuimon.fields.sock import guessed_role, ip_text
from tuimon.records import Kind

_KB: Final = os.sysconf("SC_PAGE_SIZE") // 1024
_EXEC: Final = int(Kind.EXEC)
_STD_SOCKET: Final = 0xFE00
_STD_ANON: Final = 0xFFF0
_SOCKETS: Final = {
    int(socket.AF_UNIX): "unix",
    int(socket.AF_INET): "ipv4",
    int(socket.AF_INET6): "ipv6",
    int(socket.AF_NETLINK): "netlink",
}
_MODES: Final = {0o040000: "directory", 0o010000: "pipe"}


def _described(event: Event, member: str) -> int | None:
    """Return a member of the process description of the event's own process, None when the record has none."""
    found = event.batch.proc_of(event.row)
    if found is None or int(found["pid"]) != event.tgid:
        return None
    return int(found[member])


# Memory and threads.


def _memory(part: Callable[[Memory], int], pages: str = "", counted: str = "") -> Getter:
    """Make the getter of a part of ``status``.

    Args:
        part: Which.
        pages: Member of the record that says it in pages.
        counted: Member of the record that says it as it is.
    """

    def get(event: Event, _: str | None) -> Value:
        process = event.process
        said = _described(event, pages or counted) if pages or counted else None
        if said:
            return said * _KB if pages else said
        if process is None:
            return None
        loaded, memory = VITALS.memory(process, event.ts_ns)
        if not loaded:
            return UNKNOWN
        return None if memory is None else part(memory)

    return get


_size: Final = _memory(lambda m: m.size_kb, pages="vm_pages")
_rss: Final = _memory(lambda m: m.rss_kb)
_threads: Final = _memory(lambda m: m.threads, counted="threads")


def _childs(event: Event, _: str | None) -> Value:
    threads = _threads(event, None)
    return threads - 1 if isinstance(threads, int) else threads


def _of_main(get: Getter, factor: int = 1) -> Getter:
    def of_main(event: Event, _: str | None) -> Value:
        if event.tid != event.tgid:
            return 0
        value = get(event, None)
        return value * factor if isinstance(value, int) else value

    return of_main


def _faults(place: int, member: str) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        process, tid = event.process, event.tid
        said = _described(event, member) if _described(event, "tid") == tid else None
        if said is not None or process is None:
            return said
        loaded, faults = VITALS.faults(process, tid, event.ts_ns)
        if not loaded:
            return UNKNOWN
        return None if faults is None else faults[place]

    return get


def _cpu(part: Callable[[CpuShare], float]) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        process = event.process
        if process is None:
            return None
        loaded, share = VITALS.cpu(process, event.tid, event.ts_ns)
        if not loaded:
            return UNKNOWN
        return None if share is None else part(share)

    return get


# Cgroups.


def _cgroup_paths(event: Event) -> dict[str, str] | _Unknown | None:
    process = event.process
    if process is None:
        return None
    loaded, paths = VITALS.cgroups(process, event.tid, event.ts_ns)
    return (paths or None) if loaded else UNKNOWN


def _by_name(paths: dict[str, str]) -> dict[str, str]:
    """Return the path by each controller's name; ``unified`` for cgroup version 2."""
    return {name.removeprefix("name=") or _UNIFIED: path for names, path in paths.items() for name in names.split(",")}


_UNIFIED: Final = "unified"


def _cgroups(event: Event, _: str | None) -> Value:
    paths = _cgroup_paths(event)
    if not isinstance(paths, dict):
        return paths
    return " ".join(f"{name}={path}" for name, path in _by_name(paths).items())


def _cgroup(event: Event, arg: str | None) -> Value:
    paths = _cgroup_paths(event)
    if not isinstance(paths, dict):
        return paths
    by_name = _by_name(paths)
    # A controller that is in no version 1 hierarchy is in the unified one.
    return by_name.get(arg or "", by_name.get(_UNIFIED))


# All open fds.


def fds_of(event: Event) -> dict[int, OpenFd] | _Unknown | None:
    """Return the open fds of the event's process; UNKNOWN until they are read, None when they cannot be."""
    process = event.process
    if process is None:
        return None
    loaded, found = VITALS.fds(process, event.ts_ns)
    return found if loaded else UNKNOWN


def fd_text(fd: OpenFd) -> str:
    """Return the name of an open fd as fd.name has it: a path, or the ends of a socket."""
    if fd.local is None:
        return fd.name
    local = f"{ip_text(fd.local[0])}:{fd.local[1]}"
    if fd.remote is None:
        return local if fd.local[1] or any(fd.local[0]) else ""
    remote = f"{ip_text(fd.remote[0])}:{fd.remote[1]}"
    server = guessed_role(fd.local[1], fd.remote[1]) == "server"
    return f"{remote}->{local}" if server else f"{local}->{remote}"


def _open_count(event: Event, _: str | None) -> Value:
    found = fds_of(event)
    return len(found) if isinstance(found, dict) else found


def _usage(event: Event, _: str | None) -> Value:
    count, process = _open_count(event, None), event.process
    if not isinstance(count, int):
        return count
    return 100.0 * count / process.fd_limit if process is not None and process.fd_limit else None


def _types(event: Event, arg: str | None) -> Value:
    found = fds_of(event)
    if not isinstance(found, dict):
        return found
    if arg is None:
        return tuple(dict.fromkeys(fd.kind for fd in found.values() if fd.kind)) or None
    fd = found.get(int(arg)) if arg.isdigit() else None
    return (fd.kind,) if fd is not None and fd.kind else None


def _standard(number: int, part: Callable[[OpenFd], str]) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        found = fds_of(event)
        if not isinstance(found, dict):
            return found
        fd = found.get(number)
        return None if fd is None else part(fd)

    return get


def _standard_type(number: int) -> Getter:
    now = _standard(number, lambda fd: fd.kind or "")

    def get(event: Event, _: str | None) -> Value:
        if facts(event).kind != _EXEC:
            return now(event, None) or None
        found = event.batch.proc_of(event.row)
        said = int(found["std_type"][number]) if found is not None else 0
        if said == _STD_ANON:
            return now(event, None) or None
        if said >= _STD_SOCKET:
            return _SOCKETS.get(said & 0xFF)
        return (_MODES.get(said) or "file") if said else None

    return get


# The fds given to poll.


def _polled(part: Callable[[OpenFd], str | None]) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        numbers = facts(event).polled()
        if numbers is None:
            return None
        found = fds_of(event) if numbers else {}
        if not isinstance(found, dict):
            return found
        said = (part(found[number]) for number in numbers if number in found)
        return ",".join(text for text in said if text is not None)

    return get


def _polled_numbers(event: Event, _: str | None) -> Value:
    numbers = facts(event).polled()
    return None if numbers is None else ",".join(map(str, numbers))


def _polled_end(role: str, part: int) -> Getter:
    def end(fd: OpenFd) -> str | None:
        if fd.local is None or fd.remote is None:
            return None
        local = guessed_role(fd.local[1], fd.remote[1]) == role
        address, port = fd.local if local else fd.remote
        return str(port) if part else ip_text(address)

    return _polled(end)


_LATE: Final[dict[str, Any]] = {"from_proc": True}

for _name, _doc, _get in (
    ("vmsize", "virtual memory of the process in kB", _size),
    ("vmrss", "memory of the process that is in RAM, in kB", _rss),
    ("vmswap", "memory of the process that is swapped out, in kB", _memory(lambda m: m.swap_kb)),
    ("nthreads", "how many threads the process has", _threads),
    ("nchilds", "how many threads the process has besides its first", _childs),
    ("fdopencount", "how many fds the process has open", _open_count),
):
    add("process", f"proc.{_name}", T.UINT64, _doc, _get, **_LATE)
add("process", "proc.fdusage", T.DOUBLE, "share of proc.fdlimit that is in use, in per cent", _usage, **_LATE)
for _number, _stream in enumerate(("stdin", "stdout", "stderr")):
    add(
        "process",
        f"proc.{_stream}.type",
        T.CHARBUF,
        f"kind of fd that the process has as {_stream}",
        _standard_type(_number),
        **_LATE,
    )
    add(
        "process",
        f"proc.{_stream}.name",
        T.CHARBUF,
        f"name of the fd that the process has as {_stream}",
        _standard(_number, fd_text),
        **_LATE,
    )
for _name, _doc, _get in (
    ("pfmajor", "page faults that had to read from a disk, since the thread was made", _faults(0, "major_faults")),
    ("pfminor", "page faults that needed no disk, since the thread was made", _faults(1, "minor_faults")),
    ("vmsize", "virtual memory in kB for the first thread of a process, else 0", _of_main(_size)),
    ("vmrss", "memory in RAM in kB for the first thread of a process, else 0", _of_main(_rss)),
):
    add("process", f"thread.{_name}", T.UINT64, _doc, _get, **_LATE)
add("process", "thread.vmsize.b", T.UINT64, "thread.vmsize in bytes", _of_main(_size, 1024), print_only=True, **_LATE)
add("process", "thread.vmrss.b", T.UINT64, "thread.vmrss in bytes", _of_main(_rss, 1024), print_only=True, **_LATE)
add("process", "thread.cgroups", T.CHARBUF, "all cgroups of the thread, SUBSYSTEM=PATH each", _cgroups, **_LATE)
add(
    "process",
    "thread.cgroup",
    T.CHARBUF,
    "cgroup of the thread in the subsystem named behind the dot",
    _cgroup,
    arg="required",
    **_LATE,
)
for _name, _doc, _part in (
    ("cpu", "", lambda s: s.user + s.system),
    ("cpu.user", " outside the kernel", lambda s: s.user),
    ("cpu.system", " inside the kernel", lambda s: s.system),
):
    add(
        "process",
        f"thread.{_name}",
        T.DOUBLE,
        f"per cent of a CPU that the thread used{_doc} in the second behind the event, which is waited for",
        _cpu(_part),
        **_LATE,
    )
_LIST: Final[dict[str, Any]] = {"is_list": True, "arg": "optional", "no_rhs": True, **_LATE}
add(
    "fd",
    "fd.types",
    T.CHARBUF,
    "kinds of all fds that the process has open, each once; [n] is the kind of one",
    _types,
    **_LIST,
)
for _name, _doc, _get in (
    ("nums", "numbers of the fds given to poll, with commas between", _polled_numbers),
    ("names", "names of the fds given to poll, with commas between", _polled(fd_text)),
    ("cips", "client addresses of the fds given to poll, with commas between", _polled_end("client", 0)),
    ("sips", "server addresses of the fds given to poll, with commas between", _polled_end("server", 0)),
    ("cports", "client ports of the fds given to poll, with commas between", _polled_end("client", 1)),
    ("sports", "server ports of the fds given to poll, with commas between", _polled_end("server", 1)),
):
    add("fdlist", f"fdlist.{_name}", T.CHARBUF, _doc, _get, from_proc=_name != "nums")
