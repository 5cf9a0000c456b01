"""What a process record says, as process versions: pure functions from records to ``Process``.

The record layout is ``struct tm_proc`` of bpf/events.h; the text slots of exec and fork are described there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tuimon.batch import Batch
from tuimon.events import Process, decode
from tuimon.records import Kind, Slot


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


class Text(NamedTuple):
    """The text of an exec or a fork."""

    comm: str
    exe: str
    args: tuple[str, ...]
    env: tuple[str, ...] | None
    exepath: str
    cwd: str


_FIELDS: Final = list(Described._fields)


def described_rows(batch: Batch) -> Iterator[tuple[int, int, int, int, Described]]:
    """Yield (row, kind, tgid, ts_ns, description) of every row that describes a process, in time order."""
    heads = batch.head[batch.proc_row]
    yield from zip(
        batch.proc_row.tolist(),
        heads["kind"].tolist(),
        heads["tgid"].tolist(),
        heads["ts_ns"].tolist(),
        map(Described._make, batch.proc[_FIELDS].tolist()),
        strict=True,
    )


def describe(batch: Batch, row: int) -> Text:
    """Decode the text of a row that describes a process; only exec and fork carry more than the comm."""
    ext_row = int(batch.ext_at[row])
    if ext_row < 0:
        return Text("", "", (), None, "", "")
    comm = decode(batch.ext["comm"][ext_row].item().split(b"\0", 1)[0])
    kind = batch.head["kind"][row]
    if kind != Kind.EXEC and kind != Kind.FORK:
        return Text(comm, "", (), None, "", "")
    slots = batch.slots(row)
    argv = split(slots[Slot.ARGV])
    real = slots[Slot.REAL] or (slots[Slot.GIVEN] if kind == Kind.EXEC else b"")
    env = split(slots[Slot.ENV]) if kind == Kind.EXEC and slots[Slot.ENV] else None
    return Text(comm, argv[0] if argv else "", argv[1:], env, decode(real), decode(slots[Slot.BASE]))


def split(raw: bytes) -> tuple[str, ...]:
    """Split strings with a NUL between them."""
    return tuple(decode(raw).split("\0")) if raw else ()


def forked(parent: Process | None, text: Text, said: Described, ts_ns: int) -> Process:
    """Return the first version of a child: the parent's program, its own ids."""
    process = _from_record(text, said, ts_ns)
    process.parent = parent
    if parent is not None:
        process.comm = text.comm or parent.comm
        process.exe, process.args, process.env = parent.exe, parent.args, parent.env
        process.exepath = text.exepath or parent.exepath
        process.cwd = text.cwd or parent.cwd
        process.ppid = said.ppid or parent.pid
    return process


def executed(before: Process | None, text: Text, said: Described, ts_ns: int) -> Process:
    """Return the version that an exec makes; ``parent`` is for the caller to set."""
    process = _from_record(text, said, ts_ns)
    if before is not None:
        process.cwd = text.cwd or before.cwd
        # The parent at the fork, whoever adopted it since.
        process.ppid = before.ppid or said.ppid
    return process


def updated(before: Process, said: Described, ts_ns: int) -> Process:
    """Return the version after a change of credentials, session or namespaces: the same program, new ids."""
    text = Text(before.comm, before.exe, before.args, before.env, before.exepath, before.cwd)
    process = _from_record(text, said, ts_ns)
    process.parent, process.ppid = before.parent, before.ppid
    return process


def differs(process: Process, said: Described) -> bool:
    """Tell whether a record shows other ids than a version has."""
    return (
        process.uid != said.euid
        or process.gid != said.egid
        or process.cap_effective != said.cap_effective
        or process.cap_permitted != said.cap_permitted
        or process.cap_inheritable != said.cap_inheritable
        or process.sid != said.sid
        or process.pgid != said.pgid
        or process.tty != said.tty
        or process.loginuid != said.loginuid
        or process.mnt_ns != said.mnt_ns
        or process.cgroup_id != said.cgroup_id
    )


def _from_record(text: Text, said: Described, ts_ns: int) -> Process:
    # By position, in the order of Process: by name costs three times as much, and there are many.
    return Process(
        said.pid,
        said.start_ns,
        -1,
        None,
        said.ppid,
        text.comm,
        text.exe,
        text.args,
        text.env,
        text.exepath,
        text.cwd,
        said.euid,
        said.egid,
        said.loginuid,
        said.tty,
        said.sid,
        said.pgid,
        said.vpid,
        said.vpgid,
        said.vsid,
        said.mnt_ns,
        said.pid_ns,
        said.pid_ns_level,
        said.pidns_start_ns,
        said.cap_permitted,
        said.cap_effective,
        said.cap_inheritable,
        said.exe_flags,
        said.exe_ino,
        said.exe_ctime_ns,
        said.exe_mtime_ns,
        said.fd_limit,
        said.cgroup_id,
        ts_ns,
    )
