"""The live pane: the events of the whole history that the filter and the chosen container let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.panes.bench_keys import BenchKeys, bench_bindings
from tuimon.ui.panes.pane import Pane
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import WHY, LiveList
from tuimon.view.cells import Cell
from tuimon.view.clock import amount

if TYPE_CHECKING:
    from tuimon.events import Event
    from tuimon.ui.app import TuimonApp
    from tuimon.view.session import Changes, Session
    from tuimon.view.trail import Step

_PAUSE: Final = "Stop or go on drawing; the capture never stops"
_LOUD: Final = "Calls that come by the million (read, write, futex, ...): leave out, or show too"
_FROM_FILTER: Final = "Write a rule whose condition is the filter in force"
_FORGET_TICKS: Final = 10
"""Rows are made afresh this often: marks and container names arrive later than their events."""


class LivePane(BenchKeys, Pane):
    """The list with its head, and under it what is shown and what is not."""

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,p", "pause", "Pause", key_display="space", tooltip=_PAUSE, id="live.pause"),
        Binding("f", "follow", "Follow", tooltip="Keep the newest event in view", id="live.follow"),
        Binding("w", "why", "Why", show=False, tooltip=WHY, id="live.why"),
        Binding("L", "loud", "Loud calls", show=False, tooltip=_LOUD, id="live.loud"),
        *bench_bindings("live", alert=False),
        Binding("F", "rule_from_filter", "Rule", show=False, tooltip=_FROM_FILTER, id="live.rule_from_filter"),
    ]

    def __init__(self) -> None:
        super().__init__(id="live-pane", title="Live")
        self.list = LiveList()
        self._head = CellLines(classes="head")
        self._foot = CellLines(id="live-foot")
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        """Lay out head, list and foot."""
        yield self._head
        yield self.list
        yield self._foot

    def attach(self, session: Session) -> None:
        """Take up the events of an engine."""
        from tuimon.view.live_lines import LiveLines

        self._session = session
        self.list.show_events(LiveLines(session.engine, session.live, session.marks))

    def pump(self, tick: int, changes: Changes) -> None:
        """Show what is new, unless drawing is paused."""
        session = self._session
        if session is None:
            return
        if changes.switched:
            self.list.keep_event()
        self.list.empty = self._empty(session)
        if changes.alerts or tick % _FORGET_TICKS == 0:
            self.list.forget()
        self.list.sync(changed=changes.live and (changes.switched or not session.live.paused))

    @staticmethod
    def _empty(session: Session) -> str:
        if not session.live.filtered:
            return "no events yet"
        searching = session.live.progress < 1 or session.live.pending
        return "searching..." if searching else "no event matches; esc goes back to all"

    def trail_changed(self) -> None:
        """Other containers or another filter are shown now."""

    def climbed(self, gone: Step) -> None:
        """A step was taken back."""

    # What the fixed lines say.

    def show_fixed(self) -> None:
        """Paint the head, the foot and the title afresh."""
        from tuimon.view.live_lines import live_header

        session = self._session
        if session is None:
            return
        self._head.set_lines(live_header(self.list.size.width))
        self.show_foot()
        name = session.chosen_name
        self.set_title(f"Live  {name}" if name else "Live", "space pause  f follow  enter details")

    def show_foot(self) -> None:
        """Say what is followed, hidden, lost, left out and kept."""
        session = self._session
        if session is None:
            return
        live, snapshot = session.live, session.snapshot
        following = self.list.follow and not live.paused
        state = "FOLLOW on" if following else "PAUSED" if live.paused else "follow off (f)"
        cells = [Cell(f" {state} ", "live" if following else "paused")]
        if live.fresh:
            cells.append(Cell(f" +{amount(live.fresh)} new ", "attention"))
        cells.append(Cell(f" {len(live):,} rows ", "muted"))
        if live.filtered:
            cells.append(Cell(f" {live.hidden:,} hidden by filter ", "muted"))
        if snapshot is not None:
            lost = snapshot.counts.dropped
            cells.append(Cell(f" {amount(lost)} lost ", "lost" if lost else "muted"))
            used = snapshot.history_bytes / max(snapshot.history_max_bytes, 1)
            size = snapshot.history_bytes / (1 << 20)
            loud = "loud calls shown (L)" if session.loud else "loud calls left out (L)"
            if snapshot.live:
                cells.append(Cell(f" {loud} ", "attention" if session.loud else "muted"))
            cells.append(Cell(f" history {amount(snapshot.history_events)} ev, {size:.0f} MB ({used:.0%}) ", "muted"))
        self._foot.set_lines(cells)

    # Keys.

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.event_details import EventDetails

        message.stop()
        event = self.list.event_under_cursor()
        if event is not None:
            self.app.push_screen(EventDetails(event))

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
        """Keep the newest row in view, or stay."""
        self.list.set_follow(not self.list.follow)
        if self.list.follow and self._session is not None and self._session.live.paused:
            self.action_pause()
        self.show_foot()

    def action_loud(self) -> None:
        """Show the calls that come by the million too, or leave them out again."""
        if self._session is not None:
            self._session.toggle_loud()
            self.show_foot()
