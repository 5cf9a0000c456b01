"""The lines of the noise ranking: which rule, container and program most alerts come from."""

from __future__ import annotations

from collections.abc import Sequence

from tuimon.view.cells import NAME_TAIL, REST, Cell, Line, cut, severity_role
from tuimon.view.noise import Loudest, Noise, Part
from tuimon.view.severity import short

TOP = 200
_RANKS = "  % ranks"


def share_text(share: float) -> str:
    """Return a share in per cent; what is not nothing is never shown as 0, what is not all never as 100."""
    if 0 < share < 0.01:
        return "<1%"
    return "99%" if 0.99 < share < 1 else f"{share:.0%}"


def loudest_text(loudest: Loudest | None) -> str:
    """Return the sentence about the rule that drowns the others, empty while none does."""
    if loudest is None:
        return ""
    return f"{share_text(loudest.share)} of all alerts are one rule: {loudest.rule}"


def loudest_foot(loudest: Loudest | None, width: int) -> str:
    """Return the sentence with the keys that help, shorter where the columns are too few; empty while none does."""
    if loudest is None:
        return ""
    whole = f"{loudest_text(loudest)} (% ranks, x drafts an exception)"
    short_one = f"{share_text(loudest.share)} are one rule: {loudest.rule}"
    return whole if len(whole) <= width else f"{cut(short_one, width - len(_RANKS))}{_RANKS}"


def noise_header() -> Line:
    """Return the names over the columns of ``noise_line``."""
    return (
        Cell(" share", "muted", 8),
        Cell("n", "muted", 9, right=True),
        Cell("  prio", "muted", 8),
        Cell("rule", "muted", REST),
        Cell(" container", "muted", 16),
        Cell("program", "muted", 16),
    )


def noise_line(part: Part, width: int) -> Line:
    """Return one part of all alerts."""
    role = "chosen" if part.is_whole_rule else ""
    cells = [
        Cell(f" {share_text(part.share)}", "strong", 6),
        Cell(f"{part.count:,}", "", 11, right=True),
        Cell(f"  {short(part.newest.priority)}", severity_role(part.newest.priority), 8),
        Cell(part.rule, severity_role(part.newest.priority), REST),
        Cell(" ", "", 1),
        Cell(f"{part.containers:,} containers" if part.containers > 1 else part.container, role, 14, tail=NAME_TAIL),
        Cell(" ", "", 1),
        Cell(f"{part.processes:,} programs" if part.processes > 1 else part.process or "?", role, 16),
    ]
    if width >= 120:
        cells.insert(1, Cell("#" * max(round(part.share * 20), 1), "spark", 21))
    return cells


def noise_parts(noise: Noise) -> Sequence[Part]:
    """Return the parts that are listed: whole rules and what they are made of, whatever is more alerts first.

    A rule that fires a little in each of many containers would be nowhere if it were ranked by its parts alone.
    """
    return sorted([*noise.whole_rules(), *noise.top(TOP)], key=lambda part: -part.count)[:TOP]
