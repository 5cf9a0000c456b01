"""The board tab: containers against ATT&CK's tactics, and under it the executables that no image brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.details import Details
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.text import plain
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import FOLD_ENDED, KeyedList
from tuimon.view.cells import Line
from tuimon.wording import counted

if TYPE_CHECKING:
    from tuimon.events import Alert
    from tuimon.rules.matching import Rule
    from tuimon.ui.ticker import Tick
    from tuimon.view.board import BoardView
    from tuimon.view.board_lines import BoardLines
    from tuimon.view.drift import DriftView
    from tuimon.view.drift_lines import DriftLines
    from tuimon.view.session import Changes, Session

_DRIFT_TICKS = 5


class BoardList(KeyedList):
    """The board: a cursor of one cell, moved in both directions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "column(-1)", "Tactic to the left", show=False, id="board.left"),
        Binding("right,l", "column(1)", "Tactic to the right", show=False, id="board.right"),
        Binding("enter", "open", "Its alerts", id="board.open"),
        Binding("a", "open_row", "All of the row", id="board.row"),
        Binding("e", "ended", "Ended", tooltip=FOLD_ENDED, id="board.ended"),
    ]

    class RowOpened(Message):
        """The whole row is asked for."""

    class EndedAsked(Message):
        """Ended containers are to be listed one by one, or as one line again."""

    def __init__(self) -> None:
        super().__init__(id="board-list", empty="no engine yet")
        self._lines: BoardLines | None = None

    def show_board(self, lines: BoardLines) -> None:
        """Show this board."""
        self._lines = self._keyed = lines
        self.show(lines)

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember whose it is; the lines mark its cell."""
        super().put_cursor(seq)
        self._mark()

    def sync(self, *, changed: bool) -> None:
        """Take up other rows; the lines must know where the cursor is."""
        super().sync(changed=changed)
        if self._lines is not None and self._lines.cursor != self.cursor:
            self._mark()

    def _mark(self) -> None:
        if self._lines is not None:
            self._lines.cursor = self.cursor
            self.redraw()

    def action_column(self, step: int) -> None:
        """Go to another tactic; past the last comes the first."""
        from tuimon.view.board import COLUMNS

        if self._lines is not None:
            self._lines.column = (self._lines.column + step) % len(COLUMNS)
            self.redraw()
            self._tell_moved()

    def action_open_row(self) -> None:
        """Open everything of a row."""
        self.post_message(self.RowOpened())

    def action_ended(self) -> None:
        """List ended containers one by one, or as one line."""
        self.post_message(self.EndedAsked())

    def on_click(self, event: events.Click) -> None:
        """Choose the cell under the pointer; ``LineList`` does the same for the row."""
        from tuimon.view.board_lines import column_at

        at = event.get_content_offset(self)
        if at is not None and self._lines is not None:
            column = column_at(at.x, self.row_width)
            self._lines.column = self._lines.column if column is None else column
            self.redraw()


class DriftList(LineList):
    """Executables that no image brought."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Its event", id="drift.open")]


class CellAlerts(Details):
    """The alerts of one cell of the board."""

    HINT = "enter opens the alert"

    def __init__(self, title: str, alerts: Sequence[Alert]) -> None:
        super().__init__(title)
        self._alerts = alerts

    def lines(self, width: int) -> Sequence[Line]:
        """Return one line for each alert."""
        from tuimon.view.board_lines import AlertChoice

        choice = AlertChoice(self._alerts)
        return [choice.line(seq, width) for seq in range(choice.end)]

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.alert_details import AlertDetails

        message.stop()
        alert = self._alerts[message.seq]
        self.app.push_screen(AlertDetails(alert, [alert]), self._left)

    def _left(self, rule: str | None) -> None:
        if rule:
            self.dismiss(rule)


class CellRules(Details):
    """The rules that name one tactic."""

    HINT = "enter opens the rule in the editor"

    def __init__(self, title: str, rules: Sequence[Rule]) -> None:
        super().__init__(title)
        self._rules = rules

    def lines(self, width: int) -> Sequence[Line]:
        """Return one line for each rule."""
        from tuimon.view.board_lines import RuleChoice

        choice = RuleChoice(self._rules)
        return [choice.line(seq, width) for seq in range(choice.end)]

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        message.stop()
        self.dismiss(self._rules[message.seq].name)


