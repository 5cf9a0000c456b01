"""A dialog that shows prepared lines and scrolls: the ground of the event, alert and help dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import Line


class Details(Dialog[str | None]):
    """A frame with lines; subclasses say which."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,backspace", "leave", "Back", key_display="esc", id="details.leave"),
    ]
    HINT: ClassVar[str] = ""
    """What the frame says of keys."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._list = LineList(id="details-lines")

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        with Pane(id="details-pane", title=""):
            yield self._list
        yield KeyFooter()

    def on_mount(self) -> None:
        """Fill the frame once its width is known."""
        self.query_one(Pane).set_title(self._title, self.HINT)
        self._list.focus()
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self._list)
        self.call_after_refresh(self._fill)

    def on_resize(self) -> None:
        """Wrap the lines anew."""
        if self.is_attached:
            self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        from tuimon.view.detail_lines import FixedLines

        if width := self._list.row_width:
            place = self._list.cursor
            self._list.show(FixedLines(self.lines(width)))
            if place:
                self._list.put_cursor(place)

    def value_under_cursor(self) -> str:
        """Return the text of the last cell in the line under the cursor: a field's value, or the line itself."""
        source, at = self._list.source, self._list.cursor
        line = source.line(at, self._list.row_width) if at is not None and source.first <= at < source.end else ()
        texts = [cell.text.strip() for cell in line if cell.text.strip()]
        return texts[-1] if texts else ""

    def lines(self, width: int) -> Sequence[Line]:
        """Return what to show in ``width`` columns."""
        raise TypeError(f"{type(self).__name__} does not say what it shows for a width of {width}")

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
