"""From an alert to what it is about, and the number on the tab: what is still to be looked at."""

from __future__ import annotations

import pytest
from textual import events

from tests.ui.conftest import press, running, screen_text, settle
from tests.ui.fake_engine import fed_engine
from tests.ui.side_engine import side_engine
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.mute import MuteDialog
from tuimon.ui.tabs.tree_tab import TreeList
from tuimon.ui.widgets.filter_bar import FilterInput
from tuimon.ui.widgets.lists import LiveList


def under(app):
    """Return the number of the event under the cursor of the live list."""
    events = app.main.query_one(LiveList)
    return events.source.event(events.cursor).num


async def go(app, pilot, *keys):
    """Go somewhere from the second alert of the list; return its event."""
    await press(app, pilot, "2", "down")
    alert = app.main.alerts.alerts.alert_under_cursor()
    await press(app, pilot, "l", *keys)
    return alert.event


@pytest.mark.parametrize(
    ("key", "filter_text", "chosen"),
    [
        ("e", "", ""),
        ("c", "", "web"),
        ("p", "container.id = 3ad7b26ded6d and proc.pid = 4417", ""),
        ("f", "fd.name = /etc/shadow", ""),
    ],
)
async def test_from_an_alert_to_what_it_is_about(key, filter_text, chosen):
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "slash", *"passwd", "enter")  # which would hide it
        event = await go(app, pilot, key)
        assert app.main.shown_name == "live"
        assert app.session.filter_text == filter_text
        assert app.session.chosen_name == chosen
        assert under(app) == event.num
        await press(app, pilot, "left_square_bracket", *["left_square_bracket"] * bool(filter_text or chosen))
        assert app.session.filter_text == "passwd", "the way back"


async def test_from_an_alert_to_its_process_in_the_tree_whatever_is_folded():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "5", "minus")
        event = await go(app, pilot, "t")
        assert app.main.shown_name == "tree"
        assert app.main.query_one(TreeList).process_under_cursor().pid == event.process.pid


async def test_the_dialog_of_an_alert_leads_there_too_and_is_closed():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "down", "enter", "l")
        assert isinstance(app.screen, Choice)
        assert "Go to" in screen_text(app)
        assert "everything in web" in screen_text(app)
        await press(app, pilot, "c")
        assert app.screen is app.main
        assert app.session.chosen_name == "web"


async def test_from_an_event_to_its_process_in_the_tree():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "g", "j")
        event = app.main.query_one(LiveList).event_under_cursor()
        await press(app, pilot, "enter", "l", "t")
        assert app.screen is app.main
        assert app.main.query_one(TreeList).process_under_cursor().pid == event.process.pid


async def test_a_key_behind_the_one_that_closes_the_question_is_not_lost_in_it():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "down", "l")
        app.post_message(events.Key("alt+m", "m"))  # esc and m, read at once
        await settle(app, pilot)
        assert isinstance(app.screen, MuteDialog)
        await press(app, pilot, "escape", "l")
        for key in ("c", "slash"):
            app.post_message(events.Key(key, "/" if key == "slash" else key))
        await settle(app, pilot)
        assert app.session.chosen_name == "web"
        assert isinstance(app.focused, FilterInput)


async def test_the_tab_counts_the_alerts_that_are_still_to_be_looked_at():
    async with running(fed_engine()) as (app, pilot):
        total = app.session.alerts.total
        assert f"2 Alerts {total}!" in screen_text(app)
        await press(app, pilot, "2", "a")
        left = app.session.alerts.open
        assert 0 < left < total
        assert f"2 Alerts {left}!" in screen_text(app)
        await press(app, pilot, "ctrl+k", "end", "enter")
        assert "!" not in screen_text(app).splitlines()[1]
