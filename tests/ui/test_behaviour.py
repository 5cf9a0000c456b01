"""What the screen does when things happen: starting, failing, resizing, clicking, files changing, rules refused."""

from __future__ import annotations

import os
import threading

import pytest
from textual import events
from textual.widget import Widget
from textual.widgets import Input

from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import LOCAL_RULES, FakeEngine, RuleFile, fed_engine
from tuimon.errors import CaptureError, TuimonError
from tuimon.ui import app as app_module
from tuimon.ui.app import TuimonApp
from tuimon.ui.panes.live_pane import LivePane
from tuimon.ui.screens.ask import Ask
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.dialog import Commands
from tuimon.ui.screens.event_details import EventDetails
from tuimon.ui.screens.pick import Pick
from tuimon.ui.screens.views import ViewsMenu
from tuimon.ui.terminal import check_terminal
from tuimon.ui.typed import KeyParser, behind_escape
from tuimon.ui.widgets.filter_bar import FilterInput
from tuimon.ui.widgets.lists import AlertList, ContainerList, LiveList
from tuimon.ui.widgets.rule_editor import RuleEditor
from tuimon.view.cells import Cell
from tuimon.view.memory import Memory


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(LOCAL_RULES)
    return path


def engine_with(own):
    engine = fed_engine()
    engine._files = (engine._files[0], RuleFile(str(own), LOCAL_RULES, "user"))
    return engine


def rewrite(path, text):
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10_000_000, before + 10_000_000))


# Life.


async def test_the_screen_is_there_before_the_engine():
    """Making an engine takes seconds; the screen answers to keys meanwhile."""
    ready = threading.Event()

    def make():
        assert ready.wait(200)
        return fed_engine()

    app = TuimonApp(make)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "starting capture" in screen_text(app)
        for key in ("space", "f", "z", "z", "slash", "c", "u", "o", "greater_than_sign", "2", "enter", "e", "3", "1"):
            await pilot.press(key)
        await pilot.press("question_mark")
        assert "Everywhere" in screen_text(app)
        await pilot.press("escape")
        ready.set()
        await until(lambda: app.session is not None)
        await settle(app, pilot)
        assert "node-1" in screen_text(app)


async def test_an_engine_that_cannot_start_ends_the_screen_with_its_reason():
    app = TuimonApp(FakeEngine(start_error=CaptureError("no BTF", "boot a kernel with BTF")))
    async with app.run_test():
        await until(lambda: app.failure is not None)
    assert isinstance(app.failure, CaptureError)
    assert app.return_code == 1


async def test_an_engine_that_dies_ends_the_screen_with_its_reason():
    async with running() as (app, _):
        app.session.engine.failure = CaptureError("the probes went away")
        await until(lambda: app.failure is not None)
    assert app.return_code == 1


def test_run_raises_what_ended_the_engine_and_stops_one_it_made(monkeypatch):
    made = fed_engine()

    def fake_run(self, **_):
        self.session = type("S", (), {"engine": made})()
        self.failure = CaptureError("gone")

    monkeypatch.setattr(app_module, "check_terminal", lambda: None)
    monkeypatch.setattr(TuimonApp, "run", fake_run)
    with pytest.raises(CaptureError, match="gone"):
        app_module.run(lambda: made)
    assert made.stopped


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_show_a_screen_is_refused_with_a_hint(monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    with pytest.raises(TuimonError) as caught:
        check_terminal()
    assert term in str(caught.value)
    assert "tuimon watch" in caught.value.hint


def test_no_terminal_is_refused(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.__stderr__", None)
    with pytest.raises(TuimonError, match="needs a terminal"):
        check_terminal()


@pytest.mark.parametrize("size", [(59, 24), (80, 15)])
async def test_a_terminal_too_small_gets_a_sentence(size):
    async with running(size=size) as (app, pilot):
        text = screen_text(app)
        assert "needs a terminal of 60x16" in text
        assert f"{size[0]}x{size[1]}" in text
        await pilot.resize_terminal(24, 9)
        await settle(app, pilot)
        assert "tuimon needs a terminal of 60x16; this one is 24x9." in " ".join(screen_text(app).split())
        await pilot.resize_terminal(80, 24)
        await settle(app, pilot)
        assert "LIVE" in screen_text(app)
        await until(lambda: app.focused is app.main.query_one(LiveList))
        await pilot.press("q")
        assert app._exit


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 50)])
async def test_every_tab_fits(size):
    """No line is wider than the screen, and the footer and the status are there."""
    async with running(size=size) as (app, pilot):
        for tab in ("1", "2", "3"):
            await pilot.press(tab)
            await settle(app, pilot)
            lines = screen_text(app).split("\n")
            assert len(lines) == size[1]
            assert "LOST 0" in lines[0]
            assert "⏎" in lines[-1] or "Filter" in lines[-1]


