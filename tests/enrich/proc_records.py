"""Process records for tests of the process table: a fork, an exec, an exit, a call, in few words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.builders import record
from tuimon.batch import Batch, from_records
from tuimon.records import Flag, Kind, SizeClass

Record = tuple[SizeClass, NDArray[np.void]]

EXECVE, CLONE, SETUID, READ, PRCTL, CHDIR, FCHDIR, PRLIMIT = 59, 56, 105, 0, 157, 80, 81, 302


def started(pid: int) -> int:
    """Return the start time that these records give a pid: whole ticks and a bit, as the kernel's are."""
    return pid * 10_000_000 + 1_234


def described(pid: int, *, ppid: int = 1, start_ns: int | None = None, **more: int) -> dict[str, int]:
    """Return a process description."""
    base = {
        "pid": pid, "tid": pid, "ppid": ppid, "start_ns": started(pid) if start_ns is None else start_ns,
        "vpid": pid, "pgid": pid, "sid": pid, "loginuid": 1000, "cgroup_id": 1, "mnt_ns": 11, "pid_ns": 12,
    }  # fmt: skip
    return base | more


def fork(
    ts_ns: int, parent: int, child: int, *, comm: bytes = b"", real: bytes = b"", cwd: bytes = b"", **more: int
) -> Record:
    """Return a fork, as the parent's event."""
    slots = (b"", cwd, real, b"", b"", b"")
    proc = described(child, ppid=more.pop("ppid", parent), **more)
    return record(
        CLONE, kind=Kind.FORK, ret=child, tid=parent, tgid=parent, ts_ns=ts_ns, comm=comm, slots=slots, proc=proc
    )


def execute(
    ts_ns: int,
    pid: int,
    argv: Sequence[bytes] = (b"ls", b"-l"),
    *,
    comm: bytes = b"ls",
    path: bytes = b"/usr/bin/ls",
    cwd: bytes = b"/root",
    env: Sequence[bytes] = (),
    **more: int,
) -> Record:
    """Return an exec."""
    # As in the program's memory: a NUL ends each.
    slots = (path, cwd, path, b"".join(a + b"\0" for a in argv), b"".join(e + b"\0" for e in env), b"")
    return record(
        EXECVE, kind=Kind.EXEC, tid=pid, tgid=pid, ts_ns=ts_ns, comm=comm, slots=slots, proc=described(pid, **more)
    )


def end(ts_ns: int, pid: int, *, comm: bytes = b"", **more: int) -> Record:
    """Return the end of a process."""
    return record(0, kind=Kind.EXIT, tid=pid, tgid=pid, ts_ns=ts_ns, comm=comm, proc=described(pid, **more))


def call(ts_ns: int, pid: int, nr: int = READ, *, tid: int | None = None, comm: bytes | None = None) -> Record:
    """Return the exit of a call: slim, or with the thread's name."""
    return record(nr, tid=tid or pid, tgid=pid, ts_ns=ts_ns, comm=comm or b"", slim=comm is None)


def move(ts_ns: int, pid: int, given: bytes, real: bytes = b"", *, nr: int = CHDIR, ret: int = 0) -> Record:
    """Return a chdir; without a real path it is the given one."""
    flags = Flag(0) if real else Flag.REAL_SAME
    return record(
        nr, ret=ret, tid=pid, tgid=pid, ts_ns=ts_ns, comm=b"ls", flags=flags, slots=(given, b"", real, b"", b"", b"")
    )


def credentials(ts_ns: int, pid: int, *, comm: bytes = b"", **more: int) -> Record:
    """Return a reserved call that carries a process description, such as setuid."""
    return record(SETUID, tid=pid, tgid=pid, ts_ns=ts_ns, comm=comm, proc=described(pid, **more))


def prlimit(ts_ns: int, pid: int, other: int, limit: bytes, *, resource: int = 7, levels: int = 0) -> Record:
    """Return a prlimit of one process on another; ``levels`` is how many pid namespaces the caller is in."""
    slots = (b"", b"", b"", b"", b"", limit)
    proc = described(pid, pid_ns_level=levels)
    args = (other, resource, 1, 0)
    return record(PRLIMIT, tid=pid, tgid=pid, ts_ns=ts_ns, comm=b"shell", args=args, slots=slots, proc=proc)


def batch(*records: Record, first_num: int = 1) -> Batch:
    """Return a numbered batch."""
    made = from_records(records)
    made.first_num = first_num
    return made
