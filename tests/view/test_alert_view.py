"""Alerts folded by rule and container."""

from tests.ui.fake_engine import FakeEngine
from tuimon.view.alert_lines import AlertLines
from tuimon.view.alert_view import AlertView


def engine_with(*alerts):
    engine = FakeEngine()
    engine.feed()
    for rule, priority, row in alerts:
        engine.alert(rule, priority, row)
    return engine


def test_repeats_are_one_row_with_a_count_and_the_worst_priority():
    engine = engine_with(("A", "Notice", 0), ("B", "Warning", 0), ("A", "Critical", 1), ("A", "Notice", 2))
    view = AlertView(engine.alerts_since)
    assert len(view.sync()) == 4
    newest, other = view.rows
    assert (newest.rule, newest.count, newest.priority) == ("A", 3, "Critical")
    assert (other.rule, other.count) == ("B", 1)
    assert [a.num for a in view.members(newest)] == [4, 3, 1]
    assert view.sync() == ()


def test_one_container_alone():
    engine = engine_with(("A", "Notice", 0), ("A", "Notice", 11))
    view = AlertView(engine.alerts_since)
    view.sync()
    assert len(view.rows) == 2
    view.show(container="9ac27e01b5d4")
    assert [row.container_id for row in view.rows] == ["9ac27e01b5d4"]
    assert view.hidden == 1
    assert view.container == "9ac27e01b5d4"


def test_unfolded_and_worst_first():
    engine = engine_with(("A", "Notice", 0), ("B", "Critical", 0), ("A", "Notice", 0))
    view = AlertView(engine.alerts_since)
    view.sync()
    view.toggle_grouped()
    assert [row.num for row in view.rows] == [3, 2, 1]
    assert view.members(view.rows[0]) == [view.rows[0]]
    view.toggle_by_severity()
    assert [row.num for row in view.rows] == [2, 3, 1]


def test_a_key_finds_its_row_wherever_it_went():
    """The cursor stays on what the user put it on, though newer alerts come in above."""
    engine = engine_with(("A", "Notice", 0))
    view = AlertView(engine.alerts_since)
    view.sync()
    lines = AlertLines(view)
    key = lines.key(0)
    engine.alert("B", "Warning", 0)
    view.sync()
    assert lines.position(key) == 1
    assert lines.position(("no", "such")) is None
    assert lines.key(99) is None
    assert lines.line(99, 80) == ()
