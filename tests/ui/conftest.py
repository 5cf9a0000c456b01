"""The screen under test: a fake engine, UTC, no waiting but for what is waited for."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from textual import _wait
from textual._context import active_app
from textual.css.stylesheet import Stylesheet
from textual.notifications import Notification
from textual.pilot import Pilot, WaitForScreenTimeout
from textual.widgets._toast import Toast

from tests.ui.fake_engine import fed_engine
from tuimon.enrich.container_users import CONTAINER_USERS, Names
from tuimon.ui.app import TuimonApp

_LOOK_S = 0.005
"""Between two looks whether all has come to rest."""
_LONGER = 20
"""Times as long as to a user notices are shown to a test."""


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


@pytest.fixture(autouse=True)
def _idle_is_idle(monkeypatch):
    """Textual takes a process that gets no CPU for idle, as on a busy machine: look at what there is to do instead."""
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", _idle)
    monkeypatch.setattr(Pilot, "_wait_for_screen", _all_is_handled)


@pytest.fixture(autouse=True)
def _parsed_once(monkeypatch):
    """Parse each style sheet once for all tests: what a rule says hangs on its text and the theme's colours alone."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", _rules_known)


@pytest.fixture(autouse=True)
def _what_is_said_is_read(monkeypatch):
    """Notices last for two seconds and more: on a busy machine they were gone before a test had looked for them."""

    def longer(message, title, severity, timeout, **more):
        return Notification(message, title, severity, timeout * _LONGER if timeout >= 1 else timeout, **more)

    monkeypatch.setattr("textual.app.Notification", longer)


_PARSED = {}
"""The rules of each style sheet with the colours of each theme."""
_parse_rules = Stylesheet._parse_rules


def _rules_known(sheet, css, *place, **more):
    key = (css, place, *more.items(), *sheet._variables.items())
    if key not in _PARSED:
        _PARSED[key] = _parse_rules(sheet, css, *place, **more)
    return _PARSED[key]


async def _all_is_handled(pilot, timeout=120.0):
    """Wait until all widgets have done what they were told.

    Textual tells each of them one thing more and waits for that; here one looks whether they wait for something to do.
    """
    app, end = pilot.app, time.monotonic() + timeout
    if not app.screen_stack:
        return False
    nodes, looks = [app, *app.screen.walk_children(with_self=True)], 0
    while not all(map(_has_nothing_to_do, nodes)):
        if app._exception_event.is_set():
            return False
        if time.monotonic() > end:
            raise WaitForScreenTimeout("waited in vain for the widgets to do what they were told")
        looks += 1
        await asyncio.sleep(0 if looks % 100 else 0.005)  # what they wait for may need the CPU
    return True


def _has_nothing_to_do(pump):
    told = pump._message_queue.ready_event
    return pump._closing or pump._closed or (bool(told._waiters) and not told.is_set())


async def _idle(*_times_s):
    """Wait until no task can go on, nothing is to be painted and no other thread works.

    Textual waits until the process has used next to no CPU for a while, so at least one while more than it worked in. A
    thread that goes on and on is waited for as long as Textual would.
    """
    app, loop, end = active_app.get(None), asyncio.get_running_loop(), time.monotonic() + 1
    busy = True
    while busy and time.monotonic() < end:
        has_threads = app is not None and not all(worker.is_finished for worker in app.workers)
        look_s = _wait.SLEEP_GRANULARITY if has_threads else _LOOK_S  # a thread may have to wait for the CPU
        by_others_s = _by_other_threads_s()
        await asyncio.sleep(look_s)
        await _no_task_can_go_on(loop)
        busy = _is_unpainted(app) or _by_other_threads_s() - by_others_s >= look_s / 20


async def _no_task_can_go_on(loop):
    """Wait until no task of the loop can go on without a timer, a thread or a key."""
    still, end = 0, time.monotonic() + 10
    while still < 3 and time.monotonic() < end:
        await asyncio.sleep(0)
        still = 0 if loop._ready else still + 1


def _by_other_threads_s():
    """Return the CPU time of all threads but that of the screen."""
    return time.process_time() - time.thread_time()


def _is_unpainted(app):
    """Whether the next frame has something to do."""
    if app is None or not app.screen_stack or app._batch_count:
        return False
    screen = app.screen
    asked = screen._layout_required or screen._scroll_required or screen._repaint_required or screen._recompose_required
    return screen.is_current and bool(asked or screen._dirty_widgets or screen._callbacks)


@asynccontextmanager
async def running(engine=None, *, size=(120, 40), **options):
    """Run an app over an engine until the block ends; gives the app and its pilot."""
    app = TuimonApp(engine if engine is not None else fed_engine(), **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(lambda: app.session is not None)
        await settle(app, pilot)
        yield app, pilot


async def until(condition, timeout_s=60.0):
    """Wait until something is so; fail when it does not become so, with what the screen shows."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain; the screen shows\n{_seen()}"
        await asyncio.sleep(0.01)


def _seen():
    app = active_app.get(None)
    return screen_text(app) if app is not None and app.screen_stack else "nothing"


async def press(app, pilot, *keys):
    """Press keys, one after the other, and let what they do come to its end."""
    for key in keys:
        await pilot.press(key)
    await settle(app, pilot)


async def settle(app, pilot):
    """Let everything that is under way come to its end."""
    await pilot.pause()
    if app.session is not None:
        await until(_caught_up(app))
        await until(lambda: all(worker.is_finished for worker in app.workers))
        await pilot.pause()  # what they found is shown
        app.main.pump()
        app.main.pump()
    await pilot.pause()


def _caught_up(app):
    """Return what says whether the list shows all that there is now, having looked."""
    session, newest = app.session, app.session.live.history.last_num

    def has():
        app.main.pump()
        live = session.live
        judged = live.progress == 1.0 and live._working.high > newest
        return app.session is not session or (not live.pending and (judged or live.error is not None))

    return has


async def checked(app, pilot):
    """Let what waits for a pause in typing come to its end, too."""
    await until(lambda: not any(map(_waits, app.screen.walk_children(with_self=True))))
    await settle(app, pilot)


def _waits(widget):
    """Whether a widget has something to do in a moment."""
    once = (timer for timer in widget._timers if timer._repeat == 0)
    return not isinstance(widget, Toast) and any(timer._task is not None and not timer._task.done() for timer in once)


def screen_text(app) -> str:
    """Return what the screen shows, as lines of text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
