"""What a pane has whose list can be limited to the rows that hold a text: a line to write it, and the keys for it."""

from __future__ import annotations

from typing import Protocol

from textual import on
from textual.actions import SkipAction
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from tuimon.ui.widgets.line_list import LineList
from tuimon.ui.widgets.text_line import TextLine

NONE_FOUND = "none; esc lists all again"


class Findable(Protocol):
    """What a list shows."""

    find_text: str
    """Only rows that hold it are shown; empty for all."""


def find_bindings(name: str, what: str, *, show: bool) -> list[Binding]:
    """Return the keys of a list, by the name that its keys have in the settings."""
    keys = {"key_display": "\\", "tooltip": what, "show": show}
    return [
        Binding("backslash,f3", "find", "Find", id=f"{name}.find", **keys),  # type: ignore[arg-type]
        Binding("escape", "unfind", "List all again", show=False, id=f"{name}.unfind"),
    ]


class Finding(Widget):
    """Keys of a pane; says ``find_in`` and ``found``, and yields ``find_line`` above its list."""

    find_line: TextLine

    def find_in(self) -> Findable | None:
        """Return what is looked in, None while there is nothing."""
        raise NotImplementedError

    def found(self) -> None:
        """Show the rows that were found."""
        raise NotImplementedError

    def action_find(self) -> None:
        """Write what is looked for."""
        if (where := self.find_in()) is not None:
            self.add_class("-finding")
            self.find_line.value = where.find_text
            self.screen.set_focus(self.find_line)

    def action_unfind(self) -> None:
        """End the writing, or list all again; where nothing is looked for esc is not the list's."""
        where = self.find_in()
        if self.has_class("-finding"):
            self._leave_find()
        elif where is not None and where.find_text:
            self._look_for("")
        else:
            raise SkipAction

    @on(Input.Changed, ".find-line")
    def _find_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._look_for(event.value.strip())

    @on(Input.Submitted, ".find-line")
    def _find_done(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave_find()

    def _look_for(self, text: str) -> None:
        where = self.find_in()
        if where is not None and text != where.find_text:
            where.find_text = text
            self.found()

    def _leave_find(self) -> None:
        self.remove_class("-finding")
        self.screen.set_focus(self.query_one(LineList))
