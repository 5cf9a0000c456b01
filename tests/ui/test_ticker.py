"""Ticks of the screen: in step, one at a time, on a clock of the test's own; and a tick with nothing new is nothing."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import Context, ContextVar

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import FakeEngine
from tests.ui.test_snapshots import settle_scrollbars
from tuimon.ui import ticker as ticker_module
from tuimon.ui.app import TuimonApp
from tuimon.ui.ticker import Tick, Ticker
from tuimon.ui.widgets.painter import CellPainter
from tuimon.view.snapshot import Snapshot


class Loop:
    """An event loop whose time the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waiting: list[tuple[float, Callable[[], None], Loop]] = []
        self.cancelled = 0
        self.woken: list[Callable[[], None]] = []
        self.closed = False

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, call: Callable[[], None], context: Context) -> Loop:
        assert context[WHO] == "the screen"
        self.waiting.append((at_s, call, self))
        return self

    def call_soon_threadsafe(self, call: Callable[[], None], context: Context) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        assert context[WHO] == "the screen"
        self.woken.append(call)

    def cancel(self) -> None:
        self.cancelled += 1
        self.waiting.clear()

    @property
    def next_s(self) -> float:
        """When the next tick is due; there is one at most."""
        (at_s, _, _) = self.waiting[0]
        assert len(self.waiting) == 1
        return at_s

    def go(self, to_s: float) -> float:
        """Let time pass and do what is due; return when the next is due."""
        self.now_s = to_s
        (at_s, call, _) = self.waiting.pop(0)
        assert at_s <= to_s + 1e-9
        call()
        return self.next_s

    def wake(self) -> float:
        """Do what was asked for from another thread; return when the next tick is due."""
        self.woken.pop(0)()
        return self.next_s


WHO: ContextVar[str] = ContextVar("who")


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()

    class Asyncio:
        get_running_loop = staticmethod(lambda: made)
        TimerHandle = asyncio.TimerHandle
        AbstractEventLoop = asyncio.AbstractEventLoop

    monkeypatch.setattr(ticker_module, "asyncio", Asyncio)
    WHO.set("the screen")
    return made


class Ticks:
    """A ticker and what it told, in a loop of the test's own."""

    def __init__(self, loop: Loop, *, more: bool = False) -> None:
        self.more = more
        self.told: list[tuple[float, int]] = []
        self.errors: list[Exception] = []
        self.during: Callable[[], None] = lambda: None
        self.loop = loop
        self.ticker = Ticker(0.5, 6.0, self._call, self.errors.append)
        self.ticker.start()

    def _call(self, paces: int) -> bool:
        self.told.append((self.loop.now_s, paces))
        self.during()
        return self.more

    def calm(self) -> float:
        """Go on until the next tick is far; return when it is due."""
        while (due_s := self.loop.go(self.loop.next_s)) < self.loop.now_s + 6:
            pass
        self.told.clear()
        return due_s


def test_while_there_is_work_ticks_keep_step_and_leave_out_what_was_missed(loop: Loop) -> None:
    ticks = Ticks(loop, more=True)
    assert loop.go(100.5) == 101.0
    assert loop.go(101.25) == 101.5  # late: the next one is not
    assert loop.go(107.0) == 107.5  # eleven are missed, and not made up for
    assert ticks.told == [(100.5, 1), (101.25, 1), (107.0, 12)]
    ticks.ticker.stop()
    ticks.ticker.stop()
    assert loop.cancelled == 1
    assert not loop.waiting


def test_an_error_is_told_and_the_ticks_go_on(loop: Loop) -> None:
    ticks = Ticks(loop)

    def fail() -> None:
        raise ValueError("tick")

    ticks.during = fail
    loop.go(100.5)
    assert loop.go(101.0) == 101.5
    assert [str(error) for error in ticks.errors] == ["tick", "tick"]


def test_without_news_or_work_the_next_tick_is_far(loop: Loop) -> None:
    ticks = Ticks(loop)
    assert loop.go(100.5) == 106.5
    assert loop.go(106.5) == 112.5
    assert ticks.told == [(100.5, 1), (106.5, 12)]
    assert not loop.woken


def test_news_after_a_calm_is_shown_at_once_and_the_next_a_pace_later(loop: Loop) -> None:
    ticks = Ticks(loop)
    loop.go(100.5)
    loop.now_s = 103.2
    ticks.ticker.news()
    ticks.ticker.news()  # the thread is woken once, however much there is
    assert loop.wake() == 103.2
    assert not loop.woken
    loop.go(103.2)
    loop.now_s = 103.3
    ticks.ticker.news()
    assert loop.wake() == pytest.approx(103.7)
    loop.go(103.7)
    assert [paces for _, paces in ticks.told] == [1, 5, 1]


