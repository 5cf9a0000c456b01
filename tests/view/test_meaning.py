"""What the word under the cursor means."""

from __future__ import annotations

import pytest

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.view.meaning import meaning_at

TEXT = """\
- list: shells
  items: [sh, bash]
- macro: started
  condition: evt.type = execve
- rule: A
  desc: proc.name is only a word here
  condition: started and not proc.name in (shells) and tolower(proc.aname[2]) startswith x
  output: a proc.name is %proc.name here
  priority: INFO
  exceptions:
    - name: n
      fields: [proc.name]
      comps: [endswith]
"""
LOADED = load((RuleFile("a.yaml", TEXT, "user"),))


def at(line: str, word: str):
    row, text = next((n, one) for n, one in enumerate(TEXT.split("\n")) if line in one)
    return meaning_at(TEXT, row, text.index(word) + 1, LOADED)


@pytest.mark.parametrize(
    ("line", "word", "kind", "part"),
    [
        ("started and", "started", "macro", "evt.type = execve"),
        ("started and", "proc.name", "field", "short name"),
        ("started and", "in (", "operator", "equal to one"),
        ("started and", "shells", "list", "2 items: sh, bash"),
        ("started and", "not", "logic", "does not hold"),
        ("started and", "tolower", "transformer", "lower case"),
        ("started and", "proc.aname", "field", "ancestor"),
        ("evt.type", "execve", "event", "evt.type"),
        ("evt.type", "=", "operator", "equal"),
        ("output:", "output", "key", "alert's text"),
        ("%proc.name", "name here", "field", "short name"),
        ("- rule:", "rule", "key", "alerts when"),
        ("fields:", "proc.name", "field", "short name"),
        ("comps:", "endswith", "operator", "ends with"),
    ],
)
def test_a_word_has_the_meaning_of_its_place(line: str, word: str, kind: str, part: str) -> None:
    found = at(line, word)
    assert found is not None
    assert found.kind == kind
    assert part in found.text


def test_macros_and_lists_say_where_they_are_defined() -> None:
    assert (at("started and", "started").file, at("started and", "started").line) == ("a.yaml", 3)
    assert (at("started and", "shells").file, at("started and", "shells").line) == ("a.yaml", 1)


@pytest.mark.parametrize(
    ("line", "word"),
    [("desc:", "proc.name"), ("output:", "proc.name is"), ("started and", " x"), ("priority:", "INFO")],
)
def test_a_word_without_a_meaning_has_none(line: str, word: str) -> None:
    assert at(line, word) is None or at(line, word).kind == "key"


def test_before_there_are_rules_the_language_is_known() -> None:
    assert meaning_at("- rule: A\n  condition: evt.type = open", 1, 15).kind == "field"
    assert meaning_at("- rule: A\n  condition: mine", 1, 15) is None
