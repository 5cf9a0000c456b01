"""A small dialog to pick one of several lines. Enter or a click picks, esc goes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.detail_lines import FixedLines

_FRAME: Final = 8
"""Lines of the terminal that the dialog leaves free, its own frame among them."""


class PickList(LineList):
    """The lines; one click picks."""

    OPENS_ON_CLICK = True


class Pick(Dialog[int | None]):
    """The dialog; its answer is the number of the line picked, from 0.

    Args:
        title: What is picked.
        lines: What there is; raw text.
        foot: A sentence below.
        start: The line the cursor begins on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Back", key_display="esc", id="pick.leave")]
    LIST: ClassVar[type[PickList]] = PickList
    VERB: ClassVar[str] = "pick"
    """What enter does with a line."""

    def __init__(self, title: str, lines: Sequence[Line], *, foot: str = "", start: int = 0) -> None:
        super().__init__()
        self._title = title
        self._items = lines
        self._start = start
        self._pane = Pane(id="pick", title="")
        self.list = self.LIST(id="pick-lines")
        self._foot = CellLines([(Cell(f" {foot}", "muted", REST),)], classes="head")

    def compose(self) -> ComposeResult:
        """Lay out the frame, as high as what it holds."""
        with self._pane:
            yield self.list
            yield self._foot
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the lines."""
        self._pane.set_title(self._title, f"enter {self.VERB}  esc back")
        self._pane.styles.height = min(len(self._items), max(self.app.size.height - _FRAME, 3)) + 3
        self.list.show(FixedLines(self._items))
        self.list.focus()
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self.list)
        self.call_after_refresh(self.list.put_cursor, self._start)

    def show_lines(self, lines: Sequence[Line], foot: str) -> None:
        """Show other lines; the cursor stays where it is."""
        at = self.list.cursor or 0
        self._items = lines
        self.list.show(FixedLines(lines))
        self.list.put_cursor(at)
        self._foot.set_lines((Cell(f" {foot}", "muted", REST),))

    @on(LineList.Opened)
    def _picked(self, message: LineList.Opened) -> None:
        message.stop()
        self.dismiss(message.seq)

    def action_leave(self) -> None:
        """Pick nothing."""
        self.dismiss(None)
