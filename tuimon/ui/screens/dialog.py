"""Dialog: what every dialog is: a screen over the main one that is closed once, however many keys ask for it."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.screen import ModalScreen, Screen

from tuimon.ui.ascii import use_ascii_scrollbars

T = TypeVar("T")

WIDTHS: list[tuple[int, str]] = [(0, "-narrow"), (110, "-wide"), (160, "-huge")]
"""From how many columns on a screen has which class."""


class ClosedOnce(Screen[T]):
    """A screen that is closed once.

    Keys that arrive together are all meant for the dialog on top. Textual takes a screen off the stack for each that
    closes it: the second one would take what lies below, and at last the main screen, which ends the program.
    """

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Close the dialog, unless it is closed already."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Dialog(ModalScreen[T], ClosedOnce[T]):
    """The ground of tuimon's own dialogs."""

    HORIZONTAL_BREAKPOINTS = WIDTHS


class Commands(CommandPalette, ClosedOnce[None]):
    """Textual's command palette."""

    def __init__(self) -> None:
        super().__init__(placeholder="Search for commands...")

    def on_mount(self) -> None:
        """Draw with ASCII where that is asked for."""
        if self.app.has_class("-ascii"):
            use_ascii_scrollbars(self.query_one(CommandList))
