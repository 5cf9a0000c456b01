"""The workbench on the screen: rules from what one sees, tests, revisions, the way back, and the way from Falco."""

from __future__ import annotations

import threading

import pytest

from tests.ui.bench_engine import bench_engine
from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES
from tests.ui.test_preview import edit
from tests.ui.test_snapshots import SIZES, ready, settle_scrollbars
from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.ui.app import TuimonApp
from tuimon.ui.screens.backtest import BacktestScreen
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.diff import DiffScreen
from tuimon.ui.screens.event_details import EventDetails
from tuimon.ui.screens.new_rule import NewRuleScreen
from tuimon.ui.screens.preview_rows import PreviewRows
from tuimon.ui.screens.revisions import RevisionsScreen
from tuimon.ui.screens.tests import RuleTests
from tuimon.ui.screens.why import WhyScreen
from tuimon.ui.widgets.rule_editor import RuleEditor
from tuimon.workbench.run_tests import as_json, run_file


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(LOCAL_RULES)
    return path


def open_screen(own, **more):
    return running(bench_engine(own=own), rules_path=own, **more)


def editor(app):
    return app.main.query_one(RuleEditor)


# Rules from what one sees.


@pytest.mark.parametrize("keys", [["2", "g", "R"], ["2", "g", "enter", "R"], ["g", "R"], ["g", "enter", "R"]])
async def test_a_rule_from_an_alert_or_an_event_goes_into_the_own_file_and_is_previewed(own, keys):
    async with open_screen(own) as (app, pilot):
        await press(app, pilot, *keys)
        assert isinstance(app.screen, NewRuleScreen)
        name = app.screen.made.name
        before = app.screen.made.condition
        await press(app, pilot, "right")
        assert app.screen.made.condition != before
        await press(app, pilot, "left", "enter")
        assert app.screen is app.main
        assert app.focused is editor(app)
        assert editor(app).text.startswith(LOCAL_RULES)
        assert f"- rule: {name}" in editor(app).text
        assert f"- rule: {name}" in editor(app).document.lines[editor(app).cursor_location[0]]
        await until(lambda: "was 0 -> " in screen_text(app))
        assert own.read_text() == LOCAL_RULES


async def test_a_rule_from_the_filter_in_force_and_a_filter_from_a_rule(own):
    async with open_screen(own) as (app, pilot):
        await press(app, pilot, "1", "F")
        assert "there is no filter in force" in screen_text(app)
        await press(app, pilot, "slash", *"passwd", "enter", "F")
        assert isinstance(app.screen, NewRuleScreen)
        assert "icontains passwd" in app.screen.made.condition
        await press(app, pilot, "escape", "3", "enter", "ctrl+l")
        assert app.session.filter_text == 'evt.type in (open, openat) and fd.name = "/etc/shadow" and proc.pid > 1'


# Tests.


async def test_an_event_is_saved_as_a_test_that_is_run_on_the_text_in_the_editor(own):
    async with open_screen(own) as (app, pilot):
        # The rules in force are on disk here, as a test file names them.
        vendor = own.with_name("vendor.yaml")
        vendor.write_text(app.session.engine._files[0].text)
        app.session.engine._files = (
            RuleFile(str(vendor), vendor.read_text()),
            app.session.engine._files[1],
        )
        await press(app, pilot, "3", "ctrl+t")
        assert "ctrl+t on an event or an alert saves one" in screen_text(app)
        await press(app, pilot, "2", "g", "ctrl+t")
        assert "local.test.yaml, called" in screen_text(app)
        await press(app, pilot, "enter")
        cases = own.with_name("local.test.yaml")
        assert "name: cat openat in web" in cases.read_text()
        assert "rules: [vendor.yaml, local.yaml]" in cases.read_text()
        await press(app, pilot, "3", "ctrl+t")
        await until(lambda: isinstance(app.screen, RuleTests))
        await settle(app, pilot)
        assert "1 passed, 0 failed" in screen_text(app)
        await press(app, pilot, "escape")
        await edit(app, pilot, "proc.pid > 1", "proc.pid = 1")
        await press(app, pilot, "ctrl+t")
        await until(lambda: isinstance(app.screen, RuleTests))
        await settle(app, pilot)
        text = screen_text(app)
        assert "0 passed, 1 failed" in text
        assert "Read the shadow file did not fire" in text
        assert "proc.pid = 1" in text
        assert own.read_text() == LOCAL_RULES


# In force.


