"""The lines of the rule list: files, and under each its rules, macros and lists.

Files often begin with dozens of lists and macros, and who opens the list looks for rules: many of them in a row are
one line until they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Final

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.rule_book import Item, OpenFile, RuleBook, outline
from tuimon.wording import counted

_MANY: Final = 4
"""So many lists and macros in a row are one line."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One line of the list: a file, an item in it, or what stands for several."""

    file: OpenFile
    item: Item | None
    """None: the file."""
    folded: tuple[Item, ...] = ()
    """The lists and macros of which ``item`` is the first: the line opens and closes them."""


class RuleLines:
    """What the rule list shows; sequence numbers are positions from the top."""

    first = 0

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._rows: list[RuleRow] = []
        self._texts: list[tuple[str, str]] = []
        self._open: set[str] = set()
        """Paths of the files whose lists and macros are all shown."""
        self.refresh()

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._rows)

    def refresh(self) -> bool:
        """Read the buffers' outlines anew; return whether any text changed."""
        texts = [(file.path, file.buffer) for file in self._book.files]
        if texts == self._texts:
            return False
        self._texts = texts
        self._lay_out()
        return True

    def toggle(self, row: RuleRow) -> int:
        """Show the lists and macros of a row's file one by one, or folded again; return where the row is then."""
        self._open ^= {row.file.path}
        self._lay_out()
        return self._rows.index(row)

    def _lay_out(self) -> None:
        self._rows = []
        for file in self._book.files:
            self._rows.append(RuleRow(file, None))
            self._rows += _rows(file, outline(file.buffer), is_open=file.path in self._open)

    def row(self, seq: int) -> RuleRow | None:
        """Return the row at a position."""
        return self._rows[seq] if 0 <= seq < len(self._rows) else None

    def position(self, path: str, line: int) -> int | None:
        """Return the position of the item that holds a line of a file, or of what it is folded in."""
        best = None
        for seq, row in enumerate(self._rows):
            if row.file.path == path and (row.item is None or row.item.line <= line):
                best = seq
        return best

    def line(self, seq: int, width: int) -> Line:  # noqa: ARG002
        """Return one row."""
        row = self._rows[seq]
        if row.folded:
            mark = "-" if row.file.path in self._open else "+"
            return (Cell(f" {mark} {_what(row.folded)}", "muted", REST),)
        if row.item is None:
            file = row.file
            state = "unsaved" if file.dirty else "read only" if file.read_only else ""
            state = state or ("system" if file.origin == "system" else "")
            role = "attention" if row.file.dirty else "muted"
            return (Cell(f" {PurePath(row.file.path).name}", "title", REST), Cell(f" {state} ", role))
        if row.item.kind == "rule":
            return (Cell("  ", "", 2), Cell(row.item.name, "strong", REST))
        return (Cell(f"  {row.item.kind}", "muted", 8), Cell(row.item.name, "", REST))


def _rows(file: OpenFile, items: Sequence[Item], *, is_open: bool) -> Iterable[RuleRow]:
    """Return the rows of a file's items; where there are no rules to be found among them nothing is folded."""
    has_rules = any(item.kind == "rule" for item in items)
    for is_rule, neighbours in groupby(items, lambda item: item.kind == "rule"):
        group = tuple(neighbours)
        folds = has_rules and not is_rule and len(group) >= _MANY
        if folds:
            yield RuleRow(file, group[0], group)
        if not folds or is_open:
            yield from (RuleRow(file, item) for item in group)


def _what(items: Sequence[Item]) -> str:
    """Return how many lists and macros there are, in words."""
    numbers = {kind: sum(item.kind == kind for item in items) for kind in ("list", "macro")}
    return ", ".join(counted(number, kind) for kind, number in numbers.items() if number)
