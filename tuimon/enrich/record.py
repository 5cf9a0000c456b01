"""What a process record says, as process versions: pure functions from records to ``Process``.

The record layout is ``struct tm_proc`` of bpf/events.h; the text slots of exec and fork are described there too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from tuimon.batch import Batch
from tuimon.events import decode
from tuimon.process import Image, Process, shared_image, shared_session, shared_standing
from tuimon.records import Flag, Kind, Slot
from tuimon.syscalls import NAME_TO_NR


class Described(NamedTuple):
    """The members of ``tm_proc`` that the process table uses, as Python numbers, in the record's order."""

    start_ns: int
    cap_permitted: int
    cap_effective: int
    cap_inheritable: int
    exe_ino: int
    exe_ctime_ns: int
    exe_mtime_ns: int
    pidns_start_ns: int
    pid: int
    tid: int
    ppid: int
    vpid: int
    pgid: int
    vpgid: int
    sid: int
    vsid: int
    tty: int
    loginuid: int
    euid: int
    egid: int
    mnt_ns: int
    pid_ns: int
    pid_ns_level: int
    exe_flags: int
    fd_limit: int
    cgroup_id: int


class Said(NamedTuple):
    """One row that describes a process."""

    row: int
    kind: int
    tgid: int
    ts_ns: int
    process: Described
    comm: bytes
    text_at: int
    """Where its text begins in the batch's arena."""
    lengths: list[int]
    """Of its text slots: file name as given, cwd, path of the executable, argv, environment, none."""


class Text(NamedTuple):
    """The text of an exec or a fork."""

    comm: str
    exe: str
    args: tuple[str, ...]
    env: tuple[str, ...] | None
    exepath: str
    cwd: str


class Move(NamedTuple):
    """One row that changes a process's working directory."""

    row: int
    tgid: int
    ts_ns: int
    cwd: str


class Limit(NamedTuple):
    """One row that changes how many fds another process may have open (prlimit)."""

    row: int
    tgid: int
    """The process whose limit it is."""
    ts_ns: int
    fd_limit: int


_FIELDS: Final = list(Described._fields)
# Members of an Enum are looked up in Python before 3.12; here that would cost more than the work itself.
FORK: Final = int(Kind.FORK)
EXEC: Final = int(Kind.EXEC)
EXIT: Final = int(Kind.EXIT)
SYSCALL: Final = int(Kind.SYSCALL)
REAL_SAME: Final = int(Flag.REAL_SAME)
_MANY_MOVES: Final = 500
_CHDIR: Final = NAME_TO_NR["chdir"]
_FCHDIR: Final = NAME_TO_NR["fchdir"]
_PRLIMIT: Final = NAME_TO_NR["prlimit"]
_NOFILE: Final = 7
_LIMIT: Final = struct.Struct("<Q")
_LONG_TEXT: Final = 256
"""Characters of an argument, or of all together, beyond which they are not kept for a process to come."""


def said_rows(batch: Batch) -> Iterator[Said]:
    """Yield every row that describes a process, in time order."""
    rows = batch.proc_row
    ext_rows = batch.ext_at[rows]
    if len(ext_rows) and int(ext_rows.min()) < 0:
        # The record classes that describe a process all have an ext; only a damaged recording can say otherwise.
        return iter(())
    heads, exts = batch.head[rows], batch.ext[ext_rows]
    columns = (
        rows.tolist(),
        heads["kind"].tolist(),
        heads["tgid"].tolist(),
        heads["ts_ns"].tolist(),
        map(Described._make, batch.proc[_FIELDS].tolist()),
        exts["comm"].tolist(),
        batch.text_at[ext_rows].tolist(),
        exts["slot_len"].tolist(),
    )
    return map(Said, *columns)


