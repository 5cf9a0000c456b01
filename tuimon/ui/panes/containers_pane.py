"""The containers pane: containers with their rates; one chosen limits every other pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.panes.finding import NONE_FOUND, Finding, find_bindings
from tuimon.ui.panes.pane import Pane
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import FOLD_ENDED, ContainerList
from tuimon.ui.widgets.text_line import TextLine
from tuimon.view.cells import REST, Cell

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp
    from tuimon.view.container_view import ContainerView
    from tuimon.view.session import Changes, Session

_MARK: Final = "Take the container under the cursor into the choice, or out of it: several can be chosen"
_FIND: Final = "List only containers whose name, image, pod or id holds a text"
_NONE: Final = "no containers yet"


class ContainersPane(Finding, Pane):
    """The list with its head, and under it what is known of one container."""

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "mark", "Mark", tooltip=_MARK, id="containers.mark"),
        Binding("less_than_sign", "turn_order(-1)", "Order", key_display="<", show=False, id="containers.back"),
        Binding("greater_than_sign", "turn_order(1)", "Order", key_display=">", id="containers.order"),
        Binding("e", "ended", "Ended", tooltip=FOLD_ENDED, id="containers.ended"),
        *find_bindings("containers", _FIND, show=True),
    ]

    def __init__(self) -> None:
        super().__init__(id="containers-pane", title="Containers")
        self.list = ContainerList()
        self._head = CellLines(classes="head")
        self._info = CellLines(id="container-info")
        self.find_line = TextLine(classes="find-line", placeholder="name, image, pod or id", compact=True)
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        """Lay out head, list and facts, and what is looked for, which comes when it is asked for."""
        yield self.find_line
        yield self._head
        yield self.list
        yield self._info

    def attach(self, session: Session) -> None:
        """Take up the containers of an engine."""
        from tuimon.view.container_lines import ContainerLines

        self._session = session
        self.list.show_containers(ContainerLines(session.containers, ascii_only=self.app.ascii_only))

    def pump(self, changes: Changes) -> None:
        """Show what changed."""
        if changes.containers:
            self.list.renew()

    def show_fixed(self) -> None:
        """Paint the head, the title and the facts afresh."""
        session = self._session
        if session is None:
            return
        from tuimon.view.container_lines import container_details, container_header

        self._head.set_lines(container_header(self.list.row_width))
        row = self.list.row_under_cursor() if self.list.has_focus else session.containers.chosen
        row = row or session.containers.chosen or self.list.row_under_cursor()
        if self.list.has_focus and self.list.is_on_ended:
            self._info.set_lines((Cell(" enter lists what ended without an alert", "muted", REST),))
        else:
            info = container_details(row, self._info.size.width, session.containers, ascii_only=self.app.ascii_only)
            self._info.set_lines(*info)
        chosen = len(session.containers.chosen_ids)
        title = f"Containers  {chosen} chosen" if chosen > 1 else "Containers"
        if found := session.containers.find_text:
            title = f"Containers  {len(session.containers.shown)} with {found}"
        self.list.empty = NONE_FOUND if found else _NONE
        self.set_title(title, f"enter  v mark  > {session.containers.order}")

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        message.stop()
        row = self.list.row_under_cursor()
        if row is not None:
            self.app.main.choose(row.container.id)
        elif self.list.is_on_ended:
            self.action_ended()

    @on(LineList.Moved)
    def _moved(self) -> None:
        self.show_fixed()

    def action_mark(self) -> None:
        """Take the container under the cursor into the choice, or out of it."""
        row = self.list.row_under_cursor()
        if row is not None and self._session is not None:
            self._session.toggle_container(row.container.id)
            self.app.main.trail_changed()
            self.list.action_move(1)

    def action_ended(self) -> None:
        """List the ended containers of which there is nothing to tell, or make them one line again."""
        if self._session is not None:
            self._session.containers.ended_open = not self._session.containers.ended_open
            self.list.renew()
            self.show_fixed()

    def find_in(self) -> ContainerView | None:
        """Return the containers."""
        return None if self._session is None else self._session.containers

    def found(self) -> None:
        """Show those that hold the text."""
        self.list.renew()
        self.show_fixed()

    def action_turn_order(self, step: int) -> None:
        """Order the containers another way."""
        if self._session is not None:
            self._session.containers.turn_order(step)
            self.list.renew()
            self.show_fixed()
