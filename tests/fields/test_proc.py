"""proc.* and thread.*: the process, its ancestors, its leaders."""

from __future__ import annotations

import pytest

from tests.builders import BOOT_TO_EPOCH_NS, TS_NS, chain, exec_event, open_event, process, syscall_event
from tests.fields.test_evt import get
from tuimon import fields
from tuimon.events import Event, Process
from tuimon.fields.thread import CAPABILITIES, capability_names
from tuimon.records import ExeFlag


def event_of(actor: Process, **more: object) -> Event:
    return open_event("/x", process=actor, **more)


def test_texts_of_a_process():
    """The fields that nearly every rule uses."""
    event = event_of(
        process("sh", args=["-c", "id; x"], exe="/bin/sh", exepath="/usr/bin/dash", parent=process("sshd", args=["-D"]))
    )
    assert get("proc.name", event) == "sh"
    assert get("proc.exe", event) == "/bin/sh"
    assert get("proc.exepath", event) == "/usr/bin/dash"
    assert get("proc.args", event) == "-c id; x"
    assert get("proc.args", event, "1") == "id; x"
    assert get("proc.args", event, "2") == ""
    assert get("proc.cmdline", event) == "sh -c id; x"
    assert get("proc.exeline", event) == "/bin/sh -c id; x"
    assert get("proc.cmdnargs", event) == 2
    assert get("proc.cmdlenargs", event) == 7
    assert get("proc.cwd", event) == "/root/"
    assert get("proc.pname", event) == "sshd"
    assert get("proc.pcmdline", event) == "sshd -D"
    assert get("proc.pexepath", event) == "/usr/bin/sshd"


def test_a_process_without_arguments_has_empty_ones():
    """Empty is not absent: ``proc.args = ""`` tests it."""
    event = event_of(process("init", cwd="/"))
    assert get("proc.args", event) == ""
    assert get("proc.cmdline", event) == "init"
    assert get("proc.cwd", event) == "/"
    assert get("proc.pname", event) is None
    assert get("proc.cwd", event_of(process("x", cwd=""))) == ""


LINE = chain("systemd", "sshd", "bash", "cat")


@pytest.mark.parametrize(
    ("name", "arg", "value"),
    [("proc.aname", "0", "cat"), ("proc.aname", "1", "bash"), ("proc.aname", "3", "systemd"), ("proc.aname", "4", None),
     ("proc.aname", "x", None), ("proc.aname", None, ("bash", "sshd", "systemd")), ("proc.apid", "2", 101),
     ("proc.apid", None, (201, 101, 1)), ("proc.aexe", "1", "bash"), ("proc.aexepath", "2", "/usr/bin/sshd"),
     ("proc.acmdline", "1", "bash"), ("proc.aargs", "1", ""), ("proc.aargs", None, None)],
)  # fmt: skip
def test_ancestors(name: str, arg: str | None, value: object):
    """[0] is the process itself; without an index all above it, self left out."""
    assert get(name, event_of(LINE), arg) == value


def test_ancestors_stop_at_a_loop():
    """A damaged recording must not hang the engine."""
    one, two = process("a", pid=1), process("b", pid=2)
    one.parent, two.parent = two, one
    event = event_of(one)
    assert get("proc.aname", event) == ("b",)
    for info in fields.all_fields():
        if info.group == "process" and info.get is not None:
            info.get(event, None)


def test_no_ancestor_means_absent():
    """``proc.aname exists`` asks whether there is any."""
    assert get("proc.aname", event_of(process("x"))) is None


def test_environment():
    """[NAME] is the value; what is not captured is absent, what is not set is empty."""
    parent = process("bash", env=("LD_PRELOAD=/p.so",), pid=2)
    event = event_of(process("x", env=("A=1", "PATH=/bin:/usr/bin", "AB=2"), parent=parent))
    assert get("proc.env", event) == "A=1 PATH=/bin:/usr/bin AB=2"
    assert get("proc.env", event, "A") == "1"
    assert get("proc.env", event, "PATH") == "/bin:/usr/bin"
    assert get("proc.env", event, "B") == ""
    assert get("proc.aenv", event, "LD_PRELOAD") == "/p.so"
    assert get("proc.aenv", event, "1") == "LD_PRELOAD=/p.so"
    assert get("proc.aenv", event) == ("LD_PRELOAD=/p.so",)
    assert get("proc.env", event_of(process("x"))) is None
    assert get("proc.env", event_of(process("x")), "A") is None


