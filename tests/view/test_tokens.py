"""Colours of the condition language in half-typed text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.view.tokens import condition_tokens, rule_file_tokens


def kinds(text):
    return [(text[t.start : t.end], t.kind) for t in condition_tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evt.type = open", [("evt.type", "field"), ("=", "operator")]),
        ("not proc.name in (a)", [("not", "logic"), ("proc.name", "field"), ("in", "operator")]),
        ('fd.name = "a and b', [("fd.name", "field"), ("=", "operator"), ('"a and b', "string")]),
        (
            "tolower(proc.name) icontains x",
            [("tolower", "transform"), ("proc.name", "field"), ("icontains", "operator")],
        ),
        ("proc.aname[2] != sh", [("proc.aname[2]", "field"), ("!=", "operator")]),
        ("instance", []),
        ("evt.rawres < 10", [("evt.rawres", "field"), ("<", "operator"), ("10", "number")]),
    ],
)
def test_words_of_a_condition(text, expected):
    assert kinds(text) == expected


def test_only_conditions_and_outputs_of_a_file_are_coloured():
    text = (
        "- rule: a and b\n  condition: >\n    proc.name = x\n    # and not\n    and y\n"
        "  output: a %fd.name b\n  tags: [and]\n"
    )
    found = [(t.line, text.split("\n")[t.line][t.start : t.end]) for t in rule_file_tokens(text)]
    assert found == [(2, "proc.name"), (2, "="), (4, "and"), (5, "%fd.name")]


@given(st.text(max_size=200))
def test_any_text_has_tokens_inside_its_lines(text):
    lines = text.split("\n")
    for token in rule_file_tokens(text):
        assert 0 <= token.start < token.end <= len(lines[token.line])
