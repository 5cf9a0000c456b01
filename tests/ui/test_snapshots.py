"""Pictures of every tab and dialog at the three sizes and in two themes; clock, engine and cursor stand still."""

from __future__ import annotations

import pytest

from tests.ui.conftest import checked, settle, until
from tests.ui.fake_engine import fed_engine
from tuimon.ui.app import TuimonApp
from tuimon.ui.widgets.filter_bar import FilterInput

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x50": (200, 50)}
TABS = ("live", "alerts", "rules", "board", "tree", "replay", "health")
SCENES = {
    "live": [],
    "container": ["c", "down", "enter"],
    "filtered": ["slash", *"shadow", "enter"],
    "event": ["g", "enter"],
    "kept": ["g", "j", "equals_sign"],
    "views": ["V"],
    "view": ["V", "down", "enter"],
    "columns": ["C"],
    "completion": ["slash", *"proc.na"],
    "alerts": ["2", "down"],
    "alert": ["2", "down", "enter"],
    "rules": ["3", "enter"],
    "help": ["question_mark"],
}


def settle_scrollbars(app):
    """Move the scrollbars to where the rows are; they follow at most every half second, in dialogs too."""
    for screen in app.screen_stack:
        for widget in screen.query("LineList"):
            widget._scrollbar_at = -1.0
            widget.sync(changed=True)


async def ready(pilot, keys):
    """Press keys once the engine is there, and wait until nothing is under way."""
    app = pilot.app
    await until(lambda: app.session is not None)
    app.main.query_one("#editor").cursor_blink = app.main.query_one(FilterInput).cursor_blink = False
    await pilot.pause()
    for key in keys:
        await pilot.press(key)
    await settle(app, pilot)
    drill, typed = app.main.live.top.drill, app.main.query_one(FilterInput)

    def counted():
        app.main.pump()
        return not drill.name or (drill.progress == 1 and drill.table.rows)

    await until(counted)
    await until(lambda: typed.offered.is_open or not (typed.has_focus and typed.value))
    await checked(app, pilot)
    settle_scrollbars(app)
    app.main.show_fixed()
    await pilot.pause()


def looks(scenes):
    """Return the pictures to take: scene, size and theme.

    Tabs in both themes at every size; what opens over them in the light one at one size, as layout knows no colours.
    """
    dark = [(scene, size, "tuimon-dark") for scene in scenes for size in SIZES]
    return dark + [
        (scene, size, "tuimon-light") for scene in scenes for size in SIZES if size == "120x40" or scene in TABS
    ]


@pytest.mark.parametrize(("scene", "size", "theme"), looks(SCENES))
def test_picture(snap_compare, scene, size, theme):
    app = TuimonApp(fed_engine(), theme=theme)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=lambda pilot: ready(pilot, SCENES[scene]))
