"""CellPainter: cells to a Strip of exact width, in the theme's colours. The one place where raw text meets the screen.

Everything that a monitored process, a file or an engine could have written passes ``clean_segments`` here, and what had
to be escaped is shown in a style of its own, so that an escaped byte and the same letters typed look different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tuimon.escape import clean_segments, shown
from tuimon.view.cells import Cell, Line

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp

_MAX_CHARS: Final = 4096
"""Of one cell that are looked at: wider than any terminal, and a bound on what one hostile line can cost."""
_BEYOND_ASCII: Final = re.compile(r"([^\x00-\x7f]+)")
CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in the last column of a text that has no room for all of it."""
ASCII_CUT: Final = "~"


class CellPainter(Widget):
    """A widget that paints cells. Subclasses call ``paint``."""

    app: TuimonApp
    ALLOW_SELECT = False

    gathered: ClassVar[set[CellPainter] | None] = None
    """Those that want to be painted, while somebody gathers them to do so (see tuimon.ui.frames)."""
    _styles: dict[tuple[str, str], Style] | None = None

    def check_idle(self) -> None:
        """Ask to be painted."""
        if CellPainter.gathered is None:
            super().check_idle()
        else:
            CellPainter.gathered.add(self)

    @property
    def wants_paint_only(self) -> bool:
        """Whether it waits to be painted, and for nothing else."""
        more = self._layout_required or self._scroll_required or self._refresh_styles_required or self._next_callbacks
        return self._is_mounted and self._repaint_required and not more

    def painted_by(self) -> None:
        """Take note that somebody paints it."""
        self._repaint_required = False

    def notify_style_update(self) -> None:
        """Forget the styles of the old theme."""
        super().notify_style_update()
        self._styles = None

    def style_of(self, role: str, state: str = "") -> Style:
        """Return the merged style of a role; ``state`` is "", "cursor" or "cursor-blurred"."""
        if self._styles is None:
            self._styles = {}
        style = self._styles.get((role, state))
        if style is None:
            palette, plain = self.app.palette, self.rich_style
            ground = plain + palette.style(state) if state else plain
            if not role:
                style = ground
            elif state:
                style = palette.under_cursor(palette.style(role), ground, plain)
            else:
                style = ground + palette.style(role)
            self._styles[role, state] = style
        return style

    def paint(self, line: Line, width: int, state: str = "", marked: int = -1) -> Strip:
        """Return a line of cells as a strip of exactly ``width`` columns; ``marked`` is the cell under the cursor."""
        fixed = sum(cell.width if cell.width > 0 else 0 for cell in line)
        free = sum(_shown_len(cell.text, self.app.ascii_only) for cell in line if cell.width == 0)
        rest = max(width - fixed - free, 0)
        segments: list[Segment] = []
        used = 0
        for number, cell in enumerate(line):
            room = width - used
            if room <= 0:
                if segments and any(left.text.strip() for left in line[number:]):
                    segments[-1] = self._ended(segments[-1])
                break
            want = rest if cell.width < 0 else cell.width
            ground = "cursor-cell" if number == marked else state
            used += self._cell(segments, cell, min(want, room) if cell.width else 0, room, ground)
        if used < width:
            segments.append(Segment(" " * (width - used), self.style_of("", state)))
        return Strip(segments, width)

    def _cell(self, out: list[Segment], cell: Cell, width: int, room: int, state: str) -> int:
        """Append one cell's segments; return the columns it took. ``width`` 0: as long as its text."""
        text, limit = cell.text, width if cell.width else room
        if not (text.isascii() and text.isprintable()):
            return self._hostile_cell(out, cell, width, limit, state)
        if len(text) > limit:
            text = self._cut(text, limit, cell.tail) if text[limit:].strip() else text[:limit]
        elif cell.width:
            text = text.rjust(width) if cell.right else text.ljust(width)
        out.append(Segment(text, self.style_of(cell.role, state)))
        return len(text)

    def _hostile_cell(self, out: list[Segment], cell: Cell, width: int, limit: int, state: str) -> int:
        parts, length = _segments(cell.text[:_MAX_CHARS], self.app.ascii_only)
        if length > limit:  # blanks at its end are no loss
            parts, length = _segments(cell.text[:_MAX_CHARS].rstrip(" "), self.app.ascii_only)
        pieces, used = [], 0
        for text, replaced in parts:
            size = cell_len(text)
            if used + size >= limit:
                size = limit - used
                text = self._cut(text, size) if length > limit else text
            if size:
                pieces.append(Segment(text, self.style_of("hostile" if replaced else cell.role, state)))
                used += size
            if used >= limit:
                break
        pad = width - used if cell.width else 0
        if pad > 0 and cell.right:
            out.append(Segment(" " * pad, self.style_of(cell.role, state)))
        out.extend(pieces)
        if pad > 0 and not cell.right:
            out.append(Segment(" " * pad, self.style_of(cell.role, state)))
        return used + max(pad, 0)

    def _cut(self, text: str, width: int, tail: int = 0) -> str:
        """Return the beginning of a safe text, ``width`` columns in all, of which the last shows that there is more.

        ``tail`` is how many of its last characters stay behind that, of a text of ASCII.
        """
        if width <= 0:
            return ""
        mark = ASCII_CUT if self.app.ascii_only else CUT
        if not text.isascii():
            return set_cell_size(text, width - 1) + mark
        tail = tail if width > 2 * tail else 0
        return text[: width - 1 - tail] + mark + text[len(text) - tail :]

    def _ended(self, last: Segment) -> Segment:
        """Return the last segment of a line behind which nothing has room, showing that there is more."""
        return Segment(self._cut(last.text, cell_len(last.text)), last.style)


def _shown_len(text: str, ascii_only: bool) -> int:
    """Return how many columns a text takes when it is shown safely."""
    if text.isascii() and text.isprintable():
        return len(text)
    return _segments(text[:_MAX_CHARS], ascii_only)[1]


@lru_cache(maxsize=1024)
def _segments(text: str, ascii_only: bool) -> tuple[tuple[tuple[str, bool], ...], int]:
    """Return the text safe to show in pieces (text and whether it stands for something replaced), and its columns.

    A terminal that knows ASCII only would be written other characters as escapes of Python's, wider than they are.
    """
    pieces = tuple(clean_segments(text) if not ascii_only else _ascii_segments(text))
    return pieces, sum(cell_len(piece) for piece, _ in pieces)


def _ascii_segments(text: str) -> Iterator[tuple[str, bool]]:
    for piece, replaced in clean_segments(text):
        for part in _BEYOND_ASCII.split(piece):
            if part:
                yield ("".join(map(shown, part)), True) if not part.isascii() else (part, replaced)
