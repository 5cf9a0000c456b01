"""The table of rule files: every error and warning with its code, its place and the essential word of its message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.loader import LoadResult, load
from tuimon.rules.printer import print_condition
from tuimon.rules.report import CODES

CASES = Path(__file__).resolve().parents[1] / "cases/rule_files.yaml"
TABLE = yaml.safe_load(CASES.read_text())
BASE = TABLE.pop("BASE")
ROWS = [pytest.param(row, id=f"{group}: {row['name']}") for group, rows in TABLE.items() for row in rows]


def texts_of(row: dict[str, Any]) -> list[str]:
    if "texts" in row:
        return list(row["texts"])
    return [row["text"] if "text" in row else BASE + row["after"]]


def loaded(row: dict[str, Any]) -> LoadResult:
    return load([RuleFile(f"{number}.yaml", text) for number, text in enumerate(texts_of(row), 1)])


def place_of(found: Diagnostic, row: dict[str, Any]) -> str:
    number = f"{found.file.removesuffix('.yaml')}/" if "texts" in row else ""
    return f"{number}{found.code} {found.line}:{found.column}"


@pytest.mark.parametrize("row", ROWS)
def test_a_file_gives_what_the_table_says(row: dict[str, Any]) -> None:
    result = loaded(row)
    found = sorted(result.diagnostics, key=lambda each: (each.file, each.line, each.column))
    shown = [f"{place_of(each, row)} {each.message}" for each in found]
    wanted = list(row["finds"])
    assert len(found) == len(wanted), shown
    for text in wanted:
        place, words = " ".join(text.split(" ")[:2]), " ".join(text.split(" ")[2:])
        assert any(line.startswith(f"{place} ") and words in line for line in shown), (text, shown)
    assert result.ok == (not any("LOAD_ERR" in text for text in wanted))
    compiled = {rule.name: print_condition(rule.condition) for rule in result.rules}
    for name, condition in row.get("rules", {}).items():
        assert compiled.get(name) == condition
    assert not compiled.keys() & set(row.get("not_rules", ()))


@pytest.mark.parametrize("row", ROWS)
def test_every_diagnostic_points_into_its_file(row: dict[str, Any]) -> None:
    """Line, column, snippet and the innermost location agree; a caret stands under the place."""
    for found in loaded(row).diagnostics:
        text = texts_of(row)[int(found.file.removesuffix(".yaml")) - 1]
        lines = text.split("\n")
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1
        innermost = found.locations[-1]
        assert (innermost.line, innermost.column) == (found.line, found.column)
        line, carets = found.snippet.split("\n")
        assert line == lines[found.line - 1].rstrip("\r").replace("\t", " ")
        assert carets.index("^") == found.column - 1


def test_the_table_is_as_large_as_promised() -> None:
    assert len(ROWS) >= 150


ELSEWHERE = {
    "LOAD_ERR_FILE_READ": "a file that cannot be read is none of these texts: test_commands",
    "LOAD_UNSAFE_NA_CHECK": "of fields of an audit log, whose rules are skipped here: test_check",
    "LOAD_ERR_EXTENSION": "extensions are Falco's C++ plugins of its loader; there are none here",
    "LOAD_WARNING_EXTENSION": "as above",
}
"""Codes that no row can have, and why."""


def test_every_code_has_a_row() -> None:
    """Falco's names, all of them; a code nobody has seen may be misspelt, or may point nowhere."""
    said = {place.split()[0] for row in ROWS for place in row.values[0]["finds"]}  # type: ignore[index, call-overload]
    assert {code.rpartition("/")[2] for code in said} == set(CODES) - set(ELSEWHERE)


def test_rule_properties_are_taken_over() -> None:
    result = load([RuleFile("f", BASE + TABLE["rules changed later"][11]["after"])])
    rule = result.rule("R")
    assert rule is not None
    assert (rule.output, rule.desc, rule.priority, rule.tags) == ("new", "new", "Error", ("x",))
    assert (rule.enabled, rule.capture, rule.capture_duration) == (False, True, 5)
    assert (rule.warn_evttypes, rule.skip_if_unknown_filter) == (False, True)


def test_appended_texts_join_with_a_blank() -> None:
    result = load([RuleFile("f", BASE + TABLE["rules changed later"][12]["after"])])
    rule = result.rule("R")
    assert rule is not None
    assert (rule.output, rule.desc, rule.tags) == ("o more", "d more", ("x",))
    assert rule.condition_text == "evt.type = open and fd.num = 1"