async def test_ascii_only_draws_nothing_else():
    async with running(ascii_only=True) as (app, pilot):
        app.session.engine.pool = None
        for tab in ("1", "2", "3"):
            await pilot.press(tab)
            await settle(app, pilot)
            shown = screen_text(app).replace("日本語", "").replace("Ünïcode", "")
            assert {c for c in shown if not c.isascii()} == set()


# Watching.


async def test_rows_stay_where_they_are_while_others_come_and_go():
    engine = fed_engine(max_bytes=200_000)
    async with running(engine) as (app, pilot):
        engine.feed(60)
        await settle(app, pilot)
        live = app.main.query_one(LiveList)
        await pilot.press("up")
        live.put_cursor(app.session.live.end - 40)
        await settle(app, pilot)

        def place():
            return live.event_under_cursor().num, live.cursor - live._base - round(live.scroll_y)

        before, first = place(), app.session.live.first
        for _ in range(3):
            engine.feed(2)
            await settle(app, pilot)
            assert place() == before
        assert app.session.live.first > first


async def test_following_shows_the_newest():
    async with running() as (app, pilot):
        app.session.engine.feed(5)
        await settle(app, pilot)
        live = app.main.query_one(LiveList)
        assert live.event_under_cursor().num == app.session.engine.fed
        assert round(live.scroll_y) == live.max_scroll_y


async def test_a_new_filter_keeps_the_event_under_the_cursor():
    async with running() as (app, pilot):
        live = app.main.query_one(LiveList)
        await pilot.press("g")
        live.put_cursor(app.session.live.seq_near(24))  # an open of /etc/shadow
        app.main.apply_filter("shadow")
        await settle(app, pilot)
        assert live.event_under_cursor().num == 24


async def test_a_wrong_filter_is_told_under_the_place_where_it_is_wrong():
    async with running() as (app, pilot):
        await pilot.press("slash", *"ab nosuch", "enter")
        await until(lambda: "^ nosuch is not a field  did you mean fd.name?" in screen_text(app))
        lines = screen_text(app).split("\n")
        (row,) = [n for n, line in enumerate(lines) if "^ nosuch" in line]
        assert lines[row].index("^") == lines[row - 1].index("nosuch")
        assert app.session.filter_text == ""
        assert isinstance(app.focused, Input)
        for _ in "nosuch":
            await pilot.press("backspace")
        await until(lambda: "not a field" not in screen_text(app))


async def test_a_wrong_place_far_to_the_right_is_told_in_words():
    async with running(size=(80, 24)) as (app, pilot):
        await pilot.press("slash")
        app.focused.value = "a" * 60 + " nosuch"
        await pilot.press("enter")
        await until(lambda: "column 62: nosuch is not a field" in screen_text(app))


async def test_a_wrong_filter_is_told_while_typing():
    async with running() as (app, pilot):
        await pilot.press("slash", *"nosuch")
        await until(lambda: "^ nosuch is not a field" in screen_text(app))


async def test_a_list_that_grows_higher_goes_on_following():
    """The filter bar goes and the list gets a line more: that is not the user scrolling."""
    async with running() as (app, pilot):
        app.session.engine.feed(20)
        await pilot.press("slash", *"nosuch")
        await until(lambda: "not a field" in screen_text(app))
        await pilot.press("escape")
        await settle(app, pilot)
        live = app.main.query_one(LiveList)
        assert live.follow
        assert round(live.scroll_y) == live.max_scroll_y


async def test_a_paste_brings_no_control_characters_into_the_filter():
    async with running() as (app, pilot):
        await pilot.press("slash")
        app.focused.value = "a\x1b]0;x\x07b\u202ec\nd"
        assert app.focused.value == "a]0;xbcd"


async def test_pausing_shows_the_moment_and_resuming_goes_on():
    async with running() as (app, pilot):
        await pilot.press("space")
        app.session.engine.feed()
        await settle(app, pilot)
        live = app.main.query_one(LiveList)
        assert live.event_under_cursor().num == 60
        await pilot.press("space")
        await settle(app, pilot)
        assert live.event_under_cursor().num == 80


