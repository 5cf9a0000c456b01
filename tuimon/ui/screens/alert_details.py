"""Everything about one alert, or about a group of repeats: output, fields, event, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.events import Alert
from tuimon.ui.panes.alert_keys import AlertKeys
from tuimon.ui.panes.bench_keys import BenchKeys, bench_bindings
from tuimon.ui.screens.details import Details
from tuimon.view.alert_view import AlertGroup
from tuimon.view.cells import Line
from tuimon.view.detail_lines import alert_lines

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp


class AlertDetails(AlertKeys, BenchKeys, Details):
    """The dialog of one alert. Dismissed with the rule's name when it is to be edited."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *AlertKeys.KEYS,
        Binding("e", "edit", "Edit rule", id="alert.edit"),
        Binding("enter", "event", "Event", id="alert.event"),
        Binding("w", "why", "Why", show=False, tooltip="Why rules fired or did not", id="alert.why"),
        *bench_bindings("alert", alert=True),
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

    def bench_subject(self) -> Sequence[Alert]:
        """Return the alert with its repeats."""
        return self._members

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

    def alert_row(self) -> AlertGroup | Alert:
        """Return what the dialog shows."""
        return self._row

    def action_copy_value(self) -> None:
        """Copy the value in the line under the cursor."""
        if value := self.value_under_cursor():
            self.app.copy(value, "the line's value")

    def on_line_list_opened(self) -> None:
        """Enter in the list opens the event."""
        self.action_event()
