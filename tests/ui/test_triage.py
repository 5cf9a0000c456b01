"""Triage: every key of an alert, in the list and in its dialog."""

from __future__ import annotations

import json
import threading

import pytest

from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import fed_engine
from tuimon import statefile
from tuimon.errors import RecordingError
from tuimon.headless.evidence import Bundle
from tuimon.ui.screens.alert_details import AlertDetails
from tuimon.ui.screens.ask import Ask
from tuimon.ui.screens.before import BeforeScreen
from tuimon.ui.screens.event_details import EventDetails
from tuimon.ui.screens.mute import MuteDialog, MuteList
from tuimon.ui.screens.noise import NoiseScreen
from tuimon.ui.screens.pick import Pick
from tuimon.ui.screens.story import StoryScreen


def rows(app):
    return [getattr(row, "rule", "--") for row in app.session.alerts.rows]


def notices(app):
    return [notice.message for notice in app._notifications]


async def test_a_acknowledges_and_the_cursor_goes_on_to_the_next_one():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "a")
        assert rows(app)[-2:] == ["--", "Contact the API server"]
        pane = app.main.alerts.alerts
        assert pane.alert_row().rule == "Read the shadow file"
        assert "1 acknowledged" in screen_text(app)
        assert "ctrl+z undoes" in notices(app)[-1]
        await press(app, pilot, "a", "ctrl+z", "ctrl+z", "ctrl+z")
        assert "--" not in rows(app)
        assert notices(app)[-1] == "nothing to undo"


async def test_an_acknowledged_group_comes_back_visibly_when_it_happens_again():
    engine = fed_engine()
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2", "a")
        engine.alert("Contact the API server", "Informational", row=11)
        await settle(app, pilot)
        assert rows(app)[0] == "Contact the API server"
        assert " again " in screen_text(app)


async def test_A_only_counts_what_is_settled():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "a", "A")
        assert rows(app)[-1] == "--"
        assert "A shows them" in screen_text(app)


async def test_m_mutes_for_the_length_chosen_and_M_ends_it():
    async with running(fed_engine(), remember=True) as (app, pilot):
        await press(app, pilot, "2", "down", "m")
        assert isinstance(app.screen, MuteDialog)
        text = screen_text(app)
        assert "Read the shadow file in web by cat" in text
        assert "< 1 hour >" in text
        await press(app, pilot, "right", "up", "enter")
        (mute,) = app.session.alerts.mutes.all
        assert (mute.what, mute.process) == ("Read the shadow file in web", None)
        assert 8 * 3600 - 60 < app.session.alerts.mutes.left_s(mute) <= 8 * 3600
        assert rows(app)[-2:] == ["--", "Read the shadow file"]
        assert "3 muted" in screen_text(app)
        assert statefile.read("mutes")["mutes"][0]["rule"] == "Read the shadow file"
        await press(app, pilot, "M")
        assert isinstance(app.screen, MuteList)
        assert "3 kept away" in screen_text(app)
        await press(app, pilot, "enter")
        assert "--" not in rows(app)
        assert statefile.read("mutes")["mutes"] == []
        await press(app, pilot, "M")
        assert notices(app)[-1] == "nothing is muted; m mutes"


async def test_mutes_of_an_earlier_run_are_in_force_and_those_until_quit_are_not_kept():
    async with running(fed_engine(), remember=True) as (app, pilot):
        await press(app, pilot, "2", "m", "enter", "down", "m", "left", "left", "enter")
        assert len(app.session.alerts.mutes) == 2
    async with running(fed_engine(), remember=True) as (app, pilot):
        assert len(app.session.alerts.mutes) == 1
        assert "--" in rows(app)
    async with running(fed_engine()) as (app, pilot):
        assert len(app.session.alerts.mutes) == 0


async def test_i_groups_by_a_field_of_the_output_or_any_other():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "i")
        assert isinstance(app.screen, Pick)
        assert "fd.name" in screen_text(app)
        await press(app, pilot, "down", "enter")
        assert app.session.alerts.field == "fd.name"
        assert {row.value for row in app.session.alerts.rows} == {"/etc/shadow"}
        await press(app, pilot, "i", "end", "enter")
        assert isinstance(app.screen, Ask)
        await press(app, pilot, *["backspace"] * 7, *"proc.nam", "enter")
        assert "did you mean proc.name?" in screen_text(app)
        await press(app, pilot, "e", "enter")
        assert app.session.alerts.field == "proc.name"
        await press(app, pilot, "i", "escape", "i", "home", "enter")
        assert app.session.alerts.field is None


