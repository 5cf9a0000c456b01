"""The prefilter may say yes too often and must never say no wrongly."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.batch import take
from tuimon.events import HOST
from tuimon.fields import resolve
from tuimon.fields.registry import FieldInfo, FieldType, Scope
from tuimon.records import Kind
from tuimon.rules import prefilter_numpy
from tuimon.rules.checks import Checks
from tuimon.rules.graph import Graph
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import Check, FieldRef, Literal
from tuimon.rules.prefilter import Cutter
from tuimon.rules.ruleset import RuleSet


def ruleset(*texts: str, **options: bool) -> RuleSet:
    rules = [strategies.rule(f"rule {at}", compile_expression(text)) for at, text in enumerate(texts)]
    return RuleSet.build(SimpleNamespace(rules=rules), 1, **options)


def matching_rows(rules: RuleSet, batch, tables) -> dict[int, list[str]]:
    """Judge every row, without the prefilter."""
    rules._hinted = None
    found = {}
    for row in range(len(batch)):
        hits = rules.judge(builders.event_of(batch, row, tables))
        if hits:
            found[row] = [hit.rule.name for hit in hits]
    return found


def assert_sound(rules: RuleSet, batch, tables) -> None:
    """What the exact evaluator finds on every row, it finds on the candidates alone.

    The candidates come first: what is unknown then (a user's name in a container) may be known and false a moment
    later, never the other way round.
    """
    candidates = rules.candidates(batch, tables).tolist()
    assert candidates == sorted(set(candidates))
    found = {row: [hit.rule.name for hit in rules.judge(builders.event_of(batch, row, tables))] for row in candidates}
    for row, names in matching_rows(rules, batch, tables).items():
        assert set(names) <= set(found.get(row, ())), (row, names)


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(strategies.conditions, min_size=1, max_size=3),
    events=st.lists(strategies.events(), min_size=1, max_size=12),
)
def test_no_match_is_lost(texts, events):
    rules = ruleset(*texts)
    batch, tables = builders.batch_of(events)
    assert_sound(rules, batch, tables)
    # Once more, from what is now remembered, and for a part of the rows only.
    assert_sound(rules, batch, tables)
    part = take(batch, np.arange(0, len(batch), 2))
    assert_sound(rules, part, tables)


@settings(max_examples=100, deadline=None)
@given(text=strategies.conditions, events=st.lists(strategies.events(), min_size=1, max_size=8))
def test_no_match_is_lost_in_plain_falco(text, events):
    batch, tables = builders.batch_of(events)
    assert_sound(ruleset(text, plain_falco=True), batch, tables)


def test_a_process_that_changes_is_asked_again():
    actor = builders.process("cat", start_ns=0)
    batch, tables = builders.batch_of([builders.open_event(process=actor)])
    rules = ruleset("proc.name = evil and evt.type = openat")
    assert len(rules.candidates(batch, tables)) == 0
    actor.comm = "evil"
    assert list(rules.candidates(batch, tables)) == [0]


def test_an_ancestor_that_is_filled_in_later_is_noticed():
    parent = builders.process("", pid=10, start_ns=0)
    batch, tables = builders.batch_of([builders.open_event(process=builders.process("cat", parent=parent))])
    rules = ruleset("proc.pname = evil and evt.type = openat")
    assert len(rules.candidates(batch, tables)) == 0
    parent.comm = "evil"
    assert list(rules.candidates(batch, tables)) == [0]


def test_a_container_that_becomes_known_is_asked_again():
    batch, tables = builders.batch_of([builders.open_event(container=builders.container(known=False))])
    rules = ruleset("container.name = web and evt.type = openat")
    assert list(rules.candidates(batch, tables)) == [0], "unknown is maybe"
    cgroup_id = int(batch.head["cgroup_id"][0])
    tables.containers[cgroup_id] = builders.container(name="db")
    assert len(rules.candidates(batch, tables)) == 0
    tables.containers[cgroup_id] = builders.container(name="web")
    assert list(rules.candidates(batch, tables)) == [0]


def test_details_that_differ_only_in_time_and_place_are_one():
    batch, tables = builders.batch_of(
        [builders.open_event("/etc/shadow", cpu=cpu, ret=ret) for cpu in (0, 1) for ret in (3, 9)]
    )
    rules = ruleset("fd.name = /etc/shadow and evt.type = openat")
    assert len(rules.candidates(batch, tables)) == 4
    (bucket,) = rules._buckets.values()
    assert bucket.mask._details.used == 1


def test_a_value_that_cannot_be_read_rules_nothing_out():
    def broken(_event, _arg):
        raise ValueError("torn record")

    info = FieldInfo("x.y", FieldType.CHARBUF, "made up", broken, "x", scope=Scope.PROCESS)
    checks = Checks(resolve=lambda name: (info, None) if name == "x.y" else resolve(name))
    rule = strategies.rule("r", Check(FieldRef("x.y"), "=", Literal("a")))
    rules = RuleSet.build(SimpleNamespace(rules=[rule]), 1, checks=checks)
    batch, tables = builders.batch_of([builders.open_event()])
    assert list(rules.candidates(batch, tables)) == [0]


def test_long_texts_are_told_apart():
    long = "/tmp/" + "x" * 1000
    batch, tables = builders.batch_of([builders.open_event(long + "a"), builders.open_event(long + "b")])
    assert list(ruleset("fd.name endswith xb and evt.type = openat").candidates(batch, tables)) == [1]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("proc.name = x", "actor"),
        ("container.id != host", "actor"),
        ("user.uid = 0", "actor"),
        ("fd.name = x", "detail"),
        ("evt.is_open_write = true", "detail"),
        ("evt.rawres >= 0", "detail"),
        ("evt.rawres > 100000", "other"),
        ("evt.arg.flags contains O_CREAT", "detail"),
        ("evt.arg.fd = 3", "other"),
        ("evt.cpu = 0", "other"),
        ("evt.num > 3", "other"),
        ("fd.name = val(proc.exepath)", "other"),
    ],
)
def test_each_check_lies_on_its_side(text, side):
    cutter = Cutter(Graph(), Checks(), Kind.SYSCALL, "openat")
    assert cutter.side(compile_expression(text)) == side


def test_a_mixed_disjunction_is_split_into_clauses():
    graph = Graph()
    root = graph.add(
        compile_expression("evt.type = openat and (proc.name = a or fd.name = b) and proc.tty = 0"), "openat"
    )
    clauses = Cutter(graph, Checks(), Kind.SYSCALL, "openat").cut([root])
    assert len(clauses.items) == 2


def test_rules_for_other_types_leave_no_candidate():
    batch, tables = builders.batch_of([builders.syscall_event("read", container=HOST), builders.open_event()])
    assert list(ruleset("evt.type = openat").candidates(batch, tables)) == [1]


def test_what_a_storm_of_processes_needed_is_given_back(monkeypatch):
    monkeypatch.setattr(prefilter_numpy, "_MAX_ACTORS", 400)
    rules = ruleset("evt.type = openat and proc.name = cat and fd.name = /etc/x")
    storm = [builders.open_event("/etc/x", process=builders.process(f"p{pid}", pid=pid)) for pid in range(2, 900)]
    assert not len(rules.candidates(*builders.batch_of(storm)))
    (bucket,) = rules._buckets.values()
    assert len(bucket.mask._row_of_actor) >= len(storm)
    cat = builders.open_event("/etc/x", process=builders.process("cat", pid=1000))
    assert rules.candidates(*builders.batch_of([cat])).tolist() == [0]
    assert len(bucket.mask._row_of_actor) <= 256
    assert len(bucket.mask._actors.rows) <= 256


def test_processes_of_which_nothing_is_heard_are_let_go_and_the_others_keep_their_number(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(prefilter_numpy.time, "monotonic", lambda: now[0])
    actors = prefilter_numpy.Actors()

    def number(*pids: int) -> list[int]:
        made = [builders.process(f"p{pid}", pid=pid, index=pid) for pid in pids]
        batch, tables = builders.batch_of(
            [builders.open_event("/x", process=processes.setdefault(p.pid, p)) for p in made]
        )
        return actors.number(
            batch, np.arange(len(batch)), lambda _, row: builders.event_of(batch, row, tables)
        ).tolist()

    processes = {}
    first = number(*range(2, 30))
    for _ in range(3):
        now[0] += prefilter_numpy._UNUSED_S + 1
        assert number(2) == first[:1]
    assert sum(map(len, actors._known.values())) + sum(map(len, actors._before.values())) <= 2
    assert actors.generation == 0
    assert number(3) != first[1:2]