class BoardTab(Tab):
    """The tab."""

    def __init__(self) -> None:
        super().__init__("board")
        self._head = CellLines(classes="head")
        self._list = BoardList()
        self._foot = CellLines(id="board-foot")
        self._drift_head = CellLines(classes="head")
        self._drift_list = DriftList(id="drift-list", empty="no program ran that the images did not bring")
        self._board_pane = Pane(id="board-pane", title="Board")
        self._drift_pane = Pane(id="drift-pane", title="Drift")
        self._view: BoardView | None = None
        self._lines: BoardLines | None = None
        self._drift: DriftView | None = None
        self._drift_lines: DriftLines | None = None

    def compose(self) -> ComposeResult:
        """Lay out the board and the drift under it."""
        with self._board_pane:
            yield self._head
            yield self._list
            yield self._foot
        with self._drift_pane:
            yield self._drift_head
            yield self._drift_list

    @property
    def first_focus(self) -> BoardList:
        """The board."""
        return self._list

    def take_up(self, session: Session) -> None:
        """Make the board and the drift of an engine."""
        from tuimon.view.board import BoardView
        from tuimon.view.board_lines import BoardLines
        from tuimon.view.drift_lines import DriftLines

        self._view = BoardView(session.engine)
        self._lines = BoardLines(self._view, ascii_only=self.app.ascii_only)
        self._drift = session.drift
        self._drift_lines = DriftLines(self._drift)
        self._list.show_board(self._lines)
        self._drift_list.show(self._drift_lines)

    def pump(self, tick: Tick, changes: Changes) -> None:  # noqa: ARG002
        """Take new alerts and executables: also while another tab is shown, or history would forget them first."""
        if self._view is None or self._drift is None or self.session is None or not tick.every(_DRIFT_TICKS):
            return
        board = self._view.sync(self.session.containers.rows)
        drift = self._drift.sync()
        if not self.is_shown:
            return
        if board:
            self._list.renew()
            self._show_board()
        if drift:
            self._drift_list.redraw()
            self._drift_list.sync(changed=True)
            self._show_drift()

    def fill(self) -> None:
        """Make the rows as they are now."""
        if self._view is not None and self.session is not None:
            self._view.sync(self.session.containers.rows)
            self._list.renew()

    def shown(self) -> None:
        """Paint both lists."""
        if self._view is None or self.session is None:
            return
        if self._view.rows:  # made when the tab was asked for: only widths are new
            self._list.redraw()
        else:
            self.fill()
        self._drift_list.redraw()
        self._drift_list.sync(changed=True)
        self._show_board()
        self._show_drift()

    def _show_board(self) -> None:
        from tuimon.view.board_lines import board_foot, board_header

        assert self._view is not None
        assert self._lines is not None
        self._head.set_lines(board_header(self._list.row_width, self._lines.column))
        self._foot.set_lines(*board_foot(self._view, self._lines, self._foot.size.width))
        total = counted(sum(row.total for row in self._view.rows), "alert")
        self._board_pane.set_title(f"Board  {total} by tactic", "arrows choose  enter alerts  a whole row")

    def _show_drift(self) -> None:
        from tuimon.view.drift_lines import drift_header

        assert self._drift is not None
        self._drift_head.set_lines(drift_header(self._drift_list.row_width))
        many, dropped = len(self._drift.rows), self._drift.dropped
        more = f", {dropped:,} more not kept" if dropped else ""
        self._drift_pane.set_title(
            f"Drift  {counted(many, 'executable')} the images did not bring{more}", "enter its event"
        )

    @on(LineList.Moved, "#board-list")
    def _moved(self) -> None:
        self._show_board()

    @on(LineList.Opened, "#board-list")
    def _opened(self) -> None:
        assert self._lines is not None
        self._open(self._lines.column)

    @on(BoardList.RowOpened)
    def _row_opened(self) -> None:
        self._open(None)

    @on(BoardList.EndedAsked)
    def _fold_ended(self) -> None:
        if self._view is not None:
            self._view.ended_open = not self._view.ended_open
            self._list.renew()
            self._show_board()

    def _open(self, column: int | None) -> None:
        """Show the alerts of a cell, or of a row; on the rules' row the rules."""
        from tuimon.view.board import COLUMNS

        if self._view is None or self._lines is None or self._list.cursor is None:
            return
        if self._list.is_on_ended:
            self._fold_ended()
            return
        row = self._lines.row(self._list.cursor)
        what = COLUMNS[column].name if column is not None else "every tactic"
        if row is None:
            every = {rule.name: rule for rules in self._view.coverage for rule in rules}
            rules = tuple(every.values()) if column is None else self._view.coverage[column]
            if rules:
                self.app.push_screen(CellRules(f"{what}: {len(rules)} rules", rules), self._rule_chosen)
            else:
                self.app.notify(f"no rule in force names {what}", markup=False)
            return
        alerts, total = self._view.alerts(row.container_id, column)
        if not alerts:
            self.app.notify(plain(f"no alert of {row.name} for {what}").plain, timeout=2, markup=False)
            return
        gone = f", {total - len(alerts):,} older no longer kept" if total > len(alerts) else ""
        title = f"{row.name}  {what}: {total:,} alerts{gone}"
        self.app.push_screen(CellAlerts(title, alerts), self._rule_chosen)

    def _rule_chosen(self, rule: str | None) -> None:
        if rule:
            self.app.main.edit_rule(rule)

    @on(LineList.Opened, "#drift-list")
    def _drift_opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.event_details import EventDetails

        row = self._drift_lines.row(message.seq) if self._drift_lines is not None else None
        if row is None or self.session is None:
            return
        found = self.session.engine.history.find(row.num) if row.num else None
        if found is None:
            why = "it ran before tuimon did" if not row.num else "its event is no longer kept"
            self.app.notify(why, markup=False)
        else:
            self.app.push_screen(EventDetails(self.session.engine.event(*found)))
