"""Small builders of events for tests: sane defaults, real records underneath.

``open_event(path="/etc/shadow")`` is an Event over a real one-row Batch made by ``tuimon.batch.from_records``, with
a Process and a Container, so that fields, rules and screens see what the kernel source would have given them.
``batch_of`` puts several such events into one batch, with the tables that belong to it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, from_records
from tuimon.events import HOST, Container, Event, Process
from tuimon.records import CLASS_BYTES, SLOTS, SOCK, Flag, Kind, SizeClass, SockFlag, record_dtype

BOOT_TO_EPOCH_NS: Final = 1_700_000_000_000_000_000
TS_NS: Final = 3_600_000_000_000
HOST_CGROUP: Final = 1
CONTAINER_CGROUP: Final = 7001
AT_FDCWD: Final = (1 << 64) - 100
NO_FLAGS: Final = Flag(0)
NO_ROLE: Final = SockFlag(0)

# Only what tests ask for by name; x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
NUMBERS: Final = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "mmap": 9, "ioctl": 16, "access": 21, "dup": 32,
    "dup2": 33, "getpid": 39, "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45, "sendmsg": 46,
    "recvmsg": 47, "bind": 49, "listen": 50, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "exit": 60, "kill": 62,
    "chdir": 80, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86, "unlink": 87, "symlink": 88,
    "chmod": 90, "fchmod": 91, "ptrace": 101, "setuid": 105, "mount": 165, "umount2": 166, "init_module": 175,
    "exit_group": 231, "openat": 257, "mkdirat": 258, "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266,
    "fchmodat": 268, "unshare": 272, "accept4": 288, "dup3": 292, "setns": 308, "finit_module": 313, "renameat2": 316,
    "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, "clone3": 435, "openat2": 437,
    "poll": 7, "munmap": 11, "getresuid": 118, "quotactl": 179, "ppoll": 271, "fsconfig": 431, "io_uring_setup": 425,
}  # fmt: skip

Text = str | bytes


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def process(
    name: str = "cat",
    *,
    args: Sequence[str] = (),
    pid: int = 4000,
    parent: Process | None = None,
    exe: str | None = None,
    exepath: str | None = None,
    cwd: str = "/root",
    uid: int = 0,
    loginuid: int = 1000,
    tty: int = 0,
    index: int = 0,
    **more: object,
) -> Process:
    """Return a process; whatever else a Process has can be given by name."""
    path = exepath if exepath is not None else f"/usr/bin/{name}"
    made = Process(
        pid=pid, start_ns=TS_NS - 5_000_000_000, index=index, parent=parent, ppid=parent.pid if parent else 1,
        comm=name[:15], exe=exe if exe is not None else name, args=tuple(args), exepath=path, cwd=cwd,
        uid=uid, gid=uid, loginuid=loginuid, tty=tty, sid=pid, pgid=pid, vpid=pid, vpgid=pid, vsid=pid,
        exec_ns=TS_NS - 5_000_000_000, cgroup_id=HOST_CGROUP,
    )  # fmt: skip
    for key, value in more.items():
        setattr(made, key, value)
    return made


make_process = process  # for the builders that take an argument of that name


def chain(*names: str, **last: object) -> Process:
    """Return the last of a line of processes, each the parent of the next: ``chain("systemd", "sshd", "bash")``."""
    at: Process | None = None
    for number, name in enumerate(names[:-1]):
        at = process(name, pid=1 + number * 100, parent=at, index=number + 100)
    return process(names[-1], parent=at, **last)  # type: ignore[arg-type]


def container(
    id: str = "3ad7b26ded6d",
    *,
    name: str | None = "web",
    image: str | None = "docker.io/library/nginx:1.27",
    known: bool = True,
    **more: object,
) -> Container:
    """Return a container whose engine answered; ``known=False`` gives one whose metadata is still on its way."""
    if not known:
        return Container(id=id, full_id=id * 5, known=False)
    repository, _, tag = (image or "").rpartition(":")
    values: dict[str, object] = {
        "id": id, "full_id": (id * 6)[:64], "name": name, "image": image, "image_repository": repository,
        "image_tag": tag, "engine": "docker", "privileged": False, "mounts": (), "known": True,
    }  # fmt: skip
    return Container(**(values | more))  # type: ignore[arg-type]


def sock_slot(
    *,
    local: tuple[str, int] = ("0.0.0.0", 0),
    remote: tuple[str, int] = ("0.0.0.0", 0),
    type: int = socket.SOCK_STREAM,
    protocol: int = socket.IPPROTO_TCP,
    role: SockFlag = NO_ROLE,
    family: int | None = None,
    unix_path: Text = b"",
) -> bytes:
    """Return the bytes of a SOCK slot."""
    row = np.zeros(1, SOCK)
    ends = [ipaddress.ip_address(local[0]), ipaddress.ip_address(remote[0])]
    row["family"] = family or (socket.AF_INET if ends[1].version == 4 else socket.AF_INET6)
    row["type"], row["protocol"] = type, protocol
    row["lport"], row["rport"], row["flags"] = local[1], remote[1], int(role)
    for key, end in zip(("laddr", "raddr"), ends, strict=True):
        row[key][0, : len(end.packed)] = np.frombuffer(end.packed, np.uint8)
    return row.tobytes() + _bytes(unix_path)


def record(
    nr: int,
    *,
    kind: Kind = Kind.SYSCALL,
    ret: int = 0,
    args: Sequence[int] = (),
    slots: Sequence[bytes] = (b"",) * SLOTS,
    flags: Flag = NO_FLAGS,
    tid: int = 4000,
    tgid: int = 4000,
    uid: int = 0,
    gid: int = 0,
    comm: Text = b"",
    cgroup_id: int = HOST_CGROUP,
    ts_ns: int = TS_NS,
    cpu: int = 0,
    fd_type: int = 0,
    proc: dict[str, int] | None = None,
    slim: bool = False,
) -> tuple[SizeClass, NDArray[np.void]]:
    """Return one record of the smallest class that holds it, as ``from_records`` takes it."""
    text = b"".join(slots)
    size_class = SizeClass.SLIM if slim else _class_for(len(text), proc is not None)
    row = np.zeros(1, record_dtype(size_class))
    registers = [value & ((1 << 64) - 1) for value in (*args, *[0] * 6)][:6]
    head = row["head"]
    head["ts_ns"], head["cgroup_id"], head["ret"], head["tid"], head["tgid"] = ts_ns, cgroup_id, ret, tid, tgid
    head["nr"], head["kind"], head["cpu"], head["arg"] = nr, int(kind), cpu, registers[:3]
    if not slim:
        flags |= Flag.HAS_EXT
        ext = row["ext"]
        ext["arg"], ext["uid"], ext["gid"], ext["comm"] = registers[3:], uid, gid, _bytes(comm)[:16]
        ext["slot_len"], ext["text_len"], ext["fd_type"] = [len(slot) for slot in slots], len(text), fd_type
        row["text"][0, : len(text)] = np.frombuffer(text, np.uint8)
    if proc is not None:
        flags |= Flag.HAS_PROC
        for key, value in proc.items():
            row["proc"][key] = value
    head["flags"] = int(flags)
    return size_class, row


def _class_for(text_len: int, has_proc: bool) -> SizeClass:
    """Return the smallest class with room."""
    fixed = 320 if has_proc else 128
    classes = (
        (SizeClass.PROC_SHORT, SizeClass.PROC_MID, SizeClass.PROC_LONG)
        if has_proc
        else (SizeClass.SHORT, SizeClass.MID, SizeClass.LONG)
    )
    for size_class in classes:
        if text_len <= CLASS_BYTES[size_class] - fixed:
            return size_class
    raise ValueError(f"{text_len} bytes of text fit no class")


def syscall_event(
    call: str | int = "read",
    *,
    ret: int = 0,
    args: Sequence[int] = (),
    given: Text = b"",
    base: Text = b"",
    real: Text = b"",
    given2: Text = b"",
    base2: Text = b"",
    sock: bytes = b"",
    process: Process | None = None,
    container: Container | None = HOST,
    num: int = 1,
    **more: object,
) -> Event:
    """Return the exit of a system call; ``more`` goes to ``record`` (uid, comm, kind, flags, slim, ...)."""
    actor = process if process is not None else _default_process(call)
    if container is not None and not container.is_host:
        more.setdefault("cgroup_id", CONTAINER_CGROUP)
    more.setdefault("tgid", actor.pid)
    more.setdefault("tid", actor.pid)
    more.setdefault("uid", actor.uid)
    more.setdefault("gid", actor.gid)
    more.setdefault("comm", actor.comm)
    slots = [_bytes(text) for text in (given, base, real, given2, base2, sock)]
    nr = NUMBERS[call] if isinstance(call, str) else call
    batch = from_records([record(nr, ret=ret, args=args, slots=slots, **more)])  # type: ignore[arg-type]
    batch.first_num = num
    batch.process_at = np.array([actor.index], np.int32)
    return Event(batch, 0, actor, container, BOOT_TO_EPOCH_NS)


def _default_process(call: str | int) -> Process:
    return process("cat", parent=process("bash", pid=3900, index=1))


def open_event(
    path: Text = "/etc/passwd",
    *,
    flags: int = os.O_RDONLY,
    ret: int = 3,
    call: str = "openat",
    cwd: Text = "/root",
    real: Text | None = None,
    mode: int = 0,
    **more: object,
) -> Event:
    """Return an open, openat or creat of ``path`` (absolute, or relative to ``cwd``).

    ``real`` is the path of the object the kernel returned: the same by default, none when the call failed.
    """
    given = _bytes(path)
    mark = Flag(0)
    if real is None:
        real = b""
        if ret >= 0 and given.startswith(b"/"):
            mark = Flag.REAL_SAME
        elif ret >= 0:
            real = _bytes(cwd).rstrip(b"/") + b"/" + given
    base = b"" if given.startswith(b"/") else _bytes(cwd)
    registers = {"openat": (AT_FDCWD, 0x1000, flags, mode), "creat": (0x1000, mode)}.get(call, (0x1000, flags, mode))
    more.setdefault("fd_type", 0o100000 if ret >= 0 else 0)
    return syscall_event(call, ret=ret, args=registers, given=given, base=base, real=real, flags=mark, **more)  # type: ignore[arg-type]


def exec_event(
    name: str = "bash",
    *,
    args: Sequence[str] = (),
    parent: Process | None = None,
    process: Process | None = None,
    call: str = "execve",
    environ: Sequence[str] = (),
    **more: object,
) -> Event:
    """Return a successful exec: the process is already the new program."""
    above = parent if parent is not None else make_process("sshd", pid=3800, index=1)
    actor: Process = process if process is not None else make_process(name, args=args, parent=above)
    slots = {
        "given": actor.exepath,
        "base": actor.cwd,
        "real": actor.exepath,
        "given2": b"\0".join(_bytes(text) for text in (actor.exe, *actor.args)),
        "base2": b"\0".join(_bytes(text) for text in environ),
    }
    proc = {
        "start_ns": actor.start_ns, "pid": actor.pid, "tid": actor.pid, "ppid": actor.ppid, "vpid": actor.vpid,
        "vtid": actor.vpid, "pgid": actor.pgid, "vpgid": actor.vpgid, "sid": actor.sid, "vsid": actor.vsid,
        "tty": actor.tty, "loginuid": actor.loginuid, "euid": actor.uid, "egid": actor.gid, "ruid": actor.uid,
        "exe_flags": actor.exe_flags, "cgroup_id": actor.cgroup_id,
    }  # fmt: skip
    return syscall_event(call, process=actor, kind=Kind.EXEC, proc=proc, **slots, **more)  # type: ignore[arg-type]


def connect_event(
    ip: str = "93.184.216.34",
    port: int = 443,
    *,
    local: tuple[str, int] | None = None,
    udp: bool = False,
    ret: int = 0,
    call: str = "connect",
    fd: int = 5,
    **more: object,
) -> Event:
    """Return a connect (client) or, with ``call="accept"``, an accept (server) of a TCP or UDP socket."""
    here = local or (("10.0.0.5", 40000) if ipaddress.ip_address(ip).version == 4 else ("2001:db8::5", 40000))
    slot = sock_slot(
        local=here,
        remote=(ip, port),
        type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM,
        protocol=socket.IPPROTO_UDP if udp else socket.IPPROTO_TCP,
        role=SockFlag.SERVER if call.startswith("accept") else SockFlag.CLIENT,
    )
    more.setdefault("fd_type", 0o140000)
    return syscall_event(call, ret=ret, args=(fd, 0x1000, 16), sock=slot, **more)  # type: ignore[arg-type]


def fork_event(name: str = "bash", *, child_pid: int = 4001, **more: object) -> Event:
    """Return a fork: the record describes the child, the event belongs to the parent."""
    actor: Process = more.pop("process", None) or make_process(name)  # type: ignore[assignment]
    proc = {"start_ns": TS_NS, "pid": child_pid, "tid": child_pid, "ppid": actor.pid, "vpid": child_pid}
    return syscall_event("clone", process=actor, kind=Kind.FORK, ret=child_pid, proc=proc, **more)  # type: ignore[arg-type]


class Owners(dict[int, Container]):
    """Containers by cgroup."""

    def of_cgroup(self, cgroup_id: int) -> Container | None:
        """Return the container of a cgroup, None while it is not known."""
        return self.get(cgroup_id)


@dataclass(slots=True)
class FakeTables:
    """Processes by index and containers by cgroup, as the engine's own tables answer (``get``, ``of_cgroup``)."""

    processes: dict[int, Process]
    containers: Owners


