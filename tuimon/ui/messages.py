"""Messages between widgets: frozen payloads, one sender each."""

from __future__ import annotations

from textual.message import Message


class FilterChanged(Message):
    """The filter bar holds another filter that is right."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class FilterLeft(Message):
    """The filter bar was left."""


class EditorEdited(Message):
    """The text in the rule editor changed, by typing or by loading."""
