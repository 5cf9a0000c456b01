"""The replay pane: marks, jumps, times as people write them, and the picture of the time."""

import dataclasses
import time
from types import SimpleNamespace

import pytest

from tests.builders import BOOT_TO_EPOCH_NS, TS_NS
from tests.ui.fake_engine import fed_engine
from tuimon.capture.recording import RecordingSource
from tuimon.errors import RecordingError, SettingsError
from tuimon.history import History
from tuimon.resources import find_recording
from tuimon.view.replay_lines import HEIGHT, MarkLines, mark_header, timeline_lines
from tuimon.view.replay_view import SPEEDS, ReplayView, speed_text
from tuimon.view.timeline import Timeline

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    from tuimon.view import clock

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    clock._second.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    clock._second.cache_clear()


class Ahead:
    """A minute of recording with the alerts of a fake engine, one each ten seconds."""

    def __init__(self, engine):
        self.timeline = Timeline()
        for second in range(61):
            self.timeline.add(TS_NS + second * SECOND, TS_NS + second * SECOND, second + 1)
        self.files = engine.rule_files()
        self.progress, self.finished, self.closed = 0.5, False, False
        self.notice = ""
        self._alerts = []
        for n, alert in enumerate(engine.alerts_since(0), 1):
            batch = dataclasses.replace(alert.event.batch, head=alert.event.batch.head.copy())
            batch.head["ts_ns"] = TS_NS + n * 10 * SECOND
            event = engine.event(batch, alert.event.row)
            self._alerts.append(dataclasses.replace(alert, event=event, time_ns=event.time_ns, num=n))

    def start(self):
        pass

    def close(self):
        self.closed = True

    def alerts_since(self, num):
        return [alert for alert in self._alerts if alert.num > num]


def session_of(engine):
    return SimpleNamespace(engine=engine)


@pytest.fixture
def replay():
    """A view of a recording that stands at its second second."""
    engine = fed_engine()
    engine.source = RecordingSource(find_recording("demo"), speed=1.0)
    engine.source.boot_to_epoch_ns = BOOT_TO_EPOCH_NS
    engine.source.position_ns = TS_NS + 12 * SECOND
    view = ReplayView(session_of(engine), lambda: Ahead(engine))
    view.sync()
    yield view
    engine.source.close()


def live():
    view = ReplayView(session_of(fed_engine()))
    view.sync()
    return view


def text_of(line):
    return "".join(cell.text for cell in line)