@pytest.mark.parametrize(("key", "expected"), [("m", "MuteDialog"), ("enter", "MuteDialog"), ("x", "ExceptionScreen")])
async def test_percent_ranks_the_noise_and_mutes_or_excepts_what_is_loud(key, expected):
    engine = fed_engine()
    for _ in range(40):
        engine.alert("Read the shadow file", "Warning", row=3)
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2")
        assert "93% of all alerts are one rule" in screen_text(app)
        await press(app, pilot, "percent_sign")
        assert isinstance(app.screen, NoiseScreen)
        assert "cat" in screen_text(app)
        await press(app, pilot, key)
        if expected == "MuteDialog":
            assert isinstance(app.screen, MuteDialog)
            assert "43 so far" in screen_text(app)
        else:
            assert not isinstance(app.screen, NoiseScreen)


async def test_the_noise_can_open_its_rule_and_be_left():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "percent_sign", "escape")
        assert app.screen is app.main
        await press(app, pilot, "percent_sign", "e")
        assert app.main.shown_name == "rules"


async def test_y_copies_the_output_and_says_where_it_lies_too(tmp_path):
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "y")
        path = tmp_path / "xdg-cache/tuimon/clipboard.txt"
        assert path.read_text().startswith("Contact the API server (file=/etc/shadow")
        assert str(path) in notices(app)[-1]


async def test_Y_offers_json_text_command_filter_and_rule():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "down", "Y")
        text = screen_text(app)
        for name in ("JSON", "the command of its process", "a filter for its process", "the name of the rule"):
            assert name in text
        await press(app, pilot, "down", "down", "down", "enter")
        assert app.clipboard == "cat /etc/shadow"
        await press(app, pilot, "Y", "down", "down", "down", "down", "enter")
        assert app.clipboard == "container.id = 3ad7b26ded6d and proc.pid = 4417"


async def test_the_dialog_has_the_same_keys():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "down", "enter")
        assert isinstance(app.screen, AlertDetails)
        await press(app, pilot, "a")
        assert "--" in rows(app)
        await press(app, pilot, "y")
        assert app.clipboard == "Read the shadow file"
        await press(app, pilot, "m", "escape", "Y", "escape")
        assert isinstance(app.screen, AlertDetails)


async def test_what_leaves_for_the_clipboard_is_escaped():
    sent = []
    async with running(fed_engine(hostile="\x1b]0;x\x07")) as (app, pilot):
        app._driver.write = lambda data: sent.append(data)
        await press(app, pilot, "2", "y")
        assert "\\e]0;x\\a" in (app.copied.read_text())
        assert app.clipboard.endswith("\x1b]0;x\x07")
    import base64

    osc = next(part for part in sent if part.startswith("\x1b]52;c;"))
    assert b"\x1b" not in base64.b64decode(osc[7:-1])


async def test_b_shows_what_was_frozen_with_the_alert_and_enter_opens_an_event():
    engine, asked = fed_engine(), []
    async with running(engine) as (app, pilot):
        app.open_why = lambda event, rule=None: asked.append((event.num, rule))
        await press(app, pilot, "2", "down", "b")
        assert isinstance(app.screen, BeforeScreen)
        text = screen_text(app)
        assert "0 lost meanwhile" in text
        assert "/etc/passwd" in text
        assert "/var/lib/postgresql" not in text, "another container's"
        assert app.screen.list.cursor == app.screen.list.source.end - 1
        await press(app, pilot, "enter")
        assert isinstance(app.screen, EventDetails)
        await press(app, pilot, "escape", "y")
        assert app.clipboard.startswith("/etc/shadow")
        await press(app, pilot, "Y")
        lines = app.clipboard.split("\n")
        assert len(lines) == app.screen.list.source.end
        assert json.loads(lines[-1])["evt.type"] == "openat"
        await press(app, pilot, "w", "t")
        assert asked == [(44, None)]
        assert isinstance(app.screen, StoryScreen)
        await press(app, pilot, "escape", "escape")
        assert app.screen is app.main


async def test_b_says_when_the_events_are_no_longer_kept():
    engine = fed_engine()
    engine.before = lambda alert: None
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2", "b")
        assert notices(app)[-1] == "the events before this alert are no longer kept"


