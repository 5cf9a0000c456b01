"""A live kernel source for the tests, and rows that read well in an assertion."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from tuimon.batch import Batch
from tuimon.capture.bpf_calls import attach
from tuimon.capture.kernel import KernelSource
from tuimon.capture.program import ON_DEMAND
from tuimon.capture.source import Interest, Source, Want
from tuimon.records import SOCK, Flag, Kind, Slot
from tuimon.syscalls import NAME_TO_NR, NR_TO_NAME

WAIT_S = 60.0


class Links:
    """The attachments of a running source, which can be cut and made again."""

    def __init__(self, source: Source) -> None:
        assert isinstance(source, KernelSource)
        assert source._programs is not None
        self.programs = source._programs
        tracepoints = [name for name in reversed(self.programs.first) if name != ON_DEMAND]
        self.of = dict(zip(tracepoints, self.programs.fds[-len(tracepoints) :], strict=True))
        self.looks = self.programs.entry is not None

    def cut(self, tracepoint: str) -> None:
        self.programs.fds.remove(self.of[tracepoint])
        os.close(self.of.pop(tracepoint))

    def mend(self, tracepoint: str) -> None:
        typed = self.programs.kind != "plain"
        self.of[tracepoint] = attach(self.programs.first[tracepoint], tracepoint, typed=typed)
        self.programs.fds.append(self.of[tracepoint])

    def cut_all(self) -> None:
        for tracepoint in list(self.of):
            self.cut(tracepoint)
        self.programs.look_at_entries(False)

    def mend_all(self) -> None:
        for tracepoint in self.programs.first:
            if tracepoint != ON_DEMAND:
                self.mend(tracepoint)
        self.programs.look_at_entries(self.looks)


@dataclass(frozen=True)
class Row:
    """One event, everything copied out of its batch."""

    kind: Kind
    name: str
    ts_ns: int
    ret: int
    tid: int
    tgid: int
    flags: Flag
    args: tuple[int, ...]
    cgroup_id: int
    comm: bytes
    fd_type: int
    slots: tuple[bytes, ...]
    proc: dict[str, int]
    size_class_text: int

    @property
    def given(self) -> bytes:
        return self.slots[Slot.GIVEN]

    @property
    def base(self) -> bytes:
        return self.slots[Slot.BASE]

    @property
    def real(self) -> bytes:
        """The real path, also when it is not repeated."""
        return self.given if Flag.REAL_SAME in self.flags else self.slots[Slot.REAL]

    @property
    def argv(self) -> list[bytes]:
        return self.slots[Slot.ARGV].split(b"\0")[:-1]

    @property
    def sock(self) -> np.void:
        return np.frombuffer(self.slots[Slot.SOCK][: SOCK.itemsize], SOCK)[0]

    @property
    def sock_path(self) -> bytes:
        return self.slots[Slot.SOCK][SOCK.itemsize :]


def rows(batch: Batch) -> list[Row]:
    """Return the events of a batch."""
    return [_row(batch, i) for i in range(len(batch))]


def _row(batch: Batch, i: int) -> Row:
    head, ext_at, proc = batch.head[i], int(batch.ext_at[i]), batch.proc_of(i)
    ext = batch.ext[ext_at] if ext_at >= 0 else None
    args = [*head["arg"].tolist(), *(ext["arg"].tolist() if ext is not None else ())]
    return Row(
        kind=Kind(head["kind"]),
        name=NR_TO_NAME.get(int(head["nr"]), str(head["nr"])),
        ts_ns=int(head["ts_ns"]),
        ret=int(head["ret"]),
        tid=int(head["tid"]),
        tgid=int(head["tgid"]),
        flags=Flag(int(head["flags"])),
        args=tuple(args),
        cgroup_id=int(head["cgroup_id"]),
        comm=bytes(ext["comm"]) if ext is not None else b"",
        fd_type=int(ext["fd_type"]) if ext is not None else 0,
        slots=tuple(batch.slots(i)),
        proc={} if proc is None else {n: int(proc[n]) for n in proc.dtype.names if n not in ("pad", "std_type")},
        size_class_text=int(ext["text_len"]) if ext is not None else 0,
    )


def interest(*names: str, want: Want = Want.RULES | Want.PATHS, **more: object) -> Interest:
    """Return an interest in the named calls."""
    return Interest({NAME_TO_NR[name]: want for name in names}, **more)  # type: ignore[arg-type]


def drain_until_exit(source: KernelSource, pid: int) -> list[Row]:
    """Return the events up to the end of a process, those of everybody."""
    out: list[Row] = []
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        out += rows(source.drain(0.1))
        if any(r.kind is Kind.EXIT and r.tgid == pid for r in out):
            return out
    raise AssertionError(f"the end of process {pid} was not seen among {len(out)} events")


def events_of(source: KernelSource, command: list[str], asked: Interest, **popen: object) -> list[Row]:
    """Run a command to its end; return its process's own events (its children's are left out)."""
    source.set_interest(asked)
    source.drain(0)
    with subprocess.Popen(command, **popen) as process:  # type: ignore[call-overload]
        found = drain_until_exit(source, process.pid)
    return [r for r in found if r.tgid == process.pid or r.proc.get("pid") == process.pid]


def python(code: str, *args: str) -> list[str]:
    """Return the command line of a quick Python workload."""
    return [sys.executable, "-I", "-S", "-c", code, *args]


OPENS = "import os\nfor name in {names!r}:\n  try: os.open(name, os.O_RDONLY)\n  except OSError: pass\n"
"""A Python workload that opens files one after the other."""


def opens(found: list[Row], ending: bytes) -> list[Row]:
    """Return the calls whose path as given ends so."""
    return [r for r in found if r.kind is Kind.SYSCALL and r.given.endswith(ending)]


TALK = """
import socket, sys
family, kind, address = socket.AddressFamily(int(sys.argv[1])), socket.SocketKind(int(sys.argv[2])), eval(sys.argv[3])
server = socket.socket(family, kind)
server.bind(address)
server.listen()
client = socket.socket(family, kind)
client.connect(server.getsockname())
server.accept()
print(client.getsockname(), server.getsockname())
"""


def talk(source: KernelSource, family: int, address: object) -> tuple[dict[str, Row], list[object]]:
    asked = interest("socket", "bind", "listen", "connect", "accept", "accept4")
    command = python(TALK, str(int(family)), str(int(socket.SOCK_STREAM)), repr(address))
    source.set_interest(asked)
    source.drain(0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = drain_until_exit(source, process.pid)
        assert process.stdout is not None
        said = process.stdout.read()
    mine = [r for r in found if r.tgid == process.pid and r.kind is Kind.SYSCALL]
    names = {r.name.removesuffix("4"): r for r in mine}
    return names, [said]
