"""A dialog of two lists: what can be chosen above, and below what the chosen one is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.screens.drafting import HALVES
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import Line

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp

T = TypeVar("T")


class TwoLists(Dialog[T | None], Generic[T]):
    """The ground of such dialogs; subclasses say what the lists show and what Enter does.

    Args:
        title: Of the frame.
        hint: Keys, for the frame's lower edge.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="esc", id="two.leave"),
        Binding("tab,shift+tab", "other", "Other half", show=False, id="two.other"),
    ]
    app: TuimonApp

    def __init__(self, title: str, hint: str) -> None:
        super().__init__()
        self._title, self._hint = title, hint
        self._upper = LineList(id="two-upper")
        self._lower = LineList(id="two-lower")

    def compose(self) -> ComposeResult:
        """Lay out one list over the other."""
        with Pane(id="two-pane", title=""):
            yield self._upper
            yield CellLines([HALVES], classes="head")
            yield self._lower
        yield KeyFooter()

    def on_mount(self) -> None:
        """Fill the lists once their width is known."""
        self.query_one(Pane).set_title(self._title, self._hint)
        self._upper.focus()
        if self.app.ascii_only:
            for each in (self._upper, self._lower):
                use_ascii_scrollbars(each)
        self.call_after_refresh(self.fill)

    def on_resize(self) -> None:
        """Wrap the lines anew."""
        if self.is_attached:
            self.call_after_refresh(self.fill)

    def fill(self) -> None:
        """Show both lists, the cursor where it was."""
        from tuimon.view.detail_lines import FixedLines

        width = self._upper.row_width
        if not width:
            return
        cursor = self._upper.cursor
        lines = self.upper(width)
        self._upper.styles.height = min(max(len(lines), 1), max(self.size.height * 2 // 5, 4))
        self._upper.show(FixedLines(lines))
        if cursor:
            self._upper.put_cursor(cursor)
        self.fill_lower()

    @on(LineList.Moved, "#two-upper")
    def fill_lower(self) -> None:
        """Show what the row under the cursor is about."""
        from tuimon.view.detail_lines import FixedLines

        if width := self._lower.row_width or self._upper.row_width:
            self._lower.show(FixedLines(self.lower(width)))

    @property
    def at(self) -> int:
        """The row under the upper list's cursor."""
        return self._upper.cursor or 0

    def upper(self, width: int) -> Sequence[Line]:
        """Return the rows to choose from."""
        raise TypeError(f"{type(self).__name__} does not say what it shows for a width of {width}")

    def lower(self, width: int) -> Sequence[Line]:
        """Return what the row under the cursor is about."""
        raise TypeError(f"{type(self).__name__} does not say what it shows for a width of {width}")

    @on(LineList.Opened, "#two-upper")
    def _opened(self, message: LineList.Opened) -> None:
        message.stop()
        self.choose()

    def choose(self) -> None:
        """Take the row under the cursor."""

    def action_other(self) -> None:
        """Go to the other half."""
        self.set_focus(self._lower if self.focused is self._upper else self._upper)

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
