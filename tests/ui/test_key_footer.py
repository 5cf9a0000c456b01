"""The line of keys: whole ones only, and always how to get out."""

from __future__ import annotations

import pytest
from textual.widgets._footer import FooterKey

from tests.ui.conftest import press, running, screen_text, settle
from tuimon.ui.app import TuimonApp
from tuimon.ui.widgets.key_footer import KeyFooter, fitting


def key(name, description="Word"):
    return FooterKey(name, name, description, "do")


def test_keys_are_shown_whole_or_not_at_all():
    keys = [key("a"), key("b"), key("c"), key("q", "Quit")]
    assert [one.key for one in fitting(keys, {"q"}, 4 * 7)] == ["a", "b", "c", "q"]
    assert [one.key for one in fitting(keys, {"q"}, 4 * 7 - 1)] == ["a", "b", "c", "q"]
    assert [one.key for one in fitting(keys, {"q"}, 4 * 7 - 2)] == ["a", "b", "q"]


def test_the_keys_of_everywhere_stay_whatever_room_there_is():
    assert [one.key for one in fitting([key("a"), key("q")], {"q"}, 3)] == ["q"]


@pytest.mark.parametrize("tab", "1234567")
async def test_no_tab_cuts_a_key_at_80_columns(tab):
    async with running(size=(80, 24)) as (app, pilot):
        await press(app, pilot, tab)
        footer = app.screen.query_one(KeyFooter)
        names = [f"{one.key_display} {one.description}" for one in footer.query(FooterKey)]
        assert screen_text(app).splitlines()[-1].rstrip() == " ".join(names)
        assert names[-2:] == ["q Quit", "? Help"]


async def test_a_wider_terminal_shows_more_keys():
    async with running(size=(80, 24)) as (app, pilot):
        footer = app.screen.query_one(KeyFooter)
        before = len(footer.query(FooterKey))
        await pilot.resize_terminal(160, 40)
        await settle(app, pilot)
        assert len(footer.query(FooterKey)) > before


async def test_a_key_of_the_user_s_own_stands_where_the_one_it_replaces_was():
    """Textual puts it behind all others, where the line may have no room left."""
    lines = []
    for keys in ({}, {"alerts.ack": "K", "alerts.mute": "ctrl+u,Z", "app.quit": "Q"}):
        async with running(size=(120, 40), keys=keys) as (app, pilot):
            await press(app, pilot, "2")
            lines.append([key.description for key in app.screen.query_one(KeyFooter).query(FooterKey)])
            assert "K Ack" in screen_text(app) or not keys
    assert lines[0] == lines[1]


async def test_merged_bindings_are_those_of_the_class_in_the_order_in_which_they_are_written():
    """``DOMNode._merged_bindings`` and ``Screen._modal_binding_chain``: what the order of the line rests on."""
    async with running(size=(80, 24), keys={"app.quit": "Q"}) as (app, _):
        nodes = [node for node, _ in app.screen._modal_binding_chain]
        assert nodes[-1] is app
        merged = [(one.action, key) for key, one in TuimonApp._merged_bindings]
        assert merged.index(("quit", "q")) < merged.index(("keys", "question_mark")) < merged.index(("theme", "T"))
