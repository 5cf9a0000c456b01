"""Completion in a rule file: by place, with ``|`` for the cursor."""

from __future__ import annotations

import pytest

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.view.completion import Context
from tuimon.view.rule_completion import KEYS, RuleContext, complete_rule, place_at

CONTEXT = RuleContext(
    Context({"spawned_process": "evt.type = execve"}, {"shells": ("sh", "bash")}, lambda name: [("sshd", 3)]),
    ("container", "mitre_execution"),
)
HEAD = "- list: shells\n  items: [sh]\n"


def at(text: str) -> tuple[str, int, int]:
    before, after = text.split("|")
    rows = before.split("\n")
    return before + after, len(rows) - 1, len(rows[-1])


def offered(text: str) -> list[str]:
    return [item.label for item in complete_rule(*at(text), CONTEXT).items]


def completed(text: str) -> str:
    """Return the text of the cursor's line with the first item taken."""
    whole, row, column = at(text)
    found = complete_rule(whole, row, column, CONTEXT)
    line = whole.split("\n")[row]
    return line[: found.start] + found.items[0].insert + line[column:]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("|", "- rule: "),
        ("- ma|", "- macro: "),
        (f"{HEAD}- ru|", "- rule: "),
        ("- rule: A\n  cond|", "  condition: >"),
        ("- rule: A\n  pri|", "  priority: "),
        ("- list: a\n  |", "  items: "),
        ("- rule: A\n  priority: war|", "  priority: WARNING"),
        ("- rule: A\n  enabled: f|", "  enabled: false"),
        ("- rule: A\n  source: sys|", "  source: syscall"),
        ("- rule: A\n  tags: [container, mitre|]", "  tags: [container, mitre_execution]"),
        ("- rule: A\n  tags:\n    - mitre|", "    - mitre_execution"),
        ("- list: a\n  items: [b, she|]", "  items: [b, shells]"),
        ("- rule: A\n  condition: spaw|", "  condition: spawned_process "),
        ("- rule: A\n  condition: >\n    evt.type = execve and proc.na|", "    evt.type = execve and proc.name "),
        ("- rule: A\n  condition: >\n    proc.name =\n    ss|", "    sshd"),
        ("- rule: A\n  condition: proc.name in (she|", "  condition: proc.name in (shells"),
        ("- macro: m\n  condition: (proc.name startsw|", "  condition: (proc.name startswith "),
        ("- rule: A\n  output: x %proc.na|", "  output: x %proc.name"),
        ("- rule: A\n  output: >\n    run by %*user.na| now", "    run by %*user.name now"),
        ("- rule: A\n  exceptions:\n    - na|", "    - name: "),
        ("- rule: A\n  exceptions:\n    - name: x\n      fi|", "      fields: "),
        ("- rule: A\n  exceptions:\n  - name: x\n    fields: [proc.na|]", "    fields: [proc.name]"),
        ("- rule: A\n  exceptions:\n    - name: x\n      comps: [starts|]", "      comps: [startswith]"),
        ("- rule: A\n  override:\n    cond|", "    condition: "),
        ("- rule: A\n  override:\n    condition: app|", "    condition: append"),
    ],
)
def test_the_first_item_fits_the_place(text: str, line: str) -> None:
    assert completed(text) == line


def test_keys_that_are_there_are_not_offered_again() -> None:
    assert "desc" not in offered("- rule: A\n  desc: x\n  |\n  output: y\n- rule: B\n  priority: INFO\n")
    assert "priority" in offered("- rule: A\n  desc: x\n  |\n  output: y\n- rule: B\n  priority: INFO\n")


@pytest.mark.parametrize(
    "text", ["- rule: nothing know|", "- rule: A\n  desc: some words|", "# a comm|", "- rule: A\n  output: 5 % o|"]
)
def test_where_anything_may_stand_nothing_is_offered(text: str) -> None:
    assert offered(text) == []


def test_places_in_blocks_know_their_key() -> None:
    exceptions = "  exceptions:\n    - name: n\n      fields: [proc.name]\n"
    text = f"- rule: A\n{exceptions}  condition: >\n    evt.type = open\n    and |"
    place = place_at(*at(text))
    assert (place.item, place.owner, place.key) == ("rule", "", "condition")
    assert place.before.split() == ["evt.type", "=", "open", "and"]


@pytest.mark.parametrize("kind", KEYS)
def test_every_key_offered_is_one_the_loader_knows(kind: str) -> None:
    """An unknown key is a warning; these must give none."""
    for key in KEYS[kind]:
        text = f"- {kind}: x\n  {key}: \n"
        found = load((RuleFile("t.yaml", text, "user"),)).diagnostics
        assert not any("unknown" in one.message.lower() and key in one.message for one in found), found


@pytest.mark.parametrize(
    "text", ['- rule: é\tx\n  condition: proc.name = "a\\|', ":\n|", "\n\n  |", "- - - |", "- rule: A\n\tcond|"]
)
def test_odd_text_never_fails(text: str) -> None:
    complete_rule(*at(text), CONTEXT)
