"""What rows are ordered by: whole numbers as they are, everything else by its rank among the distinct values.

Numbers are compared with all their 64 bits. Texts are compared to their last letter; each distinct one is kept once,
and only until the order is made.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Key = float | str | None
"""A value: a number, a text, None when there is none. All of a column are of one kind."""

PLAIN: Final = 0
BEYOND: Final = 1
"""A number from 2**63 on, less that."""
NONE: Final = 2
"""There is no value: such rows come last."""
_HALF: Final = 1 << 63
_RUN: Final = 16_384
"""So many texts are sorted in one step."""
_STEP: Final = 512
_NARROW: Final = 1 << 16
"""Numbers that lie so close together are sorted much quicker."""


@dataclass(slots=True)
class Keys:
    """Keys of some rows."""

    number: NDArray[np.int64]
    """(n,)"""
    state: NDArray[np.int8]
    """(n,) PLAIN, BEYOND or NONE."""

    @classmethod
    def none(cls, count: int) -> Keys:
        """Return the keys of rows that have no value yet."""
        return cls(np.zeros(count, np.int64), np.full(count, NONE, np.int8))

    def part(self, start: int, stop: int) -> Keys:
        """Return some of them; what is put there is put here."""
        return Keys(self.number[start:stop], self.state[start:stop])

    def put(self, at: NDArray[np.intp], number: NDArray[np.int64], state: NDArray[np.int8] | int = PLAIN) -> None:
        """Set the keys at some places."""
        self.number[at], self.state[at] = number, state

    def order(self, *, descending: bool) -> NDArray[np.intp]:
        """Return the places in order; those that are alike as they lie, those without a value last."""
        number, state = self.number, self.state
        if not len(number):
            return np.empty(0, np.intp)
        low, high = int(number.min()), int(number.max())
        if high - low < _NARROW:
            number = (number - low).astype(np.uint16)
        if descending:
            number = ~number
        if not state.any():
            return np.argsort(number, kind="stable")
        return np.lexsort((number, np.where(state == NONE, NONE, 1 - state) if descending else state))


class Begun(NamedTuple):
    """A text of which only the beginning was written: seldom more of it decides an order."""

    start: str
    whole: Callable[[], str]


class Ranks:
    """Distinct values, numbered as they come. ``fine`` is what a key may have below the number of its value."""

    def __init__(self, fine: int = 1) -> None:
        self.fine = fine
        self._values: list[float | str] = []
        """By number; of some texts the beginning only."""
        self._numbers: dict[float | str, int] = {}
        self._starts: dict[str, int] = {}
        self._whole: dict[int, Callable[[], str]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def number(self, value: float | str) -> int:
        """Return the number of a value."""
        return self._number(self._numbers, value)

    def begun(self, text: Begun) -> int:
        """Return the number of a text; it is written whole only if another one begins like it."""
        if text.start in self._starts:
            return self.number(text.whole())
        number = self._number(self._starts, text.start)
        self._whole[number] = text.whole
        return number

    def _number(self, numbers: dict[Any, int], value: float | str) -> int:
        number = numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number

    def put_in(self, keys: Keys) -> Iterator[None]:
        """Make the numbers in some keys ranks, in steps; the values are let go of."""
        values, whole = self._values, self._whole
        self._values, self._numbers, self._starts, self._whole = [], {}, {}, {}
        yield
        order: list[int] = []
        for at in range(0, len(values), _RUN):
            order += sorted(range(at, min(at + _RUN, len(values))), key=values.__getitem__)
            yield
        order.sort(key=values.__getitem__)  # runs that are sorted are merged
        yield
        yield from _made_whole(values, order, whole)
        differs = [one != other for one, other in itertools.pairwise(map(values.__getitem__, order))]
        ranks = np.empty(len(values), np.int64)
        ranks[order] = np.cumsum([0, *differs])
        has = np.flatnonzero(keys.state == PLAIN)
        number, fine = np.divmod(keys.number[has], self.fine) if self.fine > 1 else (keys.number[has], 0)
        keys.number[has] = ranks[number] * self.fine + fine


def _made_whole(values: list[float | str], order: list[int], whole: dict[int, Callable[[], str]]) -> Iterator[None]:
    """Write texts whole that another one begins with, and put them where they belong; in steps.

    Whatever begins with a text comes right behind it; what is the same may come before.
    """
    while short := [one for one, other in _neighbours(order) if one in whole and _begins(values[one], values[other])]:
        for at, one in enumerate(dict.fromkeys(short)):
            values[one] = whole.pop(one)()
            if at % _STEP == 0:
                yield
        order.sort(key=values.__getitem__)
        yield


def _neighbours(order: list[int]) -> Iterator[tuple[int, int]]:
    """Yield each with the next, and with the one before."""
    for one, other in itertools.pairwise(order):
        yield one, other
        yield other, one


def _begins(start: float | str, text: float | str) -> bool:
    return isinstance(text, str) and isinstance(start, str) and text.startswith(start)


def key_of(value: Key, ranks: Ranks) -> tuple[int, int]:
    """Return the number and the state of a value."""
    if value is None:
        return 0, NONE
    if isinstance(value, int):
        return (value, PLAIN) if value < _HALF else (value - _HALF, BEYOND)
    return ranks.number(value) * ranks.fine, PLAIN
