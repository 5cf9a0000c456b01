"""Whatever is edited in the rule files, the preview says what a replay would, and an exception hides what was shown.

The rules come from files here, with lists, macros, overrides and exceptions in them: an edit elsewhere changes a rule.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules import strategies
from tests.workbench.test_exception_draft import OUTPUT, alert_of, event_numbered, widened
from tests.workbench.test_preview import assert_equals_replay, history, replay
from tuimon.rules.answers import Answers
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.exception_draft import draft
from tuimon.workbench.preview import preview

BASE = """\
- list: names
  items: [bash, nginx]
- macro: about
  condition: {about}
- macro: mine
  condition: proc.name in (names) or about
- rule: R
  desc: d
  condition: evt.type exists and (mine or ({condition}))
  output: "{output}"
  priority: INFO
- rule: S
  desc: d
  condition: evt.type in (open, openat, execve) and not mine
  output: x
  priority: INFO
"""
EDITS = (
    "- list: names\n  items: [cat]\n  override: {items: append}",
    "- list: names\n  items: [sshd, cat]\n  override: {items: replace}",
    "- list: names\n  items: []",
    "- macro: about\n  condition: and proc.pname = sshd\n  override: {condition: append}",
    "- macro: about\n  condition: fd.name startswith /etc\n  override: {condition: replace}",
    "- macro: mine\n  condition: not about",
    "- rule: R\n  condition: and proc.name in (names)\n  override: {condition: append}",
    "- rule: R\n  condition: evt.type exists and not mine\n  override: {condition: replace}",
    "- rule: R\n  enabled: false\n  override: {enabled: replace}",
    "- rule: S\n  enabled: true\n  override: {enabled: replace}",
    "- rule: S\n  exceptions: [{name: a, fields: proc.name, comps: in, values: [names]}]\n"
    "  override: {exceptions: append}",
    "- rule: R\n  exceptions:\n    - {name: b, fields: [proc.name, fd.name], comps: [=, startswith],"
    " values: [[cat, /etc/]]}\n  override: {exceptions: append}",
    "- rule: T\n  desc: d\n  condition: about and not proc.name in (names)\n  output: x\n  priority: INFO",
)
OWN = st.lists(st.sampled_from(EDITS), max_size=4, unique=True).map("\n".join)


def files(about: str, condition: str, own: str) -> list[RuleFile]:
    base = BASE.format(about=quoted(about), condition="{}", output=OUTPUT).replace("{}", condition)
    folded = base.replace("  condition: evt.type exists and (mine", "  condition: >\n    evt.type exists and (mine")
    return [RuleFile("base.yaml", folded), RuleFile("local.yaml", own)]


def quoted(condition: str) -> str:
    return f">\n    {condition}"


@settings(max_examples=80, deadline=None)
@given(
    about=strategies.conditions,
    condition=strategies.conditions,
    owns=st.lists(OWN, min_size=2, max_size=3),
    events=st.lists(strategies.events(), min_size=1, max_size=12),
)
def test_a_preview_of_edited_files_equals_a_replay(about, condition, owns, events):
    batches, event_of = history(events)
    memory, answers = Memory(), Answers()
    before = None
    for number, own in enumerate(owns):
        loaded = load(files(about, condition, own), answers=answers)
        assert loaded.ok, [str(found) for found in loaded.diagnostics if found.severity == "error"]
        after = RuleSet.build(loaded, number + 1)
        seen = preview(batches, event_of, before, after, memory=memory)
        assert_equals_replay(seen, before, after, batches, event_of)
        before = after


@settings(max_examples=60, deadline=None)
@given(
    about=strategies.conditions,
    condition=strategies.conditions,
    own=OWN,
    events=st.lists(strategies.events(), min_size=1, max_size=12),
    moves=st.lists(st.integers(0, 8), max_size=5),
)
def test_an_exception_beside_overrides_hides_what_was_shown(about, condition, own, events, moves):
    """The own file holds overrides already; the draft is of the rule as they made it, and written beside them."""
    given_files = files(about, condition, own)
    loaded = load(given_files)
    batches, event_of = history(events)
    had, _ = replay(RuleSet.build(loaded, 1), batches, event_of)
    of_rule = {num for num, name in had if name == "R"}
    if not of_rule:
        return
    num = min(of_rule)
    made = widened(draft(alert_of(event_numbered(num, batches, event_of)), loaded), moves)
    shown = made.hides(batches, event_of)
    again = load(made.files(given_files, "local.yaml"))
    assert again.ok, again.diagnostics
    has, _ = replay(RuleSet.build(again, 2), batches, event_of)
    assert had - has == {(row.num, row.rule) for row in shown.preview.removed_rows}
    assert has <= had
    assert (num, "R") not in has