async def test_the_diff_shows_what_apply_would_change_and_reverts(own):
    async with open_screen(own) as (app, pilot):
        await edit(app, pilot, "proc.pid > 1", "proc.pid > 2")
        await press(app, pilot, "f5")
        assert isinstance(app.screen, DiffScreen)
        text = screen_text(app)
        assert "- " in text
        assert "proc.pid > 1" in text
        assert "proc.pid > 2" in text
        await press(app, pilot, "r")
        assert not app.session.book.dirty()
        await press(app, pilot, "ctrl+z")
        assert "proc.pid > 2" in editor(app).text
        await press(app, pilot, "f5", "ctrl+s")
        await until(lambda: "saved; revision 2 is in force" in screen_text(app))
        assert "proc.pid > 2" in own.read_text()


async def test_every_revision_is_listed_and_can_be_put_in_force_again(own):
    async with open_screen(own) as (app, pilot):
        for number in (2, 3):
            await press(app, pilot, "escape")
            await edit(app, pilot, f"proc.pid > {number - 1}", f"proc.pid > {number}")
            await press(app, pilot, "ctrl+s")
            await until(lambda n=number: f"revision {n} is in force" in screen_text(app))
        await press(app, pilot, "ctrl+r")
        assert isinstance(app.screen, RevisionsScreen)
        await press(app, pilot, "down", "down")
        text = screen_text(app)
        assert "to go back to revision 1 would change" in text
        assert "proc.pid > 3" in text
        await press(app, pilot, "enter")
        await until(lambda: "as revision 1: revision 4 is in force" in screen_text(app))
        assert own.read_text() == LOCAL_RULES
        assert editor(app).text == LOCAL_RULES
        await press(app, pilot, "ctrl+r")
        assert "revision 1 again" in screen_text(app)
        await press(app, pilot, "enter")
        assert app.session.engine.revision == 4, "what is in force is not put in force again"


# The preview in full.


async def test_f3_lists_the_rows_and_enter_leads_to_the_event(own):
    async with open_screen(own) as (app, pilot):
        await press(app, pilot, "3", "f3")
        assert "nothing differs from what is in force" in screen_text(app)
        await edit(app, pilot, 'fd.name = "/etc/shadow"', "fd.name startswith /etc/")
        await until(lambda: app.main.rules.seen is not None)
        await press(app, pilot, "f3")
        assert isinstance(app.screen, PreviewRows)
        text = screen_text(app)
        assert "was 3 -> 6 alerts (+3 -0)" in text
        assert "+3" in text
        assert "web/cat" in text
        assert "60 events from 23:13:20 to 23:13:20; cost" in text
        await press(app, pilot, "down", "enter", "enter")
        assert isinstance(app.screen, EventDetails)
        assert "/etc/passwd" in screen_text(app)
        await press(app, pilot, "escape", "w")
        assert isinstance(app.screen, WhyScreen)
        await press(app, pilot, "escape", "l")
        assert app.main.shown_name == "live"
        assert app.main.live.events.list.event_under_cursor().num == 42


async def test_what_is_missing_is_said_and_captured_on_demand(own):
    async with open_screen(own) as (app, pilot):
        engine = app.session.engine
        await edit(app, pilot, "evt.type in (open, openat)", "evt.type in (open, openat, write)")
        await until(lambda: app.main.rules.seen is not None)
        await press(app, pilot, "f3")
        assert "not captured, because no rule asked for it" in screen_text(app)
        await press(app, pilot, "c")
        assert engine.captured == frozenset({"open", "openat", "write"})
        assert "captured from now on, in all containers" in screen_text(app)
        await until(lambda: app.main.rules.seen is not None)
        await press(app, pilot, "f3")
        assert "captured for this rule besides: open, openat, write; c ends it" in screen_text(app)
        await press(app, pilot, "c")
        assert engine.captured == frozenset()
        assert "only what rules and views ask for" in screen_text(app)


async def test_an_edit_that_the_kernel_cannot_sort_out_is_said_to_be_expensive(own):
    async with open_screen(own) as (app, pilot):
        await edit(app, pilot, 'fd.name = "/etc/shadow" and proc.pid > 1', "user.name = root")
        await until(lambda: "expensive: the kernel must send every open" in screen_text(app))


# The user's own file.


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", "  condition: >\n    and evt.num > 0\n  override:\n    condition: append\n"),
        ("r", "    evt.type = execve and container and proc.name in (shells)\n  override:\n    condition: replace\n"),
        ("o", "  priority: NOTICE\n  override:\n    output: replace\n    priority: replace\n"),
        ("d", "  enabled: false\n  override:\n    enabled: replace\n"),
        ("c", "  tags: [T1059]\n"),
    ],
)  # fmt: skip
async def test_a_rule_of_another_file_is_changed_in_the_own_one(own, key, expected):
    async with open_screen(own) as (app, pilot):
        await press(app, pilot, "3", "g", "down", "down", "down", "enter", "ctrl+o")
        assert isinstance(app.screen, Choice)
        await press(app, pilot, key)
        text = editor(app).text
        assert text.startswith(LOCAL_RULES)
        assert "- rule: Shell in a container\n" in text
        assert text.endswith(expected)
        await press(app, pilot, "ctrl+s")
        await until(lambda: "saved; revision 2 is in force" in screen_text(app))


