"""Rule sets: which events matter, what is judged, what survives a reload."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests import builders
from tests.rules import strategies
from tuimon.batch import empty_batch
from tuimon.errors import RuleError
from tuimon.rules.loader import compile_expression
from tuimon.rules.matching import RuleHit
from tuimon.rules.nodes import Check, FieldRef, Literal
from tuimon.rules.prefilter_ir import All, Among, Name
from tuimon.rules.ruleset import RuleSet, calls_wanted, fields_of


def definition(name: str, text: str, types: frozenset[str] | None = None, **more):
    made = strategies.rule(name, compile_expression(text), types)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def build(*definitions, previous=None, revision=1, **options) -> RuleSet:
    return RuleSet.build(SimpleNamespace(rules=definitions), revision, previous, **options)


OPENS = frozenset(("open", "openat", "asyncevent"))
EXECS = frozenset(("execve",))
CONNECTS = frozenset(("connect",))
CAT = "proc.name = cat"


def test_only_enabled_rules_of_system_calls_take_part():
    rules = build(
        definition("on", "proc.name = x"),
        definition("off", "proc.name = x", enabled=False),
        definition("audit", "proc.name = x", source="k8s_audit"),
    )
    assert [rule.name for rule in rules.rules] == ["on"]
    assert len(rules) == 1


def test_hits_come_in_the_order_of_the_files_and_carry_the_revision():
    rules = build(
        definition("a", "proc.name = cat"),
        definition("b", "proc.name = x"),
        definition("c", "fd.name exists"),
        revision=9,
    )
    hits = rules.judge(builders.open_event("/x"))
    assert [(hit.rule.name, hit.revision, hit.unknown) for hit in hits] == [("a", 9, False), ("c", 9, False)]
    assert hits[0].output(builders.open_event("/x")) == "cat /x"
    assert hits[0].fields(builders.open_event("/x")) == {"proc.name": "cat", "fd.name": "/x"}


def test_first_match_only_stops_at_the_first_sure_hit():
    rules = build(
        definition("unsure", "container.name = web"),
        definition("sure", "proc.name = cat"),
        definition("late", "proc.name = cat"),
        first_match_only=True,
    )
    event = builders.open_event(container=builders.container(known=False))
    (hit,) = rules.judge(event)
    assert (hit.rule.name, hit.unknown) == ("unsure", True)
    assert [(later.rule.name, later.unknown) for later in hit.instead] == [("sure", False)]


def test_rules_for_other_event_types_are_not_asked():
    rules = build(definition("open", CAT, OPENS), definition("exec", CAT, frozenset(("execve",))))
    assert [hit.rule.name for hit in rules.judge(builders.open_event())] == ["open"]
    assert rules.judge(builders.syscall_event("getpid")) == []
    by_name = {rule.name: rule.counter.evaluated for rule in rules.rules}
    assert by_name == {"open": 1, "exec": 0}


def test_counters_survive_a_reload_for_rules_that_did_not_change():
    first = build(definition("same", CAT), definition("changed", CAT))
    first.judge(builders.open_event())
    second = build(definition("same", CAT), definition("changed", "proc.name = bash"), previous=first, revision=2)
    counters = {rule.name: rule.counter for rule in second.rules}
    assert (counters["same"].evaluated, counters["same"].matched) == (1, 1)
    assert counters["changed"].evaluated == 0
    second.judge(builders.open_event())
    assert counters["same"].evaluated == 2


def test_a_reload_compiles_for_the_events_that_are_coming():
    first = build(definition("r", CAT))
    first.judge(builders.open_event())
    second = build(definition("r", CAT), previous=first, revision=2)
    assert set(second._buckets) == set(first._buckets) != set()


def test_some_evaluations_are_timed():
    rules = build(definition("r", "proc.name = cat"))
    for _ in range(200):
        rules.judge(builders.open_event())
    counter = rules.rules[0].counter
    assert counter.evaluated == 200
    assert 0 < counter.sampled < 20
    assert counter.ns_per_event > 0


def test_calls_wanted_are_those_that_rules_name():
    assert calls_wanted(build(definition("r", "proc.name = x", OPENS))) == OPENS
    assert build(definition("r", "proc.name = x", OPENS)).event_types == OPENS


def test_a_rule_for_all_types_asks_for_every_decoded_call():
    rules = build(definition("all", "proc.name = x"), definition("r", "proc.name = x", OPENS))
    assert rules.event_types is None
    assert {"openat", "read", "connect"} <= calls_wanted(rules)
    batch, _ = builders.batch_of([builders.syscall_event("getpid")])
    assert rules.interesting(batch).tolist() == [0]


def test_no_rules_look_at_nothing():
    rules = build()
    batch, tables = builders.batch_of([builders.open_event()])
    assert rules.candidates(batch, tables).tolist() == []
    assert rules.judge(builders.open_event()) == []
    assert calls_wanted(rules) == frozenset()
    assert rules.kernel_expressions() == {}


def test_an_empty_batch_has_no_candidates():
    rules = build(definition("r", "proc.name = cat"))
    assert rules.candidates(empty_batch(), builders.FakeTables({}, builders.Owners())).tolist() == []


def test_fields_that_rules_use_are_known():
    rules = build(definition("r", "proc.env[X] = y and tolower(fd.name) = val(proc.exepath)"))
    assert rules.uses("proc.env")
    assert rules.uses("proc.exepath")
    assert rules.uses("evt.buffer", "fd.name")
    assert not rules.uses("evt.buffer")
    assert fields_of(rules.condition("r")) == {"proc.env", "fd.name", "proc.exepath"}


def test_a_rule_that_cannot_be_compiled_is_named():
    broken = strategies.rule("Broken Rule", Check(FieldRef("no.such"), "=", Literal("x")))
    with pytest.raises(RuleError, match=r"rule Broken Rule: .*no\.such"):
        build(broken)


def test_the_kernel_is_asked_per_call():
    rules = build(
        definition("r", "user.uid = 0 and proc.name = x", OPENS),
        definition("s", "proc.name = x", frozenset(("connect",))),
    )
    found = {rules_name(nr): expression for nr, expression in rules.kernel_expressions().items()}
    opens = All((Among("uid", (0,)), Name((b"x",))))
    assert found == {"open": opens, "openat": opens, "connect": Name((b"x",))}


def rules_name(nr: int) -> str:
    from tuimon.syscalls import NR_TO_NAME

    return NR_TO_NAME[nr]


def test_events_beyond_every_table_are_judged_like_others():
    rules = build(definition("all", "proc.name = cat"))
    event = builders.syscall_event(4000)
    assert [hit.rule.name for hit in rules.judge(event)] == ["all"]
    batch, tables = builders.batch_of([event])
    assert rules.candidates(batch, tables).tolist() == [0]


def test_a_hit_is_a_plain_value():
    rules = build(definition("r", "proc.name = cat"))
    (hit,) = rules.judge(builders.open_event())
    assert hit == RuleHit(rules.rules[0], 1)


def test_suggested_fields_stand_behind_every_output():
    """As Falco prints them when falco.yaml says ``append_output: [suggested_output: true]``."""
    (rule,) = build(definition("a", "proc.name = cat"), suggested_output=True).rules
    event = builders.open_event("/x", container=builders.container("aaaaaaaaaaaa", name="web"))
    said = rule.template.format(event, escape=False)
    assert said.startswith("cat /x container_id=aaaaaaaaaaaa container_name=web container_image_repository=")
    assert said.endswith(" k8s_pod_name=<NA> k8s_ns_name=<NA>")
    assert rule.template.values(event)["container.name"] == "web"
    assert build(definition("a", "proc.name = cat")).rules[0].template.format(event, escape=False) == "cat /x"
