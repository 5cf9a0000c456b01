"""The main screen: the status, the tabs, the filter; and the ways from one tab to another."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from tuimon.errors import TuimonError
from tuimon.ui.compositor import SparseCompositor
from tuimon.ui.messages import FilterChanged, FilterLeft
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.dialog import WIDTHS
from tuimon.ui.screens.sizes import Sizes
from tuimon.ui.tabs.alerts_tab import AlertsTab
from tuimon.ui.tabs.live_tab import LiveTab
from tuimon.ui.tabs.rules_tab import RulesTab
from tuimon.ui.tabs.tabs import TABS, make_tabs
from tuimon.ui.tabs.tree_tab import TreeTab
from tuimon.ui.text import plain
from tuimon.ui.ticker import Tick
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.filter_bar import FilterBar
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.view.cells import REST, Cell, cut
from tuimon.view.clock import amount
from tuimon.view.filter_history import FilterHistory
from tuimon.view.memory import Memory
from tuimon.view.status_lines import status_line

if TYPE_CHECKING:
    from textual.widget import Widget

    from tuimon.ui.app import TuimonApp
    from tuimon.ui.tabs.tab import Tab
    from tuimon.view.session import Session
    from tuimon.view.trail import Step

_HINT: Final = "First time here?  c choose a container   / filter   space pause   enter details   3 rules   ? all keys"
_SHORT_HINT: Final = "First time here?  ? all keys   c containers   / filter   enter details   q quit"
_FILTER: Final = "Keep events: an expression of the rule language, or plain text"
_BACK: Final = "Back: from zoom, then the newest step of the breadcrumb"
_GROW: Final = "Make the pane with the focus larger, or smaller"
_HIDE: Final = "Hide the pane with the focus; from a pane that stays, show what is hidden beside it"
_VIEWS: Final = "Count events by container, process, file, connection, call, error, user, ..."
_GO: Final = "To the filter before, or after again, like a browser"
_SAID: Final = 20
"""Columns from which on a notice says something beside the tabs."""
_TITLED: Final = 78
"""Columns from which on every tab's title is shown; below, the names of the others would be cut."""
_HINT_KEYS: Final = 12
"""Keys after which the hint goes."""
_FIXED_TICKS: Final = 5
_IDLE_TICKS: Final = 9
_CLOCK_TICKS: Final = 12
"""Tenths of a second between two paintings of the heads: with events, with none but new figures, with nothing new at
all. What is painted in one go costs one frame: without events the figures come once a second, and containers change
with them."""
MIN_SIZE: Final = (60, 16)


