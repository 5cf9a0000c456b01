"""Every key does what the footer and the help say: one case for each binding, and none without."""

from __future__ import annotations

import json

import pytest
from textual.command import CommandPalette

from tests.ui import bench_keys, live_keys, triage_keys, word_keys
from tests.ui.cases import end_containers, registry
from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES, RuleFile, fed_engine
from tuimon.ui.app import TuimonApp
from tuimon.ui.panes.alerts_pane import AlertsPane
from tuimon.ui.panes.containers_pane import ContainersPane
from tuimon.ui.panes.live_pane import LivePane
from tuimon.ui.screens.alert_details import AlertDetails
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.details import Details
from tuimon.ui.screens.event_details import EventDetails
from tuimon.ui.screens.help import Help
from tuimon.ui.screens.main import MainScreen
from tuimon.ui.screens.why import WhyScreen
from tuimon.ui.tabs.rules_tab import RulesTab
from tuimon.ui.widgets.filter_bar import FilterInput
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import AlertList, ContainerList, LiveList
from tuimon.ui.widgets.rule_editor import RuleEditor

OWNERS = (
    TuimonApp, MainScreen, LineList, LivePane, LiveList, ContainersPane, ContainerList, AlertsPane, AlertList,
    FilterInput, RulesTab, RuleEditor, Details, EventDetails, AlertDetails, *live_keys.OWNERS,
    *triage_keys.OWNERS, *word_keys.OWNERS, *bench_keys.OWNERS,
)  # fmt: skip
CASES, case = registry()
CASES |= live_keys.CASES | triage_keys.CASES | word_keys.CASES | bench_keys.CASES


def live(app):
    return app.main.query_one(LiveList)


def body(app):
    return app.main.query_one("#body").current


@case("app.quit", "app.quit_anywhere", "app.interrupt")
async def quits(app, pilot, keys):
    await pilot.press(keys[0])
    await pilot.pause()
    assert app._exit


@case("app.help", "app.keys")
async def helps(app, pilot, keys):
    await press(app, pilot, keys[0])
    assert isinstance(app.screen, Help)
    await press(app, pilot, keys[0])  # no second one on top
    assert len(app.screen_stack) == 2
    await press(app, pilot, "escape")
    assert app.screen is app.main


@case("app.commands", "app.commands_anywhere")
async def opens_the_palette(app, pilot, keys):
    await press(app, pilot, keys[0])
    assert isinstance(app.screen, CommandPalette)


@case("tab.live")
async def shows_live(app, pilot, keys):
    await press(app, pilot, "2", keys[0])
    assert body(app) == "live"
    assert app.focused is live(app)


@case("tab.alerts")
async def shows_alerts(app, pilot, keys):
    await press(app, pilot, keys[0])
    assert body(app) == "alerts"
    assert "fields of the output" in screen_text(app)


@case("tab.rules")
async def shows_rules(app, pilot, keys):
    await press(app, pilot, keys[0])
    assert body(app) == "rules"
    assert app.main.query_one(RuleEditor).text == LOCAL_RULES


@case("tab.board", "tab.tree", "tab.replay", "tab.health")
async def shows_a_side_tab(app, pilot, keys):
    await press(app, pilot, keys[0])
    assert body(app) not in ("live", "alerts", "rules")
    await press(app, pilot, "1")
    assert body(app) == "live"


@case("record")
async def records(app, pilot, keys):
    app.session.engine.live = False
    await settle(app, pilot)
    await press(app, pilot, keys[0])
    assert app.screen is app.main
    app.session.engine.live = True
    await settle(app, pilot)
    await press(app, pilot, keys[0])
    assert type(app.screen).__name__ == "Ask"


@case("filter.open", "filter.apply")
async def filters(app, pilot, keys):
    await press(app, pilot, "3", "slash", *"shadow", "enter")
    assert app.session.filter_text == "shadow"
    assert body(app) == "live"
    assert app.focused is live(app)
    assert "54 hidden by filter" in screen_text(app)
    assert len(app.session.live) == 6


@case("filter.leave")
async def leaves_the_filter(app, pilot, keys):
    await press(app, pilot, "slash", *"shadow", keys[0])
    assert app.session.filter_text == ""
    assert app.focused is live(app)


