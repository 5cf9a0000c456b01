"""What differs between the texts in the editor and what is in force, before it is put there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from tuimon.rules.diagnostics import RuleFile
from tuimon.ui.screens.details import Details
from tuimon.view.cells import Line
from tuimon.view.diff_lines import files_diff_lines


class DiffScreen(Details):
    """The dialog. Dismissed with ``apply`` or ``revert`` when that is to be done.

    Args:
        in_force: The files in force.
        edited: The files with what is typed.
        can_revert: Whether the file in the editor holds unsaved text.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "answer('apply')", "Apply", tooltip="Put the text in force and save it", id="diff.apply"),
        Binding("r", "answer('revert')", "Revert", tooltip="Back to the text on disk", id="diff.revert"),
    ]

    def __init__(self, in_force: Sequence[RuleFile], edited: Sequence[RuleFile], *, can_revert: bool) -> None:
        super().__init__("In the editor (+) against what is in force (-)")
        self._lines = files_diff_lines(in_force, edited)
        self._can_revert = can_revert

    def lines(self, width: int) -> Sequence[Line]:  # noqa: ARG002
        """Return the diff."""
        return self._lines

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what there is to do."""
        if action == "answer" and parameters == ("revert",) and not self._can_revert:
            return False
        return super().check_action(action, parameters)

    def action_answer(self, answer: str) -> None:
        """Close, and have something done."""
        self.dismiss(answer)