async def test_lost_events_are_said_in_words():
    async with running() as (app, pilot):
        app.session.engine.lost = 42
        app.main.pump()
        app.main.show_fixed()
        await settle(app, pilot)
        assert "LOST 42" in screen_text(app)
        assert "42 lost" in screen_text(app)


async def test_a_notice_is_shown():
    async with running() as (app, pilot):
        app.session.engine.notices = ("the podman socket is gone",)
        app.main.pump()
        app.main.show_fixed()
        await settle(app, pilot)
        assert "the podman socket is gone" in screen_text(app)


async def test_an_alert_cursor_stays_on_its_row_when_others_arrive():
    async with running() as (app, pilot):
        await pilot.press("2", "down")
        alerts = app.main.query_one("#all-alerts-list", AlertList)
        before = alerts.row_under_cursor().rule
        app.session.engine.alert("Something new", "Error")
        await settle(app, pilot)
        assert alerts.row_under_cursor().rule == before
        assert alerts.cursor == 2


async def test_the_alert_list_stays_at_the_top_until_touched():
    async with running() as (app, pilot):
        app.session.engine.alert("Something new", "Error")
        await settle(app, pilot)
        assert app.main.query_one("#alerts-list", AlertList).row_under_cursor().rule == "Something new"


# The mouse.


async def test_clicks_choose_and_double_clicks_open():
    async with running() as (app, pilot):
        live = app.main.query_one(LiveList)
        await pilot.click(LiveList, offset=(5, 3))
        await settle(app, pilot)
        assert not live.follow
        chosen = live.event_under_cursor().num
        await pilot.click(LiveList, offset=(5, 3), times=2)
        await settle(app, pilot)
        assert isinstance(app.screen, EventDetails)
        assert app.screen._event.num == chosen


async def test_a_click_chooses_a_container_and_a_click_on_the_chip_frees_it():
    async with running() as (app, pilot):
        await pilot.click(ContainerList, offset=(3, 1))
        await settle(app, pilot)
        assert app.session.containers.chosen_id == "3ad7b26ded6d"
        await pilot.click("#filter-line", offset=(4, 0))
        await settle(app, pilot)
        assert app.session.containers.chosen_id is None


async def test_a_click_on_a_tab_gives_the_filter_up_that_is_being_written():
    """It stayed open over the other tab, which it is not about."""
    async with running(size=(120, 40)) as (app, pilot):
        await press(app, pilot, "slash", *"cat")
        await pilot.click("#tabs", offset=(14, 0))
        await settle(app, pilot)
        assert app.main.shown_name == "alerts"
        assert "/filter>" not in screen_text(app)


async def test_tabs_and_hints_can_be_clicked():
    async with running() as (app, pilot):
        await pilot.click("#tabs", offset=(14, 0))
        await settle(app, pilot)
        assert app.main.query_one("#body").current == "alerts"
        await pilot.click("#hint", offset=(3, 0))
        await settle(app, pilot)
        assert not app.main.query_one("#hint").display


async def test_the_wheel_scrolls_and_ends_following():
    async with running(size=(80, 24)) as (app, pilot):
        live = app.main.query_one(LiveList)
        live.scroll_relative(y=-5, animate=False)
        await settle(app, pilot)
        assert not live.follow
        top = round(live.scroll_y)
        app.session.engine.feed()
        await settle(app, pilot)
        assert round(live.scroll_y) == top


async def test_that_a_search_came_to_nothing_is_painted_though_no_row_came_or_went(monkeypatch):
    """A terminal went on saying "searching..." of a search that took longer than the old rows may stay."""
    async with running() as (app, pilot):
        await press(app, pilot, "slash", *"zzzz", "enter")
        app._ticker.stop()
        live, painted = app.main.query_one(LiveList), []
        found = live.empty
        monkeypatch.setattr(live, "refresh", lambda *_, **__: painted.append(live.empty))
        for said in ("searching...", found):
            monkeypatch.setattr(LivePane, "_empty", lambda _, session, said=said: said)
            for _ in range(3):
                app.main.pump()
        assert painted == ["searching...", found]
        assert found.startswith("no event matches")


