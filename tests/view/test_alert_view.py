"""Alerts folded by rule and container."""

import dataclasses

from tests.ui.fake_engine import FakeEngine
from tuimon.view.alert_likes import likes
from tuimon.view.alert_lines import AlertLines
from tuimon.view.alert_view import AlertView, Divider
from tuimon.view.cells import REST
from tuimon.view.mutes import Mute, Mutes, process_name


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
    view.show(containers=frozenset(("9ac27e01b5d4",)))
    assert [row.container_id for row in view.rows] == ["9ac27e01b5d4"]
    assert view.hidden == 1
    assert view.containers == {"9ac27e01b5d4"}


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


def keys(view):
    return [row if isinstance(row, Divider) else (row.rule, row.count, row.acked) for row in view.rows]


def view_of(engine, **more):
    view = AlertView(engine.alerts_since, **more)
    view.sync()
    return view


def test_what_is_acknowledged_goes_below_a_line_and_undo_brings_it_back():
    engine = engine_with(("A", "Notice", 0), ("A", "Notice", 0), ("B", "Warning", 0))
    view = view_of(engine)
    assert view.acknowledge(view.rows[1]) == 2
    assert keys(view) == [("B", 1, 0), Divider(1, 0, shown=True), ("A", 2, 2)]
    assert view.open == 1
    assert view.undo_acknowledge() == 2
    assert keys(view) == [("B", 1, 0), ("A", 2, 0)]
    assert view.undo_acknowledge() == 0
    view.acknowledge(view.rows[1])
    assert view.acknowledge(view.rows[2]) == 2, "again takes it back"
    assert view.open == 3


def test_a_new_alert_of_an_acknowledged_group_is_shown_as_back():
    engine = engine_with(("A", "Notice", 0))
    view = view_of(engine)
    view.acknowledge(view.rows[0])
    view.toggle_settled()
    assert keys(view) == [Divider(1, 0, shown=False)]
    engine.alert("A", "Notice", 0)
    view.sync()
    (row,) = view.rows
    assert row.is_back
    assert "again" in [cell.text for cell in AlertLines(view).line(0, 80)]
    assert view.acknowledge(row) == 1
    assert view.undo_acknowledge() == 1
    assert view.rows[0].acked == 1


def test_single_alerts_are_acknowledged_one_by_one_and_counted_in_their_group():
    engine = engine_with(("A", "Notice", 0), ("A", "Notice", 0))
    view = view_of(engine)
    view.toggle_grouped()
    view.acknowledge(view.rows[0])
    assert [getattr(row, "num", None) for row in view.rows] == [1, None, 2]
    view.toggle_grouped()
    assert view.rows[0].is_back


def test_groups_can_be_told_apart_by_any_field():
    engine = engine_with(("A", "Notice", 1), ("A", "Notice", 3), ("A", "Notice", 3))
    view = view_of(engine)
    assert len(view.rows) == 1
    view.acknowledge(view.rows[0])
    view.group_by("evt.type")
    engine.alert("A", "Notice", 2)
    view.sync()
    assert [(row.value, row.count) for row in view.rows if not isinstance(row, Divider)] == [
        ("execve", 1),
        ("openat", 3),
    ]
    assert view.rows[2].is_acked, "also grouped anew"
    view.group_by("proc.args")
    assert {row.value for row in view.rows if not isinstance(row, Divider)} == {"/etc/shadow"}
    assert "/etc/shadow" in [cell.text for cell in AlertLines(view).line(0, 120)]
    view.group_by(None)
    assert view.rows[0].is_back


def test_what_is_muted_is_counted_and_comes_back_when_its_time_is_over():
    now = [1_000]
    mutes = Mutes(now_ns=lambda: now[0])
    engine = engine_with(("A", "Notice", 0), ("B", "Notice", 0))
    view = view_of(engine, mutes=mutes)
    mutes.add(Mute("A", until_ns=mutes.until(1)))
    view.mutes_changed()
    engine.alert("A", "Notice", 0)
    view.sync()
    assert view.muted == 2
    assert keys(view) == [("B", 1, 0), Divider(0, 2, shown=True), ("A", 2, 0)]
    assert view.open == 1
    assert "mute" in [cell.text for cell in AlertLines(view).line(2, 80)]
    now[0] += 2_000_000_000
    assert view.sync() == ()
    assert keys(view) == [("A", 2, 0), ("B", 1, 0)]
    assert view.muted == 0


def test_a_mute_of_one_program_parts_a_group():
    engine = engine_with(("A", "Notice", 0), ("A", "Notice", 3))
    view = view_of(engine)
    first = view.members(view.rows[0])[-1]
    view.mutes.add(Mute("A", first.container_id, "web", process_name(first)))
    view.mutes_changed()
    assert [(row.count, row.muted) for row in view.rows if not isinstance(row, Divider)] == [(1, False), (1, True)]
    assert view.members(view.rows[0])[0].num == 2


