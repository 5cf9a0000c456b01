"""Cells: what a line on the screen is made of, before any widget, colour or width of a character comes into it.

The text of a cell is raw: whoever paints it escapes it, in one place. The role says what it means; the theme says how
that looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple


class Cell(NamedTuple):
    """A stretch of one line."""

    text: str
    role: str = ""
    """What it means: see ROLES; empty for ordinary text."""
    width: int = 0
    """Columns it takes, padded or cut; 0: as long as its text; -1: whatever the other cells leave."""
    right: bool = False
    """Aligned to the right within its width."""
    tail: int = 0
    """Of a text without room, so many of its last characters stay, if there is as much room before them."""


Line = Sequence[Cell]

REST: Final = -1
NAME_TAIL: Final = 5
"""Of a container's name: what tells the pods of one deployment apart is random, and at its end."""

ROLES: Final = {
    "muted": "foreground-muted",
    "strong": "foreground",
    "title": "primary",
    "key": "accent",
    "good": "success",
    "bad": "error",
    "attention": "warning",
    "hostile": "error",
    "live": "success",
    "replay": "secondary",
    "paused": "warning",
    "lost": "error",
    "spark": "primary",
    "chosen": "accent",
    "severity-emergency": "error",
    "severity-alert": "error",
    "severity-critical": "error",
    "severity-error": "error",
    "severity-warning": "warning",
    "severity-notice": "accent",
    "severity-informational": "secondary",
    "severity-debug": "foreground-muted",
    "event-exec": "accent",
    "event-process": "secondary",
    "event-file": "foreground",
    "event-network": "primary",
    "event-other": "foreground-muted",
    "event-failed": "warning",
    "token-field": "primary",
    "token-operator": "accent",
    "token-logic": "warning",
    "token-transform": "secondary",
    "token-string": "success",
    "token-number": "secondary",
    "token-placeholder": "primary",
    "yaml-key": "secondary",
    "yaml-comment": "foreground-muted",
}
"""Every role and the base role of the theme it looks like when a theme does not say."""


GROUNDS: Final = {
    "cursor": ("primary-muted", "primary-muted"),
    "cursor-text": ("foreground", "foreground"),
    "cursor-blurred": ("panel", "panel"),
    "frame": ("panel-lighten-3", "panel-darken-3"),
    "bar": ("surface", "surface"),
}
"""Roles that are grounds, frames and what belongs to them: the base colour of a dark theme and of a light one."""


def severity_role(priority: str | None) -> str:
    """Return the role of a priority."""
    role = f"severity-{(priority or '').lower()}"
    return role if role in ROLES else ""


def cut(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters that shows where it is cut."""
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."


def fitting(cells: Sequence[Cell], width: int) -> list[Cell]:
    """Return the cells from the first on that fit a width whole: half a word at the edge tells nothing."""
    kept: list[Cell] = []
    for cell in cells:
        width -= cell.width or len(cell.text)
        if width < 0:
            break
        kept.append(cell)
    return kept


_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS: Final = "_.-=+*#@"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Return the newest values as one line of blocks, each column the greatest of its share, scaled to the greatest."""
    if not values or width <= 0:
        return ""
    share = max(len(values) / width, 1.0)
    columns = min(width, len(values))
    first = len(values) - columns * share
    peaks = [
        max(values[int(first + i * share) : max(int(first + (i + 1) * share), int(first + i * share) + 1)])
        for i in range(columns)
    ]
    top = max(peaks)
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    if top <= 0:
        return blocks[0] * columns
    return "".join(blocks[min(int(value / top * 7.999), 7)] for value in peaks)
