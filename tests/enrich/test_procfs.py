"""Reading /proc: a made-up one for the odd cases, the real one for the truth."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.enrich.proc_tree import write_process
from tuimon.enrich.procfs import Procfs, same_start
from tuimon.events import UNSET_ID
from tuimon.records import ExeFlag


def test_every_member_is_read(tmp_path: Path):
    write_process(
        tmp_path, 42, comm="web) (x", ppid=7, argv=("/bin/web", "", "-p"), start_ns=5_000_000_000, uid=33,
        exe="/bin/web", cwd="/srv", levels=(9, 3), tty=34816, mnt_ns=123,
    )  # fmt: skip
    made = Procfs(tmp_path).read(42)
    assert made is not None
    assert (made.pid, made.ppid, made.comm, made.start_ns) == (42, 7, "web) (x", 5_000_000_000)
    assert (made.exe, made.args, made.cwd, made.exepath) == ("/bin/web", ("", "-p"), "/srv", "/bin/web")
    assert (made.uid, made.gid, made.loginuid, made.tty) == (33, 33, 1000, 34816)
    assert (made.vpid, made.vpgid, made.vsid, made.pid_ns_level) == (3, 3, 3, 2)
    assert (made.mnt_ns, made.pid_ns) == (123, 4026531836)
    assert (made.cap_permitted, made.cap_effective, made.cap_inheritable) == (0x1FFFFFFFFFF, 0xA80425FB, 0)
    assert (made.fd_limit, made.from_procfs) == (1024, True)


def test_a_deleted_executable_and_a_memfd_are_marked(tmp_path: Path):
    write_process(tmp_path, 1, exe="/tmp/evil (deleted)")
    write_process(tmp_path, 2, exe="/memfd:x (deleted)")
    procfs = Procfs(tmp_path)
    assert procfs.read(1).exepath == "/tmp/evil"
    assert procfs.read(1).exe_flags == ExeFlag.DELETED
    assert procfs.read(2).exe_flags == ExeFlag.DELETED | ExeFlag.MEMFD


def test_a_kernel_thread_has_no_executable(tmp_path: Path):
    write_process(tmp_path, 2, comm="kthreadd", exe="", cwd="", ppid=0)
    made = Procfs(tmp_path).read(2)
    assert (made.exe, made.args, made.exepath, made.cwd) == ("", (), "", "")


def test_a_kernel_worker_has_the_name_its_events_carry(tmp_path: Path):
    write_process(tmp_path, 9, comm="kworker/u8:2-ext4-rsv-conversion", exe="")
    assert Procfs(tmp_path).read(9).comm == "kworker/u8:2"


def test_a_process_that_is_gone_is_none_and_one_half_gone_is_read_as_far_as_it_goes(tmp_path: Path):
    assert Procfs(tmp_path).read(99) is None
    write_process(tmp_path, 5)
    for name in ("status", "cmdline", "loginuid", "limits"):
        (tmp_path / "5" / name).unlink()
    made = Procfs(tmp_path).read(5)
    assert (made.uid, made.args, made.loginuid, made.fd_limit) == (UNSET_ID, (), UNSET_ID, 0)


@pytest.mark.parametrize("stat", ["", "5", "5 (x", "5 (x) S", "5 (x) S a b c d e f g h i j k l m n o p q r s t"])
def test_a_stat_that_makes_no_sense_is_no_process(tmp_path: Path, stat: str):
    write_process(tmp_path, 5)
    (tmp_path / "5/stat").write_text(stat)
    assert Procfs(tmp_path).read(5) is None
    assert Procfs(tmp_path).start_ns(5) is None


def test_bytes_in_no_encoding_survive(tmp_path: Path):
    write_process(tmp_path, 5)
    (tmp_path / "5/cmdline").write_bytes(b"\xff\0b\0")
    made = Procfs(tmp_path).read(5)
    assert made.exe.encode("utf-8", "surrogateescape") == b"\xff"
    assert made.args == ("b",)


def test_a_huge_command_line_is_bounded(tmp_path: Path):
    write_process(tmp_path, 5)
    (tmp_path / "5/cmdline").write_bytes(b"a" * 3_000_000)
    assert len(Procfs(tmp_path).read(5).exe) <= 200_000


def test_start_times_agree_within_a_tick():
    assert same_start(1_234_567_890, 1_230_000_000)
    assert not same_start(1_240_000_000, 1_230_000_000)


def test_the_cgroup_file_gives_a_path_per_hierarchy(tmp_path: Path):
    write_process(tmp_path, 5, cgroup="/docker/abc:d")
    assert Procfs(tmp_path).cgroups(5) == {"pids": "/docker/abc:d", "": "/docker/abc:d"}


def test_ourselves_are_read_as_psutil_reads_us():
    made, truth = Procfs().read(os.getpid()), psutil.Process()
    assert made is not None
    assert [made.exe, *made.args] == truth.cmdline()
    assert made.cwd == truth.cwd()
    assert made.exepath == truth.exe()
    assert made.ppid == truth.ppid()
    assert made.uid == truth.uids().effective
    assert made.fd_limit == truth.rlimit(psutil.RLIMIT_NOFILE)[0]
    epoch_s = (made.start_ns + Procfs().boot_to_epoch_ns()) / 1e9
    assert abs(epoch_s - truth.create_time()) < 1.1, "psutil's boot time counts whole seconds"


def test_open_files_have_names():
    with open("/proc/self/comm") as file:
        assert Procfs().fds(os.getpid())[file.fileno()] == f"/proc/{os.getpid()}/comm"


def test_hundreds_of_processes_are_read_quickly():
    """Counts calls, not seconds: 0.15 ms each here. A second for three hundred would delay the first screen."""
    sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(100)]
    try:
        began = time.perf_counter()
        found = list(Procfs().processes())
        took_s = time.perf_counter() - began
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
    assert {s.pid for s in sleepers} <= {p.pid for p in found}
    assert took_s / len(found) < 0.01, "ten milliseconds per process would be a hundred times too slow"