class MainScreen(Screen[None]):
    """Everything but the dialogs."""

    app: TuimonApp

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"tab('{name}')", title, show=False, id=f"tab.{name}")
            for number, (name, title, _) in enumerate(TABS, 1)
        ),
        Binding("slash", "filter", "Filter", key_display="/", tooltip=_FILTER, id="filter.open"),
        Binding("c", "containers", "Containers", tooltip="Choose a container", id="containers.focus"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="The focused pane alone, or all again", id="pane.zoom"),
        Binding("plus", "grow(1)", "Larger", False, key_display="+", tooltip=_GROW, id="pane.grow"),
        Binding("minus", "grow(-1)", "Smaller", False, key_display="-", tooltip=_GROW, id="pane.shrink"),
        Binding("H,alt+h", "hide", "Hide", show=False, tooltip=_HIDE, id="pane.hide"),
        Binding("V,f2", "views", "Views", tooltip=_VIEWS, id="views.open"),
        Binding("r", "record", "Record", show=False, tooltip="Record what is live, or end it", id="record"),
        Binding("escape,backspace", "back", "Back", key_display="esc", show=False, tooltip=_BACK, id="back"),
        Binding(
            "left_square_bracket,alt+left",
            "history(-1)",
            "Before",
            False,
            key_display="[",
            tooltip=_GO,
            id="trail.back",
        ),
        Binding(
            "right_square_bracket,alt+right", "history(1)", "After", False, key_display="]", tooltip=_GO, id="trail.on"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparseCompositor()
        self.session: Session | None = None
        self.tabs = make_tabs()
        self._status = CellLines(id="status")
        self._tab_line = CellLines(id="tabs")
        self._filter = FilterBar()
        self._hint = CellLines(id="hint")
        self._too_small = CellLines(id="too-small")
        self._body = ContentSwitcher(initial="live", id="body")
        self._tick = 0
        """Tenths of a second that have gone by since the session was taken up."""
        self._heads_tick = -_CLOCK_TICKS
        """When the heads were painted last."""
        self._keys = 0
        self._filter_from: tuple[str, Widget | None] = ("live", None)
        """The tab and the widget from which the filter was opened."""
        self.memory = Memory("")
        self._history = FilterHistory()
        self._sizes = Sizes(self)
        self._began = time.monotonic()

    def compose(self) -> ComposeResult:
        """Lay the tabs out; what a tab shows is filled in when there is an engine."""
        yield self.app.palette
        yield self._status
        yield self._tab_line
        yield self._filter
        with self._body:
            yield from self.tabs.values()
        yield self._hint
        yield self._too_small
        yield KeyFooter()

    @property
    def live(self) -> LiveTab:
        """The live tab."""
        tab = self.tabs["live"]
        assert isinstance(tab, LiveTab)
        return tab

    @property
    def rules(self) -> RulesTab:
        """The rules tab."""
        tab = self.tabs["rules"]
        assert isinstance(tab, RulesTab)
        return tab

    @property
    def alerts(self) -> AlertsTab:
        """The alerts tab."""
        tab = self.tabs["alerts"]
        assert isinstance(tab, AlertsTab)
        return tab

    @property
    def processes(self) -> TreeTab:
        """The tree tab."""
        tab = self.tabs["tree"]
        assert isinstance(tab, TreeTab)
        return tab

    def on_mount(self) -> None:
        """Show what is known before there is an engine."""
        self.memory = Memory() if getattr(self.app, "remember", False) else Memory("")
        self._history = FilterHistory(self.memory.texts("filters"), lambda past: self.memory.keep("filters", past))
        self._hint.display = not self.memory.flag("hint read")
        self._sizes.recall()
        self.set_focus(self.live.first_focus)
        self._starting = self.set_interval(1, self.show_status)
        self.show_status()
        self._show_tabs()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take keys that are letters out of the footer while a text field takes them as text."""
        return not (action in ("filter", "views") and self.app.is_typing) and super().check_action(action, parameters)

    def count_key(self) -> None:
        """Count keys: who has pressed a few needs the hint for the first start no more."""
        self._keys += 1
        if self._keys == _HINT_KEYS:
            self.hide_hint()

    # Life.

    def attach(self, session: Session) -> None:
        """Take up an engine's lists."""
        from tuimon.view.query import compile_one

        self.session = session
        self._starting.stop()
        self._filter.check = partial(compile_one, compiled=session.engine.filter)
        self._filter.complete_with(session.complete)
        session.filter_history = self._history
        self._filter.use_history(self._history)
        for tab in self.tabs.values():
            tab.attach(session)
        self.refresh_bindings()
        self.pump()

    def pump(self, tenths: int = 1) -> None:
        """Bring the tabs up to date.

        Args:
            tenths: Tenths of a second since the last time.
        """
        session = self.session
        if session is None:
            return
        tick = Tick(self._tick + tenths, self._tick)
        self._tick = tick.at
        changes = session.pump()
        for tab in self.tabs.values():
            tab.pump(tick, changes)
        ticks = _FIXED_TICKS if changes.live else _IDLE_TICKS if changes.figures else _CLOCK_TICKS
        if self._tick - self._heads_tick >= ticks or changes.alerts or changes.switched:
            self._heads_tick = self._tick
            self.show_fixed()

    @property
    def at_work(self) -> bool:
        """Whether ``pump`` will soon find something that nobody tells of."""
        return self.session is not None and (self.session.at_work or any(tab.at_work for tab in self.tabs.values()))

    def on_screen_resume(self) -> None:
        """A dialog went: heads may have changed."""
        self.shown_tab.show_fixed()

    def on_resize(self) -> None:
        """Say a sentence instead of showing a broken layout when there is no room."""
        width, height = self.size
        small = width < MIN_SIZE[0] or height < MIN_SIZE[1]
        self.set_class(small, "-small")
        self._hint.set_lines((Cell(f" {_HINT if width > len(_HINT) else _SHORT_HINT}", "key", REST),))
        self.call_after_refresh(self._sizes.apply)
        if self.focused is None and not small:
            self.call_after_refresh(self._focus_tab)
        if small:
            self._say_too_small(width, height)
        self.show_status()
        self._show_tabs()

    def _say_too_small(self, width: int, height: int) -> None:
        from tuimon.view.detail_lines import wrapped

        said = (
            (f"tuimon needs a terminal of {MIN_SIZE[0]}x{MIN_SIZE[1]};", "attention"),
            (f"this one is {width}x{height}.", ""),
            ("Make it larger, or q to quit.", ""),
        )
        parts = ((part, role) for text, role in said for part in wrapped(text, width))
        self._too_small.set_lines((), *((Cell(f" {part}", role, REST),) for part, role in parts))

    # What the fixed lines say.

    def show_fixed(self) -> None:
        """Paint the fixed lines of the screen and of the tab that is shown."""
        self.shown_tab.show_fixed()
        self.show_status()
        self._show_tabs()
        self._show_filter()

    def show_status(self) -> None:
        """Paint the first line."""
        session = self.session
        snapshot = session.snapshot if session is not None else None
        paused = session is not None and (session.live.paused or self.app.replay_paused)
        width = self.size.width or 80
        waited_s = time.monotonic() - self._began
        recording = self.app.recording_name
        line = status_line(
            snapshot,
            width,
            paused=paused,
            ascii_only=self.app.ascii_only,
            waited_s=waited_s,
            recording=recording,
        )
        self._status.set_lines(line)

    def _show_tabs(self) -> None:
        current = self._body.current
        total = self.session.alerts.open if self.session is not None else 0
        cells = [Cell(" ", "")]
        for number, (name, title, _) in enumerate(TABS, 1):
            count = f" {amount(total)}!" if name == "alerts" and total else ""
            count = " !" if name == "health" and self.session and self._notices else count
            named = name == current or not 0 < self.size.width < _TITLED
            text = f"{number} {title}{count}" if named else f"{number}{count}"
            if name == "replay" and (mark := self.app.recording.mark):
                cells.append(Cell(f"{number} {mark}", "lost"))
                continue
            cells.append(Cell(f"[{text}]" if name == current else f" {text} ", "title" if name == current else "muted"))
        notices = self._notices
        palette = not self.has_class("-narrow") and not notices
        room = self.size.width - sum(len(cell.text) for cell in cells) - len("   " + " ? help ")
        cells.append(Cell(f"   {cut(notices[0], room)}" if notices and room >= _SAID else "", "attention", REST))
        cells += [Cell("ctrl+p " if palette else " ", "key"), Cell("commands  " if palette else "", "muted")]
        cells += [Cell("? ", "key"), Cell("help ", "muted")]
        self._tab_line.set_lines(cells)

    @property
    def _notices(self) -> tuple[str, ...]:
        snapshot = self.session.snapshot if self.session is not None else None
        return snapshot.notices if snapshot is not None else ()

    def _show_filter(self) -> None:
        session = self.session
        if session is None:
            return
        tail = ""
        if session.live.filtered:
            progress = session.live.progress
            hidden = session.live.hidden
            tail = "" if session.live.pending else f"{amount(hidden)} row{'' if hidden == 1 else 's'} hidden"
            if progress < 1 or session.live.pending:
                tail = f"searching {progress:.0%} {tail}"
            if session.live.error:
                tail = session.live.error
        node = session.snapshot.node if session.snapshot is not None else "all"
        self._filter.describe(node, session.crumbs, tail)

    # Tabs. The focus is set at once (``Widget.focus`` does it later), so that keys typed fast behind one another land
    # where they are meant to.

    @property
    def shown_name(self) -> str:
        """Name of the tab that is shown."""
        return self._body.current or "live"

    @property
    def shown_tab(self) -> Tab:
        """The tab that is shown."""
        return self.tabs[self.shown_name]

    def _focus_tab(self) -> None:
        """Focus the first list of the tab that is shown."""
        self.set_focus(self.shown_tab.first_focus)
        self._leave_hidden()

    def action_tab(self, name: str) -> None:
        """Show a tab and focus its first list."""
        if self._filter.editing and name != "live":  # the mouse went elsewhere: the filter is the live list's
            self._filter.leave()
        self._body.current = name
        self.tabs[name].fill()
        self.remove_class("-zoomed")
        self._focus_tab()
        self._show_tabs()
        self.call_after_refresh(self.tabs[name].shown)

    def action_zoom(self) -> None:
        """Give the focused pane the whole tab, or take it back."""
        focused = self.focused
        pane = next((w for w in focused.ancestors_with_self if isinstance(w, Pane)), None) if focused else None
        for other in self.query(Pane):
            other.set_class(other is pane, "-top")
        self.toggle_class("-zoomed")
        self.call_after_refresh(self.shown_tab.show_fixed)

    def action_grow(self, by: int) -> None:
        """Make the pane with the focus larger (1) or smaller (-1)."""
        if self._sizes.grow(self.focused, by):
            self.call_after_refresh(self.shown_tab.shown)

    def action_hide(self) -> None:
        """Hide the pane with the focus; from a pane that stays, show what is hidden."""
        if self._sizes.hide(self.focused):
            self._leave_hidden()
            self.call_after_refresh(self.shown_tab.shown)
        else:
            self.app.notify("this pane stays; H (alt+h while typing) hides the one beside it", timeout=3, markup=False)

    def _leave_hidden(self) -> None:
        """Take the focus out of a pane that is hidden."""
        if _is_hidden(self.focused):
            shown = (each for each in self.focus_chain if self.shown_tab in each.ancestors and not _is_hidden(each))
            first = self.shown_tab.first_focus
            self.set_focus(next(shown, None) if _is_hidden(first) else first)

    @on(Pane.Pulled)
    def _pane_pulled(self, event: Pane.Pulled) -> None:
        """Move the edge between two panes with the mouse."""
        if event.step == "grab":
            self._sizes.grab(event.at)
        elif self._sizes.pull(event.at):
            self.call_after_refresh(self.shown_tab.shown)
            if event.step == "drop":
                self._sizes.keep()

    def action_containers(self) -> None:
        """Go to the containers; where there is no room for them they take the live pane's place until chosen."""
        if self.shown_name != "live":
            self.action_tab("live")
        self._sizes.show("containers-pane")
        shown = self.has_class("-containers")
        self.set_class(not shown or not self.has_class("-narrow"), "-containers")
        if shown and self.has_class("-narrow"):
            self.set_focus(self.live.first_focus)
        else:
            self.set_focus(self.live.containers.list)
        self.call_after_refresh(self.live.show_fixed)

    def action_back(self) -> None:
        """Step back: zoom, then the list of containers, then the newest step of the breadcrumb."""
        if self.has_class("-zoomed"):
            self.action_zoom()
        elif self.has_class("-containers") and self.has_class("-narrow"):
            self.action_containers()
        elif self.session is not None and self.live.back(gone := self.session.climb()) and gone is not None:
            self.trail_changed()

    def action_history(self, by: int) -> None:
        """Go to the filter and the containers before (-1) or after (1) those shown."""
        if self.session is not None and self.session.go(by):
            self.trail_changed()

    def action_views(self) -> None:
        """Choose by what to count events."""
        from tuimon.ui.screens.views import ViewsMenu

        def chosen(name: str | None) -> None:
            if name is not None:
                if self.shown_name != "live":
                    self.action_tab("live")
                self.live.show_view(name)

        drill = self.live.top.drill
        if drill is not None:
            self.app.push_screen(ViewsMenu(drill.name), chosen)

    def action_record(self) -> None:
        """Record what is live, or end it."""
        self.app.recording.toggle()

    # What tabs, panes and dialogs ask for.

    def choose(self, container_id: str | None) -> None:
        """Limit every pane to a container; the same again, or None, shows all."""
        assert self.session is not None
        self.session.choose(container_id)
        if container_id is not None and self.has_class("-narrow"):
            self.remove_class("-containers")
            self.set_focus(self.live.first_focus)
        self.trail_changed()

    def trail_changed(self) -> None:
        """Other containers or another filter are shown now."""
        self.live.containers.list.renew()
        self.live.trail_changed()
        self.renew_alerts()
        self._show_filter()

    def renew_alerts(self) -> None:
        """The order, the folding or the choice of the alerts changed."""
        for pane in (self.live.alerts, self.alerts.alerts):
            pane.list.renew()
        self.shown_tab.show_fixed()
        self._show_tabs()

    def apply_filter(self, text: str) -> None:
        """Keep in the live pane what a filter describes, and nothing else; say what is wrong with it."""
        assert self.session is not None
        session = self.session
        self._try(lambda: session.set_filter(text))

    def add_step(self, step: Step) -> bool:
        """Narrow what is shown by a step; return whether it did, and say what is wrong with it."""
        assert self.session is not None
        session = self.session
        return self._try(lambda: session.add_step(step))

    def narrow(self, term: str, *, keep: bool) -> bool:
        """Keep (or drop) what a condition describes; return whether anything changed, and say when nothing can."""
        from tuimon.view.terms import negated
        from tuimon.view.trail import Step

        text = term if keep else negated(term)
        if self.session is not None and text in self.session.trail.terms:
            self.app.notify(plain(f"{text} is asked for already").plain, timeout=2, markup=False)
            return False
        return self.add_step(Step(text, text))

    def _try(self, change: Callable[[], object]) -> bool:
        """Change the filter; say why not when it is wrong. Return whether it was right."""
        try:
            change()
        except TuimonError as error:
            self.app.notify(plain(str(error)).plain, severity="error", markup=False)
            return False
        self.trail_changed()
        return True

    def show_event(self, num: int) -> None:
        """Go to the live tab and put the cursor on an event, or on the next one that its filter shows."""
        self.live.show_view("")
        self.action_tab("live")
        self.live.events.list.go_to(num)

    def show_filtered(self, text: str) -> None:
        """Go to the live tab and keep there what a filter describes."""
        self.action_tab("live")
        self.apply_filter(text)

    def edit_rule(self, rule: str) -> None:
        """Open the rule editor at a rule."""
        self.action_tab("rules")
        if not self.rules.open_rule(rule):
            self.app.notify(plain(f"{rule} is in none of the rule files in force").plain, markup=False)

    # The filter.

    def action_filter(self) -> None:
        """Open the filter bar; it begins with the filter in force, or offers the last one with up."""
        if self.session is not None:
            self._filter_from = (self.shown_name, self.focused)
            if self.shown_name != "live":
                self.action_tab("live")
            self._filter.edit(self.session.editable)

    @on(FilterChanged)
    def _filter_changed(self, event: FilterChanged) -> None:
        assert self.session is not None
        session = self.session
        self._try(lambda: session.edited(event.text))
        self._filter.leave()
        self.set_focus(self.live.first_focus)

    @on(FilterLeft)
    def _filter_left(self) -> None:
        """Nothing is filtered: go back to where one was."""
        self._filter.leave()
        tab, focused = self._filter_from
        if tab != self.shown_name:
            self.action_tab(tab)
        if focused is not None and self.shown_tab in focused.ancestors:
            self.set_focus(focused)
        else:
            self._focus_tab()

    # The mouse.

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
        steps = self._filter.crumb_at(event.cell)
        if steps is None or self.session is None:
            self.action_filter()
        else:
            self.session.climb_to(steps)
            self.trail_changed()

    @on(CellLines.CellClicked, "#hint")
    def _hint_clicked(self) -> None:
        self.hide_hint()

    def hide_hint(self) -> None:
        """The user has pressed something: the hint for the first start has done its work, also for later runs."""
        self.memory.keep("hint read", True)
        self._hint.display = False

    @property
    def unsaved(self) -> list[str]:
        """Paths of rule files with unsaved text."""
        return [] if self.session is None else [file.path for file in self.session.book.dirty()]

    def poll_files(self) -> None:
        """Look whether another editor changed a rule file; once a second."""
        self.rules.poll_files()
        self.app.recording.poll()


def _is_hidden(widget: Widget | None) -> bool:
    """Return whether a widget is in a pane that the user hid."""
    return widget is not None and any(pane.has_class("-hidden") for pane in widget.ancestors_with_self)
