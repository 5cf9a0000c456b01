"""Starting, keeping and ending a kernel source: kinds of programs, kept compilations, keys, heartbeat, close."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.containers import wait_until
from tests.kernel.live import (
    OPENS,
    events_of,
    interest,
    opens,
    python,
    rows,
    talk,
)
from tuimon.capture import counters, kernel, looks
from tuimon.capture.cgroup_key import hierarchy_folder
from tuimon.capture.kernel import KernelSource, probe
from tuimon.capture.source import Interest
from tuimon.records import Kind
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel


def test_a_version_1_controller_can_be_the_key() -> None:
    """Machines without cgroup version 2: the id is the inode number of the controller's folder."""
    root = Path("/sys/fs/cgroup/pids")
    if not (root / "cgroup.procs").exists():
        pytest.skip("no version 1 pids controller is mounted here")
    folder = root / f"tuimon-test-{os.getpid()}"
    folder.mkdir()
    source = KernelSource(cgroup_key="pids")
    try:
        source.start()
        script = f"echo $$ > {folder}/cgroup.procs; exec /bin/true"
        found = events_of(source, ["sh", "-c", script], Interest())
        (executed,) = [r for r in found if r.kind is Kind.EXEC and r.comm == b"true"]
        assert executed.cgroup_id == executed.proc["cgroup_id"] == folder.stat().st_ino
    finally:
        source.close()
        folder.rmdir()


def test_counter_slots_of_removed_cgroups_are_given_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of short-lived containers must not use the slots up, and nothing they counted may be lost."""
    monkeypatch.setattr(counters, "RECYCLE_S", 0.0)
    folder = hierarchy_folder("unified")
    if not (folder / "cgroup.controllers").exists():
        pytest.skip("no cgroup version 2 hierarchy is mounted here")
    nr = NAME_TO_NR["getpgid"]
    work = f"import ctypes\nl = ctypes.CDLL(None)\nfor _ in range(101): l.syscall({nr}, 0)"
    source = KernelSource(cgroup_slots=8)
    source.start()
    try:
        before = int(source.call_counts().calls[:, nr].sum())
        own = 0
        for at in range(30):
            group = folder / f"tuimon-test-{os.getpid()}-{at}"
            group.mkdir()
            try:
                script = f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -I -S -c '{work}'"
                subprocess.run(["sh", "-c", script], check=True)
                calls = source.call_counts()
                mine = calls.calls[calls.cgroup_ids == group.stat().st_ino]
                own += len(mine) == 1 and int(mine[0, nr]) == 101
            finally:
                group.rmdir()
            source.call_counts()
        assert int(source.call_counts().calls[:, nr].sum()) - before >= 30 * 101
        assert own >= 20
        assert len(source.call_counts().cgroup_ids) <= 8
        source.close()
        counts = source.counts()
        assert counts.seen == counts.emitted + counts.filtered + counts.dropped
    finally:
        source.close()


def test_own_calls_are_left_out_in_a_pid_namespace_too() -> None:
    """There the process knows itself by another number than the kernel's events carry."""
    nr, mark = NAME_TO_NR["getpgid"], 0x7AB00000 + os.getpid()
    code = (
        "import ctypes, os\nfrom tuimon.capture.kernel import KernelSource\n"
        "from tuimon.capture.source import Interest, Want\n"
        f"def call(n):\n  for _ in range(n): ctypes.CDLL(None).syscall({nr}, {mark})\n"
        f"source = KernelSource()\nsource.set_interest(Interest({{{nr}: Want.RULES}}))\nsource.start()\ncall(101)\n"
        "child = os.fork()\nif not child:\n  call(7)\n  os._exit(0)\n"
        "os.waitpid(child, 0)\nseen = 0\n"
        f"for _ in range(5): seen += int((source.drain(0.1).head['arg'][:, 0] == {mark}).sum())\n"
        "source.close()\nprint(os.getpid(), seen)"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["1", "7"], "")


def test_the_heartbeat_notices_when_the_programs_are_gone(
    source: KernelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "HEARTBEAT_S", 0.05)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        source.drain(0.02)
    assert source.silent_s == 0.0
    doomed = KernelSource()
    doomed.start()
    try:
        assert doomed._programs is not None
        doomed._programs.detach()
        wait_until(lambda: doomed.drain(0.02) is not None and doomed.silent_s > 0.2)
    finally:
        doomed.close()


