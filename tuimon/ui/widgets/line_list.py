"""LineList: a list of any length on Textual's line API. Only visible rows are ever made, and nothing asks for a layout.

A row is told by its sequence number (tuimon.view.row_index), which never changes; the scroll position and the cursor
are held as sequence numbers too, so rows stay where they are while others come and go.
"""

from __future__ import annotations

import time
from math import ceil
from typing import ClassVar, Final, Protocol

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget

from tuimon.ui.widgets.painter import CellPainter
from tuimon.view.cells import Cell, Line

_CACHE_ROWS: Final = 512
_THUMB_STEPS: Final = 8
"""In each cell the ends of the thumb of Textual's scrollbar have so many places."""
_SCROLLBAR_S: Final = 0.5
"""While rows stream in the scrollbar moves this often: painting it at every frame cost as much as the rows."""


class LineSource(Protocol):
    """What a LineList shows."""

    @property
    def first(self) -> int:
        """Sequence number of the first row."""

    @property
    def end(self) -> int:
        """One past the last."""

    def line(self, seq: int, width: int) -> Line:
        """Return one row for a list ``width`` columns wide."""


class NoLines:
    """Nothing to show yet."""

    first = 0
    end = 0

    def line(self, seq: int, width: int) -> Line:  # noqa: ARG002
        """Never asked."""
        return ()