@case("filter.older", "filter.newer")
async def recalls_filters(app, pilot, keys):
    for text in ("shadow", "passwd"):
        app.session.filter_history.add(text)
    await press(app, pilot, "slash", "up")
    assert app.main.query_one(FilterInput).value == "passwd"
    await press(app, pilot, "up")
    assert app.main.query_one(FilterInput).value == "shadow"
    await press(app, pilot, "down", "down")
    assert app.main.query_one(FilterInput).value == ""


@case("containers.focus", "containers.choose")
async def chooses_a_container(app, pilot, keys):
    await press(app, pilot, "c", "down", "enter")
    assert app.session.containers.chosen_id == "3ad7b26ded6d"
    assert "node-1 > web" in screen_text(app)
    assert {row.container_id for row in app.session.alerts.rows} == {"3ad7b26ded6d"}


@case("live.loud")
async def asks_for_loud_calls(app, pilot, keys):
    assert not app.session.engine.everything
    await press(app, pilot, *keys)
    assert app.session.engine.everything
    assert "loud calls shown" in screen_text(app)


@case("pane.zoom")
async def zooms(app, pilot, keys):
    width = live(app).size.width
    await press(app, pilot, keys[0])
    assert live(app).size.width > width
    assert not app.main.query_one("#alerts-pane").display
    await press(app, pilot, keys[0])
    assert live(app).size.width == width


@case("back")
async def goes_back_step_by_step(app, pilot, keys):
    await press(app, pilot, "slash", *"shadow", "enter", "c", "down", "enter", "z")
    for expected in (("shadow", True), ("shadow", False), ("", False), ("", False)):
        await press(app, pilot, keys[0])
        assert (app.session.filter_text, app.session.containers.chosen_id is not None) == expected


@case("trail.back", "trail.on")
async def goes_to_the_filter_before_and_after(app, pilot, keys):
    await press(app, pilot, "slash", *"shadow", "enter", "c", "down", "enter", "left_square_bracket")
    assert (app.session.filter_text, app.session.chosen_name) == ("shadow", "")
    await press(app, pilot, "right_square_bracket")
    assert (app.session.filter_text, app.session.chosen_name) == ("shadow", "web")


@case("list.down", "list.up")
async def moves(app, pilot, keys):
    await press(app, pilot, "g")
    first = live(app).cursor
    await press(app, pilot, "j", "down", "k", "up", "down")
    assert live(app).cursor == first + 1


@case("list.page_down", "list.page_up")
async def pages(app, pilot, keys):
    await press(app, pilot, "g")
    first = live(app).cursor
    await press(app, pilot, "pagedown")
    assert live(app).cursor == first + live(app).size.height - 1
    await press(app, pilot, "pageup")
    assert live(app).cursor == first


@case("list.first", "list.last")
async def goes_to_the_ends(app, pilot, keys):
    await press(app, pilot, "g")
    assert live(app).cursor == app.session.live.first
    assert not live(app).follow
    await press(app, pilot, "G")
    assert live(app).cursor == app.session.live.end - 1
    assert live(app).follow


@case("list.open", "live.open", "details.leave")
async def opens_an_event(app, pilot, keys):
    await press(app, pilot, "g", "enter")
    assert isinstance(app.screen, EventDetails)
    for word in ("evt.num 1", "process and its ancestors", "nginx"):
        assert word in screen_text(app)
    source = app.screen.query_one(LineList).source
    lines = [" ".join(cell.text.strip() for cell in source.line(seq, 100)) for seq in range(source.end)]
    assert any("container.id" in line and "3ad7b26ded6d" in line for line in lines)
    assert any("proc.name" in line and "name" in line for line in lines)
    await press(app, pilot, "q")
    assert app.screen is app.main


@case("live.pause")
async def pauses(app, pilot, keys):
    await press(app, pilot, keys[0])
    shown = len(app.session.live)
    app.session.engine.feed()
    await settle(app, pilot)
    app.main.live.events.show_foot()
    await pilot.pause()
    assert len(app.session.live) == shown
    text = screen_text(app)
    assert "PAUSED" in text
    assert "+20 new" in text
    await press(app, pilot, keys[0])
    assert len(app.session.live) == shown + 20


