"""Programs executed, processes made and ended, on the live kernel."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.kernel.live import (
    drain_until_exit,
    events_of,
    interest,
    python,
)
from tuimon.batch import Batch
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Interest
from tuimon.records import ExeFlag, Flag, Kind, Slot

pytestmark = pytest.mark.kernel


def test_exec_tells_program_arguments_and_process(source: KernelSource, tmp_path: Path) -> None:
    command = ["/bin/echo", "one", "", "two words"]
    found = events_of(source, command, Interest(), stdout=subprocess.DEVNULL, cwd=tmp_path)
    (executed,) = [r for r in found if r.kind is Kind.EXEC]
    assert executed.argv == [b"/bin/echo", b"one", b"", b"two words"]
    assert executed.given == b"/bin/echo"
    assert executed.real == os.path.realpath("/bin/echo").encode()
    assert executed.base == str(tmp_path).encode()
    assert executed.comm == b"echo"
    assert executed.name == "execve"
    info = executed.proc
    assert info["ppid"] == os.getpid()
    assert (info["pid"], info["tid"], info["pgid"], info["sid"]) == (
        executed.tgid, executed.tgid, os.getpgid(0), os.getsid(0),
    )  # fmt: skip
    program = os.stat("/bin/echo")
    assert info["exe_ino"] == program.st_ino
    assert info["exe_mode"] == program.st_mode
    assert info["exe_mtime_ns"] == program.st_mtime_ns
    assert info["exe_ctime_ns"] == program.st_ctime_ns
    assert info["loginuid"] == int(Path("/proc/self/loginuid").read_text())
    assert info["mnt_ns"] == os.stat("/proc/self/ns/mnt").st_ino
    assert info["pid_ns"] == os.stat("/proc/self/ns/pid").st_ino


def test_a_successful_execve_is_one_event(source: KernelSource) -> None:
    """Its system call exit would be a second one."""
    found = events_of(source, ["/bin/true"], interest("execve"))
    assert [r.kind for r in found if r.name == "execve"] == [Kind.EXEC]
    code = "import os\ntry: os.execv('/nowhere/program', ['program'])\nexcept OSError: pass"
    found = events_of(source, python(code), interest("execve"))
    failed = [r for r in found if r.kind is Kind.SYSCALL and r.name == "execve"]
    assert [(r.given, r.ret) for r in failed] == [(b"/nowhere/program", -2)]
    assert failed[0].proc["pid"] == failed[0].tgid


def test_twenty_kilobytes_of_arguments_are_whole(source: KernelSource) -> None:
    argument = "".join(chr(97 + i % 26) for i in range(20_000))
    found = events_of(source, ["/bin/true", argument], Interest())
    (executed,) = [r for r in found if r.kind is Kind.EXEC]
    assert executed.argv == [b"/bin/true", argument.encode()]
    assert Flag.TRUNCATED not in executed.flags


def test_a_hundred_kilobytes_of_arguments_are_marked_truncated(source: KernelSource) -> None:
    found = events_of(source, ["/bin/true", "x" * 100_000], Interest())
    (executed,) = [r for r in found if r.kind is Kind.EXEC]
    assert Flag.TRUNCATED in executed.flags
    assert len(executed.slots[Slot.ARGV]) > 20_000
    assert executed.given == b"/bin/true"


def test_environment_comes_on_request_only(source: KernelSource) -> None:
    env = {"TUIMON_MARK": "seen", "PATH": "/bin"}
    without = [r for r in events_of(source, ["/bin/true"], Interest(), env=env) if r.kind is Kind.EXEC]
    asked = Interest(environ=True)
    with_it = [r for r in events_of(source, ["/bin/true"], asked, env=env) if r.kind is Kind.EXEC]
    assert without[0].slots[Slot.ENV] == b""
    assert b"TUIMON_MARK=seen" in with_it[0].slots[Slot.ENV].split(b"\0")


def test_fork_names_the_child_and_exit_its_code(source: KernelSource) -> None:
    code = "import os\np = os.fork()\nif not p: os._exit(7)\nos.waitpid(p, 0)"
    source.set_interest(Interest())
    source.drain(0)
    with subprocess.Popen(python(code)) as process:
        found = drain_until_exit(source, process.pid)
    (forked,) = [r for r in found if r.kind is Kind.FORK and r.tgid == process.pid]
    child = forked.ret
    assert forked.proc["pid"] == forked.proc["tid"] == child
    assert forked.proc["ppid"] == process.pid
    assert forked.real == os.path.realpath(sys.executable).encode()
    assert forked.base == os.getcwd().encode()
    (ended,) = [r for r in found if r.kind is Kind.EXIT and r.tgid == child]
    assert ended.ret == 7 << 8
    assert ended.proc["start_ns"] == forked.proc["start_ns"]


FORKS = """
import mmap, os, sys
held = mmap.mmap(-1, 48 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
held.write(b"x" * (48 << 20))
child = os.fork()
if not child:
    with open(f"/proc/self/statm") as said: print(*said.read().split()[:2], flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
BEHIND = 2048
"""Pages of 12,288 and more: the kernel's sums are kept per processor and kind of page, 32 pages or so each, and the
pages of the program's files are the child's when it touches them."""


def test_a_fork_tells_the_memory_of_the_child(source: KernelSource) -> None:
    """As /proc has it a moment later, when the child has run only as far as to ask."""
    source.set_interest(Interest())
    source.drain(0)
    with subprocess.Popen(python(FORKS), stdout=subprocess.PIPE, text=True) as process:
        found = drain_until_exit(source, process.pid)
        assert process.stdout is not None
        size, resident = map(int, process.stdout.read().split())
    (fork,) = [r for r in found if r.kind is Kind.FORK and r.tgid == process.pid]
    assert abs(fork.proc["vm_pages"] - size) <= BEHIND
    assert abs(fork.proc["rss_pages"] - resident) <= BEHIND
    assert fork.proc["rss_pages"] > 48 << 20 >> 12
    assert fork.proc["swap_pages"] == 0


def test_a_killed_process_ends_with_its_signal(source: KernelSource) -> None:
    found = events_of(source, python("import os\nos.kill(os.getpid(), 9)"), Interest())
    (ended,) = [r for r in found if r.kind is Kind.EXIT]
    assert ended.ret == 9


def test_threads_are_neither_forks_nor_exits(source: KernelSource) -> None:
    code = (
        "import threading\nts = [threading.Thread(target=int) for _ in range(5)]\n"
        "[t.start() for t in ts]\n[t.join() for t in ts]"
    )
    found = events_of(source, python(code), Interest())
    assert [r.kind for r in found] == [Kind.EXEC, Kind.EXIT]


def test_execution_of_a_memfd_is_seen_as_such(source: KernelSource) -> None:
    code = (
        "import os, shutil\nfd = os.memfd_create('hidden')\n"
        "with open('/bin/true', 'rb') as a, open(fd, 'wb', closefd=False) as b: shutil.copyfileobj(a, b)\n"
        "os.execve(fd, ['nothing'], {})"
    )
    executed = [r for r in events_of(source, python(code), Interest()) if r.kind is Kind.EXEC][-1]
    assert ExeFlag(executed.proc["exe_flags"]) & (ExeFlag.MEMFD | ExeFlag.VIA_FD) == ExeFlag.MEMFD | ExeFlag.VIA_FD
    assert executed.name == "execveat"
    assert executed.real == b"/memfd:hidden"
    assert executed.argv == [b"nothing"]


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Path]:
    """Mount an overlay of a lower folder with two programs."""
    lower, upper, work, merged = (tmp_path / name for name in ("lower", "upper", "work", "merged"))
    for folder in (lower, upper, work, merged):
        folder.mkdir()
    for name in ("from_image", "changed"):
        (lower / name).write_bytes(Path("/bin/true").read_bytes())
        (lower / name).chmod(0o755)
    # An overlay cannot lie on one: the backing folders go on a tmpfs where the test's own folder is on one.
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no overlay can be mounted here: {mounted.stderr.decode().strip()}")
    yield merged
    subprocess.run(["umount", merged], check=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("from_image", ExeFlag.LOWER_LAYER),
        ("changed", ExeFlag.UPPER_LAYER),
        ("born", ExeFlag.UPPER_LAYER | ExeFlag.BORN_UPPER),
    ],
)
def test_overlay_layers_of_executed_files(source: KernelSource, overlay: Path, name: str, expected: ExeFlag) -> None:
    """Drift: what came with the image, what was changed, what was made in the container."""
    (overlay / "changed").chmod(0o775)
    (overlay / "born").write_bytes(Path("/bin/true").read_bytes())
    (overlay / "born").chmod(0o755)
    (executed,) = [r for r in events_of(source, [str(overlay / name)], Interest()) if r.kind is Kind.EXEC]
    layers = ExeFlag.UPPER_LAYER | ExeFlag.LOWER_LAYER | ExeFlag.BORN_UPPER
    assert ExeFlag(executed.proc["exe_flags"]) & layers == expected
    assert executed.real == str(overlay / name).encode()


