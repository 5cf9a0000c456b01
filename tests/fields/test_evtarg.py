"""evt.arg, evt.rawarg and evt.args: decoded and printed as Falco does."""

from __future__ import annotations

import os
import re
import struct

import pytest

from tests.builders import (
    AT_FDCWD,
    connect_event,
    exec_event,
    fork_event,
    open_event,
    process,
    sock_slot,
    syscall_event,
)
from tests.conftest import UPSTREAM
from tuimon import fields
from tuimon.events import Event
from tuimon.fields.argsource import BOUND
from tuimon.fields.evtarg import arg_raw, arg_text, args_text
from tuimon.records import ExeFlag, Flag, Kind, SockFlag
from tuimon.syscalls import PARAMS

FILE = 0o100000
EVENTS = [
    (
        open_event("/etc/ld.so.cache", flags=os.O_RDONLY | os.O_CLOEXEC),
        "fd=3(<f>/etc/ld.so.cache) dirfd=-100(AT_FDCWD) name=/etc/ld.so.cache flags=4097(O_RDONLY|O_CLOEXEC) mode=0 "
        "dev=<NA> ino=<NA>",
    ),
    (
        open_event("shadow", cwd="/etc", ret=-13),
        "fd=-13(EACCES) dirfd=-100(AT_FDCWD) name=shadow(/etc/shadow) flags=1(O_RDONLY) mode=0 dev=0 ino=0",
    ),
    (
        syscall_event("access", ret=-2, args=(0, 4), given="/etc/ld.so.preload"),
        "res=-2(ENOENT) name=/etc/ld.so.preload mode=4(R_OK)",
    ),
    (syscall_event("close", args=(3,), slim=True), "res=0 fd=3"),
    (
        syscall_event("chmod", args=(0, 0o644), given="a", base="/opt"),
        "res=0 filename=a(/opt/a) mode=0644(S_IROTH|S_IRGRP|S_IWUSR|S_IRUSR)",
    ),
    (
        syscall_event("fchmodat", args=(AT_FDCWD, 0, 0o4755), given="/opt/h"),
        "res=0 dirfd=-100(AT_FDCWD) filename=/opt/h "
        "mode=04755(S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID)",
    ),
    (
        syscall_event("mkdirat", args=(4, 0, 0o700), given="g", base="/opt/samp"),
        "res=0 dirfd=4(<d>/opt/samp) path=g(/opt/samp/g) mode=1C0",
    ),
    (
        syscall_event("unlinkat", args=(4, 0, 0x200), given="e", base="/opt/d"),
        "res=0 dirfd=4(<d>/opt/d) name=e(/opt/d/e) flags=512(AT_REMOVEDIR)",
    ),
    (
        syscall_event("rename", given="/a.lock", given2="b", base2="/opt"),
        "res=0 oldpath=/a.lock newpath=b(/opt/b)",
    ),
    (syscall_event("symlink", given="t", given2="/opt/l", base="/x"), "res=0 target=t linkpath=/opt/l"),
    (
        syscall_event("read", args=(3, 0, 4096), ret=5, real="/opt/f", fd_type=FILE, sock=b"a\x00\nbc"),
        "res=5 data=a..bc fd=3(<f>/opt/f) size=4096",
    ),
    (syscall_event("read", args=(3, 0, 9), real="/opt/f", fd_type=FILE), "res=0 data=NULL fd=3(<f>/opt/f) size=9"),
    (
        connect_event("127.0.0.1", 43919, local=("127.0.0.1", 53434), fd=4),
        "res=0 tuple=127.0.0.1:53434->127.0.0.1:43919 fd=4(<4t>127.0.0.1:53434->127.0.0.1:43919) addr=127.0.0.1:43919",
    ),
    (
        connect_event("127.0.0.1", 53434, local=("127.0.0.1", 43919), call="accept4", ret=5),
        "fd=5(<4t>127.0.0.1:53434->127.0.0.1:43919) tuple=127.0.0.1:53434->127.0.0.1:43919 queuepct=0 "
        "queuelen=0 queuemax=0 flags=0",
    ),
    (
        syscall_event("bind", args=(3, 0, 16), sock=sock_slot(remote=("127.0.0.1", 80), role=SockFlag.GIVEN),
                      fd_type=0o140000, ret=-98),
        "res=-98(EADDRINUSE) addr=127.0.0.1:80 fd=3(<4>127.0.0.1:80)",
    ),
    (
        syscall_event("socket", args=(1, 1 | os.O_NONBLOCK | os.O_CLOEXEC, 0), ret=5),
        "fd=5(<u>) domain=1(AF_LOCAL|AF_UNIX) type=526337 proto=0 flags=4160(O_NONBLOCK|O_CLOEXEC)",
    ),
    (syscall_event("kill", args=(4000, 0)), "res=0 pid=4000(cat) sig=0"),
    (syscall_event("ptrace", args=(16, 1), ret=-1), "res=-1(EPERM) addr=0 data=0 request=11(PTRACE_ATTACH) pid=1"),
    (syscall_event("unshare", args=(0x04000000,)), "res=0 flags=128(CLONE_NEWUTS)"),
    (syscall_event("setuid", args=(0,)), "res=0 uid=0(root)"),
    (syscall_event("bpf", args=(0,), ret=-22), "fd=-22(EINVAL) cmd=0(BPF_MAP_CREATE)"),
    # The kernel takes an int here: what stands in the upper half of the register hides nothing.
    (syscall_event("bpf", args=(1 << 32 | 5,), ret=3), "fd=3(<b>) cmd=5(BPF_PROG_LOAD)"),
    (syscall_event("dup2", args=(3, 1), ret=1, real="/g", fd_type=FILE), "res=1(<f>/g) oldfd=3 newfd=1(<f>/g)"),
    (
        syscall_event("memfd_create", args=(0, 1), given="samp", ret=13, real="/memfd:samp"),
        "fd=13(<m>samp) name=samp flags=1(MFD_CLOEXEC)",
    ),
    (
        syscall_event("mmap", args=(0, 8192, 3, 0x22, 2**64 - 1, 0), ret=140614215118848),
        "res=140614215118848 vm_size=<NA> vm_rss=<NA> vm_swap=<NA> addr=0 length=8192 prot=3(PROT_READ|PROT_WRITE) "
        "flags=10(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM) offset=0",
    ),
    (
        syscall_event("munmap", args=(0x7FE34C571000, 37291), base=struct.pack("4I", 1711, 281, 0, 0)),
        "res=0 vm_size=6844 vm_rss=1124 vm_swap=0 addr=7FE34C571000 length=37291",
    ),
    (
        syscall_event("accept", args=(3, 0, 0, 0, 2, 5), ret=-11),
        "fd=-11(EAGAIN) tuple=NULL queuepct=40 queuelen=2 queuemax=5",
    ),
    (
        syscall_event("accept", args=(99, 0, 0, 0, 2**64 - 1, 2**64 - 1), ret=-9),
        "fd=-9(EBADF) tuple=NULL queuepct=<NA> queuelen=<NA> queuemax=<NA>",
    ),
    (syscall_event("getresuid", args=(1, 2, 3, 0, 0, 0)), "res=0 ruid=0(root) euid=0(root) suid=0(root)"),
    (syscall_event("getresuid", args=(1, 2, 3, 0, 0, 0), ret=-14), "res=-14(EFAULT) ruid=<NA> euid=<NA> suid=<NA>"),
    (
        syscall_event("ppoll", args=(0, 0, 0, 0, 8, 0x202)),
        "res=0 fds= timeout=<NA> sigmask=202(SIGINT,SIGUSR1)",
    ),
    (
        syscall_event("fsconfig", args=(5, 1, 0, 0, 0), sock=b"source", given2=b"/dev/vdb"),
        "res=0 fd=5 cmd=1(FSCONFIG_SET_STRING) key=source value_bytebuf=NULL value_charbuf=/dev/vdb aux=0",
    ),
    (
        syscall_event("quotactl", args=(0x80000700, 0, 7), given="/dev/vdb", sock=struct.pack("8QI4x", *range(8), 5)),
        "res=0 special=/dev/vdb quotafilepath=<NA> dqb_bhardlimit=0 dqb_bsoftlimit=1 dqb_curspace=2 dqb_ihardlimit=3 "
        "dqb_isoftlimit=4 dqb_btime=6 dqb_itime=7 dqi_bgrace=<NA> dqi_igrace=<NA> dqi_flags=<NA> quota_fmt_out=<NA> "
        "cmd=32(Q_GETQUOTA) type=1(USRQUOTA) id=7 quota_fmt=<NA>",
    ),
    (syscall_event("exit", kind=Kind.EXIT, ret=9), "status=9 ret=0 sig=9(SIGKILL) core=0 reaper_tid=<NA>"),
    (syscall_event("exit", kind=Kind.EXIT, ret=3 << 8), "status=768 ret=3 sig=0 core=0 reaper_tid=<NA>"),
    (syscall_event("getpid", ret=7), ""),
]  # fmt: skip


