"""The health tab: what tuimon costs and loses, whether the probes live, and what each rule costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message

from tuimon.ui.panes.pane import Pane
from tuimon.ui.tabs.tab import Tab
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from tuimon.ui.ticker import Tick
    from tuimon.view.cells import Line
    from tuimon.view.health import RuleCost
    from tuimon.view.health_lines import Pulse, RuleCostLines
    from tuimon.view.session import Changes, Session

_TICKS = 10
"""Figures are made afresh once a second."""
_SAMPLE_S = 20.0
"""What the kernel keeps of each rule's calls is asked of the newest events this often."""


class RuleCostList(LineList):
    """What each rule costs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,e", "open", "Edit rule", key_display="enter", id="costs.open"),
        Binding("less_than_sign", "turn_order(-1)", "Order", key_display="<", show=False, id="costs.order_back"),
        Binding("greater_than_sign", "turn_order(1)", "Order", key_display=">", id="costs.order"),
    ]

    class Turned(Message):
        """Another order was chosen."""

    def __init__(self) -> None:
        super().__init__(id="costs-list", empty="no rule in force")
        self.costs: RuleCostLines | None = None

    def rule_under_cursor(self) -> RuleCost | None:
        """Return the rule under the cursor."""
        return self.costs.row(self.cursor) if self.costs is not None and self.cursor is not None else None

    def action_turn_order(self, step: int) -> None:
        """Order the rules another way."""
        if self.costs is not None:
            self.costs.turn_order(step)
            self.post_message(self.Turned())


class HealthTab(Tab):
    """The tab."""

    def __init__(self) -> None:
        super().__init__("health")
        self._pane = Pane(id="health-pane", title="Health")
        self._list = LineList(id="health-list", empty="no figures yet")
        self._cost_pane = Pane(id="costs-pane", title="Rules")
        self._head = CellLines(classes="head")
        self._costs = RuleCostList()
        self._foot = CellLines(id="costs-foot")
        self._pulse: Pulse | None = None
        self._sampled: tuple[int, float] = (0, 0.0)
        """Revision of the rules that the kernel's shares were asked for last, and when."""

    def compose(self) -> ComposeResult:
        """Lay out figures and rules beside or above each other."""
        with Horizontal(id="health-columns"):
            with self._pane:
                yield self._list
            with self._cost_pane:
                yield self._head
                yield self._costs
                yield self._foot

    @property
    def first_focus(self) -> LineList:
        """The figures."""
        return self._list

    def take_up(self, session: Session) -> None:  # noqa: ARG002
        """Begin to watch an engine."""
        from tuimon.view.health_lines import Pulse, RuleCostLines

        self._pulse = Pulse()
        self._costs.costs = RuleCostLines()
        self._costs.show(self._costs.costs)

    def pump(self, tick: Tick, changes: Changes) -> None:  # noqa: ARG002
        """Take the figures once a second; the pulse also while another tab is shown."""
        if self.session is None or self.session.snapshot is None or self._pulse is None or not tick.every(_TICKS, 7):
            return
        silent_s = self._pulse.silent_s(self.session.snapshot)
        if self.is_shown:
            self._show(silent_s)

    def shown(self) -> None:
        """Paint the figures as they are now."""
        if self.session is not None and self.session.snapshot is not None and self._pulse is not None:
            self._show(self._pulse.silent_s(self.session.snapshot))

    def _show(self, silent_s: float) -> None:
        from tuimon.view.health_lines import health_lines

        session, width = self.session, self._list.row_width
        if session is None or session.snapshot is None or not width:
            return
        lines = health_lines(session.snapshot, session.engine.health(), silent_s, width, ascii_only=self.app.ascii_only)
        self._renew(lines)
        self._show_costs()
        revision, now_s = session.snapshot.revision, time.monotonic()
        if revision != self._sampled[0] or now_s - self._sampled[1] > _SAMPLE_S:
            self._sampled = revision, now_s
            self._sample()

    @work(thread=True, exclusive=True, group="kept back", exit_on_error=False)
    def _sample(self) -> None:
        desk = self.app.bench.desk
        kept = desk.kept_back() if desk is not None else {}
        self.app.call_from_thread(self._take_sample, kept)

    def _take_sample(self, kept: dict[str, float]) -> None:
        if self._costs.costs is not None:
            self._costs.costs.kept = kept
            self._costs.redraw()

    def _renew(self, lines: list[Line]) -> None:
        """Show other figures, the cursor and the place as they were."""
        from tuimon.view.detail_lines import FixedLines

        before = self._list.source.end
        self._list.source = FixedLines(lines)
        self._list.redraw()
        self._list.sync(changed=before != self._list.source.end)

    @on(RuleCostList.Turned)
    def _show_costs(self) -> None:
        from tuimon.view.health import rule_costs
        from tuimon.view.health_lines import rule_cost_foot, rule_cost_header

        costs = self._costs.costs
        if costs is None or self.session is None:
            return
        under, before = self._costs.rule_under_cursor(), costs.end
        costs.renew(rule_costs(self.session.engine.rules_in_force(), costs.order))
        self._costs.redraw()
        self._costs.sync(changed=before != costs.end)
        if under is not None and self._costs.has_focus:
            seq = next((at for at, row in enumerate(costs.rows) if row.name == under.name), None)
            if seq is not None and seq != self._costs.cursor:
                self._costs.put_cursor(seq)
        self._head.set_lines(rule_cost_header(costs.order, self._costs.row_width))
        self._foot.set_lines(rule_cost_foot(self._costs.row_width))
        self._cost_pane.set_title(f"Cost of {len(costs.rows)} rules", f"< > order: {costs.order}  enter edit")

    @on(LineList.Opened, "#costs-list")
    def _opened(self) -> None:
        rule = self._costs.rule_under_cursor()
        if rule is not None:
            self.app.main.edit_rule(rule.name)
