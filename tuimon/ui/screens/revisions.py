"""The revisions: what was in force when, how its text differs from what is in force, and the way back to it."""

from __future__ import annotations

from collections.abc import Sequence

from tuimon.revisions import Revision
from tuimon.ui.screens.two_lists import TwoLists
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.diff_lines import files_diff_lines
from tuimon.view.revision_lines import revision_lines


class RevisionsScreen(TwoLists[int]):
    """The dialog. Dismissed with the number of the revision to be put in force again.

    Args:
        revisions: Oldest first; the last one is in force.
    """

    def __init__(self, revisions: Sequence[Revision]) -> None:
        super().__init__("Revisions of the rules", "enter puts it in force again, and writes its text")
        self._revisions = tuple(revisions)

    @property
    def _chosen(self) -> Revision:
        return self._revisions[len(self._revisions) - 1 - self.at]

    def upper(self, width: int) -> Sequence[Line]:  # noqa: ARG002
        """Return the revisions, the newest first."""
        return revision_lines(self._revisions)

    def lower(self, width: int) -> Sequence[Line]:  # noqa: ARG002
        """Return what would change."""
        if not self._revisions:
            return [(Cell(" no rules have been in force yet", "muted", REST),)]
        now, then = self._revisions[-1], self._chosen
        if now is then:
            before = self._revisions[-2].files if len(self._revisions) > 1 else ()
            what = f" in force; against revision {self._revisions[-2].number}:" if before else " in force, the first"
            lines = files_diff_lines(before, now.files) if before else []
        else:
            what = f" to go back to revision {then.number} would change:"
            lines = files_diff_lines(now.files, then.files)
        return [(Cell(what, "muted", REST),), *lines]

    def choose(self) -> None:
        """Go back to the revision under the cursor."""
        if self._revisions:
            self.dismiss(None if self._chosen is self._revisions[-1] else self._chosen.number)
