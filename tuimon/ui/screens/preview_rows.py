"""The preview in full: its groups above, the events of one below; Enter opens an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType

from tuimon.ui.screens.two_lists import TwoLists
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import Line
from tuimon.view.preview_rows import SignedRow, captured_lines, group_lines, head_lines, rows_lines, rows_of
from tuimon.workbench.preview import Preview, Row

_CAPTURE: Final = "Capture from now on the calls that are missing, in all containers; again: no longer"


class PreviewRows(TwoLists[tuple[str, int]]):
    """The dialog. Dismissed with ``("live", event number)`` to be shown there, or ``("capture", 0)``.

    Args:
        seen: The preview.
        besides: Calls that are captured for it, by name.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "live", "In the live list", tooltip="Show the event in the live list", id="preview.live"),
        Binding("w", "why", "Why", tooltip="Why rules in force fired or did not", id="preview.why"),
        Binding("c", "capture", "Capture", tooltip=_CAPTURE, id="preview.c"),
    ]

    def __init__(self, seen: Preview, besides: frozenset[str] = frozenset()) -> None:
        names = ", ".join(seen.rules) or "no rule differs"
        super().__init__(f"Preview  {names}", "enter opens the event  l in the live list")
        self._seen = seen
        self._besides = besides
        self._rows: list[SignedRow] = []
        self._heads = 0

    def upper(self, width: int) -> Sequence[Line]:  # noqa: ARG002
        """Return all, the groups, and what cannot be told."""
        return group_lines(self._seen)

    def lower(self, width: int) -> Sequence[Line]:
        """Return the rows of what is chosen."""
        self._rows = rows_of(self._seen, self.at)
        heads = [*captured_lines(self._besides), *head_lines(self._seen, self._rows, self.at)]
        self._heads = len(heads)
        return [*heads, *rows_lines(self._rows, self._detail, width)]

    def _detail(self, row: Row) -> str:
        """Return what the event of a row did."""
        from tuimon.syscalls import event_name
        from tuimon.view.columns import detail

        event = self.app.bench.find(row.num)
        return "" if event is None else f"{event_name(event.kind, event.nr)} {detail(event)}"

    def _row(self) -> Row | None:
        """Return the row under the cursor, or the first when that is above the rows."""
        if not self._rows:
            return None
        at = (self._lower.cursor or 0) - self._heads if self._lower.has_focus else 0
        return self._rows[min(max(at, 0), len(self._rows) - 1)][1]

    def choose(self) -> None:
        """Go to the rows."""
        self.set_focus(self._lower)
        self._lower.put_cursor(self._heads)

    @on(LineList.Opened, "#two-lower")
    def _open_row(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.event_details import EventDetails

        message.stop()
        row = self._row()
        if row is not None and (event := self.app.bench.event(row.num)) is not None:
            self.app.push_screen(EventDetails(event))

    def action_why(self) -> None:
        """Say why for the row."""
        row = self._row()
        if row is not None and (event := self.app.bench.event(row.num)) is not None:
            self.app.open_why(event)

    def action_live(self) -> None:
        """Show the row in the live list."""
        if (row := self._row()) is not None:
            self.dismiss(("live", row.num))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to capture only where something is missing, or to end it."""
        if action == "capture" and not (self._besides or self._seen.not_captured or self._seen.thinned):
            return False
        return super().check_action(action, parameters)

    def action_capture(self) -> None:
        """Have what is missing captured from now on, or no longer."""
        self.dismiss(("capture", 0))