@case("live.follow")
async def follows(app, pilot, keys):
    await press(app, pilot, "up")
    cursor = live(app).cursor
    app.session.engine.feed()
    await settle(app, pilot)
    assert live(app).cursor == cursor
    await press(app, pilot, keys[0])
    assert live(app).cursor == app.session.live.end - 1
    app.session.engine.feed()
    await settle(app, pilot)
    assert live(app).cursor == app.session.live.end - 1


@case("live.copy")
async def copies_a_row(app, pilot, keys):
    await press(app, pilot, "g", keys[0])
    assert app.clipboard == "/usr/bin/sh -i"
    await press(app, pilot, "left", keys[0])
    assert app.clipboard == "execve"


@case("live.copy_as")
async def copies_a_row_as(app, pilot, keys):
    await press(app, pilot, "g", keys[0], "enter")
    assert json.loads(app.clipboard)["evt.type"] == "execve"
    await press(app, pilot, keys[0], "end", "enter")
    assert app.clipboard.startswith("container.id = ")


@case("containers.order", "containers.back")
async def orders_containers(app, pilot, keys):
    await press(app, pilot, "c", "greater_than_sign")
    assert app.session.containers.order == "calls"
    await press(app, pilot, "less_than_sign")
    assert app.session.containers.order == "start"


@case("containers.find", "containers.unfind")
async def finds_a_container(app, pilot, keys):
    await press(app, pilot, "c", "backslash", *"SHOP")
    assert keys[0] in ("backslash", "escape")
    names = [row.container.name for row in app.session.containers.shown]
    assert names == ["shop"]
    assert "1 with SHOP" in screen_text(app)
    await press(app, pilot, "enter", "g", "enter")
    assert app.session.chosen_name == "shop"
    await press(app, pilot, "escape")
    assert len(app.session.containers.shown) == 4, "esc lists all again"
    assert app.session.chosen_name == "shop", "before it takes the choice back"
    await press(app, pilot, "backslash", *"nosuch")
    assert "none; esc lists all again" in screen_text(app)
    await press(app, pilot, "escape", "escape")
    assert app.focused is app.main.live.containers.list
    assert len(app.session.containers.shown) == 4


@case("containers.ended")
async def lists_ended_containers_one_by_one(app, pilot, keys):
    await end_containers(app, pilot)
    containers = app.main.live.containers.list
    assert "3 ended" in screen_text(app)
    assert "job-1" not in screen_text(app).replace("3 ended  job-2, job-1", "")
    await press(app, pilot, "c", "end")
    assert containers.is_on_ended
    assert "enter lists what ended" in screen_text(app)
    await press(app, pilot, keys[0], "down", "enter")
    assert app.session.chosen_name == "job-2 (ended)", "the newest is the first"
    await press(app, pilot, "up", "enter")
    assert not app.session.containers.ended_open
    assert containers.is_on_ended, "the cursor stays on the line"
    assert containers.row_under_cursor() is None
    await press(app, pilot, "up")
    assert containers.row_under_cursor().container.name == "job-2", "what is chosen stays listed"


async def to_alerts(app, pilot):
    await press(app, pilot, "2")


@case("alerts.open", "alert.event")
async def opens_an_alert(app, pilot, keys):
    await to_alerts(app, pilot)
    await press(app, pilot, "enter")
    assert isinstance(app.screen, AlertDetails)
    assert "Contact the API server" in screen_text(app)
    await press(app, pilot, "enter")
    assert isinstance(app.screen, EventDetails)


@case("live.why", "event.why")
async def says_why_of_an_event(app, pilot, keys):
    app.session.engine.ruleset = None
    await press(app, pilot, "g", keys[0])
    assert isinstance(app.screen, WhyScreen)
    await press(app, pilot, "escape", "enter", keys[0])
    assert isinstance(app.screen, WhyScreen)


