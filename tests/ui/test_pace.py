"""Frames wait for a terminal that is slow; what they would have shown comes when it is ready."""

from __future__ import annotations

import re
import sys
import time
from types import SimpleNamespace

import pytest
from textual._compositor import ChopsUpdate
from textual.geometry import Region, Size

from tests.ui.conftest import press, running, screen_text
from tests.ui.terminal import Terminal
from tuimon.ui.frames import Frames
from tuimon.ui.pace import LOST_S, Pace

QUESTION = re.compile(rb"\x1b7\x1b\[1;(\d+)H\x1b\[6n\x1b8")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    """A pace after the first question, which was answered in 20 ms."""
    pace = Pace(clock)
    told(pace, clock, 0.02)
    return pace


def ask(pace):
    return int(QUESTION.fullmatch(pace.question().encode())[1])


def told(pace, clock, after_s):
    column = ask(pace)
    clock.now += after_s
    pace.answer(column)


def test_a_terminal_that_answers_nothing_holds_no_frame_back_and_is_not_asked_for_ever(clock):
    pace = Pace(clock)
    asked = [pace.question() for _ in range(50)]
    assert sum(map(bool, asked)) == 20
    clock.now += 1
    assert not pace.behind
    assert not pace.resting


def test_until_its_first_frame_is_shown_a_terminal_is_taken_for_slow(pace, clock):
    column = ask(pace)
    assert pace.behind
    pace.answer(column)
    assert not pace.behind
    assert not pace.slow
    ask(pace)
    assert not pace.behind


def test_a_long_way_to_the_terminal_is_not_slowness(clock):
    pace = Pace(clock)
    for _ in range(5):
        told(pace, clock, 0.3)
    assert not pace.slow
    ask(pace)
    clock.now += 0.25
    assert not pace.behind
    clock.now += 0.2
    assert pace.behind


def test_to_a_slow_terminal_one_frame_is_on_its_way_at_most(pace, clock):
    told(pace, clock, 2)
    assert pace.slow
    assert not pace.behind
    ask(pace)
    assert pace.behind


def test_a_slow_terminal_is_left_free_for_keys_between_frames(pace, clock):
    told(pace, clock, 1)
    assert pace.resting
    assert not pace.behind
    clock.now += 1.9
    assert pace.resting
    clock.now += 0.2
    assert not pace.resting


def test_a_terminal_that_is_quick_again_is_taken_for_quick(pace, clock):
    told(pace, clock, 2)
    clock.now += 5
    told(pace, clock, 0.03)
    assert not pace.slow
    assert not pace.resting


def test_an_answer_answers_the_questions_before_it_and_a_made_up_one_none(pace, clock):
    first, second = ask(pace), ask(pace)
    pace.answer(second + 1)
    assert pace.waiting
    pace.answer(second)
    assert not pace.waiting
    pace.answer(first)
    assert not pace.waiting


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(pace, clock):
    ask(pace)
    clock.now += LOST_S + 0.1
    assert not pace.behind


def test_an_answer_may_be_given_up_between_two_looks_at_the_clock():
    times = [100.0]
    pace = Pace(lambda: times.pop(0) if len(times) > 1 else times[0])
    pace.answer(ask(pace))
    ask(pace)
    times[:] = [100.0 + LOST_S - 0.001, 100.0 + LOST_S]
    assert not pace.behind


def test_no_column_is_asked_from_again_before_its_answer_has_come(clock):
    """The answer to an old question would be taken for one to the newest: quicker than the terminal ever is."""
    pace = Pace(clock)
    for _ in range(2):
        told(pace, clock, 0.8)
    asked = 0
    while not pace.behind:
        ask(pace)
        clock.now += 0.02
        asked += 1
    assert asked == 20


def test_each_question_of_many_has_a_column_of_its_own_that_the_terminal_has(pace):
    assert len({ask(pace) for _ in range(20)}) == 20
    asked = {int(QUESTION.fullmatch(pace.question(7).encode())[1]) for _ in range(20)}
    assert asked == set(range(1, 8))


def test_a_terminal_of_another_size_owes_no_answer(pace):
    ask(pace)
    assert pace.behind
    pace.forget()
    assert not pace.behind


async def test_a_resize_paints_at_once():
    async with running(size=(80, 24)) as (app, pilot):
        app.frames.pace.answer(ask(app.frames.pace))
        ask(app.frames.pace)
        assert app.frames.pace.behind
        await pilot.resize_terminal(40, 10)
        assert not app.frames.pace.behind


async def test_what_a_frame_would_have_shown_is_painted_when_the_terminal_is_ready():
    async with running(size=(80, 24)) as (app, pilot):
        painted = []
        app.frames.pace = SimpleNamespace(behind=True, resting=True, answer=lambda column: None)
        assert app.frames.hold(ChopsUpdate([], [(3, 2, 8), (4, 0, 5)], []))
        app.frames.catch_up()
        compositor = app.screen._compositor
        refresh = app.screen._compositor_refresh
        app.screen._compositor_refresh = lambda: painted.append(set(compositor._dirty_regions)) or refresh()
        app.frames.catch_up()
        assert painted == []
        app.frames.pace.behind = False
        app.frames.answered(1)
        assert painted == [{Region(2, 3, 6, 1), Region(0, 4, 5, 1)}]
        app.frames.catch_up()
        assert len(painted) == 1
        await press(app, pilot, "2")
        assert "[2 Alerts" in screen_text(app)


