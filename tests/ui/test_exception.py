"""An exception from an alert with one key: what it hides is counted, what is written is shown, and it can be undone."""

from __future__ import annotations

import pytest

from tests.ui.bench_engine import bench_engine
from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES
from tests.ui.test_snapshots import SIZES, ready, settle_scrollbars
from tuimon.capture.recording import RecordingSource
from tuimon.engine import build_engine
from tuimon.resources import DEMO, find_recording
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings
from tuimon.ui.app import TuimonApp
from tuimon.ui.screens.exception import ExceptionScreen


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(LOCAL_RULES)
    return path


async def open_exception(app, pilot):
    await press(app, pilot, "2", "g", "x")
    assert isinstance(app.screen, ExceptionScreen)
    await until(lambda: app.screen._hidden is not None)
    await settle(app, pilot)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_it_says_what_it_hides_and_what_would_be_written(own, size):
    async with running(bench_engine(own=own), size=size, rules_path=own) as (app, pilot):
        await open_exception(app, pilot)
        text = screen_text(app)
        assert "hides 3 past alerts of the list; 3 of 3 in the last 60 events" in text
        assert "nothing else" in text
        await press(app, pilot, "tab", "G")
        assert "fields: [proc.name" in screen_text(app)
        assert own.read_text() == LOCAL_RULES


async def test_the_counts_follow_the_fields(own):
    async with running(bench_engine(own=own), rules_path=own) as (app, pilot):
        await open_exception(app, pilot)
        before = app.screen.made
        await press(app, pilot, "right")
        assert app.screen.made.part(before.parts[0].field).at == 1
        await press(app, pilot, "left")
        assert app.screen.made == before
        await press(app, pilot, "space")
        assert app.screen.made.parts[0].step is None
        await press(app, pilot, "space")
        assert app.screen.made.parts[0].step is not None
        for part in before.parts:
            app.screen.made = app.screen.made.leave_out(part.field)
        app.screen.changed()
        await settle(app, pilot)
        assert "would hide every alert" in screen_text(app)
        await press(app, pilot, "enter")
        assert isinstance(app.screen, ExceptionScreen)


async def test_it_is_written_put_in_force_and_taken_back(own):
    engine = bench_engine(own=own)
    async with running(engine, rules_path=own) as (app, pilot):
        await open_exception(app, pilot)
        await press(app, pilot, "enter")
        await until(lambda: engine.revision == 2)
        await until(lambda: "override:\n    exceptions: append" in own.read_text())
        assert own.read_text().startswith(LOCAL_RULES)
        assert not app.session.book.dirty()
        assert engine.loaded.rule("Read the shadow file").exceptions
        await until(lambda: "ctrl+r in Rules takes it back" in screen_text(app))
        await press(app, pilot, "3", "ctrl+r", "down", "enter")
        await until(lambda: engine.revision == 3)
        await until(lambda: own.read_text() == LOCAL_RULES)
        assert not engine.loaded.rule("Read the shadow file").exceptions


async def test_what_is_typed_and_not_saved_stays_so(own):
    engine = bench_engine(own=own)
    async with running(engine, rules_path=own) as (app, pilot):
        await press(app, pilot, "3", "enter", *"# mine", "enter", "escape")
        await open_exception(app, pilot)
        await press(app, pilot, "enter")
        await until(lambda: engine.revision == 2)
        await until(lambda: "exceptions: append" in own.read_text())
        await settle(app, pilot)
        file = app.session.book.find(str(own))
        assert file.dirty
        assert file.buffer.startswith("# mine")
        assert "# mine" not in own.read_text()
        assert file.buffer.endswith(file.saved[len(LOCAL_RULES) :])


async def test_unsaved_text_that_is_no_yaml_is_in_the_way(own):
    engine = bench_engine(own=own)
    async with running(engine, rules_path=own) as (app, pilot):
        await press(app, pilot, "3", "enter", *"[", "escape")
        await open_exception(app, pilot)
        await press(app, pilot, "enter")
        await until(lambda: "is in the way" in screen_text(app))
        assert engine.revision == 1
        assert own.read_text() == LOCAL_RULES


async def test_a_rule_that_is_gone_is_said_to_be(own):
    engine = bench_engine(own=own)
    engine.alert("Long gone", "Notice")
    async with running(engine, rules_path=own) as (app, pilot):
        await press(app, pilot, "2", "g", "x")
        assert app.screen is app.main
        assert "not in force any more" in screen_text(app)


async def test_it_goes_where_the_rule_is_known(tmp_path):
    """Of a folder's files some are loaded behind local.yaml: an exception there would be of a rule not known yet."""
    own = tmp_path / "some.yaml"
    own.write_text(LOCAL_RULES)
    engine = bench_engine(own=own)
    async with running(engine, rules_path=tmp_path) as (app, pilot):
        assert app.session.book.locate("Read the shadow file")[0].path == str(own)
        await open_exception(app, pilot)
        assert "into some.yaml" in screen_text(app)
        await press(app, pilot, "enter")
        await until(lambda: engine.revision == 2)
        await until(lambda: "exceptions: append" in own.read_text())
        assert not (tmp_path / "local.yaml").exists()


async def test_an_exception_is_drafted_from_an_alert_of_a_recording(own):
    """The counts are of the recording, and the exception is in force for the rest of it."""
    own.write_text("# mine\n")
    engine = build_engine(Settings(rules=(own,)), RecordingSource(find_recording(DEMO)))
    assert engine.apply_rules(rule_files(Settings(rules=(own,)), own.parent / "none")).accepted
    async with running(engine, rules_path=own) as (app, pilot):
        await until(engine.finished)
        await until(lambda: app.session.alerts.kept)
        await open_exception(app, pilot)
        hidden = app.screen._hidden
        assert hidden.preview.events == len(engine.history)
        assert hidden.preview.removed >= 1
        assert hidden.preview.not_captured == (), "of a recording nobody knows what was asked for"
        await press(app, pilot, "enter")
        await until(lambda: engine.revisions()[-1].number == 2)
        await until(lambda: own.read_text() != "# mine\n")
        assert own.read_text().startswith("# mine\n\n- rule: ")


@pytest.mark.parametrize("size", SIZES)
def test_picture(snap_compare, size):
    app = TuimonApp(bench_engine())
    assert snap_compare(app, terminal_size=SIZES[size], run_before=picture_of(app))


def test_picture_in_the_light(snap_compare):
    app = TuimonApp(bench_engine(), theme="tuimon-light")
    assert snap_compare(app, terminal_size=SIZES["120x40"], run_before=picture_of(app))


def picture_of(app):
    async def opened(pilot):
        await ready(pilot, [])
        await open_exception(pilot.app, pilot)
        await pilot.press("down")
        settle_scrollbars(app)
        await pilot.pause()

    return opened
