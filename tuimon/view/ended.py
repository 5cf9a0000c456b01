"""Ended containers of which there is nothing to tell, as one line: a busy hour leaves hundreds behind what runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tuimon.view.cells import REST, Cell, Line

Row = TypeVar("Row")

KEY: Final = "(ended)"
"""What a list knows the line by; no container has such an id."""
_ALONE: Final = 1
"""Ended containers that are shown as they are: a line for one would save nothing, and say less."""
_NAMED: Final = 8
"""Of the newest that the line names, as far as there is room."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The line."""

    count: int
    newest: tuple[str, ...]
    """Names of those that came last."""
    opened: bool
    """Whether they are listed below it."""

    def line(self, *, ascii_only: bool = False) -> Line:
        """Return it as it is painted."""
        closed, opened = "+-" if ascii_only else "▸▾"
        cells = [Cell(f"{opened if self.opened else closed} ", "key"), Cell(f"{self.count:,} ended", "strong")]
        return [*cells, Cell("" if self.opened else "  " + ", ".join(self.newest), "muted", REST)]


def folded(
    rows: Sequence[Row],
    is_dull: Callable[[Row], bool],
    name: Callable[[Row], str],
    *,
    opened: bool,
    by_name: bool = False,
) -> tuple[Row | Ended, ...]:
    """Return rows with those of which there is nothing to tell behind, or (not ``opened``) within, a line for them all.

    Args:
        rows: In order; of those that ended the newest last, unless they are ``by_name``.
        is_dull: Says of which there is nothing to tell.
        name: What a row is called.
        opened: Whether they are to be listed, the newest first.
        by_name: See above.
    """
    dull = [row for row in rows if is_dull(row)]
    if len(dull) <= _ALONE:
        return tuple(rows)
    if not by_name:
        dull.reverse()
    newest = tuple(map(name, dull[:_NAMED]))
    told = [row for row in rows if not is_dull(row)]
    return (*told, Ended(len(dull), newest, opened), *(dull if opened else ()))
