"""The keys, read from the bindings in force, and the fields, read from their registry; both can be searched."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.ui.keys import key_lines, owners, title_of
from tuimon.ui.panes.pane import Pane
from tuimon.ui.screens.ask import Ask
from tuimon.ui.screens.details import Details
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.detail_lines import wrapped

if TYPE_CHECKING:
    from tuimon.ui.app import TuimonApp

_MOUSE = (
    "The mouse: click chooses, a double click opens, the wheel scrolls; tabs and chips can be clicked, the edge "
    "between two panes pulled.",
    "To select text with the terminal hold shift (in most terminals) while dragging; y and Y copy without it.",
    "Every key can be changed: [keys] in ~/.config/tuimon/config.toml, by the name on the right of it here.",
)
_WIDE = 100
_KEYS = 24


class Help(Details):
    """The dialog of all keys and fields.

    Args:
        keymap: Keys the user has changed, by the binding's id.
    """

    app: TuimonApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/", tooltip="Search the help", id="help.search"),
    ]

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__("Keys and fields")
        self._keymap = keymap
        self._wanted = ""

    def lines(self, width: int) -> Sequence[Line]:
        """Return one line for each key and each field that is searched for."""
        parts = [*self._key_parts(width), ("Fields of the rule language", list(_fields(width)))]
        out: list[Line] = []
        for title, entries in parts:
            found = [line for entry in entries if self._matches(title, entry) for line in entry]
            if found:
                out += [(Cell(f" {title}", "title", REST),), *found, ()]
        if not self._wanted:
            said = [part for text in _MOUSE for part in wrapped(text, width)]
            out[:0] = [*((Cell(f" {text}", "muted", REST),) for text in said), ()]
        return out or [(Cell(f' nothing here says "{self._wanted}"; / searches again', "attention", REST),)]

    def _key_parts(self, width: int) -> Iterator[tuple[str, list[list[Line]]]]:
        for owner in owners():
            entries: list[list[Line]] = []
            for keys, what, ids in key_lines(owner, self._keymap):
                name = Cell(f" {ids} ", "muted") if width >= _WIDE else Cell("", "")
                said = f"   {keys} "
                entries.append(_entry([Cell(said, "key", max(_KEYS, len(said)))], what, [name], width))
            yield title_of(owner), entries

    def _matches(self, title: str, entry: Sequence[Line]) -> bool:
        text = " ".join((title, *(cell.text for line in entry for cell in line))).lower()
        return all(word in text for word in self._wanted.lower().split())

    def action_search(self) -> None:
        """Ask what to look for."""
        self.app.push_screen(Ask("Search keys and fields", "words; empty shows all", self._wanted), self._searched)

    def _searched(self, text: str | None) -> None:
        if text is None:
            return
        self._wanted = text.strip()
        self._list.put_cursor(0)
        self._fill()
        about = f'about "{self._wanted}"' if self._wanted else "/ searches"
        self.query_one(Pane).set_title("Keys and fields", about)


def _fields(width: int) -> Iterator[list[Line]]:
    from tuimon.fields import all_fields

    for info in all_fields():
        kind = str(info.type).lower()
        cells = [Cell(f"   {info.name}", "token-field", 34 if width >= _WIDE else 28)]
        if width >= _WIDE:
            cells.append(Cell(kind, "muted", 11))
        yield _entry(cells, info.doc, [], width)


def _entry(head: Sequence[Cell], what: str, tail: Sequence[Cell], width: int) -> list[Line]:
    """Return what a key or a field is, with what stands before and behind it on the first line, uncut."""
    begin = sum(cell.width or len(cell.text) for cell in head)
    room = max(width - begin - sum(len(cell.text) for cell in tail), 10)
    first, *more = textwrap.wrap(what, room) or [""]
    lines: list[Line] = [[*head, Cell(first, "", REST), *tail]]
    lines += [[Cell("", "", begin), Cell(part, "", REST)] for part in more]
    return lines
