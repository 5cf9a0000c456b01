"""Cases for tests/ui/test_keys.py: the keys of the rule editor that know words."""

from __future__ import annotations

from tests.ui.cases import registry
from tests.ui.conftest import settle, until
from tuimon.ui.screens.ask import Ask
from tuimon.ui.tabs.rule_words import RuleWords
from tuimon.ui.widgets.rule_editor import RuleEditor

OWNERS = (RuleWords,)
CASES, case = registry()


async def in_editor(app, pilot, text):
    """Go to the editor, with this text typed at the end and the cursor behind it."""
    await pilot.press("3")
    await settle(app, pilot)
    editor = app.main.query_one(RuleEditor)
    app.main.set_focus(editor)
    editor.move_cursor(editor.document.end)
    editor.insert(text)
    await settle(app, pilot)
    return editor


@case("editor.complete")
async def completes(app, pilot, keys):
    await in_editor(app, pilot, "- rule: x\n  pri")
    await pilot.press(keys[0])
    await until(lambda: app.main.rules._offered.is_open)
    assert app.main.rules._offered.current.label == "priority"


@case("rules.rename")
async def asks_for_a_name(app, pilot, keys):
    editor = await in_editor(app, pilot, "- macro: mine\n  condition: evt.type = open")
    editor.move_cursor((editor.cursor_location[0] - 1, 10))
    await pilot.press(keys[0])
    await until(lambda: isinstance(app.screen, Ask))


@case("rules.problem")
async def goes_to_a_problem(app, pilot, keys):
    await in_editor(app, pilot, "# nothing\n")
    await pilot.press(keys[0])
    await until(lambda: any("nothing is wrong" in cell.text for cell in app.main.rules._messages.lines[0]))


@case("rules.format")
async def lays_out(app, pilot, keys):
    editor = await in_editor(app, pilot, "- macro: m\n  condition: proc.name   =   a")
    await pilot.press(keys[0])
    assert editor.text.endswith("  condition: proc.name = a")


@case("rules.definition")
async def goes_to_the_definition(app, pilot, keys):
    editor = await in_editor(app, pilot, "- macro: m\n  condition: proc.name in (shells)")
    editor.move_cursor((editor.cursor_location[0], editor.cursor_location[1] - 3))
    await pilot.press(keys[0])
    assert app.main.rules.file is app.session.book.files[0]
