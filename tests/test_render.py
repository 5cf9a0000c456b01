"""Values to text: summaries of events, times, sizes, field values."""

from __future__ import annotations

import os
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
from tuimon import fields, render
from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN
from tuimon.records import Flag, Kind
from tuimon.syscalls import NAME_TO_NR

EVENTS = [
    (open_event("/etc/shadow"), "/etc/shadow O_RDONLY = 3"),
    (open_event("/proc/1/environ", ret=-13), "/proc/1/environ O_RDONLY = -13 EACCES"),
    (
        open_event("/tmp/x", flags=os.O_CREAT | os.O_WRONLY, mode=0o644, ret=5),
        "/tmp/x O_CREAT|O_WRONLY 0644 = 5",
    ),
    (open_event("l", cwd="/tmp", real="/etc/shadow"), "/tmp/l [/etc/shadow] O_RDONLY = 3"),
    (exec_event("sh", args=["-i"], process=process("sh", args=["-i"], exe="/bin/sh")), "/usr/bin/sh -i"),
    (exec_event("sh", args=["-i"], process=process("sh", args=["-i"], exe="-sh")), "/usr/bin/sh as -sh -i"),
    (exec_event("x", process=process("x", exe="/usr/sbin/sshd", exepath="/tmp/x")), "/tmp/x as /usr/sbin/sshd"),
    (fork_event(child_pid=77), "= 77"),
    (connect_event("203.0.113.9", 443), "203.0.113.9:443"),
    (connect_event("2001:db8::1", 443, ret=-115), "[2001:db8::1]:443 = -115 EINPROGRESS"),
    (connect_event("203.0.113.9", 5000, call="accept", local=("10.0.0.1", 22), ret=7), "203.0.113.9:5000 -> :22 = 7"),
    (syscall_event(NAME_TO_NR["umask"], args=(0o77,), ret=0o22), "= 0022"),
    (syscall_event("read", args=(3, 0, 4096), ret=1100, slim=True), "fd=3 1.1k"),
    (syscall_event("read", args=(3, 0, 4096), ret=-11, slim=True), "fd=3 = -11 EAGAIN"),
    (syscall_event("write", args=(3, 0, 5), ret=5, real="/var/log/x", fd_type=0o100000), "/var/log/x 5"),
    (syscall_event("fchmodat", args=(AT_FDCWD, 0, 0o755), given="/tmp/x"), "/tmp/x 0755"),
    (syscall_event("rename", given="a", base="/b", given2="/c/../d"), "/b/a -> /d"),
    (syscall_event("unshare", args=(0x10000000,)), "CLONE_NEWUSER"),
    (syscall_event("kill", args=(77, 9)), "pid=77 SIGKILL"),
    (syscall_event("setuid", args=(0,)), "uid=root"),
    (syscall_event("ptrace", args=(16, 1, 0, 0), ret=-1), "PTRACE_ATTACH pid=1 = -1 EPERM"),
    (syscall_event("getpid", ret=4000, slim=True), "= 4000"),
    (syscall_event("socket", args=(2, 1, 0), ret=3, sock=sock_slot(family=2), fd_type=0o140000), "AF_INET = 3"),
    (syscall_event("mmap", args=(0, 4096, 3, 0x22, 2**64 - 1, 0), ret=0x7F0000000000),
     "PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS = 0x7f0000000000"),
    (syscall_event("getresuid", args=(1, 2, 3, 0, 0, 0)), "ruid=root euid=root suid=root"),
    (syscall_event("setuid", args=(987654,)), "uid=987654"),
    (syscall_event("io_uring_setup", args=(4, 1), ret=5, sock=struct.pack("6I", 4, 8, 16, 0, 0, 0x7FF)),
     "IORING_SETUP_CLAMP = 5"),
    (syscall_event("fsconfig", args=(5, 1), sock=b"upperdir", given2=b"/tmp/u"),
     "fd=5 FSCONFIG_SET_STRING upperdir=/tmp/u"),
    (syscall_event("fsconfig", args=(5, 0), sock=b"ro"), "fd=5 FSCONFIG_SET_FLAG ro"),
    (syscall_event("openat", kind=Kind.IO_URING, args=(AT_FDCWD, 0, 1, 0), given="/x"), "/x O_WRONLY (io_uring)"),
    (syscall_event("openat", kind=Kind.IO_URING_DONE, args=(AT_FDCWD, 0, 1, 0), given="/x", ret=-13),
     "/x O_WRONLY (io_uring) = -13 EACCES"),
    (syscall_event("exit", kind=Kind.EXIT, ret=3 << 8), "exit 3"),
    (syscall_event("exit", kind=Kind.EXIT, ret=9), "killed by SIGKILL"),
    (syscall_event("exit", kind=Kind.EXIT, ret=0x8B), "killed by SIGSEGV (core dumped)"),
    (syscall_event("execve", ret=-2, given="/nonexist/x"), "/nonexist/x = -2 ENOENT"),
    (open_event("/" + "x" * 50, flags=0, ret=-36), "/" + "x" * 50 + " O_RDONLY = -36 ENAMETOOLONG"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "text"), EVENTS, ids=[text[:40] for _, text in EVENTS])
