"""What the screen remembers between runs: filters, columns, sizes, what is hidden, whether the hint was used.

One small state file (tuimon.statefile). What comes back from it is checked value by value: a damaged or hostile one
costs the memory, never the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tuimon import statefile

NAME: Final = "screen"
_LONGEST: Final = 4096
MOST: Final = 200


class Memory:
    """Reads at the start, writes at every change.

    Args:
        name: Of the state file; empty: nothing is kept, for tests and demos.
    """

    def __init__(self, name: str = NAME) -> None:
        self._name = name
        self._state: dict[str, Any] = statefile.read(name) if name else {}

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, empty when there is none."""
        found = self._state.get(key)
        if not isinstance(found, list):
            return []
        return [each for each in found if isinstance(each, str) and len(each) <= _LONGEST][-MOST:]

    def numbers(self, key: str) -> dict[str, int]:
        """Return numbers by name, empty when there are none."""
        found = self._state.get(key)
        if not isinstance(found, dict):
            return {}
        return {name: each for name, each in found.items() if isinstance(each, int) and not isinstance(each, bool)}

    def flag(self, key: str) -> bool:
        """Return whether something was said to be so."""
        return self._state.get(key) is True

    def keep(self, key: str, value: Sequence[str] | Mapping[str, int] | bool) -> None:
        """Remember a value for the next run."""
        kept = value if isinstance(value, bool) else dict(value) if isinstance(value, Mapping) else list(value)
        if self._state.get(key) == kept:
            return
        self._state[key] = kept
        if self._name:
            statefile.write(self._name, self._state)
