"""The tabs beside Live, Alerts and Rules, in the order of their keys."""

from __future__ import annotations

from typing import Final

from tuimon.ui.screens.board_tab import BoardTab
from tuimon.ui.screens.health_tab import HealthTab
from tuimon.ui.screens.replay_tab import ReplayTab
from tuimon.ui.screens.side_tab import SideTab
from tuimon.ui.screens.tree_tab import TreeTab

SIDE_TABS: Final = (("board", "Board"), ("tree", "Tree"), ("replay", "Replay"), ("health", "Health"))
"""Name and title of each."""


def side_tabs() -> dict[str, SideTab]:
    """Return the tabs by name."""
    return {"board": BoardTab(), "tree": TreeTab(), "replay": ReplayTab(), "health": HealthTab()}
