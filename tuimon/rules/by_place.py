"""Checks that the place of a value answers: whether there is one, or whether it is one of some constants.

Values in a pool are distinct, so that a constant is equal to one of them at most, and none of them has to be asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldInfo, FieldType
from tuimon.rules.asked import GONE, NO, YES
from tuimon.rules.nodes import Check, FieldRef, constants_of
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool
from tuimon.rules.values import NUMERIC, TEXTUAL, parser_for

EQUAL: Final = ("=", "==", "!=", "in")
"""Operators that ask whether a value is one of some constants."""
_TYPES: Final = TEXTUAL | NUMERIC | {FieldType.DYN}


@dataclass(frozen=True, slots=True)
class ByPlace:
    """A check of the values at places."""

    constants: tuple[Any, ...] | None
    """A value has to be one of them; None: any will do."""
    is_negative: bool
    """It must not be one of them."""

    def behind(self, start: str) -> ByPlace:
        """Return the same check of texts that all stand behind a start, given what is behind it."""
        if self.constants is None:
            return self
        texts = [text for text in map(str, self.constants) if text.startswith(start)]
        return ByPlace(tuple(text.removeprefix(start) for text in texts), self.is_negative)

    def said(self, pool: Pool, places: Places) -> NDArray[np.int8]:
        """Return, (k,), what it says of the values at places (0 or above), as ``asked.of_value`` would of each."""
        found = np.full(len(places), YES, np.int8)
        if self.constants is not None:
            wanted = [place for each in self.constants if (place := pool.place_of(each)) != UNSEEN]
            equal = places == wanted[0] if len(wanted) == 1 else np.isin(places, wanted)
            found[equal == self.is_negative] = NO
        found[places == ABSENT] = GONE
        return found


def by_place(check: Check, info: FieldInfo, arg: str | None) -> ByPlace | None:
    """Return what answers a check of one field, given with its argument, by places; None when values must be asked."""
    if not isinstance(check.left, FieldRef):
        return None
    if check.op == "exists":
        return ByPlace(None, False)
    several = info.is_list or (info.any_of and arg is None)
    if check.op not in EQUAL or check.modifier is not None or several or info.type not in _TYPES:
        return None
    texts, is_negative = constants_of(check), check.op == "!="
    if texts is None or (is_negative and info.type is FieldType.DYN):  # what does not fit is not unequal
        return None
    return ByPlace(_constants(info.type, texts), is_negative)


def _constants(type_: FieldType, texts: Sequence[str]) -> tuple[Any, ...]:
    """Return what some texts may be equal to; of an open type as text, as bytes, and as numbers if all are."""
    if type_ is not FieldType.DYN:
        return tuple(map(parser_for(type_), texts))
    kinds = [FieldType.CHARBUF, FieldType.BYTEBUF]
    with contextlib.suppress(RuleError):
        return tuple(parser_for(kind)(text) for kind in (*kinds, FieldType.INT64) for text in texts)
    return tuple(parser_for(kind)(text) for kind in kinds for text in texts)
