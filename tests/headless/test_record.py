"""The recorder: what goes wrong with its file harms the recording alone."""

import pytest

from tests.headless.test_evidence import played
from tuimon.capture.recording import RecordingSource
from tuimon.errors import RecordingError
from tuimon.headless.record import Recorder
from tuimon.resources import find_recording


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
