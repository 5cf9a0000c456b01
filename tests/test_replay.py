"""Playing the shipped recording back and forth, and reading it ahead."""

import time

import pytest

from tests.ui.fake_engine import FakeEngine
from tuimon.capture.recording import RecordingSource
from tuimon.engine import EngineOptions, build_engine
from tuimon.enrich import users
from tuimon.errors import RecordingError
from tuimon.replay import Scout, reopened
from tuimon.resources import find_recording
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

RULES = """\
- rule: Shadow
  desc: Somebody reads the password hashes.
  condition: evt.type in (open, openat) and fd.name = "/etc/shadow"
  output: shadow (file=%fd.name)
  priority: WARNING
  tags: [mitre_credential_access]
"""


@pytest.fixture
def engine(monkeypatch):
    """An engine that plays the shipped recording, paused at its start."""
    monkeypatch.setattr(users, "HOST_USERS", users.UserTable())
    made = build_engine(Settings(), RecordingSource(find_recording("demo"), speed=4.0))
    made.source.paused = True
    assert made.apply_rules((RuleFile("local.yaml", RULES),)).accepted
    made.start()
    assert made.wait_started(60)
    yield made
    made.stop()


def wait(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_scout_finds_what_lies_ahead_while_the_recording_stands_still(engine):
    scout = Scout(engine)
    scout.start()
    wait(lambda: scout.finished)
    scout.close()
    assert scout.progress == 1.0
    assert engine.source.position_ns == 0
    assert [alert.rule for alert in scout.alerts_since(0)][:1] == ["Shadow"]
    assert scout.timeline.span_ns > 10_000_000_000
    assert scout.timeline.events > 1000


def test_going_back_is_the_recording_again_with_the_same_rules_speed_and_pause(engine):
    scout = Scout(engine)
    scout.start()
    wait(lambda: scout.finished)
    alert = scout.alerts_since(0)[0]
    again = reopened(engine, alert.event.ts_ns + 50_000_000)
    try:
        assert (again.source.speed, again.source.paused) == (4.0, True)
        assert again.rule_files() == engine.rule_files()
        again.start()
        wait(lambda: again.alerts_since(0))
        assert [a.event.num for a in again.alerts_since(0)] == [alert.event.num]
        wait(lambda: not again.source.skipping)
        assert alert.event.ts_ns <= again.source.position_ns <= alert.event.ts_ns + 50_000_000
    finally:
        again.stop()
        scout.close()


def test_both_see_the_same_events_whatever_the_way_there(engine):
    again = reopened(engine, 1 << 62)
    again.start()
    engine.source.skip_to_ns = 1 << 62
    wait(lambda: again.finished() and engine.finished())
    assert again.history.last_num == engine.history.last_num > 1000
    assert [a.output for a in again.alerts_since(0)] == [a.output for a in engine.alerts_since(0)]
    again.stop()


def test_only_a_recording_can_be_opened_again(engine):
    for make in (Scout, lambda e: reopened(e, 0)):
        live = FakeEngine()
        live.source = type("Source", (), {"name": "kernel"})()
        with pytest.raises(TypeError, match="no recording"):
            make(live)


def test_a_recording_that_is_gone_is_said_in_a_sentence(engine, tmp_path):
    engine.source.path = tmp_path / "gone.tmon"
    with pytest.raises(RecordingError, match="cannot read"):
        reopened(engine, 0)
    with pytest.raises(RecordingError, match="cannot read"):
        Scout(engine)


def test_the_engine_tells_its_health_its_processes_and_its_rules(engine):
    engine.source.skip_to_ns = 1 << 62
    wait(engine.finished)
    wait(lambda: any(stage.share for stage in engine.health().stages))  # made once a second
    health = engine.health()
    assert {stage.name for stage in health.stages} >= {"drain", "rules", "history"}
    assert sum(stage.total_s for stage in health.stages) > 0
    assert health.memory_bytes > 1 << 20
    assert health.processes > 10
    assert health.last_event_s is not None
    rule = engine.rules_in_force()[0]
    assert (rule.name, rule.counter.matched) == ("Shadow", len(engine.alerts_since(0)))
    living, both = engine.process_list(), engine.process_list(ended=True)
    assert len(both) > len(living) > 0
    assert all(p.end_ns is None for p in living)
    names = {getattr(engine.container_of(p.cgroup_id), "name", None) for p in both}
    assert "shop-web" in names
    assert engine.options == EngineOptions(history_bytes=engine.history.max_bytes)
