"""The tree tab: every process under its parent, with its container; live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tuimon.errors import TuimonError
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.details import Details
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.tabs.tree_filter import TreeFilter
from tuimon.ui.text import plain
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import REST, Cell, Line
from tuimon.wording import counted

if TYPE_CHECKING:
    from tuimon.events import Process
    from tuimon.ui.app import TuimonApp
    from tuimon.ui.ticker import Tick
    from tuimon.view.process_tree import Key, ProcessTree
    from tuimon.view.session import Changes, EngineFacade, Session
    from tuimon.view.tree_lines import TreeLines

_SYNC_TICKS = 10
"""The tree is made afresh once a second, and only when a process came or went."""
_NO_PROCESS: Final = "no process yet"
_NO_MATCH: Final = "no process matches; esc takes the filter away"


class TreeList(LineList):
    """The processes; left and right fold, as in file managers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Details", id="tree.open"),
        Binding("space", "fold", "Fold", key_display="space", id="tree.fold"),
        Binding("left,h", "close", "Fold, or go to the parent", show=False, id="tree.left"),
        Binding("right", "unfold", "Unfold", show=False, id="tree.right"),
        Binding("minus", "fold_all(True)", "Fold all", key_display="-", show=False, id="tree.fold_all"),
        Binding("plus", "fold_all(False)", "Unfold all", key_display="+", show=False, id="tree.unfold_all"),
        Binding("slash", "tree_filter", "Filter", key_display="/", id="tree.filter"),
        Binding("less_than_sign", "turn_order(-1)", "Order", key_display="<", show=False, id="tree.order_back"),
        Binding("greater_than_sign", "turn_order(1)", "Order", key_display=">", id="tree.order"),
        Binding("e", "ended", "Ended too", id="tree.ended"),
        Binding("l", "live", "In Live", tooltip="Show its events in the Live tab", id="tree.live"),
    ]

    class Asked(Message):
        """A key that is the tab's to act on."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        super().__init__(id="tree-list", empty=_NO_PROCESS)
        self.tree_lines: TreeLines | None = None
        self.view: ProcessTree | None = None
        self._key: Key | None = None

    def show_tree(self, view: ProcessTree, lines: TreeLines) -> None:
        """Show these processes."""
        self.view, self.tree_lines = view, lines
        self._key = None
        self.show(lines)

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember which process that is."""
        from tuimon.view.process_tree import key_of

        super().put_cursor(seq)
        process = self.process_under_cursor()
        self._key = key_of(process) if process is not None else None

    def process_under_cursor(self) -> Process | None:
        """Return the process under the cursor."""
        if self.tree_lines is None or self.cursor is None:
            return None
        row = self.tree_lines.row(self.cursor)
        return row.process if row is not None else None

    def renew(self) -> None:
        """Rows changed: show them, the cursor on the same process, which stays where it was on the screen."""
        before = self.cursor
        self.redraw()
        self.sync(changed=True)
        if self.view is None or self._key is None:
            return
        seq = self.view.position(self._key)
        if seq is not None and before is not None and seq != self.cursor:
            self._place(round(self.scroll_y) + seq - before)
            self.put_cursor(seq)

    def action_fold(self) -> None:
        """Fold or unfold what is below the cursor."""
        self._fold(None)

    def action_unfold(self) -> None:
        """Unfold what is below the cursor."""
        self._fold(False)

    def action_close(self) -> None:
        """Fold what is below the cursor; when there is nothing to fold go to the parent."""
        row = self.tree_lines.row(self.cursor) if self.tree_lines is not None and self.cursor is not None else None
        if row is None or self.cursor is None or self.tree_lines is None:
            return
        if row.children and not row.hidden:
            self._fold(True)
            return
        for seq in range(self.cursor - 1, -1, -1):
            above = self.tree_lines.row(seq)
            if above is not None and above.depth < row.depth:
                self.put_cursor(seq)
                self._tell_moved()
                return

    def _fold(self, folded: bool | None) -> None:
        if self.view is not None and self._key is None and self.cursor is not None:
            self.put_cursor(self.cursor)
        if self.view is not None and self._key is not None:
            self.view.fold(self._key, folded)
            self.renew()

    def action_fold_all(self, folded: bool) -> None:
        """Fold all processes below the first level, or none."""
        if self.view is not None:
            self.view.fold_all(folded)
            self.renew()

    def action_tree_filter(self) -> None:
        """Write the filter."""
        self.post_message(self.Asked("filter"))

    def action_turn_order(self, step: int) -> None:
        """Order children another way."""
        if self.view is not None:
            self.view.turn_order(step)
            self.renew()
            self.post_message(self.Asked("title"))

    def action_ended(self) -> None:
        """Show ended processes too, or not."""
        if self.view is not None:
            self.view.show_ended(not self.view.ended)
            self.renew()
            self.post_message(self.Asked("title"))

    def action_live(self) -> None:
        """Show the events of the process under the cursor in the live tab."""
        self.post_message(self.Asked("live"))

    def on_click(self, event: events.Click) -> None:
        """A click on the mark in front of a process folds it; ``LineList`` has put the cursor there."""
        at = event.get_content_offset(self)
        if at is None or self.tree_lines is None or event.chain != 1:
            return
        seq = round(self.scroll_y) + at.y
        if self.tree_lines.mark_at(seq, at.x, self.row_width):
            self.put_cursor(seq)
            self._fold(None)


