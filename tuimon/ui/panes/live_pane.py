"""The live pane: the events of the whole history that the filter and the chosen containers let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.errors import TuimonError
from tuimon.ui.panes.bench_keys import BenchKeys, bench_bindings
from tuimon.ui.panes.pane import Pane
from tuimon.ui.text import plain
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import GO, WHY, LiveList
from tuimon.view.cells import Cell, fitting
from tuimon.view.clock import amount
from tuimon.wording import some

if TYPE_CHECKING:
    from tuimon.events import Event
    from tuimon.ui.app import TuimonApp
    from tuimon.ui.ticker import Tick
    from tuimon.view.arrangement import Arrangement
    from tuimon.view.columns import Column
    from tuimon.view.live_lines import LiveLines
    from tuimon.view.session import Changes, Session

_PAUSE: Final = "Stop or go on drawing; the capture never stops"
_SINCE: Final = "Keep only what comes from now on, like a cleared screen; esc brings the rest back"
_LOUD: Final = "Calls that come by the million (read, write, futex, ...): leave out, or show too"
_FOLLOW: Final = "Keep the newest event in view, in the order of time"
_KEEP: Final = "Keep only events with the value under the cursor (left and right choose the column)"
_DROP: Final = "Leave out events with the value under the cursor"
_SEARCH: Final = "Look for a text in all rows that the filter keeps, whatever the case"
_SORT: Final = "Sort by the column to the left or right; by time: as they come"
_FOLD: Final = "Show repeats in a row as one, with their number"
_COLUMNS: Final = "Choose the columns; any field can be one"
_FROM_FILTER: Final = "Write a rule from the filter in force"
_FORGET_TICKS: Final = 10
"""Rows are made afresh this often while something about their events becomes known: names of containers and hosts."""
_RENEW_TICKS: Final = 50
"""Rows are made afresh this often in any case: a column may show what is so at the moment."""


class LivePane(BenchKeys, Pane):
    """The list with its head, and under it what is shown and what is not."""

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,p", "pause", "Pause", key_display="space", tooltip=_PAUSE, id="live.pause"),
        Binding("f", "follow", "Follow", tooltip=_FOLLOW, id="live.follow"),
        Binding("equals_sign", "keep", "Keep", key_display="=", tooltip=_KEEP, id="live.keep"),
        Binding("exclamation_mark", "drop", "Drop", key_display="!", tooltip=_DROP, id="live.drop"),
        Binding("backslash,f3", "search", "Search", False, key_display="\\", tooltip=_SEARCH, id="live.search"),
        Binding("n", "next(1)", "Next hit", show=False, id="live.next"),
        Binding("N", "next(-1)", "Hit before", show=False, id="live.before"),
        Binding("less_than_sign", "sort(-1)", "Sort", False, key_display="<", tooltip=_SORT, id="live.sort_left"),
        Binding("greater_than_sign", "sort(1)", "Sort", False, key_display=">", tooltip=_SORT, id="live.sort"),
        Binding("I", "invert", "Invert the order", show=False, id="live.invert"),
        Binding("U", "fold", "Fold repeats", show=False, tooltip=_FOLD, id="live.fold"),
        Binding("C", "columns", "Columns", show=False, tooltip=_COLUMNS, id="live.columns"),
        Binding("l", "go", "Go to", show=False, tooltip=GO, id="live.go"),
        Binding("w", "why", "Why", show=False, tooltip=WHY, id="live.why"),
        Binding("ctrl+l", "since", "From now on", show=False, tooltip=_SINCE, id="live.since"),
        Binding("L", "loud", "Loud calls", show=False, tooltip=_LOUD, id="live.loud"),
        *bench_bindings("live", alert=False),
        Binding("F", "rule_from_filter", "Rule", show=False, tooltip=_FROM_FILTER, id="live.rule_from_filter"),
    ]

    def __init__(self) -> None:
        super().__init__(id="live-pane", title="Live")
        self.list = LiveList()
        self._head = CellLines(id="live-head", classes="head")
        self._foot = CellLines(id="live-foot")
        self._session: Session | None = None
        self._lines: LiveLines | None = None
        self.arrangement: Arrangement | None = None
        self._known = 0
        """Of the snapshot for which the rows were made."""

    def compose(self) -> ComposeResult:
        """Lay out head, list and foot."""
        yield self._head
        yield self.list
        yield self._foot

    def attach(self, session: Session) -> None:
        """Take up the events of an engine."""
        from tuimon.view.arrangement import Arrangement
        from tuimon.view.columns import column_of
        from tuimon.view.live_lines import LiveLines

        keys = self.app.main.memory.texts("columns")
        chosen = tuple(column for key in keys if (column := column_of(key)) is not None)
        self.close()
        self._session = session
        self._lines = LiveLines(session.engine, session.live, session.marks)
        self._lines.chosen = chosen
        memory = getattr(session.engine, "memory", None)
        self.arrangement = Arrangement(session.live, self._lines, session.engine.event, memory)
        self.list.show_events(self._lines)

    def close(self) -> None:
        """End what runs in the background."""
        if self.arrangement is not None:
            self.arrangement.close()

    def on_unmount(self) -> None:
        """The screen is going."""
        self.close()

    def pump(self, tick: Tick, changes: Changes) -> None:
        """Show what is new, unless drawing is paused."""
        session, arrangement = self._session, self.arrangement
        if session is None or arrangement is None:
            return
        other_rows = arrangement.sync()
        if other_rows or (changes.switched and arrangement.sorted is None):
            self.list.keep_event()
        self.list.empty = self._empty(session)
        if changes.alerts or (tick.every(_FORGET_TICKS) and self._knows_more(session)):
            self.list.redraw()
        elif tick.every(_RENEW_TICKS) or arrangement.folded is not None:
            self.list.forget()
        self.list.sync(changed=other_rows or (changes.live and (changes.switched or not session.live.paused)))
        if other_rows:
            self.show_fixed()
        self._take_found(arrangement)

    @property
    def at_work(self) -> bool:
        """Whether ``pump`` will soon find something that nobody tells of."""
        return self.arrangement is not None and self.arrangement.at_work

    def _knows_more(self, session: Session) -> bool:
        """Return whether something about the events that are shown became known since the last call."""
        known, self._known = self._known, session.snapshot.known if session.snapshot is not None else 0
        return known != self._known

    @staticmethod
    def _empty(session: Session) -> str:
        if not session.live.filtered:
            return "no events yet"
        searching = session.live.progress < 1 or session.live.pending
        return "searching..." if searching else "no event matches; esc takes the newest step back"

    def trail_changed(self) -> None:
        """Other containers or another filter are shown now."""
        self.show_fixed()

    # What the fixed lines say.

    def show_fixed(self) -> None:
        """Paint the head, the foot and the title afresh."""
        session, arrangement = self._session, self.arrangement
        if session is None or arrangement is None or self._lines is None:
            return
        by = arrangement.by.key if arrangement.by is not None else "time"
        self._head.set_lines(self._lines.header(self.list.row_width, sorted_by=by, descending=arrangement.descending))
        self.show_foot()
        name = session.chosen_name
        self.set_title(f"Live  {name}" if name else "Live", "enter details  = keep  ! drop  V views")

    def show_foot(self) -> None:
        """Say what is followed, hidden, lost, left out and kept."""
        session, arrangement = self._session, self.arrangement
        if session is None or arrangement is None:
            return
        live, snapshot = session.live, session.snapshot
        cells = [*self._state_cells(session, arrangement), *self._work_cells(arrangement)]
        if live.fresh:
            cells.append(Cell(f" +{amount(live.fresh)} new ", "attention"))
        cells.append(Cell(f" {len(live):,} rows ", "muted"))
        if snapshot is not None:
            lost = snapshot.counts.dropped
            cells.append(Cell(f" {amount(lost)} lost ", "lost" if lost else "muted"))
        if arrangement.folded is not None:
            cells.append(Cell(f" folded to {arrangement.folded.end - arrangement.folded.first:,} (U) ", "muted"))
        if live.filtered:
            cells.append(Cell(f" {live.hidden:,} hidden by filter ", "muted"))
        if snapshot is not None:
            used = snapshot.history_bytes / max(snapshot.history_max_bytes, 1)
            size = snapshot.history_bytes / (1 << 20)
            loud = "loud calls shown (L)" if session.loud else "loud calls left out (L)"
            if snapshot.live:
                cells.append(Cell(f" {loud} ", "attention" if session.loud else "muted"))
                if session.besides:
                    cells.append(Cell(f" for a rule: {some(sorted(session.besides))} (f3, c in Rules) ", "attention"))
            cells.append(Cell(f" history {amount(snapshot.history_events)} ev, {size:.0f} MB ({used:.0%}) ", "muted"))
        self._foot.set_lines(fitting(cells, self._foot.size.width))

    def _state_cells(self, session: Session, arrangement: Arrangement) -> list[Cell]:
        rows = arrangement.sorted
        if rows is not None:
            newer = arrangement.newer()
            state = f" SORTED by {rows.column.title} "
            more = [Cell(f" +{amount(newer)} since (f) ", "attention")] if newer > 0 else []
            return [Cell(state, "paused"), *more]
        following = self.list.follow and not session.live.paused
        state = "FOLLOW on" if following else "PAUSED" if session.live.paused else "follow off (f)"
        return [Cell(f" {state} ", "live" if following else "paused")]

    @staticmethod
    def _work_cells(arrangement: Arrangement) -> list[Cell]:
        cells = []
        if (sorting := arrangement.sorting) is not None:
            cells.append(Cell(f" sorting {sorting.progress:.0%} of {sorting.total:,} rows ", "attention"))
        if (search := arrangement.search) is not None and not search.done:
            cells.append(Cell(f" looking for {arrangement.text} {search.progress:.0%} ", "attention"))
        if arrangement.folded is not None and arrangement.folded.progress < 1:
            cells.append(Cell(f" folding {arrangement.folded.progress:.0%} ", "attention"))
        return cells

    # Keys.

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.event_details import EventDetails

        message.stop()
        event = self.list.event_under_cursor()
        if event is not None:
            self.app.push_screen(EventDetails(event))

    def action_since(self) -> None:
        """Keep only what comes from now on."""
        from tuimon.view.clock import clock
        from tuimon.view.trail import Step

        session = self._session
        if session is not None and session.snapshot is not None:
            num, now_ns = session.live.history.last_num, session.snapshot.time_ns
            self.app.main.add_step(Step(f"since {clock(now_ns)}", f"evt.num > {num}"))

    def action_go(self) -> None:
        """Ask where to go from the event under the cursor."""
        from tuimon.ui.screens.places import ask_where

        if (event := self.list.event_under_cursor()) is not None:
            ask_where(self.app, event)

    def action_why(self) -> None:
        """Say why rules fired or did not for the event under the cursor."""
        if (event := self.list.event_under_cursor()) is not None:
            self.app.open_why(event)

    def bench_subject(self) -> Event | None:
        """Return the event under the cursor."""
        return self.list.event_under_cursor()

    def action_rule_from_filter(self) -> None:
        """Write a rule from the filter in force."""
        text = self._session.filter_text if self._session is not None else ""
        if text:
            self.app.bench.new_rule(text)
        else:
            self.app.notify("there is no filter in force: / makes one", markup=False)

    def action_pause(self) -> None:
        """Stop drawing new rows, or go on; the capture never stops."""
        session = self._session
        if session is None:
            return
        if session.live.paused:
            session.live.resume()
        else:
            session.live.pause()
        self.list.sync(changed=True)
        self.app.main.show_status()
        self.show_foot()

    def action_follow(self) -> None:
        """Keep the newest row in view, or stay; from a sorted list back to the order of time."""
        arrangement = self.arrangement
        if arrangement is not None and arrangement.by is not None:
            arrangement.sort(None)
            self.list.keep_event()
            self.list.set_follow(True)
        else:
            self.list.set_follow(not self.list.follow)
        if self.list.follow and self._session is not None and self._session.live.paused:
            self.action_pause()
        self.show_fixed()

    def action_loud(self) -> None:
        """Show the calls that come by the million too, or leave them out again."""
        if self._session is not None:
            self._session.toggle_loud()
            self.show_foot()

    # Keep and drop.

    def action_keep(self) -> None:
        """Keep only events with the value under the cursor."""
        self._narrow(keep=True)

    def action_drop(self) -> None:
        """Leave out events with the value under the cursor."""
        self._narrow(keep=False)

    def _narrow(self, *, keep: bool) -> None:
        event, column = self.list.event_under_cursor(), self.list.column
        if event is None or column is None:
            return
        try:
            term = column.term(event)
        except TuimonError as error:
            self.app.notify(plain(str(error)).plain, severity="warning", markup=False)
            return
        self.list.stay()
        self.app.main.narrow(term, keep=keep)

    # Search.

    def action_search(self) -> None:
        """Ask for a text and go to the next row that shows it; from the newest row to the next older one."""
        from tuimon.ui.screens.ask import Ask

        arrangement = self.arrangement
        if arrangement is None:
            return

        def look(text: str | None) -> None:
            if text:
                self._look(text, -1 if self.list.follow else 1)

        self.app.push_screen(Ask("Search", "plain text; n next, N before", arrangement.text), look)

    def action_next(self, step: int) -> None:
        """Go to the next row (1) that shows what was searched for, or to the one before (-1)."""
        if self.arrangement is not None and self.arrangement.text:
            self._look(self.arrangement.text, step)
        else:
            self.action_search()

    def _look(self, text: str, step: int) -> None:
        session, arrangement = self._session, self.arrangement
        if session is None or arrangement is None:
            return
        num = self.list.num_under_cursor()
        self.list.stay()
        arrangement.look(text, num if num is not None else session.live.history.first_num, step)
        self.show_foot()

    def _take_found(self, arrangement: Arrangement) -> None:
        search = arrangement.take_found()
        if search is None:
            return
        if search.found is not None:
            self.list.go_to(search.found)
        if search.said:
            said = search.said if search.error else f"{arrangement.text}: {search.said}"
            self.app.notify(plain(said).plain, severity="warning", timeout=3, markup=False)
        self.show_foot()

    # Order.

    def action_sort(self, by: int) -> None:
        """Sort by the next column (1) or the one before (-1)."""
        arrangement = self.arrangement
        columns = [column for column in self.list.columns if column.key != "alert"]
        if arrangement is None or not columns:
            return
        key = arrangement.by.key if arrangement.by is not None else "time"
        keys = [column.key for column in columns]
        at = (keys.index(key) + by) % len(keys) if key in keys else 0
        self._sort(columns[at], descending=False)

    def action_invert(self) -> None:
        """Turn the order round."""
        arrangement = self.arrangement
        if arrangement is None:
            return
        by = arrangement.by or next((column for column in self.list.columns if column.key == "time"), None)
        if by is not None:
            self._sort(by, descending=not arrangement.descending)

    def _sort(self, column: Column, *, descending: bool) -> None:
        arrangement = self.arrangement
        assert arrangement is not None
        self.list.stay()
        if column.key == "time" and not descending:
            arrangement.sort(None)
            self.list.keep_event()
        else:
            arrangement.sort(column, descending=descending)
        self.show_fixed()

    @on(CellLines.CellClicked, "#live-head")
    def _head_clicked(self, event: CellLines.CellClicked) -> None:
        columns, arrangement = self.list.columns, self.arrangement
        if event.cell % 2 or event.cell // 2 >= len(columns) or arrangement is None:
            return
        column = columns[event.cell // 2]
        if column.key != "alert":
            again = column is arrangement.by or (arrangement.by is None and column.key == "time")
            self._sort(column, descending=again and not arrangement.descending)

    def action_fold(self) -> None:
        """Show repeats in a row as one, or every event."""
        arrangement = self.arrangement
        if arrangement is None:
            return
        arrangement.fold(arrangement.folded is None)
        self.list.keep_event()
        self.show_fixed()

    def action_columns(self) -> None:
        """Choose the columns."""
        from tuimon.ui.screens.columns import ColumnsDialog

        if self._lines is not None:
            self.app.push_screen(ColumnsDialog([column.key for column in self.list.columns]), self._columns_chosen)

    def _columns_chosen(self, keys: list[str] | None) -> None:
        from tuimon.view.columns import column_of

        if keys is None or self._lines is None:
            return
        self._lines.chosen = tuple(column for key in keys if (column := column_of(key)) is not None)
        self.app.main.memory.keep("columns", keys)
        self.list.redraw()
        self.show_fixed()