async def test_b_waits_for_events_that_are_on_their_way_into_the_history():
    engine = fed_engine()
    whole, asked = engine.before, []
    engine.before_is_pending = lambda alert: len(asked) < 3
    engine.before = lambda alert: asked.append(alert) or (whole(alert) if len(asked) == 3 else None)
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2", "b")
        await until(lambda: isinstance(app.screen, BeforeScreen))
        assert not notices(app)


async def test_b_does_not_miss_events_that_are_frozen_while_it_asks():
    engine = fed_engine()
    whole, arrived = engine.before, []

    def before(alert):
        if not arrived:
            arrived.append(alert)
            return None
        return whole(alert)

    engine.before_is_pending = lambda alert: not arrived
    engine.before = before
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2", "b")
        await until(lambda: isinstance(app.screen, BeforeScreen))
        assert not notices(app)


async def test_t_tells_the_story_and_o_tells_all_of_it():
    asked = []
    async with running(fed_engine()) as (app, pilot):
        app.open_why = lambda event, rule=None: asked.append((event.num, rule))
        await press(app, pilot, "2", "down", "t")
        assert isinstance(app.screen, StoryScreen)
        text = screen_text(app)
        assert "WARN Read the shadow file" in text
        assert "left out (o)" in text
        story = app.screen.story
        assert story.lines[app.screen.list.cursor].alerts[0].rule == "Read the shadow file"
        await press(app, pilot, "o")
        assert len(app.screen.story.lines) > len(story.lines)
        await press(app, pilot, "o", "y")
        assert app.clipboard.startswith("/etc/shadow")
        await press(app, pilot, "Y")
        assert app.clipboard.startswith("Story of alert 5: Warning Read the shadow file")
        await press(app, pilot, "w", "enter")
        assert asked == [(44, "Read the shadow file")]
        assert isinstance(app.screen, EventDetails)
        await press(app, pilot, "escape", "E")
        assert isinstance(app.screen, Ask)
        await press(app, pilot, "escape", "q")
        assert app.screen is app.main


async def test_a_story_of_an_unknown_process_says_so():
    engine = fed_engine()
    engine._alerts[-1].event.process = None
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2", "t")
        assert "the process of this alert is not known" in screen_text(app)
        await press(app, pilot, "o", "y", "Y", "w", "enter", "escape")
        assert app.screen is app.main


async def test_E_refuses_a_name_that_cannot_be_one(tmp_path):
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2", "E")
        assert "tuimon-evidence-" in screen_text(app)
        box = app.screen.query_one("Input")
        for name, said in (("/tmp/x", "end the name in .tar.gz"), ("/no/such/x.tar.gz", "there is no folder")):
            box.value = name
            await press(app, pilot, "enter")
            assert said in screen_text(app)
        await press(app, pilot, "escape")


@pytest.mark.parametrize("fails", [False, True])
async def test_that_evidence_is_being_collected_is_said_until_it_is_written(tmp_path, monkeypatch, fails):
    go_on = threading.Event()

    def write(engine, alert, path):
        assert go_on.wait(200)
        if fails:
            raise RecordingError("no space left")
        return Bundle(path, 7, (), 1234)

    monkeypatch.setattr("tuimon.headless.evidence.write_bundle", write)
    monkeypatch.setattr("tuimon.ui.evidence._SAID_S", 0.5)
    async with running(fed_engine()) as (app, pilot):
        try:
            await press(app, pilot, "2", "E")
            app.screen.query_one("#ask-input").value = str(tmp_path)
            await pilot.press("enter")
            await until(lambda: "still collecting evidence" in screen_text(app))
        finally:
            go_on.set()
        await until(lambda: ("no space left" if fails else "7 events, 1,234 bytes") in screen_text(app))
        await until(lambda: "still collecting" not in screen_text(app))


async def test_a_key_means_the_row_one_saw_though_new_alerts_come_in_above():
    engine = fed_engine()
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2")
        engine.alert("Drop and execute new binary in container", "Critical", row=7)
        await settle(app, pilot)
        assert app.main.alerts.alerts.alert_row().rule == "Contact the API server"
        await press(app, pilot, "a")
        seen = app.main.alerts.alerts.alert_row().rule
        engine.alert("Contact the API server", "Informational", row=11)
        engine.alert("Another", "Informational", row=11)
        await settle(app, pilot)
        assert app.main.alerts.alerts.alert_row().rule == seen
        assert seen in screen_text(app).split("Alert ", 2)[-1], "and the text below is that row's"
