"""Recordings: what was written comes back; damage is an error with a place, never a crash."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.records import make_records
from tuimon.batch import Batch, from_records
from tuimon.capture.recorded_counts import read_counts, write_counts
from tuimon.capture.recording import FRAME, MAGIC, RecordingReader, RecordingSource, RecordingWriter
from tuimon.capture.source import CallCounts, Counts
from tuimon.errors import RecordingError
from tuimon.records import SizeClass


def some_batch(at: int = 0) -> Batch:
    return from_records(
        [
            (SizeClass.SLIM, make_records(SizeClass.SLIM, [(at + 10, []), (at + 40, [])])),
            (SizeClass.SHORT, make_records(SizeClass.SHORT, [(at + 20, [b"/etc/passwd"])])),
            (SizeClass.PROC_MID, make_records(SizeClass.PROC_MID, [(at + 30, [b"prog", b"/", b"/bin/prog" * 100])])),
        ]
    )


def some_counts() -> tuple[Counts, CallCounts]:
    calls = CallCounts(
        np.array([1, 77], np.uint64),
        np.zeros((2, 512), np.uint64),
        np.zeros((2, 512), np.uint64),
        np.array([2, 3], np.uint64),
        np.array([[0, 0, 0, 0, 2, 0, 0], [3, 0, 0, 0, 0, 0, 0]], np.uint64),
        np.array([0, 1], np.uint64),
    )
    calls.calls[1, 257] = 12
    calls.errors[1, 257] = 2
    return Counts(
        seen=14,
        emitted=8,
        filtered=1,
        dropped=5,
        dropped_by_class=(3, 0, 0, 0, 2, 0, 0),
        shed=1,
        of_kind=(0, 2, 0, 0, 0, 0, 0),
    ), calls


def write(path: Path, batches: int = 3, *, close: bool = True, compress: bool = True) -> None:
    writer = RecordingWriter(path, {"boot_to_epoch_ns": 5}, compress=compress)
    writer.processes({"processes": []})
    writer.containers({"containers": []})
    for i in range(batches):
        writer.batch(some_batch(i * 100))
    writer.counts(*some_counts())
    if close:
        writer.close()
    else:
        writer._file.close()


def drain_all(source: RecordingSource) -> list[Batch]:
    source.start()
    batches = []
    while not source.ended:
        batch = source.drain(0)
        if len(batch):
            batches.append(batch)
    return batches


@pytest.mark.parametrize("compress", [True, False])
def test_what_was_recorded_is_played_back_to_the_byte(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "a.tmon"
    write(path, compress=compress)
    source = RecordingSource(path)
    batches = drain_all(source)
    assert len(batches) == 3
    for i, batch in enumerate(batches):
        want = some_batch(i * 100)
        assert batch.head.tobytes() == want.head.tobytes()
        assert batch.ext.tobytes() == want.ext.tobytes()
        assert batch.arena == want.arena
        assert batch.text_at.tolist() == want.text_at.tolist()
        assert batch.proc.tobytes() == want.proc.tobytes()
    assert source.boot_to_epoch_ns == 5
    assert source.processes_state == {"processes": []}
    assert source.notice == ""


def test_the_counters_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "a.tmon"
    write(path)
    source = RecordingSource(path)
    drain_all(source)
    counts, calls = some_counts()
    assert source.counts() == counts
    found = source.call_counts()
    assert found.cgroup_ids.tolist() == [1, 77], "one that only lost is kept, too"
    assert found.dropped.tolist() == calls.dropped.tolist()
    assert found.dropped_by_class.tolist() == calls.dropped_by_class.tolist()
    assert found.shed.tolist() == [0, 1]
    row = source.call_counts().cgroup_ids.tolist().index(77)
    assert source.call_counts().calls[row, 257] == 12
    assert source.call_counts().errors[row, 257] == 2


def test_older_recordings_do_not_tell_losses_by_class() -> None:
    """Nothing is made up: the containers' totals are there, their classes are not."""
    state = write_counts(*some_counts())
    older = {name: state[name] for name in state if name not in ("prefiltered", "shed", "of_kind")}
    counts, calls = read_counts({**older, "cgroups": [row[:4] for row in state["cgroups"]]})
    assert (counts.dropped, counts.shed, sum(counts.of_kind)) == (5, 0, 0)
    assert calls.dropped.tolist() == [2, 3]
    assert (len(calls.dropped_by_class), len(calls.shed)) == (0, 0)