def test_leaders_of_session_and_group():
    """Found among the process and its ancestors."""
    shell = process("bash", pid=50, vpid=5, exe="-bash", exepath="/bin/bash", sid=50, vsid=5)
    child = process("cat", pid=60, parent=shell, sid=50, vsid=5, pgid=60, vpgid=5, vpid=6)
    event = event_of(child)
    assert get("proc.sid", event) == 5
    assert get("proc.sname", event) == "bash"
    assert get("proc.sid.exe", event) == "-bash"
    assert get("proc.sid.exepath", event) == "/bin/bash"
    assert get("proc.vpgid.name", event) == "bash"
    assert get("proc.pgid.name", event) == "cat"
    assert get("proc.is_sid_leader", event) is False
    assert get("proc.is_pgid_leader", event) is True
    assert get("proc.is_vpgid_leader", event) is False
    assert get("proc.sname", event_of(process("x", sid=7))) == ""


@pytest.mark.parametrize(
    ("names", "pid"),
    [(("systemd", "sshd", "bash", "sh", "cat"), 201), (("systemd", "cat"), None), (("bash", "zsh"), 1), (("h",), None)],
)
def test_login_shell_is_the_oldest_shell(names: tuple[str, ...], pid: int | None):
    """A name that ends in sh."""
    assert get("proc.loginshellid", event_of(chain(*names))) == pid


def test_numbers_that_may_be_missing_are_absent_at_zero():
    """Inode 0 is no inode, as in Falco."""
    bare = event_of(process("x", ppid=0, vpid=0))
    for name in ("proc.exe_ino", "proc.exe_ino.ctime", "proc.exe_ino.mtime", "proc.fdlimit", "proc.ppid", "proc.vpid"):
        assert get(name, bare) is None, name
    full = event_of(process("x", exe_ino=7, exe_ctime_ns=8, exe_mtime_ns=9, fd_limit=1024, ppid=3, vpid=4, tty=34816))
    assert get("proc.exe_ino", full) == 7
    assert get("proc.exe_ino.ctime", full) == 8
    assert get("proc.exe_ino.mtime", full) == 9
    assert get("proc.fdlimit", full) == 1024
    assert get("proc.ppid", full) == 3
    assert get("proc.vpid", full) == 4
    assert get("proc.tty", full) == 34816


def test_times_of_a_process():
    """Boot time inside, since the epoch outside."""
    start = TS_NS - 10**9
    written = start + BOOT_TO_EPOCH_NS - 5
    actor = process("x", start_ns=start, parent=process("p", pid=2, start_ns=start - 7), exe_ctime_ns=written,
                    pidns_start_ns=start - 100)  # fmt: skip
    event = event_of(actor)
    assert get("proc.duration", event) == 10**9
    assert get("proc.ppid.duration", event) == 10**9 + 7
    assert get("proc.pid.ts", event) == start + BOOT_TO_EPOCH_NS
    assert get("proc.ppid.ts", event) == start - 7 + BOOT_TO_EPOCH_NS
    assert get("proc.exe_ino.ctime_duration_proc_start", event) == 5
    assert get("proc.exe_ino.ctime_duration_pidns_start", event) == 95
    assert get("proc.pidns_init_start_ts", event) == start - 100 + BOOT_TO_EPOCH_NS


@pytest.mark.parametrize(
    ("flag", "name"),
    [(ExeFlag.WRITABLE, "proc.is_exe_writable"), (ExeFlag.UPPER_LAYER, "proc.is_exe_upper_layer"),
     (ExeFlag.LOWER_LAYER, "proc.is_exe_lower_layer"), (ExeFlag.MEMFD, "proc.is_exe_from_memfd")],
)  # fmt: skip
def test_flags_of_the_executable(flag: ExeFlag, name: str):
    """Each is its own bit."""
    assert get(name, event_of(process("x", exe_flags=int(flag)))) is True
    assert get(name, event_of(process("x", exe_flags=int(~flag & 0x7F)))) is False


def test_capabilities_are_names_in_order():
    """Rules search them with contains."""
    event = event_of(process("x", cap_effective=1 << 21 | 1, cap_permitted=0))
    assert get("thread.cap_effective", event) == "CAP_CHOWN CAP_SYS_ADMIN"
    assert get("thread.cap_permitted", event) == ""
    assert get("thread.cap_inheritable", event) is None
    assert len(CAPABILITIES) == 41
    assert CAPABILITIES[40] == "CAP_CHECKPOINT_RESTORE"
    assert capability_names((1 << 64) - 1).count("CAP_") == 41


def test_thread_ids():
    """The thread is not the process."""
    event = event_of(process("x", pid=10, vpid=3), tid=11, tgid=10)
    assert get("thread.tid", event) == 11
    assert get("proc.pid", event) == 10
    assert get("thread.ismain", event) is False
    assert get("thread.vtid", event) is None
    main = event_of(process("x", pid=10, vpid=3))
    assert get("thread.ismain", main) is True
    assert get("thread.vtid", main) == 3
    assert get("thread.vtid", event_of(process("x", pid=10, vpid=10), tid=11, tgid=10)) == 11
    assert get("thread.vtid", exec_event(process=process("x", vpid=9))) == 9
    assert get("thread.nametid", event) == "x11"
    assert get("thread.exectime", syscall_event("read")) == 0
