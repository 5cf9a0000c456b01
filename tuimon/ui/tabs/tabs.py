"""The tabs in the order of their number keys, and what makes them."""

from __future__ import annotations

from typing import Final

from tuimon.ui.tabs.alerts_tab import AlertsTab
from tuimon.ui.tabs.board_tab import BoardTab
from tuimon.ui.tabs.health_tab import HealthTab
from tuimon.ui.tabs.live_tab import LiveTab
from tuimon.ui.tabs.replay_tab import ReplayTab
from tuimon.ui.tabs.rules_tab import RulesTab
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.tabs.tree_tab import TreeTab

TABS: Final = (
    ("live", "Live", LiveTab),
    ("alerts", "Alerts", AlertsTab),
    ("rules", "Rules", RulesTab),
    ("board", "Board", BoardTab),
    ("tree", "Tree", TreeTab),
    ("replay", "Replay", ReplayTab),
    ("health", "Health", HealthTab),
)
"""Name, title and class of each."""


def make_tabs() -> dict[str, Tab]:
    """Return new tabs by name."""
    return {name: make() for name, _, make in TABS}
