"""Renaming: every use in every file, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuimon.errors import RuleError
from tuimon.resources import rules_dir
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.view.rename import places, renamed

FIRST = """\
# shells are what people type into
- list: shells
  items: [sh, bash]  # shells
- list: more
  items: [shells, "shells", zsh]
- macro: started
  condition: evt.type = execve
"""
SECOND = """\
- rule: A
  desc: started shells
  condition: >
    started and proc.name in (shells, csh) and not proc.name = "started"
    and not proc.pname in (more)
  output: started %proc.name
  priority: INFO
  tags: [started]
  exceptions:
    - name: shells
      fields: [proc.name]
      comps: [in]
      values: [[shells]]
- macro: never_started
  condition: (not started)
- macro: started
  condition: or evt.type = execveat
  override: {condition: append}
"""
FILES = (RuleFile("a.yaml", FIRST, "user"), RuleFile("b.yaml", SECOND, "user"))


def test_a_macro_is_renamed_where_it_is_one() -> None:
    first, second = renamed(FILES, "macro", "started", "spawned")
    assert first.text == FIRST.replace("macro: started", "macro: spawned")
    expected = SECOND.replace("    started and", "    spawned and").replace("(not started)", "(not spawned)")
    assert second.text == expected.replace("macro: started", "macro: spawned")


def test_a_list_is_renamed_where_it_is_one() -> None:
    first, second = renamed(FILES, "list", "shells", "interpreters")
    expected = FIRST.replace("list: shells", "list: interpreters").replace(
        '[shells, "shells"', '[interpreters, "shells"'
    )
    assert first.text in (expected, expected.replace('"shells"', '"interpreters"'))
    assert second.text == SECOND.replace("in (shells", "in (interpreters").replace("[[shells]]", "[[interpreters]]")


def test_files_without_the_name_are_the_same_objects() -> None:
    third = RuleFile("c.yaml", "- macro: other\n  condition: evt.type = open\n", "user")
    assert renamed((*FILES, third), "macro", "started", "spawned")[2] is third


@pytest.mark.parametrize(
    ("kind", "old", "new", "part"),
    [
        ("macro", "started", "shells", "already"),
        ("macro", "started", "two words", "cannot be a name"),
        ("macro", "started", "", "cannot be a name"),
        ("macro", "nowhere", "x", "no macro"),
        ("list", "started", "x", "no list"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(kind: str, old: str, new: str, part: str) -> None:
    with pytest.raises(RuleError, match=part):
        renamed(FILES, kind, old, new)


def test_files_with_errors_are_not_touched() -> None:
    with pytest.raises(RuleError, match="have errors"):
        renamed((RuleFile("a.yaml", "- macro: m\n  condition: nothing", "user"),), "macro", "m", "x")


def every_rule_file() -> tuple[RuleFile, ...]:
    own = RuleFile("own.yaml", (rules_dir() / "tuimon_rules.yaml").read_text(), "builtin")
    upstream = Path(__file__).parents[3] / "shared/upstream/falco-rules"
    more = [RuleFile(path.name, path.read_text(), "user") for path in sorted(upstream.glob("falco*rules.yaml"))]
    return (own, *more)


def test_real_rules_mean_the_same_afterwards() -> None:
    """``renamed`` compares by itself and raises; here a few names are really tried, with its uses counted."""
    files = every_rule_file()
    loaded = load(files)
    assert loaded.ok
    names = [("macro", one.name) for one in loaded.macros[5::90]] + [("list", one.name) for one in loaded.lists[5::90]]
    for kind, name in names:
        made = renamed(files, kind, name, "zz_renamed")
        assert any("zz_renamed" in file.text for file in made)
        assert not any(list(places(file.text, kind, name)) for file in made)
