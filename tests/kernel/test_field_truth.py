"""Fields of live events compared with what /proc, stat and the container engine say of the same processes and files.

Each kind of process is looked at twice: one that was there before the engine (read from /proc at its start) and one
that came after (told by the kernel's events). Both must give the same truth.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pty
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.containers import IMAGE, Podman, podman_engine, wait_until
from tests.kernel.subject import FIRST_SHOWN
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.events import Event
from tuimon.fields import resolve
from tuimon.fields.registry import UNKNOWN
from tuimon.fields.thread import CAPABILITIES
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

SUBJECT = Path(__file__).with_name("subject.py")
PYTHON = "/usr/bin/python3"
BEFORE, AFTER = "there before the engine", "started after it"
KINDS = ("plain", "nobody", "capable", "changing", "thread", "terminal", "container", "container_user")
SWITCHES = {"changing": "--change", "thread": "--thread", "each": "--each"}
NOBODY = 65534
RULES = """
- rule: truth
  desc: every call of a subject that is looked at
  condition: evt.type in (openat, connect, accept4, dup2, dup3) and proc.cmdline contains "{token}" and evt.rawres >= 0
  output: "%proc.name %proc.env[TRUTH]"
  priority: DEBUG
"""


# -- the subjects ----------------------------------------------------------------------------------------------------


@dataclass
class Subjects:
    """Processes to look at, and what to clean up after them."""

    folder: Path
    podman: Podman
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    terminals: list[tuple[int, int]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Token to container name."""

    @property
    def file(self) -> Path:
        """Return the file that the subjects of the host open."""
        return self.folder / "file with a blank"

    def start(self, kind: str, token: str) -> None:
        """Start a subject whose command line carries a token."""
        self.file.touch()
        command = [PYTHON, "-S", str(SUBJECT), token, str(self.file), "", "blank in it", "ünïcöde"]
        env = {**os.environ, "TRUTH": f"of {token}"}
        if kind.startswith("container"):
            self._in_container(kind, token)
        elif kind == "terminal":
            pid, master = pty.fork()
            if pid == 0:
                os.execve(command[0], command, env)
            self.terminals.append((pid, master))
        else:
            options: dict[str, object] = {}
            if kind == "nobody":
                options = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "start_new_session": True}
            elif kind == "capable":
                raw = ["--inh-caps=+net_raw,+net_bind_service", "--ambient-caps=+net_raw"]
                command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *raw, *command]
            elif kind in SWITCHES:
                command.insert(3, SWITCHES[kind])
            self.processes.append(
                subprocess.Popen(command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
            )

    def _in_container(self, kind: str, token: str) -> None:
        mounts = [f"{SUBJECT.parent}:/subject:ro", "/usr:/usr:ro"]
        mounts += [f"{os.path.realpath(lib)}:{lib}:ro" for lib in ("/lib", "/lib64") if os.path.exists(lib)]
        options = [word for mount in mounts for word in ("-v", mount)] + ["-e", f"TRUTH=of {token}", "-w", "/tmp"]
        options += ["--user", "web"] if kind == "container_user" else []
        name = self.names[token] = f"truth-{token[-8:]}"
        self.podman.run(name, IMAGE, PYTHON, "-S", "/subject/subject.py", token, "/etc/passwd", options=options)

    def close(self) -> None:
        """End them all."""
        for process in self.processes:
            process.kill()
            process.wait()
        for pid, master in self.terminals:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(master)


@dataclass
class World:
    """The engine, and a token for each subject."""

    engine: Engine
    subjects: Subjects
    tokens: dict[tuple[str, str], str]

    def event(self, when: str, kind: str, call: str) -> Event:
        """Return an event of a call that a subject made."""
        token = self.tokens[when, kind]

        def found() -> Event | None:
            return next(
                (a.event for a in self.engine.alerts_since(0) if self._wanted(a.event, kind, call, token)), None
            )

        return wait_until(found, 60.0)  # type: ignore[no-any-return]

    def _wanted(self, event: Event, kind: str, call: str, token: str) -> bool:
        """Tell whether a subject's work is seen, not its start or the engine's client that starts it."""
        if value(event, "evt.type") != call or token not in str(value(event, "proc.cmdline")):
            return False
        if call == "openat" and value(event, "fd.name") != (
            "/etc/passwd" if kind.startswith("container") else str(self.subjects.file)
        ):
            return False
        if kind == "changing" and value(event, "proc.name") != "another name":
            return False
        contained = event.container is not None and event.container.known and not event.container.is_host
        return contained or not kind.startswith("container")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for needed in (PYTHON, "setpriv"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not there")
    run = f"truth{uuid.uuid4().hex[:8]}"
    tokens = {both: f"{run}{i:03}" for i, both in enumerate((w, k) for w in (BEFORE, AFTER) for k in KINDS)}
    folder = Path(tempfile.mkdtemp(prefix="tuimon-truth-"))
    folder.chmod(0o755)
    with podman_engine(tmp_path_factory.mktemp("podman")) as podman:
        subjects = Subjects(folder, podman)
        engine = build_engine(Settings(), KernelSource())
        try:
            for kind in KINDS:
                subjects.start(kind, tokens[BEFORE, kind])
            time.sleep(0.5)
            outcome = engine.apply_rules([RuleFile("truth.yaml", RULES.format(token=run))])
            assert outcome.accepted, outcome.diagnostics
            engine.start()
            assert engine.wait_started(120), engine.error()
            for kind in KINDS:
                subjects.start(kind, tokens[AFTER, kind])
            tokens[AFTER, "each"] = f"{run}each"
            subjects.start("each", f"{run}each")
            yield World(engine, subjects, tokens)
        finally:
            engine.stop()
            subjects.close()
            shutil.rmtree(folder, ignore_errors=True)


# -- what the system says --------------------------------------------------------------------------------------------


def value(event: Event, name: str, arg: str | None = None) -> object:
    """Return a field's value."""
    found = resolve(name)
    assert found is not None, name
    info, rest = found
    assert info.get is not None, f"{name} cannot be filled"
    return info.get(event, arg if arg is not None else rest)


def settled(event: Event, name: str, arg: str | None = None) -> object:
    """Return a field's value once it is known."""
    wait_until(lambda: value(event, name, arg) is not UNKNOWN, 60.0)
    return value(event, name, arg)


def status(pid: int, tid: int | None = None) -> dict[str, list[str]]:
    """Return the lines of /proc/PID/task/TID/status."""
    lines = Path(f"/proc/{pid}/task/{tid or pid}/status").read_text().splitlines()
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}


def stat_of(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third (state) on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")


def argv(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1]


def exe(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/exe")


def capabilities(mask: str) -> str:
    bits = int(mask, 16)
    return " ".join(name for i, name in enumerate(CAPABILITIES) if bits >> i & 1)


def ancestors(pid: int) -> list[int]:
    found = []
    while (pid := int(stat_of(pid)[1])) > 0:
        found.append(pid)
    return found


def process_truth(pid: int, tid: int) -> dict[str, object]:
    """Return what /proc says, under the names of our fields."""
    said, fields, words = status(pid, tid), stat_of(pid), argv(pid)
    ppid, pgrp, session, tty = (int(word) for word in fields[1:5])
    file = os.stat(f"/proc/{pid}/exe")
    above = ancestors(pid)
    uid, gid = int(said["Uid"][1]), int(said["Gid"][1])
    login = int(Path(f"/proc/{pid}/loginuid").read_text())
    limit = next(line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max open"))
    env = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    truth: dict[str, object] = {
        "proc.pid": pid,
        "proc.ppid": ppid,
        "proc.name": comm(pid),
        "proc.exe": words[0],
        "proc.exepath": exe(pid),
        "proc.args": " ".join(words[1:]),
        "proc.cmdline": " ".join((comm(pid), *words[1:])),
        "proc.exeline": " ".join(words),
        "proc.cmdnargs": len(words) - 1,
        "proc.cwd": os.readlink(f"/proc/{pid}/cwd").rstrip("/") + "/",
        "proc.env[TRUTH]": next(text[6:] for text in env if text.startswith("TRUTH=")),
        "proc.tty": tty,
        "proc.pgid": pgrp,
        "proc.sid": int(said["NSsid"][-1]),
        "proc.vpid": int(said["NSpid"][-1]) if pid == tid else int(status(pid)["NSpid"][-1]),
        "proc.vpgid": int(said["NSpgid"][-1]),
        "proc.is_vpgid_leader": said["NSpgid"][-1] == status(pid)["NSpid"][-1],
        "proc.is_sid_leader": session == pid,
        "proc.is_pgid_leader": pgrp == pid,
        "proc.exe_ino": file.st_ino,
        "proc.exe_ino.ctime": file.st_ctime_ns,
        "proc.exe_ino.mtime": file.st_mtime_ns,
        "proc.is_exe_from_memfd": False,
        "proc.fdlimit": int(limit.split()[3]),
        "proc.pname": comm(ppid),
        "proc.pexe": argv(ppid)[0],
        "proc.pcmdline": " ".join((comm(ppid), *argv(ppid)[1:])),
        "proc.aname": tuple(comm(each) for each in above),
        "proc.aname[2]": comm(above[1]),
        "proc.apid[2]": above[1],
        "thread.tid": tid,
        "thread.vtid": int(said["NSpid"][-1]),
        "thread.ismain": pid == tid,
        "thread.cap_permitted": capabilities(said["CapPrm"][0]),
        "thread.cap_effective": capabilities(said["CapEff"][0]),
        "thread.cap_inheritable": capabilities(said["CapInh"][0]),
        "user.uid": uid,
        "user.name": name_of(pid, uid, "passwd") or pwd.getpwuid(uid).pw_name,
        "user.loginuid": -1 if login == 0xFFFFFFFF else login,
        "group.gid": gid,
        "group.name": name_of(pid, gid, "group") or grp.getgrgid(gid).gr_name,
    }
    for steps, each in enumerate(above, 1):
        with contextlib.suppress(PermissionError):  # pid 1 may be out of reach, for the engine too
            truth[f"proc.aexepath[{steps}]"] = exe(each).removesuffix(" (deleted)")
    return truth


def name_of(pid: int, number: int, file: str) -> str | None:
    """Return the name of a user or group in the process's own /etc."""
    for line in Path(f"/proc/{pid}/root/etc/{file}").read_text().splitlines():
        if line.split(":")[2] == str(number):
            return line.split(":")[0]
    return None


def wrong(event: Event, truth: dict[str, object]) -> dict[str, tuple[object, object]]:
    """Return the fields whose value is not the truth: name to (value, truth)."""
    found = {}
    for name, true in truth.items():
        plain, _, arg = name.removesuffix("]").partition("[")
        said = settled(event, plain, arg or None)
        if said != true:
            found[name] = (said, true)
    return found


def socket_ends(pid: int, fd: int) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return this and the other end of a TCP socket over IPv4, from /proc/PID/net/tcp."""
    inode = os.readlink(f"/proc/{pid}/fd/{fd}").partition("[")[2][:-1]
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[9] == inode:
            return end(words[1]), end(words[2])
    raise AssertionError(f"socket {inode} of fd {fd} is not in /proc/{pid}/net/tcp")


def end(text: str) -> tuple[str, int]:
    address, port = text.split(":")
    return socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(port, 16)


# -- the comparison --------------------------------------------------------------------------------------------------

when_and_kind = pytest.mark.parametrize(("when", "kind"), [(w, k) for w in (BEFORE, AFTER) for k in KINDS])


@when_and_kind
def test_what_is_said_of_a_process(world: World, when: str, kind: str) -> None:
    event = world.event(when, kind, "openat")
    truth = process_truth(event.tgid, event.tid)
    if kind.startswith("container") and when is AFTER:
        # Its parent at the fork was the runtime, which is gone; /proc shows who adopted it.
        above = [
            name for name in truth if name.startswith(("proc.p", "proc.a")) and name not in ("proc.pid", "proc.args")
        ]
        kept = {name: truth.pop(name) for name in above}
        assert value(event, "proc.pname") == "runc"
        assert kept["proc.pname"] in value(event, "proc.aname")  # type: ignore[operator]
    assert wrong(event, truth) == {}


@when_and_kind
def test_when_a_process_began(world: World, when: str, kind: str) -> None:
    event = world.event(when, kind, "openat")
    hertz = os.sysconf("SC_CLK_TCK")
    boot_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    began_ns = int(stat_of(event.tgid)[19]) * 1_000_000_000 // hertz
    assert value(event, "proc.pid.ts") == pytest.approx(boot_ns + began_ns, abs=30_000_000)
    assert value(event, "proc.duration") == pytest.approx(event.ts_ns - began_ns, abs=20_000_000)


@when_and_kind
def test_what_is_said_of_an_opened_file(world: World, when: str, kind: str) -> None:
    event = world.event(when, kind, "openat")
    fd = value(event, "fd.num")
    path = os.readlink(f"/proc/{event.tgid}/fd/{fd}")
    file = os.stat(f"/proc/{event.tgid}/fd/{fd}")
    truth: dict[str, object] = {
        "fd.ino": file.st_ino,
        "fd.dev.major": os.major(file.st_dev),
        "fd.dev.minor": os.minor(file.st_dev),
        "fd.is_lower_layer": kind.startswith("container"),
        "fd.is_upper_layer": False,
        "evt.is_open_create": False,
        "evt.rawres": fd,
        "fd.name": path,
        "fd.nameraw": path,
        "fd.realpath": path,
        "fd.directory": os.path.dirname(path),
        "fd.filename": os.path.basename(path),
        "fd.type": "file",
        "fd.typechar": "f",
    }
    assert wrong(event, truth) == {}


@when_and_kind
@pytest.mark.parametrize("call", ["connect", "accept4"])
def test_what_is_said_of_a_connection(world: World, when: str, kind: str, call: str) -> None:
    event = world.event(when, kind, call)
    fd = value(event, "fd.num")
    assert isinstance(fd, int)
    own, other = socket_ends(event.tgid, fd)
    client, server = (own, other) if call == "connect" else (other, own)
    truth: dict[str, object] = {
        "fd.ino": int(os.readlink(f"/proc/{event.tgid}/fd/{fd}").partition("[")[2][:-1]),
        "fd.name": f"{client[0]}:{client[1]}->{server[0]}:{server[1]}",
        "fd.type": "ipv4",
        "fd.typechar": "4",
        "fd.l4proto": "tcp",
        "fd.sockfamily": "ip",
        "fd.cip": socket.inet_aton(client[0]),
        "fd.sip": socket.inet_aton(server[0]),
        "fd.cport": client[1],
        "fd.sport": server[1],
        "fd.lport": own[1],
        "fd.rport": other[1],
        "fd.is_server": call == "accept4",
        "fd.connected": True,
    }
    assert wrong(event, truth) == {}


TYPES = {
    "file": "f", "file (device)": "f", "directory": "d", "pipe": "p", "unix": "u", "ipv4": "4", "ipv6": "6",
    "netlink": "n", "event": "e", "eventpoll": "l", "inotify": "i", "timerfd": "t", "signalfd": "s", "memfd": "m",
    "pidfd": "P",
}  # fmt: skip
"""fd.type of the fds that ``subject.py --each`` shows, in its order, and fd.typechar."""


@pytest.mark.parametrize("kind", TYPES)
def test_what_kind_an_fd_is_of(world: World, kind: str) -> None:
    number = FIRST_SHOWN + list(TYPES).index(kind)
    token = world.tokens[AFTER, "each"]

    def shown() -> Event | None:
        events = (alert.event for alert in world.engine.alerts_since(0))
        return next(
            (e for e in events if value(e, "evt.rawres") == number and token in str(value(e, "proc.args"))), None
        )

    event = wait_until(shown, 60.0)
    link = os.readlink(f"/proc/{event.tgid}/fd/{number}")
    named = {"file", "file (device)", "directory"}
    name = link if kind in named else "a memfd" if kind == "memfd" else value(event, "fd.name")
    truth = {"fd.type": kind.partition(" ")[0], "fd.typechar": TYPES[kind], "fd.num": number, "fd.name": name}
    assert wrong(event, truth) == {}, link


def fresh(world: World, when: str, kind: str) -> Event:
    """Return an event that has just happened: what only /proc tells is told of no other."""
    process = world.event(when, kind, "openat").tgid

    def found() -> Event | None:
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        newest = (a.event for a in reversed(world.engine.alerts_since(0)) if a.event.tgid == process)
        event = next(newest, None)
        return event if event is not None and now_ns - event.ts_ns < 300_000_000 else None

    return wait_until(found, 60.0)  # type: ignore[no-any-return]


FRESH = ("plain", "thread", "nobody", "container")


@pytest.mark.parametrize(("when", "kind"), [(w, k) for w in (BEFORE, AFTER) for k in FRESH])
def test_what_proc_alone_tells(world: World, when: str, kind: str) -> None:
    """Memory, threads, open fds and cgroups; the subject opens a few fds a second, so that some figures grow."""
    event = fresh(world, when, kind)
    pid, tid = event.tgid, event.tid
    before = status(pid)
    said = {
        name: settled(event, name)
        for name in ("proc.vmsize", "proc.vmrss", "proc.vmswap", "proc.nthreads", "proc.nchilds", "proc.fdopencount",
                     "proc.stdin.name", "proc.stdin.type", "fd.types", "thread.cgroups", "thread.pfminor",
                     "thread.vmsize", "proc.fdusage")
    }  # fmt: skip
    after = status(pid)
    count = len(os.listdir(f"/proc/{pid}/fd"))
    for name, key in (("proc.vmsize", "VmSize"), ("proc.vmrss", "VmRSS"), ("proc.vmswap", "VmSwap")):
        assert int(before[key][0]) - 1024 <= said[name] <= int(after[key][0]) + 1024, name  # type: ignore[operator]
    assert said["proc.nthreads"] == int(after["Threads"][0]) == said["proc.nchilds"] + 1  # type: ignore[operator]
    assert count - 10 <= said["proc.fdopencount"] <= count  # type: ignore[operator]
    assert said["proc.fdusage"] == pytest.approx(100.0 * said["proc.fdopencount"] / value(event, "proc.fdlimit"))  # type: ignore[operator]
    link = os.readlink(f"/proc/{pid}/fd/0")
    assert said["proc.stdin.name"] == link
    assert said["proc.stdin.type"] == ("pipe" if link.startswith("pipe:") else "file")
    assert {"file", "ipv4"} <= set(said["fd.types"])  # type: ignore[call-overload]
    lines = Path(f"/proc/{pid}/task/{tid}/cgroup").read_text().splitlines()
    paths = {name: path for _, names, path in (line.split(":", 2) for line in lines) for name in names.split(",")}
    shown = dict(word.split("=", 1) for word in str(said["thread.cgroups"]).split())
    assert shown == {name.removeprefix("name=") or "unified": path for name, path in paths.items()}
    assert settled(event, "thread.cgroup", "unified") == paths[""]
    faults = Path(f"/proc/{pid}/task/{tid}/stat").read_text().rpartition(")")[2].split()
    assert 0 < said["thread.pfminor"] <= int(faults[7])  # type: ignore[operator]
    assert said["thread.vmsize"] == (said["proc.vmsize"] if pid == tid else 0)


def test_the_use_of_the_cpu_is_waited_for(world: World) -> None:
    event = fresh(world, AFTER, "plain")
    parts = [settled(event, f"thread.cpu{part}") for part in ("", ".user", ".system")]
    assert parts[0] == pytest.approx(parts[1] + parts[2])  # type: ignore[operator]
    assert 0 <= parts[0] <= 100  # type: ignore[operator]


def test_another_process_may_change_the_limit(world: World) -> None:
    """prlimit(1) on a process that makes no call of its own about it."""
    pid = world.event(AFTER, "plain", "openat").tgid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (543, 1024))
    subprocess.run(["prlimit", f"--pid={pid}", "--nofile=544:1024"], check=True)
    wait_until(lambda: value(fresh(world, AFTER, "plain"), "proc.fdlimit") == 544, 60.0)


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("kind", ["container", "container_user"])
def test_what_is_said_of_a_container(world: World, when: str, kind: str) -> None:
    event = world.event(when, kind, "openat")
    name = world.subjects.names[world.tokens[when, kind]]
    (said,) = json.loads(world.subjects.podman.call("inspect", name))
    repository, _, tag = str(said["ImageName"]).rpartition(":")
    truth: dict[str, object] = {
        "container.id": said["Id"][:12],
        "container.full_id": said["Id"],
        "container.name": said["Name"],
        "container.type": "podman",
        "container.image": said["ImageName"],
        "container.image.id": said["Image"],
        "container.image.repository": repository,
        "container.image.tag": tag,
        "container.image.digest": said["ImageDigest"],
        "container.privileged": said["HostConfig"]["Privileged"],
        "proc.is_exe_upper_layer": False,
    }
    assert wrong(event, truth) == {}
    bound = {(m["Source"], m["Destination"]) for m in said["Mounts"]}
    assert event.container is not None
    assert event.container.mounts is not None
    assert bound <= {(m.source, m.dest) for m in event.container.mounts}
    # The engine writes it down a moment after the container runs.
    containers = world.engine.containers
    wait_until(lambda: (c := containers.by_id(said["Id"])) is not None and c.pid == said["State"]["Pid"])


@pytest.mark.parametrize("kind", [k for k in KINDS if not k.startswith("container")])
def test_what_is_said_of_the_host(world: World, kind: str) -> None:
    event = world.event(AFTER, kind, "openat")
    assert (value(event, "container.id"), value(event, "container.name")) == ("host", "host")
    assert value(event, "container.image") is None


def test_whether_a_program_can_be_written_by_its_user(world: World) -> None:
    """Root may write to what lies on a writable mount, nobody may not."""
    assert value(world.event(AFTER, "plain", "openat"), "proc.is_exe_writable") is os.access(PYTHON, os.W_OK)
    assert value(world.event(AFTER, "nobody", "openat"), "proc.is_exe_writable") is False
