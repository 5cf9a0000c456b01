"""Text for the few places that take a string instead of cells: pane titles, notifications, the clipboard."""

from __future__ import annotations

from textual.content import Content

from tuimon.escape import clean


def safe(text: str) -> str:
    """Return text that may hold anything, safe to show; markup in it is not removed (give it to ``Content``)."""
    return clean(text)


def plain(text: str) -> Content:
    """Return text that may hold anything as content without markup."""
    return Content(safe(text))
