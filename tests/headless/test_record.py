"""The recorder: what goes wrong with its file harms the recording alone."""

import io
import threading

import pytest

from tests.headless.test_evidence import played
from tuimon.batch import Batch
from tuimon.capture.recording import RecordingSource
from tuimon.engine import build_engine
from tuimon.errors import RecordingError
from tuimon.headless.record import Recorder, record
from tuimon.resources import find_recording
from tuimon.settings import Settings


@pytest.mark.parametrize("frame", ["processes", "batch"])
def test_a_full_disk_ends_the_recording_not_the_engine(tmp_path, monkeypatch, frame):
    def full(*_):
        raise RecordingError("cannot write x.tmon: No space left on device")

    engine = played(RecordingSource(find_recording("demo"), speed=None))
    recorder = Recorder(engine, tmp_path / "x.tmon")
    monkeypatch.setattr(recorder._writer, frame, full)
    for batch in engine.history.batches():
        recorder.batch(batch)  # the engine's thread: it must not raise here
    with pytest.raises(RecordingError, match="No space left"):
        recorder.close()
    assert recorder not in engine.listeners


def test_what_waits_for_the_disk_is_counted_right_while_two_threads_count(tmp_path, monkeypatch):
    """Given and taken at once, a batch was counted for ever: with 128 MB of them nothing more was recorded."""
    engine = played(RecordingSource(find_recording("demo"), speed=None))
    recorder, writer = Recorder(engine, tmp_path / "x.tmon"), threading.Event()
    size, go_on = Batch.nbytes.fget, threading.Event()

    def slowly(batch):
        if threading.current_thread() is recorder._thread:
            writer.set()
            assert go_on.wait(60)
        return size(batch)

    monkeypatch.setattr(Batch, "nbytes", property(slowly))
    batch = engine.history.batches()[0]
    recorder.batch(batch)
    assert writer.wait(60)
    recorder.batch(batch)
    go_on.set()
    recorder.close()
    assert recorder._waiting == 0
    assert recorder.events == 2 * len(batch)


@pytest.mark.parametrize(("duration_s", "until"), [(None, "ctrl+c ends it"), (75.0, "for 1:15")])
def test_it_says_that_it_records_and_what_ends_it(tmp_path, duration_s, until):
    status, path = io.StringIO(), tmp_path / "x\x1b.tmon"
    engine = build_engine(Settings(), RecordingSource(find_recording("demo"), speed=None))
    record(engine, path, duration_s=duration_s, status=status)
    assert status.getvalue() == f"tuimon: recording into {tmp_path}/x\\e.tmon, {until}\n"
    assert path.exists()
