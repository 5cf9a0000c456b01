"""Rule test files: read with places, run, and told why they fail."""

from __future__ import annotations

import json

import pytest

from tuimon import cli
from tuimon.rules.diagnostics import RuleFile
from tuimon.workbench import rule_tests, run_tests
from tuimon.workbench.rule_tests import TestFileError as FileError

RULES = """
- rule: Shadow
  desc: d
  condition: evt.type in (open, openat) and fd.name = /etc/shadow and not proc.name in (sshd)
  output: "%proc.name opened %fd.name"
  priority: WARNING
- rule: Any Open
  desc: d
  condition: evt.type = openat and fd.name startswith /etc
  output: "%fd.name"
  priority: INFO
- rule: Off
  desc: d
  condition: evt.type = openat
  output: o
  priority: INFO
  enabled: false
"""
SHADOW = "{evt.type: openat, proc.name: cat, fd.name: /etc/shadow}"


@pytest.fixture
def run(tmp_path):
    """Run cases, given as the text behind ``cases:``."""
    (tmp_path / "rules.yaml").write_text(RULES)

    def run(cases: str, more: str = ""):
        file = tmp_path / "x.test.yaml"
        file.write_text(f"rules: [rules.yaml]\n{more}cases:\n{cases}")
        return run_tests.run_file(file)

    return run


def failures(result) -> list[str]:
    assert not result.problems, result.problems
    return [failure.message for case in result.cases for failure in case.failures]


def test_the_alerts_expected_and_no_others(run):
    result = run(f"  - {{events: [{SHADOW}], alerts: [Shadow, Any Open]}}\n")
    assert failures(result) == []
    assert result.status == 0


def test_a_rule_that_did_not_fire_says_what_stood_in_the_way(run):
    result = run(
        "  - {events: [{evt.type: openat, proc.name: sshd, fd.name: /etc/shadow}], alerts: [Shadow, Any Open]}\n"
    )
    (failure,) = result.cases[0].failures
    assert failure.message == "Shadow did not fire"
    assert any("proc.name in (sshd)" in line for line in failure.details)
    assert not any("fd.name = /etc/shadow" in line for line in failure.details), "only what decided is shown"
    assert result.status == 1


def test_an_alert_that_is_not_expected_says_why_it_fired(run):
    result = run(f"  - {{events: [{SHADOW}], alerts: [Any Open]}}\n")
    (failure,) = result.cases[0].failures
    assert failure.message == "Shadow fired once and is not expected"
    assert failure.details[0] == "event 1: cat opened /etc/shadow"
    assert any("✓ fd.name = /etc/shadow" in line for line in failure.details)


def test_a_case_may_be_about_some_rules_only(run):
    assert failures(run(f"  - {{events: [{SHADOW}], only: [Shadow], alerts: [Shadow]}}\n")) == []


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ("[{rule: Shadow, count: 2}, Any Open]", "Shadow fired once, expected 2 times"),
        ("[{rule: Shadow, output: {proc.name: dog}}, Any Open]", "Shadow fired with another output"),
        ("[{rule: Shadow, count: 1, output: {proc.name: cat, fd.name: /etc/shadow}}, Any Open]", None),
        ("none", "Shadow fired once and is not expected"),
        ("[]", "Shadow fired once and is not expected"),
        ("", "Shadow fired once and is not expected"),
    ],
)
def test_counts_and_outputs(run, alerts, message):
    found = failures(run(f"  - {{events: [{SHADOW}], alerts: {alerts}}}\n"))
    assert (message in found) if message else found == []


def test_first_match_only(run):
    more = "rule_matching: first\n"
    assert failures(run(f"  - {{events: [{SHADOW}], alerts: [Shadow]}}\n", more)) == []


def test_a_recording_with_a_filter(run):
    case = (
        "  - {recording: demo, filter: container.name = shop-web, only: [Shadow], alerts: [{rule: Shadow, count: 1}]}\n"
    )
    assert failures(run(case)) == []
    other = "  - {recording: demo, filter: container.name = shop-db, only: [Shadow], alerts: none}\n"
    assert failures(run(other)) == []


