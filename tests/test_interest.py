"""What the kernel is asked for: what the rules need, what the view shows, nothing twice."""

from dataclasses import replace

from tuimon.capture.source import Want
from tuimon.interest import LOUD, STATE, RuleNeeds, Views, interest_for, needs_of
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import CALLS, NAME_TO_NR, NR_TO_NAME, names_of


def rules(condition: str, output: str = "x") -> RuleNeeds:
    text = f"- rule: a\n  desc: b\n  condition: {condition}\n  output: {output}\n  priority: INFO\n"
    loaded = load([RuleFile("a.yaml", text)])
    assert loaded.ok
    return needs_of(RuleSet.build(loaded, 1))


CLOSED, QUIET, LOUDLY = Views(), Views(cgroups=None), Views(cgroups=None, everything=True)


def wants(needs: RuleNeeds | None, views: Views = CLOSED) -> dict[str, Want]:
    asked = interest_for(needs, views)
    return {NR_TO_NAME[nr]: want for nr, want in asked.calls.items()}


def test_rules_ask_for_the_calls_they_name_and_for_no_other() -> None:
    asked = wants(rules("evt.type in (openat, connect) and fd.name = x"))
    assert set(asked) - STATE == {"openat", "connect"}
    assert all(want & Want.RULES and not want & Want.DATA for want in asked.values())


def test_data_and_environment_are_carried_only_when_a_rule_looks_at_them() -> None:
    assert wants(rules("evt.type = write and evt.buffer contains x"))["write"] & Want.DATA
    assert wants(rules("evt.type = write and evt.arg.data contains x"))["write"] & Want.DATA
    assert wants(rules("evt.type = recvmsg", output="x %evt.arg.msgcontrol"))["recvmsg"] & Want.DATA
    assert not wants(rules("evt.type = write and evt.arg.size = 3"))["write"] & Want.DATA
    plain = interest_for(rules("evt.type = execve"), CLOSED)
    environ = interest_for(rules("evt.type = execve and proc.env icontains x"), CLOSED)
    assert (plain.environ, environ.environ) == (False, True)


def test_the_time_that_calls_take_is_told_when_a_rule_asks() -> None:
    """Every call of the machine pays for it."""
    assert wants(rules("evt.type = read and evt.latency > 5"))["read"] & Want.TIME
    assert wants(rules("evt.type = poll", output="took %evt.wait_latency"))["poll"] & Want.TIME
    assert not wants(rules("evt.type = read"))["read"] & Want.TIME


def test_what_changes_a_process_is_always_asked_for() -> None:
    """A rule about opens may look at the user, the session or the working directory."""
    for asked in (wants(None), wants(rules("evt.type = openat")), wants(None, QUIET)):
        assert asked.keys() >= STATE
        assert all(asked[name] & Want.RULES for name in STATE)


def test_a_view_leaves_the_loud_calls_out_unless_asked() -> None:
    quiet, loud = wants(None, QUIET), wants(None, LOUDLY)
    assert "openat" in quiet
    assert not {name for name, why in quiet.items() if why & Want.VIEW} & LOUD
    assert {"read", "write", "futex"} <= set(loud)


def test_new_processes_are_not_asked_for_twice() -> None:
    assert "clone" not in wants(rules("evt.type in (clone, fork)"), LOUDLY)


def test_every_loud_call_is_one_that_exists() -> None:
    known = set(names_of("x86_64").values()) | set(names_of("aarch64").values()) | set(CALLS)
    assert known >= LOUD


def test_a_rule_being_written_has_its_calls_besides() -> None:
    """They are no loud calls then, and the rest is asked for as before."""
    views = Views(cgroups=frozenset({5}), everything=True)
    before = interest_for(rules("evt.type = openat"), views)
    besides = frozenset({"openat", "futex", "clone", "nosuch"})
    after = interest_for(rules("evt.type = openat"), replace(views, besides=besides))
    added = {name for name in ("openat", "futex") if after.calls[NAME_TO_NR[name]] & Want.VIEW}
    assert added == {"openat", "futex"}
    assert after.calls[NAME_TO_NR["openat"]] & Want.RULES
    assert before.loud - after.loud == {NAME_TO_NR["futex"]}
    assert NAME_TO_NR["clone"] not in after.calls
