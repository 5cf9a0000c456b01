"""Answers: what an earlier load of rule files worked out, for the next one, so that a key costs what it changed.

Whatever is kept follows from its key alone, so that a load with answers gives what one without them would. Only what
the newest load asked for is kept for the next; a load that was ended early takes nothing away.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

T = TypeVar("T")

_MOST: Final = 100_000
"""Answers of loads that were ended early, all together; then they are let go of."""


class Answers:
    """Used by one load at a time."""

    def __init__(self) -> None:
        self._before: dict[Hashable, object] = {}
        self._now: dict[Hashable, object] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what a key stands for, made when it was not asked for in this load and the one before."""
        try:
            return cast("T", self._now[key])
        except KeyError:
            pass
        found = self._before[key] if key in self._before else make()
        self._now[key] = found
        return cast("T", found)

    def about(self, what: str, thing: object, make: Callable[[], T]) -> T:
        """Return something that follows from one object that never changes; told by its identity, which costs less."""
        # The object is kept beside the answer, so that no other one can come by its id.
        kept: tuple[object, T] = self.get((what, id(thing)), lambda: (thing, make()))
        return kept[1]

    def begin(self) -> None:
        """Begin a load."""
        if len(self._now) > _MOST:
            self._now = {}

    def done(self) -> None:
        """End a load: what it did not ask for is forgotten."""
        self._before, self._now = self._now, {}
