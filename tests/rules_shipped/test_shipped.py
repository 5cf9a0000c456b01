"""The rules tuimon ships: each loads without a warning, fires on its cases, and is silent on the near misses."""

from __future__ import annotations

import functools
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import builders
from tuimon.events import HOST, Container, Event, Mount
from tuimon.records import SockFlag
from tuimon.resources import rules_dir
from tuimon.rulefiles import rule_files
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.ruleset import RuleSet
from tuimon.settings import Settings

CASES: dict[str, dict[str, list[dict[str, Any]]]] = yaml.safe_load(
    (Path(__file__).parents[1] / "cases/shipped_rules.yaml").read_text()
)
MITRE_TACTICS = {
    "mitre_collection", "mitre_command_and_control", "mitre_credential_access", "mitre_defense_evasion",
    "mitre_discovery", "mitre_execution", "mitre_exfiltration", "mitre_impact", "mitre_initial_access",
    "mitre_lateral_movement", "mitre_persistence", "mitre_privilege_escalation",
}  # fmt: skip


@functools.cache
def _loaded() -> LoadResult:
    return load(rule_files(Settings(), Path("/nonexistent")))


@functools.cache
def _ruleset() -> RuleSet:
    return RuleSet.build(_loaded(), 1)


def _documents() -> list[dict[str, Any]]:
    return [item for path in sorted(rules_dir().glob("*.yaml")) for item in yaml.safe_load(path.read_text())]


def _container(facts: object) -> Container:
    if facts is None:
        return HOST
    if facts is True:
        return builders.container()
    assert isinstance(facts, dict)
    facts = dict(facts)
    mounts = [Mount(source, dest) for source, dest in facts.pop("mounts", [])]
    return builders.container(mounts=tuple(mounts), **facts)


def _event(case: dict[str, Any]) -> Event:
    """Return the event a case describes; an unknown key is an error, so that no case means less than it says."""
    case = dict(case)
    actor = builders.chain(*case.pop("by"), **case.pop("actor", {}))
    common = {"process": actor, "container": _container(case.pop("in", None))}
    if "exec" in case:
        assert case.pop("exec") == actor.comm
        return builders.exec_event(**case, **common)
    if "open" in case:
        return builders.open_event(case.pop("open"), **case, **common)
    if "call" in case:
        return builders.syscall_event(case.pop("call"), **case, **common)
    to = case.pop("connect")
    if isinstance(to, str):
        slot = builders.sock_slot(family=socket.AF_UNIX, unix_path=to)
        return builders.syscall_event("connect", args=(5, 0x1000, 110), sock=slot, fd_type=0o140000, **case, **common)
    if case.pop("role", "client") == "server":
        slot = builders.sock_slot(local=("10.0.0.5", 8080), remote=tuple(to), role=SockFlag.SERVER)
        args = (case.pop("fd"), case["ret"])
        return builders.syscall_event(case.pop("call_name"), args=args, sock=slot, fd_type=0o140000, **case, **common)
    return builders.connect_event(*to, call=case.pop("call_name", "connect"), **case, **common)


def _cases(side: str) -> Iterator[Any]:
    for rule, sides in CASES.items():
        for number, case in enumerate(sides[side]):
            yield pytest.param(rule, case, id=f"{rule}-{number}")


@pytest.mark.parametrize(("rule", "case"), _cases("fires"))
def test_the_rule_fires(rule: str, case: dict[str, Any]) -> None:
    """What the rule was written for is an alert, surely and with an output that names the process."""
    event = _event(case)
    hits = [hit for hit in _ruleset().judge(event) if hit.rule.name == rule]
    assert [hit.unknown for hit in hits] == [False]
    assert event.process is not None
    assert event.process.comm in hits[0].output(event)


@pytest.mark.parametrize(("rule", "case"), _cases("silent"))
def test_the_rule_is_silent(rule: str, case: dict[str, Any]) -> None:
    """What a quiet machine does is no alert."""
    assert rule not in {hit.rule.name for hit in _ruleset().judge(_event(case))}


def test_the_rules_load_without_a_warning() -> None:
    """Nothing we ship is deprecated, unused, or dearer than it must be."""
    assert [str(d) for d in _loaded().diagnostics] == []


def test_every_rule_has_cases_of_both_kinds_and_no_case_is_of_a_rule_that_is_gone() -> None:
    """A rule without a case that fires may never fire; one without a near miss may always."""
    names = {item["rule"] for item in _documents() if "rule" in item}
    assert set(CASES) == names
    assert [name for name, sides in CASES.items() if not sides["fires"] or not sides["silent"]] == []


@pytest.mark.parametrize("rule", [item for item in _documents() if "rule" in item], ids=lambda item: item["rule"])
def test_a_rule_says_what_it_is(rule: dict[str, Any]) -> None:
    """Title Case name, full sentences, key=value output, a tactic, a technique and a maturity."""
    assert all(word[0].isupper() or word[0].isdigit() for word in rule["rule"].split())
    assert rule["desc"].strip().endswith(".")
    assert rule["desc"].strip()[0].isupper()
    fields = re.findall(r"(\w+)=%[\w.]+", rule["output"])
    assert len(fields) >= 4
    assert len(fields) == rule["output"].count("%") - rule["output"].count(":%")
    tags = set(rule["tags"])
    assert tags & MITRE_TACTICS
    assert any(re.fullmatch(r"T\d{4}(\.\d{3})?", tag) for tag in tags)
    assert any(tag.startswith("maturity_") for tag in tags)
    assert {tag for tag in tags if tag.startswith("mitre_")} <= MITRE_TACTICS


def test_every_rule_names_its_event_types() -> None:
    """A rule without them would ask the kernel for every call in detail."""
    assert [rule.name for rule in _ruleset().rules if not rule.event_types] == []