def test_marks_come_from_what_was_read_ahead(replay):
    assert [(m.time_ns - TS_NS) // SECOND for m in replay.marks] == [10, 20, 30, 40, 50, 60]
    replay.sync()
    assert len(replay.marks) == 6
    assert replay.progress == 0.5


def test_that_the_recording_ends_early_is_said_once_it_is_known(replay):
    replay._scout.progress = 1.0
    replay.sync()
    assert not replay.notice
    assert "alerts" in text_of(timeline_lines(replay, 120)[0])
    replay._scout.notice = "rec.tmon is damaged at byte 7"
    assert text_of(timeline_lines(replay, 120)[0]).endswith("rec.tmon is damaged at byte 7")


def test_no_more_is_said_to_be_known_than_the_marks_hold(replay):
    replay._scout.progress = 1.0
    assert replay.progress == 0.5
    replay.sync()
    assert replay.progress == 1.0


def test_where_it_plays_is_said_before_anything_was_read_ahead(replay):
    replay._scout.timeline = replay.timeline = Timeline()
    replay.source.position_ns = TS_NS + 5 * SECOND
    state = text_of(timeline_lines(replay, 120)[0])
    assert "  ? of ?  reading ahead 50%" in state
    assert " - " not in state


def test_other_rules_are_read_ahead_by_anew(replay):
    before = replay._scout
    replay.session.engine._files = replay.session.engine._files[:1]
    replay.sync()
    assert before.closed
    assert replay._scout is not before
    assert len(replay.marks) == 6


def test_the_next_alert_and_the_one_before(replay):
    assert replay.mark_from_here(1).num == 2
    assert replay.mark_from_here(-1).num == 1
    replay.source.position_ns = replay.time_of(replay.marks[1])
    assert replay.mark_from_here(-1).num == 1  # not the one we have just been sent to
    replay.source.position_ns = TS_NS + 61 * SECOND
    assert replay.mark_from_here(1) is None


def test_speeds_go_from_half_to_as_fast_as_can_be(replay):
    assert [replay.turn_speed(1) for _ in range(7)] == [2.0, 4.0, 8.0, 16.0, None, None, None]
    assert [replay.turn_speed(-1) for _ in range(7)][-1] == 0.5
    assert [speed_text(s) for s in SPEEDS] == ["0.5x", "1x", "2x", "4x", "8x", "16x", "max"]


def test_forward_is_a_skip_and_back_is_not(replay):
    assert replay.go(TS_NS + 30 * SECOND)
    assert replay.source.skip_to_ns == TS_NS + 30 * SECOND
    assert not replay.go(TS_NS + 5 * SECOND)
    replay.source.ended = True
    assert not replay.go(TS_NS + 50 * SECOND)


@pytest.mark.parametrize(
    ("text", "second"),
    [("50%", 30), ("0%", 0), ("+10", 22), ("-10", 2), ("+1:30", 102), ("-0:05", 7), ("23:13:30", 10), ("23:14", 40)],
)
def test_times_as_people_write_them(replay, text, second):
    assert time.strftime("%H:%M:%S", time.localtime((TS_NS + BOOT_TO_EPOCH_NS) // SECOND)) == "23:13:20"
    assert (replay.parse(text) - TS_NS) / SECOND == pytest.approx(second)


@pytest.mark.parametrize("text", ["", "soon", "25", "12:3:4", "1e9", "--5", "+"])
def test_what_is_no_time_is_refused_with_an_example(replay, text):
    with pytest.raises(SettingsError, match="no time") as raised:
        replay.parse(text)
    assert "16:02:05" in raised.value.hint


def test_a_time_of_day_is_the_nearest_one_across_midnight(replay):
    assert replay.parse("0:13:50") - TS_NS == 3630 * SECOND
    assert replay.parse("22:13:50") - TS_NS == -3570 * SECOND


def test_while_live_it_is_the_time_that_history_holds():
    view = live()
    assert view.source is None
    assert view.timeline.events == 60
    assert len(view.marks) == 6
    assert view.position_ns == view.timeline.last_ns
    assert view.progress == 1.0
    assert view.offset_ns == BOOT_TO_EPOCH_NS
    assert not view.go(0)
    assert view.turn_speed(1) == 1.0


def test_alerts_of_forgotten_events_leave_the_live_timeline():
    view = live()
    view.marks[0] = dataclasses.replace(view.marks[0], time_ns=5)
    view.sync()
    assert len(view.marks) == 5


def test_a_file_that_is_gone_is_said_and_not_tried_again(replay):
    def gone():
        raise RecordingError("cannot read demo.tmon: No such file")

    view = ReplayView(replay.session, gone)
    view.sync()
    view.sync()
    assert "No such file" in view.error
    assert "No such file" in text_of(timeline_lines(view, 120)[0])


def test_a_view_of_the_same_recording_again_knows_what_the_one_before_knew(replay):
    after = ReplayView(replay.session, lambda: Ahead(replay.session.engine), replay)
    assert len(after.marks) == 6
    assert after._scout is not None
    assert replay._scout is None
    after.sync()
    assert len(after.marks) == 6
    after.close()
    assert after._scout is None


@pytest.mark.parametrize("width", [60, 78, 118, 198])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_picture_fits_and_shows_density_alerts_and_place(replay, width, ascii_only):
    lines = timeline_lines(replay, width, ascii_only=ascii_only)
    assert len(lines) == HEIGHT
    assert all(len(text_of(line)) <= width for line in lines[1:])  # the state is cut where there is no room
    state, *_, marks, pointer, ends = map(text_of, lines)
    assert "PLAYING" in state
    assert "0:12 of 1:00 (20%)" in state
    assert sum(letter in "CWNI" for letter in marks) == 6
    at = pointer.index("^" if ascii_only else "▲")
    assert abs((at - 1) / (width - 2) - 0.2) < 0.03
    assert ends.strip().startswith("2023-11-14 23:13:20"), "of which day a colleague's recording is"
    assert all(text_of(line).isascii() for line in lines) or not ascii_only


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"paused": True}, "PAUSED"),
        ({"paused": True, "skip_to_ns": 1 << 62}, "SKIPPING"),
        ({"ended": True, "skip_to_ns": 1 << 62}, "ENDED"),
        ({}, "PLAYING"),
    ],
)
def test_the_state_is_said_in_words(replay, state, word):
    for name, value in state.items():
        setattr(replay.source, name, value)
    text = text_of(timeline_lines(replay, 100)[0])
    assert word in text
    assert "reading ahead 50%" in text


