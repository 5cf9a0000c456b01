"""Outputs checked at load: which fields they print, and where what is wrong."""

from __future__ import annotations

import pytest

from tuimon.rules.catalogue import default_catalogue
from tuimon.rules.outputs import OutputChecker

CHECKER = OutputChecker(default_catalogue())


def test_fields_are_listed_once_in_the_order_of_their_first_use() -> None:
    found = CHECKER.check("*a %proc.name %fd.name %proc.aname[2] %proc.name %30evt.type %toupper(proc.name)")
    assert found.problems == ()
    assert found.fields == ("proc.name", "fd.name", "proc.aname[2]", "evt.type", "toupper(proc.name)")


@pytest.mark.parametrize(
    ("text", "marked", "says", "hint", "unknown"),
    [
        ("a %proc.nme b", "%proc.nme", "invalid formatting token", "did you mean %proc.name?", True),
        ("a %proc.name %fd.nam b", "%fd.nam", "invalid formatting token", "did you mean %fd.name?", True),
        ("a %evt.arg b", "evt.arg", "needs an argument", "", False),
        ("a %evt.arg.flag b", "evt.arg.flag", "unknown event argument", "flags", True),
        ("a %fd.ip b", "fd.ip", "for conditions only", "", False),
        ("a %proc.name[1] b", "proc.name[1]", "takes no argument", "", False),
        ("100%", "%", "cannot end with a %", "", False),
        ("a %tolower(proc.pid) b", "%tolower(proc.pid)", "tolower cannot be used", "", False),
    ],
)
def test_what_is_wrong_is_marked(text: str, marked: str, says: str, hint: str, unknown: bool) -> None:
    (problem,) = CHECKER.check(text).problems
    assert problem.code == "LOAD_ERR_COMPILE_OUTPUT"
    assert text[problem.span.start : problem.span.end] == marked
    assert says in problem.message
    assert hint in problem.hint
    assert problem.unknown == unknown


def test_the_old_container_info_is_no_field_and_warns() -> None:
    found = CHECKER.check("a %container.info %proc.name")
    assert found.fields == ("proc.name",)
    assert [problem.code for problem in found.problems] == ["LOAD_DEPRECATED_ITEM"]


def test_a_field_that_only_prints_is_welcome() -> None:
    assert CHECKER.check("%evt.outputtime").problems == () or CHECKER.check("%evt.outputtime").problems[0].code != (
        "LOAD_ERR_COMPILE_OUTPUT"
    )
