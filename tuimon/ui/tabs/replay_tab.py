"""The replay tab: a recording's timeline, where we are on it, its alerts; and recording while live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tuimon.errors import TuimonError
from tuimon.ui.panes.pane import Pane
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.text import safe
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import REST, Cell

if TYPE_CHECKING:
    from tuimon.engine import Engine
    from tuimon.ui.ticker import Tick
    from tuimon.view.replay_lines import MarkLines
    from tuimon.view.replay_view import Mark, ReplayView
    from tuimon.view.session import Changes, Session

_PAINT_TICKS = 2
_SYNC_TICKS = 10
_STEP = 1 / 50
"""Of the whole time: what left and right move by."""


class TimelineBar(CellLines):
    """The picture of the timeline; a click goes to the time under the pointer."""

    class Scrubbed(Message):
        """A time was clicked."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def on_click(self, event: events.Click) -> None:
        """Turn the place into a share of the time."""
        at = event.get_content_offset(self)
        if at is not None and at.y >= 1:
            self.post_message(self.Scrubbed((at.x - 1) / max(self.size.width - 2, 1)))


class MarkList(LineList):
    """The alerts on the timeline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Go there", id="marks.open"),
        Binding("o", "details", "Alert", tooltip="Open the alert", id="marks.details"),
        Binding("u", "fold", "Fold", tooltip="Fold repeats, or show every alert", id="marks.fold"),
        Binding("left", "step(-1)", "Back a fiftieth of the time", show=False, id="marks.back"),
        Binding("right", "step(1)", "Forward a fiftieth of the time", show=False, id="marks.forward"),
    ]

    class Stepped(Message):
        """A little back or forward."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class DetailsAsked(Message):
        """The alert under the cursor is to be opened."""

    def __init__(self) -> None:
        super().__init__(id="marks-list", empty="no alert so far")
        self.marks: MarkLines | None = None
        self._mark: Mark | None = None

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and remember which alert that is."""
        super().put_cursor(seq)
        self._mark = self.mark_under_cursor()

    def renew(self) -> None:
        """Alerts came or went: show them, the cursor on the same one."""
        wanted = self._mark
        self.redraw()
        self.sync(changed=True)
        if self.marks is None or wanted is None:
            return
        seq = self.marks.position(wanted)
        if seq is not None and seq != self.cursor:
            self.put_cursor(seq)

    def mark_under_cursor(self) -> Mark | None:
        """Return the alert under the cursor, the first of those that are one row."""
        row = self.row_under_cursor()
        return row[0] if row else None

    def row_under_cursor(self) -> Sequence[Mark]:
        """Return the alerts of the row under the cursor, in order of time."""
        return self.marks.row(self.cursor) if self.marks is not None and self.cursor is not None else ()

    def show_mark(self, mark: Mark) -> None:
        """Put the cursor on the row that an alert is in."""
        seq = self.marks.position(mark) if self.marks is not None else None
        if seq is not None:
            self.put_cursor(seq)

    def action_fold(self) -> None:
        """Fold repeats, or show every alert; the cursor stays on the alert that it is on."""
        if self.marks is not None:
            self.marks.turn_folded()
            self.renew()

    def action_step(self, step: int) -> None:
        """Move on the timeline."""
        self.post_message(self.Stepped(step))

    def action_details(self) -> None:
        """Open the alert."""
        self.post_message(self.DetailsAsked())


class ReplayTab(Tab):
    """The tab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", key_display="space", tooltip="Play, or pause the recording", id="replay.play"),
        Binding("left_square_bracket,alt+left", "mark(-1)", "Alert before", False, key_display="[", id="replay.before"),
        Binding("right_square_bracket,alt+right", "mark(1)", "Next alert", key_display="]", id="replay.next"),
        Binding("minus", "speed(-1)", "Slower", key_display="-", id="replay.slower"),
        Binding("plus,equals_sign", "speed(1)", "Faster", key_display="+", id="replay.faster"),
        Binding("t", "ask_time", "Time", tooltip="Go to a time", id="replay.time"),
        Binding("s", "restart", "Start", tooltip="Play from the start again", id="replay.restart"),
    ]

    def __init__(self) -> None:
        super().__init__("replay")
        self._pane = Pane(id="replay-pane", title="Replay")
        self._bar = TimelineBar(id="timeline")
        self._mark_pane = Pane(id="marks-pane", title="Alerts")
        self._head = CellLines(classes="head")
        self._list = MarkList()
        self._foot = CellLines(id="replay-foot")
        self._view: ReplayView | None = None
        self._opening = False
        self._wanted_ns = 0
        """Where the last key, click or answer leads: while that is on its way, the next step goes on from there."""
        self._shown_marks: tuple[int, int] = (0, 0)

    def compose(self) -> ComposeResult:
        """Lay out the timeline over its alerts."""
        with self._pane:
            yield self._bar
        with self._mark_pane:
            yield self._head
            yield self._list
            yield self._foot

    @property
    def first_focus(self) -> MarkList:
        """The alerts; the keys of the tab work there too."""
        return self._list

    @property
    def view(self) -> ReplayView:
        """The timeline; only after ``take_up``."""
        assert self._view is not None
        return self._view

    # Life.

    def take_up(self, session: Session) -> None:
        """Show an engine's time; what is known of the same recording stays."""
        from tuimon.engine import Engine
        from tuimon.replay import Scout
        from tuimon.view.replay_lines import MarkLines
        from tuimon.view.replay_view import ReplayView

        engine = session.engine
        ahead = (lambda: Scout(engine)) if isinstance(engine, Engine) else None
        self._view = ReplayView(session, ahead, self._view)
        self._list.marks = MarkLines(self._view)
        cursor = self._list.cursor
        self._list.show(self._list.marks)
        if cursor is not None:
            self._list.put_cursor(cursor)

    def pump(self, tick: Tick, changes: Changes) -> None:  # noqa: ARG002
        """Read ahead only once somebody looks; paint while shown."""
        if self._view is None or not self.is_shown:
            return
        if tick.every(_SYNC_TICKS):
            self._view.sync()
        if tick.every(_PAINT_TICKS):
            self._paint()

    @property
    def at_work(self) -> bool:
        """Whether a recording is read ahead."""
        return self.is_shown and self._view is not None and self._view.progress < 1

    def fill(self) -> None:
        """Make the rows as they are now."""
        if self._view is not None:
            self._view.sync()
            self._list.redraw()
            self._list.sync(changed=True)

    def shown(self) -> None:
        """Paint everything; the rows were made when the tab was asked for."""
        if self._view is not None:
            self._list.redraw()
            self._paint()

    def close(self) -> None:
        """End what reads ahead."""
        if self._view is not None:
            self._view.close()

    def on_unmount(self) -> None:
        """The screen goes."""
        self.close()

    def _paint(self) -> None:
        from tuimon.view.replay_lines import mark_header, timeline_lines

        view = self.view
        width = self._bar.size.width
        if not width:
            return
        self._bar.set_lines(*timeline_lines(view, width, ascii_only=self.app.ascii_only))
        self._head.set_lines(mark_header(self._list.row_width))
        reached = sum(mark.time_ns <= view.position_ns for mark in view.marks)
        if (len(view.marks), reached) != self._shown_marks:
            self._shown_marks = len(view.marks), reached
            self._list.renew()
        self._show_words(view, reached)

    def _show_words(self, view: ReplayView, reached: int) -> None:
        recording = self.app.recording
        if view.source is None:
            self._pane.set_title("Time", "r records  t go to a time")
            self._mark_pane.set_title(f"Alerts  {len(view.marks):,} in what history holds", "enter shows its event")
            if facts := recording.facts():
                cells = [Cell(" REC ", "lost")]
                for name, value in facts:
                    cells += [Cell(f" {name} ", "muted"), Cell(value, "strong")]
                key = "r ends it" if recording.running else "r begins another"
                self._foot.set_lines([*cells, Cell(f"   {key}", "key", REST)])
            else:
                text = " r records what is live into a file; tuimon replay FILE opens one"
                self._foot.set_lines((Cell(text, "muted", REST),))
            return
        self._pane.set_title(f"Replay  {view.source.name}", "space play  +- speed  arrows move  t time  s start")
        ahead = f", {len(view.marks) - reached:,} ahead" if reached < len(view.marks) else ""
        self._mark_pane.set_title(f"Alerts  {len(view.marks):,}{ahead}", "enter go there  [ ] before, next  o open")
        self._foot.set_lines((Cell(" the other tabs show what has been played so far", "muted", REST),))

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense for the source: a live machine cannot be played faster; nothing before one."""
        only_replay = ("play", "mark", "speed", "restart")
        if action in (*only_replay, "ask_time") and self._view is None:
            return False
        if action in only_replay and self.view.source is None:
            return False
        return super().check_action(action, parameters)

    def action_play(self) -> None:
        """Pause or go on; at the end play from the start again."""
        source = self.view.source
        if source is None:
            return
        if source.ended and not self._opening:
            source.paused = False
            self._go(self.view.timeline.first_ns)
        else:
            source.paused = not source.paused
        self._paint()

    def action_restart(self) -> None:
        """Play from the start again."""
        self._go(self.view.timeline.first_ns)

    def action_speed(self, step: int) -> None:
        """Play faster or slower."""
        self.view.turn_speed(step)
        self._paint()

    @on(MarkList.Stepped)
    def _stepped(self, message: MarkList.Stepped) -> None:
        """Move by a fiftieth of the whole."""
        if self._view is not None and self._view.source is not None:
            self._go(self._here_ns() + round(self.view.timeline.span_ns * _STEP * message.step))

    def action_mark(self, step: int) -> None:
        """Go to the next alert, or the one before."""
        mark = self.view.mark_from_here(step, self._here_ns())
        if mark is None:
            further = "no further alert" if self.view.progress == 1 else "no further alert so far: still reading ahead"
            self.app.notify(further if step > 0 else "no alert before", timeout=2, markup=False)
            return
        self._go(self.view.time_of(mark))
        self._list.show_mark(mark)

    def action_ask_time(self) -> None:
        """Ask for a time and go there."""
        from tuimon.ui.screens.ask import Ask

        hint = "16:02:05 of the clock, +1:30 or -10 from here, 50% of the whole"
        self.app.push_screen(Ask("Go to which time?", hint, check=self.view.parse), self._time_given)

    def _time_given(self, text: str | None) -> None:
        if text is None:
            return
        time_ns = self.view.parse(text)
        if self.view.source is None:
            self._show_event_at(time_ns)
        else:
            self._go(time_ns)

    @on(TimelineBar.Scrubbed)
    def _scrubbed(self, message: TimelineBar.Scrubbed) -> None:
        if self._view is None:
            return
        time_ns = self.view.timeline.time_at(message.share)
        if self.view.source is None:
            self._show_event_at(time_ns)
        else:
            self._go(time_ns)

    @on(LineList.Opened, "#marks-list")
    def _mark_opened(self) -> None:
        if self._list.marks is None or self._list.cursor is None:
            return
        mark = self._list.marks.target(self._list.cursor, self._here_ns())
        if mark is None:
            return
        if self.view.source is None:
            self.app.main.show_event(mark.alert.event.num)
        else:
            self._go(self.view.time_of(mark))

    @on(MarkList.DetailsAsked)
    def _details_asked(self) -> None:
        from tuimon.ui.screens.alert_details import AlertDetails

        row = self._list.row_under_cursor()
        if row:
            self.app.push_screen(AlertDetails(row[0].alert, [mark.alert for mark in row]), self._alert_left)

    def _alert_left(self, rule: str | None) -> None:
        if rule:
            self.app.main.edit_rule(rule)

    def _show_event_at(self, time_ns: int) -> None:
        from tuimon.view.timeline import number_at

        assert self.session is not None
        num = number_at(self.session.engine.history, time_ns)
        if num is not None:
            self.app.main.show_event(num)

    # Going to a time.

    def _here_ns(self) -> int:
        """Return where we are, or are on the way to."""
        on_the_way = self._opening or self.view.skipping
        return self._wanted_ns if on_the_way else self.view.position_ns

    def _go(self, time_ns: int) -> None:
        """Go on to a time, or open the recording again when it lies behind us."""
        timeline = self.view.timeline
        time_ns = self._wanted_ns = min(max(time_ns, timeline.first_ns), timeline.last_ns)
        if not self._opening and not self.view.go(time_ns):
            self._opening = True
            self._reopen(time_ns if time_ns > timeline.first_ns else 0)

    @work(thread=True, exit_on_error=False)
    def _reopen(self, skip_to_ns: int) -> None:
        """Make an engine over the same recording, in a thread: rules are compiled again."""
        from tuimon.engine import Engine
        from tuimon.replay import reopened

        old = self.session.engine if self.session is not None else None
        done = False
        try:
            if not isinstance(old, Engine):
                return
            engine = reopened(old, skip_to_ns)
            engine.start()
            engine.wait_started(10)
            if (error := engine.error()) is not None:
                raise error
            done = True
            self.app.call_from_thread(self._opened_again, engine, skip_to_ns)
            old.stop()
        except (TuimonError, OSError) as error:
            self.app.call_from_thread(self.app.notify, safe(str(error)), severity="error", markup=False)
        finally:
            if not done:  # else it is the screen's: it may have sent for the recording again
                self._opening = False

    def _opened_again(self, engine: Engine, skip_to_ns: int) -> None:
        """Show the new engine, and do with it what the keys pressed meanwhile mean."""
        before = self.view.source
        self.app.change_engine(engine)
        self._opening = False
        if before is not None and (source := self.view.source) is not None:
            source.paused, source.speed = before.paused, before.speed
        if self._wanted_ns != max(skip_to_ns, self.view.timeline.first_ns):
            self._go(self._wanted_ns)
