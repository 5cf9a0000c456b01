"""Readings of living processes: asked for once, made by another thread, good for the events around them."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.containers import wait_until
from tuimon.enrich import vitals
from tuimon.enrich.fdtable import OpenFd, open_fds
from tuimon.enrich.procfs import Procfs
from tuimon.enrich.vitals import NEAR_NS, Vitals
from tuimon.events import Process


def now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def myself() -> Process:
    process = Procfs().read(os.getpid())
    assert process is not None
    return process


def asked_of() -> tuple[Vitals, Process, int]:
    """Return a reader, this process and the time of an event, which stays now however long the machine takes."""
    at = now_ns()
    return Vitals(now_ns=lambda: at), myself(), at


def answer(ask: Callable[[], tuple[bool, object]]) -> object:
    wait_until(lambda: ask()[0])
    return ask()[1]


def test_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    """The event path asks and goes on; the answer comes later, and the revision says so."""
    reader, process, at = asked_of()
    before, start = reader.revision, reader._start
    monkeypatch.setattr(reader, "_start", lambda: None)
    assert reader.memory(process, at) == (False, None)
    start()
    memory = answer(lambda: reader.memory(process, at))
    assert memory is not None
    wait_until(lambda: reader.revision == before + 1)  # a moment after the answer: who is told by it finds the answer
    assert memory.size_kb > memory.rss_kb > 1000
    assert memory.threads >= 1


def test_of_an_old_event_nothing_is_known():
    """What /proc shows now says nothing about then; nor about a recording's events."""
    reader, process = Vitals(), myself()
    assert reader.memory(process, now_ns() - 2 * NEAR_NS) == (True, None)
    assert reader.fds(Process(pid=os.getpid(), start_ns=0), now_ns()) == (True, None)


def test_of_another_process_with_the_same_pid_nothing_is_known():
    """A pid that was taken over, or a recording of another boot."""
    reader, process, at = asked_of()
    process.start_ns -= 10**9
    assert answer(lambda: reader.memory(process, at)) is None


def test_a_thread_that_works_uses_the_cpu(monkeypatch: pytest.MonkeyPatch):
    """What it is said to use is what it used, whatever the machine lets it have."""
    reader, process, at = asked_of()
    tid, read = os.getpid(), reader._procfs.cpu_times
    begun, worked = threading.Event(), threading.Event()

    def around_the_work(*which: int) -> object:
        """Read before it, and not again before it is done."""
        assert not begun.is_set() or worked.wait(60)
        found = read(*which)
        begun.set()
        return found

    monkeypatch.setattr(reader._procfs, "cpu_times", around_the_work)
    began, used = time.monotonic(), time.thread_time()
    reader.cpu(process, tid, at)
    assert begun.wait(60)
    end = time.thread_time() + 0.3
    while time.thread_time() < end:
        pass
    worked.set()
    share = answer(lambda: reader.cpu(process, tid, at))
    took_s, used_s = time.monotonic() - began, time.thread_time() - used
    assert share is not None
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert 100 * (0.3 - 2 * tick_s) / took_s < share.user + share.system < 100 * (used_s + 2 * tick_s)


def test_no_more_is_asked_than_can_be_read(monkeypatch: pytest.MonkeyPatch):
    """A flood of processes must not let the queue grow."""
    monkeypatch.setattr(vitals, "MAX_WAITING", 1)
    monkeypatch.setattr(Vitals, "_start", lambda self: None)
    reader, process, at = asked_of()
    assert reader.memory(process, at) == (False, None)
    assert reader.cgroups(process, 1, at) == (True, None)


def test_the_fds_of_servers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    """Each may have thousands, and thousands of readings are kept."""
    monkeypatch.setattr(vitals, "MAX_FDS_KEPT", 2_500)
    monkeypatch.setattr(vitals, "open_fds", lambda procfs, pid: {n: OpenFd("file", f"/{n}") for n in range(1000)})
    monkeypatch.setattr(Vitals, "_is_same", lambda self, key: True)
    reader, _, at = asked_of()
    for pid in range(1, 20):
        process = Process(pid=pid, start_ns=1)
        found = answer(lambda process=process: reader.fds(process, at))
        assert len(found) == 1000
        assert sum(len(reading.value) for reading in reader._known.values()) == reader._fds <= 3_000
    assert len(reader._known) == 3


def test_every_kind_of_fd_has_its_kind_and_name():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    address = f"\0tuimon-test-{os.getpid()}"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(address)
    folder, memory, (end, other) = os.open("/tmp", os.O_RDONLY), os.memfd_create("a b"), os.pipe()
    try:
        found = open_fds(Procfs(), os.getpid())
        assert found is not None
        loopback = socket.inet_aton("127.0.0.1")
        port, mine = server.getsockname()[1], client.getsockname()[1]
        assert found[server.fileno()] == OpenFd("ipv4", "", (loopback, port), None)
        assert found[client.fileno()] == OpenFd("ipv4", "", (loopback, mine), (loopback, port))
        assert found[accepted.fileno()] == OpenFd("ipv4", "", (loopback, port), (loopback, mine))
        assert found[unix.fileno()] == OpenFd("unix", "@" + address[1:])
        assert found[folder] == OpenFd("directory", "/tmp")
        assert found[memory] == OpenFd("memfd", "a b")
        assert found[end].kind == found[other].kind == "pipe"
    finally:
        for each in (server, client, accepted, unix):
            each.close()
        for fd in (folder, memory, end, other):
            os.close(fd)


def test_a_process_that_is_gone_has_no_fds():
    assert open_fds(Procfs(), 2**22 - 1) is None


def test_an_ipv4_address_within_ipv6_is_ipv4(tmp_path: Path):
    """As in events: a server that listens on both families is known by the address the client used."""
    (tmp_path / "7/net").mkdir(parents=True)
    (tmp_path / "7/fd").mkdir()
    (tmp_path / "7/fd/3").symlink_to("socket:[99]")
    ends = "0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:C350"
    (tmp_path / "7/net/tcp6").write_text(f"heading\n 0: {ends} 01 0:0 0:0 0 0 0 99 1\n")
    found = open_fds(Procfs(tmp_path), 7)
    local, remote = socket.inet_aton("127.0.0.1"), socket.inet_aton("127.0.0.2")
    assert found == {3: OpenFd("ipv4", "", (local, 8080), (remote, 50000))}
