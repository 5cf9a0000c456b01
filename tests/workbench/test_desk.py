"""The desk asks the parts of the workbench what a real engine over a recording knows."""

from __future__ import annotations

import threading
import time

import pytest

from tuimon.capture.recording import RecordingSource
from tuimon.engine import build_engine
from tuimon.resources import find_recording
from tuimon.rulefiles import rule_files
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.settings import Settings
from tuimon.workbench.desk import Desk
from tuimon.workbench.run_tests import run_file
from tuimon.workbench.saved_case import add_case

MINE = """
- rule: Mine
  desc: d
  condition: evt.type in (open, openat) and fd.name = /etc/hostname
  output: "%fd.name"
  priority: INFO
"""


@pytest.fixture(scope="module")
def engine():
    """An engine that has judged the built-in recording."""
    settings = Settings()
    engine = build_engine(settings, RecordingSource(find_recording("demo")))
    assert engine.apply_rules(rule_files(settings)).accepted
    engine.start()
    deadline = time.monotonic() + 60
    while not engine.finished() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine.finished()
    yield engine
    engine.stop()


def test_a_rule_being_written_is_previewed_over_the_history(engine):
    seen = Desk(engine).preview((*engine.rule_files(), RuleFile("mine.yaml", MINE)))
    assert seen.rules == ("Mine",)
    assert (seen.was, seen.now) == (0, seen.added)
    assert seen.added > 0
    assert {group.container for group in seen.groups} == {"shop-web"}
    assert seen.events == len(engine.history)
    assert seen.complete
    assert Desk(engine).preview(engine.rule_files()).rules == ()


def test_an_alert_of_the_engine_becomes_an_exception_that_hides_it(engine):
    desk = Desk(engine)
    alerts = engine.alerts_since(0)
    assert len(alerts) > 3
    for alert in alerts:
        draft = desk.draft(alert)
        hidden = desk.hides(draft)
        assert alert in hidden.alerts
        assert hidden.preview.removed >= 1
        assert hidden.others == ()
        edited = load(draft.files(engine.rule_files(), "/nowhere/local.yaml"))
        assert edited.ok
        seen = desk.preview(edited)
        assert (seen.added, seen.removed) == (0, hidden.preview.removed)


def test_why_and_what_rule_for_it(engine):
    desk = Desk(engine)
    for alert in engine.alerts_since(0):
        assert alert.rule in desk.why(alert.event).matched
        proposal = desk.propose(alert)
        seen = desk.preview((*engine.rule_files(), RuleFile("mine.yaml", proposal.text)))
        assert alert.event.num in {row.num for row in seen.added_rows}
    assert desk.propose("fd.name contains shadow and evt.type = openat").condition
    assert desk.propose(alert.event).condition


def test_alerts_are_saved_as_cases_that_pass(engine, tmp_path):
    desk = Desk(engine)
    (tmp_path / "rules.yaml").write_text("".join(file.text for file in engine.rule_files()))
    text = ""
    for alert in engine.alerts_since(0):
        text = add_case(text, desk.case(alert.event, alert.rule), ["rules.yaml"]).apply(text)
    (tmp_path / "x.test.yaml").write_text(text)
    result = run_file(tmp_path / "x.test.yaml")
    assert [(case.case.name, case.failures) for case in result.cases if case.failures] == []
    assert (result.status, len(result.cases)) == (0, len(engine.alerts_since(0)))


def test_a_newer_question_cancels_the_one_before(engine):
    desk = Desk(engine)
    mine = load((*engine.rule_files(), RuleFile("mine.yaml", MINE)))
    found = []
    threads = [threading.Thread(target=lambda: found.append(desk.preview(mine))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 5
    assert any(seen.complete for seen in found)


def test_a_cancelled_look_says_so(engine):
    desk = Desk(engine)
    mine = load((*engine.rule_files(), RuleFile("mine.yaml", MINE)))
    whole = desk.preview(mine)
    stop = threading.Event()

    def cancel() -> None:
        while not stop.is_set():
            desk.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        part = desk.preview(mine)
    finally:
        stop.set()
        thread.join()
    assert part.events <= whole.events
    assert part.complete is (part.events == whole.events)


def test_what_is_typed_is_checked_as_it_will_be_loaded(engine):
    desk = Desk(engine)
    for typed in (MINE, MINE.replace("evt.type", "evt.typ"), MINE + "- rule: [", MINE):
        files = (*engine.rule_files(), RuleFile("mine.yaml", typed))
        checked, whole = desk.check(files), load(files)
        assert checked is not None
        assert (checked.diagnostics, checked.rules) == (whole.diagnostics, whole.rules)


def test_a_check_ends_when_the_next_key_comes(engine):
    desk = Desk(engine)
    files = (*engine.rule_files(), RuleFile("mine.yaml", MINE))
    ended = []

    def check() -> None:
        ended.append(desk.check(files) is None)

    with desk._busy:  # somebody else's question is being answered
        waiting = threading.Thread(target=check)
        waiting.start()
        while not desk._asked:
            time.sleep(0.001)
        desk.cancel()
    waiting.join(30)
    assert ended == [True]
    assert desk.check(files) is not None


def test_a_question_that_begins_late_does_not_end_a_newer_one(engine):
    """A worker that got no CPU while the next key was typed ended the check of that key: nothing was ever said."""
    desk = Desk(engine)
    files = (*engine.rule_files(), RuleFile("mine.yaml", MINE))
    mine = load(files)
    newer, late = [], []
    with desk._busy:
        waiting = threading.Thread(target=lambda: newer.append(desk.check(files)))
        waiting.start()
        while not desk._asked:
            time.sleep(0.001)
        began = threading.Event()

        def unwanted() -> bool:
            began.set()
            return False

        behind = threading.Thread(target=lambda: late.append(desk.preview(mine, still_wanted=unwanted)))
        behind.start()
        assert began.wait(60)
        with desk._counting:
            assert desk._asked == 1
    waiting.join(60)
    behind.join(60)
    assert newer[0] is not None
    assert late  # it ends at the next batch of the history, of which there may be one
    assert desk._alone(lambda: False).is_set()
