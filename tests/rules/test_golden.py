"""The upstream rule files against what Falco made of them: names, compiled conditions, fields, event types, outputs."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.operands import used_in
from tuimon.rules.parser import parse_condition
from tuimon.rules.printer import print_condition

FILES = ("falco_rules", "falco-incubating_rules", "falco-sandbox_rules")
MANY = 99
"""The golden files say "all" from 100 names on, asyncevent included."""
SUGGESTED = [
    "container.id",
    "container.name",
    "container.image.repository",
    "container.image.tag",
    "k8s.pod.name",
    "k8s.ns.name",
]
"""What Falco appends to every output by default."""


@lru_cache(maxsize=8)
def loaded(folder: Path, *names: str) -> LoadResult:
    return load([RuleFile(name, (folder / f"falco-rules/{name}.yaml").read_text()) for name in names])


@lru_cache(maxsize=8)
def golden(folder: Path, name: str) -> Any:
    return json.loads((folder / f"golden/{name}.json").read_text())


def unquoted(compiled: str) -> str:
    """Take the quotes away that we put around values which Falco's text could not be parsed again without."""
    return re.sub(r'(?<=[ (])"(\([^"()]*\)|)"(?=[ ),])', r"\1", compiled)


@pytest.mark.parametrize("name", FILES)
def test_each_file_alone_has_no_error(upstream: Path, name: str) -> None:
    """A Falco user's rules load here as they are."""
    result = loaded(upstream, name)
    assert result.ok, [str(found) for found in result.diagnostics if found.severity == "error"]


def test_all_files_together_have_no_error(upstream: Path) -> None:
    """They redefine each other's macros and lists; every rule is still there."""
    result = loaded(upstream, *FILES)
    assert result.ok
    assert len(result.rules) == 93
    assert all(file.errors == () for file in result.files)


@pytest.mark.parametrize("name", FILES)
def test_names_and_order_are_those_of_falco(upstream: Path, name: str) -> None:
    result, expected = loaded(upstream, name), golden(upstream, name)
    for ours, theirs in ((result.rules, "rules"), (result.macros, "macros"), (result.lists, "lists")):
        assert sorted(each.name for each in ours) == sorted(each["name"] for each in expected[theirs])
    assert [rule.name for rule in result.rules] == [rule["name"] for rule in expected["rules"]]


@pytest.mark.parametrize("kind", ["rules", "macros"])
@pytest.mark.parametrize("name", FILES)
def test_compiled_conditions_are_those_of_falco(upstream: Path, name: str, kind: str) -> None:
    """Lists, macros and exceptions expand to the same text; only quotes differ, where Falco's text does not parse."""
    ours = {each.name: print_condition(each.condition) for each in getattr(loaded(upstream, name), kind)}
    for expected in golden(upstream, name)[kind]:
        compiled = expected["condition_compiled"]
        assert unquoted(ours[expected["name"]]) == compiled, expected["name"]
        if ours[expected["name"]] == compiled:
            assert print_condition(parse_condition(compiled)) == compiled


@pytest.mark.parametrize("name", FILES)
def test_fields_operators_and_event_types_are_those_of_falco(upstream: Path, name: str) -> None:
    ours = {rule.name: rule for rule in loaded(upstream, name).rules}
    for expected in golden(upstream, name)["rules"]:
        rule = ours[expected["name"]]
        used = used_in(rule.condition)
        assert sorted(used.fields) == sorted(expected["condition_fields"]) == list(rule.fields)
        assert sorted(used.operators) == sorted(expected["condition_operators"])
        types = rule.event_types
        shown = "all" if types is None or len(types) >= MANY else sorted({*types, "asyncevent"})
        assert shown == expected["events"], rule.name


@pytest.mark.parametrize("name", FILES)
def test_outputs_priorities_and_tags_are_those_of_falco(upstream: Path, name: str) -> None:
    ours = {rule.name: rule for rule in loaded(upstream, name).rules}
    for expected in golden(upstream, name)["rules"]:
        rule = ours[expected["name"]]
        assert list(dict.fromkeys((*rule.output_fields, *SUGGESTED))) == list(dict.fromkeys(expected["output_fields"]))
        assert (rule.priority, rule.enabled, list(rule.tags)) == (
            expected["priority"],
            expected["enabled"],
            expected["tags"],
        )


@pytest.mark.parametrize("name", FILES)
def test_lists_are_those_of_falco(upstream: Path, name: str) -> None:
    ours = {values.name: values.items for values in loaded(upstream, name).lists}
    for expected in golden(upstream, name)["lists"]:
        assert list(ours[expected["name"]]) == expected["items_compiled"], expected["name"]
