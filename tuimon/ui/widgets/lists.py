"""The three lists of the live tab: live events, containers, alerts: LineList that keeps the cursor on what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType

from tuimon.ui.widgets.line_list import LineList
from tuimon.view.ended import KEY as ENDED

if TYPE_CHECKING:
    from tuimon.events import Alert, Event
    from tuimon.view.alert_lines import AlertLines
    from tuimon.view.alert_view import AlertGroup
    from tuimon.view.columns import Column
    from tuimon.view.container_lines import ContainerLines
    from tuimon.view.live_lines import LiveLines
    from tuimon.view.snapshot import ContainerRow

_WHOLE = 1 << 20
"""Columns: as good as any number, so that nothing is shortened."""

WHY = "Why rules fired or did not, part by part"
FOLD_ENDED = "List the ended containers without alerts one by one, or as one line"
GO = "Go to the events around it, its container, process, file or connection"


class LiveList(LineList):
    """Live events; follows the newest until the user looks at something."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Details", id="live.open"),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy the value under the cursor", id="live.copy"),
        Binding(
            "Y", "copy_menu", "Copy as", show=False, tooltip="Copy as JSON, command, filter, text", id="live.copy_as"
        ),
        Binding("left", "column(-1)", "Column to the left", show=False, id="live.left"),
        Binding("right", "column(1)", "Column to the right", show=False, id="live.right"),
    ]

    def __init__(self) -> None:
        super().__init__(id="live-list", empty="no events yet", follow=True)
        self._lines: LiveLines | None = None
        self._num: int | None = None
        self._wanted: int | None = None
        """The event to go to once it is among the rows, until the user goes elsewhere."""
        self._column = "detail"

    def show_events(self, lines: LiveLines) -> None:
        """Show these events from the newest."""
        self._lines = lines
        self.show(lines)
        self.set_follow(True)

    def set_follow(self, follow: bool) -> None:
        """Keep the newest row in view, or stay where it is."""
        self.follow, self._wanted = follow, None
        self.sync(changed=True)

    def action_last(self) -> None:
        """Go to the newest row and stay with it."""
        super().action_last()
        self.set_follow(True)

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember which event that is."""
        if seq != self.cursor:  # put where it is already, as after a change of size, it is nobody's wish
            self._wanted = None
        super().put_cursor(seq)
        self._num = self._lines.num(self.cursor) if self._lines is not None and self.cursor is not None else None

    def go_to(self, num: int) -> None:
        """Put the cursor on an event, or on the next that is shown, and stay there.

        The rows may be those of the filter before, and the next ones come bit by bit: it is gone to when it comes.
        """
        if self._lines is not None:
            self.set_follow(False)
            self.put_cursor(self._lines.seq_near(num))
            self._wanted = num

    def sync(self, *, changed: bool) -> None:
        """Take up other rows, and go to the event that is waited for when it is among them."""
        super().sync(changed=changed)
        if changed and (wanted := self._wanted) is not None and self._lines is not None and not self.follow:
            seq = self._lines.seq_near(wanted)
            if seq != self.cursor and self._lines.num(seq) == wanted:
                self.put_cursor(seq)
                self._wanted = wanted

    def keep_event(self) -> None:
        """Another query's rows are shown: put the cursor on the same event, or on the next that is shown."""
        self._cache.clear()
        self._base = self.source.first
        self.cursor = None
        self.sync(changed=True)
        wanted = self._wanted
        num = self._num if wanted is None else wanted
        if self._lines is not None and num is not None and not self.follow:
            self.put_cursor(self._lines.seq_near(num))
            self._wanted = wanted

    def forget(self) -> None:
        """Make the rows afresh at the next paint."""
        self._cache.clear()

    def stay(self) -> None:
        """Follow no more: the user looks at the row under the cursor."""
        self.follow = False
        if self.cursor is not None:
            self.put_cursor(self.cursor)

    def num_under_cursor(self) -> int | None:
        """Return the event number of the row under the cursor."""
        return self._lines.num(self.cursor) if self._lines is not None and self.cursor is not None else None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns shown."""
        return self._lines.columns(self.row_width) if self._lines is not None else ()

    @property
    def column(self) -> Column | None:
        """The column under the cursor."""
        columns = self.columns
        return next((one for one in columns if one.key == self._column), columns[-1] if columns else None)

    def marked_cell(self, seq: int) -> int:  # noqa: ARG002
        """Mark the cell that keep and drop are about; each column is a cell and a blank."""
        column = self.column
        return 2 * self.columns.index(column) if column is not None else -1

    def action_column(self, by: int) -> None:
        """Go to another column of the row."""
        columns, column = self.columns, self.column
        if column is not None:
            self._column = columns[(columns.index(column) + by) % len(columns)].key
            self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Choose a row and the column under the pointer."""
        from tuimon.view.live_lines import widths

        at = event.get_content_offset(self)
        if at is not None and self._lines is not None:
            x = 0
            rooms = widths(self.columns, self.row_width, folded=self._lines.is_folded)
            for column, room in zip(self.columns, rooms, strict=True):
                x += room + 1
                if at.x < x:
                    self._column = column.key
                    break
            self.redraw()

    def event_under_cursor(self) -> Event | None:
        """Return the event under the cursor, None when there is none or it is no longer kept."""
        return self._lines.event(self.cursor) if self._lines is not None and self.cursor is not None else None

    def action_copy(self) -> None:
        """Copy the value under the cursor."""
        event, column = self.event_under_cursor(), self.column
        if event is not None and column is not None:
            self.app.copy(column.cell(event, _WHOLE, {}).text, f"the {column.title}")

    def action_copy_menu(self) -> None:
        """Ask as what to copy the event."""
        from tuimon.fields import all_fields
        from tuimon.view.export import command_line, event_filter, event_json

        event = self.event_under_cursor()
        if event is None or self._lines is None or self.cursor is None:
            return
        row = " ".join(cell.text.strip() for cell in self._lines.line(self.cursor, self.row_width))
        self.app.copy_menu(
            [
                ("JSON", event_json(event)),
                ("JSON with every field", event_json(event, all_fields())),
                ("the row as text", " ".join(row.split())),
                ("the command of its process", command_line(event)),
                ("a filter for its process", event_filter(event)),
            ]
        )


