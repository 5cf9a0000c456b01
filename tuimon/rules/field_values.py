"""The values of a field for all rows of a batch: what an order needs, where a filter is content with answers.

Each row is told by the least that decides its value: a number of the record, a place in a pool of distinct values, a
second and what lies behind it. What hangs on anything else is left to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.fields.evt import CLOCKS, NS_PER_S
from tuimon.fields.registry import UNKNOWN
from tuimon.rules.asked import Asked
from tuimon.rules.by_row import BY_ROW
from tuimon.rules.clock import safely
from tuimon.rules.columns import Columns
from tuimon.rules.composed import put_together
from tuimon.rules.grouping import Rows
from tuimon.rules.loader import compile_expression
from tuimon.rules.look import Look
from tuimon.rules.moment import alike
from tuimon.rules.numbering import Memory
from tuimon.rules.numbers import numbers_of
from tuimon.rules.pools import UNSEEN, Places, Pool
from tuimon.rules.sides import SIDES
from tuimon.rules.versions import EventOf


class Numbers(NamedTuple):
    """Rows that show a number of their record."""

    rows: Rows
    found: NDArray[np.int64]


class Distinct(NamedTuple):
    """Rows that show one of the distinct values in a pool."""

    rows: Rows
    places: Places
    """(k,) ABSENT: there is no value."""
    pool: Pool


class Times(NamedTuple):
    """Rows that show a time, in their order by text."""

    rows: Rows
    seconds: list[str]
    """Distinct seconds as text; empty: one that no calendar has."""
    second: NDArray[np.intp]
    """(k,) the place of each row's."""
    rest_ns: NDArray[np.int64]


class Others(NamedTuple):
    """Rows to be asked as whole events."""

    rows: Rows


Part = Numbers | Distinct | Times | Others


class FieldValues:
    """A field's values.

    Args:
        name: Of the field, as it is written.
        event_of: Makes the row object of an event.
        memory: What was worked out in earlier questions about the same history.
    """

    def __init__(self, name: str, event_of: EventOf, memory: Memory | None) -> None:
        self._columns = Columns([compile_expression(f"{name} exists")], event_of, None, None, memory)
        self._asked: Asked = next(iter(self._columns.asked.values()))
        self._key = self._asked.getters[0][1]
        self._own = Pool()
        """Of values that are not worth keeping beyond this."""
        self._at_moment: dict[tuple[int, int], Any] = {}
        """What is read from /proc of most events: by kind of event and the number that it hangs on."""

    @property
    def memory(self) -> Memory:
        """To be locked while ``parts`` is asked."""
        return self._columns.memory

    def parts(self, batch: Batch, rows: Rows) -> Iterator[Part]:
        """Yield the values of some rows, ascending; call it with the memory's lock held."""
        columns = self._columns
        columns.begin()
        codes = self.memory.known(batch).codes[rows]
        side_of = columns.sides(self._asked)[codes]
        look = Look(columns, batch, self.memory.known(batch).codes)
        for place in np.unique(side_of).tolist():
            yield from self._of_side(look, SIDES[place], rows[side_of == place])
        look.close()

    def _of_side(self, look: Look, side: str, rows: Rows) -> Iterator[Part]:
        if side == "number":
            found, has, unknown = look.numbers(self._key[0], rows)
            known = has.copy()
            known[np.flatnonzero(unknown)] = False
            yield Numbers(rows[known], found[known])
            yield Others(rows[np.flatnonzero(unknown)])
        elif side == "clock":
            yield from self._times(look, rows)
        elif side == "moment":
            yield from self._moments(look, rows)
        elif side == "composed":
            yield from _placed(rows, put_together(look, self._key, rows, self._own), self._own)
        elif side in BY_ROW:
            yield Others(rows)
        else:
            yield from _placed(rows, *look.values(self._key[0], rows))

    def _times(self, look: Look, rows: Rows) -> Iterator[Part]:
        shape, zone = CLOCKS[self._key[0]]
        times, _ = numbers_of("evt.rawtime", look.batch, rows, look.boot_to_epoch_ns)
        seconds, rest = np.divmod(times, NS_PER_S)
        distinct, second = np.unique(seconds, return_inverse=True)
        texts = [safely(each, shape, utc=bool(zone)) for each in distinct.tolist()]
        told = np.array([text != "" for text in texts], bool)[second]
        yield Times(rows[told], texts, second[told], rest[told])
        yield Others(rows[~told])

    def _moments(self, look: Look, rows: Rows) -> Iterator[Part]:
        """Most events show what the record says, or nothing: those near a reading are left."""
        near, groups, codes, words = alike(look, self._key[0], rows)
        getter, arg = self._asked.getters[0][2:]
        places = np.full(len(groups.first), UNSEEN, np.int32)
        keys = zip(codes.tolist(), words.tolist(), strict=True)
        for at, (key, row) in enumerate(zip(keys, rows[~near][groups.first].tolist(), strict=True)):
            value = self._at_moment.get(key, UNKNOWN)
            if value is UNKNOWN:
                value = self._at_moment[key] = getter(look.event(row), arg)
            places[at] = self._own.place(value)
        yield from _placed(rows[~near], places[groups.of_row], self._own)
        yield Others(rows[near])


def _placed(rows: Rows, places: Places, pool: Pool) -> Iterator[Part]:
    unseen = places == UNSEEN
    yield Distinct(rows[~unseen], places[~unseen], pool)
    yield Others(rows[unseen])