class ProcessDetails(Details):
    """The dialog of one process."""

    app: TuimonApp
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy", "Copy command", id="process.copy")]

    def __init__(self, process: Process, engine: EngineFacade) -> None:
        super().__init__(f"Process {process.pid}  {process.comm}")
        self._process = process
        self._engine = engine

    def lines(self, width: int) -> Sequence[Line]:
        """Return the process's lines."""
        from tuimon.view.tree_lines import boot_offset, process_lines

        return process_lines(self._process, self._engine, boot_offset(self._engine), width)

    def action_copy(self) -> None:
        """Copy the command line as a shell would take it."""
        from tuimon.view.export import shell_word

        words = (self._process.exe or self._process.comm, *self._process.args)
        self.app.copy(" ".join(map(shell_word, words)), "the command")


class TreeTab(Tab):
    """The tab."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "unfilter", show=False)]

    def __init__(self) -> None:
        super().__init__("tree")
        self._pane = Pane(id="tree-pane", title="Processes")
        self._head = CellLines(classes="head")
        self._list = TreeList()
        self._foot = CellLines(id="tree-foot")
        self._input = TreeFilter()
        self._wrong: Line = ()
        """What is wrong with the filter that is being written; the one before it is in force."""

    def compose(self) -> ComposeResult:
        """Lay out the list, and the filter that comes when it is asked for."""
        with self._pane:
            yield self._input
            yield self._head
            yield self._list
            yield self._foot
            yield self._input.offered

    @property
    def first_focus(self) -> TreeList:
        """The list."""
        return self._list

    def take_up(self, session: Session) -> None:
        """Make the tree of an engine, keeping the filter and the order."""
        from tuimon.view.process_tree import ProcessTree
        from tuimon.view.tree_lines import TreeLines, boot_offset

        before = self._list.view
        view = ProcessTree(session.engine)
        if before is not None:
            view.order, view.ended = before.order, before.ended
            view.keep_filter(before)
        lines = TreeLines(view, boot_offset(session.engine), ascii_only=self.app.ascii_only)
        self._list.show_tree(view, lines)

    def fill(self) -> None:
        """Make the tree as it is now."""
        self._renew()

    def pump(self, tick: Tick, changes: Changes) -> None:  # noqa: ARG002
        """Make the tree afresh when a process came or went."""
        if tick.every(_SYNC_TICKS, 3) and self.is_shown:
            self._renew()

    def shown(self) -> None:
        """Paint the tree as it is now."""
        if self._list.view is not None and self._list.view.rows:  # made when the tab was asked for: only widths are new
            self._list.redraw()
            self._show_title()
        else:
            self._renew()

    def reveal(self, process: Process) -> bool:
        """Show a process, whatever is folded, filtered or over; return whether it is still kept."""
        from tuimon.view.process_tree import key_of

        view = self._list.view
        if view is None:
            return False
        view.set_filter("")
        view.fold_all(False)
        if process.end_ns is not None:
            view.show_ended(True)
        self.app.main.action_tab("tree")
        seq = view.position(key_of(process))
        if seq is not None:
            self._list.put_cursor(seq)
        return seq is not None

    def _renew(self) -> None:
        from tuimon.view.tree_lines import boot_offset

        view, lines = self._list.view, self._list.tree_lines
        if view is None or lines is None or self.session is None:
            return
        if not lines.boot_to_epoch_ns:
            lines.boot_to_epoch_ns = boot_offset(self.session.engine)
        if view.sync():
            self._list.renew()
        else:
            self._list.redraw()  # names of containers arrive later than processes
        self._show_title()

    def _show_title(self) -> None:
        from tuimon.view.tree_lines import tree_header

        view = self._list.view
        if view is None:
            return
        self._head.set_lines(tree_header(self._list.row_width))
        self._list.empty = _NO_MATCH if view.filter_text else _NO_PROCESS
        kept = f"{view.matches:,} of {view.total:,} match" if view.filter_text else f"{view.total:,}"
        ended = ", ended too" if view.ended else ""
        self._pane.set_title(f"Processes  {kept}{ended}", f"< > order: {view.order}  e ended")
        if self._wrong:
            self._foot.set_lines(self._wrong)
        elif view.filter_text:
            hidden = view.total - len(view.rows)
            self._foot.set_lines(
                (
                    Cell(f" /{view.filter_text}", "chosen"),
                    Cell(f"  {counted(hidden, 'row')} hidden; what is above and below a match stays", "muted", REST),
                )
            )
        else:
            folded = sum(row.hidden for row in view.rows)
            text = f" {counted(folded, 'row')} folded; + unfolds all" if folded else " left, right and space fold"
            self._foot.set_lines((Cell(text, "muted", REST),))

    @on(TreeList.Asked)
    def _asked(self, message: TreeList.Asked) -> None:
        if message.what == "filter":
            self.add_class("-filtering")
            self._input.open(self._list.view.filter_text if self._list.view is not None else "", self.session)
        elif message.what == "live":
            self._show_in_live()
        else:
            self._show_title()

    def _show_in_live(self) -> None:
        process = self._list.process_under_cursor()
        if process is not None:
            self.app.main.show_filtered(f"proc.pid = {process.pid}")

    @on(Input.Changed, "#tree-filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        """Narrow the tree while the text is written, but for the beginning of a condition."""
        from tuimon.view.process_filter import half_typed

        self._wrong = ()
        if not half_typed(event.value):
            self._apply(event.value)

    def _apply(self, text: str) -> bool:
        """Filter by a text, or say what is wrong with it and keep the filter there is; return whether it is right."""
        view = self._list.view
        if view is None:
            return True
        try:
            self._wrong = ()
            if text.strip() != view.filter_text:
                view.set_filter(text)
                self._list.renew()
        except TuimonError as error:
            self._wrong = _wrong_line(error)
        self._show_title()
        return not self._wrong

    @on(Input.Submitted, "#tree-filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        if self._apply(event.value):
            self._leave_filter()

    @on(TreeFilter.Left)
    def _filter_left(self) -> None:
        self._leave_filter()

    @on(CompletionList.Picked, "#tree-completion")
    def _picked(self) -> None:
        self._input.take()

    def action_unfilter(self) -> None:
        """Take the filter away; where there is none esc is not the tree's."""
        view = self._list.view
        if view is not None and view.filter_text:
            view.set_filter("")
            self._list.renew()
            self._show_title()
        else:
            raise SkipAction

    def _leave_filter(self) -> None:
        self.remove_class("-filtering")
        self._input.offered.close()
        self._wrong = ()
        self._show_title()
        self.screen.set_focus(self._list)

    @on(LineList.Opened, "#tree-list")
    def _opened(self) -> None:
        process = self._list.process_under_cursor()
        if process is not None and self.session is not None:
            self.app.push_screen(ProcessDetails(process, self.session.engine))
        elif self.session is not None:
            self.app.notify(plain("no process here").plain, markup=False)


def _wrong_line(error: TuimonError) -> Line:
    """Return what is wrong with a condition, and where."""
    column = getattr(error, "column", 0)
    place = f" column {column}: " if column else " "
    hint = (Cell(f"  {error.hint}", "muted", REST),) if error.hint else ()
    return (Cell(place, "key"), Cell(str(error), "bad"), *hint)