def record_of(event: Event) -> tuple[SizeClass, NDArray[np.void]]:
    """Return the record an event was made from."""
    proc = event.batch.proc_of(event.row)
    slots = event.batch.slots(event.row)
    slim = event.ext is None
    size_class = SizeClass.SLIM if slim else _class_for(sum(map(len, slots)), proc is not None)
    row = np.zeros(1, record_dtype(size_class))
    row["head"] = event.head
    if not slim:
        row["ext"] = event.ext
        text = b"".join(slots)
        row["text"][0, : len(text)] = np.frombuffer(text, np.uint8)
    if proc is not None:
        row["proc"] = proc
    return size_class, row


def timed(event: Event, took_ns: int) -> Event:
    """Return the event with the eight bytes more that the kernel puts behind its texts."""
    batch = event.batch
    batch.arena += took_ns.to_bytes(8, "little")
    batch.text_at[-1] += 8
    batch.ext["text_len"] += 8
    return event


def batch_of(events: Iterable[Event]) -> tuple[Batch, FakeTables]:
    """Return one batch of all the events, in the order given, and its tables.

    Processes get fresh indexes and, where two events say different containers for one cgroup, fresh cgroup ids.
    """
    parts = []
    processes: dict[int, Process] = {}
    containers = Owners()
    owners: dict[tuple[int, int], int] = {}
    process_at: list[int] = []
    seen: dict[int, int] = {}
    for number, event in enumerate(events):
        size_class, row = record_of(event)
        row["head"]["ts_ns"] = TS_NS + number
        owner = id(event.process)
        if owner not in seen and event.process is not None:
            seen[owner] = len(processes)
            processes[seen[owner]] = event.process
        process_at.append(seen.get(owner, -1))
        key = (event.cgroup_id, id(event.container))
        if key not in owners:
            owners[key] = event.cgroup_id if event.cgroup_id not in owners.values() else 900_000 + len(owners)
            if event.container is not None:
                containers[owners[key]] = event.container
        row["head"]["cgroup_id"] = owners[key]
        parts.append((size_class, row))
    batch = from_records(parts)
    batch.first_num = 1
    batch.process_at = np.array(process_at, np.int32)
    return batch, FakeTables(processes, containers)


def events_of(batch: Batch, tables: FakeTables) -> list[Event]:
    """Return the row objects of a batch."""
    return [event_of(batch, row, tables) for row in range(len(batch))]


def event_of(batch: Batch, row: int, tables: FakeTables) -> Event:
    """Return the row object of one event."""
    owner = tables.processes.get(int(batch.process_at[row]))
    place = tables.containers.of_cgroup(int(batch.head["cgroup_id"][row]))
    return Event(batch, row, owner, place, BOOT_TO_EPOCH_NS)
