"""What it takes to draw with ASCII only: borders are the style sheet's part, these are Textual's own characters."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.widget import Widget


class AsciiScrollBar(ScrollBarRender):
    """A scrollbar whose ends are whole cells."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def use_ascii_scrollbars(widget: Widget) -> None:
    """Draw the scrollbars of a widget with ASCII only."""
    # Textual documents setting it on one scrollbar, and declares it a class variable.
    widget.vertical_scrollbar.renderer = AsciiScrollBar  # type: ignore[misc]
    widget.horizontal_scrollbar.renderer = AsciiScrollBar  # type: ignore[misc]
