"""The alerts tab: all alerts, and in full the one under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from tuimon.ui.panes.alerts_pane import AlertsPane
from tuimon.ui.panes.pane import Pane
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from tuimon.ui.ticker import Tick
    from tuimon.view.session import Changes, Session


class AlertsTab(Tab):
    """The tab."""

    def __init__(self) -> None:
        super().__init__("alerts")
        self.alerts = AlertsPane("all-alerts")
        self._pane = Pane(id="alert-pane", title="Alert")
        self._text = LineList(id="alert-text", empty="enter opens the alert under the cursor")
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        """Lay out the list and the text."""
        yield self.alerts
        with self._pane:
            yield self._text

    @property
    def first_focus(self) -> Widget:
        """The alerts."""
        return self.alerts.list

    def take_up(self, session: Session) -> None:
        """Fill the list."""
        self.alerts.attach(session)

    def pump(self, tick: Tick, changes: Changes) -> None:  # noqa: ARG002
        """Show new alerts."""
        self.alerts.pump(changes)
        if changes.alerts:
            self._show_alert()

    def show_fixed(self) -> None:
        """Paint what is not a list."""
        self.alerts.show_fixed()
        self._show_alert()

    def shown(self) -> None:
        """Paint everything."""
        super().shown()
        self._drawn = None
        self._show_alert()

    @on(LineList.Moved, "#all-alerts-list")
    def _show_alert(self) -> None:
        """Show the alert under the cursor in full, below the list."""
        from tuimon.view.alert_view import AlertGroup
        from tuimon.view.detail_lines import FixedLines, alert_lines

        row, width = self.alerts.list.row_under_cursor(), self._text.row_width
        if row is None or row is self._drawn or not width or self.session is None:
            return
        if self._text.has_focus and isinstance(row, AlertGroup) and row.key == getattr(self._drawn, "key", None):
            return  # a repeat came while somebody reads: it must not scroll away
        self._drawn = row
        self._text.show(FixedLines(alert_lines(row, self.session.alerts.members(row), width)))
