"""The lines under the rule editor: what happened, what is wrong and where, what is in doubt, and the preview."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from tuimon.rules.diagnostics import Diagnostic
from tuimon.view.cells import REST, Cell, Line

SHOWN: Final = 3
"""Lines there are at least."""

Head = tuple[str, str]
"""What happened: text and role."""


def message_lines(
    found: Sequence[Diagnostic],
    path: str,
    *,
    head: Head | None = None,
    tail: Sequence[Line] = (),
    read_only: bool = False,
    room: int = SHOWN,
    width: int = 0,
) -> list[Line]:
    """Return what is to be said, this file's errors first.

    Args:
        found: What is wrong or doubtful.
        path: Of the file in the editor.
        head: What happened; it comes first.
        tail: The preview; it comes last, whatever else there is.
        read_only: Whether that file can only be looked at.
        room: Lines there are.
        width: Columns there are; 0: not known.
    """
    ordered = sorted(found, key=lambda d: (d.severity != "error", d.file != path, d.line, d.column))
    lines = _head_lines(head, width, room - len(ordered) - len(tail)) if head is not None else []
    left = max(room - len(lines) - len(tail), 0)
    whole = [line for each in ordered for line in _whole(each, path, width)]
    if len(whole) <= left:
        lines += whole
    elif len(ordered) > left:
        shown = max(left - 1, 0)
        lines += [diagnostic_line(each, path) for each in ordered[:shown]]
        lines += [(Cell(f" and {len(ordered) - shown} more", "muted", REST),)] if left else []
    else:
        lines += [diagnostic_line(each, path) for each in ordered]
    if not lines:
        what = "ctrl+o puts what is to differ into your own file" if read_only else "ctrl+s puts it in force"
        lines.append((Cell(f" no errors; {what}", "good", REST),))
    return [*lines[: max(room - len(tail), 0)], *tail]


def _head_lines(head: Head, width: int, room: int) -> list[Line]:
    """Return what happened, whole if there is room for it beside the rest."""
    text, role = head
    parts = textwrap.wrap(text, max(width - 2, 20)) if width else [text]
    return [(Cell(f" {part}", role, REST),) for part in (parts if len(parts) <= room else [text])]


def _whole(found: Diagnostic, path: str, width: int) -> list[Line]:
    """Return one finding on as many lines as it takes."""
    line = diagnostic_line(found, path)
    *place, said = line
    begin = sum(len(cell.text) for cell in place)
    if not width or begin + len(said.text) <= width:
        return [line]
    first, *more = textwrap.wrap(said.text, max(width - begin - 1, 20))
    return [(*place, said._replace(text=first)), *((Cell("", "", begin), said._replace(text=part)) for part in more)]


def diagnostic_line(found: Diagnostic, path: str) -> Line:
    """Return one finding: place, severity, message and hint; the file's name only when it is another."""
    where = f" {'' if found.file == path else PurePath(found.file).name + ':'}{found.line}:{found.column} "
    role = "bad" if found.severity == "error" else "attention"
    hint = f"  {found.hint}" if found.hint else ""
    return (Cell(where, "key"), Cell(f"{found.severity}: ", role), Cell(found.message + hint, "", REST))
