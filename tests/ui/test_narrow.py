"""80 columns: nothing is cut that one has to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ui.conftest import checked, press, running, screen_text, until
from tests.ui.fake_engine import FakeEngine, fed_engine
from tuimon.ui.panes.pane import whole_keys
from tuimon.ui.widgets.filter_bar import FilterInput
from tuimon.view.alert_lines import AlertLines
from tuimon.view.alert_view import AlertView
from tuimon.view.noise import Loudest
from tuimon.view.noise_lines import loudest_foot
from tuimon.wording import counted


@pytest.mark.parametrize(
    ("width", "shown"),
    [(40, "enter open  a ack  m mute"), (24, "enter open  a ack"), (17, "enter open  a ack"), (3, "enter open")],
)
def test_keys_on_a_frame_are_shown_whole_or_not_at_all(width, shown):
    assert whole_keys("enter open  a ack  m mute", width) == shown


def test_the_loudest_rule_is_told_with_the_key_that_ranks():
    loud = Loudest("Environment Of Another Process Read", 97, 0.97)
    assert loudest_foot(loud, 200).endswith("(% ranks, x drafts an exception)")
    assert loudest_foot(loud, 74) == "97% are one rule: Environment Of Another Process Read  % ranks"
    assert loudest_foot(loud, 50) == "97% are one rule: Environment Of Anoth...  % ranks"
    assert loudest_foot(None, 50) == ""


def test_one_is_not_many():
    assert [counted(n, "alert") for n in (0, 1, 1200)] == ["0 alerts", "1 alert", "1,200 alerts"]


@pytest.mark.parametrize(("width", "word"), [(76, "?"), (120, "unconfirmed")])
def test_the_mark_of_an_unconfirmed_alert_leaves_the_rule_its_name(width, word):
    engine = FakeEngine()
    engine.feed()
    alert = replace(engine.alert("Environment Of Another Process Read", row=3), unconfirmed=True)
    view = AlertView(lambda num: [alert] if not num else [])
    view.sync()
    line = AlertLines(view).line(0, width)
    assert word in [cell.text.strip() for cell in line]


@pytest.mark.parametrize(("size", "words"), [((80, 24), "? all keys   c containers"), ((120, 40), "? all keys")])
async def test_the_hint_of_a_first_start_says_how_to_get_help(size, words):
    async with running(fed_engine(), size=size) as (app, _):
        assert words in screen_text(app)


async def test_a_frame_shows_more_keys_when_the_terminal_becomes_wider():
    async with running(fed_engine(), size=(80, 24)) as (app, pilot):
        await press(app, pilot, "3")
        assert "f5 diff" in screen_text(app)
        assert "f3 preview" not in screen_text(app)
        await pilot.resize_terminal(200, 50)
        await press(app, pilot)
        assert "f3 preview" in screen_text(app)


async def test_the_smallest_terminal_shows_every_tab_and_how_to_get_help():
    async with running(fed_engine(), size=(60, 16)) as (app, pilot):
        await press(app, pilot, "6")
        line = screen_text(app).splitlines()[1].split()
        assert [*line[:4], *line[-5:]] == ["1", "2", "6!", "3", "[6", "Replay]", "7", "?", "help"]
        await pilot.click("#tabs", offset=(3, 0))
        await press(app, pilot)
        assert app.main.shown_name == "live"


async def test_what_is_offered_stays_on_the_screen_once_the_filter_is_checked():
    """The check puts the list where it belongs anew: of 80 columns it takes all, and begins at the first."""
    async with running(size=(80, 24)) as (app, pilot):
        await press(app, pilot, "slash", *"proc.na")
        line = app.main.query_one(FilterInput)
        await until(lambda: line.offered.is_open)
        await checked(app, pilot)
        line.move_list()
        await checked(app, pilot)
        assert line.offered.region.x == 0
        assert "proc.name" in screen_text(app).splitlines()[line.offered.region.y]
