"""Decoded arguments compared with strace's, for one run of one program that both watch."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.containers import wait_until
from tests.kernel.test_field_truth import PYTHON, value
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.events import Event
from tuimon.records import Flag, Kind
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

SUBJECT = Path(__file__).with_name("calls_subject.py")
RENAMED = {"pread64": "pread", "pwrite64": "pwrite", "prlimit64": "prlimit"}
NOT_ASKED = {"getpid"}

# strace's argument by its place, a colon, and our argument's name; "+" behind the name: a flag, compared as names.
TABLE = """
mkdir 0:path 1:mode
mkdirat 0:dirfd 1:path 2:mode
openat 0:dirfd 1:name 2:flags+ 3:mode
write 0:fd 1:data 2:size
lseek 0:fd 1:offset 2:whence+
read 0:fd 1:data 2:size
pwrite 0:fd 1:data 2:size 3:pos
pread 0:fd 1:data 2:size 3:pos
writev 0:fd
fchmod 0:fd 1:mode
fchown 0:fd 1:uid 2:gid
flock 0:fd 1:operation+
getdents64 0:fd
fcntl 0:fd 1:cmd+
ioctl 0:fd
dup 0:oldfd
dup2 0:oldfd 1:newfd
dup3 0:oldfd 1:newfd 2:flags+
close 0:fd
creat 0:name 1:mode
open 0:name 1:flags+
openat2 0:dirfd 1:name
link 0:oldpath 1:newpath
linkat 0:olddir 1:oldpath 2:newdir 3:newpath 4:flags
symlink 0:target 1:linkpath
symlinkat 0:target 1:linkdirfd 2:linkpath
rename 0:oldpath 1:newpath
renameat 0:olddirfd 1:oldpath 2:newdirfd 3:newpath
renameat2 0:olddirfd 1:oldpath 2:newdirfd 3:newpath 4:flags+
chmod 0:filename 1:mode
fchmodat 0:dirfd 1:filename 2:mode
chown 0:path 1:uid 2:gid
lchown 0:path 1:uid 2:gid
fchownat 0:dirfd 1:pathname 2:uid 3:gid 4:flags+
access 0:name 1:mode+
stat 0:path
lstat 0:path
newfstatat 0:dirfd 1:path 3:flags+
mknodat 0:dirfd 1:path
unlink 0:path
unlinkat 0:dirfd 1:name 2:flags+
rmdir 0:path
chdir 0:path
getcwd 0:path
fchdir 0:fd
umount2 0:name
mount 0:dev 1:dir 2:type
chroot 0:path
socketpair 3[0]:fd1 3[1]:fd2
shutdown 0:fd 1:how+
socket 2:proto=0
setsockopt 0:fd 1:level+ 2:optname+ 3[0]:val 4:optlen
connect 0:fd
sendto 0:fd 1:data 2:size
bind 0:fd
listen 0:fd 1:backlog
prlimit 0:pid 1:resource+
getresuid 0[0]:ruid 1[0]:euid 2[0]:suid
getresgid 0[0]:rgid 1[0]:egid 2[0]:sgid
fstat 0:fd
copy_file_range 0:fdin 2:fdout 4:len
fsconfig 0:fd 1:cmd+ 2:key 4:aux
quotactl 1:special
init_module 1:length 2:uargs
process_vm_readv 0:pid
eventfd 0:initval
semop 0:semid 2:nsops
getsockopt 0:fd 1:level+
sendmsg 0:fd
recvmsg 0:fd
io_uring_enter 0:fd 1:to_submit 2:min_complete
poll 2:timeout
pipe2 0[0]:fd1 0[1]:fd2 1:flags+
kill 0:pid 1:sig
tgkill 0:pid 1:tid 2:sig
setpgid 0:pid 1:pgid
setuid 0:uid
setresuid 0:ruid 1:euid 2:suid
setgid 0:gid
setregid 0:rgid 1:egid
memfd_create 0:name 1:flags+
eventfd2 0:initval
mmap 1:length 2:prot+ 3:flags+ 4:fd 5:offset
mprotect 0:addr 1:length 2:prot+
munmap 0:addr 1:length
prctl 0:option+ 1:arg2_str
unshare 0:flags+
setns 0:fd 1:nstype+
ptrace 0:request+ 1:pid
bpf 0:cmd+
finit_module 0:fd 1:uargs 2:flags
delete_module 0:name 1:flags+
"""
OTHERS = """
fsync ftruncate accept accept4 getsockname brk ppoll signalfd4 inotify_init io_uring_setup nanosleep setsid
epoll_create1 inotify_init1 timerfd_create seccomp personality execve
"""
"""Calls of which the result alone is compared here."""
SPECS = {line.split()[0]: line.split()[1:] for line in TABLE.strip().splitlines()}
CALLS = (*SPECS, *OTHERS.split())
RULE = """
- rule: calls
  desc: the calls of one program
  condition: evt.type in ({calls}) and user.uid = {uid} and proc.args contains "{token}"
  output: "%evt.args %evt.buffer"
  priority: DEBUG
