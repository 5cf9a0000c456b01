"""Copying: what the application copies, and asks for as what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.app import App

from tuimon.ui.text import safe
from tuimon.view.cells import REST, Cell


class Copying(App[None]):
    """An application that copies text."""

    copied: Path | None = None
    """Where the text copied last lies too."""

    def copy_to_clipboard(self, text: str) -> None:
        """Copy text: to the terminal (OSC 52) and into a file; outside of tuimon it is escaped."""
        from tuimon import clipboard

        super().copy_to_clipboard(clipboard.safe_text(text))
        self._clipboard = text  # pasted into our own fields it is what it was
        self.copied = clipboard.keep(text)

    def copy(self, text: str, what: str) -> None:
        """Copy text and say so, and where it lies for those whose terminal does not take it."""
        self.copy_to_clipboard(text)
        also = f"; also in {self.copied}" if self.copied is not None else ""
        self.notify(safe(f"copied {what}{also}"), timeout=3, markup=False)

    def copy_menu(self, choices: Sequence[tuple[str, str]]) -> None:
        """Ask as what to copy.

        Args:
            choices: What it is called and the text itself; those without a text are not offered.
        """
        from tuimon.ui.screens.pick import Pick

        offered = [(name, text) for name, text in choices if text]
        lines = [(Cell(f" {name}", "", 30), Cell(text, "muted", REST)) for name, text in offered]

        def picked(number: int | None) -> None:
            if number is not None:
                self.copy(offered[number][1], offered[number][0])

        self.push_screen(Pick("Copy as", lines), picked)
