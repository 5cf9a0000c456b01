"""Overrides load as they are written, change only what they say, and hide nothing before they are edited."""

from __future__ import annotations

import pytest

from tests.ui.fake_engine import BUILTIN_RULES
from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.workbench.overrides import override, ways

VENDOR = RuleFile("vendor.yaml", BUILTIN_RULES, "system")
RULE = "Shell in a container"


@pytest.fixture(scope="module")
def loaded():
    found = load([VENDOR])
    assert found.ok
    return found


def with_override(loaded, kind, name, key):
    found = load([VENDOR, RuleFile("local.yaml", override(kind, name, key, loaded))])
    assert found.ok, found.diagnostics
    return found


@pytest.mark.parametrize(("kind", "name"), [("rule", RULE), ("macro", "container"), ("list", "shells")])
def test_every_way_but_a_copy_loads_as_it_is_written(loaded, kind, name):
    keys = [way.key for way in ways(kind)]
    assert keys[-1] == "c"
    for key in keys[:-1]:
        with_override(loaded, kind, name, key)


def test_a_replaced_condition_is_the_same_until_it_is_edited(loaded):
    after = with_override(loaded, "rule", RULE, "r")
    assert after.rule(RULE).condition == loaded.rule(RULE).condition
    assert after.rule(RULE).output == loaded.rule(RULE).output


def test_a_list_is_the_same_until_it_is_edited(loaded):
    for key in ("a", "r"):
        assert with_override(loaded, "list", "shells", key).lists[0].items == ("bash", "sh", "zsh")


def test_a_disabled_rule_is_disabled_and_nothing_else(loaded):
    after = with_override(loaded, "rule", RULE, "d").rule(RULE)
    assert not after.enabled
    assert after.condition == loaded.rule(RULE).condition


def test_an_output_is_replaced_by_itself(loaded):
    after = with_override(loaded, "rule", RULE, "o").rule(RULE)
    assert " ".join(after.output.split()) == " ".join(loaded.rule(RULE).output.split())
    assert after.priority == loaded.rule(RULE).priority


@pytest.mark.parametrize("kind", ["rule", "macro", "list"])
def test_what_is_not_in_force_cannot_be_changed(loaded, kind):
    with pytest.raises(RuleError, match=f"no {kind} gone"):
        override(kind, "gone", "a", loaded)


def test_upstream_rules_can_all_be_overridden_in_every_way(upstream_rules):
    loaded = load([upstream_rules])
    texts = [override("rule", rule.name, key, loaded) for rule in loaded.rules[:20] for key in "aod"]
    found = load([upstream_rules, RuleFile("local.yaml", "\n".join(texts))])
    assert found.ok, [d for d in found.diagnostics if d.severity == "error"][:3]
    assert not any(found.rule(rule.name).enabled for rule in loaded.rules[:20])


@pytest.fixture(scope="module")
def upstream_rules():
    from tests.conftest import UPSTREAM

    path = UPSTREAM / "falco-rules" / "falco_rules.yaml"
    if not path.exists():
        pytest.skip("Falco's rules are not at ../shared/upstream")
    return RuleFile(str(path), path.read_text(), "system")
