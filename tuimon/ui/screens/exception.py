"""An exception made from an alert: the counts of what it hides follow every change of its fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual import work

from tuimon.errors import TuimonError
from tuimon.ui.screens.drafting import Drafting
from tuimon.ui.text import plain
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.draft_lines import exception_lines
from tuimon.workbench.exception_draft import Draft, Hidden

if TYPE_CHECKING:
    from tuimon.view.rule_book import OpenFile
    from tuimon.workbench.desk import Desk


class ExceptionScreen(Drafting[Draft]):
    """The dialog. Dismissed with the draft when it is to be written.

    Args:
        draft: The narrowest exception.
        desk: Says what it hides.
        own: The file it would be written to.
    """

    def __init__(self, draft: Draft, desk: Desk, own: OpenFile) -> None:
        super().__init__(f"Exception  {draft.rule.name}  into {PurePath(own.path).name}", draft)
        self._desk = desk
        self._own = own
        self._hidden: Hidden | None = None
        self._number = 0

    def changed(self) -> None:
        """Count anew; the count before ends early."""
        self._number += 1
        self._hidden = None
        self.show_text()
        self._desk.cancel()
        self._count(self._number, self.made)

    @work(thread=True, exclusive=True, group="hides")
    def _count(self, number: int, draft: Draft) -> None:
        if number != self._number:
            return
        try:
            hidden = self._desk.hides(draft, still_wanted=lambda: number == self._number)
        except TuimonError:  # it has no field left: the text says so
            return
        self.app.call_later(self._counted, number, hidden)

    def _counted(self, number: int, hidden: Hidden) -> None:
        if number == self._number and self.is_attached:
            self._hidden = hidden
            self.show_text()

    def lines(self, width: int) -> Sequence[Line]:
        """Return what it hides, and the text."""
        try:
            after = self.made.edit(self._own.saved, self._own.path).apply(self._own.saved)
        except TuimonError as error:
            hint = f"; {error.hint}" if error.hint else ""
            return [(Cell(f" {error}{hint}", "bad", REST),)]
        return exception_lines(self.made, self._hidden, self._own.saved, after, width)

    def write(self) -> None:
        """Write it, unless it cannot be written so."""
        try:
            self.made.edit(self._own.saved, self._own.path)
        except TuimonError as error:
            self.app.notify(plain(str(error)).plain, severity="error", markup=False)
            return
        self._desk.cancel()
        self.dismiss(self.made)
