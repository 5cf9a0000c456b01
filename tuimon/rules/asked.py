"""A check as it is asked: of an event, or of values that were looked up before.

Truth is a byte: 0 false, 1 not known yet, 2 true, so that ``and`` is the minimum, ``or`` the maximum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.events import Event
from tuimon.fields.registry import Getter
from tuimon.rules.checks import Context, Made, Test, as_it_is
from tuimon.rules.nodes import Check
from tuimon.rules.predicates import Predicate

if TYPE_CHECKING:
    from tuimon.rules.by_args import ArgsQuestion
    from tuimon.rules.by_place import ByPlace

NO: Final = 0
PERHAPS: Final = 1
YES: Final = 2
GONE: Final = 3
"""Of a value: it is none, or nothing can be made of it."""


@dataclass(slots=True)
class Asked:
    """A check as it is asked."""

    check: Check
    test: Test
    blank: Context
    getters: list[tuple[int, Any, Getter, str | None]]
    """Place in the context, key, getter and argument of each value that it looks at."""
    sides: NDArray[np.int8]
    """Place in SIDES by number of the kind of event, as far as there were any."""
    question: int
    """Number of the check among the questions, and..."""
    value_question: int
    """...of what it asks of a value."""
    predicate: tuple[Made, Predicate, bool] | None
    """See ``Checks.predicate_of``."""
    by_place: ByPlace | None = None
    """What answers it by places; only beside a predicate."""
    is_of_presence: bool = False
    """See ``tuimon.rules.presence``; only beside a predicate."""
    told: dict[object, int] = field(default_factory=dict)
    """Answers that last as long as the filter: of ``tuimon.rules.by_args`` by ``Columns.open_numbers``, of
    ``tuimon.rules.several`` by the places of the values."""
    question_of_args: ArgsQuestion | None = None
    """See ``tuimon.rules.by_args``."""

    def say(self, places: Sequence[int], values: Sequence[Any]) -> int:
        """Return the answer for the values at their places in the context."""
        context = self.blank.copy()
        for at, value in zip(places, values, strict=True):
            context[at] = value
        result = self.test(context)
        return YES if result else PERHAPS if result is None else NO

    def answer(self, event: Event) -> int:
        """Return the answer for an event."""
        context = self.blank.copy()
        context[0] = event
        result = self.test(context)
        return YES if result else PERHAPS if result is None else NO


def of_value(value: Any, test: Predicate) -> int:
    """Return what a test says of a value, GONE when there is none."""
    return GONE if value is None else YES if test(value) else NO


def of_values(values: Iterable[Any], predicate: tuple[Made, Predicate, bool]) -> list[int]:
    """Return what a predicate (``Checks.predicate_of``) says of each of some values, of which none is None."""
    made, test, _ = predicate
    if made is as_it_is:  # nearly always, and there may be tens of thousands
        return [YES if test(value) else NO for value in values]
    return [of_value(made(value), test) for value in values]


def joined(parts: Sequence[NDArray[np.int8]], *, negative: bool) -> NDArray[np.int8]:
    """Return the truth of a check by what it says of each of its values."""
    if not negative:
        return np.where(np.logical_or.reduce([part == YES for part in parts]), np.int8(YES), np.int8(NO))
    least, most = np.minimum.reduce(parts), np.maximum.reduce(parts)
    # Of those that are there none may say no; if none is there, nothing holds.
    return np.where((least == YES) | ((least == GONE) & (most == YES)), np.int8(YES), np.int8(NO))
