"""The lines of the dialogs in which an exception or a new rule is made: its fields, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import amount
from tuimon.view.detail_lines import wrapped
from tuimon.view.diff_lines import diff_lines
from tuimon.view.preview_lines import limits, row_line, span_text
from tuimon.wording import counted
from tuimon.workbench.exception_draft import Draft, Hidden
from tuimon.workbench.preview import Group, Preview
from tuimon.workbench.steps import Part

_FIELD: Final = 28
_SHOWN: Final = 12
"""Groups and rows listed of each kind."""
_LEAD: Final = 9


class PartLines:
    """The fields of a draft, one a row; sequence numbers are their places."""

    first = 0

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self.parts)

    def line(self, seq: int, width: int) -> Line:
        """Return one field: what it is compared with, and which wider step comes next."""
        part = self.parts[seq]
        at, count = part.at, len(part.steps)
        after = f"  wider: {part.steps[at + 1]}" if at + 1 < count else "  wider: any" if at < count else ""
        state = Cell(f" {at + 1}/{count} " if at < count else " out ", "muted", 7)
        beside = Cell(after, "muted", max(width - _FIELD - 45, 0)) if width >= 100 else Cell("")
        if part.step is None:
            return (state, Cell(part.field, "muted", _FIELD), Cell("any", "muted", REST), beside)
        role = "token-string"
        return (state, Cell(part.field, "token-field", _FIELD), Cell(str(part.step), role, REST), beside)


def exception_lines(draft: Draft, hidden: Hidden | None, before: str, after: str, width: int) -> list[Line]:
    """Return what an exception hides, what else, and the text that is to be written.

    Args:
        draft: The exception.
        hidden: What it hides; None while that is being worked out.
        before: The user's rule file as it is.
        after: The file with the exception.
        width: Columns there are.
    """
    lines: list[Line] = []
    if hidden is None:
        lines.append((Cell(" looking through the history...", "muted", REST),))
    else:
        lines += _hidden_lines(draft, hidden, width)
    lines += [(), (Cell(" to be written", "title", REST),), *diff_lines(before, after, 2)]
    return lines


def _hidden_lines(draft: Draft, hidden: Hidden, width: int) -> list[Line]:
    seen = hidden.preview
    alerts = len(hidden.alerts)
    head = (
        Cell(" hides ", "muted"),
        Cell(counted(alerts, "past alert"), "strong"),
        Cell(" of the list; ", "muted"),
        Cell(f"{seen.removed:,} of {seen.was:,}", "strong"),
        Cell(f" in the last {amount(seen.events)} events ({span_text(seen)})", "muted", REST),
    )
    lines: list[Line] = [head, *(_note(text, width) for text in limits(seen))]
    mine = [group for group in seen.groups if group.removed and (group.container, group.process) == draft.own]
    lines += [_group("-", group, "the one it is made for", "good") for group in mine]
    others = hidden.others
    if others:
        lines.append((Cell(" and what else", "attention", REST),))
        lines += [_group("-", group, "somebody else", "attention") for group in others[:_SHOWN]]
        lines += _more(len(others) - _SHOWN)
    else:
        lines.append((Cell(" nothing else: no alert of another program or container", "good", REST),))
    if hidden.covers:
        text = f" would also be true for {hidden.covers:,} events that the rule does not match (if it were made wider)"
        lines.append((Cell(text, "muted", REST),))
        for container, process, count in hidden.covers_groups[:_SHOWN]:
            lines.append((Cell(f"{count:,} ", "muted", _LEAD, right=True), Cell(f"{container}/{process}", "", REST)))
        lines += _more(len(hidden.covers_groups) - _SHOWN)
    return lines + _rows(seen)


def _rows(seen: Preview) -> list[Line]:
    if not seen.removed_rows:
        return []
    lines: list[Line] = [(Cell(" hidden, the newest", "muted", REST),)]
    lines += [row_line("-", row) for row in seen.removed_rows[:_SHOWN]]
    return lines + _more(seen.removed - _SHOWN)


def _group(sign: str, group: Group, what: str, role: str) -> Line:
    return (
        Cell(f"{sign}{group.removed or group.added:,} ", role, _LEAD, right=True),
        Cell(f"{group.container or '?'}/{group.process or '?'}  ", ""),
        Cell(what, "muted", REST),
    )


def _more(count: int) -> list[Line]:
    return [(Cell(f"         and {count:,} more", "muted", REST),)] if count > 0 else []


def _note(text: str, width: int) -> Line:
    return (Cell(f" {text}"[:width], "attention", REST),)


def proposal_lines(text: str, notes: Sequence[str], width: int) -> list[Line]:
    """Return the rule that is to be written, as it will stand in the file.

    Args:
        text: The rule.
        notes: What is to be said above it.
        width: Columns there are.
    """
    lines: list[Line] = [(Cell(f" {part}", "muted", REST),) for note in notes for part in wrapped(note, width - 1)]
    for line in text.rstrip("\n").split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        parts = wrapped(line.lstrip(), width - 1, len(indent) + 1) or [""]
        lines += [(Cell(f" {indent}{part}", "", REST),) for part in parts]
    return lines