async def test_the_narrow_screen_lends_the_containers_the_place_of_the_live_pane():
    async with running(size=(80, 24)) as (app, pilot):
        assert not app.main.query_one("#containers-pane").display
        await pilot.press("c")
        await settle(app, pilot)
        assert app.main.query_one("#containers-pane").display
        assert not app.main.query_one("#live-pane").display
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert app.session.containers.chosen_id is not None
        assert app.main.query_one("#live-pane").display
        assert app.focused is app.main.query_one(LiveList)


# Rules.


async def test_a_broken_rule_is_marked_at_its_place_and_refused(own):
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        await pilot.press("3", "enter", *"nosuch.field ")
        editor = app.main.query_one(RuleEditor)
        await until(lambda: editor._found)
        text = screen_text(app)
        assert "1:1 error: nosuch.field is not known  fd.name" in text
        spans = editor.get_line(0).spans
        assert [(s.start, s.end) for s in spans] == [(0, 12)]
        await pilot.press("ctrl+s")
        await until(lambda: "refused: revision 1 stays in force" in screen_text(app))
        assert own.read_text() == LOCAL_RULES
        assert app.session.engine.applied == []
        assert app.session.book.dirty()


async def test_what_cannot_be_saved_is_in_force_all_the_same_and_says_so(own, monkeypatch):
    async with running(engine_with(own), rules_path=own) as (app, pilot):

        def refuse(file, text=None):
            raise TuimonError("cannot write: Read-only file system", "tuimon -r FILE writes elsewhere")

        monkeypatch.setattr(app.session.book, "save", refuse)
        await pilot.press("3", "enter", *"# x", "ctrl+s")
        await until(lambda: "is in force, but not saved: cannot write" in screen_text(app))
        assert "tuimon -r FILE writes elsewhere" in " ".join(screen_text(app).split())
        assert app.session.book.dirty()


async def test_what_is_typed_while_rules_are_compiled_is_checked_too(own, monkeypatch):
    """It was taken for what had just been put in force: nothing was said of it before another key was pressed."""
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        engine, begun, go_on = app.session.engine, threading.Event(), threading.Event()
        apply = engine.apply_rules

        def slowly(files):
            begun.set()
            go_on.wait(60)
            return apply(files)

        monkeypatch.setattr(engine, "apply_rules", slowly)
        await pilot.press("3", "enter", *"# x", "enter", "ctrl+s")
        await until(begun.is_set)
        await pilot.press(*"nosuch.field ")
        go_on.set()
        await until(lambda: "saved; revision 2 is in force" in screen_text(app))
        await until(lambda: "2:1 error: nosuch.field is not known" in screen_text(app))


async def test_unsaved_text_is_never_lost_by_quitting(own):
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        await pilot.press("3", "enter", *"# x", "escape", "q")
        await settle(app, pilot)
        assert isinstance(app.screen, Choice)
        assert "local.yaml" in screen_text(app)
        await pilot.press("escape")
        await settle(app, pilot)
        assert app.screen is app.main
        await pilot.press("q", "r")
        await settle(app, pilot)
        assert app.main.query_one("#body").current == "rules"
        assert not app._exit
        await pilot.press("q", "d")
        await pilot.pause()
        assert app._exit


async def test_unsaved_text_survives_opening_another_file(own):
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        await pilot.press("3", "enter", *"# x", "escape", "g", "enter", "escape", "G", "enter")
        await settle(app, pilot)
        assert app.main.query_one(RuleEditor).text.startswith("# x")


async def test_a_file_that_another_editor_wrote_is_in_force_at_once(own):
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        await pilot.press("3")
        rewrite(own, "# other\n" + LOCAL_RULES)
        await until(lambda: app.session.engine.applied)
        await until(lambda: "local.yaml changed on disk; revision 2 is in force" in screen_text(app))
        assert app.main.query_one(RuleEditor).text.startswith("# other")


async def test_a_broken_file_from_another_editor_is_refused_and_said(own):
    async with running(engine_with(own), rules_path=own) as (app, _):
        rewrite(own, "- rule: nosuch.field\n")
        await until(lambda: "was refused" in screen_text(app))
        assert app.session.engine.revision == 1


@pytest.mark.parametrize("unsaved", [True, False])
async def test_a_file_that_another_program_deletes_is_said_to_be_deleted(own, unsaved):
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        await pilot.press("3", *(("enter", *"# x") if unsaved else ()))
        await settle(app, pilot)
        own.unlink()
        said = "was deleted: ctrl+s writes your text anew" if unsaved else "was deleted; revision 2 is in force"
        await until(lambda: f"local.yaml {said}" in screen_text(app))
        assert app.session.engine.revision == (1 if unsaved else 2)


