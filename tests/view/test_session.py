"""What the panes of one screen share."""

import time
from dataclasses import replace

import pytest

from tests.ui.fake_engine import WEB, FakeEngine, fed_engine
from tuimon.errors import RuleError
from tuimon.view.drift import DriftRow
from tuimon.view.session import Session
from tuimon.view.trail import Step


@pytest.fixture
def session():
    made = Session(fed_engine())
    made.start()
    yield made
    made.close()


def pump(session):
    """Pump until the newest query is answered."""
    end = time.monotonic() + 30
    session.pump()
    while session.live.progress < 1.0 or session.live.pending:
        assert time.monotonic() < end, session.live.progress
        time.sleep(0.01)
        session.pump()


def test_a_pump_brings_events_alerts_and_containers(session):
    changes = session.pump()
    assert changes.live
    assert changes.alerts
    assert changes.containers
    assert len(session.live) == 60
    assert len(session.marks) == 4
    again = session.pump()
    assert (again.live, again.alerts, again.switched) == (False, False, False)


def test_an_alert_marks_its_event_with_the_worst_priority(session):
    session.pump()
    session.engine.alert("x", "Emergency", row=0)
    session.pump()
    assert "Emergency" in session.marks.values()


def test_a_container_limits_events_and_alerts_and_what_is_asked_for(session):
    session.pump()
    session.choose("3ad7b26ded6d")
    pump(session)
    assert {
        session.engine.event(*session.live.find(s)).container.name for s in range(session.live.first, session.live.end)
    } == {"web"}
    assert all(row.container_id == "3ad7b26ded6d" for row in session.alerts.rows)
    assert session.engine.watched[-1] == session.containers.chosen.cgroup_ids
    session.choose(None)
    pump(session)
    assert len(session.live) == 60
    assert session.engine.watched[-1] is None


def test_a_filter_and_its_history(session):
    session.pump()
    session.set_filter(" shadow ")
    pump(session)
    assert session.filter_text == "shadow"
    assert 0 < len(session.live) < 60
    with pytest.raises(RuleError):
        session.set_filter("nosuch.field = 1")
    assert session.filter_text == "shadow"
    session.set_filter("")
    pump(session)
    assert len(session.live) == 60
    assert session.filter_history.last == "shadow"


def test_a_container_that_grew_a_cgroup_is_asked_again(session):
    session.pump()
    session.choose("3ad7b26ded6d")
    pump(session)
    owner, ids = session.engine.cgroups["3ad7b26ded6d"]
    db = session.engine.cgroups["77c1f0aa9e21"][1]
    before = len(session.live)
    session.engine.cgroups["3ad7b26ded6d"] = (owner, ids | db)
    session.pump()
    pump(session)
    assert len(session.live) > before


def test_marks_of_forgotten_events_go(monkeypatch, session):
    monkeypatch.setattr("tuimon.view.session._MARKS", 2)
    session.pump()
    assert len(session.marks) == 4
    session.live.history._batches.popleft()
    session.engine.feed()
    session.engine.alert()
    session.pump()
    assert session.marks


def test_an_engine_without_a_snapshot_yet():
    class Starting(FakeEngine):
        def snapshot(self):
            return None

    session = Session(Starting())
    assert not session.pump().containers
    assert session.snapshot is None


def test_loud_calls_are_asked_for_on_request(session):
    """A live pane that asked for every read and write by itself would drown in them."""
    assert not session.engine.everything
    session.toggle_loud()
    assert session.engine.everything
    session.toggle_loud()
    assert not session.engine.everything


def test_steps_narrow_and_climbing_widens(session):
    """A breadcrumb that shows other steps than the list obeys would lie."""
    session.pump()
    session.choose("3ad7b26ded6d")
    assert session.add_step(Step("openat", "evt.type = openat", view="syscall"))
    assert session.add_step(Step("shadow", "shadow"))
    assert not session.add_step(Step("shadow", "shadow"))
    pump(session)
    shown = [session.engine.event(*session.live.find(s)) for s in range(session.live.first, session.live.end)]
    assert shown
    assert all(b"shadow" in event.slot(0) for event in shown)
    assert session.filter_text == "evt.type = openat and shadow"
    assert session.climb().label == "shadow"
    assert session.climb().view == "syscall"
    assert session.containers.chosen_id == "3ad7b26ded6d"
    assert session.climb().containers
    assert session.climb() is None
    assert session.engine.watched[-1] is None
    assert session.go(-1)
    assert session.containers.chosen_id == "3ad7b26ded6d"
    session.go(-1)
    session.climb_to(0)
    assert session.trail.steps == ()