class LineList(CellPainter, ScrollView, can_focus=True):
    """A list with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="list.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="list.page_up"),
        Binding("home,g", "first", "First row", show=False, id="list.first"),
        Binding("end,G", "last", "Last row", show=False, id="list.last"),
        Binding("enter", "open", "Open", show=False, id="list.open"),
    ]

    class Opened(Message):
        """Enter or a second click on a row."""

        def __init__(self, widget: LineList, seq: int) -> None:
            super().__init__()
            self.widget = widget
            self.seq = seq

        @property
        def control(self) -> LineList:
            """The list."""
            return self.widget

    class Moved(Message):
        """The user moved the cursor."""

        def __init__(self, widget: LineList, seq: int) -> None:
            super().__init__()
            self.widget = widget
            self.seq = seq

        @property
        def control(self) -> LineList:
            """The list."""
            return self.widget

    OPENS_ON_CLICK: ClassVar[bool] = False
    """Whether one click opens a row, not two."""

    def __init__(self, *, id: str | None = None, empty: str = "", follow: bool = False) -> None:
        super().__init__(id=id)
        self.source: LineSource = NoLines()
        self._empty_text = empty
        self.follow = follow
        """Whether the newest row is kept in view."""
        self.cursor: int | None = None
        """Sequence number of the row under the cursor, None before there is one."""
        self._base = 0
        self._cache: dict[tuple[int, str], Strip] = {}
        self._painted: dict[int, Strip] = {}
        """What was painted last, by line of the list."""
        self._scrollbar_at = 0.0
        self._scrollbar_of: tuple[object, ...] = ()
        """What the scrollbar was painted for."""
        self._own_scroll = False

    # Data.

    @property
    def empty(self) -> str:
        """What to say while there is nothing."""
        return self._empty_text

    @empty.setter
    def empty(self, text: str) -> None:
        changed, self._empty_text = text != self._empty_text, text
        if changed and self.source.first == self.source.end:  # no row comes or goes that would paint it
            self.refresh()

    def show(self, source: LineSource) -> None:
        """Show another source, from its beginning (or its end when following)."""
        self.source = source
        self.cursor = None
        self._base = source.first
        self._cache.clear()
        self._place(0)
        self.sync(changed=True)

    def sync(self, *, changed: bool) -> None:
        """Take up that the source changed; keeps the place. Never asks for a layout.

        Args:
            changed: Whether rows came, went or look different.
        """
        if not changed and self._scrollbar_at == 0:
            return
        first, end = self.source.first, self.source.end
        if changed:
            top = self._base + round(self.scroll_y)
            self._base = first
            self.set_reactive(Widget.virtual_size, Size(self.size.width, end - first))
            if self.follow:
                self.cursor = end - 1 if end > first else None
                self._place(self.max_scroll_y)
            else:
                self._keep_cursor(first, end)
                self._place(top - first)
            if len(self._cache) > _CACHE_ROWS:
                self._cache.clear()
            self._paint_changed()
        self._move_scrollbar(changed)

    @property
    def row_width(self) -> int:
        """Columns of a row: of the list's size, those that the scrollbar does not lie on."""
        return self.scrollable_content_region.width

    def redraw(self) -> None:
        """Make all rows afresh: what they show changed, not which there are. Paint those that look different."""
        self._cache.clear()
        self._paint_changed()

    def _paint_changed(self) -> None:
        """Paint the rows that look different from what was painted last."""
        if not self._is_seen:
            self.refresh()
            return
        width, room, height = self.row_width, self.size.width, self.size.height
        changed = [y for y in range(height) if self._painted.get(y) != self._row(y, width, room)]
        if len(changed) > height // 2:
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, y, room, 1) for y in changed))

    @property
    def _is_seen(self) -> bool:
        """Whether the list is on the screen, and no dialog over it."""
        return self.is_attached and self.app.screen is self.screen and self in self.screen._compositor.visible_widgets

    def put_cursor(self, seq: int) -> None:
        """Put the cursor on a row and scroll it into view."""
        first, end = self.source.first, self.source.end
        if end == first:
            self.cursor = None
            return
        self.cursor = min(max(seq, first), end - 1)
        y, height = self.cursor - self._base, max(self.size.height, 1)
        top = round(self.scroll_y)
        if y < top:
            self._place(y)
        elif y >= top + height:
            self._place(y - height + 1)
        self._scrollbar_at = 0.0
        self._move_scrollbar(True)
        self.refresh()

    def _keep_cursor(self, first: int, end: int) -> None:
        if end == first:
            self.cursor = None
        elif self.cursor is None:
            self.cursor = first
        else:
            self.cursor = min(max(self.cursor, first), end - 1)

    def _place(self, y: float) -> None:
        """Set the scroll position without watchers, animation or layout."""
        y = min(max(y, 0), self.max_scroll_y)
        self._own_scroll = True
        self.set_reactive(Widget.scroll_y, y)
        self.set_reactive(Widget.scroll_target_y, y)
        self._own_scroll = False

    def _move_scrollbar(self, changed: bool) -> None:
        """Move the scrollbar, at most every half second while rows stream in."""
        now = time.monotonic()
        if now - self._scrollbar_at < _SCROLLBAR_S:
            return
        # 0 means: the scrollbar is where the rows are, there is nothing to do when the next tick brings nothing new.
        self._scrollbar_at = now if changed else 0.0
        if self._scrollbar_of != self._scrollbar_now:
            self._scroll_update(self.virtual_size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.position = self.scroll_y
            self._scrollbar_of = self._scrollbar_now
        elif self.show_vertical_scrollbar:  # it looks the same, and whoever takes hold of it begins from where it is
            self.vertical_scrollbar.set_reactive(ScrollBar.window_virtual_size, self.virtual_size.height)
            self.vertical_scrollbar.set_reactive(ScrollBar.position, self.scroll_y)

    @property
    def _scrollbar_now(self) -> tuple[object, ...]:
        """What the scrollbar's looks hang on: Textual paints it afresh whether any of that has changed or not."""
        rows, height = self.virtual_size.height, self.container_size.height
        thumb = _thumb(rows, height, self.scroll_y) if rows > height > 0 else None
        return self.container_size, self.show_vertical_scrollbar, thumb

    # Painting.

    def notify_style_update(self) -> None:
        """The theme changed: no row looks as it did."""
        super().notify_style_update()
        self._cache.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint rows past Textual's per-line style cache, which would only be cold here."""
        width, room = self.row_width, self.size.width
        rows = [self._row(y, width, room) for y in crop.line_range]
        self._painted.update(zip(crop.line_range, rows, strict=True))
        for line_filter in self.app.get_line_filters():
            # The themes' colours are true ones already, or meant to stay the terminal's own: turning sixteen colours
            # into true ones would cost as much as the rows for nothing.
            if not isinstance(line_filter, ANSIToTruecolor):
                background = self.background_colors[1]
                rows = [row.apply_filter(line_filter, background) for row in rows]
        x1, x2 = crop.column_span
        return rows if (x1, x2) == (0, room) else [row.crop(x1, x2) for row in rows]

    def render_line(self, y: int) -> Strip:
        """Paint one visible row."""
        return self._row(y, self.row_width, self.size.width)

    def _row(self, y: int, width: int, room: int) -> Strip:
        """Paint one visible row: ``room`` columns, of which it may use ``width``."""
        seq = self._base + round(self.scroll_y) + y
        if not self.source.first <= seq < self.source.end:
            return self._blank(y, width, room)
        state = ("cursor" if self.has_focus else "cursor-blurred") if seq == self.cursor else ""
        strip = self._cache.get((seq, state))
        if strip is None or strip.cell_length != room:
            marked = self.marked_cell(seq) if state == "cursor" else -1
            strip = self.paint(self.source.line(seq, width), width, state, marked)
            if width < room:  # a text without a width of its own must not reach under the scrollbar
                strip = Strip([*strip, Segment(" " * (room - width), self.style_of("", state))], room)
            self._cache[seq, state] = strip
        return strip

    def _blank(self, y: int, width: int, room: int) -> Strip:
        """Paint a line that no row is on; the first says that there is none."""
        said = f" {self.empty}" if y == 0 and self.source.first == self.source.end and self.empty else ""
        key = (0, f"no row{said}")
        strip = self._cache.get(key)
        if strip is None or strip.cell_length != room:
            strip = self._cache[key] = self.paint((Cell(said, "muted", width),), room)
        return strip

    def marked_cell(self, seq: int) -> int:  # noqa: ARG002
        """Return which cell of the row under the cursor is marked; -1: none."""
        return -1

    # Keys and mouse.

    def action_move(self, rows: int) -> None:
        """Move the cursor; leaving the newest row ends following."""
        start = self.source.first if self.cursor is None else self.cursor
        if rows < 0:
            self.follow = False
        self.put_cursor(start + rows)
        self._tell_moved()

    def action_page(self, pages: int) -> None:
        """Move by a screenful."""
        self.action_move(pages * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        """Go to the first row."""
        self.follow = False
        self.put_cursor(self.source.first)
        self._tell_moved()

    def action_last(self) -> None:
        """Go to the last row."""
        self.put_cursor(self.source.end - 1)
        self._tell_moved()

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def _tell_moved(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Moved(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Choose a row; a double click opens it."""
        at = event.get_content_offset(self)
        if at is None:
            return
        seq = self._base + round(self.scroll_y) + at.y
        if not self.source.first <= seq < self.source.end:
            return
        self.follow = False
        self.put_cursor(seq)
        self._tell_moved()
        if event.chain == (1 if self.OPENS_ON_CLICK else 2):
            self.action_open()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """A wheel or the scrollbar moved the rows: the newest is no longer followed."""
        super().watch_scroll_y(old_value, new_value)
        # A list that grew higher moves up as well, but only as far as its newest row stays in sight.
        if new_value < min(old_value, self.max_scroll_y):
            self.follow = False

    def on_resize(self) -> None:
        """Lay the rows out for the new width and keep the cursor in sight."""
        self._cache.clear()
        self.set_reactive(Widget.virtual_size, Size(self.size.width, self.source.end - self.source.first))
        if self.follow:
            self._place(self.max_scroll_y)
        elif self.cursor is not None:
            self.put_cursor(self.cursor)

    def on_focus(self) -> None:
        """The cursor looks different with the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor looks different without the focus."""
        self.refresh()


def _thumb(rows: int, height: int, top: float) -> tuple[int, int]:
    """Return the first place of the thumb of a list's scrollbar, and the one behind its last.

    Args:
        rows: Of the list, more than are seen.
        height: Rows that are seen, and cells of the scrollbar.
        top: The first row that is seen.
    """
    cells = max(1.0, height * height / rows)
    start = int((height - cells) * top / (rows - height) * _THUMB_STEPS)
    return start, start + ceil(cells * _THUMB_STEPS)