async def test_two_editors_at_once_let_the_user_choose(own):
    async with running(engine_with(own), rules_path=own) as (app, pilot):
        await pilot.press("3", "enter", *"# mine ")
        rewrite(own, "# other\n")
        await until(lambda: "changed by another editor" in screen_text(app))
        assert app.main.query_one(RuleEditor).text.startswith("# mine")
        await pilot.press("ctrl+s")
        await settle(app, pilot)
        assert isinstance(app.screen, Choice)
        await pilot.press("o")
        await until(lambda: own.read_text().startswith("# mine"))
        await pilot.press(*"# again ")
        rewrite(own, "# other once more\n")
        await until(lambda: app.session.book.find(str(own)).on_disk is not None)
        await pilot.press("ctrl+s")
        await settle(app, pilot)
        await pilot.press("d")
        await until(lambda: app.main.query_one(RuleEditor).text == "# other once more\n")


async def test_a_long_file_is_edited_one_item_at_a_time(own):
    text = "".join(f"- rule: R{n}\n  desc: d\n  condition: evt.type = open\n\n" for n in range(200))
    own.write_text(text)
    engine = fed_engine()
    engine._files = (RuleFile(str(own), text, "user"),)
    async with running(engine, rules_path=own) as (app, pilot):
        await pilot.press("3")
        assert app.main.rules.open_rule("R150")
        editor = app.main.query_one(RuleEditor)
        await settle(app, pilot)
        assert editor.document.line_count < 10
        assert editor.line_number_start == 601
        await pilot.press(*"# x")
        await settle(app, pilot)
        assert app.session.book.files[0].buffer == text.replace("- rule: R150\n", "# x- rule: R150\n")


async def test_a_rule_that_is_in_no_file_says_so():
    async with running() as (app, pilot):
        app.main.edit_rule("Nowhere")
        await settle(app, pilot)
        assert "Nowhere is in none of the rule files" in screen_text(app)


async def test_shipped_rules_are_read_only_and_offer_a_copy():
    async with running() as (app, pilot):
        await pilot.press("3", "g", "down", "enter")
        editor = app.main.query_one(RuleEditor)
        assert editor.read_only
        await pilot.press("ctrl+s")
        await settle(app, pilot)
        assert isinstance(app.screen, Choice)
        await pilot.press("escape")
        assert not app.session.book.dirty()


async def test_the_palette_offers_commands_and_themes():
    async with running() as (app, pilot):
        names = [command.title for command in app.get_system_commands(app.screen)]
        assert {"Theme", "Filter", "Live: Pause", "Go to Rules", "Quit", "Help"} <= set(names)
        await pilot.press("ctrl+p")
        for key in "tuimonl":
            await pilot.press(key)
        await pilot.pause()
        await pilot.press("escape")


@pytest.mark.parametrize(
    "text", ["- rule: a\r\n  desc: b\r\n", "# a\u2028b\n\x85", "- rule: a\r\n  desc: b\n", "", "\n\n"]
)
async def test_opening_a_file_changes_nothing_in_it(own, text):
    """Line ends and line separators the text area does not know must survive being looked at."""
    engine = fed_engine()
    engine._files = (RuleFile(str(own), text, "user"),)
    own.write_bytes(text.encode())
    async with running(engine, rules_path=own) as (app, pilot):
        await pilot.press("3", "enter", "x", "ctrl+z")
        await settle(app, pilot)
        assert app.session.book.dirty() == []
        assert app.session.book.files[0].buffer == text


async def test_an_event_that_cannot_be_told_does_not_end_the_screen(monkeypatch):
    """Recordings come from elsewhere."""
    from tuimon.view import columns

    def broken(event):
        raise ValueError("\x1b[31m no such thing")

    monkeypatch.setattr(columns, "summary", broken)
    async with running() as (app, pilot):
        app.main.query_one(LiveList).redraw()
        await settle(app, pilot)
        assert "(cannot be shown: ValueErr" in screen_text(app)
        assert "\x1b" not in screen_text(app)


