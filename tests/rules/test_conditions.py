"""The tables of conditions: what each is read as, and what is said about those that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tuimon.rules.check import check_condition
from tuimon.rules.parser import ConditionSyntaxError, parse_condition
from tuimon.rules.printer import print_condition

CASES = Path(__file__).resolve().parents[1] / "cases"


def rows(name: str) -> list[Any]:
    groups = yaml.safe_load((CASES / name).read_text())
    return [
        pytest.param(row, id=f"{group}: {row['if']!r}"[:70])
        for group, group_rows in groups.items()
        for row in group_rows
    ]


@pytest.mark.parametrize("row", rows("conditions.yaml"))
def test_a_condition_is_read_as_the_table_says(row: dict[str, str]) -> None:
    if "is" in row:
        node = parse_condition(row["if"])
        assert print_condition(node) == row["is"]
        assert parse_condition(print_condition(node)) == node
        return
    with pytest.raises(ConditionSyntaxError) as raised:
        parse_condition(row["if"])
    error = raised.value
    assert f"{error.line}:{error.column}" == row["wrong"], error.message
    assert row["says"] in error.message
    assert row.get("hint", "") in error.hint


@pytest.mark.parametrize("row", rows("types.yaml"))
def test_fields_operators_and_constants_fit_as_the_table_says(row: dict[str, Any]) -> None:
    found = check_condition(parse_condition(row["if"]))
    errors = [problem for problem in found if problem.severity == "error"]
    warnings = [problem for problem in found if problem.severity == "warning"]
    if "wrong" in row:
        assert [error.span.column for error in errors] == [row["wrong"]], errors
        assert row["says"] in errors[0].message
        assert row.get("hint", "") in errors[0].hint
        return
    assert not errors
    if "warns" in row:
        assert any(row["warns"] in warning.message and row.get("hint", "") in warning.hint for warning in warnings)
    else:
        assert not warnings
