"""Keys and clicks that come before there is an engine: a start takes seconds on a busy machine, and people type."""

from __future__ import annotations

import threading

import pytest

from tests.ui.conftest import screen_text
from tuimon.ui.app import TuimonApp

TABS = ("live", "alerts", "rules", "board", "tree", "replay", "health")
LEAVING = {"quit", "interrupt"}


@pytest.fixture
def starting():
    """Return what makes an engine as long as the test runs."""
    over = threading.Event()

    def start():
        over.wait()
        raise SystemExit

    yield start
    over.set()


def offered(app, *, everywhere):
    """Return the keys of what has the focus that do not leave the program, with or without those of everywhere."""
    bound = app.screen.active_bindings.values()
    own = [one for one in bound if everywhere or one.node not in (app, app.main)]
    return sorted({one.binding.key for one in own if one.binding.action not in LEAVING})


@pytest.mark.parametrize("tab", TABS)
async def test_no_key_ends_a_screen_that_waits_for_its_engine(tab, starting):
    app = TuimonApp(starting)
    async with app.run_test(size=(80, 24)) as pilot:
        app.main.action_tab(tab)
        await pilot.pause()
        for key in offered(app, everywhere=tab == "live"):
            await pilot.press(key)
            assert app._exception is None, key
            app.pop_to_main()
            app.main.action_tab(tab)
        assert "starting" in screen_text(app)


@pytest.mark.parametrize("tab", ["rules", "board", "tree", "replay"])
async def test_no_click_ends_a_screen_that_waits_for_its_engine(tab, starting):
    app = TuimonApp(starting)
    async with app.run_test(size=(80, 24)) as pilot:
        app.main.action_tab(tab)
        await pilot.pause()
        for y in (4, 8, 20):
            await pilot.click(offset=(30, y), times=2)
            app.pop_to_main()
        assert app._exception is None
        assert "starting" in screen_text(app)
