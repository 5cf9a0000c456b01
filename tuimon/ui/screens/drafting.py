"""A dialog in which something is made from the fields of an event: its fields above, what it means below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Protocol, Self, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.part_list import PartList
from tuimon.view.cells import REST, Cell, Line
from tuimon.workbench.steps import Part

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp


class Made(Protocol):
    """What is being made; changed by making another."""

    @property
    def parts(self) -> tuple[Part, ...]: ...  # noqa: D102
    def widen(self, field: str) -> Self: ...  # noqa: D102
    def narrow(self, field: str) -> Self: ...  # noqa: D102
    def leave_out(self, field: str) -> Self: ...  # noqa: D102


HALVES: Final = (Cell(" tab ", "key"), Cell("goes to the other half", "muted", REST))
"""The line between two lists of a dialog."""

M = TypeVar("M", bound=Made)


class Drafting(Dialog[M | None], Generic[M]):
    """The ground of the dialogs. Dismissed with what was made when it is to be written, else with None.

    Args:
        title: Of the frame.
        made: What is there to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="esc", tooltip="Back, write nothing", id="drafting.leave"),
        Binding("tab,shift+tab", "other", "Other half", show=False, id="drafting.other"),
    ]
    app: TuimonApp

    def __init__(self, title: str, made: M) -> None:
        super().__init__()
        self._title = title
        self.made = made
        self._parts = PartList()
        self._text = LineList(id="drafting-lines")

    def compose(self) -> ComposeResult:
        """Lay out fields over text."""
        with Pane(id="drafting-pane", title=""):
            yield self._parts
            yield CellLines([HALVES], classes="head")
            yield self._text
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show it once widths are known."""
        self.query_one(Pane).set_title(self._title, "right wider  left narrower  enter writes")
        self._parts.styles.height = min(max(len(self.made.parts), 1), max(self.app.size.height // 3, 3))
        self._parts.focus()
        if self.app.ascii_only:
            use_ascii_scrollbars(self._parts)
            use_ascii_scrollbars(self._text)
        self.call_after_refresh(self._begin)

    def on_resize(self) -> None:
        """Wrap the lines anew."""
        if self.is_attached:
            self.call_after_refresh(self.show_text)

    def _begin(self) -> None:
        self._parts.show_parts(self.made.parts)
        self.changed()

    @on(PartList.Turned)
    def _turned(self, message: PartList.Turned) -> None:
        match message.how:
            case "widen":
                self.made = self.made.widen(message.field)
            case "narrow":
                self.made = self.made.narrow(message.field)
            case "leave_out":
                self.made = self.made.leave_out(message.field)
        self._parts.show_parts(self.made.parts)
        self.changed()

    def changed(self) -> None:
        """What is made is another; subclasses may work something out first."""
        self.show_text()

    def show_text(self) -> None:
        """Show what it means."""
        from tuimon.view.detail_lines import FixedLines

        if width := self._text.row_width:
            place = self._text.cursor
            self._text.show(FixedLines(self.lines(width)))
            if place and self._text.has_focus:
                self._text.put_cursor(place)

    def lines(self, width: int) -> Sequence[Line]:
        """Return what is shown in ``width`` columns."""
        raise TypeError(f"{type(self).__name__} does not say what it shows for a width of {width}")

    def action_other(self) -> None:
        """Go to the other half."""
        self.set_focus(self._text if self.focused is self._parts else self._parts)

    @on(LineList.Opened, "#part-list")
    def _opened(self, message: LineList.Opened) -> None:
        message.stop()
        self.write()

    def write(self) -> None:
        """Write what was made."""
        self.dismiss(self.made)

    def action_leave(self) -> None:
        """Close the dialog, write nothing."""
        self.dismiss(None)