def test_a_flood_of_news_brings_no_more_ticks_than_the_pace_allows(loop: Loop) -> None:
    ticks = Ticks(loop)
    loop.go(100.5)
    for step in range(1, 101):
        loop.now_s = 100.5 + step / 20
        ticks.ticker.news()
        while loop.woken:
            loop.wake()
        if loop.next_s <= loop.now_s + 1e-9:
            loop.go(loop.now_s)
    assert len(ticks.told) == 1 + 10  # in five seconds


def test_news_that_comes_while_a_tick_looks_is_not_waited_with(loop: Loop) -> None:
    ticks = Ticks(loop)
    ticks.during = ticks.ticker.news
    loop.go(100.5)
    ticks.during = lambda: None
    assert loop.wake() == 101.0


def test_a_key_keeps_the_pace_for_a_while_and_comes_before_the_tick(loop: Loop) -> None:
    ticks = Ticks(loop)
    loop.go(100.5)
    loop.now_s = 104.0
    ticks.ticker.stir()
    assert loop.next_s == 104.5
    ticks.ticker.stir()
    assert loop.next_s == 104.5
    for due_s in (104.5, 105.0, 105.5):
        assert loop.go(due_s) == due_s + 0.5
    ticks.calm()
    assert loop.next_s == loop.now_s + 6


def test_news_for_a_screen_that_is_gone_is_nobodys(loop: Loop) -> None:
    ticks = Ticks(loop)
    loop.go(100.5)
    loop.closed = True
    ticks.ticker.news()
    ticks.ticker.stop()
    ticks.ticker.news()
    ticks.ticker.stir()
    assert not loop.waiting
    assert not loop.woken


@pytest.mark.parametrize("after", [0, 3, 9])
def test_what_is_due_every_so_often_is_due_once_however_far_the_ticks_are_apart(after: int) -> None:
    one_by_one = [at for at in range(1, 41) if Tick(at, at - 1).every(10, after)]
    assert one_by_one == [at for at in range(1, 41) if at % 10 == after]
    assert Tick(25, 4).every(10, after)
    assert not Tick(25, 25).every(10, after)


