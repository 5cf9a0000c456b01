"""The preview in full: whom it adds and removes by container and program, each row, and what limits the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import amount, clock
from tuimon.view.preview_lines import cost_text, counts, kept_text, limits, row_line, warnings
from tuimon.wording import some
from tuimon.workbench.preview import Group, Preview, Row

SignedRow = tuple[str, Row]
"""``+`` it would alert, ``-`` it would no longer, ``?`` it cannot be told."""


def group_lines(seen: Preview) -> list[Line]:
    """Return what can be chosen: all rows, each group, and what could not be judged."""
    lines: list[Line] = [(*counts(seen), Cell("", "", REST))]
    lines += [
        (
            Cell(f"  +{group.added:,}" if group.added else "", "good", 9),
            Cell(f"-{group.removed:,}" if group.removed else "", "attention", 8),
            Cell(f"{group.container or 'container not known'}/{group.process or 'program not known'}", "", REST),
        )
        for group in seen.groups
    ]
    if seen.unknown:
        lines.append((Cell(f"  ?{seen.unknown:,}", "attention", 17), Cell("could not be judged", "muted", REST)))
    return lines


def rows_of(seen: Preview, at: int) -> list[SignedRow]:
    """Return the rows behind a line of ``group_lines``, the newest first."""
    every = [*(("+", row) for row in seen.added_rows), *(("-", row) for row in seen.removed_rows)]
    every.sort(key=lambda pair: -pair[1].num)
    if at == 0:
        return every
    if at <= len(seen.groups):
        group = seen.groups[at - 1]
        return [pair for pair in every if (pair[1].container, pair[1].process) == (group.container, group.process)]
    return [("?", row) for row in seen.unknown_rows]


def captured_lines(calls: frozenset[str]) -> list[Line]:
    """Return what is captured for the preview's sake, and the key that ends it."""
    text = f" captured for this rule besides: {some(sorted(calls))}; c ends it"
    return [(Cell(text, "good", REST),)] if calls else []


def head_lines(seen: Preview, rows: Sequence[SignedRow], at: int) -> list[Line]:
    """Return what stands above the rows: the window, what limits the answer, the cost, and how many are not listed."""
    window = f" {amount(seen.events)} events from {clock(seen.first_time_ns)} to {clock(seen.last_time_ns)}"
    said = [f"{window}; {cost_text(seen)}"] if seen.events else []
    said += [f" {kept_text(seen)} of these calls (estimated from the history)"] if kept_text(seen) else []
    lines: list[Line] = [(Cell(text, "muted", REST),) for text in said]
    lines += [(Cell(f" {text}", "attention", REST),) for text in (*warnings(seen), *limits(seen))]
    missing = _count(seen, at) - len(rows)
    if missing > 0:
        lines.append((Cell(f" the newest {len(rows):,} are listed, {missing:,} more are not", "muted", REST),))
    return lines


def _count(seen: Preview, at: int) -> int:
    if at == 0:
        return seen.added + seen.removed
    if at <= len(seen.groups):
        group: Group = seen.groups[at - 1]
        return group.added + group.removed
    return seen.unknown


def rows_lines(rows: Sequence[SignedRow], detail: Callable[[Row], str], width: int) -> list[Line]:
    """Return the rows.

    Args:
        rows: With their signs.
        detail: Says what the event of a row did; empty when it is no longer known.
        width: Columns there are.
    """
    return [row_line(sign, row, detail(row), width) for sign, row in rows]
