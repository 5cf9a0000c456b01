"""Events made from readable fields: ``{evt.type: openat, proc.name: cat, fd.name: /etc/shadow}`` to an Event.

What is not said gets a plain value: a shell of root on the host, started by init, whose call succeeds. What is said
must come out: the made event is asked for every field that was given, and a value that it cannot have is an error.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Final

from tuimon import fields
from tuimon.errors import RuleError
from tuimon.events import HOST, UNSET_ID, Container, Event, Process
from tuimon.fields import flags as flag_tables
from tuimon.fields.argsource import BOUND_BY_NAME
from tuimon.fields.facts import facts
from tuimon.records import ExeFlag, Flag, Kind, Slot
from tuimon.rules.mistakes import nearest
from tuimon.rules.output import ABSENT, as_text
from tuimon.syscalls import CALLS, NAME_TO_NR, Call
from tuimon.workbench.made_records import (
    BOOT_TO_EPOCH_NS,
    TS_NS,
    Made,
    as_batch,
    sock_slot,
    strings,
    unix_slot,
)

CONTAINER_CGROUP: Final = 1000
HOST_CGROUP: Final = 1
CONTAINER_ID: Final = "c0ffee123456"
"""Of a made container without an id of its own."""
_ANCESTOR = re.compile(r"proc\.a(name|exe|exepath|cmdline|pid)\[([1-9][0-9]?)\]\Z")
_PARENT = re.compile(r"proc\.p(name|exe|exepath|cmdline|pid)\Z")
_TUPLE = re.compile(r"(.+):([0-9]+)->(.+):([0-9]+)\Z")
_FORKS: Final = ("clone", "clone3", "fork", "vfork")
_EXECS: Final = ("execve", "execveat")
_SERVER: Final = ("accept", "accept4")
_AT_FDCWD: Final = -100
_FLAG_TABLES: Final = {"mode": flag_tables.MODES, "nstype": flag_tables.CLONE_FLAGS, "flags": flag_tables.CLONE_FLAGS}
_EXE_FLAGS: Final = {
    "proc.is_exe_upper_layer": ExeFlag.UPPER_LAYER,
    "proc.is_exe_lower_layer": ExeFlag.LOWER_LAYER,
    "proc.is_exe_writable": ExeFlag.WRITABLE,
    "proc.is_exe_from_memfd": ExeFlag.MEMFD,
}


class MadeEventError(RuleError):
    """A field that a made event cannot have, or not with this value."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


def make(wanted: Mapping[str, str], num: int = 1) -> Event:
    """Return an event with these fields.

    Args:
        wanted: Field (with its argument: ``proc.aname[2]``, ``evt.arg.flags``) to value as an output prints it.
        num: Its ``evt.num``.

    Raises:
        MadeEventError: ``evt.type`` is missing or no call, or a field cannot have its value.
    """
    return _Maker(dict(wanted), num).event()


