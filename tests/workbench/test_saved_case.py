"""Events saved as cases of rule tests pass as they are, and fail when the rules change their mind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tests.workbench.test_exception_draft import rule_file
from tuimon.errors import RuleError
from tuimon.resources import RULES, rules_dir
from tuimon.rulefiles import listed
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench import run_tests
from tuimon.workbench.rule_tests import read
from tuimon.workbench.saved_case import add_case, case_text, rule_names

CONDITION = "evt.type in (open, openat) and fd.name startswith /etc and proc.pname = bash"
EVENT = builders.open_event("/etc/shadow", container=builders.container(name="web"))


def rules(condition: str = CONDITION) -> RuleSet:
    found = load([rule_file(condition)])
    assert found.ok, found.diagnostics
    return RuleSet.build(found, 1)


def saved(tmp_path, event, condition: str = CONDITION):
    text = case_text(event, rules(condition), "a case: with 'odd' name")
    (tmp_path / "vendor.yaml").write_text(rule_file(condition).text)
    file = tmp_path / "x.test.yaml"
    old = file.read_text() if file.exists() else ""
    edit = add_case(old, text, ["vendor.yaml"])
    new = edit.apply(old)
    assert edit.inverse().apply(new) == old
    file.write_text(new)
    return file


def test_a_saved_event_is_a_test_that_passes(tmp_path):
    file = saved(tmp_path, EVENT)
    assert run_tests.run_file(file).status == 0
    saved(tmp_path, builders.open_event("/tmp/x"))
    result = run_tests.run_file(file)
    assert (result.status, [each.alerts for each in result.cases]) == (0, [1, 0])
    assert file.read_text().startswith("rules: [vendor.yaml]\ncases:\n  - name: 'a case: with ''odd'' name'\n")


def test_it_fails_when_the_rules_change_their_mind(tmp_path):
    file = saved(tmp_path, EVENT)
    (tmp_path / "vendor.yaml").write_text(rule_file(CONDITION + " and proc.name = vim").text)
    assert run_tests.run_file(file).status == 1


def test_comments_of_a_test_file_stay():
    text = "# mine\nrules: [a.yaml]  # the rules\ncases:\n- {recording: demo, alerts: none}  # first\n# end\n"
    new = add_case(text, case_text(EVENT, rules(), "n"), []).apply(text)
    assert [line for line in text.splitlines() if line not in new.splitlines()] == []
    assert len(read(RuleFile("x", new)).cases) == 2


@pytest.mark.parametrize("text", ["a: [", "rules: [a]\n", "cases: []\n", "- x\n", "cases:\n  - a\n---\ncases:\n"])
def test_a_file_that_takes_no_case_is_refused(text):
    with pytest.raises(RuleError):
        add_case(text, case_text(EVENT, rules(), "n"), [])


def test_an_event_that_cannot_be_made_again_is_refused():
    event = builders.open_event("/etc/shadow", cpu=7)
    with pytest.raises(RuleError, match="would differ in R"):
        case_text(event, rules("evt.type = openat and evt.cpu = 7"), "n")


@settings(max_examples=150, deadline=None)
@given(condition=strategies.conditions, event=strategies.events(), other=st.booleans())
def test_a_case_is_refused_or_says_what_the_rules_say(condition, event, other):
    """A case that passes today for another reason than the event would hide tomorrow's mistake."""
    ruleset = rules(f"evt.type exists and ({condition})")
    try:
        text = case_text(event, ruleset, "n")
    except RuleError:
        return
    file = read(RuleFile("x", add_case("", text, ["vendor.yaml"]).apply("")))
    (case,) = file.cases
    hits = [hit.rule.name for hit in ruleset.judge(event) if not hit.unknown]
    assert [each.rule for each in case.alerts] == hits


def test_rule_files_are_named_so_that_the_test_means_the_same_elsewhere(tmp_path):
    own = listed(rules_dir())
    files = [RuleFile(str(path), "", "builtin") for path in own]
    files.append(RuleFile("/etc/tuimon/rules.d/team.yaml", "", "system"))
    files += [RuleFile(str(tmp_path / name), "") for name in ("local.yaml", "more/x.yaml")]
    files.append(RuleFile(str(tmp_path.parent / "beside.yaml"), ""))
    expected = [RULES, "/etc/tuimon/rules.d/team.yaml", "local.yaml", "more/x.yaml", "../beside.yaml"]
    assert rule_names(files, tmp_path / "local.test.yaml") == expected


@pytest.mark.parametrize("name", ["tuimon:rules", str(rules_dir() / "tuimon_rules.yaml")], ids=["by name", "as before"])
def test_tuimons_own_rules_are_found_by_name_and_by_their_path(tmp_path, name):
    text = add_case("", "- name: n\n  events:\n    - evt.type: openat\n  alerts: none\n", [name]).apply("")
    file = tmp_path / "x.test.yaml"
    file.write_text(text)
    assert run_tests.run_file(file).status == run_tests.PASSED


def test_another_machines_path_of_tuimons_rules_is_told_the_name(tmp_path):
    file = tmp_path / "x.test.yaml"
    file.write_text("rules: [/opt/tuimon/rules/tuimon_rules.yaml]\ncases:\n- {recording: demo, alerts: none}\n")
    (problem,) = run_tests.run_file(file).problems
    assert "tuimon:rules" in problem.hint
