"""A load that is told what earlier loads worked out gives what one that is told nothing gives."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.rules.answers import Answers
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.nodes import Condition

ITEMS = [
    "- list: names\n  items: [bash, sh]",
    "- list: names\n  items: [more]\n  override: {items: append}",
    "- list: more\n  items: [zsh, names]",
    "- list: names\n  items: [more, 'a b', \"c,d\"]",
    "- macro: opens\n  condition: evt.type in (open, openat)",
    "- macro: opens\n  condition: evt.type = openat and late",
    "- macro: late\n  condition: proc.name in (names)",
    "- macro: late\n  condition: or fd.num > 3\n  override: {condition: append}",
    "- rule: One\n  desc: d\n  condition: opens and proc.name in (names)\n  output: '%fd.name'\n  priority: INFO",
    "- rule: One\n  desc: d\n  condition: opens and proc.name = names\n  output: '%fd.nmae'\n  priority: INFO",
    "- rule: One\n  condition: and not late\n  override: {condition: append}",
    "- rule: One\n  enabled: false\n  override: {enabled: replace}",
    "- rule: One\n  exceptions: [{name: x, fields: proc.name, values: [more]}]\n  override: {exceptions: append}",
    "- rule: Two\n  desc: d\n  condition: late or evt.type = open\n  output: '%proc.name'\n  priority: WARNING",
    "- rule: Two\n  desc: d\n  condition: proc.nmae = x\n  output: x\n  priority: WARNING",
    "- rule: Three\n  desc: d\n  condition: fd.num > x and\n  output: x\n  priority: LOUD",
    "- rule: Three\n  desc: d\n  condition: proc.name in (names",
    "# nothing but a remark",
    "- macro: [",
    "\tnot yaml: {",
    "just text",
]
FILES = ("a.yaml", "b.yaml", "c.yaml")
EDIT = st.tuples(st.sampled_from(FILES), st.lists(st.sampled_from(ITEMS), max_size=6))


def same(told: LoadResult, whole: LoadResult) -> None:
    """Everything but the identity of what is made for later questions, which is asked instead."""
    for each in fields(LoadResult):
        if each.name != "known_lists":
            assert getattr(told, each.name) == getattr(whole, each.name), each.name
    for text in ("proc.name in (names)", "proc.name in (more, names)"):
        assert parsed(told, text) == parsed(whole, text)


def parsed(loaded: LoadResult, text: str) -> Condition:
    return loaded.known_lists.parse(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(EDIT, min_size=1, max_size=10))
def test_any_sequence_of_edits_loads_alike(edits: list[tuple[str, list[str]]]) -> None:
    answers, texts = Answers(), dict.fromkeys(FILES, "")
    for path, items in edits:
        texts[path] = "\n".join(items)
        files = [RuleFile(each, text) for each, text in texts.items()]
        same(load(files, answers=answers), load(files))


@settings(max_examples=60, deadline=None)
@given(st.lists(EDIT, min_size=1, max_size=6), st.integers(0, 20))
def test_a_load_that_was_ended_early_leaves_nothing_wrong_behind(
    edits: list[tuple[str, list[str]]], pauses: int
) -> None:
    class Ended(Exception):
        pass

    answers, texts = Answers(), dict.fromkeys(FILES, "")
    for path, items in edits:
        texts[path] = "\n".join(items)
        files = [RuleFile(each, text) for each, text in texts.items()]
        left = pauses

        def pause() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Ended

        try:
            load(files, answers=answers, pause=pause)
        except Ended:
            same(load(files, answers=answers), load(files))


def test_what_did_not_change_is_the_same_object(shipped: RuleFile) -> None:
    """Whoever compares the rules before and after an edit need not look into them."""
    answers = Answers()
    own = "- rule: Mine\n  desc: d\n  condition: evt.type = open and fd.name = {}\n  output: x\n  priority: INFO\n"
    first = load([shipped, RuleFile("own.yaml", own.format("a"))], answers=answers)
    second = load([shipped, RuleFile("own.yaml", own.format("b"))], answers=answers)
    assert len(first.rules) == len(second.rules) > 30
    differing = [x.name for x, y in zip(first.rules, second.rules, strict=True) if x.condition is not y.condition]
    assert set(differing) <= {"Mine", *(rule.name for rule in first.rules if rule.exceptions)}


@pytest.fixture
def shipped() -> RuleFile:
    path = Path(__file__).parents[2] / "rules" / "tuimon_rules.yaml"
    return RuleFile(str(path), path.read_text(encoding="utf-8"), "builtin")
