"""The board, tree, replay and health tabs: every key does what the footer and the help say, by mouse too."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

import tuimon.replay
from tests.ui.cases import end_containers
from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES, RuleFile
from tests.ui.side_engine import side_engine
from tuimon.capture.recording import RecordingReader, RecordingSource
from tuimon.engine import build_engine
from tuimon.enrich import users
from tuimon.errors import RecordingError
from tuimon.resources import find_recording
from tuimon.settings import Settings
from tuimon.ui.screens.alert_details import AlertDetails
from tuimon.ui.screens.ask import Ask
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.event_details import EventDetails
from tuimon.ui.tabs.board_tab import BoardList, CellAlerts, CellRules, DriftList
from tuimon.ui.tabs.health_tab import RuleCostList
from tuimon.ui.tabs.replay_tab import MarkList, ReplayTab, TimelineBar
from tuimon.ui.tabs.tree_filter import TreeFilter
from tuimon.ui.tabs.tree_tab import ProcessDetails, TreeList
from tuimon.ui.ticker import Tick
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.rule_editor import RuleEditor
from tuimon.view.session import Changes

OWNERS = (
    BoardList, DriftList, TreeFilter, TreeList, ProcessDetails, MarkList, ReplayTab, RuleCostList, Ask,
)  # fmt: skip
CASES = {}
SHADOW = """\
- rule: Read the shadow file
  desc: Somebody reads the password hashes.
  condition: evt.type in (open, openat) and fd.name = "/etc/shadow"
  output: shadow (file=%fd.name)
  priority: WARNING
  tags: [mitre_credential_access]
- rule: Changes a mode
  desc: Somebody changes the mode of a file.
  condition: evt.type in (chmod, fchmod, fchmodat)
  output: mode (file=%fd.name)
  priority: NOTICE
