"""A recording played: speed, pause and skipping, set from outside while it plays."""

import time

import pytest

from tests.capture.test_recording import some_counts
from tests.records import make_records
from tuimon.batch import from_records
from tuimon.capture.recording import RecordingSource, RecordingWriter
from tuimon.records import SizeClass

SECOND = 1_000_000_000


@pytest.fixture
def path(tmp_path):
    """Five batches, one each fifth of a second, two events in each."""
    target = tmp_path / "a.tmon"
    writer = RecordingWriter(target, {"boot_to_epoch_ns": 5})
    writer.processes({"processes": []})
    writer.containers({"containers": []})
    for n in range(5):
        at = (n + 1) * SECOND // 5
        writer.batch(from_records([(SizeClass.SLIM, make_records(SizeClass.SLIM, [(at, []), (at + 1000, [])]))]))
    writer.counts(*some_counts())
    writer.close()
    return target


def played(source, seconds):
    """Drain for a while; return how many batches came."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end and not (source.ended and source._held is None):
        count += bool(len(source.drain(0.005)))
    return count


def test_a_pause_hands_out_nothing_and_play_goes_on_where_it_was(path):
    source = RecordingSource(path, speed=100.0)
    source.start()
    source.paused = True
    assert played(source, 0.1) == 0
    assert source.position_ns == 0
    source.paused = False
    assert played(source, 5) == 5
    assert source.ended
    assert source.position_ns == SECOND + 1000


def test_the_speed_may_change_while_it_plays(path):
    source = RecordingSource(path, speed=0.2)
    source.start()
    assert played(source, 0.1) == 1  # the first is where the time begins; the next comes a second later
    source.speed = None
    assert played(source, 0.5) == 4


def test_skipping_hands_out_what_ends_before_the_time_even_while_paused(path):
    source = RecordingSource(path, speed=0.2)
    source.start()
    source.paused = True
    source.skip_to_ns = 3 * SECOND // 5 + 500  # in the middle of the third batch
    assert played(source, 0.2) == 2
    assert not source.skipping
    assert source.position_ns == 2 * SECOND // 5 + 1000
    source.skip_to_ns = 100 * SECOND
    assert played(source, 2) == 3
    assert source.ended


def test_half_a_speed_takes_twice_as_long(path):
    took = {}
    for speed in (4.0, 8.0):
        source = RecordingSource(path, speed=speed)
        source.start()
        began = time.monotonic()
        assert played(source, 10) == 5
        took[speed] = time.monotonic() - began
    assert took[4.0] > took[8.0]
    assert took[4.0] >= 0.8 / 4


def test_how_much_of_the_file_was_read(path):
    source = RecordingSource(path)
    before = source.read_share
    source.start()
    while not source.ended:
        source.drain(0)
        assert before <= source.read_share <= 1.0
        before = source.read_share
    assert source.read_share == 1.0
    path.unlink()
    assert source.read_share == 1.0
