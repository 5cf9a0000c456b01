"""One case for each key of the workbench; tests/ui/test_keys.py runs them. What the dialogs do is in test_bench.py."""

from __future__ import annotations

from types import SimpleNamespace

from tests.ui.conftest import press, screen_text, settle, until
from tuimon.capture.source import Interest
from tuimon.engine import EngineOptions
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet
from tuimon.ui.screens.ask import Ask
from tuimon.ui.screens.backtest import BacktestScreen
from tuimon.ui.screens.details import Details
from tuimon.ui.screens.diff import DiffScreen
from tuimon.ui.screens.drafting import Drafting
from tuimon.ui.screens.exception import ExceptionScreen
from tuimon.ui.screens.new_rule import NewRuleScreen
from tuimon.ui.screens.preview_rows import PreviewRows
from tuimon.ui.screens.revisions import RevisionsScreen
from tuimon.ui.screens.two_lists import TwoLists
from tuimon.ui.screens.why import WhyScreen
from tuimon.ui.tabs.rule_exchange import RuleExchange
from tuimon.ui.tabs.rule_trials import RuleTrials
from tuimon.ui.widgets.part_list import PartList
from tuimon.ui.widgets.rule_editor import RuleEditor

OWNERS = (RuleTrials, RuleExchange, Drafting, TwoLists, PreviewRows, PartList, BacktestScreen, DiffScreen)
CASES = {}
AGAIN = set()
"""Ids whose case another id runs already: the cases here press all of their keys."""
WIDER = ('fd.name = "/etc/shadow"', "fd.name startswith /etc/")


def case(*ids):
    def add(function):
        for one in ids:
            CASES[one] = function
        AGAIN.update(ids[1:])
        return function

    return add


def with_rules(app):
    """Put real rules in force in the fake engine: what the workbench asks."""
    engine = app.session.engine
    engine.options, engine.host_names, engine.memory = EngineOptions(), None, Memory()
    engine.source = SimpleNamespace(live=True)
    engine.interest = Interest
    engine.ruleset = RuleSet.build(engine.loaded, 1)


def editor(app):
    return app.main.query_one(RuleEditor)


async def edit(app, pilot, old, new):
    await press(app, pilot, "3", "enter")
    editor(app).replace_text(editor(app).text.replace(old, new))
    await settle(app, pilot)


async def preview(app, pilot):
    with_rules(app)
    await edit(app, pilot, *WIDER)
    await until(lambda: app.main.rules.seen is not None)
    await press(app, pilot, "f3")
    assert isinstance(app.screen, PreviewRows)


# An alert of a rule that is there is the second in the list.


@case("alerts.exception", "parts.widen", "parts.narrow", "parts.leave_out", "drafting.other", "drafting.leave")
async def drafts_an_exception(app, pilot, keys):
    with_rules(app)
    await press(app, pilot, "2", "down", "x")
    assert isinstance(app.screen, ExceptionScreen)
    part = app.screen.made.parts[0]
    await press(app, pilot, "right")
    assert app.screen.made.parts[0].at == part.at + 1
    await press(app, pilot, "left")
    assert app.screen.made.parts[0].at == part.at
    await press(app, pilot, "space")
    assert app.screen.made.parts[0].step is None
    await press(app, pilot, "tab")
    assert app.focused.id == "drafting-lines"
    await press(app, pilot, "escape")
    assert app.screen is app.main


@case("parts.write")
async def writes_a_draft(app, pilot, keys):
    with_rules(app)
    await press(app, pilot, "2", "down", "x", "enter")
    await until(lambda: app.session.engine.revision == 2)
    assert any("exceptions: append" in file.text for file in app.session.engine.applied[-1])


@case("alert.exception")
async def drafts_an_exception_from_the_dialog(app, pilot, keys):
    with_rules(app)
    await press(app, pilot, "2", "down", "enter", "x")
    assert isinstance(app.screen, ExceptionScreen)


@case("alerts.new_rule", "alert.new_rule")
async def proposes_a_rule_from_an_alert(app, pilot, keys):
    with_rules(app)
    for more in ((), ("enter",)):
        await press(app, pilot, "2", "g", *more, "R")
        assert isinstance(app.screen, NewRuleScreen)
        await press(app, pilot, "escape", "escape")


