"""Pictures of what alerts are worked off with, at the three sizes and in two themes."""

from __future__ import annotations

import pytest

from tests.ui.fake_engine import fed_engine
from tests.ui.test_snapshots import SIZES, looks, ready
from tuimon.ui.app import TuimonApp

SCENES = {
    "settled": ["2", "a", "down", "m", "enter"],
    "grouped": ["2", "i", "down", "enter"],
    "mute": ["2", "down", "m"],
    "copy": ["2", "down", "Y"],
    "before": ["2", "down", "b"],
    "story": ["2", "down", "t"],
    "noise": ["2", "percent_sign"],
    "theme": ["T"],
}


def engine():
    """Return one rule that drowns the others, among alerts of every severity."""
    made = fed_engine()
    for _ in range(40):
        made.alert("Read the shadow file", "Warning", row=3)
    return made


@pytest.mark.parametrize(("scene", "size", "theme"), looks(SCENES))
def test_picture(snap_compare, scene, size, theme):
    async def still(pilot):
        await ready(pilot, SCENES[scene])
        pilot.app.clear_notifications()
        await pilot.pause()

    assert snap_compare(TuimonApp(engine(), theme=theme), terminal_size=SIZES[size], run_before=still)
