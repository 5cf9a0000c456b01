"""Pane: a framed part of the screen with a title; the frame shows where the focus is, and can be pulled."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from textual import events
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message

from tuimon.ui.text import safe
from tuimon.view.cells import cut

_FRAME: Final = 6
"""Columns of a frame's line that are not for words: corners, a stroke and a blank on either side."""


class Pane(Vertical):
    """A framed column of widgets."""

    class Pulled(Message):
        """The mouse takes hold of the frame, moves it, or lets go."""

        def __init__(self, step: str, at: Offset) -> None:
            super().__init__()
            self.step = step
            """``grab``, ``move`` or ``drop``."""
            self.at = at
            """Where on the screen."""

    def __init__(self, *, id: str, title: str) -> None:
        super().__init__(id=id, classes="pane")
        self.border_title = title
        self._wanted: tuple[str, str] | None = None
        self._is_held = False

    @property
    def foot_room(self) -> int:
        """Columns there are for words on the frame; many before anything is laid out."""
        return self.outer_size.width - _FRAME if self.outer_size.width else 1 << 16

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Name the pane; the text may hold anything."""
        self._wanted = title, subtitle
        new, under = cut(safe(title), self.foot_room), whole_keys(safe(subtitle), self.foot_room)
        if (new, under) != getattr(self, "_titles", None):
            self._titles = (new, under)
            self.border_title = Content(new)  # a str would be read as markup
            self.border_subtitle = Content(under)

    def on_resize(self) -> None:
        """The frame has room for more keys, or for fewer."""
        if self._wanted is not None:
            self.set_title(*self._wanted)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the frame."""
        at = event.screen_offset
        if event.button == 1 and self.region.contains_point(at) and not self.content_region.contains_point(at):
            self._is_held = True
            self.capture_mouse()
            self.post_message(self.Pulled("grab", at))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pull the frame."""
        if self._is_held:
            self.post_message(self.Pulled("move", event.screen_offset))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of the frame."""
        if self._is_held:
            self._is_held = False
            self.release_mouse()
            self.post_message(self.Pulled("drop", event.screen_offset))


def whole_keys(text: str, width: int) -> str:
    """Return of keys with two blanks between them those that fit whole, of a single thing all."""
    parts = text.split("  ")
    while len(parts) > 1 and cell_len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)
