"""The screen under test: a fake engine, UTC, no waiting but for what is waited for."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.enrich.container_users import CONTAINER_USERS, Names
from tuimon.ui.app import TuimonApp


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch, tmp_path):
    """Times on the screen are local and the node has a name: make both the same everywhere."""
    from tuimon.view import clock

    monkeypatch.setenv("TZ", "UTC")
    # What is copied or kept between runs must not end up with whoever runs the tests.
    monkeypatch.delenv("SUDO_USER", raising=False)
    for kind in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / f"xdg-{kind.lower()}"))
    monkeypatch.setenv("FALCO_HOSTNAME", "node-1")
    time.tzset()
    clock._second.cache_clear()
    # It is for a process with one screen: here it would keep every screen of every test, and collect for each.
    monkeypatch.setattr("tuimon.ui.app.tune", lambda: None)
    # A made-up process may have the number of a real one, whose files would be read in the background.
    names = Names(loaded=True)
    monkeypatch.setattr(CONTAINER_USERS, "names", lambda container, member=0: names)
    yield
    monkeypatch.undo()
    time.tzset()
    clock._second.cache_clear()


@asynccontextmanager
async def running(engine=None, *, size=(120, 40), **options):
    """Run an app over an engine until the block ends; gives the app and its pilot."""
    app = TuimonApp(engine if engine is not None else fed_engine(), **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(lambda: app.session is not None)
        await settle(app, pilot)
        yield app, pilot


async def until(condition, timeout_s=30.0):
    """Wait until something is so; fail when it does not become so."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


async def press(app, pilot, *keys):
    """Press keys, one after the other, and let what they do come to its end."""
    for key in keys:
        await pilot.press(key)
    await settle(app, pilot)


async def settle(app, pilot):
    """Let everything that is under way come to its end."""
    await pilot.pause()
    if app.session is not None:
        await until(lambda: app.session.live.progress == 1.0)
        app.main.pump()
        await until(lambda: app.session.live._next is None or not app.main.pump())
        app.main.pump()
    await pilot.pause()


def screen_text(app) -> str:
    """Return what the screen shows, as lines of text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