@pytest.mark.parametrize("classes", [[0] * 8, ["x"], None])
def test_counters_that_make_no_sense_are_refused(classes: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_counts({**write_counts(*some_counts()), "dropped_by_class": classes})


def test_a_recording_whose_recorder_was_killed_is_readable_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tmon"
    write(path, close=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    source = RecordingSource(path)
    assert len(drain_all(source)) == 3
    assert "cut short" in source.notice


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.tmon"
    write(path)
    with pytest.raises(RecordingError, match="exists already"):
        RecordingWriter(path, {})


def test_only_its_owner_may_read_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.tmon"
    write(path)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", [b"", b"hello", MAGIC, MAGIC + b"META" + b"\0" * 20])
def test_what_is_no_recording_is_refused_with_a_sentence(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.tmon"
    path.write_bytes(text)
    with pytest.raises(RecordingError):
        RecordingReader(path)


def test_a_frame_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tmon"
    path.write_bytes(MAGIC + FRAME.pack(b"META", 0, 0, 2**60))
    with pytest.raises(RecordingError, match="damaged at byte"):
        RecordingReader(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), fix_crc=st.booleans())
def test_no_flipped_byte_crashes_the_reader(tmp_path: Path, at: int, value: int, fix_crc: bool) -> None:
    import zlib

    path = tmp_path / "a.tmon"
    path.unlink(missing_ok=True)
    write(path, compress=False)
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at] = value
    if fix_crc:  # a hostile writer makes his checksums right
        offset = len(MAGIC)
        while offset + FRAME.size <= len(data):
            kind, flags, _, length = FRAME.unpack_from(data, offset)
            end = offset + FRAME.size + length
            if end > len(data):
                break
            crc = zlib.crc32(bytes(data[offset + FRAME.size : end]))
            FRAME.pack_into(data, offset, kind, flags, crc, length)
            offset = end
    path.write_bytes(bytes(data))
    try:
        for batch in drain_all(RecordingSource(path)):
            for row in range(len(batch)):
                batch.slots(row)
                batch.proc_of(row)
    except RecordingError:
        pass


def test_damage_in_its_middle_ends_a_recording_for_who_forgives_it(tmp_path: Path) -> None:
    """On the screen what was played until then must not go with a traceback."""
    path = tmp_path / "a.tmon"
    write(path, compress=False)
    data = bytearray(path.read_bytes())
    second = data.index(b"BTCH", data.index(b"BTCH") + 4)
    data[second + FRAME.size + 40] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(RecordingError, match="damaged at byte"):
        drain_all(RecordingSource(path))
    source = RecordingSource(path, forgiving=True)
    assert [len(batch) for batch in drain_all(source)] == [len(some_batch())]
    assert source.ended
    assert "damaged at byte" in source.notice
    assert source.notice.endswith("what is shown ends there")
    data[data.index(b"BTCH") + FRAME.size + 40] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(RecordingError, match="damaged at byte"):
        drain_all(RecordingSource(path, forgiving=True))


def test_every_frame_is_on_disk_before_the_next_begins(tmp_path: Path) -> None:
    """A recorder that is killed on a quiet machine must not take its last minute with it."""
    path = tmp_path / "a.tmon"
    writer = RecordingWriter(path, {"boot_to_epoch_ns": 5})
    writer.batch(some_batch())
    assert path.stat().st_size == len(MAGIC) + writer.bytes
    writer.close()
