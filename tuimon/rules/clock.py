"""The time of events as text with its nanoseconds, compared as columns of letters.

Nearly each event has a text of its own, all of one length: of a million only the few distinct seconds are written out,
the digits behind them are arithmetic. What is asked of a text as it stands (``=``, ``contains``, ``startswith``, ``<``,
...) is asked of all of them letter by letter; patterns and transformers are asked of each text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.evt import CLOCKS, NS_PER_S, second_text
from tuimon.rules.nodes import Check, FieldRef, Literal, ValueList
from tuimon.rules.predicates import to_bytes

Letters = NDArray[np.uint8]
_DIGITS: Final = 9
_ORDERS: Final = ("<", "<=", ">", ">=")


class ClockTexts:
    """The texts of some events.

    Args:
        name: One of CLOCKS.
        times_ns: (k,) since the epoch.
    """

    def __init__(self, name: str, times_ns: NDArray[np.int64]) -> None:
        shape, zone = CLOCKS[name]
        seconds = times_ns // NS_PER_S
        distinct, self._of_row = np.unique(seconds, return_inverse=True)
        texts = [safely(second, shape, utc=bool(zone)) for second in distinct.tolist()]
        width = max(map(len, texts), default=0)
        self.told: NDArray[np.bool_] = np.array([len(text) == width > 0 for text in texts], bool)[self._of_row]
        """(k,) which of them could be written out, all in one length; nothing else here holds of the others."""
        self._seconds = np.array([list(text.ljust(width).encode()) for text in texts], np.uint8).reshape(
            len(texts), width
        )
        self._letters = {*np.unique(self._seconds).tolist(), *b".0123456789", *zone.encode()}
        """All there are in any of the texts."""
        self._rest = (times_ns - seconds * NS_PER_S).astype(np.uint32)
        self._zone = zone.encode()
        self._width = width
        self._columns: dict[int, Letters] = {}

    def __len__(self) -> int:
        """How long each text is."""
        return self._width + 1 + _DIGITS + len(self._zone)

    def column(self, at: int) -> Letters:
        """Return, (k,), the letter at a place of each text."""
        found = self._columns.get(at)
        if found is None:
            found = self._columns[at] = self._made(at)
        return found

    def _made(self, at: int) -> Letters:
        if at < self._width:
            return np.asarray(self._seconds[self._of_row, at])
        place = at - self._width - 1
        if 0 <= place < _DIGITS:
            return (self._rest // np.uint32(10 ** (_DIGITS - 1 - place)) % np.uint32(10)).astype(np.uint8) + np.uint8(
                48
            )
        return np.full(len(self._rest), self._zone[place - _DIGITS] if place >= 0 else ord("."), np.uint8)

    def texts(self) -> list[str]:
        """Return them written out."""
        size = len(self)
        whole = np.stack([self.column(at) for at in range(size)], axis=1).tobytes().decode()
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    def lies_at(self, at: int, wanted: bytes) -> NDArray[np.bool_]:
        """Return, (k,), whether some letters lie at a place of each text."""
        out = np.full(len(self._rest), 0 <= at <= len(self) - len(wanted))
        for offset, letter in enumerate(wanted):
            if not out.any():
                break
            out &= self.column(at + offset) == letter
        return out

    def holds(self, wanted: bytes) -> NDArray[np.bool_]:
        """Return, (k,), whether some letters lie anywhere in each text."""
        out = np.zeros(len(self._rest), bool)
        if not self._letters.issuperset(wanted):
            return out
        for at in range(len(self) - len(wanted) + 1):
            out |= self.lies_at(at, wanted)
        return out

    def is_equal(self, wanted: bytes) -> NDArray[np.bool_]:
        """Return, (k,), whether each text is this one."""
        return self.lies_at(0, wanted) & (len(wanted) == len(self))

    def is_less(self, wanted: bytes) -> NDArray[np.bool_]:
        """Return, (k,), whether each text comes before this one, by bytes."""
        out, same = np.zeros(len(self._rest), bool), np.ones(len(self._rest), bool)
        for at, letter in enumerate(wanted[: len(self)]):
            column = self.column(at)
            out |= same & (column < letter)
            same &= column == letter
        return out | same if len(wanted) > len(self) else out


_TESTS: Final[dict[str, Callable[[ClockTexts, bytes], NDArray[np.bool_]]]] = {
    "=": ClockTexts.is_equal,
    "==": ClockTexts.is_equal,
    "in": ClockTexts.is_equal,
    "!=": lambda texts, wanted: ~texts.is_equal(wanted),
    "contains": ClockTexts.holds,
    "icontains": lambda texts, wanted: texts.holds(wanted.upper()),  # no text has a small letter
    "startswith": lambda texts, wanted: texts.lies_at(0, wanted),
    "endswith": lambda texts, wanted: texts.lies_at(len(texts) - len(wanted), wanted),
    "<": ClockTexts.is_less,
    "<=": lambda texts, wanted: texts.is_less(wanted) | texts.is_equal(wanted),
    ">": lambda texts, wanted: ~(texts.is_less(wanted) | texts.is_equal(wanted)),
    ">=": lambda texts, wanted: ~texts.is_less(wanted),
}


def said(check: Check, texts: ClockTexts) -> NDArray[np.bool_] | None:
    """Return, (k,), what a check says of the texts; None when it asks something else of them."""
    if not isinstance(check.left, FieldRef) or not isinstance(check.right, Literal | ValueList | None):
        return None
    if check.op == "exists":
        return texts.told.copy()
    test = _TESTS.get(check.op)
    if test is None or (check.op == "in" and check.modifier is not None):
        return None
    wanted = check.right.items if isinstance(check.right, ValueList) else (check.right,)
    parts = [test(texts, to_bytes(each.text)) for each in wanted if isinstance(each, Literal)]
    return _together(parts, "anyof" if check.op == "in" else check.modifier, texts.told)


def _together(parts: Sequence[NDArray[np.bool_]], modifier: str | None, like: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not parts:
        return np.zeros_like(like)
    if modifier is None:
        return parts[0]
    count = np.sum(parts, axis=0)
    if modifier == "anyof":
        return np.asarray(count > 0)
    return np.asarray(count == (len(parts) if modifier == "allof" else 1))


def safely(second: int, shape: str, *, utc: bool) -> str:
    """Return a second as text, empty for one that no calendar has."""
    try:
        return second_text(second, shape, utc=utc)
    except (ValueError, OverflowError, OSError):
        return ""