def test_a_wrong_step_changes_nothing(session):
    with pytest.raises(RuleError):
        session.add_step(Step("x", "nosuch.field = 1"))
    assert session.trail.steps == ()


def test_the_bar_edits_all_conditions_at_once_where_they_can_be_joined(session):
    session.pump()
    session.set_filter("evt.type = openat or evt.type = execve")
    session.add_step(Step("nginx", "proc.name = nginx"))
    assert session.editable == "(evt.type = openat or evt.type = execve) and proc.name = nginx"
    session.edited("proc.name = cat")
    assert [step.term for step in session.trail.steps] == ["proc.name = cat"]
    session.add_step(Step("shadow", "shadow"))
    assert session.editable == "shadow"
    session.edited("passwd")
    assert [step.term for step in session.trail.steps] == ["proc.name = cat", "passwd"]
    session.edited("")
    assert [step.term for step in session.trail.steps] == ["proc.name = cat"]
    session.edited("")
    assert session.trail.steps == ()


def test_several_containers_are_asked_for_together(session):
    session.pump()
    session.toggle_container("3ad7b26ded6d")
    session.toggle_container("77c1f0aa9e21")
    assert session.chosen_name == "db, web"
    assert session.engine.watched[-1] == session.containers.watched()
    assert len(session.containers.watched()) == 2
    assert {row.container_id for row in session.alerts.rows} == {"3ad7b26ded6d"}
    session.toggle_container("3ad7b26ded6d")
    assert session.chosen_name == "db"
    session.choose("db")
    session.choose("db")
    assert session.trail.steps == ()


def test_another_engine_is_shown_by_the_same_steps(session):
    session.pump()
    session.choose("3ad7b26ded6d")
    session.set_filter("evt.type = openat")
    other = session.successor(fed_engine())
    assert other.filter_text == "evt.type = openat"
    assert other.containers.chosen_id == "3ad7b26ded6d"
    other.close()


def test_tactics_and_drift_are_kept_by_container(session):
    session.pump()
    assert session.containers.tactics["3ad7b26ded6d"] == {"Credential Access"}
    session.drift.sync()
    row = DriftRow(WEB, "/tmp/x", "new", 1, 0, 0, 1, 1, "x")
    session.drift.rows = (row,)
    assert session.pump().containers
    assert session.containers.drift == {"3ad7b26ded6d": ["/tmp/x"]}
    assert not session.pump().containers


def test_a_chosen_container_that_is_restarted_is_captured_in_its_new_cgroup(session):
    session.pump()
    session.choose("3ad7b26ded6d")
    owner, ids = session.engine.cgroups["3ad7b26ded6d"]
    assert session.engine.watched[-1] == ids
    session.engine.cgroups["3ad7b26ded6d"] = (owner, ids | {4242})
    session.pump()
    assert session.engine.watched[-1] == ids | {4242}


def test_while_a_chosen_container_is_stopped_its_next_cgroup_may_be_any(session):
    session.pump()
    session.choose("3ad7b26ded6d")
    owner, ids = session.engine.cgroups["3ad7b26ded6d"]
    session.engine.cgroups["3ad7b26ded6d"] = (replace(owner, ended=True), ids)
    session.pump()
    assert session.engine.watched[-1] is None
    session.engine.cgroups["3ad7b26ded6d"] = (owner, ids | {4242})
    session.pump()
    assert session.engine.watched[-1] == ids | {4242}


def test_the_breadcrumb_follows_a_container_that_is_renamed(session):
    session.pump()
    session.choose("3ad7b26ded6d")
    session.add_step(Step("shadow", "shadow"))
    owner, ids = session.engine.cgroups["3ad7b26ded6d"]
    session.engine.cgroups["3ad7b26ded6d"] = (replace(owner, name="front"), ids)
    session.pump()
    assert session.crumbs == ["front", "shadow"]
    del session.engine.cgroups["3ad7b26ded6d"]
    session.pump()
    assert session.crumbs == ["web", "shadow"]


def test_that_a_chosen_container_has_ended_is_said_where_its_name_is(session):
    """One that is deployed anew has the same name and another id: nothing comes any more, and nothing said why."""
    session.pump()
    session.toggle_container("3ad7b26ded6d")
    session.toggle_container("77c1f0aa9e21")
    owner, ids = session.engine.cgroups["3ad7b26ded6d"]
    session.engine.cgroups["3ad7b26ded6d"] = (replace(owner, ended=True), ids)
    session.pump()
    assert session.chosen_name == "db, web (ended)"
    assert session.crumbs == ["db, web (ended)"]
