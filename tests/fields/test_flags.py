"""Kernel numbers to Falco's numbers and names."""

from __future__ import annotations

import os

import pytest

from tests.conftest import UPSTREAM
from tuimon.fields import flags

# Names that stand for what our records do not carry, or that the kernel itself has given up.
NOT_CARRIED = {
    "CLONE_INVERTED", "NAME_CHANGED", "CLOSED", "CLONE_STOPPED", "CLONE_CHILD_IN_PIDNS", "FD_UPPER_LAYER",
    "FD_LOWER_LAYER", "FD_UPPER_LAYER_CREAT", "FD_LOWER_LAYER_CREAT", "O_F_CREATED", "F_SETLKW64", "F_SETLK64",
    "F_GETLK64", "RLIMIT_UNKNOWN", "UNKNOWN", "PROT_SAO", "MAP_RENAME", "MAP_INHERIT", "MAP_FILE", "PTRACE_UNKNOWN",
    "SHUT_UNKNOWN",
}  # fmt: skip
NOT_DECODED = ("io_uring_setup.", "mmap2.", "page_fault.", "quotactl.dqi", "quotactl.quota", "semop.")


def test_every_name_falco_shows_is_known_in_its_order():
    """Rules search these texts with contains and =."""
    path = UPSTREAM / "EVENT_FLAGS.tsv"
    if not path.exists():
        pytest.skip("the facts about Falco's flags are not at ../shared/upstream")
    for line in path.read_text().splitlines():
        keys, _, texts = line.partition("\t")
        for key in keys.split() if not line.startswith("#") else ():
            if key.startswith(NOT_DECODED):
                continue
            event, _, param = key.partition(".")
            table = flags.flag_table(event, param)
            known = [name for name, _, _ in table or ()]
            for text in () if table else flags.enum_names(event, param).values():
                known += text.split("|")
            wanted = [text for text in texts.split() if text not in NOT_CARRIED]
            assert set(wanted) <= set(known), key
            if table:
                assert [name for name in known if name in wanted] == wanted, key


@pytest.mark.parametrize(
    ("value", "own", "text"),
    [
        (os.O_RDONLY, 1, "O_RDONLY"),
        (os.O_RDWR, 3, "O_RDWR"),
        (os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0x106, "O_TRUNC|O_CREAT|O_WRONLY"),
        (os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0x1401, "O_DIRECTORY|O_RDONLY|O_CLOEXEC"),
        (os.O_RDWR | os.O_TMPFILE, 0x2003, "O_RDWR|O_TMPFILE"),
        (os.O_RDONLY | os.O_SYNC, 0x91, "O_SYNC|O_DSYNC|O_RDONLY"),
        (os.O_RDONLY | flags.O_LARGEFILE, 0x801, "O_LARGEFILE|O_RDONLY"),
    ],
)
def test_open_flags(value: int, own: int, text: str):
    """Falco's numbers differ from the kernel's."""
    assert flags.decode_flags("openat", "flags", value) == (own, text)


@pytest.mark.parametrize(
    ("key", "value", "own", "text"),
    [
        ("clone.flags", 0x10000000 | 0x20000, 0x100020, "CLONE_NEWNS|CLONE_NEWUSER"),
        ("unshare.flags", 0x10000000, 0x100000, "CLONE_NEWUSER"),
        ("mount.flags", 0x1000 | 0x4000, 0x5000, "BIND|REC"),
        ("mmap.prot", 7, 7, "PROT_READ|PROT_WRITE|PROT_EXEC"),
        ("mmap.prot", 0, 0, "PROT_NONE"),
        ("mmap.flags", 0x22, 10, "MAP_PRIVATE|MAP_ANONYMOUS"),
        ("access.mode", 0, 0, "F_OK"),
        ("access.mode", 6, 6, "R_OK|W_OK"),
        ("linkat.flags", 0x1400, 0x1400, "AT_SYMLINK_FOLLOW|AT_EMPTY_PATH"),
        ("futex.op", 129, 129, "FUTEX_PRIVATE_FLAG|FUTEX_WAKE"),
        ("delete_module.flags", os.O_NONBLOCK, 2, "O_NONBLOCK"),
        ("openat2.resolve", 8, 1, "RESOLVE_BENEATH"),
        ("execveat.flags", 0x11, 3, "EXE_WRITABLE|EXE_UPPER_LAYER"),
        ("semctl.cmd", 0, 4, "IPC_RMID"),
        ("quotactl.cmd", 0x800002, 1, "Q_QUOTAON"),
        ("pipe2.flags", 0, 0, "O_NONE"),
        ("socket.flags", 1 | os.O_CLOEXEC, 4096, "O_CLOEXEC"),
        ("unknown.flags", 7, 7, ""),
    ],
)
def test_other_flags(key: str, value: int, own: int, text: str):
    """One of each kind of table."""
    event, _, param = key.partition(".")
    assert flags.decode_flags(event, param, value) == (own, text)


@pytest.mark.parametrize(
    ("key", "value", "own", "text"),
    [
        ("ptrace.request", 16, 11, "PTRACE_ATTACH"),
        ("ptrace.request", 0x4206, 20, "PTRACE_SEIZE"),
        ("ptrace.request", 99999, 0, "PTRACE_UNKNOWN"),
        ("bpf.cmd", 5, 5, "BPF_PROG_LOAD"),
        ("socket.domain", 2, 2, "AF_INET"),
        ("socket.domain", 16, 16, "AF_ROUTE|AF_NETLINK"),
        ("socket.domain", 40, 40, "AF_VSOCK"),
        ("fcntl.cmd", 1030, 26, "F_DUPFD_CLOEXEC"),
        ("fcntl.cmd", 3, 4, "F_GETFL"),
        ("fcntl.cmd", 777, 0, "UNKNOWN"),
        ("setsockopt.level", 6, 2, "SOL_TCP"),
        ("setsockopt.level", 41, 0, "UNKNOWN"),
        ("keyctl.operation", 32, 32, "KEYCTL_WATCH_KEY"),
        ("prlimit.resource", 7, 7, "RLIMIT_NOFILE"),
        ("bpf.cmd", 4000, 4000, ""),
    ],
)
def test_enumerations(key: str, value: int, own: int, text: str):
    """A number is one thing, not a set of bits."""
    event, _, param = key.partition(".")
    assert flags.decode_enum(event, param, value) == (own, text)


def test_modes_signals_and_errors():
    """The three that many events share."""
    assert flags.mode_names(0o020666).endswith("S_IRUSR|S_IFCHR")
    assert flags.mode_names(0o1777).endswith("S_ISVTX")
    assert flags.mode_names(0) == ""
    assert flags.signal_name(9) == "SIGKILL"
    assert flags.signal_name(0) == flags.signal_name(999) == ""
    assert flags.errno_name(-115) == "EINPROGRESS"
    assert [flags.errno_name(-n) for n in (11, 35, 95)] == ["EAGAIN", "EDEADLK", "EOPNOTSUPP"]
    assert flags.errno_name(-512) == ""