def moves(batch: Batch) -> list[Move]:
    """Return every successful chdir and fchdir, in time order; their REAL is the new working directory.

    Of a flood only the last one of each process is told: a version each would cost more than the flood itself.
    """
    head = batch.head
    nr = head["nr"]
    rows = np.flatnonzero((nr == _CHDIR) | (nr == _FCHDIR)).tolist()
    rows = [row for row in rows if int(head["kind"][row]) == SYSCALL and not int(head["ret"][row])]
    if len(rows) > _MANY_MOVES:
        rows = sorted({int(head["tgid"][row]): row for row in rows}.values())
    found = []
    for row in rows:
        slots = batch.slots(row)
        same = int(head["flags"][row]) & REAL_SAME
        raw = slots[Slot.GIVEN] if same else slots[Slot.REAL]
        if raw[:1] == b"/":
            found.append(Move(row, int(head["tgid"][row]), int(head["ts_ns"][row]), _decode(raw)))
    return found


def limits(batch: Batch) -> list[Limit]:
    """Return every limit on open fds that a process gave to another one, in time order.

    What a process does to its own limits is in the description that the call's record carries. A caller in a pid
    namespace of its own names the other by a number that means nothing here: its call is left out.
    """
    head = batch.head
    rows = np.flatnonzero((head["nr"] == _PRLIMIT) & (head["kind"] == SYSCALL)).tolist()
    found = []
    for row in rows:
        pid, resource, new = head["arg"][row].tolist()
        pid &= 0xFFFFFFFF
        described = batch.proc_of(row)
        if head["ret"][row] or resource != _NOFILE or not new or pid in (0, int(head["tgid"][row])):
            continue
        raw = batch.slot(row, Slot.SOCK)
        if described is not None and not described["pid_ns_level"] and len(raw) >= _LIMIT.size:
            found.append(Limit(row, pid, int(head["ts_ns"][row]), min(_LIMIT.unpack_from(raw)[0], 0xFFFFFFFF)))
    return found


def describe(arena: bytes, said: Said) -> Text:
    """Decode the text of a row that describes a process; only exec and fork carry more than the comm."""
    comm, kind = _decode(said.comm), said.kind
    if "\0" in comm:
        comm = comm[: comm.index("\0")]
    if kind != EXEC and kind != FORK:
        return Text(comm, "", (), None, "", "")
    given, cwd, real, argv, env, _ = said.lengths
    at = said.text_at
    name = arena[at : at + given]
    at += given
    folder = arena[at : at + cwd]
    at += cwd
    path = arena[at : at + real]
    if kind == FORK:
        return Text(comm, "", (), None, _decode(path), _decode(folder))
    at += real
    args = split(arena[at : at + argv])
    at += argv
    return Text(
        comm,
        args[0] if args else "",
        args[1:],
        split(arena[at : at + env]) if env else None,
        _decode(path or name),
        _decode(folder),
    )


@lru_cache(maxsize=4096)
def _decode(raw: bytes) -> str:
    """Decode a name or a path: few are new, and the versions that show it share the one string."""
    return decode(raw)


def split(raw: bytes) -> tuple[str, ...]:
    """Split strings with a NUL behind each, as they lie in a program's memory; the last one's may be cut off."""
    if not raw:
        return ()
    return tuple(map(_shared, decode(raw[:-1] if raw[-1] == 0 else raw).split("\0")))


def _shared(text: str) -> str:
    """Return the one string that equal arguments and variables share: most are those of a program before.

    Long ones are seldom seen again, and many of them would fill the memory.
    """
    return _one_of(text) if len(text) <= _LONG_TEXT else text


@lru_cache(maxsize=4096)
def _one_of(text: str) -> str:
    return text


def forked(parent: Process | None, text: Text, said: Described, ts_ns: int) -> Process:
    """Return the first version of a child: the parent's program, its own ids."""
    process = _from_record(said, ts_ns)
    process.parent = parent
    if parent is None:
        process.comm, process.cwd = text.comm, text.cwd
        process.image = _image(text.exe, text.args, text.env, text.exepath, said)
        return process
    process.comm = text.comm or parent.comm
    process.image = _same_program(parent.image, text.exepath or parent.exepath, said)
    process.cwd = text.cwd or parent.cwd
    if not said.ppid:
        process.ppid = parent.pid
    return process


