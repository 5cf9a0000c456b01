"""Explanations name every part, its value and where it was written."""

from __future__ import annotations

from tests import builders
from tests.rules import strategies
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.explain import explain, lines, near_misses
from tuimon.rules.loader import compile_expression, load
from tuimon.rules.ruleset import RuleSet

RULES = """\
- list: shells
  items: [bash, sh]
- macro: shell
  condition: proc.name in (shells)
- rule: Shell In Container
  desc: A shell.
  condition: evt.type = execve and shell and container.id != host
  output: "%proc.name"
  priority: WARNING
- rule: Far Away
  desc: Nothing like it.
  condition: evt.type = execve and proc.name = x and proc.pname = y and user.uid = 77
  output: "%proc.name"
  priority: WARNING
- rule: Other Type
  desc: Not for execs.
  condition: evt.type = openat and fd.name = /x
  output: "%fd.name"
  priority: WARNING
"""


def loaded():
    return load([RuleFile("rules.yaml", RULES)])


def test_parts_carry_value_truth_and_place():
    tree = explain(loaded().rules[0].condition, builders.exec_event("bash"))
    assert tree.kind == "and"
    assert tree.truth is False
    kinds = [(part.kind, part.text, part.truth, part.value) for part in tree.walk()]
    assert ("check", "evt.type = execve", True, "execve") in kinds
    assert ("macro", "shell", True, "") in kinds
    assert ("check", "proc.name in (shells)", True, "bash") in kinds
    assert ("check", "container.id != host", False, "host") in kinds
    macro = next(part for part in tree.walk() if part.kind == "macro")
    assert macro.origin.endswith("rules.yaml:3")


def test_parts_behind_a_short_circuit_are_judged_too():
    tree = explain(compile_expression("proc.name = x and proc.pid = 4000"), builders.open_event())
    assert [part.truth for part in tree.children] == [False, True]


def test_the_real_path_is_shown_where_it_differs():
    part = explain(compile_expression("fd.name = /usr/lib/x"), builders.open_event("/lib/x", real="/usr/lib/x"))
    assert (part.value, part.real, part.truth) == ("/lib/x", "/usr/lib/x", True)
    assert explain(compile_expression("fd.name = /lib/x"), builders.open_event("/lib/x")).real == ""


def test_what_is_not_known_says_so():
    event = builders.open_event(container=builders.container(known=False))
    part = explain(compile_expression("container.name = web"), event)
    assert part.truth is None
    assert part.value == "not known yet"
    assert explain(compile_expression("fd.sip = 1.1.1.1"), event).value == "<NA>"


def test_the_other_side_of_val_is_shown():
    part = explain(compile_expression("proc.name = val(proc.pname)"), builders.open_event())
    assert (part.value, part.wanted) == ("cat", "bash")


def test_lines_are_an_indented_tree():
    text = list(lines(explain(compile_expression("not (proc.name = cat or proc.pid = 1)"), builders.open_event())))
    assert text == ["✗ not", "  ✓ or", "    ✓ proc.name = cat ← cat", "    ✗ proc.pid = 1 ← 4000"]


def test_near_misses_come_closest_first_and_name_what_stood_in_the_way():
    ruleset = RuleSet.build(loaded(), 1)
    event = builders.exec_event("bash")
    misses = near_misses(ruleset.applicable(event), event)
    assert [miss.rule.name for miss in misses] == ["Shell In Container", "Far Away"]
    assert [part.text for part in misses[0].blockers] == ["container.id != host"]
    assert len(misses[1].blockers) == 3
    assert [miss.rule.name for miss in near_misses(ruleset.applicable(event), event, limit=1)] == ["Shell In Container"]


def test_of_a_disjunction_the_cheapest_way_counts():
    rule = strategies.rule("r", compile_expression("(proc.name = a and proc.pname = b) or proc.name = c"))
    event = builders.open_event()
    (miss,) = near_misses([(rule, rule.condition)], event)
    assert [part.text for part in miss.blockers] == ["proc.name = c"]
    rule = strategies.rule("r", compile_expression("not (proc.name = cat and proc.pname = bash)"))
    (miss,) = near_misses([(rule, rule.condition)], event)
    assert len(miss.blockers) == 1


def test_a_rule_that_matches_is_no_miss():
    rule = strategies.rule("r", compile_expression("proc.name = cat"))
    assert near_misses([(rule, rule.condition)], builders.open_event()) == []
