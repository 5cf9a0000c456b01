"""Ticks of the screen: in step, one at a time, on a clock of the test's own; and a tick with nothing new is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.widget import Widget

from tests.ui.conftest import running, settle
from tests.ui.test_snapshots import settle_scrollbars
from tuimon.ui import ticker as ticker_module
from tuimon.ui.ticker import Ticker


class Loop:
    """An event loop whose time the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waiting: list[tuple[float, Callable[[], None], Loop]] = []
        self.cancelled = 0

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, call: Callable[[], None]) -> Loop:
        self.waiting.append((at_s, call, self))
        return self

    def cancel(self) -> None:
        self.cancelled += 1
        self.waiting.clear()

    def go(self, to_s: float) -> float:
        """Let time pass and do what is due; return when the next is due."""
        self.now_s = to_s
        (at_s, call, _) = self.waiting.pop(0)
        assert at_s <= to_s + 1e-9
        call()
        return self.waiting[0][0]


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()

    class Asyncio:
        get_running_loop = staticmethod(lambda: made)
        TimerHandle = asyncio.TimerHandle

    monkeypatch.setattr(ticker_module, "asyncio", Asyncio)
    return made


def test_ticks_keep_step_and_leave_out_what_was_missed(loop: Loop) -> None:
    ticks: list[float] = []
    ticker = Ticker(0.5, lambda: ticks.append(loop.now_s), ticks.append)  # type: ignore[arg-type]
    ticker.start()
    assert loop.go(100.5) == 101.0
    assert loop.go(101.25) == 101.5  # late: the next one is not
    assert loop.go(107.0) == 107.5  # eleven are missed, and not made up for
    assert ticks == [100.5, 101.25, 107.0]
    ticker.stop()
    ticker.stop()
    assert loop.cancelled == 1
    assert not loop.waiting


def test_an_error_is_told_and_the_ticks_go_on(loop: Loop) -> None:
    errors: list[Exception] = []

    def fail() -> None:
        raise ValueError("tick")

    ticker = Ticker(0.5, fail, errors.append)
    ticker.start()
    loop.go(100.5)
    loop.go(101.0)
    assert [str(error) for error in errors] == ["tick", "tick"]


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