def test_closing_from_another_thread_ends_the_drain() -> None:
    source = KernelSource()
    source.start()
    drained: list[int] = []

    def drain() -> None:
        while not source.ended:
            drained.append(len(source.drain(0.01)))

    thread = threading.Thread(target=drain)
    thread.start()
    subprocess.run(["/bin/true"], check=True)
    source.close()
    thread.join(60)
    assert not thread.is_alive()
    assert drained


def test_a_drain_that_waits_is_ended_from_another_thread() -> None:
    """A calm machine is waited for at length: what the reader is told meanwhile must not wait as long."""
    source = KernelSource(self_pids=None)
    source.start()
    ended = threading.Event()

    def drain() -> None:
        while not source.ended:
            source.drain(60)
            ended.set()

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    source.interrupt()
    assert ended.wait(30)
    source.interrupt()
    source.close()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("many", [0, 1 << 30])
def test_in_a_calm_and_with_much_to_do_events_are_found(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(looks, "MANY", many)
    source = KernelSource()
    source.start()
    try:
        found = events_of(source, ["/bin/true"], Interest())
        assert [r.kind for r in found] == [Kind.EXEC, Kind.EXIT]
    finally:
        source.close()


def test_the_more_cpus_fill_the_rings_the_sooner_they_are_looked_at() -> None:
    waits_s = [looks.calm_poll_s(cpus) for cpus in (1, 2, 10, 20, 64)]
    assert waits_s == [looks.CALM_POLL_S] * 3 + [looks.CALM_POLL_S / 2, looks.POLL_S]


def test_the_second_start_needs_no_compiler(tmp_path: Path) -> None:
    """What was compiled is kept, trusted only in a folder of root's alone, and damaged files are made again."""
    cache = tmp_path / "cache"
    for _ in range(2):
        source = KernelSource(cache=cache)
        source.start()
        found = events_of(source, ["/bin/true"], Interest())
        source.close()
        assert [r.kind for r in found] == [Kind.EXEC, Kind.EXIT]
    (kept,) = cache.glob("*.json")
    code = (
        "import sys\nfrom pathlib import Path\nfrom tuimon.capture.kernel import KernelSource\n"
        "source = KernelSource(cache=Path(sys.argv[1]))\nsource.start()\nsource.close()\nsys.exit('bcc' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, cache], check=True)
    kept.write_text('{"maps": [')
    assert subprocess.run([sys.executable, "-c", code, cache]).returncode == 1
    cache.chmod(0o777)
    assert subprocess.run([sys.executable, "-c", code, cache]).returncode == 1


def test_probe_tells_what_there_is() -> None:
    facts = probe()
    assert facts.btf == facts.ring_buffer == facts.bcc_problem == ""
    assert facts.bcc
    assert facts.missing_capabilities == ()


def test_closing_detaches_and_keeps_what_was_seen() -> None:
    """The last counts stay, and what had been emitted and not been read comes with the next drain."""
    source = KernelSource()
    source.start()
    with subprocess.Popen(["/bin/true"]) as before:
        before.wait()
    source.close()
    counts = source.counts()
    source.close()
    with subprocess.Popen(["/bin/true"]) as after:
        after.wait()
    assert counts.seen == counts.emitted + counts.filtered + counts.dropped
    assert source.counts() == counts
    found = rows(source.drain(0))
    assert len(found) == counts.emitted
    ended = {r.tgid for r in found if r.kind is Kind.EXIT}
    assert before.pid in ended
    assert after.pid not in ended
    assert len(source.drain(0)) == 0


@pytest.mark.parametrize("kind", ["typed", "plain"])
def test_older_kinds_of_programs_read_the_same(kind: str, tmp_path: Path) -> None:
    """What an older kernel would load gives the same events."""
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    source = KernelSource(only_kind=kind)
    source.start()
    try:
        code = OPENS.format(names=[str(tmp_path / "link")])
        found = events_of(source, python(code, "x" * 500), interest("openat"))
        (read,) = opens(found, b"link")
        assert (read.given, read.real) == (str(tmp_path / "link").encode(), str(tmp_path / "target").encode())
        assert found[0].kind is Kind.EXEC
        assert found[0].argv[-1] == b"x" * 500
        assert found[0].proc["ppid"] == os.getpid()
        calls, _ = talk(source, socket.AF_INET, ("127.0.0.1", 0))
        assert int(calls["connect"].sock["rport"]) == int(calls["bind"].sock["lport"])
    finally:
        source.close()