@pytest.mark.parametrize(("event", "text"), EVENTS, ids=[f"{e.nr}-{t[:30]}" for e, t in EVENTS])
def test_args_print_as_in_falco(event: Event, text: str):
    """The lines follow what Falco printed for the same calls."""
    assert args_text(event) == text


def test_args_of_an_exec():
    """Arguments without argv[0], each with its terminator shown as a dot."""
    actor = process("git", args=["init", "-q"], exe_flags=int(ExeFlag.UPPER_LAYER), tty=34817)
    text = args_text(exec_event(process=actor, environ=["A=1", "B=2"]))
    assert text.startswith("res=0 exe=git args=init.-q. tid=4000(git) pid=4000(git) ")
    assert "env=A=1.B=2. tty=34817 " in text
    assert " flags=2(EXE_UPPER_LAYER) " in text
    assert " uid=0(root) trusted_exepath=/usr/bin/git " in text


def test_an_empty_last_argument_is_kept():
    """The kernel ends every argument with a NUL."""
    event = syscall_event("execve", kind=Kind.EXEC, given2=b"sh\0-c\0\0", proc={"pid": 4000})
    assert arg_raw(event, "args") == b"-c\0\0"


def test_args_of_a_fork():
    """Clone flags in Falco's numbers."""
    event = fork_event(child_pid=5165)
    event.batch.proc["clone_flags"] = 0x1200011
    text = args_text(event)
    assert text.startswith("res=5165(bash) exe=bash args=NULL ")
    assert " flags=25165824(CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID) uid=0 gid=0 " in text


