"""The lines of the revisions dialog: what was in force when, and what changed with it."""

from __future__ import annotations

from collections.abc import Sequence

from tuimon.revisions import Revision
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import clock


def revision_line(revision: Revision, *, in_force: bool) -> Line:
    """Return one revision: number, time, what came, went and changed."""
    return (
        Cell(f" {revision.number}", "strong", 6, right=True),
        Cell(f"  {clock(revision.time_ns)}", "muted", 11),
        Cell(" in force " if in_force else "", "good", 11),
        Cell(_what(revision), "", REST),
    )


def _what(revision: Revision) -> str:
    if revision.restores is not None:
        return f"revision {revision.restores} again"
    signed = (("+", revision.added), ("-", revision.removed), ("~", revision.changed))
    names = [f"{sign}{name}" for sign, each in signed for name in each]
    if revision.number == 1 or len(names) > 20:
        parts = (("added", revision.added), ("removed", revision.removed), ("changed", revision.changed))
        return ", ".join(f"{len(each)} rules {word}" for word, each in parts if each) or "no rule"
    return "  ".join(names) or "the same rules; comments or macros differ"


def revision_lines(revisions: Sequence[Revision]) -> list[Line]:
    """Return the revisions, the one in force first."""
    return [revision_line(each, in_force=each is revisions[-1]) for each in reversed(revisions)]