async def test_what_the_screen_was_about_to_paint_is_painted_with_what_had_to_wait():
    async with running(size=(80, 24)) as (app, _):
        painted = []
        app.frames.pace = SimpleNamespace(behind=True, resting=True)
        assert app.frames.hold(ChopsUpdate([], [(3, 2, 8)], []))
        app.frames.pace.behind = False
        status = app.screen.query_one("#status")
        status._repaint_regions.add(Region(0, 0, 5, 1))
        app.screen._dirty_widgets.add(status)
        render = app.screen._compositor.render_update
        app.screen._compositor.render_update = lambda **rest: (
            painted.append(set(app.screen._compositor._dirty_regions)) or render(**rest)
        )
        app.frames.catch_up()
        assert not app.screen._dirty_widgets
        assert painted == [{Region(2, 3, 6, 1), Region(0, status.region.y, 5, 1)}]


async def test_a_frame_in_a_batch_waits_for_its_end():
    async with running(size=(80, 24)) as (app, _):
        painted = []
        app.frames.pace = SimpleNamespace(behind=False, resting=False)
        app.screen._compositor_refresh = lambda: painted.append(set(app.screen._compositor._dirty_regions))
        with app.batch_update():
            assert app.frames.hold(ChopsUpdate([], [(3, 2, 8)], []))
            app.frames.catch_up()
            assert not painted
        app.frames.catch_up()
        assert painted == [{Region(2, 3, 6, 1)}]


async def test_a_frame_of_a_larger_screen_is_painted_as_a_whole():
    async with running(size=(80, 24)) as (app, _):
        app.frames.pace = SimpleNamespace(behind=True, resting=True)
        assert app.frames.hold(ChopsUpdate([], [(60, 0, 200)], []))
        app.frames.pace.behind = False
        painted = []
        app.screen._compositor_refresh = lambda: painted.append(set(app.screen._compositor._dirty_regions))
        app.frames.catch_up()
        assert Region(0, 0, 80, 24) in painted[0]


def test_small_frames_of_a_calm_machine_are_asked_about_now_and_then_only():
    small, large = ChopsUpdate([], [(3, 2, 8)], []), ChopsUpdate([], [(3, 2, 8)] * 20, [])
    asked = []
    frames = Frames(SimpleNamespace(_driver=SimpleNamespace(write=asked.append), size=Size(80, 24)))
    frames.pace = SimpleNamespace(slow=False, waiting=False, question=lambda width: "?")

    def ask(frame, times=1):
        asked.clear()
        for _ in range(times):
            frames.ask(frame)
        return len(asked)

    assert ask(small, 5) == 5  # painted for a key, or while much happens
    frames._paints = True
    assert ask(small, 10) == 2
    assert ask(large, 5) == 5
    frames.pace.slow = True
    assert ask(small, 5) == 5
    frames.pace.slow, frames.pace.waiting = False, True
    assert ask(small, 5) == 5


def test_keys_typed_while_the_terminal_is_behind_are_acted_on_and_seen_in_one_frame():
    """In a real terminal: it is slow, then shows nothing for a while, then is ready again."""
    terminal = Terminal([sys.executable, "-m", "tests.ui.pty_app"], (80, 24))
    try:
        questions = waited(terminal, 1)
        answer(terminal, questions[0])
        questions = waited(terminal, 2)
        time.sleep(0.5)
        answer(terminal, questions[1])  # slow: 0.5 s for a frame
        questions = answered(terminal, len(questions))
        terminal.write("2")
        waited(terminal, len(questions) + 1)
        terminal.settle(1)  # a frame right behind may still ask along with it
        questions = QUESTION.findall(terminal.output)
        at = len(terminal.output)
        for key in "3", "4", "7":
            terminal.write(key)
            terminal.settle(0.3)
        assert terminal.output[at:].count(b"\x1b[6n") == 0, "a frame was written before the one before was shown"
        answer(terminal, questions[-1])
        terminal.wait_for("[7 Health]", since=at)
        assert "[3 Rules]" not in terminal.text(at)
        assert "[4 Board]" not in terminal.text(at)
        answer(terminal, waited(terminal, len(questions) + 1)[-1])
        terminal.write("q")
        while b"\x1b[?1049l" not in terminal.output:
            for column in QUESTION.findall(terminal.output)[-1:]:
                answer(terminal, column)
            terminal.read(0.05)
        assert terminal.wait_exit() == 0
    finally:
        terminal.close()


def waited(terminal, count):
    """Wait until so many questions were asked; return the columns they were asked from."""
    end = time.monotonic() + 30
    while len(found := QUESTION.findall(terminal.output)) < count:
        assert time.monotonic() < end, "no question"
        terminal.read(0.05)
    return found


def answered(terminal, count):
    """Answer what is asked after the first so many until the list is shown and calm; return all columns."""
    end = time.monotonic() + 60
    calm = 0.0
    while "FOLLOW" not in terminal.text() or time.monotonic() - calm < 1:
        assert time.monotonic() < end, f"{count} {QUESTION.findall(terminal.output)} {terminal._last_words()}"
        if len(found := QUESTION.findall(terminal.output)) > count:
            count, calm = len(found), time.monotonic()
            answer(terminal, found[-1])
        terminal.read(0.05)
    return QUESTION.findall(terminal.output)


def answer(terminal, column):
    terminal.write(b"\x1b[1;%sR" % column)
