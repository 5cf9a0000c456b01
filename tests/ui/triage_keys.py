"""Cases of the keys with which alerts are worked off; see test_keys. What they do in full is in test_triage."""

from __future__ import annotations

from tests.ui.cases import registry
from tests.ui.conftest import press, screen_text
from tuimon.ui.screens.ask import Ask
from tuimon.ui.screens.before import BeforeScreen
from tuimon.ui.screens.choice import Choice
from tuimon.ui.screens.event_details import EventDetails
from tuimon.ui.screens.help import Help
from tuimon.ui.screens.mute import MuteDialog, MuteList, MuteScopes
from tuimon.ui.screens.noise import NoiseScreen
from tuimon.ui.screens.pick import Pick
from tuimon.ui.screens.story import StoryScreen
from tuimon.ui.screens.theme import ThemePick

OWNERS = (Help, Pick, MuteDialog, MuteScopes, NoiseScreen, BeforeScreen, StoryScreen, Ask, Choice)
CASES, case = registry()


def opens(binding, screen, *before, fresh=True):
    """Make a case: after some keys, the key opens a dialog."""

    async def check(app, pilot, keys):
        asked = app.open_why = _Asked()
        for key in keys:
            await press(app, pilot, *(before if fresh or key == keys[0] else ()), key)
            if screen is None:
                assert asked.times
            else:
                assert isinstance(app.screen, screen)
            app.pop_to_main()

    CASES[binding] = check


class _Asked:
    times = 0

    def __call__(self, event, rule=None):
        self.times += 1


def leaves(binding, *before):
    """Make a case: each of the keys leaves the dialog."""

    async def check(app, pilot, keys):
        for key in keys:
            await press(app, pilot, *before)
            assert len(app.screen_stack) == 2
            await press(app, pilot, key)
            assert app.screen is app.main

    CASES[binding] = check


def copies(binding, text, *before):
    """Make a case: the key copies a text that begins so."""

    async def check(app, pilot, keys):
        await press(app, pilot, *before, keys[0])
        assert app.clipboard.startswith(text)

    CASES[binding] = check


SHADOW = ("2", "down")
opens("alerts.go", Choice, *SHADOW)
opens("live.go", Choice, "g")
opens("event.go", Choice, "g", "enter")
opens("help.search", Ask, "question_mark")
opens("app.theme", ThemePick)
opens("alerts.mute", MuteDialog, *SHADOW)
opens("alerts.before", BeforeScreen, *SHADOW)
opens("alerts.story", StoryScreen, *SHADOW)
opens("alerts.evidence", Ask, *SHADOW)
opens("alerts.copy_as", Pick, *SHADOW)
opens("alerts.group_by", Pick, *SHADOW)
opens("alerts.noise", NoiseScreen, *SHADOW)
copies("alerts.copy", "Read the shadow file (file=", *SHADOW)
leaves("choice.leave", *SHADOW, "l")
leaves("pick.leave", *SHADOW, "i")
leaves("ask.leave", *SHADOW, "E")
leaves("noise.leave", *SHADOW, "percent_sign")
opens("noise.mute", MuteDialog, *SHADOW, "percent_sign")
leaves("before.leave", *SHADOW, "b")
opens("before.details", EventDetails, *SHADOW, "b")
opens("before.why", None, *SHADOW, "b")
opens("before.story", StoryScreen, *SHADOW, "b")
copies("before.copy", "/etc/shadow", *SHADOW, "b")
copies("before.copy_all", '{"time"', *SHADOW, "b")
leaves("story.leave", *SHADOW, "t")
opens("story.details", EventDetails, *SHADOW, "t")
opens("story.why", None, *SHADOW, "t")
copies("story.copy", "/etc/shadow", *SHADOW, "t")
copies("story.copy_all", "Story of alert", *SHADOW, "t")
opens("story.evidence", Ask, *SHADOW, "t")
opens("story.save", Ask, *SHADOW, "t")


@case("alerts.ack")
async def acknowledges(app, pilot, keys):
    await press(app, pilot, "2", keys[0])
    assert app.session.alerts.open == 5


@case("alerts.ack_many")
async def acknowledges_many(app, pilot, keys):
    await press(app, pilot, "2", keys[0])
    assert isinstance(app.screen, Pick)
    assert "everything that is listed" in screen_text(app)
    await press(app, pilot, "G", "enter")
    assert app.session.alerts.open == 0
    await press(app, pilot, "ctrl+z")
    assert app.session.alerts.open == 6


@case("alerts.undo")
async def takes_the_acknowledgement_back(app, pilot, keys):
    await press(app, pilot, "2", "a", keys[0])
    assert app.session.alerts.open == 6


@case("alerts.settled")
async def only_counts_what_is_settled(app, pilot, keys):
    await press(app, pilot, "2", keys[0])
    assert not app.session.alerts.settled_shown


@case("alerts.mutes")
async def lists_the_mutes(app, pilot, keys):
    await press(app, pilot, *SHADOW, "m", "enter", keys[0])
    assert isinstance(app.screen, MuteList)


@case("mute.longer", "mute.shorter")
async def changes_how_long(app, pilot, keys):
    for key in keys:
        await press(app, pilot, *SHADOW, "m")
        before = app.screen.length
        await press(app, pilot, key)
        assert app.screen.length != before
        app.pop_to_main()


@case("mute.take")
async def mutes_what_is_under_the_cursor(app, pilot, keys):
    await press(app, pilot, *SHADOW, "m", keys[0])
    assert [mute.rule for mute in app.session.alerts.mutes.all] == ["Read the shadow file"]


@case("noise.exception")
async def drafts_an_exception(app, pilot, keys):
    drafted = []
    app.bench.exception = drafted.append
    await press(app, pilot, *SHADOW, "percent_sign", keys[0])
    assert drafted[0][0].rule == "Read the shadow file"


@case("noise.edit")
async def opens_the_rule(app, pilot, keys):
    await press(app, pilot, *SHADOW, "percent_sign", keys[0])
    assert app.main.shown_name == "rules"


@case("story.all")
async def tells_all(app, pilot, keys):
    await press(app, pilot, *SHADOW, "t")
    few = len(app.screen.story.lines)
    await press(app, pilot, keys[0])
    assert len(app.screen.story.lines) > few


@case("alerts.find", "alerts.unfind")
async def finds_the_alerts_of_a_rule(app, pilot, keys):
    rules = lambda: [row.rule for row in app.session.alerts.rows]  # noqa: E731
    everything = rules()
    await press(app, pilot, "2", "backslash" if keys[0] == "escape" else keys[-1], *"SHADOW FILE")
    assert rules() == ["Read the shadow file"]
    assert "1 with SHADOW FILE" in screen_text(app)
    await press(app, pilot, "enter", "enter")
    assert "Read the shadow file" in screen_text(app)
    await press(app, pilot, "escape", "escape")
    assert rules() == everything, "esc lists all again"
    await press(app, pilot, "backslash", *"nosuch")
    assert "none; esc lists all again" in screen_text(app)
    await press(app, pilot, "escape", "escape")
    assert app.focused is app.main.alerts.alerts.list
    assert rules() == everything
