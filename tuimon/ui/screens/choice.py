"""A question with a few answers, each with its key. Esc answers none."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tuimon.escape import clean
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.view.cells import REST, Cell, Line

_WIDTH: Final = 70
"""Columns of text, where the terminal has them."""
_FRAME: Final = 6


class Choice(Dialog[str | None]):
    """The dialog.

    Args:
        question: One or more sentences; the first is what is asked.
        answers: Key and meaning of each.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", key_display="esc", id="choice.leave")]

    def __init__(self, question: Sequence[str], answers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question = question
        self._answers = answers
        self._lines = CellLines(id="choice-lines")
        self._first_answer = 0
        for key, _ in answers:  # keys of its own, so that one typed right behind it goes where the answer leads
            self._bindings.bind(key, f"answer('{key}')", show=False)

    def compose(self) -> ComposeResult:
        """Lay out the dialog for the width there is."""
        lines = self._question_lines(max(min(_WIDTH, self.app.size.width - _FRAME), 20))
        self._first_answer = len(lines) + 1
        lines.append(())
        lines += [(Cell(f"   {key} ", "key", 10), Cell(what, "", REST)) for key, what in self._answers]
        lines.append((Cell("   esc ", "key", 10), Cell("go back, change nothing", "muted", REST)))
        self._lines.set_lines(*lines)
        self._lines.styles.height = len(lines)
        with Vertical(id="choice"):
            yield self._lines
        yield KeyFooter()

    def _question_lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for number, text in enumerate(self._question):
            role = "attention" if number == 0 else ""
            lines += [(Cell(f" {part}", role, REST),) for part in textwrap.wrap(clean(text), width - 1)]
        return lines

    def on_key(self, event: events.Key) -> None:
        """Let other keys do nothing here."""
        event.stop()

    def action_answer(self, key: str) -> None:
        """Take an answer."""
        self.dismiss(key)

    def action_leave(self) -> None:
        """Answer none."""
        self.dismiss(None)

    def on_cell_lines_cell_clicked(self, event: CellLines.CellClicked) -> None:
        """Take a clicked answer."""
        at = event.line - self._first_answer
        if 0 <= at < len(self._answers):
            self.dismiss(self._answers[at][0])
        elif at == len(self._answers):
            self.dismiss(None)
