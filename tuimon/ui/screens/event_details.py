"""Everything about one event: what it was, who did it, every field with its value and meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.events import Event
from tuimon.fields import all_fields
from tuimon.syscalls import event_name
from tuimon.ui.panes.bench_keys import BenchKeys, bench_bindings
from tuimon.ui.screens.details import Details
from tuimon.view.cells import Line
from tuimon.view.detail_lines import event_lines
from tuimon.view.export import event_json

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp


class EventDetails(BenchKeys, Details):
    """The dialog of one event."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy as JSON", id="event.copy"),
        Binding("w", "why", "Why", show=False, tooltip="Why rules fired or did not", id="event.why"),
        *bench_bindings("event", alert=False),
    ]
    app: TuimonApp

    def __init__(self, event: Event) -> None:
        super().__init__(f"Event {event.num}  {event_name(event.kind, event.nr)}")
        self._event = event

    def lines(self, width: int) -> Sequence[Line]:
        """Return the event's lines."""
        return event_lines(self._event, all_fields(), width)

    def bench_subject(self) -> Event:
        """Return the event."""
        return self._event

    def action_why(self) -> None:
        """Say why rules fired or did not."""
        self.app.open_why(self._event)

    def action_copy(self) -> None:
        """Copy the event with all its fields as JSON."""
        self.app.copy_to_clipboard(event_json(self._event, all_fields()))
        self.app.notify("copied as JSON", timeout=2, markup=False)
