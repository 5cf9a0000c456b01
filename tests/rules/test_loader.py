"""Loading as callers see it: results, expressions for the filter bar, and the first rules anybody here wrote."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import compile_expression, load
from tuimon.rules.nodes import Expanded, MacroRef, walk
from tuimon.rules.parser import ConditionSyntaxError
from tuimon.rules.printer import print_condition

LISTS = """\
- list: linux_shells
  items: [bash, zsh, ksh,sh,csh]
"""
SHELL = """\
- rule: Detech shell inside a container
  desc: Alert if a shell such as bash is open
  condition: {}
  output: Bash Shell Opened (user=%user.name %container.id)
  priority: WARNING
"""
CONTAINER = """\
- macro: container
  condition: container.id != host

"""
SEEDS = [
    (SHELL.format("container.id != host and proc.name = bash"), "(container.id != host and proc.name = bash)"),
    (
        LISTS + SHELL.format("container.id != host and proc.name in (linux_shells)"),
        "(container.id != host and proc.name in (bash, zsh, ksh, sh, csh))",
    ),
    (
        LISTS + CONTAINER + SHELL.format("container and proc.name in (linux_shells)"),
        "(container.id != host and proc.name in (bash, zsh, ksh, sh, csh))",
    ),
]

FILE = RuleFile(
    "f.yaml",
    """\
- list: shells
  items: [bash, sh]
- macro: spawned
  condition: evt.type = execve
- macro: spawned_shell
  condition: spawned and proc.name in (shells)
- macro: broken_if_used
  condition: proc.nme = x
- rule: Shell
  desc: >
    A shell
    was started
  condition: spawned_shell and container.id != host
  output: "Shell (%proc.cmdline %proc.aname[2])\\n"
  priority: info
  tags: [b, a]
""",
)


@pytest.mark.parametrize(("text", "compiled"), SEEDS)
def test_the_first_examples_load_as_they_were_written(text: str, compiled: str) -> None:
    result = load([RuleFile("rules.yaml", text)])
    assert result.ok
    (rule,) = result.rules
    assert rule.name == "Detech shell inside a container"
    assert print_condition(rule.condition) == compiled
    assert rule.output == "Bash Shell Opened (user=%user.name %container.id)"
    assert (rule.priority, rule.output_fields) == ("Warning", ("user.name", "container.id"))
    assert [found.code for found in result.diagnostics] == ["LOAD_NO_EVTTYPE"]


def test_the_last_example_needs_its_list() -> None:
    """Without linux_shells, the name is a plain value: it loads, and matches a program of that name."""
    result = load([RuleFile("rules.yaml", CONTAINER + SHELL.format("container and proc.name in (linux_shells)"))])
    assert result.ok
    assert print_condition(result.rules[0].condition) == "(container.id != host and proc.name in (linux_shells))"


def test_a_rule_has_everything_that_was_written() -> None:
    result = load([FILE])
    rule = result.rule("Shell")
    assert rule is not None
    assert (rule.file, rule.line, rule.priority, rule.tags) == ("f.yaml", 9, "Informational", ("a", "b"))
    assert rule.desc == "A shell was started\n"
    assert rule.output == "Shell (%proc.cmdline %proc.aname[2])"
    assert rule.output_fields == ("proc.cmdline", "proc.aname[2]")
    assert rule.event_types == {"execve"}
    assert rule.fields == ("container.id", "evt.type", "proc.name")
    assert (rule.source, rule.enabled, rule.capture, rule.warn_evttypes) == ("syscall", True, False, True)
    assert rule.condition_text == "spawned_shell and container.id != host"
    assert rule.macros == ("spawned_shell",)
    opened = [(each.name, each.origin) for each in walk(rule.condition) if isinstance(each, Expanded)]
    assert opened == [("spawned_shell", "f.yaml:5"), ("spawned", "f.yaml:3")]


def test_spans_of_a_rule_lead_back_to_its_file() -> None:
    rule = load([FILE]).rules[0]
    macro = next(each for each in walk(rule.written) if isinstance(each, MacroRef))
    place = rule.source_text.place(macro.span.start, macro.span.end)
    assert (place.line, place.column, place.end_column) == (13, 14, 27)


def test_results_are_kept_by_file() -> None:
    good, bad = RuleFile("good", SEEDS[0][0]), RuleFile("bad", "- rule: [\n")
    result = load([bad, good])
    assert not result.ok
    assert [(each.file.path, bool(each.errors)) for each in result.files] == [("bad", True), ("good", False)]


def test_nothing_loads_to_nothing() -> None:
    result = load([])
    assert result.ok
    assert (result.rules, result.macros, result.lists, result.diagnostics) == ((), (), (), ())


def test_an_expression_may_use_the_loaded_macros_and_lists() -> None:
    node = compile_expression("spawned_shell or fd.name in (shells)", load([FILE]))
    assert print_condition(node) == "((evt.type = execve and proc.name in (bash, sh)) or fd.name in (bash, sh))"
    assert not any(isinstance(each, MacroRef) for each in walk(node))


@pytest.mark.parametrize(
    ("text", "place", "says", "hint"),
    [
        ("proc.name =", "1:12", "expected a value", ""),
        ("evt.type = open and\n proc.nme = x", "2:2", "unknown field proc.nme", "proc.name"),
        ("spawnd", "1:1", "Undefined macro 'spawnd'", "spawned"),
        ("proc.name in shells", "1:14", "expected and, or", "in (shells)"),
        ("evt.type = open and broken_if_used", "1:21", "macro broken_if_used: unknown field proc.nme", "proc.name"),
        ("fd.num contains 3", "1:8", "does not work on fd.num", "it takes"),
    ],
)
def test_a_wrong_expression_says_where_and_what(text: str, place: str, says: str, hint: str) -> None:
    with pytest.raises(ConditionSyntaxError) as raised:
        compile_expression(text, load([FILE]))
    error = raised.value
    assert isinstance(error, RuleError)
    assert f"{error.line}:{error.column}" == place
    assert says in error.message
    assert hint in error.hint


def test_an_expression_needs_no_rules() -> None:
    assert print_condition(compile_expression("container.id != host")) == "container.id != host"


def test_later_files_are_known_by_their_number_not_their_name() -> None:
    """Two files of one name are still two files."""
    macro = RuleFile("same", "- macro: m\n  condition: evt.type = open\n")
    rule = RuleFile("same", "- rule: R\n  desc: d\n  condition: m\n  output: o\n  priority: INFO\n")
    assert load([macro, rule]).ok
    assert not load([rule, macro]).ok


def test_importing_the_loader_loads_no_screen_and_no_bcc() -> None:
    code = "import sys, tuimon.rules.commands, tuimon.rules.loader; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"textual", "rich", "bcc"} & set(done.stdout.split())


def test_everything_that_is_wrong_with_a_rule_is_told():
    """Not its first mistake alone: what is missing, and what is there and wrong."""
    text = "- rule: A\n  condition: proc.nme = x\n  output: a %proc.nam\n  priority: WARN\n"
    found = [each for each in load([RuleFile("a.yaml", text)]).diagnostics if each.severity == "error"]
    assert [(each.line, each.message.partition(" ")[0], each.hint) for each in sorted(found, key=lambda e: e.line)] == [
        (1, "Item", "add a line desc: ..."),
        (2, "unknown", "did you mean proc.name?"),
        (3, "invalid", "did you mean %proc.name?"),
        (4, "Invalid", "did you mean Warning?"),
    ]