async def test_a_field_that_cannot_be_told_says_so(monkeypatch):
    from tuimon.fields import lookup

    def broken(event, arg):
        raise ValueError("no such thing")

    info = lookup("fd.name")
    monkeypatch.setitem(__import__("tuimon.fields.registry").fields.registry._FIELDS, "fd.name", _with(info, broken))
    async with running() as (app, pilot):
        await pilot.press("g", "j", "enter")
        await settle(app, pilot)
        source = app.screen.query_one("#details-lines").source
        lines = [" ".join(cell.text for cell in source.line(seq, 100)) for seq in range(source.end)]
        assert any("fd.name" in line and "cannot be shown: ValueError" in line for line in lines)


def _with(info, getter):
    import dataclasses

    return dataclasses.replace(info, get=getter)


async def test_nothing_found_says_how_to_go_back():
    async with running() as (app, pilot):
        await pilot.press("slash", *"zzzz", "enter")
        await settle(app, pilot)
        assert "no event matches; esc takes the newest step back" in screen_text(app)


async def test_a_long_question_is_shown_whole_in_a_narrow_terminal():
    async with running(size=(60, 20)) as (app, pilot):
        app.push_screen(
            Choice(["Copy " + "word " * 20 + "end?", "Nothing changes \x1b[31m until then."], [("y", "do it")])
        )
        await settle(app, pilot)
        text = screen_text(app)
        assert "end?" in text
        assert "\\e[31m" in text
        await pilot.click(
            "#choice-lines",
            offset=(
                4,
                text.split("\n").index(next(x for x in text.split("\n") if "do it" in x))
                - app.screen.query_one("#choice-lines").region.y,
            ),
        )
        await settle(app, pilot)
        assert app.screen is app.main


async def test_keys_that_arrive_in_one_go_land_where_the_first_one_moves_the_focus():
    """On a slow line or a busy machine a filter came out as commands to the list."""
    async with running() as (app, pilot):
        for key in ("slash", "x", "y"):
            app.post_message(events.Key(key, "/" if key == "slash" else key))
        await settle(app, pilot)
        assert app.main.query_one(FilterInput).value == "xy"
        assert not app.session.live.paused


async def test_a_letter_read_together_with_the_esc_before_it_is_both():
    """The bytes are those of alt and the letter: neither was heard, and a text field took the letter."""
    async with running() as (app, pilot):
        await press(app, pilot, "slash", "x", "escape")  # the first esc takes back what is offered
        app.post_message(events.Key("alt+shift+v", "V"))
        await settle(app, pilot)
        assert app.main.query_one(FilterInput).value == "x"
        assert isinstance(app.screen, ViewsMenu)
        app.post_message(events.Key("alt+q", "q"))
        await settle(app, pilot)
        assert app._exit


@pytest.mark.parametrize(
    ("typed", "focused"),
    [("\x1b2", AlertList), ("\x1b/", FilterInput), ("\x1b\t", AlertList), ("\x1bc", ContainerList)],
)
async def test_a_key_right_behind_an_esc_is_heard_as_well_as_the_esc(typed: str, focused: type[Widget]):
    """A dialog stayed open and the key was another: Textual makes ``™`` of esc and 2, a slash of esc and slash."""
    async with running() as (app, pilot):
        await press(app, pilot, "enter")
        assert isinstance(app.screen, EventDetails)
        parser = KeyParser()
        for key in [*parser.feed(typed), *parser.feed("")]:
            app.post_message(key)
        await settle(app, pilot)
        assert app.screen is app.main
        assert isinstance(app.focused, focused)


async def test_alt_and_a_letter_move_by_words_in_a_text_field():
    async with running() as (app, pilot):
        await press(app, pilot, "slash", "a", "space", "b")
        parser = KeyParser()
        for key in [*parser.feed("\x1bb"), *parser.feed("\x1b\x7f"), *parser.feed("c")]:
            app.post_message(key)
        await settle(app, pilot)
        assert app.main.query_one(FilterInput).value == "cb"


def test_no_other_key_is_taken_for_an_esc_and_another():
    for sequence in ("\x1b[A", "\x1b[1;3D", "\x1b[1;5D", "\x1bOP", "\x1b[Z", "\x1b[53;3u", "x", "\x1b"):
        parser = KeyParser()
        assert not [key for key in [*parser.feed(sequence), *parser.feed("")] if behind_escape(key)], sequence


