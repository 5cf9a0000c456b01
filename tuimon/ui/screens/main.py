"""The main screen: status, tabs, filter, and the panes of each tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Footer

from tuimon.errors import TuimonError
from tuimon.ui.ascii import use_ascii_scrollbars
from tuimon.ui.messages import FilterChanged, FilterLeft
from tuimon.ui.screens.rules_tab import RulesTab
from tuimon.ui.screens.side_tabs import SIDE_TABS, side_tabs
from tuimon.ui.text import plain
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.filter_bar import FilterBar
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import AlertList, ContainerList, LiveList
from tuimon.ui.widgets.pane import Pane
from tuimon.ui.widgets.rule_editor import RuleEditor
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import amount
from tuimon.view.status_lines import status_line

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp
    from tuimon.view.session import Changes, Session

TABS: Final = (("live", "Live"), ("alerts", "Alerts"), ("rules", "Rules"), *SIDE_TABS)
_HINT: Final = "First time here?  c choose a container   / filter   space pause   enter details   3 rules   ? all keys"
_FILTER: Final = "Keep events: an expression of the rule language, or plain text"
_LOUD: Final = "Calls that come by the million (read, write, futex, ...): leave out, or show too"
_HINT_KEYS: Final = 12
"""Keys after which the hint goes."""
MIN_SIZE: Final = (60, 16)


class MainScreen(Screen[None]):
    """Everything but the dialogs."""

    app: TuimonApp

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (160, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "tab('live')", "Live", show=False, id="tab.live"),
        Binding("2", "tab('alerts')", "Alerts", show=False, id="tab.alerts"),
        Binding("3", "tab('rules')", "Rules", show=False, id="tab.rules"),
        *(
            Binding(str(number), f"tab('{name}')", title, show=False, id=f"tab.{name}")
            for number, (name, title) in enumerate(SIDE_TABS, 4)
        ),
        Binding("slash", "filter", "Filter", key_display="/", tooltip=_FILTER, id="filter.open"),
        Binding("c", "containers", "Containers", tooltip="Choose a container", id="containers.focus"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="The focused pane alone, or all again", id="pane.zoom"),
        Binding("L", "loud", "Loud calls", show=False, tooltip=_LOUD, id="live.loud"),
        Binding("r", "record", "Record", show=False, tooltip="Record what is live, or end it", id="record"),
        Binding("escape", "back", "Back", show=False, tooltip="Back: from zoom, container, filter", id="back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self._status = CellLines(id="status")
        self._tabs = CellLines(id="tabs")
        self._filter = FilterBar()
        self._hint = CellLines([(Cell(f" {_HINT}", "key", REST),)], id="hint")
        self._too_small = CellLines(id="too-small")
        self._live = LiveList()
        self._containers = ContainerList()
        self._alerts = AlertList("alerts")
        self._all_alerts = AlertList("all-alerts")
        self._live_head = CellLines(classes="head")
        self._container_head = CellLines(classes="head")
        self._alert_head = CellLines(classes="head")
        self._all_alert_head = CellLines(classes="head")
        self._container_info = CellLines(id="container-info")
        self._live_foot = CellLines(id="live-foot")
        self._alert_text = LineList(id="alert-text", empty="enter opens the alert under the cursor")
        self._rules = RulesTab()
        self._sides = side_tabs()
        self._body = ContentSwitcher(initial="live", id="body")
        self._panes = {
            name: Pane(id=name, title=title)
            for name, title in (
                ("containers-pane", "Containers"), ("live-pane", "Live"), ("alerts-pane", "Alerts"),
                ("all-alerts-pane", "Alerts"), ("alert-pane", "Alert"),
            )
        }  # fmt: skip
        self._alert_shown: object = None
        self._tick = 0
        self._keys = 0

    def compose(self) -> ComposeResult:
        """Lay the panes out; what a tab shows is filled in when there is an engine."""
        yield self.app.palette
        yield self._status
        yield self._tabs
        yield self._filter
        with self._body:
            with Vertical(id="live"):
                with Horizontal(id="upper"):
                    with self._panes["containers-pane"]:
                        yield self._container_head
                        yield self._containers
                        yield self._container_info
                    with self._panes["live-pane"]:
                        yield self._live_head
                        yield self._live
                        yield self._live_foot
                with self._panes["alerts-pane"]:
                    yield self._alert_head
                    yield self._alerts
            with Vertical(id="alerts"):
                with self._panes["all-alerts-pane"]:
                    yield self._all_alert_head
                    yield self._all_alerts
                with self._panes["alert-pane"]:
                    yield self._alert_text
            yield self._rules
            yield from self._sides.values()
        yield self._hint
        yield self._too_small
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Show what is known before there is an engine."""
        self.set_focus(self._live)
        self._show_status()
        self._show_tabs()
        if self.app.ascii_only:
            for widget in (*self.query(LineList), *self.query(RuleEditor)):
                use_ascii_scrollbars(widget)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take keys that are letters out of the footer while a text field takes them as text."""
        return not (action == "filter" and self.app.is_typing) and super().check_action(action, parameters)

    def on_key(self) -> None:
        """Count keys: who has pressed a few needs the hint for the first start no more."""
        self._keys += 1
        if self._keys == _HINT_KEYS:
            self.hide_hint()

    # Life.

    def attach(self, session: Session) -> None:
        """Take up an engine's lists."""
        from tuimon.view.alert_lines import AlertLines
        from tuimon.view.container_lines import ContainerLines
        from tuimon.view.live_lines import LiveLines

        self.session = session
        self._filter.check = session.engine.filter
        self._filter.use_history(session.filter_history)
        self._live.show_events(LiveLines(session.engine, session.live, session.marks))
        self._containers.show_containers(ContainerLines(session.containers, ascii_only=self.app.ascii_only))
        for alerts in (self._alerts, self._all_alerts):
            alerts.show_alerts(AlertLines(session.alerts))
        self._rules.attach(session)
        for side in self._sides.values():
            side.attach(session)
        self.refresh_bindings()
        self.pump()

    def pump(self) -> None:
        """Bring the panes up to date; ten times a second."""
        session = self.session
        if session is None:
            return
        self._tick += 1
        changes = session.pump()
        self._pump_live(changes, session)
        if changes.containers:
            self._containers.renew()
        if changes.alerts:
            self._redraw_alerts()
            self._show_alert()
        for side in self._sides.values():
            side.pump(self._tick)
        if self._tick % 5 == 1 or changes.alerts or changes.switched:
            self._show_heads(session)
            self._show_status()
            self._show_tabs()
            self._show_filter()

    def _pump_live(self, changes: Changes, session: Session) -> None:
        if changes.switched:
            self._live.keep_event()
        paused = session.live.paused
        searching = session.live.progress < 1 or session.live.pending
        self._live.empty = (
            "no events yet" if not session.live.filtered
            else "searching..." if searching
            else "no event matches; esc goes back to all"
        )  # fmt: skip
        if changes.alerts or self._tick % 10 == 0:
            self._live.forget()  # marks and container names arrive later than their events
        if paused and not changes.switched:
            self._live.sync(changed=False)
        else:
            self._live.sync(changed=changes.live)

    def _redraw_alerts(self) -> None:
        for alerts in (self._alerts, self._all_alerts):
            alerts.renew()

    def on_screen_resume(self) -> None:
        """A dialog went: heads may have changed."""
        if self.session is not None:
            self._show_heads(self.session)

    def on_resize(self) -> None:
        """Say a sentence instead of showing a broken layout when there is no room."""
        width, height = self.size
        small = width < MIN_SIZE[0] or height < MIN_SIZE[1]
        self.set_class(small, "-small")
        if self.focused is None and not small:
            self.call_after_refresh(self._focus_tab)
        self._too_small.set_lines(
            (),
            (Cell(f" tuimon needs a terminal of {MIN_SIZE[0]}x{MIN_SIZE[1]};", "attention", REST),),
            (Cell(f" this one is {width}x{height}. Make it larger, or q to quit.", "", REST),),
        )
        self._show_status()
        self._show_tabs()
        if self.session is not None:
            self.call_after_refresh(self._show_heads, self.session)

    # What the fixed lines say.

    def _show_status(self) -> None:
        session = self.session
        snapshot = session.snapshot if session is not None else None
        paused = session is not None and (session.live.paused or self.app.replay_paused)
        width = self.size.width or 80
        self._status.set_lines(status_line(snapshot, width, paused=paused, ascii_only=self.app.ascii_only))

    def _show_tabs(self) -> None:
        current = self._body.current
        total = self.session.alerts.total if self.session is not None else 0
        cells = [Cell(" ", "")]
        for number, (name, title) in enumerate(TABS, 1):
            count = f" {amount(total)}!" if name == "alerts" and total else ""
            count = " !" if name == "health" and self.session and self._notices else count
            text = f"{number} {title}{count}"
            if name == "replay" and (mark := self.app.recording.mark):
                cells.append(Cell(f"{number} {mark}", "lost"))
                continue
            cells.append(Cell(f"[{text}]" if name == current else f" {text} ", "title" if name == current else "muted"))
        notices = self._notices
        cells.append(Cell(f"   {notices[0]}" if notices else "", "attention", REST))
        palette = not self.has_class("-narrow") and not notices
        cells += [Cell("ctrl+p " if palette else "", "key"), Cell("commands  " if palette else "", "muted")]
        cells += [Cell("? ", "key"), Cell("help ", "muted")]
        self._tabs.set_lines(cells)

    @property
    def _notices(self) -> tuple[str, ...]:
        snapshot = self.session.snapshot if self.session is not None else None
        return snapshot.notices if snapshot is not None else ()

    def _show_filter(self) -> None:
        session = self.session
        if session is None:
            return
        from tuimon.view.container_view import label

        row = session.containers.chosen
        chip = "" if session.containers.chosen_id is None else label(row) if row else session.containers.chosen_id
        tail = ""
        if session.live.filtered:
            progress = session.live.progress
            tail = "" if session.live.pending else f"{amount(session.live.hidden)} rows hidden"
            if progress < 1 or session.live.pending:
                tail = f"searching {progress:.0%} {tail}"
            if session.live.error:
                tail = session.live.error
        self._filter.describe(session.filter_text, chip, tail)

    def _show_heads(self, session: Session) -> None:
        from tuimon.view.alert_lines import alert_header
        from tuimon.view.container_lines import container_details, container_header
        from tuimon.view.live_lines import live_header

        self._live_head.set_lines(live_header(self._live.size.width))
        self._container_head.set_lines(container_header(self._containers.size.width))
        for head, alerts in ((self._alert_head, self._alerts), (self._all_alert_head, self._all_alerts)):
            head.set_lines(alert_header(alerts.size.width))
        row = session.containers.chosen or self._containers.row_under_cursor()
        info = container_details(row, self._container_info.size.width, ascii_only=self.app.ascii_only)
        self._container_info.set_lines(*info)
        self._show_foot(session)
        self._show_titles(session)

    def _show_foot(self, session: Session) -> None:
        live, snapshot = session.live, session.snapshot
        state = "FOLLOW on" if self._live.follow and not live.paused else "PAUSED" if live.paused else "follow off (f)"
        role = "live" if self._live.follow and not live.paused else "paused"
        cells = [Cell(f" {state} ", role)]
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
        self._live_foot.set_lines(cells)

    def _show_titles(self, session: Session) -> None:
        from tuimon.view.container_view import label

        row = session.containers.chosen
        name = label(row) if row is not None else ""
        self._panes["live-pane"].set_title(f"Live  {name}" if name else "Live", "space pause  f follow  enter details")
        self._panes["containers-pane"].set_title("Containers", f"enter choose  < > {session.containers.order}")
        view = session.alerts
        what = f"{len(view.rows)} groups, {view.total:,} alerts" if view.grouped else f"{view.total:,} alerts"
        hidden = f", {view.hidden} hidden by container" if view.hidden else ""
        for pane in ("alerts-pane", "all-alerts-pane"):
            order = "worst first" if view.by_severity else "newest first"
            title = f"Alerts  {name}  {what}{hidden}" if name else f"Alerts  {what}{hidden}"
            self._panes[pane].set_title(title, f"enter open  e rule  u fold  o {order}")

    # Keys. The focus is set at once (``Widget.focus`` does it later), so that keys typed fast behind one another land
    # where they are meant to.

    def _focus_tab(self) -> None:
        """Focus the first list of the tab that is shown."""
        targets: dict[str, Widget] = {"live": self._live, "alerts": self._all_alerts, "rules": self._rules.first_focus}
        targets |= {name: side.first_focus for name, side in self._sides.items()}
        self.set_focus(targets[self._body.current or "live"])

    def action_tab(self, name: str) -> None:
        """Show a tab and focus its first list."""
        self._body.current = name
        self.remove_class("-zoomed")
        self._focus_tab()
        if name == "rules":
            self._rules.shown()
        elif name in self._sides:
            self.call_after_refresh(self._sides[name].shown)
        self._show_tabs()
        if self.session is not None:
            self.call_after_refresh(self._show_heads, self.session)
            self.call_after_refresh(self._show_alert)

    def action_filter(self) -> None:
        """Open the filter bar; it begins with the filter in force, or offers the last one with up."""
        if self.session is not None:
            if self._body.current != "live":
                self.action_tab("live")
            self._filter.edit(self.session.filter_text)

    def action_containers(self) -> None:
        """Go to the containers; where there is no room for them they take the live pane's place until chosen."""
        if self._body.current != "live":
            self.action_tab("live")
        shown = self.has_class("-containers")
        self.set_class(not shown or not self.has_class("-narrow"), "-containers")
        if shown and self.has_class("-narrow"):
            self.set_focus(self._live)
        else:
            self.set_focus(self._containers)
        if self.session is not None:
            self.call_after_refresh(self._show_heads, self.session)

    def action_zoom(self) -> None:
        """Give the focused pane the whole tab, or take it back."""
        focused = self.focused
        pane = next((w for w in focused.ancestors_with_self if isinstance(w, Pane)), None) if focused else None
        for other in self.query(Pane):
            other.set_class(other is pane, "-top")
        self.toggle_class("-zoomed")
        if self.session is not None:
            self.call_after_refresh(self._show_heads, self.session)

    def action_back(self) -> None:
        """Step back: zoom, then the list of containers, then the chosen container, then the filter."""
        session = self.session
        if self.has_class("-zoomed"):
            self.action_zoom()
        elif self.has_class("-containers") and self.has_class("-narrow"):
            self.action_containers()
        elif session is not None and session.containers.chosen_id is not None:
            self._choose(None)
        elif session is not None and session.filter_text:
            self._apply_filter("")

    def action_pause(self) -> None:
        """Stop drawing new rows, or go on; the capture never stops."""
        session = self.session
        if session is None:
            return
        if session.live.paused:
            session.live.resume()
        else:
            session.live.pause()
        self._live.sync(changed=True)
        self._show_status()
        self._show_foot(session)

    def action_follow(self) -> None:
        """Keep the newest row in view, or stay."""
        self._live.set_follow(not self._live.follow)
        if self._live.follow and self.session is not None and self.session.live.paused:
            self.action_pause()
        if self.session is not None:
            self._show_foot(self.session)

    # Messages.

    @on(LineList.Opened, "#containers")
    def _container_opened(self) -> None:
        row = self._containers.row_under_cursor()
        if row is not None:
            self._choose(row.container.id)
            if self.has_class("-narrow"):
                self.remove_class("-containers")
                self.set_focus(self._live)

    @on(LineList.Moved, "#containers")
    def _container_moved(self) -> None:
        if self.session is not None:
            self._show_heads(self.session)

    def _choose(self, container_id: str | None) -> None:
        assert self.session is not None
        self.session.choose(container_id)
        self._containers.redraw()
        self._redraw_alerts()
        self._show_filter()
        self._show_heads(self.session)

    @on(LineList.Opened, "#live-list")
    def _event_opened(self) -> None:
        from tuimon.ui.screens.event_details import EventDetails

        event = self._live.event_under_cursor()
        if event is not None:
            self.app.push_screen(EventDetails(event))

    @on(LineList.Opened, "#alerts-list, #all-alerts-list")
    def _alert_opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.alert_details import AlertDetails

        widget = message.widget
        assert isinstance(widget, AlertList)
        row = widget.row_under_cursor()
        if row is not None and self.session is not None:
            self.app.push_screen(AlertDetails(row, self.session.alerts.members(row)), self._alert_left)

    def _alert_left(self, rule: str | None) -> None:
        if rule:
            self.edit_rule(rule)

    @on(LineList.Moved, "#all-alerts-list")
    def _show_alert(self) -> None:
        """Show the alert under the cursor in full, below the list."""
        from tuimon.view.detail_lines import FixedLines, alert_lines

        row, width = self._all_alerts.row_under_cursor(), self._alert_text.size.width
        if row is not None and row is not self._alert_shown and width and self.session is not None:
            self._alert_shown = row
            self._alert_text.show(FixedLines(alert_lines(row, self.session.alerts.members(row), width)))

    def action_record(self) -> None:
        """Record what is live, or end it."""
        self.app.recording.toggle()

    def show_event(self, num: int) -> None:
        """Go to the live tab and put the cursor on an event, or on the next one that its filter shows."""
        self.action_tab("live")
        self._live.go_to(num)

    def show_filtered(self, text: str) -> None:
        """Go to the live tab and keep there what a filter describes."""
        self.action_tab("live")
        self._apply_filter(text)

    def edit_rule(self, rule: str) -> None:
        """Open the rule editor at a rule."""
        self.action_tab("rules")
        if not self._rules.open_rule(rule):
            self.app.notify(plain(f"{rule} is in none of the rule files in force").plain, markup=False)

    def action_edit_rule(self) -> None:
        """Open the rule of the alert under the cursor."""
        focused = self.focused
        if isinstance(focused, AlertList) and (row := focused.row_under_cursor()) is not None:
            self.edit_rule(row.rule)

    def action_why(self) -> None:
        """Say why rules fired or did not for the event, or the alert, under the cursor."""
        from tuimon.view.alert_view import AlertGroup

        focused = self.focused
        if isinstance(focused, AlertList) and (row := focused.row_under_cursor()) is not None:
            alert = row.newest if isinstance(row, AlertGroup) else row
            self.app.open_why(alert.event, alert.rule)
        elif isinstance(focused, LiveList) and (event := focused.event_under_cursor()) is not None:
            self.app.open_why(event)

    def action_loud(self) -> None:
        """Show the calls that come by the million too, or leave them out again."""
        if self.session is not None:
            self.session.toggle_loud()
            self._show_foot(self.session)

    def action_fold(self) -> None:
        """Fold the repeats of an alert, or show every one."""
        if self.session is not None:
            self.session.alerts.toggle_grouped()
            self._redraw_alerts()
            self._show_titles(self.session)

    def action_order(self) -> None:
        """Order alerts by severity, or by time."""
        if self.session is not None:
            self.session.alerts.toggle_by_severity()
            self._redraw_alerts()
            self._show_titles(self.session)

    def action_turn_order(self, step: int) -> None:
        """Order the containers another way."""
        if self.session is not None:
            self.session.containers.turn_order(step)
            self._containers.renew()
            self._show_titles(self.session)

    @on(FilterChanged)
    def _filter_changed(self, event: FilterChanged) -> None:
        self._apply_filter(event.text)
        self._filter.leave()
        self.set_focus(self._live)

    @on(FilterLeft)
    def _filter_left(self) -> None:
        self._filter.leave()
        self.set_focus(self._live)

    def _apply_filter(self, text: str) -> None:
        assert self.session is not None
        try:
            self.session.set_filter(text)
        except TuimonError as error:
            self.app.notify(plain(str(error)).plain, severity="error", markup=False)
        self._show_filter()

    @on(CellLines.CellClicked, "#tabs")
    def _tab_clicked(self, event: CellLines.CellClicked) -> None:
        if 1 <= event.cell <= len(TABS):
            self.action_tab(TABS[event.cell - 1][0])
        elif event.cell in (len(TABS) + 2, len(TABS) + 3):
            self.app.action_command_palette()
        elif event.cell > len(TABS) + 3:
            self.app.action_help()

    @on(CellLines.CellClicked, "#filter-line")
    def _filter_clicked(self, event: CellLines.CellClicked) -> None:
        line: Line = event.widget.lines[event.line]
        if line[event.cell].role == "chosen":
            self._choose(None)
        else:
            self.action_filter()

    @on(CellLines.CellClicked, "#hint")
    def _hint_clicked(self) -> None:
        self.hide_hint()

    def hide_hint(self) -> None:
        """The user has pressed something: the hint for the first start has done its work."""
        self._hint.display = False

    @property
    def unsaved(self) -> list[str]:
        """Paths of rule files with unsaved text."""
        return [] if self.session is None else [file.path for file in self.session.book.dirty()]

    def poll_files(self) -> None:
        """Look whether another editor changed a rule file; once a second."""
        self._rules.poll_files()
        self.app.recording.poll()
