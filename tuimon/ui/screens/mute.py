"""Muting: what to keep away and for how long; and the list of what is muted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.events import Alert
from tuimon.ui.screens.pick import Pick, PickList
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import span
from tuimon.view.mutes import DEFAULT_LENGTH, LENGTHS, Mute, Mutes, process_name

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp

_COUNTED = "left, right: how long; muted alerts are counted, and go to other outputs"


def scopes(alert: Alert) -> list[Mute]:
    """Return what of an alert can be muted, the widest first."""
    container = alert.event.container
    found = [Mute(alert.rule)]
    if container is not None:
        where = Mute(alert.rule, container.id, container.name or container.id)
        found.append(where)
        if name := process_name(alert):
            found.append(Mute(where.rule, where.container_id, where.container, name))
    return found


class MuteScopes(PickList):
    """What can be muted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Mute", id="mute.take")]


class MuteDialog(Pick):
    """Picks a mute; left and right change how long it lasts.

    Args:
        alert: Whose like is muted.
        counts: Alerts so far of each of ``scopes``.
        widest: Begin with the rule everywhere, not with the narrowest.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,tab", "turn(1)", "Longer", key_display="right", id="mute.longer"),
        Binding("left,h", "turn(-1)", "Shorter", key_display="left", id="mute.shorter"),
    ]
    LIST = MuteScopes
    VERB = "mute"
    app: TuimonApp

    def __init__(self, alert: Alert, counts: Sequence[int], *, widest: bool = False) -> None:
        self.scopes = scopes(alert)
        self.length = DEFAULT_LENGTH
        self._counts = counts
        super().__init__("Mute", self._drawn(), foot=_COUNTED, start=0 if widest else len(self.scopes) - 1)

    def _drawn(self) -> list[Line]:
        """Return a line for each scope, the chosen length in each."""
        return [
            (
                Cell(f" {mute.what}", "", REST),
                Cell(f" {count:,} so far", "muted"),
                Cell(f"  < {LENGTHS[self.length][0]} > ", "key"),
            )
            for mute, count in zip(self.scopes, self._counts, strict=True)
        ]

    def action_turn(self, step: int) -> None:
        """Mute for longer or shorter."""
        self.length = (self.length + step) % len(LENGTHS)
        self.show_lines(self._drawn(), _COUNTED)


class MuteList(Pick):
    """The mutes in force; Enter ends the one under the cursor."""

    VERB = "end"

    def __init__(self, mutes: Mutes, counts: Sequence[int]) -> None:
        self.mutes = list(mutes.all)
        lines: list[Line] = [
            (
                Cell(f" {mute.what}", "", REST),
                Cell(f" {count:,} kept away", "muted"),
                Cell(f"  {_left(mutes.left_s(mute))} ", "attention"),
            )
            for mute, count in zip(self.mutes, counts, strict=True)
        ]
        super().__init__("Muted", lines, foot="enter ends the mute under the cursor")


def _left(seconds: float | None) -> str:
    return "until quit" if seconds is None else f"{span(seconds)} left"