@case("alerts.why", "alert.why")
async def says_why_of_an_alert(app, pilot, keys):
    app.session.engine.ruleset = None
    await press(app, pilot, "2", "g", keys[0])
    assert isinstance(app.screen, WhyScreen)
    await press(app, pilot, "escape", "enter", keys[0])
    assert isinstance(app.screen, WhyScreen)


@case("alerts.edit")
async def edits_a_rule(app, pilot, keys):
    await to_alerts(app, pilot)
    await press(app, pilot, "down", "e")
    assert body(app) == "rules"
    editor = app.main.query_one(RuleEditor)
    assert app.focused is editor
    assert editor.text == LOCAL_RULES


@case("alert.edit")
async def edits_a_rule_from_the_dialog(app, pilot, keys):
    await to_alerts(app, pilot)
    await press(app, pilot, "down", "enter", "e")
    assert body(app) == "rules"
    assert app.screen is app.main


@case("alerts.fold")
async def folds(app, pilot, keys):
    await to_alerts(app, pilot)
    await press(app, pilot, "u")
    assert len(app.session.alerts.rows) == 6
    await press(app, pilot, "u")
    assert len(app.session.alerts.rows) == 4


@case("alerts.order")
async def orders_alerts(app, pilot, keys):
    await to_alerts(app, pilot)
    await press(app, pilot, "o")
    assert app.session.alerts.rows[0].priority == "Critical"


async def to_editor(app, pilot):
    await press(app, pilot, "3", "enter")
    assert app.focused is app.main.query_one(RuleEditor)


@case("rules.apply")
async def applies(app, pilot, keys):
    await to_editor(app, pilot)
    await press(app, pilot, *"# x", "ctrl+s")
    await until(lambda: app.session.engine.applied)
    await until(lambda: "saved; revision 2 is in force" in screen_text(app))
    assert not app.session.book.dirty()


@case("rules.copy")
async def copies_a_rule(app, pilot, keys):
    await press(app, pilot, "3", "g", "down", "down", "down", "enter", "ctrl+o")
    assert isinstance(app.screen, Choice)
    await press(app, pilot, "c")
    editor = app.main.query_one(RuleEditor)
    assert editor.text.startswith(LOCAL_RULES)
    assert "- rule: Shell in a container" in editor.text
    assert [file.origin for file in app.session.book.dirty()] == ["user"]


@case("editor.zoom")
async def zooms_the_editor(app, pilot, keys):
    await to_editor(app, pilot)
    width = app.main.query_one(RuleEditor).size.width
    await press(app, pilot, keys[0])
    assert app.main.query_one(RuleEditor).size.width > width


@case("editor.leave")
async def leaves_the_editor(app, pilot, keys):
    await to_editor(app, pilot)
    await press(app, pilot, *"xyz", keys[0])
    assert app.focused is app.main.query_one("#rule-list")
    assert app.session.book.dirty()


def bindings():
    return {b.id: b for owner in OWNERS for b in owner.__dict__["BINDINGS"]}


def test_every_binding_has_a_case():
    assert set(bindings()) == set(CASES)


def test_no_class_with_bindings_is_forgotten():
    import importlib
    import pkgutil

    import tuimon.ui

    beside = ("board_tab", "tree_tab", "tree_filter", "health_tab", "replay_tab", "why")  # tested by themselves
    found = set()
    for module in pkgutil.walk_packages(tuimon.ui.__path__, "tuimon.ui."):
        loaded = importlib.import_module(module.name)
        found |= {
            c for c in vars(loaded).values()
            if isinstance(c, type) and c.__module__.startswith("tuimon.ui") and "BINDINGS" in c.__dict__
            and c.__module__.rpartition(".")[2] not in beside
        }  # fmt: skip
    assert found == set(OWNERS)


@pytest.mark.parametrize("binding", sorted(CASES.keys() - bench_keys.AGAIN))
async def test_key(binding, tmp_path):
    keys = [key.strip() for key in bindings()[binding].key.split(",")]
    own = tmp_path / "local.yaml"
    own.write_text(LOCAL_RULES)
    engine = fed_engine()
    engine._files = (engine._files[0], RuleFile(str(own), LOCAL_RULES, "user"))
    async with running(engine, rules_path=own) as (app, pilot):
        await CASES[binding](app, pilot, keys)
