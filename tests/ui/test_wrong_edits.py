"""Thirty-five edits that are wrong in different ways: each is told at its place, and the old rules go on."""

from __future__ import annotations

import pytest

from tests.ui.bench_engine import bench_engine
from tests.ui.conftest import running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES
from tuimon.ui.widgets.rule_editor import RuleEditor

LAST = "  priority: WARNING\n"

# What is replaced, by what, line and column of the message, and how it begins.
WRONG = {
    "a field misspelt": ("fd.name =", "fd.nmae =", 3, 45, "unknown field fd.nmae"),
    "a value missing": ("proc.pid > 1", "proc.pid >", 3, 83, "expected a number, found the end"),
    "a word for a number": ("proc.pid > 1", "proc.pid > one", 3, 84, "expected a number, found 'one'"),
    "an end in the middle": ("proc.pid > 1", "proc.pid > 1 and", 3, 86, "and needs a blank or ( after it"),
    "a parenthesis left open": ("proc.pid > 1", "(proc.pid > 1", 3, 73, "a ( is never closed"),
    "a parenthesis too many": ("proc.pid > 1", "proc.pid > 1)", 3, 85, "this ) closes nothing"),
    "an operator that is none": ("proc.pid > 1", "proc.pid >> 1", 3, 83, "expected a number, found '>'"),
    "a comma missing": ("(open, openat)", "(open openat)", 3, 32, "expected , or ) in this list"),
    "an event type misspelt": ("(open, openat)", "(opne, openat)", 3, 27, "unknown event type opne"),
    "an event type that is none": ("proc.pid > 1", "evt.type = nosuchcall", 3, 84, "unknown event type nosuchcall"),
    "a macro that is not there": ("and proc.pid", "and no_such and proc.pid", 3, 73, "Undefined macro 'no_such'"),
    "a word between checks": ("and proc.pid", "xor proc.pid", 3, 69, "expected and, or, or the end"),
    "a quote left open": ('"/etc/shadow"', '"/etc/shadow', 3, 55, 'this " is never closed'),
    "two operators": ('"/etc/shadow" and', 'regex "(" and', 3, 61, "expected and, or, or the end"),
    "an address that is none": ('fd.name = "/etc/shadow"', "fd.sip = 10.0.0.300", 3, 54, "fd.sip: '10.0.0.300'"),
    "an argument that is none": ('fd.name = "/etc/shadow"', "proc.aname[x] = sh", 3, 45, "proc.aname takes a number"),
    "a transformer misspelt": ('fd.name = "/etc/shadow"', "tolowr(fd.name) = x", 3, 51, "expected and, or, or the end"),
    "a list where one value goes": ("proc.pid > 1", "proc.name startswith (a, b)", 3, 94, "expected one value"),
    "a field of the output": ("file=%fd.name", "file=%fd.nmae", 4, 34, "invalid formatting token fd.nmae"),
    "a priority misspelt": ("WARNING", "WARNIGN", 5, 13, "Invalid priority"),
    "a key misspelt": ("priority: W", "prioritee: W", 1, 3, "Item has no mapping for key 'priority'"),
    "a key missing": (LAST, "", 1, 3, "Item has no mapping for key 'priority'"),
    "a colon missing": ("  condition: evt", "  condition evt", 4, 3, "while scanning a simple key"),
    "a blank too many": ("  desc: Som", "   desc: Som", 2, 8, "mapping values are not allowed"),
    "a dash missing": ("- rule: Read", "rule: Read", 2, 7, "mapping values are not allowed"),
    "a list for a text": ("desc: Somebody reads the password hashes.", "desc: [a, b]", 2, 9, "Value is not a scalar"),
    "a text for a list": (LAST, f"{LAST}  tags: one\n", 6, 9, "Value is not a sequence"),
    "a word for a switch": (LAST, f"{LAST}  enabled: maybe\n", 6, 12, "Can't decode YAML scalar value"),
    "a tab": (LAST, f"{LAST}\tsource: syscall\n", 6, 1, "while scanning a plain scalar"),
    "an exception's field": (
        LAST, f"{LAST}  exceptions:\n    - name: x\n      fields: [fd.nmae]\n      values: [[a]]\n", 8, 16,
        "'fd.nmae' is not a supported filter field",
    ),
    "an exception's values": (
        LAST, f"{LAST}  exceptions:\n    - name: x\n      fields: [fd.name, proc.name]\n      values: [[a]]\n", 9, 17,
        "Fields and values lists must have equal length",
    ),
    "an override of nothing": (
        "- rule: Read", "- rule: Other\n  condition: and x\n  override: {condition: append}\n- rule: Read", 1, 3,
        "Rule uses 'append' or 'override'",
    ),
    "a list without a list": (LAST, f"{LAST}- list: l\n  items: x\n", 7, 10, "Value is not a sequence"),
    "macros in a circle": (
        LAST, f"{LAST}- macro: m\n  condition: m2\n- macro: m2\n  condition: m\n", 7, 14, "Undefined macro 'm2'",
    ),
    "a macro without a name": (LAST, f"{LAST}- macro:\n  condition: x\n", 6, 9, "Mapping for key 'macro' is empty"),
}  # fmt: skip


@pytest.mark.parametrize("part", range(3))
async def test_a_wrong_edit_is_told_at_its_place_and_the_old_rules_go_on(tmp_path, part):
    own = tmp_path / "local.yaml"
    own.write_text(LOCAL_RULES)
    engine = bench_engine(own=own)
    in_force = engine.ruleset
    async with running(engine, rules_path=own, size=(200, 50)) as (app, pilot):
        await pilot.press("3", "tab")
        await settle(app, pilot)
        editor = app.main.query_one(RuleEditor)
        for name, (old, new, line, column, message) in list(WRONG.items())[part::3]:
            text = LOCAL_RULES.replace(old, new, 1)
            assert text != LOCAL_RULES, name
            editor.replace_text(text)
            place = f" {line}:{column} error: {message}"
            await until(lambda place=place: place in screen_text(app))
            assert "refused" not in screen_text(app), name
            found = [each for each in editor._found if each.severity == "error"]
            assert (line, column) in {(each.line, each.column) for each in found}, name
            gutter = next(row for row in screen_text(app).split("\n") if f"{line} E" in row)
            assert text.split("\n")[line - 1].strip()[:20] in gutter.replace("\t", " "), name
            await pilot.press("ctrl+s")
            await until(lambda: "refused: revision 1 stays in force, nothing was written" in screen_text(app))
            assert place in screen_text(app), name
            assert own.read_text() == LOCAL_RULES, name
            assert engine.ruleset is in_force, name
            assert editor.text == text, f"{name}: what was typed stays"
        editor.replace_text(LOCAL_RULES.replace("proc.pid > 1", "proc.pid > 2"))
        await until(lambda: "was 3 -> 3 alerts" in screen_text(app))
        await pilot.press("ctrl+s")
        await until(lambda: "saved; revision 2 is in force" in screen_text(app))


def test_there_are_thirty_of_them_and_no_two_are_wrong_alike():
    assert len(WRONG) >= 30
    assert len({(new, message) for _, new, _, _, message in WRONG.values()}) == len(WRONG)
