"""Habits: help, palette and config file all know every key, because they are made from the bindings."""

from __future__ import annotations

import pytest

from tests.ui.conftest import press, running, screen_text, settle, until
from tests.ui.fake_engine import fed_engine
from tests.ui.side_engine import side_engine
from tuimon import settings, statefile
from tuimon.errors import SettingsError
from tuimon.ui.keys import key_lines, keys_of, own_bindings, owners, title_of, usable_keys
from tuimon.ui.screens.help import Help
from tuimon.ui.screens.theme import ThemePick


def test_every_binding_has_an_id_and_says_what_it_does():
    for owner in owners():
        for binding in owner.__dict__["BINDINGS"]:
            assert binding.id, (owner, binding)
            assert binding.description, (owner, binding)
    titles = [title_of(owner) for owner in owners()]
    assert len(set(titles)) == len(titles), "two places of one name"


def test_no_two_things_that_are_there_together_have_one_key():
    """What checks the user's keys finds nothing wrong with ours."""
    ours = {binding.id: binding.key for owner in owners() for binding in own_bindings(owner)}
    for name, key in ours.items():
        if name not in ("app.help", "app.keys"):
            assert usable_keys({name: key}) == ({name: key}, [])


def whole(app, width):
    """Return the lines of the help with their last cell as wide as its text."""
    return [[cell._replace(width=max(cell.width, 0)) for cell in line] for line in app.screen.lines(width)]


async def test_a_question_shows_its_own_keys_and_not_those_below_it():
    async with running(fed_engine()) as (app, pilot):
        await press(app, pilot, "2")
        assert "Story" in screen_text(app).splitlines()[-1]
        await press(app, pilot, "E")
        foot = screen_text(app).splitlines()[-1]
        assert "esc Back" in foot
        assert "Story" not in foot
        await press(app, pilot, "escape", "m")
        foot = screen_text(app).splitlines()[-1]
        assert "esc Back" in foot
        assert "Story" not in foot


async def test_the_help_lists_every_key_and_every_field_and_finds_them():
    from tuimon.fields import all_fields

    async with running(fed_engine(), keys={"alerts.mute": "ctrl+u"}) as (app, pilot):
        await press(app, pilot, "question_mark")
        assert isinstance(app.screen, Help)
        text = "\n".join("".join(cell.text for cell in line) for line in app.screen.lines(200))
        narrow = [[cell.text for cell in line] for line in app.screen.lines(76)]
        words = " ".join(" ".join("".join(line) for line in narrow).split())  # on as many lines as they take
        for owner in owners():
            for _, what, ids in key_lines(owner, {}):
                assert what in words, what
                assert ids in text, ids
        assert all(info.name in text and info.doc in words for info in all_fields())
        for width in (76, 104, 200):
            assert all(sum(cell.width or len(cell.text) for cell in line) <= width for line in whole(app, width))
        assert "ctrl+u" in text, "the user's own key"
        await press(app, pilot, "slash", *"mute", "enter")
        shown = screen_text(app)
        assert "Do not show these for a while" in shown
        assert "Go to" not in shown
        await press(app, pilot, "slash", *["backspace"] * 4, *"zzzz", "enter")
        assert "nothing here says" in screen_text(app)
        await press(app, pilot, "slash", *["backspace"] * 4, "enter", "escape")
        assert app.screen is app.main


async def test_the_palette_offers_every_key_of_every_tab_and_runs_it_there():
    async with running(fed_engine()) as (app, pilot):
        offered = {command.title: command for command in app.get_system_commands(app.screen)}
        for owner in owners():
            present = [node for node in app.main.query("*") if type(node) is owner]
            for binding in own_bindings(owner) if present and title_of(owner) != "Every list" else ():
                name = f"{title_of(owner)}: {binding.description}"
                assert name in offered or binding.description in offered, name
        offered["Alerts: Noise"].callback()
        await settle(app, pilot)
        assert type(app.screen).__name__ == "NoiseScreen"
        await press(app, pilot, "escape")
        offered["Go to Tree"].callback()
        await settle(app, pilot)
        assert app.main.shown_name == "tree"
        offered["Live: Pause"].callback()
        await settle(app, pilot)
        assert app.session.live.paused
        assert app.main.shown_name == "live"


async def test_the_users_keys_are_in_force_in_the_footer_and_the_old_ones_are_not():
    async with running(fed_engine(), keys={"alerts.ack": "ctrl+a,K"}) as (app, pilot):
        await press(app, pilot, "2", "a")
        assert app.session.alerts.open == 6
        await press(app, pilot, "K")
        assert app.session.alerts.open == 5
        await press(app, pilot, "ctrl+a")
        assert app.session.alerts.open == 2
        assert "^a Ack" in screen_text(app)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"alerts.mut": "x"}, ['nothing called "alerts.mut"', 'did you mean "alerts.mute"?']),
        ({"alerts.mute": "ctrl+"}, ['no key "ctrl+"']),
        ({"alerts.mute": "pagedwn"}, ['no key "pagedwn"', 'did you mean "pagedown"?']),
        ({"alerts.mute": "a"}, ["a already is", "Acknowledge", "alerts.ack", "another key"]),
        ({"alerts.mute": "q"}, ["q already is", "app.quit"]),
        ({"app.quit": "m"}, ["m already is"]),
        ({"filter.open": "space"}, ["space already is", "live.pause"]),
    ],
)
def test_a_wrong_key_is_named_with_what_is_right(keys, words):
    usable, (error,) = usable_keys(keys)
    assert usable == {}
    for word in [*words, "The line is left out."]:
        assert word in f"{error} {error.hint}"


