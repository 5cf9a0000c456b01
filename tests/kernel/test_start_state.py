"""What was there before tuimon: the first event of an old process names its ancestors, and each of its old fds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.containers import wait_until
from tests.kernel.test_field_truth import PYTHON, ancestors, argv, comm, exe, socket_ends, value
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.events import Event
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

pytestmark = pytest.mark.kernel

UID = 61_235
RULE = """
- rule: old
  desc: what an old process does
  condition: evt.type in (write, close) and user.uid = {uid} and proc.args contains "{token}"
  output: "%fd.name"
  priority: DEBUG
"""


@dataclass
class Old:
    """A process from before the engine, and what it did after."""

    engine: Engine
    pid: int
    fds: dict[str, int]
    truth: dict[str, str]
    """What /proc/PID/fd showed before it did anything."""
    ends: dict[str, tuple[tuple[str, int], tuple[str, int]]]
    folder: Path

    def events(self, call: str) -> dict[str, Event]:
        """Return the event of a call on each fd."""
        names = {number: name for name, number in self.fds.items()}
        events = [a.event for a in self.engine.alerts_since(0) if value(a.event, "evt.type") == call]
        return {names[e.args[0]]: e for e in events if e.args[0] in names}


@pytest.fixture(scope="module")
def old() -> Iterator[Old]:
    for needed in (PYTHON, "setpriv"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not there")
    folder, token = Path(tempfile.mkdtemp(prefix="tuimon-old-")), f"old{uuid.uuid4().hex[:8]}"
    folder.chmod(0o755)
    (folder / "held").mkdir()
    os.chown(folder / "held", UID, UID)
    subject = shutil.copy(Path(__file__).with_name("start_subject.py"), folder)
    become = f"setpriv --reuid={UID} --regid={UID} --clear-groups {PYTHON} -S {subject} {folder}/held {token}"
    shell = ["/bin/sh", "-c", f"/bin/sh -c '{become}; exit 0'; exit 0"]
    process = subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder)
    assert process.stdin is not None
    assert process.stdout is not None
    engine = build_engine(Settings(), KernelSource())
    try:
        fds = json.loads(process.stdout.readline())
        (pid,) = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and is_subject(int(p.name), token)]
        truth = {name: os.readlink(f"/proc/{pid}/fd/{number}") for name, number in fds.items()}
        ends = {name: socket_ends(pid, fds[name]) for name in ("tcp client", "tcp server")}
        assert engine.apply_rules([RuleFile("old.yaml", RULE.format(uid=UID, token=token))]).accepted
        engine.start()
        assert engine.wait_started(120), engine.error()
        wait_until(lambda: engine.source.has_prefilter, 60.0)
        process.stdin.write("go\n")
        process.stdin.flush()
        old = Old(engine, pid, fds, truth, ends, folder)
        wait_until(lambda: len(old.events("close")) == len(fds), 60.0)
        yield old
        process.stdin.close()
        process.wait()
    finally:
        engine.stop()
        process.kill()
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder)


def is_subject(pid: int, token: str) -> bool:
    try:
        words = argv(pid)
    except OSError:
        return False
    return bool(words) and words[0] == PYTHON and words[-1] == token


def test_the_first_event_has_the_whole_ancestry(old: Old) -> None:
    event = min((a.event for a in old.engine.alerts_since(0)), key=lambda event: event.ts_ns)
    above = ancestors(old.pid)
    assert value(event, "proc.pid") == old.pid
    assert value(event, "proc.aname") == tuple(comm(pid) for pid in above)
    assert [value(event, "proc.apid", str(at)) for at in range(1, len(above) + 1)] == above
    assert [value(event, f"proc.aname[{at}]"[:-3], str(at)) for at in (1, 2)] == ["sh", "sh"]
    assert value(event, "proc.exepath") == exe(old.pid)
    assert value(event, "proc.cmdline") == " ".join((comm(old.pid), *argv(old.pid)[1:]))
    assert value(event, "proc.cwd") == f"{old.folder}/"
    assert value(event, "user.uid") == UID
    assert value(event, "container.id") == "host"


FILES = ("file", "fifo", "device")


@pytest.mark.parametrize("call", ["write", "close"])
def test_every_old_fd_has_its_name(old: Old, call: str) -> None:
    events = old.events(call)
    assert set(events) == set(old.fds)
    said = {name: (value(e, "fd.type"), value(e, "fd.name")) for name, e in events.items()}
    for name in FILES:
        assert said[name] == ("file", old.truth[name]), name
    assert said["deleted"][0] == "file"
    assert str(said["deleted"][1]).startswith(f"{old.folder}/held/gone")
    assert said["memfd"] == ("memfd", "in memory")
    assert said["pipe"] == ("pipe", "")
    assert said["eventfd"] == ("event", "")
    assert said["unix"] == ("unix", f"{old.folder}/held/bound.sock")
    assert said["unix pair"] == ("unix", "")
    for name in ("tcp client", "tcp server"):
        own, other = old.ends[name]
        client, server = (own, other) if name == "tcp client" else (other, own)
        assert said[name] == ("ipv4", f"{client[0]}:{client[1]}->{server[0]}:{server[1]}"), name
    assert said["udp"][0] == "ipv4"
    for name, event in events.items():
        link = old.truth[name]
        if link.startswith(("socket:[", "pipe:[")):
            assert value(event, "fd.ino") == int(link.partition("[")[2][:-1]), name