@pytest.mark.parametrize(
    ("cases", "place", "says", "hint"),
    [
        ("  - {evnts: [], alerts: none}\n", "3:6", "unknown key 'evnts'", "events"),
        ("  - {events: [], alerts: none}\n", "3:14", "list of events", "evt.type"),
        (f"  - {{events: [{SHADOW}]}}\n", "3:5", "which alerts", "alerts: none"),
        ("  - {alerts: none}\n", "3:5", "either events or a recording", ""),
        (f"  - {{events: [{SHADOW}], filter: x, alerts: none}}\n", None, "goes with a recording", ""),
        (f"  - {{events: [{SHADOW}], alerts: [Shado]}}\n", None, "no rule is called 'Shado'", "Shadow"),
        (f"  - {{events: [{SHADOW}], alerts: [Off]}}\n", None, "is disabled", ""),
        (f"  - {{events: [{SHADOW}], only: [Nope], alerts: none}}\n", "3:5", "no rule is called 'Nope'", ""),
        (f"  - {{events: [{SHADOW}], alerts: [{{rule: Shadow, count: 0}}]}}\n", None, "number from 1 on", ""),
        (f"  - {{events: [{SHADOW}], alerts: [{{rule: Shadow, output: x}}]}}\n", None, "mapping of fields", ""),
        (f"  - {{events: [{SHADOW}], alerts: [[x]]}}\n", None, "name of a rule", ""),
        ("  - {events: [{evt.type: openat, fd.nme: /x}], alerts: none}\n", "3:42", "unknown field fd.nme", "fd.name"),
        ("  - {events: [{evt.type: openat, fd.name: [a]}], alerts: none}\n", "3:43", "one value", ""),
        ("  - {recording: nope.tmon, alerts: none}\n", "3:17", "cannot read", ""),
        ("  - {recording: demo, filter: proc.nme = x, alerts: none}\n", "3:31", "proc.nme", "proc.name"),
        ("  - just text\n", "3:5", "a case is a mapping", ""),
        ("  x: y\n", "3:3", "list of cases", ""),
    ],
)
def test_a_mistake_has_a_place_and_a_hint(run, cases, place, says, hint):
    result = run(cases)
    assert result.status == 2
    problem = next(each for each in result.problems if says in each.message)
    if place is not None:
        assert f"{problem.line}:{problem.column}" == place
    assert hint in problem.hint
    assert problem.snippet


@pytest.mark.parametrize("text", ["", "a: [", "[]\n", "x\n", "rules: [a]\n---\nrules: [b]\n", "cases: []\n"])
def test_a_file_that_is_no_test_file_is_said_to_be_none(text):
    with pytest.raises(FileError) as caught:
        rule_tests.read(RuleFile("x.test.yaml", text))
    assert caught.value.diagnostics


def test_rules_that_are_wrong_are_told_at_their_place(tmp_path):
    (tmp_path / "rules.yaml").write_text(
        "- rule: X\n  desc: d\n  condition: proc.nme = x\n  output: o\n  priority: INFO\n"
    )
    (tmp_path / "x.test.yaml").write_text("rules: [rules.yaml]\ncases:\n  - {recording: demo, alerts: none}\n")
    result = run_tests.run_file(tmp_path / "x.test.yaml")
    assert [(each.line, each.column) for each in result.problems] == [(3, 14)]
    (tmp_path / "y.test.yaml").write_text("rules: [gone.yaml]\ncases:\n  - {recording: demo, alerts: none}\n")
    (problem,) = run_tests.run_file(tmp_path / "y.test.yaml").problems
    assert (problem.line, problem.column) == (1, 9)


def test_the_command(tmp_path, capsys):
    (tmp_path / "rules.yaml").write_text(RULES)
    good, bad = tmp_path / "a.test.yaml", tmp_path / "b.test.yaml"
    good.write_text(f"rules: [rules.yaml]\ncases:\n  - {{events: [{SHADOW}], alerts: [Shadow, Any Open]}}\n")
    bad.write_text(f"rules: [rules.yaml]\ncases:\n  - {{name: n, events: [{SHADOW}], alerts: none}}\n")
    assert cli.main(["rules", "test", str(good)]) == 0
    assert "1 passed, 0 failed" in capsys.readouterr().out
    assert cli.main(["rules", "test", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "FAILED n" in out
    assert f"{bad}:3: Shadow fired once and is not expected" in out
    assert cli.main(["rules", "test", "--json", str(tmp_path)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["failed"]) == (1, 1)
    assert [file["status"] for file in found["files"]] == ["passed", "failed"]
    assert cli.main(["rules", "test", str(tmp_path / "gone.yaml")]) == 2
    assert "cannot read" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert cli.main(["rules", "test", str(tmp_path / "empty")]) == 2


def test_a_rule_file_given_as_a_test_is_told_as_one(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("- rule: A\n  desc: d\n")
    with pytest.raises(FileError) as caught:
        rule_tests.load(path)
    assert "tuimon rules check is for rule files" in caught.value.diagnostics[0].hint