def test_what_a_line_that_is_left_out_frees_is_looked_at_again():
    """The noise would take what is the mute's, which has its own key again."""
    usable, (first, second) = usable_keys({"alerts.mute": "q", "alerts.noise": "m", "alerts.ack": "K"})
    assert usable == {"alerts.ack": "K"}
    assert "q already is" in str(first)
    assert "m already is" in str(second)


async def test_the_screen_starts_without_the_lines_that_are_wrong_and_says_where_they_stand(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('theme = "tuimon-ligth"\n\n[keys]\nalerts.mut = "x"\nhistory_mb = "3"\nalerts.ack = "K"\n')
    read = settings.load((file,))
    async with running(fed_engine(), size=(200, 50), keys=read.keys, theme=read.theme) as (app, pilot):
        await settle(app, pilot)
        theme, name, setting = [one.message for one in app._notifications]
        assert f'{file}:1: theme = "tuimon-ligth"' in theme
        assert 'did you mean "tuimon-light"?' in theme
        assert "The screen wears tuimon-dark." in theme
        assert f"{file}:4: [keys] alerts.mut" in name
        assert f"{file}:5: [keys] history_mb" in setting
        assert "above the line [keys]" in setting
        assert app.keys == {"alerts.ack": "K"}
        assert app.theme == "tuimon-dark"


def test_keys_may_be_exchanged_and_written_as_a_person_does():
    exchanged = {"alerts.mute": "a", "alerts.ack": "m"}
    assert usable_keys(exchanged) == (exchanged, [])
    assert usable_keys({"alerts.noise": "&"})[0] == {"alerts.noise": "ampersand"}
    assert usable_keys({"live.pause": "f9, ctrl+alt+p"})[0] == {"live.pause": "f9,ctrl+alt+p"}


def test_the_config_file_takes_a_table_of_keys(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[keys]\nalerts.mute = "ctrl+u"\n"alerts.ack" = "K"\nrecord = "f9"\n')
    assert dict(settings.load((file,)).keys) == {"alerts.mute": "ctrl+u", "alerts.ack": "K", "record": "f9"}
    for wrong, said in (
        ('keys = "x"', "keys is 'x'"),
        ("[keys]\nalerts.mute = 7", "keys.alerts.mute is 7"),
        ('[keys]\nrecord = ""', "keys.record is ''"),
    ):
        file.write_text(wrong)
        with pytest.raises(SettingsError, match=said):
            settings.load((file,))


async def test_T_tries_each_theme_and_the_one_chosen_is_worn_next_time():
    async with running(fed_engine(), remember=True) as (app, pilot):
        first = app.theme
        await press(app, pilot, "T", "down")
        assert isinstance(app.screen, ThemePick)
        second = app.theme
        assert second != first
        await press(app, pilot, "escape")
        assert app.theme == first
        await press(app, pilot, "T", "down", "enter")
        assert app.theme == second
    async with running(fed_engine(), remember=True) as (app, pilot):
        assert app.theme == second
    async with running(fed_engine(), remember=True, theme="high-contrast") as (app, pilot):
        assert app.theme == "high-contrast", "the configuration has named another one since"
    statefile.write("theme", {"theme": "no such", "instead_of": ""})
    async with running(fed_engine(), remember=True) as (app, pilot):
        assert app.theme == first


def test_the_keys_of_the_help_are_named_as_they_are_typed():
    by_id = {binding.id: binding for owner in owners() for binding in own_bindings(owner)}
    assert keys_of(by_id["alerts.noise"], {}) == ["%"]
    assert keys_of(by_id["filter.open"], {"filter.open": "ctrl+f,slash"}) == ["ctrl+f", "/"]


@pytest.mark.parametrize("keys", [["colon"], ["2", "b"], ["3"], ["question_mark"], ["T"], ["V"], ["slash"], ["1", "C"]])
async def test_nothing_beyond_ascii_is_drawn_where_that_is_asked_for(keys):
    """Textual's own palette and notices too, words that are cut, names that processes give to files."""
    async with running(side_engine(), size=(80, 24), ascii_only=True) as (app, pilot):
        app.notify("one", markup=False)
        app.notify("two", severity="warning", markup=False)
        app.notify("three", severity="error", markup=False)
        await until(lambda: "three" in screen_text(app))
        await press(app, pilot, *keys)
        if keys == ["colon"]:
            await until(lambda: "After" in screen_text(app))
        assert [line for line in screen_text(app).splitlines() if not line.isascii()] == []


async def test_what_is_said_twice_is_shown_once():
    async with running() as (app, _):
        for words in ("no further alert", "copied", "no further alert"):
            app.notify(words, markup=False)
        await until(lambda: screen_text(app).count("no further alert") == 1)
        assert [one.message for one in app._notifications] == ["copied", "no further alert"]
