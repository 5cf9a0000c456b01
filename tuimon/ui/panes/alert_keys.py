"""What can be done with an alert, wherever one is shown: in the lists and in the dialog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.ui.text import safe
from tuimon.ui.widgets.lists import GO
from tuimon.view.cells import REST, Cell, Line

if TYPE_CHECKING:
    from tuimon.events import Alert
    from tuimon.ui.app import TuimonApp
    from tuimon.view.alert_view import AlertGroup


class AlertKeys:
    """The keys; whoever has them says which alert is meant."""

    app: TuimonApp

    KEYS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", "Ack", tooltip="Acknowledge, or take that back", id="alerts.ack"),
        Binding("m", "mute", "Mute", tooltip="Do not show these for a while; they stay counted", id="alerts.mute"),
        Binding(
            "b", "before", "Before", tooltip="The last events of its container before the alert", id="alerts.before"
        ),
        Binding("t", "story", "Story", tooltip="What its processes did, in order of time", id="alerts.story"),
        Binding("l", "go", "Go to", tooltip=GO, id="alerts.go"),
        Binding("y", "copy_value", "Copy", show=False, tooltip="Copy the output", id="alerts.copy"),
        Binding(
            "Y", "copy_menu", "Copy as", show=False, tooltip="Copy as JSON, command, filter, text", id="alerts.copy_as"
        ),
        Binding("E", "evidence", "Evidence", show=False, tooltip="Write an evidence bundle", id="alerts.evidence"),
    ]  # fmt: skip

    # Said by whoever has the keys.

    def alert_row(self) -> AlertGroup | Alert | None:
        """Return the alert, or the group of repeats, that is meant."""
        raise TypeError(f"{type(self).__name__} does not say which alert is meant")

    def alert_changed(self) -> None:
        """Acknowledging or muting changed what is listed."""
        self.app.main.renew_alerts()

    def the_alert(self) -> Alert | None:
        """Return the alert that is meant, of a group the newest."""
        from tuimon.view.alert_view import AlertGroup

        row = self.alert_row()
        if row is None:
            self._say_none()
        return row.newest if isinstance(row, AlertGroup) else row

    def _say_none(self) -> None:
        self.app.notify("there is no alert under the cursor", timeout=3, markup=False)

    # Keys.

    def action_acknowledge(self) -> None:
        """Acknowledge the alert or the group, or take that back."""
        row, session = self.alert_row(), self.app.session
        if row is None or session is None:
            self._say_none()
            return
        done = not session.alerts.is_acked(row)
        count = session.alerts.acknowledge(row)
        self.alert_changed()
        what = "acknowledged" if done else "no longer acknowledged"
        self.app.notify(safe(f"{count:,} {what}: {row.rule}; ctrl+z undoes"), timeout=3, markup=False)

    def action_mute(self) -> None:
        """Ask what to mute, and for how long."""
        if (alert := self.the_alert()) is not None:
            self.mute(alert)

    def mute(self, alert: Alert, *, widest: bool = False) -> None:
        """Ask what to mute of an alert's like, and for how long; ``widest``: begin with its whole rule."""
        from tuimon.ui.screens.mute import MuteDialog, scopes
        from tuimon.view.mutes import LENGTHS

        session = self.app.session
        if session is None:
            return
        counts = [session.alerts.noise.count_of(scope) for scope in scopes(alert)]
        dialog = MuteDialog(alert, counts, widest=widest)

        def picked(number: int | None) -> None:
            if number is not None:
                mutes, seconds = session.alerts.mutes, LENGTHS[dialog.length][1]
                mutes.add(replace(dialog.scopes[number], until_ns=mutes.until(seconds)))
                session.alerts.mutes_changed()
                self.alert_changed()
                self.app.notify(
                    safe(f"muted: {dialog.scopes[number].what}; M lists mutes"), timeout=3, markup=False
                )  # fmt: skip

        self.app.push_screen(dialog, picked)

    def action_before(self) -> None:
        """Show what its container did before."""
        if (alert := self.the_alert()) is not None:
            self.app.open_before(alert)

    def action_story(self) -> None:
        """Tell what its processes did."""
        if (alert := self.the_alert()) is not None:
            self.app.open_story(alert)

    def action_go(self) -> None:
        """Ask where to go from the alert."""
        from tuimon.ui.screens.places import ask_where

        if (alert := self.the_alert()) is not None and self.app.session is not None:
            ask_where(self.app, alert.event)

    def action_evidence(self) -> None:
        """Write an evidence bundle."""
        if (alert := self.the_alert()) is not None:
            self.app.write_evidence(alert)

    def action_copy_value(self) -> None:
        """Copy the output."""
        if (alert := self.the_alert()) is not None:
            self.app.copy(alert.output, "the output")

    def action_copy_menu(self) -> None:
        """Ask as what to copy."""
        from tuimon.headless.alerts import json_line, text_line
        from tuimon.view.export import command_line, event_filter

        if (alert := self.the_alert()) is None:
            return
        self.app.copy_menu(
            [
                ("JSON, as Falco writes it", json_line(alert)),
                ("the line of text", text_line(alert)),
                ("the output", alert.output),
                ("the command of its process", command_line(alert.event)),
                ("a filter for its process", event_filter(alert.event)),
                ("the name of the rule", alert.rule),
            ]
        )


def field_choices(alert: Alert | None, usual: Sequence[str]) -> list[tuple[str | None, Line]]:
    """Return what alerts can be grouped by: none, the fields of an alert's output, the usual ones; and how it reads."""
    from tuimon.view.alert_field import field_text

    found: list[tuple[str | None, Line]] = [(None, (Cell(" rule and container alone", "", REST),))]
    for name in dict.fromkeys((*(alert.output_fields if alert is not None else ()), *usual)):
        value = "" if alert is None else field_text(alert, name)
        found.append((name, (Cell(f" {name}", "token-field", 30), Cell(value, "muted", REST))))
    return found
