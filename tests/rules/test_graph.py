"""The graph of parts: equal parts are one, types are folded, projections are never narrower."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules import strategies
from tuimon.errors import RuleError
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import Program
from tuimon.rules.graph import FALSE, TRUE, Graph
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import MacroRef
from tuimon.syscalls import event_name


def add(text: str, event_type: str | None = None) -> tuple[Graph, int]:
    graph = Graph()
    return graph, graph.add(compile_expression(text), event_type)


def test_equal_parts_are_one_node():
    graph = Graph()
    one = graph.add(compile_expression("proc.name = a and fd.name = b"))
    assert graph.add(compile_expression("proc.name = a and (fd.name = b)")) == one
    assert graph.add(compile_expression("not not (proc.name = a and fd.name = b)")) == one
    assert graph.add(compile_expression("proc.name = a and proc.name = a")) == graph.add(
        compile_expression("proc.name = a")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evt.type = openat", TRUE),
        ("evt.type = open", FALSE),
        ("evt.type != open", TRUE),
        ("evt.type in (open, openat)", TRUE),
        ("evt.type in (open)", FALSE),
        ("not evt.type = openat", FALSE),
        ("evt.type exists", TRUE),
        ("syscall.type = openat", TRUE),
        ("evt.type = open and proc.name = x", FALSE),
        ("evt.type = openat or proc.name = x", TRUE),
    ],
)
def test_the_event_type_decides(text, expected):
    assert add(text, "openat")[1] == expected


@settings(max_examples=100, deadline=None)
@given(text=strategies.conditions, event_type=st.sampled_from(("openat", "connect", "execve", "getpid", "procexit")))
def test_the_event_type_decides_of_a_node_what_it_decides_of_its_condition(text, event_type):
    graph, node = add(text)
    assert graph.at_type(node, event_type) == graph.add(compile_expression(text), event_type)


def test_an_event_that_is_no_call_has_no_call_type():
    assert add("syscall.type = procexit", "procexit")[1] == FALSE
    assert add("syscall.type != openat", "procexit")[1] == FALSE


def test_an_open_macro_name_is_refused():
    with pytest.raises(RuleError, match="not resolved"):
        Graph().add(MacroRef("m"))


@settings(max_examples=200, deadline=None)
@given(text=strategies.conditions, event=strategies.events())
def test_projections_and_clauses_are_never_narrower(text, event):
    graph, root = add(text, event_name(event.kind, event.nr))
    kept = graph.project(root, lambda check: hash(str(check.left)) % 2 == 0)
    clauses = graph.clauses(root, lambda _node: True, 8)
    tests = Program(Checks(), graph)
    blank = tests.print([root, kept, *clauses])
    context = tests.blank()
    context[0] = event
    truth, projected, *parts = [test(context) for test in blank]
    if truth is not False:
        assert projected is not False
    # The clauses together are the condition, in three-valued logic.
    together = True if True in parts else None if None in parts else False
    assert together is truth
