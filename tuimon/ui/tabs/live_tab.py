"""The live tab: containers, live events, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tuimon.ui.panes.alerts_pane import AlertsPane
from tuimon.ui.panes.containers_pane import ContainersPane
from tuimon.ui.panes.live_pane import LivePane
from tuimon.ui.tabs.tab import Tab

if TYPE_CHECKING:
    from tuimon.view.session import Changes, Session


class LiveTab(Tab):
    """The tab."""

    def __init__(self) -> None:
        super().__init__("live")
        self.containers = ContainersPane()
        self.events = LivePane()
        self.alerts = AlertsPane("alerts")

    def compose(self) -> ComposeResult:
        """Lay out the three panes."""
        with Horizontal(id="upper"):
            yield self.containers
            yield self.events
        yield self.alerts

    @property
    def first_focus(self) -> Widget:
        """The events."""
        return self.events.list

    def take_up(self, session: Session) -> None:
        """Fill the panes."""
        self.containers.attach(session)
        self.events.attach(session)
        self.alerts.attach(session)

    def pump(self, tick: int, changes: Changes) -> None:
        """Show what is new; the list keeps its place also while another tab is shown."""
        self.events.pump(tick, changes)
        self.containers.pump(changes)
        self.alerts.pump(changes)

    def show_fixed(self) -> None:
        """Paint what is not a list."""
        self.events.show_fixed()
        self.containers.show_fixed()
        self.alerts.show_fixed()
