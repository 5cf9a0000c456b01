"""A new rule from an event, an alert or a filter: its fields are chosen, its text goes into the user's own file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from tuimon.ui.screens.drafting import Drafting
from tuimon.view.cells import Line
from tuimon.view.draft_lines import proposal_lines
from tuimon.workbench.new_rule import Proposal


class NewRuleScreen(Drafting[Proposal]):
    """The dialog. Dismissed with the rule when it is to be put into the editor.

    Args:
        proposal: The rule, general enough to be useful.
        path: The file it would go into.
    """

    def __init__(self, proposal: Proposal, path: str) -> None:
        super().__init__(f"New rule  {proposal.name}", proposal)
        self._path = path

    def lines(self, width: int) -> Sequence[Line]:
        """Return the rule's text."""
        note = f"enter puts it at the end of {PurePath(self._path).name}, unsaved: ctrl+s there puts it in force"
        return proposal_lines(self.made.text, [note], width)
