"""Rule sets one after the other: what a new one leaves behind, and which one was before."""

from __future__ import annotations

import gc
import weakref

from tests import builders
from tuimon.revisions import Ready, Revisions
from tuimon.rules.diagnostics import RuleFile

RULE = """
- list: folders
  items: [/etc, /root]
- macro: reads
  condition: evt.type in (open, openat) and evt.is_open_read = true
- rule: {name}
  desc: d
  condition: reads and fd.directory in (folders) and not proc.name in (cat, {turn})
  output: "%proc.name opened %fd.name of %container.name"
  priority: NOTICE
  exceptions:
    - {{name: e, fields: [proc.name, fd.name], values: [[ls, /etc/x]]}}
"""


def files(turn: int) -> list[RuleFile]:
    return [RuleFile("f.yaml", RULE.format(name="R", turn=turn))]


def put(revisions: Revisions, turn: int, restores: int | None = None) -> None:
    ready = revisions.prepare(files(turn), restores=restores)
    assert isinstance(ready, Ready)
    revisions.put(ready)


def test_a_rule_set_that_is_replaced_goes_without_the_garbage_collector() -> None:
    """It is kept away from them: were there a cycle in one, every reload would stay in memory."""
    revisions = Revisions()
    put(revisions, 0)
    assert revisions.ruleset is not None
    revisions.ruleset.judge(builders.open_event("/etc/passwd"))
    first = weakref.ref(revisions.ruleset.rules[0].template), weakref.ref(revisions.loaded)
    gc.collect()
    gc.disable()
    try:
        put(revisions, 1)
        assert [each() for each in first] == [None, None]
    finally:
        gc.enable()


def test_files_that_did_not_change_are_in_memory_once() -> None:
    revisions = Revisions()
    text = "- macro: spawned\n  condition: evt.type = execve\n"
    for number in range(5):
        same = RuleFile("same.yaml", "".join([text, "\n"]))
        other = RuleFile("other.yaml", f"- list: l{number}\n  items: []\n")
        ready = revisions.prepare([same, other])
        assert isinstance(ready, Ready)
        revisions.put(ready)
    assert len({id(revision.files[0].text) for revision in revisions.all}) == 1
    assert len({revision.files[1].text for revision in revisions.all}) == 5


def test_the_collector_is_as_it_was_after_a_load() -> None:
    for wanted in (True, False):
        (gc.enable if wanted else gc.disable)()
        try:
            assert isinstance(Revisions().prepare(files(0)), Ready)
            assert not isinstance(Revisions().prepare([RuleFile("f", "- rule: x")]), Ready)
            assert gc.isenabled() == wanted
        finally:
            gc.enable()


def test_what_was_put_back_is_not_the_revision_before() -> None:
    revisions = Revisions()
    assert revisions.earlier() is None
    for turn in range(3):
        put(revisions, turn)
    before = revisions.earlier()
    assert before is not None
    assert before.number == 2
    put(revisions, 1, restores=2)
    before = revisions.earlier()
    assert before is not None
    assert before.number == 1
    chosen = revisions.earlier(3)
    assert chosen is not None
    assert chosen.files == tuple(files(2))
    assert revisions.earlier(77) is None
