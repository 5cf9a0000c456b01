"""Two versions of texts as the lines of a diff: a letter says what came and went before a colour does."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from tuimon.rules.diagnostics import RuleFile
from tuimon.view.cells import REST, Cell, Line

_CONTEXT: Final = 3
_ROLES: Final = {"+": "good", "-": "bad", "@": "muted"}


def diff_lines(before: str, after: str, context: int = _CONTEXT) -> list[Line]:
    """Return what differs, each line with its number in the text after (before, for lines that went)."""
    old, new = before.split("\n"), after.split("\n")
    lines: list[Line] = []
    for number, group in enumerate(
        difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context)
    ):
        if number:
            lines.append((Cell("      ...", "muted", REST),))
        for tag, old_at, old_end, new_at, new_end in group:
            if tag == "equal":
                lines += [_line(" ", at + 1, new[at]) for at in range(new_at, new_end)]
                continue
            lines += [_line("-", at + 1, old[at]) for at in range(old_at, old_end)]
            lines += [_line("+", at + 1, new[at]) for at in range(new_at, new_end)]
    return lines


def _line(sign: str, number: int, text: str) -> Line:
    role = _ROLES.get(sign, "")
    return (Cell(f" {number}", "muted", 6, right=True), Cell(f" {sign} ", role), Cell(text, role, REST))


def files_diff_lines(before: Sequence[RuleFile], after: Sequence[RuleFile]) -> list[Line]:
    """Return what differs between two sets of rule files, file by file; one line saying so when nothing does."""
    old = {file.path: file.text for file in before}
    new = {file.path: file.text for file in after}
    lines: list[Line] = []
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) == new.get(path):
            continue
        what = "  not there before" if path not in old else "  no longer there" if path not in new else ""
        head = (Cell(f" {PurePath(path).name}", "title"), Cell(f"  {PurePath(path).parent}", "muted"))
        lines += [(), (*head, Cell(what, "attention", REST))] if lines else [(*head, Cell(what, "attention", REST))]
        lines += diff_lines(old.get(path, ""), new.get(path, ""))
    return lines or [(Cell(" the same text", "muted", REST),)]
