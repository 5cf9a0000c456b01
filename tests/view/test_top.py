"""The views: what is counted, what a row keeps, windows, orders; a batch is counted once; drilling in and back out."""

import collections
import dataclasses
import time

import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.rules.filter import compile_filter
from tuimon.view.drill import Drill, finish
from tuimon.view.live_view import LiveView
from tuimon.view.scan import Chosen
from tuimon.view.session import Session
from tuimon.view.top import Top
from tuimon.view.top_lines import MENU, TopLines
from tuimon.view.top_views import RULES, VIEWS

POOLED = [name for name in VIEWS if name != "dns"]
"""The views that the made events have values for; names asked for: tests/view/test_dns.py."""


def text_of(line):
    return "".join(cell.text for cell in line)


def counted(engine, name, **more):
    top = Top(
        VIEWS[name], LiveView(engine.history), engine.event, more.pop("row_filter", None), more.pop("chosen", None)
    )
    for key, value in more.items():
        setattr(top, key, value)
    for _ in top.work(0):
        pass
    assert (top.error, top.progress) == ("", 1.0)
    return top


def labels(top):
    return {row.value.label: row.events for row in top.table.rows}


@pytest.fixture
def engine():
    return fed_engine(3)


def events(engine):
    return [engine.event(batch, row) for batch in engine.history.batches() for row in range(len(batch))]


@pytest.mark.parametrize("name", POOLED)
def test_every_view_counts_what_asking_each_event_counts(engine, name):
    view = VIEWS[name]
    expected = collections.Counter(
        value.label
        for batch in engine.history.batches()
        for row in view.among(batch).tolist()
        if (value := view.value(engine.event(batch, row))) is not None
    )
    top = counted(engine, name)
    assert expected
    assert labels(top) == dict(expected)
    assert top.table.events == 60
    assert top.table.without == 60 - sum(expected.values())
    assert sum(row.share for row in top.table.rows) == pytest.approx(sum(expected.values()) / 60)


@pytest.mark.parametrize("name", POOLED)
def test_the_condition_of_a_row_keeps_what_it_counts(engine, name):
    """A row that leads to other events than it counted would be a lie."""
    top = counted(engine, name)
    for row in top.table.rows:
        keeps = compile_filter(row.value.term, None, engine.event)
        kept = [event for event in events(engine) if keeps.matches(event)]
        among = sum(event.row in VIEWS[name].among(event.batch) for event in kept)
        assert among == row.events, row.value.term


def test_figures(engine):
    rows = {row.value.label: row for row in counted(engine, "process").table.rows}
    assert rows["postgres"].bytes == 3 * 8192
    assert rows["sh"].errors == 3
    assert rows["cat"].rate == pytest.approx(12 / 0.059)
    newest = max(event.ts_ns for event in events(engine) if event.process.comm == "cat")
    assert rows["cat"].last_ns == newest


def test_filter_and_containers_limit_what_is_counted(engine):
    web = engine.cgroups["3ad7b26ded6d"][1]
    keeps = compile_filter("evt.type = openat", None, engine.event)
    top = counted(engine, "process", row_filter=keeps, chosen=Chosen(web))
    assert labels(top) == {"cat": 6, "curl": 3, "sh": 3}
    assert top.table.events == 12


def test_a_window_ends_at_the_newest_event(engine):
    top = counted(engine, "syscall", window_s=0.0195)
    assert top.table.events == 20
    assert top.table.seconds == pytest.approx(0.0195)
    assert counted(engine, "syscall", window_s=0.0255).table.events == 26


@pytest.mark.parametrize("order", ["events", "errors", "bytes", "last", "name"])
def test_orders(engine, order):
    rows = counted(engine, "process", order=order).table.rows
    by = [
        row.value.label if order == "name" else -getattr(row, "last_ns" if order == "last" else order) for row in rows
    ]
    assert by == sorted(by)


def test_a_batch_is_counted_once_and_what_history_let_go_of_goes(engine, monkeypatch):
    top = counted(engine, "process")
    looked = []
    monkeypatch.setattr(top, "_part", lambda batch: looked.append(batch.first_num) or Top._part(top, batch))
    list(top.work(0))
    assert looked == []
    engine.feed()
    list(top.work(0))
    assert looked == [61]
    assert labels(top)["cat"] == 16
    engine.history._batches.popleft()
    engine.history._view = tuple(engine.history._batches)
    list(top.work(0))
    assert labels(top)["cat"] == 12
    assert looked == [61]


