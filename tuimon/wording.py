"""Words for people that several places say alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NAMED: Final = 3
"""Names told in a sentence."""


def some(names: Sequence[str], most: int = NAMED) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, what: str) -> str:
    """Return how many of something there are: 1 alert, 2 alerts, 1,000 alerts."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