class Telling(FakeEngine):
    """An engine that says when there is news, and has none of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Callable[[], object]] = []
        self._told = FakeEngine.snapshot(self)

    def snapshot(self) -> Snapshot:
        return self._told

    def listen(self, told: Callable[[], object]) -> None:
        self.told.append(told)

    def tell(self) -> None:
        """Say in a thread, as an engine does, that there is something new."""
        self._told = FakeEngine.snapshot(self)
        for told in self.told:
            thread = threading.Thread(target=told)
            thread.start()
            thread.join()


@contextlib.asynccontextmanager
async def calm() -> AsyncIterator[tuple[TuimonApp, Pilot[None], Telling, list[int]]]:
    """Run a screen that has come to rest and that no clock wakes; gives the paces of its ticks from then on too."""
    engine = Telling()
    engine.feed()
    async with running(engine) as (app, pilot):
        pumped: list[int] = []
        app._ticker._calm_s = 1e6
        app._ticker.stir()
        await until(lambda: app._ticker._waits)
        pump = app.main.pump
        app.main.pump = lambda paces=1: pumped.append(paces) or pump(paces)  # type: ignore[method-assign,func-returns-value]
        yield app, pilot, engine, pumped


async def test_an_engine_that_tells_of_news_is_not_asked_again_and_again() -> None:
    async with calm() as (app, _, engine, pumped):
        engine.feed()
        engine.tell()
        await until(lambda: pumped)
        assert len(app.session.live) == engine.fed
        await until(lambda: app._ticker._waits)
        assert not app._pump()


async def test_a_key_is_followed_by_ticks_that_nobody_has_to_ask_for() -> None:
    async with calm() as (app, pilot, _, pumped):
        await pilot.press("j")
        await until(lambda: len(pumped) > 2)
        await until(lambda: app._ticker._waits)


async def test_an_engine_that_cannot_tell_is_asked_ten_times_a_second() -> None:
    async with running() as (app, _):
        assert app._pump()
        assert not app._ticker._waits


async def test_what_is_searched_sorted_folded_or_counted_is_looked_at_until_it_is_there() -> None:
    async with calm() as (app, _, engine, _pumped):
        app._ticker.stop()
        session, live = app.session, app.main.live
        session._scan.stop()
        engine.feed()
        app.main.pump(1)
        session.set_filter("evt.nr = 1")
        assert app._pump()
        session.live.scan(60.0)
        app.main.pump(1)
        assert not app._pump()
        arrangement = live.events.arrangement
        arrangement.sort(live.events.list.columns[0])
        assert app.main.at_work
        await until(lambda: not app._pump())
        assert arrangement.sorted is not None
        arrangement.look("nowhere", 1, 1)
        assert app.main.at_work
        await until(lambda: not app._pump())
        live.show_view("process")
        assert app.main.at_work
        await until(lambda: not app._pump())
        assert live.top.drill.progress == 1


async def test_files_are_looked_at_once_a_second_whatever_the_ticks() -> None:
    async with calm() as (app, _, _engine, _pumped):
        app._ticker.stop()
        polled: list[int] = []
        app.main.poll_files = lambda: polled.append(app.main._tick)  # type: ignore[method-assign]
        app._files_in = 10
        for _ in range(20):
            app._pump()
        assert len(polled) == 2
        for _ in range(3):
            app._pump(12)
        assert len(polled) == 5


async def test_the_tick_after_a_calm_paints_at_once_and_leaves_no_message_behind() -> None:
    async with calm() as (app, pilot, engine, _pumped):
        app._ticker.stop()
        await settle_calm(app, pilot)
        painted = count_paints(app)
        engine.notices = ("something is amiss",)
        engine._told = FakeEngine.snapshot(engine)
        app._pump(10)
        assert len(painted) == 1
        assert "something is amiss" in screen_text(app)
        widgets = [app.main, *app.main.query(CellPainter)]
        assert [one for one in widgets if one._message_queue.qsize() or one._repaint_required] == []
        app._pump(10)  # nothing is new, and the clock stands still here
        assert len(painted) == 1


async def test_after_a_calm_what_is_more_than_painting_goes_textuals_way() -> None:
    async with calm() as (app, pilot, engine, _pumped):
        app._ticker.stop()
        await settle_calm(app, pilot)
        painted = count_paints(app)
        for number, hinder in enumerate((lambda: setattr(app.main, "_layout_required", True), app.action_keys)):
            hinder()
            engine.notices = (f"amiss {number}",)
            engine._told = FakeEngine.snapshot(engine)
            app._pump(10)
            assert not painted
            await pilot.pause()
            if number:
                await press(app, pilot, "escape")
            await until(lambda said=engine.notices[0]: said in screen_text(app))
            painted.clear()


async def settle_calm(app: TuimonApp, pilot: Pilot[None]) -> None:
    """Let all that is to be painted be painted."""
    app._pump()
    settle_scrollbars(app)
    await settle(app, pilot)
    app.main.show_fixed()
    await pilot.pause()


def count_paints(app: TuimonApp) -> list[int]:
    """Return a list that gets an entry with each frame of the main screen."""
    painted: list[int] = []
    refresh = app.main._compositor_refresh
    app.main._compositor_refresh = lambda: painted.append(1) or refresh()  # type: ignore[method-assign,func-returns-value]
    return painted


async def test_a_tick_with_nothing_new_paints_nothing_and_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as (app, pilot):
        told = app.session.engine.snapshot()
        app.session.engine.snapshot = lambda: told
        await settle(app, pilot)
        app._ticker.stop()
        app._pump()
        settle_scrollbars(app)  # else they follow the rows half a second later, maybe in a tick
        await settle(app, pilot)
        painted: list[Widget] = []
        monkeypatch.setattr(Widget, "refresh", lambda self, *_, **__: painted.append(self))
        monkeypatch.setattr(Widget, "check_idle", painted.append)
        app.main._heads_tick = app.main._tick
        for _ in range(9):
            app._pump()
        assert painted == []


async def test_heads_are_painted_with_the_figures_and_a_clock_without_them() -> None:
    async with running() as (app, pilot):
        engine = app.session.engine
        told = engine.snapshot()
        engine.snapshot = lambda: told
        await settle(app, pilot)
        app._ticker.stop()
        app._pump()
        heads: list[int] = []
        app.main.show_fixed = lambda: heads.append(app.main._tick)
        began = app.main._heads_tick = app.main._tick
        for _ in range(8):
            app._pump()
        told = type(engine).snapshot(engine)
        app._pump()
        assert heads == [began + 9]  # with the figures, about a second after the last
        for _ in range(12):
            app._pump()
        assert heads == [began + 9, began + 21]  # there are none: the clock goes on nevertheless