def test_an_exec_says_what_its_standard_fds_are(source: KernelSource) -> None:
    """A shell on a socket is a shell for somebody else."""
    left, right = socket.socketpair()
    read, write = os.pipe()
    with left, right, contextlib.closing(socket.socket()) as inet:
        source.set_interest(interest())
        source.drain(0)
        with subprocess.Popen(["/bin/true"], stdin=left, stdout=write, stderr=inet) as one:
            found = drain_batches(source, one.pid)
        with subprocess.Popen(["/bin/true"], stdin=subprocess.DEVNULL, stdout=right, close_fds=True) as two:
            found += drain_batches(source, two.pid)
    os.close(read)
    os.close(write)
    said = [batch.proc_of(row)["std_type"].tolist() for batch, row in found]
    assert said[0] == [0xFE00 | socket.AF_UNIX, 0o010000, 0xFE00 | socket.AF_INET]
    assert said[1][:2] == [0o020000, 0xFE00 | socket.AF_UNIX]


def drain_batches(source: KernelSource, pid: int) -> list[tuple[Batch, int]]:
    """Return the exec of a process, once its end is seen."""
    execs: list[tuple[Batch, int]] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        batch = source.drain(0.1)
        mine = np.flatnonzero(batch.head["tgid"] == pid).tolist()
        execs += [(batch, row) for row in mine if batch.head["kind"][row] == Kind.EXEC]
        if any(batch.head["kind"][row] == Kind.EXIT for row in mine):
            return execs
    raise AssertionError(f"the end of process {pid} was not seen")