class _Maker:
    """One event on its way; takes the fields it can place out of ``left``."""

    def __init__(self, wanted: dict[str, str], num: int) -> None:
        self.wanted = wanted
        self.left = dict(wanted)
        self.num = num
        self.placed: set[str] = set()
        """Arguments that are in the record as they were given, and print otherwise: numbers by their names."""
        self.type = self.take("evt.type") or ""
        if not self.type:
            raise MadeEventError("evt.type", "an event needs an evt.type", "such as evt.type: openat")
        self.call = CALLS.get(self.type, Call(self.type))

    def take(self, *names: str) -> str | None:
        """Take the value of the first of some fields that was given; the others stay to be checked only."""
        found = None
        for name in names:
            value = self.left.pop(name, None)
            found = value if found is None else found
        return found

    def number(self, name: str, default: int = 0) -> int:
        value = self.take(name)
        if value is None:
            return default
        try:
            return int(value, 0)
        except ValueError:
            raise MadeEventError(name, f"{name} is a number, not {value!r}") from None

    def event(self) -> Event:
        container = self.container()
        process = self.process(HOST_CGROUP if container.is_host else CONTAINER_CGROUP)
        made = self.record(process)
        made.cgroup_id = process.cgroup_id
        try:
            batch = as_batch(made, process)
        except ValueError as error:
            raise MadeEventError("evt.type", f"this event cannot be made: {error}") from None
        event = Event(batch, 0, process, container, BOOT_TO_EPOCH_NS)
        self.check(event)
        return event

    # Who

    def container(self) -> Container:
        given = [name for name in self.left if name.startswith(("container.", "k8s."))]
        if not given or self.left.get("container.id") == "host":
            self.left.pop("container.id", None)
            return HOST
        id_ = self.take("container.id") or CONTAINER_ID
        repository, tag = self.take("container.image.repository"), self.take("container.image.tag")
        image = self.take("container.image")
        if image is not None and repository is None:
            repository, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", None)
        if image is None and repository is not None:
            image = f"{repository}:{tag}" if tag else repository
        return Container(
            id=id_,
            full_id=self.take("container.full_id") or id_.ljust(64, "0"),
            name=self.take("container.name") or id_,
            image=image or "",
            image_repository=repository or "",
            image_tag=tag or "",
            image_digest=self.take("container.image.digest"),
            engine=self.take("container.type") or "docker",
            privileged=self.take("container.privileged") == "true",
            mounts=(),
            pod_name=self.take("k8s.pod.name"),
            pod_namespace=self.take("k8s.ns.name"),
            known=True,
        )

    def process(self, cgroup_id: int) -> Process:
        above = self.ancestors(cgroup_id)
        comm, args = self.command("proc.name", "proc.cmdline")
        given = self.take("proc.args")
        args = tuple(given.split()) if given is not None else args
        comm = comm or "sh"
        exepath = self.take("proc.exepath") or f"/usr/bin/{comm}"
        pid = self.number("proc.pid", 4000)
        process = Process(
            pid=pid,
            start_ns=TS_NS - 10_000_000_000,
            parent=above,
            ppid=above.pid if above is not None else 1,
            comm=comm,
            exe=self.take("proc.exe") or comm,
            args=args,
            exepath=exepath,
            cwd=(self.take("proc.cwd") or "/root").rstrip("/") or "/",
            uid=self.uid(),
            gid=self.number("group.gid"),
            loginuid=self.number("user.loginuid", -1) & UNSET_ID,
            tty=self.number("proc.tty"),
            sid=pid,
            pgid=pid,
            vpid=self.number("proc.vpid", pid),
            vpgid=pid,
            vsid=pid,
            exec_ns=TS_NS - 10_000_000_000,
            cgroup_id=cgroup_id,
            index=0,
        )
        for name, flag in _EXE_FLAGS.items():
            if self.take(name) == "true":
                process.exe_flags |= int(flag)
        environ = self.take("proc.env")
        process.env = tuple(environ.split()) if environ is not None else None
        return process

    def ancestors(self, cgroup_id: int) -> Process | None:
        """Return the parent, with as many ancestors as were named; None when its name is said to be absent."""
        if self.left.get("proc.pname") == ABSENT:
            del self.left["proc.pname"]
            return None
        said: dict[int, dict[str, str]] = {}
        for name in list(self.left):
            if found := _ANCESTOR.match(name):
                said.setdefault(int(found[2]), {})[found[1]] = self.left.pop(name)
            elif found := _PARENT.match(name):
                said.setdefault(1, {})[found[1]] = self.left.pop(name)
        parent_pid = self.number("proc.ppid", 3000)
        at: Process | None = None
        for depth in range(max(said, default=1), 0, -1):
            mine = said.get(depth, {})
            words = _words(mine.get("cmdline", ""))
            comm = mine.get("name") or (words[0] if words else "init")
            pid = int(mine.get("pid", "0")) or (parent_pid if depth == 1 else 2000 - depth)
            at = Process(
                pid=pid, start_ns=TS_NS - 20_000_000_000, parent=at, ppid=at.pid if at is not None else 1, comm=comm,
                exe=mine.get("exe", comm), args=tuple(words[1:]), exepath=mine.get("exepath", f"/usr/bin/{comm}"),
                cwd="/", uid=0, gid=0, vpid=pid, pgid=pid, vpgid=pid, sid=pid, vsid=pid, cgroup_id=cgroup_id,
                index=depth,
            )  # fmt: skip
        return at

    def command(self, name: str, cmdline: str) -> tuple[str, tuple[str, ...]]:
        """Return comm and arguments from a name, a command line, or both."""
        given, line = self.take(name), self.take(cmdline)
        if line is None:
            return given or "", ()
        words = line.split()
        return given or (words[0] if words else ""), tuple(words[1:])

    def uid(self) -> int:
        name = self.take("user.name")
        if "user.uid" in self.left or name in (None, "root"):
            return self.number("user.uid")
        raise MadeEventError("user.name", f"the number of user {name} is not known", "give user.uid instead")

    # What

    def record(self, process: Process) -> Made:
        number = NAME_TO_NR.get(self.type)
        if self.type == "procexit":
            return Made(0, Kind.EXIT, ret=self.result(), proc={})
        if number is None:
            near = nearest(self.type, NAME_TO_NR)
            hint = f"did you mean {near}?" if near else "tuimon rules test makes system calls and procexit"
            raise MadeEventError("evt.type", f"{self.type!r} is no system call", hint)
        made = Made(number, ret=self.result())
        if self.type in _EXECS and made.ret >= 0:
            self.exec_record(made, process)
        elif self.type in _FORKS and made.ret > 0:
            made.kind, made.proc = Kind.FORK, {"pid": made.ret, "tid": made.ret, "vpid": made.ret, "ppid": process.pid}
        else:
            self.call_record(made, process)
        return made

    def result(self) -> int:
        """Return what the call returned: as given, else an fd, a child or 0."""
        word, raw = self.take("evt.res"), self.take("evt.rawres")
        failed = self.take("evt.failed")
        if raw is None and word not in (None, "SUCCESS"):
            number = getattr(errno, str(word), None)
            if number is None:
                raise MadeEventError("evt.res", f"{word!r} is no error name", "such as SUCCESS, ENOENT, EACCES")
            return -int(number)
        if raw is not None:
            self.left["evt.rawres"] = raw
            return self.number("evt.rawres")
        if failed == "true":
            return -errno.EPERM
        if self.call.returns_fd:
            return self.number("fd.num", 3)
        return 4001 if self.type in _FORKS else 0

    def exec_record(self, made: Made, process: Process) -> None:
        made.kind, made.proc = Kind.EXEC, {}
        path = process.exepath.encode("utf-8", "surrogateescape")
        made.slots[Slot.GIVEN] = made.slots[Slot.REAL] = path
        made.slots[Slot.BASE] = process.cwd.encode("utf-8", "surrogateescape")
        made.slots[Slot.ARGV] = strings((process.exe, *process.args))
        made.slots[Slot.ENV] = strings(process.env or ())

    def call_record(self, made: Made, process: Process) -> None:
        if self.call.dirfd is not None:
            made.args[self.call.dirfd] = _AT_FDCWD
        if self.call.dirfd2 is not None:
            made.args[self.call.dirfd2] = _AT_FDCWD
        if self.call.fd is not None:
            made.args[self.call.fd] = self.number("fd.num", 3)
        self.flags_of_open(made)
        self.paths(made, process)
        if self.call.category == "net" or any(name.startswith(("fd.s", "fd.c")) for name in self.left):
            self.socket(made)
        self.arguments(made)

    def flags_of_open(self, made: Made) -> None:
        read, write = self.take("evt.is_open_read"), self.take("evt.is_open_write")
        at = {"open": 1, "openat": 2, "openat2": 2}.get(self.type)
        if at is None:
            return
        if write == "true":
            made.args[at] = os.O_RDWR if read == "true" else os.O_WRONLY
        given = self.take("evt.arg.flags", "evt.arg[flags]")
        for name in (given or "").split("|"):
            bits = {row[0]: row[1] for row in flag_tables.OPEN_FLAGS}.get(name.strip())
            if bits is None and name:
                raise MadeEventError("evt.arg.flags", f"{name.strip()!r} is no flag of {self.type}", "such as O_CREAT")
            made.args[at] |= bits or 0

    def paths(self, made: Made, process: Process) -> None:
        """Put the path, or the file behind the fd, into its slot."""
        real = self.take("fd.realpath")
        directory, file = self.left.get("fd.directory"), self.left.get("fd.filename")
        path = self.left.get("fd.name", self.left.get("fs.path.name", self.left.get("fs.path.source")))
        if path is None and (directory is not None or file is not None):
            path = f"{(directory or '/srv').rstrip('/')}/{file or 'file'}"
        if self.call.category == "net":
            return
        if self.call.path is not None or self.call.text is not None:
            path = self.argument(made, Slot.GIVEN, path)
            self.argument(made, Slot.GIVEN2, self.left.get("fs.path.target"))
            if path is not None and self.call.path is not None and not path.startswith("/"):
                made.slots[Slot.BASE] = process.cwd.encode("utf-8", "surrogateescape")
            if made.ret >= 0 and real is None and self.call.text is None:
                made.flags |= Flag.REAL_SAME
            made.fd_type = 0o100000 if made.ret >= 0 else 0
        elif path is not None:
            made.slots[Slot.REAL] = path.encode("utf-8", "surrogateescape")
            made.fd_type = 0o100000
        if real is not None:
            made.slots[Slot.REAL] = real.encode("utf-8", "surrogateescape")

    def argument(self, made: Made, slot: Slot, path: str | None) -> str | None:
        """Put a path into a slot: the one given as an argument of the call, else the one of ``fd.name``."""
        for name in list(self.left):
            param = _param(name)
            if param is not None and place_of(self.type, param) == ("slot", slot):
                path = self.left.pop(name)
                # It prints as an absolute path, whatever the program gave.
                self.placed.add(name)
        if path is not None:
            made.slots[slot] = path.encode("utf-8", "surrogateescape")
        return path

    def socket(self, made: Made) -> None:
        name = self.left.get("fd.name", "")
        server = self.type in _SERVER
        made.fd_type = 0o140000
        if name.startswith("/"):
            made.slots[Slot.SOCK] = unix_slot(name)
            return
        client, peer = ("10.0.0.5", 40000), ("192.0.2.1", 443)
        if found := _TUPLE.match(name):
            client, peer = (found[1], int(found[2])), (found[3], int(found[4]))
        elif ":" in self.left.get("fd.sip", self.left.get("fd.cip", "")):
            client, peer = ("2001:db8::5", 40000), ("2001:db8::1", 443)
        client = self.take("fd.cip") or client[0], self.number("fd.cport", client[1])
        peer = self.take("fd.sip", "fd.rip") or peer[0], self.number("fd.sport", peer[1])
        local, remote = (peer, client) if server else (client, peer)
        udp = self.take("fd.l4proto") == "udp"
        try:
            made.slots[Slot.SOCK] = sock_slot(local, remote, udp=udp, server=server)
        except (ValueError, OverflowError) as error:
            raise MadeEventError("fd.name", f"these addresses make no connection: {error}") from None

    def arguments(self, made: Made) -> None:
        """Put arguments of the call into the registers they come from."""
        for name in list(self.left):
            param = _param(name)
            place = place_of(self.type, param) if param is not None else None
            if param is not None and place is not None and place[0] == "register":
                made.args[place[1]] = _register(name, param, self.left.pop(name))
                if self.wanted[name][:1].isdigit():
                    self.placed.add(name)

    # What came out

    def check(self, event: Event) -> None:
        """Ask the event for everything that was given.

        Raises:
            MadeEventError: A value came out otherwise, or the field is none.
        """
        for name, wanted in self.wanted.items():
            head, bracket, arg = name.partition("[")
            found = fields.resolve(head)
            if found is None:
                near = nearest(head, [info.name for info in fields.all_fields()])
                raise MadeEventError(name, f"unknown field {head}", f"did you mean {near}?" if near else "")
            info, inner = found
            key = arg.removesuffix("]") if bracket else inner
            value = info.get(event, key) if info.get is not None else None
            shown = "not known" if value is fields.UNKNOWN else as_text(value, info.type)
            if name not in self.placed and not _same(shown, wanted):
                raise MadeEventError(
                    name,
                    f"a made {self.type} cannot have {name} = {wanted}: it comes out as {shown}",
                    "take the event from a recording instead, or leave the field out",
                )


