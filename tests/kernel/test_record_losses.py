"""What was lost while a recording was made: its replay tells the same, by class and by container."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import pytest

from tests.containers import IMAGE, podman_engine, unique, wait_until
from tuimon.capture.kernel import KernelSource
from tuimon.capture.recording import RecordingSource
from tuimon.capture.source import CallCounts, Counts
from tuimon.engine import Engine, build_engine
from tuimon.enrich import users
from tuimon.headless.record import Recorder
from tuimon.records import SizeClass
from tuimon.settings import Settings
from tuimon.view.snapshot import ContainerRow, Snapshot

pytestmark = [pytest.mark.kernel, pytest.mark.alone]

DD = ("dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=300000")


class Stopping(KernelSource):
    """The kernel's counters, which stand still from a moment on: it counts on while nobody looks."""

    at: tuple[Counts, CallCounts] | None = None

    def stop_counting(self) -> None:
        self.at = (super().counts(), super().call_counts())

    def counts(self) -> Counts:
        return self.at[0] if self.at is not None else super().counts()

    def call_counts(self) -> CallCounts:
        return self.at[1] if self.at is not None else super().call_counts()


def snapshot(engine: Engine) -> Snapshot:
    found = engine.snapshot()
    assert found is not None
    return found


def lost(engine: Engine) -> dict[str, tuple[int, tuple[int, ...], int]]:
    """Return of each container what was lost, by class too, and what was given up."""
    rows: tuple[ContainerRow, ...] = snapshot(engine).containers
    return {row.container.id: (row.dropped, row.dropped_by_class, row.shed) for row in rows if row.dropped or row.shed}


def flood(name: str, folder: Path, recording: Path) -> Engine:
    """Flood small rings from the host and from a container, with a recorder; return the engine, stopped."""
    source = Stopping(rings={SizeClass.SLIM: 64 * 1024, SizeClass.SHORT: 64 * 1024})
    engine = build_engine(Settings(), source)
    with podman_engine(folder) as podman:
        podman.run(name, IMAGE, "sleep", "1000")
        try:
            engine.start()
            assert engine.wait_started(120), engine.error()
            wait_until(lambda: engine.snapshot() is not None)
            wait_until(lambda: name in {row.container.name for row in snapshot(engine).containers})
            recorder = Recorder(engine, recording)
            engine.watch(None, everything=True)
            subprocess.run(DD, check=True, stderr=subprocess.DEVNULL)
            podman.exec(name, *DD)
            time.sleep(1.5)
            engine.halt()
            source.stop_counting()
            engine._count()  # what the screen would have shown a moment later
            engine._publish()
            recorder.close()
        finally:
            engine.stop()
            podman.remove(name)
    return engine


def test_a_replay_tells_the_same_losses_as_the_screen_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "HOST_USERS", users.UserTable())  # a recording brings names of its own
    name, recording = unique("lossy"), tmp_path / "a.tmon"
    live = flood(name, tmp_path, recording)
    again = build_engine(Settings(), RecordingSource(recording))
    try:
        again.start()
        wait_until(lambda: again.finished() and again.snapshot() is not None)
        with contextlib.suppress(AssertionError):  # the lines are made once a second; what differs is told below
            wait_until(lambda: (snapshot(again).counts, lost(again)) == (live.source.counts(), lost(live)))
        assert snapshot(again).counts == live.source.counts()
        assert len(lost(live)) >= 2, "nothing was lost in the container: the test shows nothing"
        assert lost(again) == lost(live)
        assert sum(snapshot(again).counts.dropped_by_class) == snapshot(again).counts.dropped > 0
    finally:
        again.stop()
