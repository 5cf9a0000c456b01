"""Pictures of the board, tree, replay and health tabs at the three sizes and in two themes."""

from __future__ import annotations

import pytest

from tests.ui.conftest import settle
from tests.ui.side_engine import side_engine
from tests.ui.test_snapshots import SIZES, looks, ready, settle_scrollbars
from tuimon.ui.app import TuimonApp

SCENES = {
    "board": ["4", "j", "j", *["right"] * 7],
    "cell": ["4", "j", "j", "a"],
    "tree": ["5", "j", "j"],
    "process": ["5", "G", "enter"],
    "replay": ["6"],
    "health": ["7"],
}


async def still(pilot, keys):
    """Press the keys, paint what the timer would, and let nothing move."""
    await ready(pilot, keys)
    for side in pilot.app.main.tabs.values():
        if side.is_shown:
            side.shown()
    await settle(pilot.app, pilot)
    settle_scrollbars(pilot.app)
    await pilot.pause()


@pytest.mark.parametrize(("scene", "size", "theme"), looks(SCENES))
def test_picture(snap_compare, scene, size, theme):
    app = TuimonApp(side_engine(), theme=theme)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=lambda pilot: still(pilot, SCENES[scene]))
