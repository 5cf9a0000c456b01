"""A question with a few answers, each with its key. Esc answers none."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.view.cells import REST, Cell, Line


class Choice(ModalScreen[str | None]):
    """The dialog.

    Args:
        question: One or more lines.
        answers: Key and meaning of each.
    """

    def __init__(self, question: Sequence[str], answers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = [key for key, _ in answers]
        lines: list[Line] = [
            (Cell(f" {text}", "attention" if n == 0 else "", REST),) for n, text in enumerate(question)
        ]
        lines.append(())
        lines += [(Cell(f"   {key} ", "key", 10), Cell(what, "", REST)) for key, what in answers]
        lines.append((Cell("   esc ", "key", 10), Cell("go back, change nothing", "muted", REST)))
        self._lines = CellLines(lines, id="choice-lines")
        self._lines.styles.height = len(lines)
        self._first_answer = len(question) + 1

    def compose(self) -> ComposeResult:
        """Lay out the dialog."""
        with Vertical(id="choice"):
            yield self._lines

    def on_key(self, event: events.Key) -> None:
        """Take an answer; other keys do nothing here."""
        event.stop()
        if event.key == "escape":
            self.dismiss(None)
        elif event.key in self._keys:
            self.dismiss(event.key)

    def on_cell_lines_cell_clicked(self, event: CellLines.CellClicked) -> None:
        """Take a clicked answer."""
        at = event.line - self._first_answer
        if 0 <= at < len(self._keys):
            self.dismiss(self._keys[at])
        elif at == len(self._keys):
            self.dismiss(None)
