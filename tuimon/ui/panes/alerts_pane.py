"""The alerts pane: alerts folded or one by one, and what can be done with the one under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.panes.pane import Pane
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import WHY, AlertList

if TYPE_CHECKING:
    from tuimon.events import Alert
    from tuimon.ui.app import TuimonApp
    from tuimon.view.session import Changes, Session


class AlertsPane(Pane):
    """A list of alerts with its head; the live tab and the alerts tab each have one over the same view.

    Args:
        name: Id of the pane without ``-pane``, and of the list without ``-list``.
    """

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit_rule", "Edit rule", id="alerts.edit"),
        Binding("w", "why", "Why", show=False, tooltip=WHY, id="alerts.why"),
        Binding("u", "fold", "Fold", tooltip="Fold repeats, or show every alert", id="alerts.fold"),
        Binding("o", "order", "Order", tooltip="Worst first, or newest first", id="alerts.order"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__(id=f"{name}-pane", title="Alerts")
        self.list = AlertList(name)
        self._head = CellLines(classes="head")
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        """Lay out head and list."""
        yield self._head
        yield self.list

    def attach(self, session: Session) -> None:
        """Take up the alerts of an engine."""
        from tuimon.view.alert_lines import AlertLines

        self._session = session
        self.list.show_alerts(AlertLines(session.alerts))

    def pump(self, changes: Changes) -> None:
        """Show new alerts."""
        if changes.alerts:
            self.list.renew()

    def show_fixed(self) -> None:
        """Paint the head and the title afresh."""
        from tuimon.view.alert_lines import alert_header

        if self._session is not None:
            self._head.set_lines(alert_header(self.list.size.width))
            self._show_title(self._session)

    def _show_title(self, session: Session) -> None:
        view = session.alerts
        what = f"{len(view.rows)} groups, {view.total:,} alerts" if view.grouped else f"{view.total:,} alerts"
        hidden = f", {view.hidden} hidden by container" if view.hidden else ""
        name = f"{session.chosen_name}  " if session.chosen_name else ""
        order = "worst first" if view.by_severity else "newest first"
        self.set_title(f"Alerts  {name}{what}{hidden}", f"enter open  e rule  u fold  o {order}")

    def alert_under_cursor(self) -> Alert | None:
        """Return the alert under the cursor, of a group the newest."""
        from tuimon.view.alert_view import AlertGroup

        row = self.list.row_under_cursor()
        return row.newest if isinstance(row, AlertGroup) else row

    # Keys.

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.alert_details import AlertDetails

        message.stop()
        row = self.list.row_under_cursor()
        if row is not None and self._session is not None:
            self.app.push_screen(AlertDetails(row, self._session.alerts.members(row)), self._left)

    def _left(self, rule: str | None) -> None:
        if rule:
            self.app.main.edit_rule(rule)

    def action_edit_rule(self) -> None:
        """Open the rule of the alert under the cursor."""
        if (row := self.list.row_under_cursor()) is not None:
            self.app.main.edit_rule(row.rule)

    def action_why(self) -> None:
        """Say why the rule fired for the alert under the cursor."""
        if (alert := self.alert_under_cursor()) is not None:
            self.app.open_why(alert.event, alert.rule)

    def action_fold(self) -> None:
        """Fold the repeats of an alert, or show every one."""
        if self._session is not None:
            self._session.alerts.toggle_grouped()
            self.app.main.renew_alerts()

    def action_order(self) -> None:
        """Order alerts by severity, or by time."""
        if self._session is not None:
            self._session.alerts.toggle_by_severity()
            self.app.main.renew_alerts()
