"""Rules proposed from what one sees match what they were made from, load, and are general enough to be of use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tests.workbench.test_exception_draft import alert_of, rule_file
from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.loader import compile_expression, load
from tuimon.workbench.new_rule import Proposal, family_of, filter_from_rule, from_alert, from_event, from_filter

WEB = builders.container(name="web")
NOTHING = load(())


def judge(proposal: Proposal):
    """Write the rule into a file of comments, load that, and return its test."""
    text = proposal.edit("# mine\n").apply("# mine\n")
    found = load([RuleFile("local.yaml", text)])
    assert found.ok, (text, found.diagnostics)
    (rule,) = found.rules
    assert rule.name == proposal.name
    assert text.startswith("# mine\n")
    return compile_condition(rule.condition)


def test_an_open_becomes_every_way_to_open_by_that_program_below_that_folder():
    event = builders.open_event("/etc/app/key", container=WEB)
    proposal = from_event(event)
    assert proposal.condition == (
        "evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.num>=0 and container.id != host"
        " and proc.name = cat and fd.name startswith /etc/app/"
    )
    test = judge(proposal)
    assert test(event) is True
    assert test(builders.open_event("/etc/app/other", container=WEB, call="open")) is True
    assert test(builders.open_event("/etc/other", container=WEB)) is False
    assert test(builders.open_event("/etc/app/key")) is False, "on the host"


def test_fields_are_narrowed_and_widened():
    proposal = from_event(builders.open_event("/etc/app/key", container=WEB))
    assert proposal.narrow("fd.name").condition.endswith("fd.name = /etc/app/key")
    assert "fd.name" not in proposal.widen("fd.name").condition
    assert "user.name = root" in proposal.narrow("user.name").condition


@pytest.mark.parametrize(
    ("event", "part"),
    [
        (builders.exec_event("bash", container=WEB), "evt.type in (execve, execveat)"),
        (builders.connect_event("192.0.2.7", 4444), "fd.sip = 192.0.2.7 and fd.sport = 4444"),
        (builders.open_event("/etc/x", flags=1), "evt.is_open_write=true"),
        (builders.open_event("/etc/x", ret=-13), "evt.type in (open, openat, openat2)"),
        (builders.syscall_event("setns", ret=0, args=(3, 0)), "evt.type = setns"),
        (builders.fork_event(), "evt.type in (clone, clone3, fork, vfork)"),
    ],
)
def test_each_kind_of_event(event, part):
    proposal = from_event(event)
    assert part in proposal.condition
    assert judge(proposal)(event) is True


def test_a_rule_from_an_alert_is_as_urgent_and_has_a_name_of_its_own():
    event = builders.open_event("/etc/app/key", container=WEB)
    proposal = from_alert(alert_of(event))
    assert proposal.priority == "Notice", "Info is not a priority in full"
    taken = load([RuleFile("x", proposal.text)])
    assert from_event(event, taken).name == f"{proposal.name} 2"


def test_families_do_the_same_thing():
    assert family_of("openat") == ("open", "openat", "openat2")
    assert family_of("ptrace") == ("ptrace",)


def test_a_filter_becomes_a_rule():
    proposal = from_filter("evt.type = openat and fd.name startswith /etc", NOTHING)
    assert judge(proposal)(builders.open_event("/etc/x")) is True
    either = from_filter("evt.type = openat and fd.name = /a or evt.type = openat and fd.name = /b", NOTHING)
    assert judge(either)(builders.open_event("/b")) is True
    words = from_filter("Shadow", NOTHING)
    assert judge(words)(builders.exec_event("x", args=("/etc/shadow",))) is True
    assert words.condition.startswith("evt.type in (execve, execveat) and ")
    with pytest.raises(RuleError):
        from_filter("proc.nme = x", NOTHING)


def test_a_rule_becomes_a_filter_with_its_exceptions():
    text = rule_file("evt.type = openat and\n    fd.name startswith /etc").text
    text += "  exceptions:\n    - {name: n, fields: [proc.name, fd.name], values: [[cat, /etc/x], [vim, /etc/y]]}\n"
    found = load([RuleFile("x", text)])
    assert found.ok, found.diagnostics
    rule = found.rule("R")
    test = compile_condition(compile_expression(filter_from_rule(rule), found))
    for path in ("/etc/x", "/etc/y", "/tmp/x"):
        event = builders.open_event(path)
        assert test(event) is compile_condition(rule.condition)(event)
    plain = load([rule_file("evt.type = openat and\n    fd.name startswith /etc")]).rule("R")
    assert filter_from_rule(plain) == "evt.type = openat and fd.name startswith /etc"


@settings(max_examples=150, deadline=None)
@given(event=strategies.events(), moves=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=8))
def test_a_proposal_always_loads_and_matches_its_own_event(event, moves):
    """A rule made from an event that does not catch the event would be worse than none."""
    proposal = from_event(event)
    for place, wider in moves:
        if proposal.parts:
            field = proposal.parts[place % len(proposal.parts)].field
            proposal = proposal.widen(field) if wider else proposal.narrow(field)
    assert judge(proposal)(event) is True


@pytest.mark.parametrize("name", ["a: b", "x\x1b[m", "#x", "'", '"', "é", "\udcff", "-", "a  b"])
def test_odd_names_of_programs_make_rules_that_load(name):
    event = builders.open_event("/etc/x", process=builders.process(name, exepath="/x"))
    assert judge(from_event(event))(event) is True