@pytest.mark.parametrize(
    ("arg", "text", "raw"),
    [("fd", "<f>/etc/shadow", 3), ("name", "/etc/shadow", "shadow"), ("flags", "O_RDWR|O_CLOEXEC", 4099),
     ("mode", "0", 0), ("dirfd", "AT_FDCWD", -100), ("1", "AT_FDCWD", -100), ("2", "/etc/shadow", "shadow"),
     ("99", None, None),
     ("ino", None, None), ("path", None, None), ("", None, None)],
)  # fmt: skip
def test_one_argument_by_name_or_place(arg: str, text: str | None, raw: object):
    """evt.arg resolves where it can; evt.rawarg does not."""
    event = open_event("shadow", cwd="/etc", flags=os.O_RDWR | os.O_CLOEXEC)
    assert arg_text(event, arg) == text
    assert arg_raw(event, arg) == raw


def test_arguments_a_slim_record_lacks_are_absent():
    """Three registers are all it has."""
    event = syscall_event("mmap", args=(0, 4096, 3, 0x22), slim=True)
    assert arg_text(event, "prot") == "PROT_READ|PROT_WRITE"
    assert arg_text(event, "flags") is None
    assert "flags=<NA>" in args_text(event)


def test_text_that_could_not_be_read_is_absent():
    """A fault is not an empty path."""
    event = syscall_event("unlink", base="/tmp", flags=Flag.FAULT)
    assert arg_text(event, "path") is None
    assert fields.lookup("fs.path.name").get(event, None) is None  # type: ignore[union-attr,misc]


