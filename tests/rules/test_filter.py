"""Filters keep exactly what their expression says, and plain text finds what a person would look for."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.batch import empty_batch
from tuimon.errors import RuleError
from tuimon.fields import resolve
from tuimon.fields.registry import FieldInfo, FieldType, Scope
from tuimon.rules.checks import Checks
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.explain import explain
from tuimon.rules.filter import ExpressionFilter, TextFilter, compile_filter, plain_text
from tuimon.rules.loader import compile_expression, load
from tuimon.rules.nodes import Check, FieldRef, Literal


def event_of_batch(tables):
    return lambda batch, row: builders.event_of(batch, row, tables)


@settings(max_examples=200, deadline=None)
@given(text=strategies.conditions, events=st.lists(strategies.events(), min_size=1, max_size=12))
def test_rows_are_those_for_which_the_condition_surely_holds(text, events):
    batch, tables = builders.batch_of(events)
    judge = compile_condition(compile_expression(text))
    kept = compile_filter(text, None, event_of_batch(tables))
    expected = [row for row in range(len(batch)) if judge(builders.event_of(batch, row, tables)) is True]
    assert kept.rows(batch).tolist() == expected
    assert kept.rows(batch).tolist() == expected
    assert [row for row in range(len(batch)) if kept.matches(builders.event_of(batch, row, tables))] == expected


def test_macros_and_lists_of_the_rules_can_be_used():
    loaded = load(
        [
            RuleFile(
                "a.yaml", "- list: shells\n  items: [bash, sh]\n- macro: shell\n  condition: proc.name in (shells)\n"
            )
        ]
    )
    batch, tables = builders.batch_of([builders.exec_event("bash"), builders.exec_event("cat")])
    assert compile_filter("shell", loaded, event_of_batch(tables)).rows(batch).tolist() == [0]


def test_a_bare_word_that_is_no_macro_is_looked_for_as_text():
    events = [
        builders.open_event("/etc/SHADOW"),
        builders.exec_event("shadowd"),
        builders.exec_event("cat", args=("/x/shadow",)),
        builders.open_event("/etc/passwd"),
        builders.syscall_event("read", slim=True, process=builders.process("shadower")),
    ]
    batch, tables = builders.batch_of(events)
    kept = compile_filter("shadow", None, event_of_batch(tables))
    assert isinstance(kept, TextFilter)
    assert kept.rows(batch).tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nginx", "nginx"),
        (" nginx ", "nginx"),
        ("/etc/ssh", "/etc/ssh"),
        ('"a b"', "a b"),
        ("'a (b'", "a (b"),
        ("proc.name = x", None),
        ("two words", None),
        ("(x", None),
        ("", None),
    ],
)
def test_what_counts_as_plain_text(text, wanted):
    assert plain_text(text) == wanted


@pytest.mark.parametrize("text", ["proc.name =", "proc.nam = x", "proc.pid = x", "(", "a b", "", "not"])
def test_a_wrong_expression_is_refused_with_a_sentence(text):
    if plain_text(text) is not None:
        return
    with pytest.raises(RuleError) as caught:
        compile_filter(text, None, event_of_batch(None))
    assert str(caught.value)


def test_a_field_name_that_is_wrong_is_an_error_not_plain_text():
    with pytest.raises(RuleError, match="nam"):
        compile_filter("proc.nam = bash", None, event_of_batch(None))


def test_an_empty_batch_has_no_rows():
    kept = compile_filter("proc.name = x", None, event_of_batch(None))
    assert kept.rows(empty_batch()).tolist() == []
    assert kept.rows(empty_batch()).dtype.kind == "i"


def test_hostile_bytes_are_found_as_they_are():
    batch, tables = builders.batch_of([builders.open_event(b"/tmp/a\xff\x1b[2J")])
    assert compile_filter('"\udcff"', None, event_of_batch(tables)).rows(batch).tolist() == [0]


@settings(max_examples=100, deadline=None)
@given(
    wanted=st.sampled_from(("s", "sh", "shadow", "/etc", "A", "wx", "-c", "\udcff")),
    events=st.lists(strategies.events(), max_size=10),
)
def test_plain_text_on_columns_finds_what_it_finds_on_events(wanted, events):
    batch, tables = builders.batch_of(events)
    kept = TextFilter(wanted, wanted, event_of_batch(tables))
    expected = [row for row in range(len(batch)) if kept.matches(builders.event_of(batch, row, tables))]
    assert kept.rows(batch).tolist() == expected


def test_plain_text_is_not_found_across_two_texts():
    event = builders.syscall_event("rename", given="/tmp/ab", given2="cd/x", base2="/")
    batch, tables = builders.batch_of([event])
    assert compile_filter("abcd", None, event_of_batch(tables)).rows(batch).tolist() == []
    assert compile_filter("cd/x", None, event_of_batch(tables)).rows(batch).tolist() == [0]


def test_one_filter_can_be_asked_by_several_threads():
    batch, tables = builders.batch_of([builders.open_event(f"/tmp/{at % 7}") for at in range(200)])
    kept = ExpressionFilter("x", compile_expression("fd.name = /tmp/3"), event_of_batch(tables))
    expected = [at for at in range(200) if at % 7 == 3]
    results: list[list[int]] = []
    threads = [threading.Thread(target=lambda: results.append(kept.rows(batch).tolist())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


@pytest.mark.parametrize("scope", [Scope.PROCESS, Scope.EVENT])
def test_a_value_that_cannot_be_read_hides_one_event_and_no_other(scope):
    """One torn record must not take the list of a million others away."""

    def torn(event, _arg):
        if event.process.comm == "torn":
            raise ValueError("torn record")
        return "a"

    info = FieldInfo("x.y", FieldType.CHARBUF, "made up", torn, "x", scope=scope)
    checks = Checks(resolve=lambda name: (info, None) if name == "x.y" else resolve(name), forgiving=True)
    names = ("torn", "sound")
    events = [builders.open_event(process=builders.process(name, pid=pid)) for pid, name in enumerate(names, 10)]
    batch, tables = builders.batch_of(events)
    condition = Check(FieldRef("x.y"), "=", Literal("a"))
    kept = ExpressionFilter("x", condition, event_of_batch(tables), checks)
    assert kept.rows(batch).tolist() == [1]
    assert [kept.matches(event) for event in events] == [False, True]
    assert [explain(condition, event, checks).truth for event in events] == [None, True]
    assert explain(condition, events[0], checks).value == "not known yet"
