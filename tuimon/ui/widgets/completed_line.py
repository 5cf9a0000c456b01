"""CompletedLine: a line of text that offers what can stand at its cursor; tab takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.geometry import Offset
from textual.widgets import Input

from tuimon.ui.widgets.completion_list import CompletionList
from tuimon.ui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from tuimon.view.completion import Completion


class CompletedLine(TextLine):
    """The line. Whoever lays it out lays out ``offered`` too."""

    def __init__(self, *, id: str, placeholder: str, offered: str) -> None:
        super().__init__(id=id, placeholder=placeholder, compact=True, select_on_focus=False)
        self.complete: Callable[[str, int], Completion] | None = None
        """Says what can stand at a place; may take some milliseconds."""
        self.offered = CompletionList(id=offered)
        """What can stand at the cursor."""
        self.below = 1
        """Rows from the line to the list."""
        self._given = ""
        """The text that was not typed."""

    def give(self, text: str) -> None:
        """Put a text into the line, for which nothing is offered until it is changed."""
        self.value = self._given = text
        self.cursor_position = len(text)

    @on(Input.Changed)
    def _changed(self) -> None:
        if self.value and self.value != self._given:
            self.look_up()
        else:
            self.offered.close()

    def validate_value(self, value: str) -> str:
        """Keep what a paste brings from reaching the terminal: control and invisible characters go."""
        return "".join(c for c in value if c.isprintable())

    def action_complete(self) -> None:
        """Take the item under the list's cursor; ask what there is when nothing is offered."""
        if self.offered.current is not None:
            self.take()
        else:
            self.look_up()

    def take(self) -> None:
        """Put the item under the list's cursor into the text, and offer what can follow."""
        item, at = self.offered.current, self.cursor_position
        if item is None:
            return
        text, start = self.value, self.offered.start
        rest = text[at:]
        insert = item.insert.rstrip() if rest.startswith(" ") else item.insert
        self.offered.close()
        self.value = text[:start] + insert + rest
        self.cursor_position = start + len(insert)
        self.screen.set_focus(self)

    def look_up(self) -> None:
        """Offer what can stand at the cursor, in a while."""
        self._look_up(self.value, self.cursor_position)

    @work(thread=True, exclusive=True, group="completion")
    def _look_up(self, text: str, cursor: int) -> None:
        if self.complete is not None:
            self.call_later(self._found, text, cursor, self.complete(text, cursor))

    def _found(self, text: str, cursor: int, found: Completion) -> None:
        if self.has_focus and (text, cursor) == (self.value, self.cursor_position):
            self.offered.offer(found, self.place(found.start))

    def move_list(self) -> None:
        """Put the list where it belongs now."""
        if self.offered.is_open:
            self.offered.put(self.place(self.offered.start))

    def place(self, start: int) -> Offset:
        """Return where the list goes: under the word at a place of the text."""
        at = self.content_region.offset
        return Offset(max(at.x + start - round(self.scroll_x) - 1, 0), at.y + self.below)
