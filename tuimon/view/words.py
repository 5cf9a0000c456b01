"""Words for people that several places say alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NAMED: Final = 3
"""Names told in a sentence."""


def some(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
