"""The lines of the rule list: files, and under each its rules, macros and lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.rule_book import Item, OpenFile, RuleBook, outline


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One line of the list: a file, or an item in it."""

    file: OpenFile
    item: Item | None


class RuleLines:
    """What the rule list shows; sequence numbers are positions from the top."""

    first = 0

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._rows: list[RuleRow] = []
        self._texts: list[tuple[str, str]] = []
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
        self._rows = []
        for file in self._book.files:
            self._rows.append(RuleRow(file, None))
            self._rows += [RuleRow(file, item) for item in outline(file.buffer)]
        return True

    def row(self, seq: int) -> RuleRow | None:
        """Return the row at a position."""
        return self._rows[seq] if 0 <= seq < len(self._rows) else None

    def position(self, path: str, line: int) -> int | None:
        """Return the position of the item that holds a line of a file."""
        best = None
        for seq, row in enumerate(self._rows):
            if row.file.path == path and (row.item is None or row.item.line <= line):
                best = seq
        return best

    def line(self, seq: int, width: int) -> Line:  # noqa: ARG002
        """Return one row."""
        row = self._rows[seq]
        if row.item is None:
            file = row.file
            state = "unsaved" if file.dirty else "read only" if file.read_only else ""
            state = state or ("system" if file.origin == "system" else "")
            role = "attention" if row.file.dirty else "muted"
            return (Cell(f" {PurePath(row.file.path).name}", "title", REST), Cell(f" {state} ", role))
        if row.item.kind == "rule":
            return (Cell("  ", "", 2), Cell(row.item.name, "strong", REST))
        return (Cell(f"  {row.item.kind}", "muted", 8), Cell(row.item.name, "", REST))
