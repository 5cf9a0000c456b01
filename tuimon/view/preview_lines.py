"""The preview of an edited rule in two lines: what it would have caught in the history, against the rules in force."""

from __future__ import annotations

from typing import Final

from tuimon.view.cells import REST, Cell, Line
from tuimon.view.clock import amount
from tuimon.workbench.preview import Group, Preview

_GROUPS: Final = 4
"""Groups named in the line, the largest first."""


def preview_lines(seen: Preview) -> list[Line]:
    """Return the counts, and below them what limits them, the cost, and whom they come from (cut where it is long)."""
    if not seen.rules:
        return [(Cell(" preview: catches the same as the rules in force", "muted", REST),)]
    counts = (
        Cell(f" last {amount(seen.events)} ev ({span_text(seen)}): ", "muted"),
        Cell(f"was {seen.was:,} -> {seen.now:,} alerts ", "strong"),
        Cell("(", "muted"),
        Cell(f"+{seen.added:,} ", "good" if seen.added else "muted"),
        Cell(f"-{seen.removed:,}", "attention" if seen.removed else "muted"),
        Cell(") ", "muted", REST),
    )
    more = [Cell(f" {note} ", "attention") for note in _notes(seen)]
    more.append(
        Cell(f" cost {_us(seen.cost_before.ns_per_event)} -> {_us(seen.cost_now.ns_per_event)} us/ev  ", "muted")
    )
    return [counts, (*more, Cell(" ".join(_named(group) for group in seen.groups[:_GROUPS]), "", REST))]


def _notes(seen: Preview) -> list[str]:
    """Return what limits the answer."""
    notes = [] if seen.complete else ["newest part only"]
    notes += [f"{seen.unknown:,} not judged"] if seen.unknown else []
    notes += [f"{amount(seen.lost)} lost"] if seen.lost else []
    return notes + ([f"{len(seen.not_captured)} types not captured"] if seen.not_captured else [])


def _named(group: Group) -> str:
    counts = [f"+{group.added:,}"] if group.added else []
    counts += [f"-{group.removed:,}"] if group.removed else []
    return f"{''.join(counts)} {group.container or '?'}/{group.process or '?'}"


def span_text(seen: Preview) -> str:
    """Return the length of a preview's window: ``40s``, ``14m``, ``3h``."""
    seconds = max(seen.last_time_ns - seen.first_time_ns, 0) / 1e9
    if seconds < 120:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 7200 else f"{seconds / 3600:.0f}h"


def _us(nanoseconds: float) -> str:
    return f"{nanoseconds / 1000:.2g}" if nanoseconds else "0"
