"""A question answered with a line of text; a wrong answer is said at once and changes nothing. Esc answers none."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tuimon.errors import TuimonError
from tuimon.ui.screens.dialog import Dialog
from tuimon.ui.widgets.cell_lines import CellLines
from tuimon.ui.widgets.key_footer import KeyFooter
from tuimon.ui.widgets.text_line import TextLine
from tuimon.view.cells import REST, Cell

_WIDTH: Final = 72
"""Of the dialog inside, until it is laid out."""


class Ask(Dialog[str | None]):
    """The dialog.

    Args:
        question: One line.
        hint: What an answer looks like.
        value: The answer that is there to begin with.
        check: Raises TuimonError when an answer is wrong.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", key_display="esc", id="ask.leave")]

    def __init__(self, question: str, hint: str, value: str = "", check: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self._question = CellLines([(Cell(f" {question}", "attention", REST),)])
        self._hint = hint
        self._foot = CellLines([(Cell(f" {hint}", "muted", REST),)])
        self._input = TextLine(value, id="ask-input", compact=True, select_on_focus=False)
        self._check = check

    def compose(self) -> ComposeResult:
        """Lay out question, line and hint."""
        with Vertical(id="ask"):
            yield self._question
            yield self._input
            yield self._foot
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin to type at once."""
        self._input.focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say(self._hint, "muted")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            if self._check is not None:
                self._check(event.value)
        except TuimonError as error:
            hint = f"; {error.hint}" if error.hint else ""
            self._say(f"{error}{hint}", "bad")
            return
        self.dismiss(event.value)

    def _say(self, text: str, role: str) -> None:
        """Show a text under the line, whole: what is wrong comes behind the path, which may be long."""
        parts = textwrap.wrap(text, max((self._foot.size.width or _WIDTH) - 2, 20)) or [""]
        self._foot.styles.height = len(parts)
        self._foot.set_lines(*[(Cell(f" {part}", role, REST),) for part in parts])

    def action_leave(self) -> None:
        """Answer nothing."""
        self.dismiss(None)
