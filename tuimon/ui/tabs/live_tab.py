"""The live tab: containers, live events or a view of them, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tuimon.ui.panes.alerts_pane import AlertsPane
from tuimon.ui.panes.containers_pane import ContainersPane
from tuimon.ui.panes.live_pane import LivePane
from tuimon.ui.panes.top_pane import TopPane
from tuimon.ui.tabs.tab import Tab

if TYPE_CHECKING:
    from tuimon.ui.ticker import Tick
    from tuimon.view.session import Changes, Session
    from tuimon.view.trail import Step


class LiveTab(Tab):
    """The tab."""

    def __init__(self) -> None:
        super().__init__("live")
        self.containers = ContainersPane()
        self.events = LivePane()
        self.top = TopPane()
        self.alerts = AlertsPane("alerts")

    def compose(self) -> ComposeResult:
        """Lay out the three panes."""
        with Horizontal(id="upper"):
            yield self.containers
            yield self.events
            yield self.top
        yield self.alerts

    @property
    def first_focus(self) -> Widget:
        """The events, or the view that is open in their place."""
        return self.top.list if self.has_class("-views") else self.events.list

    def take_up(self, session: Session) -> None:
        """Fill the panes."""
        self.containers.attach(session)
        self.events.attach(session)
        self.top.attach(session)
        self.alerts.attach(session)

    def show_view(self, name: str) -> None:
        """Show a view in the place of the events; empty: the events."""
        shown, focused = self.has_class("-views"), self.events.has_focus_within or self.top.has_focus_within
        self.set_class(bool(name), "-views")
        self.top.open(name)
        if focused or shown != bool(name):
            self.screen.set_focus(self.first_focus)
        if name:
            self.call_after_refresh(self.top.show_fixed)
        else:
            self.call_after_refresh(self.events.show_fixed)

    def trail_changed(self) -> None:
        """Other containers or another filter are shown now."""
        self.events.trail_changed()
        self.top.trail_changed()

    def back(self, gone: Step | None) -> bool:
        """A step was taken back (None: there was none): go to where it was taken; return whether that is anywhere."""
        if gone is None:
            shown = self.has_class("-views")
            if shown:
                self.show_view("")
            return shown
        self.show_view(gone.view)
        return True

    def pump(self, tick: Tick, changes: Changes) -> None:
        """Show what is new; the list keeps its place also while another tab is shown."""
        self.events.pump(tick, changes)
        if self.is_shown:
            self.top.pump()
        self.containers.pump(changes)
        self.alerts.pump(changes)

    @property
    def at_work(self) -> bool:
        """Whether rows are being sorted, folded, looked for or counted."""
        return self.events.at_work or (self.is_shown and self.top.at_work)

    def show_fixed(self) -> None:
        """Paint what is not a list."""
        self.events.show_fixed()
        self.top.show_fixed()
        self.containers.show_fixed()
        self.alerts.show_fixed()