async def test_falcos_own_files_are_never_written_to(tmp_path):
    vendor = tmp_path / "falco_rules.yaml"
    vendor.write_text(LOCAL_RULES)
    async with running(bench_engine(own=vendor), rules_path=vendor) as (app, pilot):
        await press(app, pilot, "2", "g", "x")
        await until(lambda: app.screen._hidden is not None)
        await press(app, pilot, "enter")
        beside = tmp_path / "falco_rules.local.yaml"
        await until(beside.exists)
        assert vendor.read_text() == LOCAL_RULES
        assert "exceptions: append" in beside.read_text()
        await press(app, pilot, "3")
        app.main.rules.open_file(app.session.book.find(str(vendor)), 1)
        await settle(app, pilot)
        assert editor(app).read_only


async def test_a_falco_file_is_taken_in_and_own_rules_are_given_out(own, tmp_path):
    folder = tmp_path / "rules.d"
    folder.mkdir()
    other = tmp_path / "theirs.yaml"
    other.write_text("# said\n- list: theirs\n  items: [a]\n")
    async with open_screen(own, rule_folders=[folder]) as (app, pilot):
        await press(app, pilot, "3", "i", *str(other), "enter")
        await until(lambda: (folder / "theirs.yaml").exists())
        await until(lambda: app.session.engine.revision == 2)
        assert [each.name for each in app.session.engine.loaded.lists] == ["shells", "theirs"]
        await press(app, pilot, "i")
        app.screen.query_one("Input").value = str(other)
        await press(app, pilot, "enter")
        assert "there is a" in screen_text(app)
        await press(app, pilot, "escape")
        other.write_text("- rule: broken\n  condition: [")
        await press(app, pilot, "i")
        app.screen.query_one("Input").value = str(other.rename(tmp_path / "bad.yaml"))
        await press(app, pilot, "enter")
        await until(lambda: "was not taken in" in screen_text(app))
        assert not (folder / "bad.yaml").exists()
        await press(app, pilot, "X")
        out = tmp_path / "out.yaml"
        app.screen.query_one("Input").value = str(out)
        await press(app, pilot, "enter")
        await until(out.exists)
        assert "# said" in out.read_text()
        assert LOCAL_RULES.strip() in out.read_text()


async def test_a_file_that_appears_in_a_watched_folder_is_in_force(own, tmp_path):
    folder = tmp_path / "rules.d"
    folder.mkdir()
    async with open_screen(own, rule_folders=[folder]) as (app, pilot):
        await press(app, pilot, "3")
        (folder / "dropped.yaml").write_text("- list: fresh\n  items: [a]\n")
        await until(lambda: app.session.engine.revision == 2)
        await until(lambda: "dropped.yaml changed on disk; revision 2 is in force" in screen_text(app))
        assert "dropped.yaml" in screen_text(app)


# What was lost.


async def test_unsaved_text_of_an_ended_screen_is_offered_and_taken_up(own, tmp_path):
    state = tmp_path / "state"
    async with open_screen(own, journal_path=state) as (app, pilot):
        await press(app, pilot, "3", "enter", *"# mine", "enter")
        await until(lambda: list(state.glob("*.json")))
        await until(lambda: r"# mine\n" in next(state.glob("*.json")).read_text())  # the enter too
    async with open_screen(own, journal_path=state) as (app, pilot):
        await until(lambda: isinstance(app.screen, Choice))
        await settle(app, pilot)
        assert "Unsaved text of local.yaml" in screen_text(app)
        await press(app, pilot, "r")
        assert editor(app).text == "# mine\n" + LOCAL_RULES
        assert app.session.book.dirty()
        await press(app, pilot, "ctrl+s")
        await until(lambda: own.read_text().startswith("# mine\n"))
        await until(lambda: not list(state.glob("*.json")))
    async with open_screen(own, journal_path=state) as (app, pilot):
        assert app.screen is app.main


# A backtest.