async def test_esc_a_letter_and_an_arrow_read_together_are_all_three():
    """Textual makes ``^`` of that esc: a dialog stayed open, and the keys behind it did something else."""
    async with running() as (app, pilot):
        await press(app, pilot, "enter")
        assert isinstance(app.screen, EventDetails)
        for key in KeyParser().feed("\x1bc\x1b[B\r"):
            app.post_message(key)
        await settle(app, pilot)
        assert app.screen is app.main
        assert app.session.containers.chosen_id == "3ad7b26ded6d"


@pytest.mark.parametrize(("keys", "tab", "owner"), [("c", "live", "ContainerList"), ("4", "board", "BoardList")])
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_filter_that_is_given_up_leads_back_to_where_one_was(keys, tab, owner, size):
    """It led to the live list: an arrow then moved there, and enter opened an event."""
    async with running(size=size) as (app, pilot):
        await press(app, pilot, keys, "slash", "escape")
        assert app.main.shown_name == tab
        assert type(app.focused).__name__ == owner


@pytest.mark.parametrize("where", ["filter", "question"])
async def test_what_is_typed_and_deleted_in_one_burst_is_so_in_order(where):
    """The deleting keys came after all letters: a name typed behind ctrl+u was gone, and another was given."""
    from textual._xterm_parser import XTermParser

    async with running() as (app, pilot):
        await press(app, pilot, "slash" if where == "filter" else "r")
        line = app.screen.query_one(FilterInput if where == "filter" else "#ask-input")
        for key in XTermParser().feed("ab\x7fc\x15xyz\x1b[Dw"):
            app.post_message(key)
        await settle(app, pilot)
        assert line.value == "xywz"


@pytest.mark.parametrize("closing", ["escape", "enter"])
async def test_a_dialog_that_many_keys_close_is_closed_once(closing):
    """Keys may come faster than a dialog goes: none of them may close what lies below, or end the program."""
    async with running() as (app, pilot):
        await press(app, pilot, "enter", "V")
        assert [type(screen).__name__ for screen in app.screen_stack[1:]] == ["EventDetails"]
        await press(app, pilot, "escape", "V")
        for _ in range(4):
            app.post_message(events.Key(closing, None))
        await settle(app, pilot)
        await settle(app, pilot)
        assert app.is_running
        assert not any(isinstance(screen, ViewsMenu) for screen in app.screen_stack)


async def test_two_escapes_at_once_close_two_dialogs():
    async with running() as (app, pilot):
        for title in ("one", "two"):
            app.push_screen(Pick(title, [(Cell("a line"),)]))
            await settle(app, pilot)
        assert len(app.screen_stack) == 3
        for _ in range(2):
            app.post_message(events.Key("escape", None))
        await settle(app, pilot)
        assert app.screen is app.main


async def test_the_palette_is_closed_once():
    async with running() as (app, pilot):
        await press(app, pilot, "ctrl+p")
        palette = app.screen
        assert isinstance(palette, Commands)
        palette.dismiss()
        palette.dismiss()
        await settle(app, pilot)
        assert app.screen is app.main


async def pull(pilot, begin, end):
    """Press the mouse at a place of the screen, move it to another and let go."""
    await pilot.mouse_down(offset=begin)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await pilot.pause()


PULLS = (
    # Tab, pane, where its edge is taken (from the pane's region), by how much it is moved, which size changes by what.
    ("1", "containers-pane", lambda r: (r.right - 1, r.y + 3), (9, 0), (9, 0)),
    ("1", "containers-pane", lambda r: (r.right, r.y + 3), (9, 0), (10, 0)),
    ("1", "alerts-pane", lambda r: (r.x + 30, r.y), (0, -4), (0, 4)),
    ("2", "alert-pane", lambda r: (r.x + 30, r.y), (0, 3), (0, -3)),
    ("3", "rules-pane", lambda r: (r.right - 1, r.y + 3), (-6, 0), (-6, 0)),
    ("4", "drift-pane", lambda r: (r.x + 30, r.y), (0, -3), (0, 3)),
    ("6", "replay-pane", lambda r: (r.x + 30, r.bottom - 1), (0, 2), (0, 2)),
    ("7", "costs-pane", lambda r: (r.x, r.y + 4), (-8, 0), (8, 0)),
)


