"""The tests of the rules, run: one line for each, and below what went wrong with the one under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuimon.ui.screens.two_lists import TwoLists
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.trial_lines import case_lines, detail_lines, first_wrong


class RuleTests(TwoLists[str]):
    """The dialog.

    Args:
        answer: The JSON of ``tuimon rules test``.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        counts = f"{answer.get('passed', 0)} passed, {answer.get('failed', 0)} failed"
        broken = sum(file.get("status") == "broken" for file in answer.get("files", ()))
        more = f", {broken} could not be run" if broken else ""
        super().__init__(f"Tests  {counts}{more}", "with the text in the editor, saved or not")
        self._lines, self._details = case_lines(answer)
        self._first = first_wrong(answer)

    def fill(self) -> None:
        """Begin at what went wrong."""
        super().fill()
        if self._first and self._upper.cursor is not None:
            self._upper.put_cursor(self._first)
            self._first = 0
            self.fill_lower()

    def upper(self, width: int) -> Sequence[Line]:  # noqa: ARG002
        """Return the tests."""
        return self._lines or [(Cell(" no test in these files", "muted", REST),)]

    def lower(self, width: int) -> Sequence[Line]:
        """Return what went wrong."""
        return detail_lines(self._details[self.at], width) if self._details else []