"""


def case(*ids, replay=False):
    def add(function):
        for one in ids:
            CASES[one] = function, replay
        return function

    return add


def body(app):
    return app.main.query_one("#body").current


def board(app):
    return app.main.query_one(BoardList)


def tree(app):
    return app.main.query_one(TreeList)


def under(app):
    return tree(app).process_under_cursor().comm


# Board.


@case("board.left", "board.right")
async def chooses_a_tactic(app, pilot, keys):
    await press(app, pilot, "4", "right", "right")
    assert board(app)._lines.column == 2
    assert "Initial Access" in screen_text(app)
    await press(app, pilot, *["left", "h", "left"])
    assert board(app)._lines.column == 14  # past the first comes the last
    await press(app, pilot, "l")
    assert board(app)._lines.column == 0
    assert keys[0] in ("left", "right")


@case("board.open")
async def opens_the_alerts_of_a_cell(app, pilot, keys):
    await press(app, pilot, "4", "j", "j", *["right"] * 7, keys[0])
    assert isinstance(app.screen, CellAlerts)
    text = screen_text(app)
    assert "web  Credential Access: 3 alerts" in text
    assert text.count("Read the shadow file") >= 3
    assert "enter opens the alert" in text
    await press(app, pilot, "enter")
    assert isinstance(app.screen, AlertDetails)
    await press(app, pilot, "escape", "escape")
    assert app.screen is app.main
    assert app.focused is board(app)


@case("board.row")
async def opens_the_alerts_of_a_row(app, pilot, keys):
    await press(app, pilot, "4", "j", "j", keys[0])
    assert "every tactic: 5 alerts" in screen_text(app)
    await press(app, pilot, "enter", "e")  # on to the alert, and to its rule
    assert app.screen is app.main


@case("board.ended")
async def lists_ended_containers_on_the_board(app, pilot, keys):
    await end_containers(app, pilot)
    await press(app, pilot, "4", "end")
    there = board(app)._lines.end
    assert board(app).is_on_ended
    await press(app, pilot, "enter")
    assert board(app)._lines.end == there + 3
    assert board(app).is_on_ended, "the cursor stays on the line"
    assert "job-1" in screen_text(app)
    await press(app, pilot, keys[0])
    assert board(app)._lines.end == there


@case("drift.open")
async def opens_the_event_of_a_new_executable(app, pilot, keys):
    await press(app, pilot, "4")
    app.main.set_focus(app.main.query_one(DriftList))
    await press(app, pilot, keys[0])
    assert isinstance(app.screen, EventDetails)


# Tree.


@case("tree.open")
async def opens_a_process(app, pilot, keys):
    await press(app, pilot, "5", keys[0])
    assert isinstance(app.screen, ProcessDetails)
    assert "working directory" in screen_text(app)


@case("process.copy")
async def copies_a_command(app, pilot, keys):
    await press(app, pilot, "5", "G", "enter", keys[0])
    assert app.clipboard == "node server.js"


@case("tree.fold", "tree.left", "tree.right")
async def folds(app, pilot, keys):
    await press(app, pilot, "5", "g")
    total = len(tree(app).view.rows)
    for fold, unfold in (("space", "space"), ("left", "right"), ("h", "right")):
        await press(app, pilot, fold)
        assert len(tree(app).view.rows) == 1
        await press(app, pilot, unfold)
        assert len(tree(app).view.rows) == total
    await press(app, pilot, "G", "left")
    assert under(app) != "node"
    assert keys


@case("tree.fold_all", "tree.unfold_all")
async def folds_everything(app, pilot, keys):
    await press(app, pilot, "5")
    total = len(tree(app).view.rows)
    await press(app, pilot, "minus")
    assert len(tree(app).view.rows) < total
    await press(app, pilot, "plus")
    assert len(tree(app).view.rows) == total
    assert keys


@case("tree.filter")
async def filters_the_tree(app, pilot, keys):
    await press(app, pilot, "5", keys[0], *"shadow")
    shown = [row.process.comm for row in tree(app).view.rows]
    assert shown == ["systemd", "conmon", "nginx", "sh", "cat"]
    await press(app, pilot, "enter")
    assert app.focused is tree(app)
    assert "rows hidden" in screen_text(app)
    assert not app.session.filter_text  # the live tab has a filter of its own
    await press(app, pilot, "escape")
    assert tree(app).view.filter_text == ""
    await press(app, pilot, keys[0], *"nosuch")
    assert "no process matches; esc takes the filter away" in screen_text(app)
    await press(app, pilot, "escape", "escape")
    await press(app, pilot, keys[0], "x", "escape")
    assert app.focused is tree(app)


@case("tree.apply", "tree.leave")
async def ends_the_writing_of_the_trees_filter(app, pilot, keys):
    await press(app, pilot, "5", "slash", *"shadow")
    assert "esc Back" in screen_text(app).splitlines()[-1]
    await press(app, pilot, keys[0])
    assert app.focused is tree(app)
    assert tree(app).view.filter_text == "shadow"


@case("tree.complete", "tree.offered_next", "tree.offered_before")
async def completes_a_condition_about_processes(app, pilot, keys):
    line = app.main.query_one(TreeFilter)
    await press(app, pilot, "5", "slash", *"container.nam")
    await until(lambda: line.offered.is_open)
    assert tree(app).view.filter_text == "container", "no text of that kind is looked for meanwhile"
    assert keys[0] in ("tab", "down", "up")
    assert line.offered.current.label == "container.name"
    await press(app, pilot, "tab")
    assert line.value == "container.name "
    await write(app, pilot, line, "= web")
    assert tree(app).view.filter_text == "container.name = web"
    await write(app, pilot, line, " and evt.type = open")
    assert "column 26: evt.type is of an event, not of a process" in screen_text(app)
    assert tree(app).view.filter_text == "container.name = web"
    await press(app, pilot, "enter")
    assert app.focused is line, "what is wrong stays to be mended"
    await press(app, pilot, "escape")
    assert app.focused is tree(app)
    assert "column 26" not in screen_text(app)
    await press(app, pilot, "slash", "end")
    await write(app, pilot, line, " and proc")
    await press(app, pilot, ".")
    await until(lambda: line.offered.is_open and line.value.endswith("proc."))
    first = line.offered.current
    await press(app, pilot, "down")
    assert line.offered.current != first
    await press(app, pilot, "up")
    assert line.offered.current == first
    assert all(item.label.startswith("proc.") for item in line.offered.items)
    await press(app, pilot, "escape", "escape")


async def write(app, pilot, line, text):
    """Write a text at the cursor of a line, and let what it does come to its end."""
    line.insert_text_at_cursor(text)
    await settle(app, pilot)


@case("tree.order", "tree.order_back")
async def orders_the_tree(app, pilot, keys):
    await press(app, pilot, "5", keys[0])
    assert tree(app).view.order != "start"
    assert f"order: {tree(app).view.order}" in screen_text(app)


@case("tree.ended")
async def shows_ended_processes(app, pilot, keys):
    await press(app, pilot, "5")
    process = tree(app).view.rows[-1].process
    process.end_ns = process.start_ns + 1
    tree(app).view.sync()
    tree(app).renew()
    total = len(tree(app).view.rows)
    await press(app, pilot, keys[0])
    assert len(tree(app).view.rows) == total + 1
    assert "ended 2" in screen_text(app)


@case("tree.live")
async def shows_the_events_of_a_process(app, pilot, keys):
    await press(app, pilot, "5", "G", keys[0])
    assert body(app) == "live"
    assert app.session.filter_text == "proc.pid = 4400"


# Health.


@case("costs.order", "costs.order_back")
async def orders_the_costs(app, pilot, keys):
    await press(app, pilot, "7")
    costs = app.main.query_one(RuleCostList)
    app.main.set_focus(costs)
    await press(app, pilot, keys[0])
    assert costs.costs.order != "cost"
    assert f"order: {costs.costs.order}" in screen_text(app)


@case("costs.open")
async def opens_a_rule_by_its_cost(app, pilot, keys):
    for key in keys:
        app.main.action_tab("health")
        await settle(app, pilot)
        app.main.set_focus(app.main.query_one(RuleCostList))
        await press(app, pilot, key)
        assert body(app) == "rules"
        assert app.main.query_one(RuleEditor).text == LOCAL_RULES


# Replay: the shipped recording, played by the real engine.


def replay(app):
    return app.main.query_one(ReplayTab)


def source(app):
    return app.session.engine.source


async def known(app, pilot):
    """Wait until the whole recording was read ahead."""
    await press(app, pilot, "6")
    await until(lambda: replay(app).view.progress == 1.0 and replay(app).view.marks)
    await settle(app, pilot)
    replay(app)._paint()
    await settle(app, pilot)


async def arrived(app, pilot, engine=None):
    """Wait until a jump is done; given the engine before it, until another has taken its place."""
    if engine is not None:
        await until(lambda: app.session.engine is not engine)
    await until(lambda: source(app).position_ns and not source(app).skipping)
    await settle(app, pilot)


@case("replay.play", replay=True)
async def plays_and_pauses(app, pilot, keys):
    await known(app, pilot)
    assert source(app).paused
    await press(app, pilot, keys[0])
    assert not source(app).paused
    assert "PLAYING" in screen_text(app)
    await press(app, pilot, keys[0])
    assert source(app).paused
    source(app).skip_to_ns = 1 << 62
    await until(lambda: source(app).ended)
    engine = app.session.engine
    await press(app, pilot, keys[0])  # at the end: from the start again
    await until(lambda: app.session.engine is not engine)
    assert not source(app).paused


@case("replay.faster", "replay.slower", replay=True)
async def changes_the_speed(app, pilot, keys):
    await known(app, pilot)
    for key in keys:
        before = source(app).speed
        await press(app, pilot, key)
        assert source(app).speed != before
    assert "PAUSED" in screen_text(app)


@case("replay.next", "replay.before", "marks.open", replay=True)
async def goes_to_alerts(app, pilot, keys):
    await known(app, pilot)
    marks = replay(app).view.marks
    await press(app, pilot, "right_square_bracket")
    await arrived(app, pilot)
    assert source(app).position_ns >= marks[0].time_ns
    assert app.session.alerts.total >= 1
    await press(app, pilot, "u", "G", "enter")  # every alert has a row of its own
    await until(lambda: source(app).position_ns >= marks[-1].time_ns)
    engine = app.session.engine
    await press(app, pilot, "left_square_bracket")
    await arrived(app, pilot, engine)
    assert source(app).position_ns < marks[-1].time_ns
    assert source(app).paused  # as it was
    assert keys


@case("marks.fold", replay=True)
async def folds_repeats_on_the_timeline(app, pilot, keys):
    await known(app, pilot)
    marks, shown = replay(app).view.marks, app.main.query_one(MarkList)
    rules = {(mark.alert.rule, mark.alert.container_id) for mark in marks}
    assert shown.marks.end == len(rules) < len(marks)
    for mark in marks[:3]:  # the keys that jump reach each of them, whichever row it is in
        await press(app, pilot, "right_square_bracket")
        await arrived(app, pilot)
        assert mark in shown.row_under_cursor()
        assert source(app).position_ns >= mark.time_ns
    await press(app, pilot, keys[0])
    assert shown.marks.end == len(marks)
    await press(app, pilot, keys[0])
    assert shown.marks.end == len(rules)


@case("marks.back", "marks.forward", replay=True)
async def moves_on_the_timeline(app, pilot, keys):
    await known(app, pilot)
    for _ in range(5):
        await press(app, pilot, "right")
        await arrived(app, pilot)
    there, engine = source(app).position_ns, app.session.engine
    assert there > replay(app).view.timeline.first_ns
    await press(app, pilot, "left")
    await arrived(app, pilot, engine)
    assert source(app).position_ns < there
    assert keys


@case("marks.details", replay=True)
async def opens_an_alert_that_lies_ahead(app, pilot, keys):
    await known(app, pilot)
    await press(app, pilot, keys[0])
    assert isinstance(app.screen, AlertDetails)


@case("replay.time", replay=True)
async def goes_to_a_time(app, pilot, keys):
    await known(app, pilot)
    await press(app, pilot, keys[0], *"soon", "enter")
    assert isinstance(app.screen, Ask)
    assert "is no time" in screen_text(app)
    await press(app, pilot, "ctrl+u", *"50%", "enter")
    await arrived(app, pilot)
    timeline = replay(app).view.timeline
    assert abs(source(app).position_ns - timeline.time_at(0.5)) < timeline.span_ns / 10


@case("replay.restart", replay=True)
async def starts_again(app, pilot, keys):
    await known(app, pilot)
    source(app).skip_to_ns = 1 << 62
    await until(lambda: source(app).ended)
    await press(app, pilot, "1", "slash", *"shadow", "enter", "6")
    engine = app.session.engine
    await press(app, pilot, keys[0])
    await until(lambda: app.session.engine is not engine)
    assert app.session.filter_text == "shadow"  # what the user chose stays
    assert len(app.session.engine.history) < len(engine.history)


@case("ask.leave")
async def leaves_a_question(app, pilot, keys):
    await press(app, pilot, "r")
    assert isinstance(app.screen, Ask)
    await press(app, pilot, keys[0])
    assert app.screen is app.main
    assert not app.recording.running


def bindings():
    return {b.id: b for owner in OWNERS for b in owner.__dict__["BINDINGS"]}


def test_every_binding_has_a_case():
    assert set(bindings()) == set(CASES)


def recorded_engine(speed=1.0):
    """Return an engine that plays the shipped recording, paused."""
    engine = build_engine(Settings(), RecordingSource(find_recording("demo"), speed=speed))
    engine.source.paused = True
    assert engine.apply_rules((RuleFile("/tmp/tuimon-test/local.yaml", SHADOW, "user"),)).accepted
    return engine


@pytest.fixture
def own_users(monkeypatch):
    """A recording brings names of its own: keep them from other tests."""
    monkeypatch.setattr(users, "HOST_USERS", users.UserTable())


@pytest.mark.parametrize("binding", sorted(CASES))
async def test_key(binding, tmp_path, own_users):
    keys = [key.strip() for key in bindings()[binding].key.split(",")]
    run, replays = CASES[binding]
    if replays:
        engine = recorded_engine()
        async with running(engine) as (app, pilot):
            await run(app, pilot, keys)
            app.session.engine.stop()
        engine.stop()
        return
    own = tmp_path / "local.yaml"
    own.write_text(LOCAL_RULES)
    engine = side_engine()
    engine._files = (engine._files[0], RuleFile(str(own), LOCAL_RULES, "user"))
    async with running(engine, rules_path=own) as (app, pilot):
        await run(app, pilot, keys)


# What is more than a key.


async def test_the_keys_of_a_recording_are_not_offered_while_live():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "6")
        assert replay(app).check_action("play", ()) is False
        await press(app, pilot, "plus", "space", "s", "right_square_bracket")
        assert app.screen is app.main
        assert "r records what is live" in screen_text(app)


async def test_keys_typed_right_behind_the_tree_s_find_their_rows():
    async with running(side_engine()) as (app, pilot):
        app.main.action_tab("tree")
        tree(app).action_last()  # before anything was painted
        tree(app).action_open()
        await settle(app, pilot)
        assert isinstance(app.screen, ProcessDetails)


async def test_keys_typed_right_behind_the_board_s_and_the_replay_s_find_their_rows():
    async with running(side_engine()) as (app, _):
        app.main.action_tab("board")
        assert board(app).source.end > 0
        app.main.action_tab("replay")
        assert app.main.query_one(MarkList).source.end > 0


async def test_enter_on_an_alert_while_live_shows_its_event():
    engine = side_engine()
    async with running(engine) as (app, pilot):
        await press(app, pilot, "6")
        replay(app).shown()
        await press(app, pilot, "g", "enter")
        assert body(app) == "live"
        first = min(engine.alerts_since(0), key=lambda alert: alert.time_ns)
        assert app.main.query_one("#live-list").event_under_cursor().num == first.event.num


async def test_a_time_while_live_shows_the_events_of_then():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "6")
        replay(app).shown()
        await press(app, pilot, "t", *"0%", "enter")
        assert body(app) == "live"
        assert app.main.query_one("#live-list").event_under_cursor().num == 1


async def test_a_click_on_the_timeline_goes_there(own_users):
    engine = recorded_engine()
    async with running(engine) as (app, pilot):
        await known(app, pilot)
        await pilot.click(TimelineBar, offset=(60, 2))
        await arrived(app, pilot)
        timeline = replay(app).view.timeline
        assert abs(source(app).position_ns - timeline.time_at(0.5)) < timeline.span_ns / 8
        app.session.engine.stop()
    engine.stop()


async def test_clicks_choose_cells_and_fold_processes():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "4")
        width = board(app).size.width
        from tuimon.view.board_lines import cell_width

        column = width - 6 - cell_width(width) * 15 + cell_width(width) * 7 + 1
        await pilot.click(BoardList, offset=(column, 2))
        await settle(app, pilot)
        assert (board(app).cursor, board(app)._lines.column) == (2, 7)
        await press(app, pilot, "5")
        total = len(tree(app).view.rows)
        text = "".join(segment.text for segment in tree(app).render_line(0))
        await pilot.click(TreeList, offset=(text.index("▾"), 0))
        await settle(app, pilot)
        assert len(tree(app).view.rows) < total


async def test_the_cursor_stays_on_its_process_when_others_come():
    engine = side_engine()
    async with running(engine) as (app, pilot):
        await press(app, pilot, "5", "G")
        name = under(app)
        from tests import builders

        engine.tables.processes[900] = builders.process("cron", pid=7, start_ns=1, index=900)
        app.main.tabs["tree"]._renew()
        await settle(app, pilot)
        assert under(app) == name


async def test_the_row_of_the_rules_opens_those_that_name_a_tactic(tmp_path):
    own = tmp_path / "local.yaml"
    own.write_text(LOCAL_RULES)
    engine = side_engine()
    engine._files = (engine._files[0], RuleFile(str(own), LOCAL_RULES, "user"))
    async with running(engine, rules_path=own) as (app, pilot):
        await press(app, pilot, "4", "g", "a")
        assert "every tactic: 4 rules" in screen_text(app)
        await press(app, pilot, "escape", *["right"] * 7, "enter")
        assert isinstance(app.screen, CellRules)
        assert "enter opens the rule in the editor" in screen_text(app)
        await press(app, pilot, "enter")
        assert body(app) == "rules"
        assert app.main.query_one(RuleEditor).text == LOCAL_RULES
        await press(app, pilot, "escape")
        app.main.action_tab("board")
        await press(app, pilot, "left", "left", "enter")  # no rule names it
        assert app.screen is app.main


async def test_the_board_keeps_its_cursor_on_a_container_that_moves():
    engine = side_engine()
    async with running(engine) as (app, pilot):
        await press(app, pilot, "4", "G")
        before = board(app)._lines.row(board(app).cursor).name
        engine.cgroups = dict([*list(engine.cgroups.items())[-1:], *list(engine.cgroups.items())[:-1]])
        await settle(app, pilot)
        tab = app.main.tabs["board"]
        for tick in range(5):
            tab.pump(Tick(tick, tick - 1), Changes(live=False, alerts=False, containers=False, switched=False))
        assert board(app)._lines.row(board(app).cursor).name == before


async def test_an_alert_without_a_tactic_has_a_column():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "4", "j", "j", "j", "h", "enter")
        assert "no tactic named: 1 alerts" in screen_text(app)


async def test_silent_probes_and_losses_are_words():
    engine = side_engine()
    engine.lost = 10
    async with running(engine) as (app, pilot):
        await press(app, pilot, "7")
        assert "alive" in screen_text(app)
        health = app.main.tabs["health"]
        health._pulse.silent_s = lambda _: 77.0  # it is asked again whenever the tab is painted
        health.shown()
        await settle(app, pilot)
        assert "SILENT for 1:17" in screen_text(app)
        await press(app, pilot, "pagedown")
        assert "LOST 10" in screen_text(app)


# Recording.


async def test_recording_begins_and_ends_with_one_key_and_says_so(tmp_path, own_users, monkeypatch):
    """The engine plays a recording here, told to be live: what is recorded is what passes through it."""
    engine = recorded_engine(speed=None)
    engine.source.live = True
    path = tmp_path / "mine.tmon"
    async with running(engine) as (app, pilot):
        monkeypatch.chdir(tmp_path)
        await until(lambda: app.session.snapshot is not None)
        await press(app, pilot, "r")
        assert "tuimon-2" in screen_text(app)  # a name is proposed
        await press(app, pilot, "ctrl+u", *"mine.tmon", "enter")
        assert app.recording.running
        assert "REC" in screen_text(app)
        engine.source.paused = False
        await until(engine.finished)
        await press(app, pilot, "6")
        replay(app).shown()
        await press(app, pilot, "q")
        assert isinstance(app.screen, Choice)
        await press(app, pilot, "escape", "r")
        assert not app.recording.running
        assert "REC" not in screen_text(app).splitlines()[1]
    engine.stop()
    frames = list(RecordingReader(path).frames())
    events = sum(len(value) for kind, value in frames if kind == b"BTCH")
    assert events == engine.history.last_num
    assert frames[-1][0] == b"CNTS"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_that_the_disk_ended_a_recording_is_said_until_the_next_one():
    """The notice was gone after six seconds, and with it every sign that nothing was recorded any more."""

    class Full:
        path, bytes, events, left_out = Path("/full/rec.tmon"), 53_000, 900, 0
        error = RecordingError("cannot write /full/rec.tmon: No space left on device")

        def close(self):
            raise self.error

    async with running(side_engine()) as (app, pilot):
        app.recording._recorder = Full()
        app.recording.poll()
        await press(app, pilot, "6")
        app.main.show_fixed()
        await settle(app, pilot)
        assert "REC ENDED" in screen_text(app)
        assert "cannot write /full/rec.tmon" in screen_text(app).splitlines()[-3]
        assert not app.recording.running


@pytest.mark.parametrize(
    ("name", "words"),
    [("taken", "exists already"), ("no/where", "there is no folder"), ("", "not the name"), ("/sys", "cannot be")],
)
async def test_a_name_that_cannot_be_is_refused_at_once(tmp_path, monkeypatch, name, words):
    (tmp_path / "taken").write_text("x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != "/sys")
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "r", "ctrl+u", *("slash" if c == "/" else c for c in name), "enter")
        assert isinstance(app.screen, Ask)
        said = app.screen.query(CellLines).last()
        assert words in " ".join(cell.text.strip() for line in said.lines for cell in line)
        assert said.size.height == len(said.lines), "a long path is told in full"
        assert (tmp_path / "taken").read_text() == "x"


async def test_what_a_cell_shows_can_be_copied_as_json():
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "4", "j", "j", "a", "enter", "Y", "enter")
        assert json.loads(app.clipboard)["rule"]


HOSTILE = "\x1b]0;owned\x07[red]\u202e\x9b31m\nX"


@pytest.mark.parametrize("tab", ["4", "5", "6", "7"])
async def test_hostile_text_is_escaped_in_every_new_tab_and_dialog(tab):
    async with running(side_engine(hostile=HOSTILE)) as (app, pilot):
        app.session.engine.alert(HOSTILE, row=20, tags=("mitre_impact",))
        await press(app, pilot, tab, "G", "enter")
        app.main.pump()
        for _ in range(3):
            text = screen_text(app)
            assert not set("\x1b\x07\u202e\x9b") & set(text)
            await press(app, pilot, "escape", "j")


async def test_ascii_only_draws_every_new_tab_with_ascii_only():
    async with running(side_engine(), ascii_only=True, size=(80, 24)) as (app, pilot):
        for tab in "4567":
            await press(app, pilot, tab, "j")
            app.main.tabs[app.main._body.current].shown()
            await settle(app, pilot)
            shown = screen_text(app).replace("日本語", "").replace("Ünïcode", "")
            assert shown.isascii(), [c for c in shown if not c.isascii()]


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 50)])
async def test_every_theme_shows_every_new_tab(size):
    async with running(side_engine(), size=size) as (app, pilot):
        for theme in sorted(app.available_themes):
            app.theme = theme
            for tab, word in zip("4567", ("Board", "pid", "history", "probes"), strict=True):
                await press(app, pilot, tab)
                assert word in screen_text(app)


async def test_steps_on_the_timeline_add_up_while_the_recording_is_opened_again(own_users):
    async with running(recorded_engine()) as (app, pilot):
        await known(app, pilot)
        await press(app, pilot, "G", "enter")
        await arrived(app, pilot)
        there, engine = source(app).position_ns, app.session.engine
        for _ in range(10):
            replay(app)._stepped(MarkList.Stepped(-1))
        await arrived(app, pilot, engine)
        await until(lambda: not replay(app)._opening and not source(app).skipping)
        span_ns = replay(app).view.timeline.span_ns
        assert there - source(app).position_ns > span_ns / 10  # one step is a fiftieth
        app.session.engine.stop()


async def test_play_and_speed_pressed_while_the_recording_is_opened_again_count(own_users, monkeypatch):
    """They were meant for the source that was about to go, and went with it."""
    made, pressed, reopened = threading.Event(), threading.Event(), tuimon.replay.reopened

    def slowly(*given):
        engine = reopened(*given)
        made.set()
        pressed.wait(60)
        return engine

    monkeypatch.setattr("tuimon.replay.reopened", slowly)
    async with running(recorded_engine()) as (app, pilot):
        await known(app, pilot)
        source(app).skip_to_ns = 1 << 62
        await until(lambda: source(app).ended)
        engine = app.session.engine
        await pilot.press("s")
        await until(made.is_set)
        await pilot.press("space", "plus")
        speed, wanted = source(app).speed, source(app).paused
        assert not wanted
        pressed.set()
        await until(lambda: app.session.engine is not engine)
        assert (source(app).paused, source(app).speed) == (wanted, speed)
        app.session.engine.stop()


async def test_the_key_pressed_twice_at_once_leads_to_the_second_alert(own_users):
    """The second went from where the recording still stood: to the same alert again."""
    async with running(recorded_engine()) as (app, pilot):
        await known(app, pilot)
        led = []
        for _ in range(2):
            replay(app).action_mark(1)
            led.append(replay(app)._wanted_ns)
        assert led[0] == replay(app).view.time_of(replay(app).view.marks[0])
        assert led[1] > led[0]
        await arrived(app, pilot)
        assert source(app).position_ns >= led[0]
        app.session.engine.stop()


async def test_the_tree_makes_its_rows_once_when_it_comes_to_the_front(monkeypatch):
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "5", "1")
        made = []
        renew = type(app.main.tabs["tree"])._renew
        monkeypatch.setattr(type(app.main.tabs["tree"]), "_renew", lambda tab: made.append(tab) or renew(tab))
        app.main.action_tab("tree")
        app.main.tabs["tree"].shown()
        assert len(made) == 1


@pytest.mark.parametrize("name", ["board", "replay"])
async def test_the_board_and_replay_make_their_rows_once_too(monkeypatch, name):
    async with running(side_engine()) as (app, pilot):
        await press(app, pilot, "4", "6", "1")
        tab = app.main.tabs[name]
        made = []
        fill = type(tab).fill
        monkeypatch.setattr(type(tab), "fill", lambda tab: made.append(tab) or fill(tab))
        app.main.action_tab(name)
        await settle(app, pilot)
        assert made == [tab]
