"""The columns of the live list: what is ticked is shown, in this order; every field of the registry can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.text_line import TextLine
from tuimon.view.cells import REST, Cell
from tuimon.view.column_choice import ColumnChoice

_MEANING_LINES: Final = 2


class ColumnList(LineList):
    """The columns."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Show or hide", id="columns.tick"),
        Binding("less_than_sign,K", "shift(-1)", "To the left", key_display="<", id="columns.left"),
        Binding("greater_than_sign,J", "shift(1)", "To the right", key_display=">", id="columns.right"),
    ]

    def __init__(self, choice: ColumnChoice) -> None:
        super().__init__(id="columns-list", empty="no column or field has this in its name or meaning")
        self.choice = choice

    def on_mount(self) -> None:
        """Show the columns."""
        self.show(self.choice)

    def action_tick(self) -> None:
        """Take the column under the cursor in or out."""
        if self.cursor is not None:
            self.choice.toggle(self.cursor)
            self.redraw()

    def action_shift(self, by: int) -> None:
        """Move the column under the cursor among those shown."""
        if self.cursor is not None:
            self.put_cursor(self.choice.move(self.cursor, by))
            self.redraw()


class ColumnsDialog(Dialog[list[str] | None]):
    """The dialog; dismisses with the keys of the columns, empty for the usual ones, None when given up.

    Args:
        keys: The columns there are.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take", id="columns.take", priority=True),
        Binding("slash", "find", "Find", key_display="/", id="columns.find"),
        Binding("u", "usual", "Usual ones", id="columns.usual"),
        Binding("escape", "leave", "Back", key_display="esc", id="columns.leave"),
    ]

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self._list = ColumnList(ColumnChoice(keys))
        self._meaning = CellLines(id="columns-meaning")
        self._input = TextLine(placeholder="part of a name or a meaning", id="columns-find", compact=True)

    def compose(self) -> ComposeResult:
        """Lay out the list under the line that narrows it."""
        with Pane(id="columns-pane", title="Columns"):
            yield self._input
            yield self._list
            yield self._meaning
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin in the list."""
        self._input.display = False
        self._list.focus()
        self._tell()
        self.call_after_refresh(self._show_meaning)
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self._list)

    def _tell(self) -> None:
        self.query_one(Pane).set_title("Columns", f"{len(self._list.choice.chosen)} shown, in this order")

    @on(LineList.Moved)
    def _show_meaning(self) -> None:
        """Tell the whole meaning of the column under the cursor: the list cuts it."""
        from tuimon.view.detail_lines import wrapped

        parts = wrapped(self._list.choice.meaning(self._list.cursor), max(self._meaning.size.width - 2, 10))
        self._meaning.set_lines(*((Cell(f" {part}", "", REST),) for part in parts[:_MEANING_LINES]))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._list.choice.narrow(event.value)
        self._list.show(self._list.choice)
        self._show_meaning()

    def action_find(self) -> None:
        """Narrow the list."""
        self._input.display = True
        self._input.focus()

    def action_usual(self) -> None:
        """Take the usual columns again."""
        self.dismiss([])

    def action_take(self) -> None:
        """Show what is ticked; out of the line that narrows, into the list first."""
        if self._input.has_focus:
            self._list.focus()
        else:
            self.dismiss(list(self._list.choice.chosen))

    def action_leave(self) -> None:
        """Leave the line that narrows, else the dialog."""
        if self._input.has_focus:
            self._input.value = ""
            self._input.display = False
            self._list.focus()
        else:
            self.dismiss(None)
