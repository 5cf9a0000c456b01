"""Pane: a framed part of the screen with a title; the frame shows where the focus is."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content

from tuimon.ui.text import safe


class Pane(Vertical):
    """A framed column of widgets."""

    def __init__(self, *, id: str, title: str) -> None:
        super().__init__(id=id, classes="pane")
        self.border_title = title

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Name the pane; the text may hold anything."""
        new, under = safe(title), safe(subtitle)
        if (new, under) != getattr(self, "_titles", None):
            self._titles = (new, under)
            self.border_title = Content(new)  # a str would be read as markup
            self.border_subtitle = Content(under)