def executed(before: Process | None, text: Text, said: Described, ts_ns: int) -> Process:
    """Return the version that an exec makes; ``parent`` is for the caller to set."""
    process = _from_record(said, ts_ns)
    process.comm, process.cwd = text.comm, text.cwd
    process.image = _image(text.exe, text.args, text.env, text.exepath, said)
    if before is not None:
        process.cwd = text.cwd or before.cwd
        if before.ppid and before.ppid != said.ppid:
            process.ppid = before.ppid  # the parent at the fork, whoever adopted it since
        _share_numbers(process, before)
    return process


def updated(before: Process, said: Described, ts_ns: int) -> Process:
    """Return the version after a change of credentials, session or namespaces: the same program, new ids."""
    process = _from_record(said, ts_ns)
    process.comm, process.cwd, process.parent = before.comm, before.cwd, before.parent
    process.image = _same_program(before.image, before.exepath, said)
    if before.ppid != said.ppid:
        process.ppid = before.ppid
    _share_numbers(process, before)
    return process


def _image(exe: str, args: tuple[str, ...], env: tuple[str, ...] | None, exepath: str, said: Described) -> Image:
    """Return what an exec made of a process; scripts call the same few programs in the same way again and again."""
    make = shared_image if env is None and sum(map(len, args)) <= _LONG_TEXT else Image
    return make(exe, args, env, exepath, said.exe_flags, said.exe_ino, said.exe_ctime_ns, said.exe_mtime_ns)


def _same_program(image: Image, exepath: str, said: Described) -> Image:
    """Return the image of a process that goes on with a program, as its own record shows the file."""
    file = (exepath, said.exe_flags, said.exe_ino, said.exe_ctime_ns, said.exe_mtime_ns)
    return image if image[3:] == file else Image(image.exe, image.args, image.env, *file)


def _share_numbers(process: Process, before: Process) -> None:
    """Have two versions of one process hold the same numbers once: 32 bytes each."""
    if process.vpid == process.pid:
        process.vpid = before.pid
    process.pid = before.pid
    if process.start_ns == before.start_ns:
        process.start_ns = before.start_ns


def differs(process: Process, said: Described) -> bool:
    """Tell whether a record shows other ids or limits than a version has."""
    known, session = process.standing, process.session
    return (
        known.uid != said.euid
        or known.gid != said.egid
        or known.cap_effective != said.cap_effective
        or known.cap_permitted != said.cap_permitted
        or known.cap_inheritable != said.cap_inheritable
        or session.sid != said.sid
        or session.pgid != said.pgid
        or known.tty != said.tty
        or known.loginuid != said.loginuid
        or known.mnt_ns != said.mnt_ns
        or known.cgroup_id != said.cgroup_id
        or known.fd_limit != said.fd_limit
    )


def _from_record(said: Described, ts_ns: int) -> Process:
    """Return a version with what its record says in numbers; its program and names are for the caller to set."""
    # Without __init__, which costs as much again: there are many.
    made = Process.__new__(Process)
    made.pid, made.start_ns, made.exec_ns = said.pid, said.start_ns, ts_ns
    made.index, made.parent, made.end_ns, made.from_procfs = -1, None, None, False
    made.vpid = said.pid if said.vpid == said.pid else said.vpid
    made.standing = shared_standing(
        said.euid,
        said.egid,
        said.loginuid,
        said.tty,
        said.mnt_ns,
        said.pid_ns,
        said.pid_ns_level,
        said.pidns_start_ns,
        said.cap_permitted,
        said.cap_effective,
        said.cap_inheritable,
        said.fd_limit,
        said.cgroup_id,
    )
    made.session = shared_session(said.ppid, said.sid, said.pgid, said.vpgid, said.vsid)
    return made
