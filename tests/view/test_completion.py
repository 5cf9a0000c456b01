"""What completion offers parses at its place, fits the field before it, and is found by what was typed."""

import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import compile_expression, load
from tuimon.view.completion import Context, complete, context_of
from tuimon.view.seen import Seen

CONTEXT = Context(
    {"spawned_process": "evt.type = execve"},
    {"shells": ("bash", "sh")},
    lambda name: [("my app", 3), ("nginx", 2)] if name.startswith("proc.name") else (),
)


def labels(text, context=CONTEXT):
    return [item.label for item in complete(text, len(text), context).items]


def applied(text, label, context=CONTEXT):
    found = complete(text, len(text), context)
    item = next(item for item in found.items if item.label == label)
    return text[: found.start] + item.insert


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("", ["evt.type", "not"], ["=", "and"]),
        ("na", ["proc.name", "container.name"], ["evt.type"]),
        ("spaw", ["spawned_process"], ["proc.name"]),
        ("proc.name ", ["=", "startswith", "exists", "in"], ["and", "=="]),
        ("proc.pid ", [">=", "="], ["startswith"]),
        ("proc.args ", ["contains"], ["and"]),
        ("evt.is_open_write = ", ["true", "false"], ["evt.type"]),
        ("evt.type = ope", ["openat"], ["execve"]),
        ("evt.type in (ope", ["openat"], ["execve"]),
        ("proc.name = ", ["nginx", "my app", "anyof"], ["evt.type"]),
        ("proc.name in ", ["(", "shells"], ["nginx"]),
        ("proc.name in (bash, ", ["nginx", "shells"], ["and"]),
        ("proc.name in (bash ", [",", ")"], ["nginx"]),
        ("proc.name in (bash) ", ["and", "or"], [")"]),
        ("(proc.name = nginx ", ["and", "or", ")"], []),
        ("proc.name exists ", ["and"], ["="]),
        ("spawned_process ", ["and"], ["="]),
        ("not ", ["proc.name"], ["and"]),
        ("tolower(proc.na", ["proc.name"], ["nginx"]),
        ("tolower(proc.name) ", ["=", "contains"], ["and"]),
        ("proc.aname[2] ", ["="], ["and"]),
        ("evt.arg.fla", ["evt.arg.flags"], []),
    ],
)
def test_what_is_offered(text, some, none):
    found = labels(text)
    assert set(some) <= set(found), found
    assert not set(none) & set(found)


@pytest.mark.parametrize(
    ("steps", "whole"),
    [
        (["evt.type", "=", "execve"], "evt.type = execve"),
        (["proc.name", "=", "my app"], 'proc.name = "my app"'),
        (["proc.name", "in", "shells", ")"], "proc.name in (shells) "),
        (["not", "proc.name", "exists", "and", "spawned_process"], "not proc.name exists and spawned_process "),
    ],
)
def test_taking_what_is_offered_makes_a_condition(steps, whole):
    text = ""
    for step in steps:
        if step == ")" or (step == "and" and not text.endswith(" ")):
            text += " "
        text = applied(text, step) if step != ")" else applied(text, step).replace(" )", ")")
    assert text == whole
    files = [
        RuleFile("x.yaml", "- macro: spawned_process\n  condition: evt.type=execve\n- list: shells\n  items: [sh]\n")
    ]
    compile_expression(text, load(files))


def test_a_word_begun_is_replaced_and_only_before_the_cursor():
    found = complete("proc.na = x", 7, CONTEXT)
    assert found.start == 0
    assert found.items[0].insert == "proc.name "


def test_an_open_quote_completes_to_a_quoted_value():
    assert applied('proc.name = "my', "my app") == 'proc.name = "my app"'
    assert labels('proc.name = "ng') == ["nginx"]


def test_nothing_is_offered_for_what_is_complete_or_unknown():
    assert labels("proc.name = nginx") == []
    assert labels("nosuch.field = x") == []


def test_macros_and_lists_come_from_the_loaded_rules():
    loaded = load([RuleFile("x.yaml", "- macro: m\n  condition: evt.type=execve\n- list: l\n  items: [a, b]\n")])
    context = context_of(loaded)
    assert context.macros == {"m": "evt.type=execve"}
    assert context.lists == {"l": ("a", "b")}
    assert context_of(None) == context_of(load([]))


def test_seen_values_are_those_of_the_newest_events():
    engine = fed_engine()
    seen = Seen(engine.history, engine.event)
    assert dict(seen("proc.name"))["cat"] == 12
    assert dict(seen("container.name"))["web"] > 0
    assert "/etc/shadow" in dict(seen("fd.name"))
    assert seen("nosuch.field") == ()
    assert seen("proc.aname") != ()
    assert "bash" in dict(seen("proc.aname[1]"))
    assert seen("proc.name") is seen("proc.name")


def test_values_are_seen_even_when_the_time_is_up_at_once(monkeypatch: pytest.MonkeyPatch):
    """On a busy machine nothing was offered."""
    monkeypatch.setattr("tuimon.view.seen._BUDGET_S", -1.0)
    engine = fed_engine()
    assert Seen(engine.history, engine.event)("fd.name")


def test_a_whole_word_is_not_offered_because_others_have_it_in_the_middle():
    assert labels("evt.type = lseek") == []  # llseek
    assert "openat2" in labels("evt.type = openat")