def test_what_falls_off_the_list_stays_counted(monkeypatch):
    monkeypatch.setattr("tuimon.view.alert_view.KEPT", 3)
    engine = engine_with(*[("A", "Notice", 0)] * 5)
    view = view_of(engine)
    assert (view.total, view.rows[0].count, len(view.members(view.rows[0]))) == (5, 5, 3)
    view.acknowledge(view.rows[0])
    assert view.is_acked(view.rows[1])
    view.undo_acknowledge()
    assert view.rows[0].acked < view.rows[0].count
    assert view.open


def test_what_is_like_an_alert_is_acknowledged_in_one_go_and_comes_back_in_one():
    engine = engine_with(
        ("A", "Notice", 0), ("A", "Notice", 11), ("B", "Notice", 0), ("B", "Notice", 11), ("A", "Notice", 0)
    )
    view = AlertView(engine.alerts_since)
    view.sync()
    alert = view.kept[0]
    found = [(what, view.fresh(like)) for what, like in likes(alert)]
    assert [(what, len(nums)) for what, nums in found] == [
        ("A in web", 2), ("A", 3), ("everything in web", 3), ("everything that is listed", 5),
    ]  # fmt: skip
    view.show(containers=frozenset((alert.container_id,)))
    assert len(view.fresh(likes(alert)[-1][1])) == 3, "what the chosen container keeps out of the list is left alone"
    view.show(containers=frozenset())
    engine.alert("A", "Notice", 0)
    view.sync()
    assert view.acknowledge_all(found[1][1]) == 3
    assert [(row.rule, row.is_back) for row in view.rows if not isinstance(row, Divider)][:1] == [("A", True)]
    assert view.open == 3
    assert view.undo_acknowledge() == 3
    assert view.open == 6


def test_acknowledging_thousands_of_groups_looks_at_each_alert_once():
    engine = engine_with()
    for number in range(3_000):
        engine.alert("A", "Notice", 0, output_fields={"fd.name": f"/tmp/{number}"})
    view = AlertView(engine.alerts_since)
    view.sync()
    view.group_by("fd.name")
    assert view.groups == 3_000
    assert view.acknowledge_all(view.fresh(lambda alert: True)) == 3_000
    assert view.open == 0


def test_where_an_alert_is_unconfirmed_its_output_leaves_room_to_say_so():
    engine = engine_with(("A", "Notice", 0))
    engine._alerts[0] = dataclasses.replace(engine._alerts[0], unconfirmed=True, output="word " * 40)
    view = AlertView(engine.alerts_since)
    view.sync()
    line = AlertLines(view).line(0, 120)
    *others, output, word = line
    assert (output.text, output.width) == ("word " * 40, REST), "cut where it is painted"
    assert word.text == " unconfirmed"
    assert sum(cell.width or len(cell.text) for cell in (*others, word)) < 100


def test_only_what_holds_a_text_is_listed_and_acknowledged_with_the_list():
    engine = engine_with(("Read Shadow", "Notice", 0), ("Setuid Bit", "Critical", 0), ("Read Shadow", "Notice", 11))
    view = AlertView(engine.alerts_since)
    view.sync()
    view.find_text = "SHADOW"
    assert [row.rule for row in view.rows] == ["Read Shadow", "Read Shadow"]
    assert (view.listed, view.hidden) == (2, 0), "what is looked for hides no container's"
    engine.alert("Setuid Bit", "Critical", 0)
    view.sync()
    assert view.listed == 2
    view.show(containers=frozenset((view.rows[0].container_id,)))
    assert (view.listed, view.hidden) == (1, 2)
    view.show(containers=frozenset())
    assert view.fresh(lambda _: True) == {1, 3}
    view.acknowledge_all(view.fresh(lambda _: True))
    view.find_text = ""
    assert next(row.rule for row in view.rows if not isinstance(row, Divider)) == "Setuid Bit"
    assert view.open == 2


def test_alerts_are_found_by_priority_tag_container_and_the_value_grouped_by():
    engine = engine_with(("A", "Critical", 0), ("B", "Notice", 11))
    engine.alert("C", "Notice", 0, tags=("mitre_execution",))
    view = AlertView(engine.alerts_since)
    view.sync()

    def found(text):
        view.find_text = text
        return {row.rule for row in view.rows}

    container = view.rows[0].newest.event.container
    assert found("critical") == {"A"}
    assert found("EXECUTION") == {"C"}
    assert found(container.id) == found(container.name) == {"A", "C"}
    view.find_text = ""
    view.group_by("evt.num")
    row = view.rows[-1]
    assert row.rule in found(row.value)
    assert found("nosuch") == set()
    view.toggle_grouped()
    assert found("critical") == {"A"}
