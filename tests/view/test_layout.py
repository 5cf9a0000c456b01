"""Laying out a condition changes blanks and no meaning."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.rules import strategies
from tuimon.errors import RuleError
from tuimon.resources import rules_dir
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.parser import parse_condition
from tuimon.view.layout import condition_lines, laid_out

LONG = "evt.type in (open, openat) and (fd.name startswith /etc or fd.name startswith '/root  x') and not proc.name = a"


def test_each_part_has_its_line() -> None:
    assert condition_lines(LONG.replace("  x", " x")) == [
        "evt.type in (open, openat)",
        "and (fd.name startswith /etc or fd.name startswith '/root x')",
        "and not proc.name = a",
    ]


def test_blanks_in_quotes_stay() -> None:
    assert condition_lines(LONG)[1] == 'and (fd.name startswith /etc or fd.name startswith "/root  x")'


def test_a_short_one_stays_on_its_line() -> None:
    assert laid_out("- macro: m\n  condition:   a and   b\n", 1) == "- macro: m\n  condition: a and b\n"


def test_what_is_around_stays() -> None:
    before = f"# top\n- rule: A # x\n  desc: d\n  condition: {LONG}\n\n  output: o # y\n- list: l\n  items: [a]\n"
    after = laid_out(before, 3)
    assert after.startswith("# top\n- rule: A # x\n  desc: d\n  condition: >\n    evt.type in")
    assert after.endswith("    and not proc.name = a\n\n  output: o # y\n- list: l\n  items: [a]\n")
    assert laid_out(after, 5) == after


def test_a_blocks_sign_stays() -> None:
    text = f"- macro: m\n  condition: >-  # why\n    {LONG}\n"
    assert laid_out(text, 2).split("\n")[1] == "  condition: >-  # why"


@pytest.mark.parametrize(
    ("text", "row", "part"),
    [
        ("- rule: A\n  output: x\n", 1, "no condition"),
        ("- rule: A\n  condition: 'a and b'\n", 1, "quotes"),
        ("- rule: A\n  condition: a and\n", 1, "is wrong"),
    ],
)
def test_what_cannot_be_laid_out_says_why(text: str, row: int, part: str) -> None:
    with pytest.raises(RuleError, match=part):
        laid_out(text, row)


@given(strategies.conditions)
def test_every_condition_means_the_same(text: str) -> None:
    assert parse_condition(" ".join(condition_lines(text))) == parse_condition(text)


def test_our_own_rules_mean_the_same() -> None:
    text = (rules_dir() / "tuimon_rules.yaml").read_text()
    made = text
    rows = [n for n, line in enumerate(text.split("\n")) if line.startswith("  condition:")]
    for row in reversed(rows):
        made = laid_out(made, row)
    before, after = (load((RuleFile("t.yaml", one, "user"),)) for one in (text, made))
    assert [r.written for r in after.rules] == [r.written for r in before.rules]
    assert [m.written for m in after.macros] == [m.written for m in before.macros]
