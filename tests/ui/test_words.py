"""Completion, meaning, renaming and layout in the rule editor."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from tests.ui.conftest import running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES, RuleFile, fed_engine
from tuimon.rules.diagnostics import Diagnostic
from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.ui.widgets.rule_editor import RuleEditor

KEYS = {"\n": "enter", " ": "space", "_": "underscore", "-": "minus", "=": "equals_sign", "(": "left_parenthesis",
        ":": "colon", ",": "comma", ".": "full_stop", "%": "percent_sign"}  # fmt: skip
MORE = """\
- macro: mine
  condition: evt.type = execve
- rule: Uses it
  desc: d
  condition: mine and proc.name in (shells) and not proc.pname startswith xx and not proc.exepath startswith /opt/a
  output: o
  priority: INFO
"""


@asynccontextmanager
async def editing(tmp_path, text=LOCAL_RULES, size=(120, 40)):
    own = tmp_path / "local.yaml"
    own.write_text(text)
    engine = fed_engine()
    engine._files = (engine._files[0], RuleFile(str(own), text, "user"))
    async with running(engine, rules_path=own, size=size) as (app, pilot):
        await pilot.press("3")
        await settle(app, pilot)
        editor = app.main.query_one(RuleEditor)
        app.main.set_focus(editor)
        editor.move_cursor(editor.document.end)
        yield app, pilot, editor


async def type_in(pilot, text):
    await pilot.press(*(KEYS.get(char, char) for char in text))


def offered(app):
    return app.main.query_one("#rule-completion", CompletionList)


async def test_tab_takes_what_is_offered_while_typing(tmp_path):
    async with editing(tmp_path) as (app, pilot, editor):
        await type_in(pilot, "- macro: x\n  condition: proc.nam")
        await until(lambda: offered(app).is_open)
        await pilot.press("tab")
        await until(lambda: editor.text.endswith("condition: proc.name "))
        await until(lambda: offered(app).is_open)  # what can follow
        assert offered(app).current.kind == "operator"
        assert app.focused is editor


async def test_what_is_offered_is_told_whole_where_the_terminal_has_room(tmp_path):
    async with editing(tmp_path, size=(200, 50)) as (app, pilot, editor):
        await type_in(pilot, "- macro: x\n  condition: fd.")
        await until(lambda: offered(app).is_open)
        await settle(app, pilot)
        shown = screen_text(app)
        assert all(item.meaning in shown for item in offered(app).items[:7])
        assert editor.text.endswith("fd.")


async def test_what_is_typed_in_one_burst_behind_tab_stays_behind_it(tmp_path):
    async with editing(tmp_path) as (app, pilot, editor):
        await type_in(pilot, "- macro: x\n  condition: proc.nam")
        await until(lambda: offered(app).is_open)
        await pilot.press("tab", *(KEYS.get(char, char) for char in "startswith /x"))
        assert editor.text.endswith("condition: proc.name startswith /x")


async def test_a_word_typed_on_is_not_replaced_by_an_old_offer(tmp_path):
    async with editing(tmp_path) as (app, pilot, editor):
        await type_in(pilot, "- macro: x\n  condition: proc.na")
        await until(lambda: offered(app).is_open)
        editor.insert("xyz")  # before the offer follows
        editor.take()
        assert editor.text.endswith("condition: proc.naxyz")


async def test_values_seen_live_are_offered(tmp_path):
    async with editing(tmp_path) as (app, pilot, _editor):
        await type_in(pilot, "- macro: x\n  condition: proc.name = ba")
        await until(lambda: offered(app).is_open)
        assert any(item.kind == "value" and "seen" in item.meaning for item in offered(app).items)


@pytest.mark.parametrize("walked", [False, True])
async def test_enter_ends_the_line_unless_the_list_was_walked_in(tmp_path, walked):
    async with editing(tmp_path) as (app, pilot, editor):
        await type_in(pilot, "- macro: x\n  condition: proc.n")
        await until(lambda: offered(app).is_open)
        if walked:
            second = offered(app).items[1]
            await pilot.press("down", "enter")
            await until(lambda: editor.text.endswith(f"condition: {second.insert}"))
        else:
            await pilot.press("enter")
            assert editor.text.endswith("condition: proc.n\n")


async def test_esc_takes_the_offer_back_and_only_then_leaves(tmp_path):
    async with editing(tmp_path) as (app, pilot, editor):
        await type_in(pilot, "- macro: x\n  condition: proc.n")
        await until(lambda: offered(app).is_open)
        await pilot.press("escape")
        assert not offered(app).is_open
        assert app.focused is editor
        await pilot.press("escape")
        assert app.focused is not editor


async def test_the_key_asks_where_nothing_is_typed(tmp_path):
    async with editing(tmp_path) as (app, pilot, _editor):
        await type_in(pilot, "- rule: x\n  ")
        await pilot.press("ctrl+@")
        await until(lambda: offered(app).is_open)
        assert [item.label for item in offered(app).items][:2] == ["desc", "condition"]


async def test_the_meaning_of_the_word_under_the_cursor_is_said(tmp_path):
    async with editing(tmp_path) as (app, _pilot, editor):
        row = next(n for n, line in enumerate(editor.text.split("\n")) if "fd.name" in line)
        editor.move_cursor((row, editor.text.split("\n")[row].index("fd.name") + 2))
        meaning = app.main.query_one("#rule-meaning")
        await until(lambda: any("fd.name" in cell.text for cell in meaning.lines[0]))
        assert any("field" in cell.text for cell in meaning.lines[0])


async def test_f9_lays_a_condition_out_and_ctrl_z_takes_it_back(tmp_path):
    async with editing(tmp_path, MORE) as (_app, pilot, editor):
        editor.move_cursor((4, 15))
        await pilot.press("f9")
        assert "  condition: >\n    mine\n    and proc.name in (shells)\n" in editor.text
        await pilot.press("ctrl+z")
        assert editor.text == MORE


async def test_f8_goes_from_problem_to_problem(tmp_path):
    async with editing(tmp_path) as (app, pilot, editor):
        app.main.rules._check_number += 1  # the check that opening the file began must not take the marks away
        places = [(2, 5), (4, 3)]
        editor.mark([Diagnostic("LOAD_ERR_VALIDATE", "error", "x", "f", line, column) for line, column in places])
        editor.move_cursor((0, 0))
        for line, column in (*places, places[0]):
            await pilot.press("f8")
            assert (editor.file_line, editor.cursor_location[1] + 1) == (line, column)


async def test_f12_goes_to_the_definition(tmp_path):
    async with editing(tmp_path) as (app, pilot, editor):
        session = app.session
        vendor = session.book.files[0]
        await type_in(pilot, "- macro: x\n  condition: proc.name in (shells)")
        editor.move_cursor((editor.cursor_location[0], editor.cursor_location[1] - 3))
        await pilot.press("f12")
        await until(lambda: app.main.rules.file is vendor)


@pytest.mark.parametrize("new", ["ours", "two words", ""])
async def test_f2_renames_in_all_files_or_says_why_not(tmp_path, new):
    async with editing(tmp_path, MORE) as (app, pilot, editor):
        editor.move_cursor((0, 11))
        await pilot.press("f2")
        await settle(app, pilot)
        app.screen.query_one("#ask-input").value = new
        await pilot.press("enter")
        await settle(app, pilot)
        if new == "ours":
            await until(lambda: (tmp_path / "local.yaml").read_text() == MORE.replace("mine", "ours"))
            await until(lambda: editor.text == MORE.replace("mine", "ours"))
        else:
            assert (tmp_path / "local.yaml").read_text() == MORE