def test_summary_says_what_happened(event: Event, text: str):
    """The detail column of the live pane."""
    assert render.summary(event) == text


def test_summary_marks_what_was_cut():
    """No path is cut silently."""
    event = syscall_event("unlink", given="/long", flags=Flag.TRUNCATED)
    assert render.summary(event) == "/long [cut]"


def test_summary_is_raw_and_clean_makes_it_safe():
    """Escaping belongs to whoever shows it, so that replaced bytes can have a style of their own."""
    event = open_event("/tmp/\x1b]0;owned\x07")
    assert "\x1b" in render.summary(event)
    assert render.clean(render.summary(event)) == r"/tmp/\e]0;owned\a O_RDONLY = 3"


def test_summary_of_any_call_does_not_raise():
    """A live pane shows whatever the kernel sends, with or without its arguments."""
    for number in range(512):
        for ret in (-1, 5, 1 << 62):
            render.summary(syscall_event(number, ret=ret, slim=ret == 5))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (1100, "1.1k"), (9949, "9.9k"), (9960, "10k"), (24_400, "24k"),
     (999_949, "1000k"), (999_960, "1.0M"), (5.4e9, "5.4G"), (2e12, "2.0T"), (7e15, "7.0P")],
)  # fmt: skip
def test_sizes_fit_five_columns(value: float, text: str):
    """Counters must not move the columns beside them."""
    assert render.size_text(value) == text
    assert len(text) <= 5


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-1, "0"), (0.04, "0.0"), (0.3, "0.3"), (9.96, "10"), (212, "212")]
)
def test_rates(value: float, text: str):
    """A rate below ten keeps one decimal."""
    assert render.rate_text(value) == text


def test_time_of_day_has_as_many_decimals_as_asked():
    """The 80 column layout has room for one, the wide one for three."""
    at = 1_700_000_000_123_456_789
    assert render.time_text(at, 9).endswith(".123456789")
    assert render.time_text(at, 1) == render.time_text(at, 9)[:10]
    assert render.time_text(at)[8:] == ".123"
    assert len(render.time_text(at, 0)) == 8


@pytest.mark.parametrize(
    ("ns", "text"),
    [(999, "0us"), (5_000, "5us"), (340_000_000, "340ms"), (59_900_000_000, "59s"), (61_000_000_000, "1m01s"),
     (11_100_000_000_000, "3h05m"), (187_200_000_000_000, "2d04h")],
)  # fmt: skip
def test_durations(ns: int, text: str):
    """Two units are enough to judge a length of time."""
    assert render.duration_text(ns) == text


def test_field_values_print_as_in_falco():
    """Outputs, tables and explanations all print through this."""
    ip, name, flag = (fields.lookup(n) for n in ("fd.sip", "proc.name", "evt.failed"))
    assert ip is not None
    assert name is not None
    assert flag is not None
    assert render.value_text(name, None) == "<NA>"
    assert render.value_text(name, UNKNOWN) == "not known yet"
    assert render.value_text(name, ("a", "b")) == "(a,b)"
    assert render.value_text(name, b"caf\xc3\xa9\xff") == "café\udcff"
    assert render.value_text(flag, True) == "true"
    assert render.value_text(flag, -1) == "-1"
    assert render.value_text(ip, b"\x0a\x00\x00\x05") == "10.0.0.5"
    assert render.value_text(ip, bytes(15) + b"\x01") == "::1"
    assert render.value_text(ip, b"odd") == "6f6464"
