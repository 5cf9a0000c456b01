"""What is like an alert: the sets of alerts that are acknowledged in one go, the narrowest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuimon.events import Alert
from tuimon.view.cells import REST, Cell, Line
from tuimon.view.columns import container_label

Like = Callable[[Alert], bool]


def likes(alert: Alert) -> list[tuple[str, Like]]:
    """Return what an alert can be taken together with, in raw words: those of its rule, of its container, all."""
    rule, container, where = alert.rule, alert.container_id, container_label(alert.event)
    return [
        (f"{rule} in {where}", lambda other: other.rule == rule and other.container_id == container),
        (f"{rule}", lambda other: other.rule == rule),
        (f"everything in {where}", lambda other: other.container_id == container),
        ("everything that is listed", lambda _: True),
    ]


def like_lines(found: Sequence[tuple[str, frozenset[int]]]) -> list[Line]:
    """Return a line for each of them, with how many alerts that are."""
    return [(Cell(f" {what}", "", REST), Cell(f" {len(nums):,} ", "muted")) for what, nums in found]