def _same(shown: str, wanted: str) -> bool:
    """Whether a value came out as wanted; flags in any order, numbers however written."""
    if shown == wanted or (shown.endswith("/") and shown[:-1] == wanted):
        return True
    if "|" in shown or "_" in shown:
        return set(wanted.split("|")) <= set(shown.split("|"))
    try:
        return int(shown, 0) == int(wanted, 0)
    except ValueError:
        return False


def _param(name: str) -> str | None:
    """Return NAME of ``evt.arg.NAME`` or ``evt.arg[NAME]``, also of ``evt.rawarg``."""
    for start in ("evt.arg.", "evt.rawarg."):
        if name.startswith(start):
            return name[len(start) :]
    if name.startswith("evt.arg[") and name.endswith("]"):
        return name[8:-1]
    return None


def _register(name: str, param: str, value: str) -> int:
    bits = {row[0]: row[1] for row in _FLAG_TABLES.get(param, ())}
    words = [word.strip() for word in value.split("|")]
    if bits and all(word in bits for word in words):
        return sum(bits[word] for word in set(words))
    try:
        return int(value, 0)
    except ValueError:
        raise MadeEventError(name, f"{name} is to be a number here, not {value!r}") from None


@cache
def place_of(call: str, param: str) -> tuple[str, int] | None:
    """Return where a parameter of a call lies, found by asking a record in which every place holds something else."""
    bound = BOUND_BY_NAME.get(call, {}).get(param)
    number = NAME_TO_NR.get(call)
    if bound is None or bound.get is None or number is None:
        return None
    made = Made(number, ret=7, args=[11, 12, 13, 14, 15, 16])
    for slot in (Slot.GIVEN, Slot.GIVEN2):
        made.slots[slot] = f"/slot{int(slot)}".encode()
    process = Process(pid=1, start_ns=1, index=0)
    value = bound.get(facts(Event(as_batch(made, process), 0, process, HOST, 0)))
    if isinstance(value, str) and value.startswith("/slot"):
        return "slot", int(value.removeprefix("/slot"))
    if isinstance(value, int) and value in made.args:
        return "register", made.args.index(value)
    return None


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
