"""Choosing the colours: the screen wears each theme as the cursor passes it; esc puts the old one back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from tuimon.ui.screens.pick import Pick
from tuimon.ui.widgets.line_list import LineList
from tuimon.view.cells import REST, Cell

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp


class ThemePick(Pick):
    """The dialog."""

    app: TuimonApp

    def __init__(self, names: list[str], now: str) -> None:
        self._names = names
        self._before = now
        lines = [(Cell(f" {name}", "", REST),) for name in names]
        super().__init__("Theme", lines, foot="esc puts the old one back", start=names.index(now))

    @on(LineList.Moved)
    def _wear(self, message: LineList.Moved) -> None:
        message.stop()
        self.app.theme = self._names[message.seq]

    def action_leave(self) -> None:
        """Put the old one back."""
        self.app.theme = self._before
        super().action_leave()
