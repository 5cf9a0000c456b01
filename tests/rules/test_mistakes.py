"""Twenty common mistakes, and what tuimon says: the place, what was expected, the nearest right name.

The same table stands in docs/falco-differences.md for people to read; what it claims is checked here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load

# ruff: noqa: E501 (a table reads best with one mistake a line)

FILE = """\
- list: shells
  items: [bash, zsh]
- macro: spawned
  condition: evt.type = execve
- rule: Shell
  desc: A shell was started
  condition: {condition}
  output: Shell (command=%proc.cmdline)
  priority: WARNING
"""

CONDITIONS = [
    ("a misspelt field", "spawned and proc.nme = bash", 26, "unknown field proc.nme", "did you mean proc.name?"),
    ("a misspelt macro", "spawnd and proc.name = bash", 14, "Undefined macro 'spawnd'", "did you mean spawned?"),
    ("a misspelt operator", "spawned and proc.name containz sh", 36, "expected an operator", "did you mean contains?"),
    ("a missing quote", 'spawned and proc.cmdline contains "a b', 48, 'this " is never closed', "end the string"),
    ("a missing parenthesis", "spawned and (proc.name = bash", 26, "a ( is never closed", ""),
    ("a parenthesis too many", "spawned and proc.name = bash)", 42, "this ) closes nothing", ""),
    ("upper case AND", "spawned AND proc.name = bash", 22, "expected and, or, or the end, found 'AND'", "lower case: and"),
    ("C's operators", "spawned && proc.name = bash", 22, "found '&&'", "write and, or as words"),
    ("= with a list", "spawned and proc.name = (bash, sh)", 38, "expected one value, found a list", "use in for a list"),
    ("a comma too many", "spawned and proc.name in (bash, )", 46, "expected a value, found ')'", "between two values"),
    ("a value with a blank", "spawned and proc.cmdline = ls -l", 44, "found '-l'", "a value with blanks takes quotes"),
    ("a misspelt event type", "evt.type = execv", 25, "unknown event type execv", "did you mean execve?"),
    ("a number that is none", "spawned and fd.num = many", 35, "'many' is not a valid number", "decimal digits"),
    ("a wrong operator for a type", "spawned and fd.num contains 1", 33, "does not work on fd.num", "it takes exists = =="),
    ("a truth value as a number", "spawned and proc.is_exe_writable = 1", 49, "'1' is not a truth value", "true or false"),
    ("an address range that is none", "spawned and fd.snet = 10.0.0.1", 36, "not an address range", "10.0.0.0/8"),
    ("a forgotten argument", "spawned and evt.arg contains x", 26, "evt.arg needs an argument", "such as evt.arg.flags"),
    ("a list without parentheses", "spawned and proc.name in shells", 39, "found ','", "in (shells)"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "condition", "column", "says", "hint"), CONDITIONS)
def test_a_mistake_in_a_condition(mistake: str, condition: str, column: int, says: str, hint: str) -> None:
    text = FILE.replace("{condition}", "'" + condition.replace("'", "''") + "'")
    errors = [found for found in load([RuleFile("f", text)]).diagnostics if found.severity == "error"]
    assert len(errors) == 1, errors
    error = errors[0]
    # The condition stands in quotes here, which move it by one.
    assert (error.line, error.column) == (7, column + 1), (mistake, error)
    assert hint in error.hint
    assert says in error.message


FILES = [
    ("a tab in YAML", "- rule: x\n\tdesc: y\n", "2:1", "tab", "blanks, not with tabs"),
    ("an output that begins with %", "- rule: x\n  output: %proc.name\n", "2:11", "cannot start", "takes quotes"),
    ("a colon in a text", "- rule: x\n  desc: a: b\n", "2:10", "mapping values", "takes quotes"),
    ("a misspelt key", "- macro: m\n  conditon: evt.type = open\n", "1:3", "no mapping for key 'condition'", "is 'conditon' meant"),
    ("a misspelt priority", FILE.replace("{condition}", "spawned").replace("WARNING", "WARN"), "9:13", "Invalid", "Warning"),
    ("a misspelt output field", FILE.replace("{condition}", "spawned").replace("cmdline", "cmdlin"), "8:26", "proc.cmdlin",
     "%proc.cmdline"),
    ("appending to a misspelt rule", FILE.replace("{condition}", "spawned")
     + "- rule: Shel\n  condition: and x\n  override: {condition: append}\n", "10:3", "no rule by that name", "'Shell'"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "text", "place", "says", "hint"), FILES)
def test_a_mistake_in_a_file(mistake: str, text: str, place: str, says: str, hint: str) -> None:
    errors = [found for found in load([RuleFile("f", text)]).diagnostics if found.severity == "error"]
    assert errors, mistake
    assert f"{errors[0].line}:{errors[0].column}" == place
    assert says in errors[0].message
    assert hint in errors[0].hint


def test_there_are_at_least_twenty() -> None:
    assert len(CONDITIONS) + len(FILES) >= 20


def documented() -> list[tuple[str, str, str]]:
    """The rows of the table in the docs: what one writes, what tuimon says, and its hint."""
    text = (
        (Path(__file__).parents[2] / "docs/falco-differences.md").read_text().partition("## Twenty common mistakes")[2]
    )
    cells = [
        [cell.strip() for cell in line.strip("| ").split(" |")] for line in text.splitlines() if line.startswith("|")
    ]
    return [(row[0], row[1], row[2] if len(row) > 2 else "") for row in cells[2:]]


def shown(text: str) -> tuple[str, str]:
    """What is said of the first error of a file, and the hint."""
    error = next(found for found in load([RuleFile("f", text)]).diagnostics if found.severity == "error")
    return error.message, error.hint


TEXTS = [FILE.replace("{condition}", "'" + row[1].replace("'", "''") + "'") for row in CONDITIONS] + [
    row[1] for row in FILES
]


@pytest.mark.parametrize(("text", "row"), zip(TEXTS, documented(), strict=True), ids=lambda each: str(each)[:40])
def test_the_docs_quote_what_tuimon_says(text: str, row: tuple[str, str, str]) -> None:
    """An ellipsis in the docs leaves something out; all the rest is word for word."""
    _, says, hint = row
    for quoted, said in zip((says, hint), shown(text), strict=True):
        at = 0
        for part in quoted.split("..."):
            found = said.find(part.strip(), at)
            assert found >= 0, (part, said)
            at = found + len(part.strip())
