"""Records made by hand: one event as the kernel source would have delivered it, from plain values.

For rule tests. The record goes through ``tuimon.batch.from_records`` like any other, so that fields and rules cannot
tell it from a captured one.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, from_records
from tuimon.events import Process
from tuimon.records import CLASS_BYTES, EXT, HEAD, PROC, SLOTS, SOCK, Flag, Kind, SizeClass, SockFlag, record_dtype

TS_NS: Final = 1_000_000_000_000
"""When made events happen, since boot; each a millisecond after the one before."""
BOOT_TO_EPOCH_NS: Final = 1_700_000_000_000_000_000
_REGISTER: Final = (1 << 64) - 1
_FIXED: Final = HEAD.itemsize + EXT.itemsize


@dataclass(slots=True)
class Made:
    """What a record is to say."""

    nr: int
    kind: Kind = Kind.SYSCALL
    ret: int = 0
    args: list[int] = field(default_factory=lambda: [0] * 6)
    slots: list[bytes] = field(default_factory=lambda: [b""] * SLOTS)
    flags: Flag = Flag.HAS_EXT
    fd_type: int = 0
    """S_IFMT bits."""
    cgroup_id: int = 1
    num: int = 1
    proc: dict[str, int] | None = None
    """Members of PROC; None: the record describes no process."""


def as_batch(made: Made, process: Process) -> Batch:
    """Return a batch of one event by a process, numbered, with ``process_at``.

    Raises:
        ValueError: Its text is longer than any record holds.
    """
    text = b"".join(made.slots)
    size_class = _class_for(len(text), made.proc is not None)
    row: NDArray[np.void] = np.zeros(1, record_dtype(size_class))
    head, ext = row["head"], row["ext"]
    registers = [value & _REGISTER for value in made.args]
    head["ts_ns"], head["cgroup_id"], head["ret"] = TS_NS + made.num * 1_000_000, made.cgroup_id, made.ret
    head["tid"] = head["tgid"] = process.pid
    head["nr"], head["kind"], head["arg"] = made.nr, int(made.kind), registers[:3]
    ext["arg"], ext["uid"], ext["gid"] = registers[3:], process.uid, process.gid
    ext["comm"] = process.comm.encode("utf-8", "surrogateescape")[:15]
    ext["slot_len"], ext["text_len"], ext["fd_type"] = [len(s) for s in made.slots], len(text), made.fd_type
    row["text"][0, : len(text)] = np.frombuffer(text, np.uint8)
    flags = made.flags
    if made.proc is not None:
        flags |= Flag.HAS_PROC
        for name, value in {**described(process), **made.proc}.items():
            row["proc"][name] = value
    head["flags"] = int(flags)
    batch = from_records([(size_class, row)])
    batch.first_num = made.num
    batch.process_at = np.array([process.index], np.int32)
    return batch


def _class_for(length: int, has_proc: bool) -> SizeClass:
    """Return the smallest class whose text has room."""
    fixed = _FIXED + (PROC.itemsize if has_proc else 0)
    first = SizeClass.PROC_SHORT if has_proc else SizeClass.SHORT
    for size_class in SizeClass:
        if first <= size_class < first + 3 and length <= CLASS_BYTES[size_class] - fixed:
            return size_class
    raise ValueError(f"{length:,} bytes of text are more than a record holds")


def described(process: Process) -> dict[str, int]:
    """Return the members of PROC that describe a process."""
    return {
        "start_ns": process.start_ns,
        "pid": process.pid,
        "tid": process.pid,
        "ppid": process.ppid,
        "vpid": process.vpid,
        "vtid": process.vpid,
        "pgid": process.pgid,
        "vpgid": process.vpgid,
        "sid": process.sid,
        "vsid": process.vsid,
        "tty": process.tty,
        "loginuid": process.loginuid,
        "euid": process.uid,
        "egid": process.gid,
        "ruid": process.uid,
        "exe_flags": process.exe_flags,
        "cgroup_id": process.cgroup_id,
    }


def sock_slot(
    local: tuple[str, int],
    remote: tuple[str, int],
    *,
    udp: bool = False,
    server: bool = False,
) -> bytes:
    """Return the SOCK slot of an IP socket.

    Raises:
        ValueError: An address is none, or the two are not of one family.
    """
    here, there = ipaddress.ip_address(local[0]), ipaddress.ip_address(remote[0])
    if here.version != there.version:
        raise ValueError(f"{here} and {there} are not of one family")
    row = np.zeros(1, SOCK)
    row["family"] = socket.AF_INET if there.version == 4 else socket.AF_INET6
    row["type"] = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    row["protocol"] = socket.IPPROTO_UDP if udp else socket.IPPROTO_TCP
    row["lport"], row["rport"] = local[1], remote[1]
    row["flags"] = int(SockFlag.SERVER if server else SockFlag.CLIENT)
    for name, end in (("laddr", here), ("raddr", there)):
        row[name][0, : len(end.packed)] = np.frombuffer(end.packed, np.uint8)
    return row.tobytes()


def unix_slot(path: str) -> bytes:
    """Return the SOCK slot of a unix socket."""
    row = np.zeros(1, SOCK)
    row["family"], row["type"] = socket.AF_UNIX, socket.SOCK_STREAM
    return row.tobytes() + path.encode("utf-8", "surrogateescape")


def strings(parts: Sequence[str]) -> bytes:
    """Return texts as the kernel lays out argv: NULs between."""
    return b"\0".join(part.encode("utf-8", "surrogateescape") for part in parts)
