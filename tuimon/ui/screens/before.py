"""Before: the last events of the alert's container, as they were frozen with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.before import Frozen
from tuimon.events import Alert, Event
from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import WHY
from tuimon.view.before_lines import FrozenRows, before_foot
from tuimon.view.cells import REST, Cell
from tuimon.view.columns import Marks
from tuimon.view.live_lines import LiveLines

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp


class BeforeScreen(Dialog[None]):
    """The dialog.

    Args:
        alert: Whose events these are.
        frozen: The events.
        marks: Worst priority of the alerts of an event, by event number.
    """

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,backspace", "leave", "Back", key_display="esc", id="before.leave"),
        Binding("enter", "details", "Details", id="before.details"),
        Binding("w", "why", "Why", show=False, tooltip=WHY, id="before.why"),
        Binding("y", "copy", "Copy row", show=False, tooltip="Copy what the event was about", id="before.copy"),
        Binding(
            "Y", "copy_all", "Copy all", show=False, tooltip="Copy all of them as JSON lines", id="before.copy_all"
        ),
        Binding("t", "story", "Story", tooltip="What its processes did, in order of time", id="before.story"),
    ]

    def __init__(self, alert: Alert, frozen: Frozen, marks: Marks) -> None:
        super().__init__()
        self._alert = alert
        self._frozen = frozen
        self._rows = FrozenRows(frozen)
        self._lines = LiveLines(self._rows, self._rows, {**marks, alert.event.num: alert.priority})
        self._pane = Pane(id="details-pane", title="")
        self._head = CellLines(classes="head")
        self.list = LineList(id="before-list")
        self._foot = CellLines([(Cell(f" {before_foot(frozen, alert)}", "muted", REST),)], classes="head")

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        with self._pane:
            yield self._head
            yield self.list
            yield self._foot
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the events, the alert's under the cursor."""
        container = self._frozen.container
        name = "?" if container is None else container.name or container.id
        self._pane.set_title(f"Before  {self._alert.priority} {self._alert.rule}  in {name}", "enter details  t story")
        self.list.show(self._lines)
        self.list.focus()
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self.list)
        self.call_after_refresh(self.list.put_cursor, self._rows.seq_near(self._alert.event.num))

    def on_resize(self) -> None:
        """Name the columns there is room for."""
        self.call_after_refresh(self._show_head)

    def _show_head(self) -> None:
        self._head.set_lines(self._lines.header(self.list.row_width))

    def _event(self) -> Event | None:
        return self._lines.event(self.list.cursor) if self.list.cursor is not None else None

    @on(LineList.Opened)
    def action_details(self) -> None:
        """Show everything about the event under the cursor."""
        from tuimon.ui.screens.event_details import EventDetails

        if (event := self._event()) is not None:
            self.app.push_screen(EventDetails(event))

    def action_why(self) -> None:
        """Say why rules fired or did not for the event under the cursor."""
        if (event := self._event()) is not None:
            self.app.open_why(event)

    def action_story(self) -> None:
        """Tell the story."""
        self.app.open_story(self._alert)

    def action_copy(self) -> None:
        """Copy what the event under the cursor was about."""
        from tuimon.view.columns import detail

        if (event := self._event()) is not None:
            self.app.copy(detail(event), "what the event was about")

    def action_copy_all(self) -> None:
        """Copy all of them as JSON lines."""
        from tuimon.view.export import event_json

        lines = [event_json(self._frozen.event(row)) for row in range(len(self._frozen))]
        self.app.copy("\n".join(lines), f"{len(lines):,} events as JSON lines")

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
