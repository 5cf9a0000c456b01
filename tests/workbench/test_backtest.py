"""Two rule sets over one recording, and the shadows of rules, by the command line too."""

from __future__ import annotations

import json

import pytest

from tests import builders
from tests.rules import strategies
from tuimon import cli
from tuimon.capture.recording import RecordingWriter
from tuimon.resources import find_recording
from tuimon.workbench.backtest import groups
from tuimon.workbench.replay import Fired, Replay
from tuimon.workbench.shadow import overlaps

RULE = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: '%proc.name'\n  priority: INFO\n"


def write(path, **rules: str):
    path.write_text("".join(RULE.format(name=name, condition=text) for name, text in rules.items()))
    return str(path)


def fired(rule: str, num: int, process: str = "cat") -> Fired:
    return Fired(rule, "Info", num, 0, "web", process, process, "")


@pytest.fixture
def files(tmp_path):
    return (
        write(tmp_path / "a.yaml", Shadow="evt.type = openat and fd.name = /etc/shadow", Same="evt.type = connect"),
        write(tmp_path / "b.yaml", Shadow="evt.type = openat and fd.name endswith /environ", Same="evt.type = connect"),
    )


def test_equal_rule_sets_are_equal(files, capsys):
    assert cli.main(["rules", "backtest", "--rules", files[0], "--against", files[0], "demo"]) == 0
    assert "the same alerts" in capsys.readouterr().out


def test_added_and_removed_alerts_are_told(files, capsys):
    assert cli.main(["rules", "backtest", "--rules", files[0], "--against", files[1], "demo"]) == 1
    out = capsys.readouterr().out
    assert "1 alert added\n  + Shadow: 1 by cat in shop-web" in out
    assert "1 alert removed\n  - Shadow: 1 by cat in shop-web" in out


def test_json_has_every_alert(files, capsys):
    assert cli.main(["rules", "backtest", "--json", "demo", "--rules", files[0], "--against", files[1]]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["equal"]
    (added,), (removed,) = found["added"], found["removed"]
    assert added["rule"] == removed["rule"] == "Shadow"
    assert added["container"] == "shop-web"
    assert added["evt.num"] != removed["evt.num"]
    assert found["recording"]["events"] > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rules", "A", "--against", "B"], "no recording is given"),
        (["--rules", "A", "--against", "gone.yaml", "demo"], "cannot read rule file"),
        (["--rules", "A", "--against", "B", "gone.tmon"], "cannot read gone.tmon"),
        (["--rules", "A", "--against", "WRONG", "demo"], "unknown field proc.nme"),
        (["--rules", "A", "--against", "B", "A.tmon"], "not a tuimon recording"),
    ],
)
def test_what_cannot_be_used_is_an_error_of_its_own(files, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "A.tmon").write_text("no recording")
    wrong = write(tmp_path / "wrong.yaml", W="evt.type = open and proc.nme = x")
    named = {"A": files[0], "B": files[1], "WRONG": wrong}
    assert cli.main(["rules", "backtest", *(named.get(each, each) for each in arguments)]) == 2
    assert says in capsys.readouterr().err


def test_several_rule_files_before_the_recording(files, tmp_path, capsys):
    more = write(tmp_path / "more.yaml", More="evt.type = openat and fd.name = /etc/hostname")
    status = cli.main(["rules", "backtest", "--rules", files[0], "--against", files[0], more, "demo"])
    assert status == 1
    assert "+ More:" in capsys.readouterr().out


def test_groups_are_the_largest_first():
    made = groups([fired("a", 1), fired("b", 2), fired("b", 3), fired("b", 4, "dog")])
    assert [(group.rule, group.process, len(group.alerts)) for group in made] == [
        ("b", "cat", 2),
        ("a", "cat", 1),
        ("b", "dog", 1),
    ]


def test_overlaps_say_who_else_matched_and_because_of_whom_a_rule_is_never_alone():
    found = {each.rule: each for each in overlaps(
        ["wide", "narrow", "silent"],
        [fired("wide", 1), fired("narrow", 1), fired("wide", 2), fired("wide", 3), fired("narrow", 3)],
    )}  # fmt: skip
    assert (found["wide"].alerts, found["wide"].alone, found["wide"].also) == (3, 1, (("narrow", 2),))
    assert found["wide"].because_of == ()
    assert (found["narrow"].alerts, found["narrow"].alone, found["narrow"].because_of) == (2, 0, ("wide",))
    assert (found["narrow"].silenced_by, found["wide"].silenced_by) == (("wide",), ())
    assert (found["silent"].alerts, found["silent"].because_of) == (0, ())


def test_the_shadow_report(tmp_path, capsys):
    rules = write(
        tmp_path / "r.yaml",
        Wide="evt.type = openat and fd.name startswith /etc",
        Narrow="evt.type = openat and fd.name = /etc/shadow",
        Never="evt.type = openat and fd.name = /nowhere",
    )
    assert cli.main(["rules", "shadow", "--rules", rules, "demo"]) == 0
    out = capsys.readouterr().out
    more = "Narrow: 1 alert, 0 alone\n  also matched by Wide (1)\n  never fires alone because of Wide\n"
    assert more + "  with rule_matching: first it would be silent, after Wide\n" in out
    assert "no alert: Never" in out
    assert cli.main(["rules", "shadow", "--json", "demo"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rules"]) > 10


def test_a_container_that_becomes_known_later_in_a_recording_counts_for_its_first_events(tmp_path):
    """A live engine would have waited for it; a replay must not lose those alerts."""
    from tuimon.enrich import container_state
    from tuimon.rules.loader import compile_expression
    from tuimon.rules.ruleset import RuleSet
    from tuimon.workbench.replay import judge

    event = builders.open_event("/etc/shadow", container=builders.container(name="web"))
    path = tmp_path / "x.tmon"
    writer = RecordingWriter(path, {"boot_to_epoch_ns": 5})
    writer.processes({"processes": [], "newest": {}})
    writer.batch(event.batch)
    full = event.container.full_id
    writer.containers(container_state.dump({full: event.container}, {full: {event.cgroup_id}}))
    writer.batch(builders.open_event("/x", ts_ns=builders.TS_NS + 5).batch)
    writer.close()
    rule = strategies.rule("r", compile_expression("evt.type = openat and container.name = web"))
    ruleset = RuleSet.build(type("L", (), {"rules": [rule]})(), 1)
    (alerts,) = judge(Replay(path), [ruleset])
    assert [(each.num, each.container, each.unconfirmed) for each in alerts] == [(1, "web", False), (2, "", True)]


def test_the_built_in_recording_is_found():
    assert find_recording("demo").exists()