class KeyedLines(Protocol):
    """Lines of containers, each known by a key."""

    @property
    def end(self) -> int:
        """How many there are."""

    def key(self, seq: int) -> str | None:
        """Return what a row is known by; None: a row of no container."""


class KeyedList(LineList):
    """Containers: the cursor stays on the one that it was put on."""

    _keyed: KeyedLines | None = None
    _key: str | None = None
    """Of the row that the cursor was put on; None: a row of no container, or nothing so far."""

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember which container that is."""
        super().put_cursor(seq)
        self._key = self._keyed.key(self.cursor) if self._keyed is not None and self.cursor is not None else None

    @property
    def is_on_ended(self) -> bool:
        """Whether the cursor is on the line that stands for the ended containers."""
        return self._key == ENDED

    def renew(self) -> None:
        """Rows changed: show them, the cursor on the same container."""
        wanted = self._key
        self._cache.clear()
        self.sync(changed=True)
        if self._keyed is None or wanted is None:
            return
        for seq in range(self._keyed.end):
            if self._keyed.key(seq) == wanted:
                if seq != self.cursor or self._key != wanted:
                    self.put_cursor(seq)
                return


class ContainerList(KeyedList):
    """Containers; Enter or a click limits the other panes to one."""

    OPENS_ON_CLICK = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Choose", id="containers.choose"),
    ]

    def __init__(self) -> None:
        super().__init__(id="containers", empty="no containers yet")
        self._lines: ContainerLines | None = None

    def show_containers(self, lines: ContainerLines) -> None:
        """Show these containers."""
        self._lines = self._keyed = lines
        self.show(lines)

    def row_under_cursor(self) -> ContainerRow | None:
        """Return the container under the cursor."""
        return self._lines.row(self.cursor) if self._lines is not None and self.cursor is not None else None


class AlertList(LineList):
    """Alerts, folded or one by one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="alerts.open"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__(id=f"{name}-list", empty="no alerts so far")
        self._lines: AlertLines | None = None
        self._key: object = None
        """What the cursor is on since the list has the focus; None: it stays at the top."""

    def show_alerts(self, lines: AlertLines) -> None:
        """Show these alerts."""
        self._lines = lines
        self.show(lines)

    def row_under_cursor(self) -> AlertGroup | Alert | None:
        """Return the row under the cursor."""
        return self._lines.row(self.cursor) if self._lines is not None and self.cursor is not None else None

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember what it shows."""
        super().put_cursor(seq)
        self._key = self._lines.key(self.cursor) if self._lines is not None and self.cursor is not None else None

    def hold(self) -> None:
        """Let the cursor stay on the row it is on now, whatever comes."""
        if self.cursor is not None:
            self.put_cursor(self.cursor)

    def on_focus(self) -> None:
        """From now on a key means the row under the cursor: new alerts must not take its place."""
        self.hold()

    def stay(self) -> None:
        """Let the cursor keep its place at the next change, not its row: that one is about to go."""
        self._key = None

    def renew(self) -> None:
        """Rows changed: show them; the cursor stays on what the user put it on, else at the top."""
        self.redraw()
        self.sync(changed=True)
        if self._lines is None or self._key is None:
            return
        seq = self._lines.position(self._key)
        if seq is not None and seq != self.cursor:
            super().put_cursor(seq)
