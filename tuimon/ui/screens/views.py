"""The menu of views: by what events are counted."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import REST, Cell
from tuimon.view.detail_lines import FixedLines
from tuimon.view.top_lines import MENU


class ViewsList(LineList):
    """The views; one click takes one."""

    OPENS_ON_CLICK = True

    def __init__(self, name: str) -> None:
        super().__init__(id="views-list")
        self._view = name

    def on_mount(self) -> None:
        """Show them, the cursor on the one that is open; on the first while none is."""
        lines = [(Cell(f" {title}", "strong", 24), Cell(doc, "muted", REST)) for _, title, doc in MENU]
        self.show(FixedLines(lines))
        self.put_cursor([name for name, _, _ in MENU].index(self._view) if self._view else 0)


class ViewsMenu(Dialog[str | None]):
    """The dialog; dismisses with a view's name, empty for the events, None when given up.

    Args:
        name: Of the view that is open.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,V,f2", "leave", "Back", key_display="esc", id="views.leave"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._list = ViewsList(name)

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Pane(id="views-pane", title=""):
            yield self._list
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin in the list."""
        self.query_one(Pane).set_title("Views: count events by", "enter shows it  esc back")
        self._list.focus()
        self._list.styles.height = len(MENU)

    @on(LineList.Opened)
    def _picked(self, message: LineList.Opened) -> None:
        message.stop()
        self.dismiss(MENU[message.seq][0])

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
