"""A recording played: speed, pause and skipping, set from outside while it plays."""

import threading
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


class Clock:
    """A steady clock that goes on while the test sleeps, and only then.

    An engine of an earlier test may still play a recording in a thread of its own: it has the usual clock.
    """

    def __init__(self):
        self.now = 100.0
        self._thread = threading.get_ident()

    def monotonic(self):
        return self.now if self._is_mine() else time.monotonic()

    def sleep(self, seconds):
        if self._is_mine():
            self.now += seconds
        else:
            time.sleep(seconds)

    def _is_mine(self):
        return threading.get_ident() == self._thread


def test_the_clock_of_others_goes_on_by_itself(clock):
    other = threading.Thread(target=clock.sleep, args=(0.001,))
    other.start()
    other.join()
    assert clock.now == 100.0


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("tuimon.capture.recording.time", made)
    return made


def played(source, clock, seconds):
    """Drain for a while of the clock's; return how many batches came."""
    end, count = clock.now + seconds, 0
    while clock.now < end and not (source.ended and source._held is None):
        count += bool(len(source.drain(0.005)))
    return count


def test_a_pause_hands_out_nothing_and_play_goes_on_where_it_was(path, clock):
    source = RecordingSource(path, speed=100.0)
    source.start()
    source.paused = True
    assert played(source, clock, 0.1) == 0
    assert source.position_ns == 0
    source.paused = False
    assert played(source, clock, 5) == 5
    assert source.ended
    assert source.position_ns == SECOND + 1000


def test_the_speed_may_change_while_it_plays(path, clock):
    source = RecordingSource(path, speed=0.2)
    source.start()
    assert played(source, clock, 0.9) == 1  # the first is where the time begins; the next comes a second later
    source.speed = None
    assert played(source, clock, 0.5) == 4


def test_skipping_hands_out_what_ends_before_the_time_even_while_paused(path, clock):
    source = RecordingSource(path, speed=0.2)
    source.start()
    source.paused = True
    source.skip_to_ns = 3 * SECOND // 5 + 500  # in the middle of the third batch
    assert played(source, clock, 0.2) == 2
    assert not source.skipping
    assert source.position_ns == 2 * SECOND // 5 + 1000
    source.skip_to_ns = 100 * SECOND
    assert played(source, clock, 2) == 3
    assert source.ended


def test_it_is_on_its_way_from_the_moment_on_that_it_is_sent(path, clock):
    """Who asks before the next look at the file must not take it for arrived."""
    source = RecordingSource(path, speed=0.2)
    source.start()
    source.paused = True
    assert not source.skipping
    source.skip_to_ns = SECOND // 5 + 2000
    assert source.skipping
    assert len(source.drain(0)) == 2
    assert source.skipping
    assert len(source.drain(0)) == 0
    assert not source.skipping


def test_half_a_speed_takes_twice_as_long(path, clock):
    took = {}
    for speed in (4.0, 8.0):
        source = RecordingSource(path, speed=speed)
        source.start()
        began = clock.now
        assert played(source, clock, 10) == 5
        took[speed] = clock.now - began
    assert took[4.0] == pytest.approx(0.8 / 4, rel=1e-4)
    assert took[8.0] == pytest.approx(0.8 / 8, rel=1e-4)


def test_a_batch_that_covers_seconds_comes_when_they_have_passed(tmp_path, clock):
    """It never came: the time that it covers was taken for a gap before it, again and again."""
    target = tmp_path / "long.tmon"
    writer = RecordingWriter(target, {"boot_to_epoch_ns": 5})
    for at in (SECOND, 60 * SECOND):  # a minute without an event between the two
        rows = [(at, []), (at + 4 * SECOND, [])]
        writer.batch(from_records([(SizeClass.SLIM, make_records(SizeClass.SLIM, rows))]))
    writer.close()
    source = RecordingSource(target, speed=1.0)
    source.start()
    assert played(source, clock, 3.9) == 0
    assert played(source, clock, 0.2) == 1
    assert played(source, clock, 4.2) == 1
    assert source.ended


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
