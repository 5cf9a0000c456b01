"""The parser's own promises: places, bounds, no quadratic time. What it reads stands in tests/cases/conditions.yaml."""

from __future__ import annotations

import contextlib
import sys
import time

import pytest

from tuimon.rules.nodes import And, Check, FieldRef, Literal, Not, Or, ValueList
from tuimon.rules.parser import MAX_NESTING, ConditionSyntaxError, parse_condition
from tuimon.rules.printer import print_condition


def test_every_node_knows_its_place() -> None:
    text = 'not a.b = "x y" and (c.d in (1, two)\n  or e.f exists)'
    node = parse_condition(text)
    assert isinstance(node, And)
    negated, either = node.children
    assert isinstance(negated, Not)
    assert isinstance(either, Or)
    assert text[negated.span.start : negated.span.end] == 'not a.b = "x y"'
    first, second = either.children
    assert isinstance(first, Check)
    assert isinstance(first.right, ValueList)
    assert text[first.span.start : first.span.end] == "c.d in (1, two)"
    assert [text[item.span.start : item.span.end] for item in first.right.items] == ["1", "two"]
    assert (second.span.line, second.span.column) == (2, 6)


def test_nodes_hold_plain_strings() -> None:
    """lark's tokens would keep the whole text alive, and compare by more than their text."""
    node = parse_condition("a.b = c")
    assert isinstance(node, Check)
    assert isinstance(node.left, FieldRef)
    assert isinstance(node.right, Literal)
    assert {type(node.left.name), type(node.op), type(node.right.text)} == {str}


def test_places_and_quotes_do_not_count_in_comparisons() -> None:
    assert parse_condition("  a.b='c' ") == parse_condition("a.b = c")


def test_parentheses_may_nest_as_deep_as_falcos() -> None:
    deepest = "(" * MAX_NESTING + "a.b = c" + ")" * MAX_NESTING
    assert parse_condition(deepest) == parse_condition("a.b = c")
    with pytest.raises(ConditionSyntaxError, match="nest deeper") as raised:
        parse_condition(f"({deepest})")
    assert raised.value.offset == MAX_NESTING


def test_a_tree_as_deep_as_it_gets_can_be_printed_and_compared() -> None:
    text = "x"
    for _ in range(MAX_NESTING):
        text = f"not (y and {text})"
    node = parse_condition(text)
    assert print_condition(parse_condition(print_condition(node))) == print_condition(node)
    assert sys.getrecursionlimit() == 1000


def test_parentheses_in_strings_do_not_nest() -> None:
    node = parse_condition(f'a.b = "{"(" * 500}"')
    assert isinstance(node, Check)
    assert node.right == Literal("(" * 500)


@pytest.mark.parametrize(
    "text",
    [
        "not " * 50_000 + "x",
        "(" * 300_000,
        "a.b = x and " * 20_000 + "x",
        "a.b in (" + "x, " * 30_000 + "x)",
        "a.b in (" + "x, " * 30_000,
        "a.b = \"" + "x" * 500_000,
        "a.b = \"" + "\\\\" * 200_000,
        "a" * 500_000,
        "a." * 200_000,
        "'\"" * 100_000,
        "tolower(" * 100_000,
        " " * 500_000,
        "a.b[" + "x" * 300_000,
        "a.b in (" + "\"x\" " * 50_000,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_long_and_hostile_texts_take_time_in_proportion(text: str) -> None:
    started = time.thread_time()
    with contextlib.suppress(ConditionSyntaxError):
        parse_condition(text)
    assert time.thread_time() - started < 10


def test_a_text_too_long_to_be_a_condition_is_refused() -> None:
    with pytest.raises(ConditionSyntaxError, match="longer than"):
        parse_condition("x" * 5_000_000)
