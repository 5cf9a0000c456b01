"""Everything about one alert, or about a group of repeats: output, fields, event, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.events import Alert
from tuimon.headless.alerts import json_line
from tuimon.ui.screens.details import Details
from tuimon.view.alert_view import AlertGroup
from tuimon.view.cells import Line
from tuimon.view.detail_lines import alert_lines

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp


class AlertDetails(Details):
    """The dialog of one alert. Dismissed with the rule's name when it is to be edited."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit rule", id="alert.edit"),
        Binding("y", "copy", "Copy as JSON", id="alert.copy"),
        Binding("enter", "event", "Event", id="alert.event"),
        Binding("w", "why", "Why", show=False, tooltip="Why rules fired or did not", id="alert.why"),
    ]
    app: TuimonApp

    def __init__(self, row: AlertGroup | Alert, members: Sequence[Alert]) -> None:
        super().__init__(f"{row.priority}  {row.rule}")
        self._row = row
        self._members = members

    @property
    def _alert(self) -> Alert:
        return self._row.newest if isinstance(self._row, AlertGroup) else self._row

    def lines(self, width: int) -> Sequence[Line]:
        """Return the alert's lines."""
        return alert_lines(self._row, self._members, width)

    def action_edit(self) -> None:
        """Go to the rule."""
        self.dismiss(self._row.rule)

    def action_why(self) -> None:
        """Say why the rule fired."""
        self.app.open_why(self._alert.event, self._row.rule)

    def action_event(self) -> None:
        """Open the event that set it off."""
        from tuimon.ui.screens.event_details import EventDetails

        self.app.push_screen(EventDetails(self._alert.event))

    def action_copy(self) -> None:
        """Copy the alert as Falco's JSON."""
        self.app.copy_to_clipboard(json_line(self._alert))
        self.app.notify("copied as JSON", timeout=2, markup=False)

    def on_line_list_opened(self) -> None:
        """Enter in the list opens the event."""
        self.action_event()
