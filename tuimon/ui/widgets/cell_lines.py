"""CellLines: a few fixed lines of cells: the status line, tabs, headers, details. Repaints only what changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tuimon.ui.widgets.painter import CellPainter
from tuimon.view.cells import Line


class CellLines(CellPainter):
    """Some lines of cells, as high as the style sheet says.

    A click is told by the index of the cell under it.
    """

    class CellClicked(Message):
        """A cell was clicked."""

        def __init__(self, widget: CellLines, line: int, cell: int) -> None:
            super().__init__()
            self.widget = widget
            self.line = line
            self.cell = cell

        @property
        def control(self) -> CellLines:
            """The widget, so that handlers can select by it."""
            return self.widget

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = list(lines)

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown."""
        return self._lines

    def set_lines(self, *lines: Line) -> None:
        """Show other lines; nothing is repainted if they are the same."""
        new = list(lines)
        for y, line in enumerate(new):
            if y >= len(self._lines) or self._lines[y] != line:
                self.refresh(Region(0, y, self.size.width or 1, 1))
        if len(new) != len(self._lines):
            self.refresh()
        self._lines = new

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width = self.size.width
        if y < len(self._lines):
            return self.paint(self._lines[y], width)
        return Strip([Segment(" " * width, self.rich_style)], width)

    def on_click(self, event: events.Click) -> None:
        """Find the cell under the pointer."""
        at = event.get_content_offset(self)
        if at is None or at.y >= len(self._lines):
            return
        line = self._lines[at.y]
        x = 0
        fixed = sum(max(c.width, 0) or (len(c.text) if c.width == 0 else 0) for c in line)
        for number, cell in enumerate(line):
            x += cell.width if cell.width > 0 else len(cell.text) if cell.width == 0 else self.size.width - fixed
            if at.x < x:
                self.post_message(self.CellClicked(self, at.y, number))
                return
