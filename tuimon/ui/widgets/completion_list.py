"""CompletionList: what can stand at the cursor, in a small list beside it. It never takes the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import events
from textual.geometry import Offset
from textual.message import Message
from textual.strip import Strip

from tuimon.ui.widgets.painter import CellPainter
from tuimon.view.cells import REST, Cell, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuimon.view.completion import Completion, Item

ROWS: Final = 8
_WIDTH: Final = 78
"""At least, where the terminal has as much; what its items need beyond it, as far as the terminal goes."""
_LABEL: Final = 28
_KIND: Final = 11
_GAPS: Final = 3
_MEANING: Final = 24
"""Columns that long values leave for what they mean."""
_MORE: Final = 9
"""Columns for how many more there are."""
_ROLES: Final = {
    "field": "token-field",
    "macro": "title",
    "list": "token-transform",
    "operator": "token-operator",
    "word": "token-logic",
    "event": "token-string",
    "value": "token-string",
    "transformer": "token-transform",
}


class CompletionList(CellPainter):
    """The list. Whoever owns the text moves its cursor, and takes ``current``."""

    can_focus = False

    class Picked(Message):
        """An item was clicked."""

        def __init__(self, widget: CompletionList) -> None:
            super().__init__()
            self.widget = widget

        @property
        def control(self) -> CompletionList:
            """The list."""
            return self.widget

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="completion")
        self._found: Completion | None = None
        self._at = 0
        self._top = 0
        self._label = _LABEL
        self._width = 0
        self.display = False

    @property
    def is_open(self) -> bool:
        """Whether anything is offered."""
        return bool(self.display)

    @property
    def items(self) -> tuple[Item, ...]:
        """What is offered."""
        return self._found.items if self._found is not None else ()

    @property
    def start(self) -> int:
        """Where the text begins whose place an item takes."""
        return self._found.start if self._found is not None else 0

    @property
    def current(self) -> Item | None:
        """The item under the cursor."""
        return self.items[self._at] if self.is_open and self.items else None

    @property
    def at_top(self) -> bool:
        """Whether the cursor is on the first item."""
        return self._at == 0

    def offer(self, found: Completion, at: Offset) -> None:
        """Show what was found under a place on the screen; nothing found: hide."""
        self._found, self._at, self._top = found, 0, 0
        self.display = bool(found.items)
        if found.items:
            self.styles.height = min(len(found.items), ROWS)
            self._width = self._fit(found.items, self.screen.size.width)
            self.styles.width = self._width
            self.put(at)
            self.refresh(layout=True)

    def put(self, at: Offset) -> None:
        """Put it under a place on the screen, as far to the left as it has to be to be seen whole."""
        self.absolute_offset = Offset(max(min(at.x, self.screen.size.width - self._width), 0), at.y)

    def _fit(self, items: Sequence[Item], room: int) -> int:
        """Choose the columns of what is offered; return the width of all."""
        rest = _KIND + _GAPS
        longest = max(len(item.label) for item in items)
        self._label = max(min(longest, room - rest - _MEANING), _LABEL)
        meaning = max(len(item.meaning) for item in items)
        return min(max(_WIDTH, self._label + rest + meaning + _MORE), room)

    def close(self) -> None:
        """Offer nothing."""
        self.display = False

    def move(self, by: int) -> None:
        """Move the cursor; it stays within the list."""
        last = len(self.items) - 1
        self._at = min(max(self._at + by, 0), max(last, 0))
        self._top = min(max(self._top, self._at - ROWS + 1), self._at)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Paint one item."""
        width, at = self.size.width, self._top + y
        if at >= len(self.items):
            return self.paint((Cell("", "", REST),), width)
        item = self.items[at]
        below = len(self.items) - ROWS - self._top
        more = f" {below:,} more" if y == ROWS - 1 and below > 0 else ""
        cells = (
            Cell(" ", "", 1),
            Cell(cut(item.label, self._label), _ROLES[item.kind], self._label),
            Cell(" ", "", 1),
            Cell(item.kind, "muted", _KIND + 1),
            Cell(cut(item.meaning, width - self._label - _KIND - _GAPS - len(more)), "muted", REST),
            Cell(more, "muted"),
        )
        return self.paint(cells, width, "cursor" if at == self._at else "cursor-blurred")

    def on_click(self, event: events.Click) -> None:
        """Pick an item."""
        at = event.get_content_offset(self)
        if at is not None and self._top + at.y < len(self.items):
            event.stop()
            self._at = self._top + at.y
            self.post_message(self.Picked(self))