def test_a_container_is_counted_again_until_it_is_known(engine, monkeypatch):
    unknown = {"it": True}
    web = engine.cgroups["3ad7b26ded6d"][1]

    def event_of(batch, row):
        event = engine.event(batch, row)
        if unknown["it"] and event.cgroup_id in web:
            event.container = None
        return event

    top = Top(VIEWS["container"], LiveView(engine.history), event_of, name_of=lambda key: key.upper())
    list(top.work(0))
    assert "not known yet" in labels(top)
    unknown["it"] = False
    list(top.work(0))
    assert "not known yet" not in labels(top)
    assert "3AD7B26DED6D" in labels(top)


def test_a_value_that_cannot_be_told_is_said(engine):
    def broken(batch, row):
        raise ValueError("no such thing")

    top = Top(VIEWS["process"], LiveView(engine.history), broken)
    list(top.work(0))
    assert top.error == "counting failed: ValueError: no such thing"


def test_nothing_to_count():
    from tests.ui.fake_engine import FakeEngine

    assert counted(FakeEngine(), "file").table.rows == ()


# Drilling.


@pytest.fixture
def session(engine):
    made = Session(engine)
    made.pump()
    yield made
    made.close()


def settle(drill):
    drill._begun = 0.0
    for _ in finish(drill):
        pass
    while drill._background.is_running:
        time.sleep(0.005)
    drill.pump()


def row(drill, label):
    return next(row for row in drill.table.rows if row.value.label == label)


def test_container_process_file_events_and_back(session):
    drill = Drill(session)
    drill.open("container")
    settle(drill)
    step = drill.step(row(drill, "web"))
    assert (step.label, step.view) == ("web", "container")
    session.add_step(step)
    assert session.containers.chosen_id == "3ad7b26ded6d"
    assert drill.next == "process"
    drill.open(drill.next)
    settle(drill)
    assert {one.value.label for one in drill.table.rows} == {"sh", "cat", "curl", "nginx"}
    session.add_step(drill.step(row(drill, "cat")))
    drill.open(drill.next)
    settle(drill)
    assert row(drill, "/etc/shadow").events == 3
    session.add_step(drill.step(row(drill, "/etc/shadow")))
    assert drill.next == ""
    assert session.filter_text == "proc.name = cat and (fd.name = /etc/shadow or fs.path.name = /etc/shadow)"
    assert [step.label for step in session.trail.steps] == ["web", "cat", "/etc/shadow"]
    assert [session.climb().view for _ in range(3)] == ["file", "process", "container"]
    drill.close()


def test_alerts_are_counted_by_rule_under_the_filter(session):
    drill = Drill(session)
    drill.open(RULES)
    drill.pump()
    assert {one.value.label: one.events for one in drill.table.rows}["Read the shadow file"] == 3
    session.set_filter("evt.type = openat")
    drill.again()
    drill.pump()
    assert {one.value.label for one in drill.table.rows} == {"Read the shadow file"}
    session.choose("77c1f0aa9e21")
    drill.again()
    drill.pump()
    assert drill.table.rows == ()
    assert drill.title == "Rules"
    drill.close()


def test_windows_and_orders_turn(session):
    drill = Drill(session)
    drill.open("process")
    drill.set_window(-1)
    assert drill.window_s == 300
    drill.set_window(-5)
    assert drill.window_s == 10
    drill.set_window(9)
    assert drill.window_s == 0
    drill.set_order(1)
    assert drill.order == "errors"
    drill.set_order(-2)
    assert drill.order == "name"
    settle(drill)
    assert [one.value.label for one in drill.table.rows] == sorted(one.value.label for one in drill.table.rows)
    drill.open("")
    assert not drill.pump()
    assert drill.title == ""
    drill.close()


@pytest.mark.parametrize("width", [50, 74, 120])
def test_lines_fit(session, width):
    drill = Drill(session)
    for name, title, _ in MENU[:-1]:
        if name not in (*POOLED, RULES):
            continue
        drill.open(name)
        settle(drill)
        lines = TopLines(drill, ascii_only=True)
        assert lines.end == len(drill.table.rows) > 0
        assert title.lower() in text_of(lines.header(width))
        assert lines.line(0, width)
        assert lines.line(10_000, width) == ()
        assert lines.row(None) is None
        assert "kept" in text_of(lines.foot())
        fixed = sum(cell.width for cell in lines.line(0, width) if cell.width > 0)
        assert fixed == sum(cell.width for cell in lines.header(width) if cell.width > 0)
        assert fixed < width
    drill.close()


def test_what_is_not_shown_is_said(session, monkeypatch):
    monkeypatch.setattr("tuimon.view.top.SHOWN", 2)
    drill = Drill(session)
    drill.open("process")
    settle(drill)
    assert "2 of" in text_of(TopLines(drill).foot())
    drill.table = dataclasses.replace(drill.table, without=7)
    assert "7 without one" in text_of(TopLines(drill).foot())
    drill.close()
