"""Falco's eight priorities in order, with the short words that lists show: a severity is never told by colour alone."""

from __future__ import annotations

from typing import Final

from tuimon.rules.items import PRIORITIES

SHORT: Final = {
    "Emergency": "EMER",
    "Alert": "ALRT",
    "Critical": "CRIT",
    "Error": "ERR",
    "Warning": "WARN",
    "Notice": "NOTE",
    "Informational": "INFO",
    "Debug": "DBG",
}
"""At most four letters, for narrow columns."""

LETTERS: Final = {
    "Emergency": "M",
    "Alert": "A",
    "Critical": "C",
    "Error": "E",
    "Warning": "W",
    "Notice": "N",
    "Informational": "I",
    "Debug": "D",
}
"""One letter for each priority, where four do not fit; no two alike."""

_RANK: Final = {name: rank for rank, name in enumerate(PRIORITIES)}
UNKNOWN_RANK: Final = len(PRIORITIES)


def rank(priority: str | None) -> int:
    """Return 0 for the worst priority up to 7; 8 for none or one that is not Falco's."""
    return _RANK.get(priority or "", UNKNOWN_RANK)


def short(priority: str | None) -> str:
    """Return the word for a narrow column, empty for none."""
    return SHORT.get(priority or "", (priority or "")[:4].upper())


def letter(priority: str | None) -> str:
    """Return the letter of a priority, empty for none."""
    return LETTERS.get(priority or "", "?" if priority else "")


def worse(left: str | None, right: str | None) -> str | None:
    """Return the worse of two priorities; None stands for no alert."""
    if left is None or right is None:
        return left or right
    return left if rank(left) <= rank(right) else right
