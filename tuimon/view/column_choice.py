"""Which columns the live list has, while they are chosen: those chosen first, in their order, then all others."""

from __future__ import annotations

from collections.abc import Sequence

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.columns import USUAL, column_of, field_columns

_NAME = 26


class ColumnChoice:
    """The lines of the dialog, and what is chosen.

    Args:
        chosen: Keys of the columns there are, in order.
    """

    first = 0

    def __init__(self, chosen: Sequence[str]) -> None:
        self.chosen = list(chosen)
        self._docs = {key: column.doc for key, column in USUAL.items()}
        self._docs |= {info.name: info.doc for info in field_columns()}
        self._wanted = ""
        self.keys: list[str] = []
        self.narrow("")

    @property
    def end(self) -> int:
        """One past the last line."""
        return len(self.keys)

    def meaning(self, seq: int | None) -> str:
        """Return what the column of a line tells, empty where there is none."""
        return self._docs.get(self.keys[seq], "") if seq is not None and 0 <= seq < len(self.keys) else ""

    def narrow(self, wanted: str) -> None:
        """Show only columns whose name or meaning holds a text."""
        self._wanted = wanted.lower()
        every = [*self.chosen, *(key for key in self._docs if key not in self.chosen)]
        self.keys = [key for key in every if self._wanted in f"{key} {self._docs.get(key, '')}".lower()]

    def toggle(self, seq: int) -> None:
        """Take a column into the list, or out of it."""
        if not 0 <= seq < len(self.keys):
            return
        key = self.keys[seq]
        if key in self.chosen:
            self.chosen.remove(key)
        else:
            self.chosen.append(key)

    def move(self, seq: int, by: int) -> int:
        """Move a chosen column to the left (-1) or right (1); return the line it has now."""
        key = self.keys[seq] if 0 <= seq < len(self.keys) else ""
        if key not in self.chosen:
            return seq
        at = self.chosen.index(key)
        to = min(max(at + by, 0), len(self.chosen) - 1)
        self.chosen.insert(to, self.chosen.pop(at))
        self.narrow(self._wanted)
        return self.keys.index(key)

    def line(self, seq: int, width: int) -> Line:
        """Return one line: whether it is chosen and where, its name, its meaning."""
        key = self.keys[seq]
        at = self.chosen.index(key) + 1 if key in self.chosen else 0
        column = column_of(key)
        kind = "" if column is None or key in USUAL else "field"
        name = min(_NAME, width // 2)
        return (
            Cell(f" [{'x' if at else ' '}]", "good" if at else "muted", 4),
            Cell(str(at) if at else "", "muted", 3, right=True),
            Cell(" ", "", 1),
            Cell(key, "chosen" if at else "token-field" if kind else "strong", name),
            Cell(" ", "", 1),
            Cell(self._docs.get(key, ""), "muted", REST),
        )
