"""Themes are data: every shipped one is whole and readable, a wrong one is told what is wrong."""

import pytest
from textual.color import Color

from tests.ui.conftest import running, settle
from tuimon.errors import SettingsError
from tuimon.places import Placed
from tuimon.resources import themes_dir
from tuimon.ui.app import TuimonApp
from tuimon.ui.themes import DEFAULT, left_out, load_theme, load_themes, role_defaults
from tuimon.ui.widgets.palette import CURSOR_STATES, contrast
from tuimon.view.cells import GROUNDS, ROLES

SHIPPED = sorted(path.stem for path in themes_dir().glob("*.toml"))


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[theme]\nprimry = "#fff"', ['no key "primry"', 'did you mean "primary"?']),
        ('[theme]\nprimary = "#ggg"', ["is not a colour", "#rrggbb"]),
        ("[theme]\nprimary = 7", ["must be a colour in quotes", "#rrggbb"]),
        ('[theme]\nprimary = "red"\ndark = 1', ["true or false"]),
        ('[theme]\nprimary = "red"\ntext_alpha = 2', ["from 0 to 1"]),
        ('[theme]\naccent = "red"', ["needs primary", "add a line"]),
        ('[theme]\nprimary = "red"\n[roles]\nseverity-critcal = "red"', ['"severity-critcal"', "severity-critical"]),
        ('[colours]\na = "red"', ['no table "colours"', "theme"]),
        ("theme = 3", ["must be a table"]),
        ('[theme]\nprimary = "red"\n[variables]\n"x;}" = "red"', ["must be a name"]),
        ('[theme]\nprimary = "red"\n[variables]\nborder = "red;}"', ["is not a colour"]),
        ("[theme", ["not valid TOML"]),
    ],
)
def test_a_wrong_theme_is_told_what_is_wrong(tmp_path, text, words):
    with pytest.raises(SettingsError) as caught:
        load_theme(written(tmp_path, text))
    said = f"{caught.value} {caught.value.hint}"
    for word in [*words, "mine.toml"]:
        assert word in said


def test_an_unreadable_theme(tmp_path):
    with pytest.raises(SettingsError, match="cannot read theme"):
        load_theme(tmp_path / "none.toml")


def test_a_theme_needs_little(tmp_path):
    theme = load_theme(written(tmp_path, '[theme]\nprimary = "#3b82c4"'))
    assert theme.name == "mine"
    assert set(role_defaults(theme)) == set(ROLES) | set(GROUNDS)


def test_a_users_theme_comes_beside_ours(tmp_path):
    written(tmp_path, '[theme]\nprimary = "#3b82c4"')
    themes, wrong = load_themes(themes_dir(), tmp_path, tmp_path / "none")
    assert "mine" in themes
    assert DEFAULT in themes
    assert wrong == {}


async def test_a_wrong_theme_of_the_user_s_is_left_out_and_said_unless_it_is_asked_for(tmp_path):
    """A typing error in one of ten files is no reason not to watch."""
    written(tmp_path, '[theme]\nprimry = "#fff"')
    async with running(size=(200, 50), themes_path=tmp_path) as (app, _):
        assert app.theme == DEFAULT
        assert "mine" not in app.available_themes
        (notice,) = [one.message for one in app._notifications]
        assert 'no key "primry"' in notice
        assert "left out" in notice
    with pytest.raises(SettingsError, match="primry"):
        TuimonApp(lambda: None, theme="mine", themes_path=tmp_path)


async def test_a_wrong_theme_that_a_config_file_asks_for_is_said_once_and_ours_is_worn(tmp_path):
    """Where it stands, what is wrong with it, and what is worn: the screen starts all the same."""
    written(tmp_path, '[theme]\nprimary = "red"\naccent = "bleu"')
    asked = Placed("mine", "/etc/tuimon/config.toml:4")
    async with running(size=(200, 50), themes_path=tmp_path, theme=asked) as (app, _):
        (notice,) = [one.message for one in app._notifications]
        assert notice.startswith('/etc/tuimon/config.toml:4: theme = "mine": theme ')
        assert 'mine.toml:3: accent = "bleu" is not a colour' in notice
        assert notice.endswith(f"The screen wears {DEFAULT}.")
        assert app.theme == DEFAULT


def test_of_many_mistakes_the_first_are_told_and_how_many_more():
    """More notices would hide the lists."""
    wrong = [SettingsError(f"mistake {number}", "mend it") for number in range(6)]
    assert left_out(wrong, None, {}) == [
        *(f"mistake {number}; mend it" for number in range(2)),
        "4 more lines or themes are left out.",
    ]
    assert len(left_out(wrong[:3], None, {})) == 3


def test_an_unknown_theme_is_named_with_those_there_are():
    with pytest.raises(SettingsError) as caught:
        TuimonApp(lambda: None, theme="nope")
    assert "tuimon-light" in caught.value.hint


def test_there_are_enough():
    kinds = {"tuimon-dark", "tuimon-light", "high-contrast", "colour-blind", "colour-blind-light", "terminal-16"}
    assert kinds <= set(SHIPPED)
    assert len(SHIPPED) >= 6


@pytest.mark.parametrize("name", [name for name in SHIPPED if not name.startswith("terminal-16")])
def test_every_role_can_be_read_on_every_ground(name):
    """4.5:1 (WCAG AA) on the ground, 7:1 for the high contrast theme; under the cursor: see below."""
    theme = load_theme(themes_dir() / f"{name}.toml")
    values = {**role_defaults(theme), **theme.to_color_system().generate(), **theme.variables}
    needed = 7.0 if name == "high-contrast" else 4.5
    grounds = {ground: Color.parse(values[ground]) for ground in ("background", "bar", "panel")}
    poor = {
        f"{role} on {ground}": round(contrast(Color.parse(values[role]), colour), 2)
        for role in ROLES
        for ground, colour in grounds.items()
        if contrast(Color.parse(values[role]), colour) < needed
    }
    assert poor == {}


@pytest.mark.parametrize("name", SHIPPED)
async def test_every_role_can_be_read_under_the_cursor(name):
    """4.5:1, and 7:1 where it has that beside the cursor; the terminal's own colours give way to the cursor's text."""
    async with running(size=(80, 24), theme=name) as (app, _):
        painter = app.main.live.events.list
        beside = painter.style_of("").bgcolor
        for state in CURSOR_STATES:
            text = painter.style_of("", state).color
            for role in ROLES:
                style, plain = painter.style_of(role, state), painter.style_of(role).color
                if name.startswith("terminal-16"):
                    assert style.color == text, (role, state)
                    continue
                needed = 7.0 if contrast(of(plain), of(beside)) >= 7.0 else 4.5
                assert contrast(of(style.color), of(style.bgcolor)) >= needed, (role, state)


def of(colour):
    return Color(*colour.triplet)


@pytest.mark.parametrize("name", SHIPPED)
async def test_every_theme_can_be_chosen_live(name):
    async with running(size=(80, 24)) as (app, pilot):
        app.theme = name
        await settle(app, pilot)
        await pilot.press("3")
        await settle(app, pilot)
        assert app.theme == name


async def test_only_our_themes_are_offered():
    async with running(size=(80, 24)) as (app, _):
        assert set(app.available_themes) == set(SHIPPED)


async def test_without_colours_the_terminals_own_theme_is_not_worn(monkeypatch):
    """Textual would show it as black on black."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(size=(80, 24), theme="terminal-16") as (app, _):
        assert app.theme == DEFAULT
        assert not {"terminal-16", "terminal-16-light"} & set(app.available_themes)