"""


def cut(text: str) -> list[str]:
    """Cut strace's arguments at the commas that are in no bracket and no quotes."""
    out, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(text):
        if char == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (char in "([{") - (char in ")]}")
            if char == "," and not depth:
                out.append(text[start:at].strip())
                start = at + 1
    return [*out, text[start:].strip()] if text else []


def strace_calls(text: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield (name, arguments, result) from the subject's first call to its last."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith('mkdir("one"'))
    last = next(at for at, line in enumerate(lines) if line.startswith("delete_module("))
    for line in lines[first : last + 1]:
        match = re.fullmatch(r"(\w+)\((.*)\)\s+= (.*)", line)
        assert match is not None, line
        name = RENAMED.get(match[1], match[1])
        if name not in NOT_ASKED:
            yield name, cut(match[2]), match[3]


def wanted(argument: str, spec: str) -> object:
    """Return an argument as our raw value or set of names would have it."""
    if spec.endswith("+"):
        names = argument.removeprefix("MS_").replace("SOCK_CLOEXEC", "O_CLOEXEC")
        return set(re.split(r"\|", names)) if not names.isdigit() else set()
    if argument.startswith('"'):
        return argument.strip('"').encode().decode("unicode_escape")
    if argument == "AT_FDCWD":
        return -100
    if re.fullmatch(r"0[0-7]+", argument):
        return int(argument, 8)
    return 0 if argument == "NULL" else int(argument, 0)


def said(event: Event, spec: str) -> object:
    name = spec.rstrip("+")
    if spec.endswith("+"):
        text = value(event, "evt.arg", name)
        unsaid = {"O_NONE", "O_F_CREATED", "0"}
        return set(str(text).split("|")) - unsaid
    raw = value(event, "evt.rawarg", name)
    return raw.decode() if isinstance(raw, bytes) else raw


def result(text: str) -> object:
    """Return the result as evt.rawres or evt.res has it."""
    words = text.split()
    return words[1] if words[0] == "-1" else int(words[0], 0)


UID = 61_234
"""A user of our own: the kernel keeps back everybody else's calls, so that no load on the machine can lose ours."""


@dataclass
class Watched:
    """An engine with a rule for all the calls of a program."""

    engine: Engine
    folder: Path
    """For the program to work in."""
    token: str
    """In its command line."""

    def run(self, subject: str, *words: str, before: tuple[str, ...] = ()) -> str:
        """Run a program of ours to its end and return what it printed."""
        copy = shutil.copy(SUBJECT.with_name(subject), self.folder.parent)
        become = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
        command = [*before, *become, PYTHON, "-S", str(copy), str(self.folder), *words, self.token]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=200).stdout

    def events(self) -> list[Event]:
        """Return what was seen, in order of time: the rings are read one after the other."""
        return sorted((alert.event for alert in self.engine.alerts_since(0)), key=lambda event: event.ts_ns)


@pytest.fixture
def watched() -> Iterator[Watched]:
    for needed in (PYTHON, "setpriv"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not there")
    folder = Path(tempfile.mkdtemp(prefix="tuimon-calls-"))
    token = f"calls{uuid.uuid4().hex[:8]}"
    engine = build_engine(Settings(), KernelSource())
    try:
        folder.chmod(0o755)
        (folder / "work").mkdir()
        os.chown(folder / "work", UID, UID)
        rule = RULE.format(calls=", ".join(CALLS), uid=UID, token=token)
        outcome = engine.apply_rules([RuleFile("calls.yaml", rule)])
        assert outcome.accepted, outcome.diagnostics
        engine.start()
        assert engine.wait_started(120), engine.error()
        wait_until(lambda: engine.source.has_prefilter, 60.0)
        yield Watched(engine, folder / "work", token)
    finally:
        engine.stop()
        shutil.rmtree(folder)


def test_every_argument_is_what_strace_says(watched: Watched) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not there")
    log, numbers = watched.folder.with_name("strace"), watched.folder.with_name("numbers")
    numbers.write_text(json.dumps(dict(NAME_TO_NR)))
    watched.run(SUBJECT.name, str(numbers), before=("strace", "-v", "-s", "300", "-o", str(log)))
    truth = list(strace_calls(log.read_text()))
    wait_until(lambda: any(value(e, "evt.type") == "delete_module" for e in watched.events()), 30.0)
    time.sleep(0.2)
    events = [e for e in watched.events() if e.tid == e.tgid]
    names = [value(e, "evt.type") for e in events]
    events = events[names.index("mkdir") : names.index("delete_module") + 1]
    compare(events, truth)
    more_than_one_number(events)
    left_behind(events, truth)
    memory_left(events)


COMPAT = """
mkdir res=0 path=one mode=488
mkdirat res=0 dirfd=-100 path=two mode=448
creat name=one/file mode=388
open name=one/file
openat fd=-2 dirfd=-100 name=one/none
link res=0 oldpath=one/file newpath=linked
rename res=0 oldpath=linked newpath=moved
symlinkat res=0 target=moved linkdirfd=-100 linkpath=soft
chmod res=0 filename=moved mode=384
unlink res=0 path=soft
rmdir res=0 path=two
kill res=0 sig=0
setuid res=0 uid=61234
socket domain=2
connect res=0
ptrace res=-3 pid=999999
execve res=0 filename=/bin/true
"""
"""What a program that enters the kernel by int 0x80 asked for, under the native names of its calls."""


def test_32_bit_calls_are_told_as_what_they_are(watched: Watched) -> None:
    """Their numbers and registers are others than those of 64-bit calls."""
    if platform.machine() != "x86_64" or watched.run("compat_subject.py") != "yes\n":
        pytest.skip("this kernel has no 32-bit system calls")
    shown = [line.split() for line in COMPAT.strip().splitlines()]
    wait_until(lambda: len(compat(watched.events())) >= len(shown), 30.0)
    events = compat(watched.events())
    assert [value(e, "evt.type") for e in events] == [name for name, *_ in shown]
    for event, (_, *arguments) in zip(events, shown, strict=True):
        for argument in arguments:
            name, _, wanted_text = argument.partition("=")
            assert str(value(event, "evt.rawarg", name)) == wanted_text, (value(event, "evt.args"), argument)
    found = {str(value(e, "evt.type")): e for e in events}
    assert value(found["open"], "evt.arg", "flags") == "O_APPEND|O_WRONLY"
    assert value(found["connect"], "fd.sport") == 9
    assert value(found["execve"], "proc.cmdline") == f"true {watched.token}"


def compat(events: list[Event]) -> list[Event]:
    """Return the 32-bit calls, and the program executed by one (its record is the kernel's own)."""
    return [e for e in events if Flag.COMPAT in e.flags or (e.kind is Kind.EXEC and value(e, "proc.name") == "true")]


def compare(events: list[Event], truth: list[tuple[str, list[str], str]]) -> None:
    assert [value(e, "evt.type") for e in events] == [name for name, _, _ in truth]
    assert len({name for name, _, _ in truth}) >= 98
    wrong = []
    for event, (name, arguments, ended) in zip(events, truth, strict=True):
        told = result(ended)
        if told != (value(event, "evt.res") if isinstance(told, str) else event.ret):
            wrong.append((name, "result", told, event.ret))
        for spec in SPECS.get(name, ()):
            place, _, ours = spec.partition(":")
            if "=" in ours:
                continue
            at, _, inner = place.partition("[")
            argument = arguments[int(at)]
            if inner:
                argument = cut(argument[1:-1])[int(inner[:-1])]
            if wanted(argument, ours) != said(event, ours):
                wrong.append((name, ours, argument, said(event, ours)))
    assert wrong == []


def more_than_one_number(events: list[Event]) -> None:
    """Structs that strace prints in its own way."""
    found = {str(value(e, "evt.type")): e for e in events}
    limits = [e for e in events if value(e, "evt.type") == "prlimit"]
    assert [value(limits[0], "evt.rawarg", name) for name in ("newcur", "newmax")] == [100, 200]
    assert value(limits[1], "evt.rawarg", "newcur") == 0
    assert value(limits[1], "evt.rawarg", "oldcur") != 0
    assert limits[0].process is not None
    assert limits[0].process.fd_limit == 100
    assert value(found["nanosleep"], "evt.rawarg", "interval") == 1234
    assert value(found["poll"], "fdlist.nums") == "0,91"
    assert value(found["poll"], "evt.arg", "fds") == "0:1 91:4"
    closed = found["close"]
    assert str(value(closed, "fd.name")).endswith("/one/file")
    assert value(closed, "fd.type") == "file"
    assert value(found["writev"], "evt.buffer") == b"abcdef"
    assert value(found["connect"], "fd.sport") == 9
    assert value(found["bind"], "fd.sip") == bytes((127, 0, 0, 1))


LEFT = """
pipe2 ino={st_ino}
copy_file_range offin=5 offout=23
ppoll sigmask=514
signalfd4 mask=514
eventfd flags=0
inotify_init flags=0
accept queuelen=2 queuemax=5 queuepct=40
getsockopt optlen=12
init_module img=not_a_module
process_vm_readv data=words
semop sem_num_0=1 sem_op_0=-1 sem_num_1=2 sem_op_1=3
"""
"""What strace prints in its own way, or not at all: it follows from what the program did before."""
SHOWN = {
    ("ppoll", "sigmask"): "SIGINT,SIGUSR1",
    ("io_uring_enter", "sig"): "SIGINT,SIGUSR1",
    ("semop", "sem_flg_0"): "IPC_NOWAIT",
    ("semop", "sem_flg_1"): "SEM_UNDO",
    ("io_uring_setup", "flags"): "IORING_SETUP_CLAMP",
}


def left_behind(events: list[Event], truth: list[tuple[str, list[str], str]]) -> None:
    """Compare what calls leave behind besides their return value."""
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(str(value(event, "evt.type")), event)
    facts = " ".join(" ".join(arguments) for name, arguments, _ in truth if name in ("fstat", "recvmsg"))
    numbers = dict(re.findall(r"(st_ino|cmsg_data)=\[?(\d+)", facts))
    for line in LEFT.format(**numbers).strip().splitlines():
        name, *arguments = line.split()
        for argument in arguments:
            parameter, _, wanted_text = argument.partition("=")
            raw = value(first[name], "evt.rawarg", parameter)
            text = raw.decode() if isinstance(raw, bytes) else str(raw)
            assert text == wanted_text.replace("_", " "), (name, argument, text)
    for (name, parameter), wanted_text in SHOWN.items():
        assert value(first[name], "evt.arg", parameter) == wanted_text
    assert "IORING_FEAT_NODROP" in str(value(first["io_uring_setup"], "evt.arg", "features"))
    passed = struct.pack("Qiii", 20, 1, 1, int(numbers["cmsg_data"]))
    assert value(first["recvmsg"], "evt.rawarg", "msgcontrol")[: len(passed)] == passed  # type: ignore[index]
    assert value(first["getsockopt"], "evt.rawarg", "val") == struct.pack("iii", first["getsockopt"].tgid, UID, UID)
    several(events)


def several(events: list[Event]) -> None:
    """Compare calls whose arguments depend on the command."""
    configured = [e for e in events if value(e, "evt.type") == "fsconfig"]
    assert [value(e, "evt.rawarg", "value_charbuf") for e in configured] == ["some value", None]
    assert [value(e, "evt.rawarg", "value_bytebuf") for e in configured] == [None, b"1\0002"]
    limits, on = [e for e in events if value(e, "evt.type") == "quotactl"]
    names = ("dqb_bhardlimit", "dqb_bsoftlimit", "dqb_curspace", "dqb_ihardlimit", "dqb_isoftlimit", "dqb_btime")
    assert [value(limits, "evt.rawarg", name) for name in names] == [11, 12, 13, 14, 15, 16]
    assert value(limits, "evt.rawarg", "quotafilepath") is None
    assert value(on, "evt.arg", "quotafilepath") == "/a.quota"
    assert (value(on, "evt.arg", "cmd"), value(on, "evt.arg", "quota_fmt")) == ("Q_QUOTAON", "QFMT_VFS_V0")


MAPPED_KB = 32 << 10
OFF_KB = 1536
"""The kernel's sums may be so far behind, for two processors; what is mapped is exact."""


def memory_left(events: list[Event]) -> None:
    """Compare the memory after mmap and munmap with /proc/self/statm, which the program reads right behind them."""
    at = next(i for i, e in enumerate(events) if value(e, "evt.rawarg", "length") == MAPPED_KB << 10)
    mapped, _, read, unmapped, again = events[at : at + 5]
    assert [value(e, "evt.type") for e in (mapped, read, unmapped, again)] == ["mmap", "read", "munmap", "pread"]
    for event, statm in ((mapped, read), (unmapped, again)):
        pages = [int(word) for word in value(statm, "evt.buffer").split()[:2]]  # type: ignore[union-attr]
        size, resident = (4 * number for number in pages)
        assert value(event, "evt.rawarg", "vm_size") == size
        assert abs(int(str(value(event, "evt.rawarg", "vm_rss"))) - resident) <= OFF_KB
        assert value(event, "evt.rawarg", "vm_swap") == 0
    rss = [int(str(value(e, "evt.rawarg", "vm_rss"))) for e in (mapped, unmapped)]
    assert abs(rss[0] - rss[1] - MAPPED_KB) <= OFF_KB
