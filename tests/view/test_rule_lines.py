"""The rule list: what is shown of each file, and where the cursor goes."""

from __future__ import annotations

import pytest

from tuimon.rules.diagnostics import RuleFile
from tuimon.view.rule_book import RuleBook
from tuimon.view.rule_lines import RuleLines

PATH = "/tmp/tuimon-test/some.yaml"


def listed(*items):
    """Return the lines of a file with items, each a kind and a name."""
    text = "".join(f"- {item.replace(' ', ': ')}\n" for item in items)
    return RuleLines(RuleBook([RuleFile(PATH, text, "user")]))


def texts(lines):
    """Return the lines as they are read, without the file's."""
    return [" ".join("".join(cell.text for cell in lines.line(seq, 40)).split()) for seq in range(1, lines.end)]


def test_many_lists_and_macros_in_a_row_are_one_line_before_the_rules():
    lines = listed("list a", "list b", "list c", "macro d", "rule E", "macro f", "rule G")
    assert texts(lines) == ["+ 3 lists, 1 macro", "E", "macrof", "G"]


def test_the_line_opens_and_closes_them():
    lines = listed("list a", "list b", "list c", "list d", "rule E")
    assert lines.toggle(lines.row(1)) == 1
    assert texts(lines) == ["- 4 lists", "lista", "listb", "listc", "listd", "E"]
    assert lines.toggle(lines.row(1)) == 1
    assert texts(lines) == ["+ 4 lists", "E"]


def test_a_line_that_is_opened_below_another_keeps_its_place_under_the_cursor():
    lines = listed(*(f"list {name}" for name in "abcd"), "rule E", *(f"macro {name}" for name in "fghi"), "rule J")
    assert texts(lines) == ["+ 4 lists", "E", "+ 4 macros", "J"]
    at = lines.toggle(lines.row(3))
    assert texts(lines)[at - 1] == "- 4 macros"


def test_a_file_without_rules_shows_its_lists():
    assert len(texts(listed("list a", "list b", "list c", "list d", "macro e"))) == 5


@pytest.mark.parametrize(("line", "shown"), [(1, "+ 4 lists"), (3, "+ 4 lists"), (5, "E"), (6, "macrof"), (7, "G")])
def test_an_item_that_is_folded_in_a_line_is_found_there(line, shown):
    lines = listed("list a", "list b", "list c", "list d", "rule E", "macro f", "rule G")
    assert texts(lines)[lines.position(PATH, line) - 1] == shown


def test_an_open_item_is_found_itself():
    lines = listed("list a", "list b", "list c", "list d", "rule E")
    lines.toggle(lines.row(1))
    assert [texts(lines)[lines.position(PATH, line) - 1] for line in (1, 4, 5)] == ["lista", "listd", "E"]


def test_the_line_of_a_changed_text_says_how_many_there_are_now():
    lines = listed("list a", "list b", "list c", "list d", "rule E")
    book = lines.row(0).file
    book.buffer += "- list: f\n- list: g\n- list: h\n- list: i\n"
    assert lines.refresh()
    assert texts(lines) == ["+ 4 lists", "E", "+ 4 lists"]
