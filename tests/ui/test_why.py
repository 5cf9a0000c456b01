"""Why a rule fired or did not: from an alert, from a live event, and what it says."""

from __future__ import annotations

import pytest

from tests.ui.bench_engine import bench_engine
from tests.ui.conftest import running, screen_text, settle
from tests.ui.test_snapshots import SIZES, ready
from tuimon.ui.app import TuimonApp
from tuimon.ui.screens.why import WhyScreen
from tuimon.ui.widgets.rule_editor import RuleEditor


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_alert_s_condition_is_a_tree_with_values_and_truth(size):
    async with running(bench_engine(), size=size) as (app, pilot):
        await pilot.press("2", "g", "w")
        await settle(app, pilot)
        assert isinstance(app.screen, WhyScreen)
        text = screen_text(app)
        assert "T Read the shadow file" in text
        assert "T fd.name = /etc/shadow" in text
        assert "is: /etc/shadow" in text
        await pilot.press("escape")
        assert app.screen is app.main


async def test_macros_and_lists_are_opened_with_their_place():
    async with running(bench_engine()) as (app, pilot):
        await pilot.press("2", "down", "w")
        await settle(app, pilot)
        text = screen_text(app)
        assert "T container  tuimon.yaml:5" in text
        assert "shells (tuimon.yaml:2): bash, sh, zsh" in text


async def test_a_live_event_that_no_rule_matched_says_what_it_failed_on():
    async with running(bench_engine()) as (app, pilot):
        await pilot.press("g", "down", "w")
        await settle(app, pilot)
        text = screen_text(app)
        assert "no rule matched" in text
        assert "F Read the shadow file  failed on 1 part  local.yaml:1" in text
        assert "is: /etc/passwd" in text


async def test_e_goes_to_the_rule_and_closes_every_dialog():
    async with running(bench_engine()) as (app, pilot):
        await pilot.press("2", "g", "enter", "w", "e")
        await settle(app, pilot)
        assert app.screen is app.main
        assert isinstance(app.focused, RuleEditor)


async def test_hostile_values_are_shown_escaped():
    bad = "\x1b[31m\u202eevil\n"
    async with running(bench_engine(hostile=bad)) as (app, pilot):
        await pilot.press("g", *["down"] * 20, "w")
        await settle(app, pilot)
        assert isinstance(app.screen, WhyScreen)
        text = screen_text(app)
        assert "evil" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize("size", ["80x24", "120x40"])
def test_picture(snap_compare, size):
    app = TuimonApp(bench_engine())
    keys = ["2", "down", "w"]
    assert snap_compare(app, terminal_size=SIZES[size], run_before=lambda pilot: ready(pilot, keys))