@pytest.mark.parametrize(("tab", "name", "edge", "by", "grows"), PULLS)
async def test_the_mouse_pulls_the_edges_between_panes(tab, name, edge, by, grows):
    async with running() as (app, pilot):
        app.main.memory = Memory()
        await press(app, pilot, tab)
        pane = app.main.query_one(f"#{name}")
        before = pane.outer_size
        x, y = edge(pane.region)
        await pull(pilot, (x, y), (x + by[0], y + by[1]))
        assert (pane.outer_size.width - before.width, pane.outer_size.height - before.height) == grows
        kept = {f"{name} wide": pane.outer_size.width} if grows[0] else {f"{name} high": pane.outer_size.height}
        assert Memory().numbers("sizes") == kept
        now = pane.outer_size
        await pilot.hover(offset=(x, y))
        assert pane.outer_size == now, "let go is let go"


async def test_a_size_chosen_in_a_large_terminal_is_not_meant_for_a_small_one():
    async with running(size=(200, 50)) as (app, pilot):
        app.main.memory = Memory("")
        pane = app.main.query_one("#containers-pane")
        edge = pane.region.right - 1
        assert edge < 90
        await pull(pilot, (edge, 10), (90, 10))
        assert pane.outer_size.width == 91
        await pilot.resize_terminal(120, 40)
        await settle(app, pilot)
        assert pane.outer_size.width == 32
        await pilot.resize_terminal(200, 50)
        await settle(app, pilot)
        assert pane.outer_size.width == 91


async def test_pulling_what_is_no_edge_changes_nothing():
    async with running() as (app, pilot):
        before = [pane.region for pane in app.main.query(".pane")]
        status = app.main.query_one("#live-pane").region
        await pull(pilot, (status.x + 10, status.y), (status.x + 20, status.y + 6))
        assert [pane.region for pane in app.main.query(".pane")] == before


async def test_rows_and_heads_are_as_wide_as_what_can_be_seen():
    """The last column of a list lay under its scrollbar."""
    async with running(size=(80, 24)) as (app, _):
        events = app.main.live.events
        seen = events.list.scrollable_content_region.width
        assert events.list.row_width == seen == events.list.size.width - 1
        strip = events.list.render_line(0)
        assert strip.cell_length == events.list.size.width
        assert strip.text[-1] == " "
        assert events.query_one(".head").content_size.width == seen


async def test_rows_are_drawn_afresh_when_more_is_known_of_their_events_and_not_for_nothing():
    engine, drawn = fed_engine(), []
    async with running(engine) as (app, _):
        app.main.live.events.list.redraw = lambda: drawn.append(engine.known)
        for _ in range(100):
            app.main.pump()
        assert not drawn
        engine.known = 1
        for _ in range(100):
            app.main.pump()
        assert drawn == [1]


async def test_a_dialog_takes_all_of_a_narrow_terminal():
    async with running(size=(80, 24)) as (app, pilot):
        await press(app, pilot, "enter")
        assert app.screen.query_one("#details-pane").outer_size.width == 80
        await pilot.resize_terminal(120, 40)
        await settle(app, pilot)
        assert app.screen.query_one("#details-pane").outer_size.width == 108


async def test_keys_about_an_alert_say_when_there_is_none():
    engine = fed_engine()
    engine._alerts.clear()
    async with running(engine) as (app, pilot):
        await press(app, pilot, "2")
        for key in "mba":
            app.clear_notifications()
            await press(app, pilot, key)
            assert [notice.message for notice in app._notifications] == ["there is no alert under the cursor"], key


async def test_the_meaning_of_a_column_can_be_read_whole():
    async with running(size=(80, 24)) as (app, pilot):
        await press(app, pilot, "C", "slash", *"evt.time.iso8601", "enter")
        words = " ".join(screen_text(app).split())
        assert "ISO 8601 with nanoseconds" in words


async def test_what_is_typed_behind_an_escape_is_not_for_the_dialog_that_it_closes():
    async with running() as (app, pilot):
        app.push_screen(Ask("What?", "a word"))
        await settle(app, pilot)
        app.post_message(events.Key("escape", None))
        app.post_message(events.Key("2", "2"))
        await settle(app, pilot)
        assert app.screen is app.main
        assert app.main.shown_name == "alerts"


async def test_an_escape_comes_before_the_key_behind_it():
    """It was handed from widget to widget while the next key was acted on, and closed what that one had opened."""
    async with running() as (app, pilot):
        for key in ("escape", "V"):
            app.post_message(events.Key(key, None if key == "escape" else key))
        await settle(app, pilot)
        assert isinstance(app.screen, ViewsMenu)
