"""The views pane: events counted by container, process, file, ...; entering a row narrows what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.panes.pane import Pane
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp
    from tuimon.view.drill import Drill
    from tuimon.view.session import Session
    from tuimon.view.top import TopRow
    from tuimon.view.top_lines import TopLines

_WINDOW: Final = "Count over a longer or shorter time: the last 10 s, 1 min, 5 min, all that is kept"
_ORDER: Final = "Order by another figure"
_KEEP: Final = "Keep only what the row counts, and stay in the view"
_DROP: Final = "Leave out what the row counts, and stay in the view"


class TopList(LineList):
    """The rows of a view; the cursor stays on the value it was put on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Enter", id="top.open"),
    ]

    def __init__(self) -> None:
        super().__init__(id="top-list", empty="nothing to count")
        self._lines: TopLines | None = None
        self._label: str | None = None
        """What the cursor was put on by the user; None: it stays at the top."""

    def show_rows(self, lines: TopLines) -> None:
        """Show these rows from the top."""
        self._lines, self._label = lines, None
        self.show(lines)

    def row_under_cursor(self) -> TopRow | None:
        """Return the row under the cursor."""
        return self._lines.row(self.cursor) if self._lines is not None else None

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember what it counts."""
        super().put_cursor(seq)
        row = self.row_under_cursor()
        self._label = row.value.label if row is not None else None

    def renew(self) -> None:
        """The counts are others: the cursor stays on what the user put it on, else at the top."""
        self.redraw()
        self.sync(changed=True)
        if self._lines is None or self._label is None:
            return
        for seq in range(self._lines.end):
            row = self._lines.row(seq)
            if row is not None and row.value.label == self._label:
                if seq != self.cursor:
                    super().put_cursor(seq)
                return


class TopPane(Pane):
    """The list with its head, and under it what the counts are of."""

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "window(-1)", "Shorter", tooltip=_WINDOW, id="top.shorter"),
        Binding("right", "window(1)", "Longer", tooltip=_WINDOW, id="top.longer"),
        Binding("less_than_sign", "order(-1)", "Order", False, key_display="<", tooltip=_ORDER, id="top.order_back"),
        Binding("greater_than_sign", "order(1)", "Order", key_display=">", tooltip=_ORDER, id="top.order"),
        Binding("equals_sign", "narrow(True)", "Keep", key_display="=", tooltip=_KEEP, id="top.keep"),
        Binding("exclamation_mark", "narrow(False)", "Drop", key_display="!", tooltip=_DROP, id="top.drop"),
        Binding("v", "events", "Events", tooltip="The events that the row counts", id="top.events"),
    ]

    def __init__(self) -> None:
        super().__init__(id="top-pane", title="View")
        self.list = TopList()
        self._head = CellLines(id="top-head", classes="head")
        self._foot = CellLines(id="top-foot")
        self._session: Session | None = None
        self._lines: TopLines | None = None
        self.drill: Drill | None = None

    def compose(self) -> ComposeResult:
        """Lay out head, list and foot."""
        yield self._head
        yield self.list
        yield self._foot

    def attach(self, session: Session) -> None:
        """Take up the events of an engine; a view that was open stays."""
        from tuimon.view.drill import Drill
        from tuimon.view.top_lines import TopLines

        name = self.drill.name if self.drill is not None else ""
        self.close()
        self._session = session
        self.drill = Drill(session)
        self._lines = TopLines(self.drill, ascii_only=self.app.ascii_only)
        self.drill.open(name)
        self.list.show_rows(self._lines)

    def close(self) -> None:
        """End what runs in the background."""
        if self.drill is not None:
            self.drill.close()

    def on_unmount(self) -> None:
        """The screen is going."""
        self.close()

    def pump(self) -> None:
        """Go on counting; show what was counted."""
        if self.drill is not None and self.drill.pump():
            self.list.renew()
            self.show_fixed()

    @property
    def at_work(self) -> bool:
        """Whether ``pump`` will soon find something that nobody tells of."""
        return self.drill is not None and self.drill.at_work

    def open(self, name: str) -> None:
        """Open a view."""
        if self.drill is not None and self._lines is not None:
            self.drill.open(name)
            self.list.show_rows(self._lines)
            self.show_fixed()

    def trail_changed(self) -> None:
        """Other containers or another filter are shown now."""
        if self.drill is not None and self.drill.name:
            self.drill.again()

    def show_fixed(self) -> None:
        """Paint the head, the foot and the title afresh."""
        if self.drill is None or self._lines is None or not self.drill.name:
            return
        self.list.empty = "counting..." if self.drill.progress < 1 else "nothing to count"
        self._head.set_lines(self._lines.header(self.list.row_width))
        self._foot.set_lines(self._lines.foot())
        self.set_title(f"View  {self.drill.title}", "enter into  esc back  V views  left right window")

    # Keys.

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        message.stop()
        self._enter(self.drill.next if self.drill is not None else "")

    def action_events(self) -> None:
        """Show the events that the row under the cursor counts."""
        self._enter("")

    def _enter(self, view: str) -> None:
        """Narrow to the row under the cursor and show what it leads to."""
        row, drill = self.list.row_under_cursor(), self.drill
        if row is None or drill is None:
            return
        if not row.value.term and not row.value.container:
            if drill.title == "Rules":
                self.app.main.edit_rule(row.value.label)
            else:
                self.app.notify("not known yet: nothing to narrow by", timeout=2, markup=False)
            return
        step = drill.step(row)
        if step is not None and self.app.main.add_step(step):
            self.app.main.live.show_view(view)

    def action_narrow(self, keep: bool) -> None:
        """Keep only what the row under the cursor counts, or leave it out, and stay in the view."""
        row = self.list.row_under_cursor()
        if row is not None and row.value.term:
            self.app.main.narrow(row.value.term, keep=keep)

    def action_window(self, by: int) -> None:
        """Count over a longer (1) or shorter (-1) time."""
        if self.drill is not None:
            self.drill.set_window(by)
            self.show_fixed()

    def action_order(self, by: int) -> None:
        """Order by the next figure (1) or the one before (-1)."""
        if self.drill is not None:
            self.drill.set_order(by)
            self.show_fixed()
