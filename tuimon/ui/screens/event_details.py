"""Everything about one event: what it was, who did it, every field with its value and meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from tuimon.errors import TuimonError
from tuimon.events import Event
from tuimon.fields import all_fields
from tuimon.syscalls import event_name
from tuimon.ui.panes.bench_keys import BenchKeys, bench_bindings
from tuimon.ui.screens.details import Details
from tuimon.ui.text import plain
from tuimon.ui.widgets.lists import GO
from tuimon.view.cells import Line
from tuimon.view.event_lines import About, EventLines, json_lines
from tuimon.view.export import event_json
from tuimon.view.terms import field_term

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp

_KEEP: Final = "Keep only events with the value of the field under the cursor"
_DROP: Final = "Leave out events with the value of the field under the cursor"


class EventDetails(BenchKeys, Details):
    """The dialog of one event."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("equals_sign", "narrow(True)", "Keep", key_display="=", tooltip=_KEEP, id="event.keep"),
        Binding("exclamation_mark", "narrow(False)", "Drop", key_display="!", tooltip=_DROP, id="event.drop"),
        Binding("y", "copy", "Copy", tooltip="The value under the cursor, else the event as JSON", id="event.copy"),
        Binding("J", "json", "JSON", tooltip="The event as JSON, or as lines again", id="event.json"),
        Binding("l", "go", "Go to", tooltip=GO, id="event.go"),
        Binding("w", "why", "Why", show=False, tooltip="Why rules fired or did not", id="event.why"),
        *bench_bindings("event", alert=False),
    ]
    app: TuimonApp

    def __init__(self, event: Event) -> None:
        super().__init__(f"Event {event.num}  {event_name(event.kind, event.nr)}")
        self._event = event
        self._prepared: EventLines | None = None
        self._as_json = False

    def lines(self, width: int) -> Sequence[Line]:
        """Return the event's lines."""
        if self._as_json:
            return json_lines(self._event, all_fields(), width)
        session = self.app.session
        alerts = session.alerts_about(self._event.num) if session is not None else ()
        self._prepared = EventLines(self._event, all_fields(), alerts, width)
        return self._prepared.lines

    def _about(self) -> About | None:
        return None if self._prepared is None or self._as_json else self._prepared.about(self._list.cursor)

    def action_narrow(self, keep: bool) -> None:
        """Keep only events with the value of the field under the cursor, or leave them out, and go to the list."""
        about = self._about()
        if about is None:
            self.app.notify("this line is about no field: go to one first", timeout=2, markup=False)
            return
        try:
            term = field_term(about.info, self._event)
        except TuimonError as error:
            self.app.notify(plain(str(error)).plain, severity="warning", markup=False)
            return
        main = self.app.main
        self.app.pop_to_main()
        main.action_tab("live")
        main.narrow(term, keep=keep)

    def action_json(self) -> None:
        """Show the event as JSON, or as lines again."""
        self._as_json = not self._as_json
        self._list.cursor = None
        self._fill()

    def bench_subject(self) -> Event:
        """Return the event."""
        return self._event

    def action_go(self) -> None:
        """Ask where to go from the event."""
        from tuimon.ui.screens.places import ask_where

        ask_where(self.app, self._event)

    def action_why(self) -> None:
        """Say why rules fired or did not."""
        self.app.open_why(self._event)

    def action_copy(self) -> None:
        """Copy the value of the field under the cursor; on a line about none the event as JSON."""
        about = self._about()
        text, what = event_json(self._event, all_fields()), "the event as JSON"
        if about is not None:
            text, what = about.text, about.info.name
        self.app.copy(text, what)
