"""The alerts pane: alerts folded or one by one, and what can be done with the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuimon.ui.panes.alert_keys import AlertKeys, field_choices
from tuimon.ui.panes.bench_keys import BenchKeys, bench_bindings
from tuimon.ui.panes.finding import NONE_FOUND, Finding, find_bindings
from tuimon.ui.panes.pane import Pane
from tuimon.ui.text import safe
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.lists import WHY, AlertList
from tuimon.ui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from tuimon.events import Alert
    from tuimon.ui.app import TuimonApp
    from tuimon.view.alert_view import AlertGroup, AlertView
    from tuimon.view.noise import Part
    from tuimon.view.session import Changes, Session

_MANY = "Acknowledge all of its rule, of its container, or all that is listed"
_FIND = "List only alerts whose rule, priority, tags, container or value grouped by hold a text"
_SETTLED = "Show what is acknowledged or muted, or only count it"


class AlertsPane(Finding, AlertKeys, BenchKeys, Pane):
    """A list of alerts with its head; the live tab and the alerts tab each have one over the same view.

    Args:
        name: Id of the pane without ``-pane``, and of the list without ``-list``.
    """

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        *AlertKeys.KEYS,
        Binding("e", "edit_rule", "Edit rule", id="alerts.edit"),
        Binding("w", "why", "Why", show=False, tooltip=WHY, id="alerts.why"),
        *bench_bindings("alerts", alert=True),
        Binding("u", "fold", "Fold", show=False, tooltip="Fold repeats, or show every alert", id="alerts.fold"),
        Binding("o", "order", "Order", show=False, tooltip="Worst first, or newest first", id="alerts.order"),
        Binding("i", "group_by", "Group by", show=False, tooltip="Tell repeats apart by a field", id="alerts.group_by"),
        Binding("A", "settled", "Acknowledged", show=False, tooltip=_SETTLED, id="alerts.settled"),
        Binding("M", "mutes", "Mutes", show=False, tooltip="What is muted; enter ends a mute", id="alerts.mutes"),
        Binding(
            "percent_sign", "noise", "Noise", key_display="%", show=False,
            tooltip="Which rule, container and program most alerts come from", id="alerts.noise",
        ),
        Binding("ctrl+k", "acknowledge_many", "Ack many", show=False, tooltip=_MANY, id="alerts.ack_many"),
        *find_bindings("alerts", _FIND, show=False),
        Binding("ctrl+z", "undo", "Undo", show=False, tooltip="Take the last acknowledgement back", id="alerts.undo"),
    ]  # fmt: skip

    def __init__(self, name: str) -> None:
        super().__init__(id=f"{name}-pane", title="Alerts")
        self.list = AlertList(name)
        self.find_line = TextLine(classes="find-line", placeholder="rule, tag, priority or container", compact=True)
        self._head = CellLines(classes="head")
        self._session: Session | None = None

    def compose(self) -> ComposeResult:
        """Lay out head and list, and what is looked for, which comes when it is asked for."""
        yield self.find_line
        yield self._head
        yield self.list

    def attach(self, session: Session) -> None:
        """Take up the alerts of an engine."""
        from tuimon.view.alert_lines import AlertLines

        self._session = session
        self.list.show_alerts(AlertLines(session.alerts))

    def pump(self, changes: Changes) -> None:
        """Show new alerts."""
        if changes.alerts:
            self.list.renew()

    def show_fixed(self) -> None:
        """Paint the head and the title afresh."""
        if self._session is None:
            return
        from tuimon.view.alert_lines import alert_header

        self._head.set_lines(alert_header(self.list.row_width, self._session.alerts.field))
        self._show_title(self._session)

    def _show_title(self, session: Session) -> None:
        from tuimon.view.noise_lines import loudest_foot
        from tuimon.wording import counted

        view = session.alerts
        alerts = counted(view.total, "alert")
        what = f"{counted(view.groups, 'group')}, {alerts}" if view.grouped else alerts
        if view.find_text:
            what = f"{view.listed:,} with {view.find_text}"
        self.list.empty = NONE_FOUND if view.find_text else "no alerts so far"
        muted = f", {view.muted:,} muted" if view.muted else ""
        hidden = f", {view.hidden} hidden by container" if view.hidden else ""
        name = f"{session.chosen_name}  " if session.chosen_name else ""
        order = "worst first" if view.by_severity else "newest first"
        loud = loudest_foot(view.noise.loudest, self.foot_room)
        keys = f"enter open  a ack  m mute  b before  t story  o {order}"
        self.set_title(f"Alerts  {name}{what}{muted}{hidden}", loud or keys)

    def find_in(self) -> AlertView | None:
        """Return the alerts."""
        return None if self._session is None else self._session.alerts

    def found(self) -> None:
        """Show those that hold the text, in both lists of them."""
        self.app.main.renew_alerts()

    # Which alert is meant.

    def alert_row(self) -> AlertGroup | Alert | None:
        """Return the row under the cursor."""
        return self.list.row_under_cursor()

    def alert_under_cursor(self) -> Alert | None:
        """Return the alert under the cursor, of a group the newest."""
        return self.the_alert()

    def bench_subject(self) -> Sequence[Alert]:
        """Return the alert under the cursor with its repeats."""
        row = self.alert_row()
        return [] if row is None or self._session is None else self._session.alerts.members(row)

    # Keys.

    @on(LineList.Opened)
    def _opened(self, message: LineList.Opened) -> None:
        from tuimon.ui.screens.alert_details import AlertDetails

        message.stop()
        row = self.list.row_under_cursor()
        if row is not None and self._session is not None:
            self.app.push_screen(AlertDetails(row, self._session.alerts.members(row)), self._left)

    def _left(self, rule: str | None) -> None:
        if rule:
            self.app.main.edit_rule(rule)

    def action_acknowledge(self) -> None:
        """Acknowledge the row under the cursor; the cursor stays in its place, on what comes next."""
        self.list.stay()
        super().action_acknowledge()
        self.list.hold()

    def action_undo(self) -> None:
        """Take the last acknowledgement back."""
        if self._session is not None:
            count = self._session.alerts.undo_acknowledge()
            self.alert_changed()
            said = f"{count:,} no longer acknowledged" if count else "nothing to undo"
            self.app.notify(said, timeout=2, markup=False)

    def action_edit_rule(self) -> None:
        """Open the rule of the alert under the cursor."""
        if (row := self.list.row_under_cursor()) is not None:
            self.app.main.edit_rule(row.rule)

    def action_why(self) -> None:
        """Say why the rule fired for the alert under the cursor."""
        if (alert := self.alert_under_cursor()) is not None:
            self.app.open_why(alert.event, alert.rule)

    def action_acknowledge_many(self) -> None:
        """Ask which of what is listed to acknowledge in one go."""
        from tuimon.ui.screens.pick import Pick
        from tuimon.view.alert_likes import like_lines, likes

        session, alert = self._session, self.the_alert()
        if session is None or alert is None:
            return
        found = [(what, session.alerts.fresh(like)) for what, like in likes(alert)]

        def picked(number: int | None) -> None:
            if number is not None:
                count = session.alerts.acknowledge_all(found[number][1])
                self.alert_changed()
                self.app.notify(f"{count:,} acknowledged; ctrl+z undoes", timeout=3, markup=False)

        self.app.push_screen(Pick("Acknowledge", like_lines(found), foot="ctrl+z takes it back"), picked)

    def action_fold(self) -> None:
        """Fold the repeats of an alert, or show every one."""
        if self._session is not None:
            self._session.alerts.toggle_grouped()
            self.app.main.renew_alerts()

    def action_order(self) -> None:
        """Order alerts by severity, or by time."""
        if self._session is not None:
            self._session.alerts.toggle_by_severity()
            self.app.main.renew_alerts()

    def action_settled(self) -> None:
        """List what is acknowledged or muted, or only count it."""
        if self._session is not None:
            self._session.alerts.toggle_settled()
            self.app.main.renew_alerts()

    def action_group_by(self) -> None:
        """Ask by which field repeats are told apart beside rule and container."""
        from tuimon.ui.screens.ask import Ask
        from tuimon.ui.screens.pick import Pick
        from tuimon.view.alert_field import USUAL, check_field
        from tuimon.view.cells import REST, Cell

        session = self._session
        if session is None:
            return
        choices = field_choices(self.alert_under_cursor(), USUAL)
        lines = [*(line for _, line in choices), (Cell(" another field...", "key", REST),)]
        names = [name for name, _ in choices]
        start = names.index(session.alerts.field) if session.alerts.field in names else 0

        def picked(number: int | None) -> None:
            if number == len(choices):
                hint = "any field of the rule language, such as proc.aname[2]; esc goes back"
                self.app.push_screen(Ask("Group by", hint, session.alerts.field or "", check_field), named)
            elif number is not None:
                group(choices[number][0])

        def named(name: str | None) -> None:
            if name is not None:
                group(name.strip())

        def group(name: str | None) -> None:
            session.alerts.group_by(name)
            self.app.main.renew_alerts()

        self.app.push_screen(Pick("Group by", lines, foot="rule, container and", start=start), picked)

    def action_mutes(self) -> None:
        """List the mutes; Enter ends one."""
        from tuimon.ui.screens.mute import MuteList

        session = self._session
        if session is None:
            return
        mutes = session.alerts.mutes
        if not mutes.all:
            self.app.notify("nothing is muted; m mutes", timeout=3, markup=False)
            return
        dialog = MuteList(mutes, [session.alerts.kept_away(mute) for mute in mutes.all])

        def picked(number: int | None) -> None:
            if number is not None:
                mutes.remove(dialog.mutes[number])
                session.alerts.mutes_changed()
                self.app.main.renew_alerts()
                self.app.notify(safe(f"no longer muted: {dialog.mutes[number].what}"), timeout=3, markup=False)

        self.app.push_screen(dialog, picked)

    def action_noise(self) -> None:
        """Show what most alerts come from."""
        from tuimon.ui.screens.noise import NoiseScreen

        if self._session is not None:
            self.app.push_screen(NoiseScreen(self._session.alerts.noise), self._noise_answered)

    def _noise_answered(self, answer: tuple[str, Part] | None) -> None:
        if answer is None:
            return
        what, part = answer
        if what == "mute":
            self.mute(part.newest, widest=part.is_whole_rule)
        elif what == "edit":
            self.app.main.edit_rule(part.rule)
        else:
            self.app.open_exception(part.newest)