def test_live_is_said_too():
    state, *_, ends = map(text_of, timeline_lines(live(), 100))
    assert "LIVE" in state
    assert "-" not in ends, "of today"


def test_an_empty_history_draws_without_a_trap():
    engine = SimpleNamespace(history=History(), alerts_since=lambda num: ())
    view = ReplayView(session_of(engine))
    view.sync()
    assert "no event" in text_of(timeline_lines(view, 80)[-1])


@pytest.mark.parametrize("width", [78, 118])
def test_alerts_not_reached_yet_say_so(replay, width):
    lines = MarkLines(replay)
    lines.turn_folded()
    texts = [text_of(lines.line(seq, width)) for seq in range(lines.end)]
    assert "ahead" not in texts[0]
    assert all("ahead" in text for text in texts[1:])
    assert "Terminal shell in container" in texts[0]
    assert lines.line(99, width) == ()
    assert [lines.position(mark) for mark in replay.marks] == [0, 1, 2, 3, 4, 5]
    assert lines.position(dataclasses.replace(replay.marks[0], num=77)) is None
    assert lines.position(dataclasses.replace(replay.marks[0], time_ns=1)) is None
    assert "rule" in text_of(mark_header(width))


def repeated(replay, *seconds):
    """Keep one alert of each kind; let the first come again, so many seconds after the recording began."""
    first = replay.marks[0]
    kinds = {(mark.alert.rule, mark.alert.container_id): mark for mark in reversed(replay.marks)}
    again = [dataclasses.replace(first, time_ns=TS_NS + at * SECOND, num=100 + n) for n, at in enumerate(seconds)]
    replay.marks = sorted([*kinds.values(), *again], key=lambda mark: (mark.time_ns, mark.num))
    return [first, *again]


@pytest.mark.parametrize("width", [78, 118])
def test_repeats_are_one_row_in_the_place_of_the_first(replay, width):
    lines = MarkLines(replay)
    assert lines.end == 4
    repeats = repeated(replay, 11, 35, 55)
    assert lines.end == 4, "as many as there were before it came again"
    assert list(lines.row(0)) == repeats
    assert [lines.position(mark) for mark in repeats] == [0, 0, 0, 0]
    text = text_of(lines.line(0, width))
    assert text.startswith(" 2/4"), "two of the four have been"
    assert lines.line(0, width)[3].text == "4"
    lines.turn_folded()
    assert lines.end == 7
    assert [lines.position(mark) for mark in replay.marks] == list(range(7))
    assert "/" not in text_of(lines.line(0, width))[:8]
    lines.turn_folded()
    assert lines.end == 4


def test_enter_on_repeats_goes_to_the_next_one_and_from_the_last_to_the_first(replay):
    lines = MarkLines(replay)
    first, second, last = repeated(replay, 35, 55)
    assert lines.target(0, 0) is first
    assert lines.target(0, replay.time_of(first)) is second
    assert lines.target(0, replay.time_of(second)) is last
    assert lines.target(0, replay.time_of(last)) is first
    assert lines.target(99, 0) is None


def test_how_long_a_recording_is_is_not_said_when_it_is_played_faster_than_it_is_read(replay):
    replay.source.position_ns = replay.timeline.last_ns + 5_000_000_000
    assert "1:05 of ?" in text_of(timeline_lines(replay, 118)[0])