@case("live.new_rule", "event.new_rule")
async def proposes_a_rule_from_an_event(app, pilot, keys):
    with_rules(app)
    for more in ((), ("enter",)):
        await press(app, pilot, "g", *more, "R")
        assert isinstance(app.screen, NewRuleScreen)
        await press(app, pilot, "escape")


@case("live.rule_from_filter")
async def proposes_a_rule_from_the_filter(app, pilot, keys):
    with_rules(app)
    await press(app, pilot, "slash", *"shadow", "enter", "F")
    assert isinstance(app.screen, NewRuleScreen)


@case("alerts.save_case", "alert.save_case")
async def saves_an_alert_as_a_test(app, pilot, keys):
    with_rules(app)
    for more in ((), ("enter",)):
        await press(app, pilot, "2", "down", *more, "ctrl+t")
        assert isinstance(app.screen, Ask)
        await press(app, pilot, "escape", "escape")


@case("live.save_case", "event.save_case")
async def saves_an_event_as_a_test(app, pilot, keys):
    with_rules(app)
    for more in ((), ("enter",)):
        await press(app, pilot, "g", *more, "ctrl+t")
        assert isinstance(app.screen, Ask)
        await press(app, pilot, "escape")


@case("rules.diff", "diff.revert")
async def shows_the_diff_and_reverts(app, pilot, keys):
    await edit(app, pilot, "proc.pid > 1", "proc.pid > 2")
    await press(app, pilot, "f5")
    assert isinstance(app.screen, DiffScreen)
    await press(app, pilot, "r")
    assert not app.session.book.dirty()
    await press(app, pilot, "ctrl+z")
    assert "proc.pid > 2" in editor(app).text


@case("diff.apply")
async def applies_from_the_diff(app, pilot, keys):
    await edit(app, pilot, "proc.pid > 1", "proc.pid > 2")
    await press(app, pilot, "f5", "ctrl+s")
    await until(lambda: app.session.engine.revision == 2)


@case("rules.revisions", "two.other", "two.leave")
async def lists_revisions(app, pilot, keys):
    await press(app, pilot, "3", "ctrl+r")
    assert isinstance(app.screen, RevisionsScreen)
    await press(app, pilot, "tab")
    assert app.focused.id == "two-lower"
    await press(app, pilot, "escape")
    assert app.screen is app.main


@case("rules.preview", "preview.why")
async def shows_the_preview_in_full(app, pilot, keys):
    await preview(app, pilot)
    await press(app, pilot, "w")
    assert isinstance(app.screen, WhyScreen)


@case("preview.live")
async def goes_from_the_preview_to_the_live_list(app, pilot, keys):
    await preview(app, pilot)
    await press(app, pilot, "l")
    assert app.main.shown_name == "live"


@case("preview.c")
async def captures_what_is_missing(app, pilot, keys):
    await preview(app, pilot)
    await press(app, pilot, "c")
    assert app.session.engine.captured


@case("rules.test")
async def runs_the_tests(app, pilot, keys):
    await press(app, pilot, "3", "ctrl+t")
    assert "no tests yet" in screen_text(app)


@case("rules.filter")
async def filters_by_a_rule(app, pilot, keys):
    with_rules(app)
    await press(app, pilot, "3", "enter", "ctrl+l")
    assert "/etc/shadow" in app.session.filter_text


@case("rules.backtest", "backtest.next", "backtest.last", "backtest.file", "backtest.other", "backtest.leave")
async def opens_a_backtest(app, pilot, keys):
    await press(app, pilot, "3", "ctrl+g")
    assert isinstance(app.screen, BacktestScreen)
    screen = app.screen
    await press(app, pilot, "down", "right")
    assert screen._chosen[1] == 1
    await press(app, pilot, "left")
    assert screen._chosen[1] == 0
    await press(app, pilot, "o")
    assert isinstance(app.screen, Ask)
    await press(app, pilot, "escape", "tab")
    assert app.focused.id == "two-lower"
    await press(app, pilot, "escape")
    assert app.screen is app.main


@case("rules.import", "rules.export")
async def asks_for_files(app, pilot, keys):
    for key in ("i", "X"):
        await press(app, pilot, "3", key)
        assert isinstance(app.screen, Ask)
        assert not isinstance(app.screen, Details)
        await press(app, pilot, "escape")