def test_io_uring_requests_have_the_arguments_that_they_carry():
    """What a request says does not lie in registers; what it does not say is not made up."""
    event = syscall_event("openat", kind=Kind.IO_URING, args=(AT_FDCWD, 0, os.O_APPEND, 0), given="/etc/shadow")
    assert arg_text(event, "name") == "/etc/shadow"
    assert arg_text(event, "flags") == "O_APPEND|O_RDONLY"
    assert arg_text(syscall_event("sendto", kind=Kind.IO_URING, args=(3, 0, 5)), "size") == "5"
    assert arg_text(syscall_event("accept4", kind=Kind.IO_URING, args=(3, 0, 5, 0)), "flags") == "0"
    assert arg_text(syscall_event("ptrace", kind=Kind.IO_URING, args=(16,)), "request") is None


@pytest.mark.parametrize(
    ("event", "arg", "path"),
    [
        (open_event("shadow", cwd="/etc"), None, "/etc/shadow"),
        (syscall_event("linkat", given="a", base="/x", given2="b", base2="/y"), "src", "/x/a"),
        (syscall_event("linkat", given="a", base="/x", given2="b", base2="/y"), "dst", "/y/b"),
        (syscall_event("symlinkat", given="a", base="/x", given2="b", base2="/y"), "src", "/y/b"),
        (syscall_event("unlink", given="/x"), None, None),
    ],
)
def test_abspath(event: Event, arg: str | None, path: str | None):
    """evt.abspath is for the calls that start from a directory fd."""
    info = fields.lookup("evt.abspath")
    assert info is not None
    assert info.get is not None
    assert info.get(event, arg) == path


def test_every_parameter_named_in_the_table_exists():
    """A misspelt name would silently stay absent."""
    assert set(BOUND) == set(PARAMS)
    for name, params in BOUND.items():
        assert [bound.param for bound in params] == list(PARAMS[name])


_RESOLVED = re.compile(r"(\w+)=(-?\w+)\(([A-Z]\w*(?:\|\w+)*)\)")


def test_names_and_numbers_agree_with_what_falco_printed():
    """Each ``param=number(NAMES)`` of Falco's own lines comes out of our tables the same."""
    path = UPSTREAM / "EVENT_SAMPLES.tsv"
    if not path.exists():
        pytest.skip("the samples of Falco's output are not at ../shared/upstream")
    from tuimon.fields import flags

    checked = 0
    for line in path.read_text().splitlines():
        name, _, args, *_ = line.split("\t") if not line.startswith("#") else ("", "", "")
        types = {param.name: param.type for param in PARAMS.get(name, ())}
        for param, number, text in _RESOLVED.findall(args):
            kind = types.get(param, "")
            if kind.startswith("FLAGS"):
                table = flags.flag_table(name, param)
                if table is None:
                    assert name == "page_fault"
                    continue
                assert flags.names(table, int(number)) == text, line
            elif kind.startswith("ENUMFLAGS") and name not in ("ptrace", "fcntl"):
                assert flags.decode_enum(name, param, int(number)) == (int(number), text), line
            elif kind == "MODE":
                assert flags.mode_names(int(number, 8)) == text, line
            elif kind == "ERRNO":
                assert flags.errno_name(int(number)) == text, line
            elif kind == "SIGTYPE":
                assert flags.signal_name(int(number)) == text, line
            else:
                continue
            checked += 1
    assert checked > 60