async def test_two_revisions_are_compared_over_a_recording(own):
    wide = LOCAL_RULES.replace('fd.name = "/etc/shadow"', "fd.name startswith /etc/")
    async with open_screen(own) as (app, pilot):
        await edit(app, pilot, 'fd.name = "/etc/shadow"', "fd.name startswith /etc/")
        assert editor(app).text == wide
        await press(app, pilot, "ctrl+g")
        assert isinstance(app.screen, BacktestScreen)
        text = screen_text(app)
        assert "in force (revision 1)" in text
        assert "the text in the editor" in text
        demo = next(at for at, path in enumerate(app.screen._recordings) if path.stem == "demo")
        app.screen._chosen[0] = demo
        await press(app, pilot, "enter")
        await until(lambda: app.screen.answer is not None)
        await settle(app, pilot)
        text = screen_text(app)
        assert "Read the shadow file  " in text
        assert " +" in text
        assert app.screen.answer["removed"] == []
        await press(app, pilot, "down", "right", "escape")
        assert app.screen is app.main


async def test_a_backtest_is_begun_once_and_ended_with_its_dialog_however_late_its_thread_begins(own, monkeypatch):
    begun, go_on, ended = [], threading.Event(), threading.Event()

    def slowly(*_):
        begun.append(1)
        go_on.wait(60)
        return []

    class Fake:
        def __init__(self, *_):
            pass

        def run(self):
            assert ended.wait(60)
            raise RuleError("cancelled")

        def cancel(self):
            ended.set()

    monkeypatch.setattr("tuimon.ui.screens.backtest.write_rules", slowly)
    monkeypatch.setattr("tuimon.ui.screens.backtest.Outside", Fake)
    async with open_screen(own) as (app, pilot):
        await press(app, pilot, "3", "ctrl+g")
        await pilot.press("enter", "enter", "escape")
        await until(lambda: app.screen is app.main)
        go_on.set()
        await until(ended.is_set)
        await settle(app, pilot)
    assert len(begun) == 2, "the rules of both sides, written once"


SCENES = {
    "revisions": (["3", "enter", "ctrl+r"], None),
    "new_rule": (["2", "g", "R"], None),
    "diff": (["f5"], ("proc.pid > 1", "proc.pid > 2")),
    "preview_rows": (["f3"], ('fd.name = "/etc/shadow"', "fd.name startswith /etc/")),
    "backtest": (["3", "ctrl+g"], None),
}


@pytest.mark.parametrize(("size", "theme"), [*((size, "tuimon-dark") for size in SIZES), ("120x40", "tuimon-light")])
@pytest.mark.parametrize("scene", SCENES)
def test_picture(snap_compare, monkeypatch, tmp_path, scene, size, theme):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tuimon.workbench.preview.mean_ns", lambda *_: 0.0)  # or it may say "expensive", too
    for shown in ("preview_rows", "preview_lines"):
        monkeypatch.setattr(f"tuimon.view.{shown}.cost_text", lambda _: "cost is measured")
    monkeypatch.setattr("tuimon.resources.find_recording", lambda _: tmp_path.__class__("/opt/tuimon/demo.tmon"))
    app = TuimonApp(bench_engine(), theme=theme)
    keys, change = SCENES[scene]

    async def opened(pilot):
        await ready(pilot, [])
        if change is not None:
            await edit(app, pilot, *change)
            await until(lambda: app.main.rules.seen is not None)
        for key in keys:
            await pilot.press(key)
        await settle(app, pilot)
        settle_scrollbars(app)
        await pilot.pause()

    assert snap_compare(app, terminal_size=SIZES[size], run_before=opened)


TESTS = """\
rules: [local.yaml]
cases:
  - name: the backup may read it
    events:
      - {evt.type: openat, proc.name: tar, fd.name: /etc/passwd}
    alerts: none
  - name: a stranger reads it
    events:
      - {evt.type: openat, proc.name: cat, proc.pid: 4000, fd.name: /etc/shadow}
    alerts: [Read the shadow file]
  - name: nobody may, says this case, which is wrong
    events:
      - {evt.type: openat, proc.name: cat, proc.pid: 4000, fd.name: /etc/shadow}
    alerts: none
"""


@pytest.mark.parametrize(("size", "theme"), [*((size, "tuimon-dark") for size in SIZES), ("120x40", "tuimon-light")])
def test_picture_of_tests(snap_compare, own, size, theme):
    file = own.parent / "local.test.yaml"
    file.write_text(TESTS)
    answer = as_json([run_file(file)])
    answer["files"][0]["file"] = "/etc/tuimon/rules.d/local.test.yaml"
    app = TuimonApp(bench_engine(), theme=theme)

    async def opened(pilot):
        await ready(pilot, [])
        app.push_screen(RuleTests(answer))
        await settle(app, pilot)
        settle_scrollbars(app)
        await pilot.pause()

    assert snap_compare(app, terminal_size=SIZES[size], run_before=opened)
