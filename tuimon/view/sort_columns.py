"""What a column of the list orders rows by: a source of keys for each kind of column.

A value is asked once for each distinct thing that it can see; what hangs on the whole event is asked of each, and the
list says how far it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields import UNKNOWN, FieldInfo, FieldType, Value, lookup
from tuimon.fields.evt import CLOCKS, NS_PER_S
from tuimon.render import value_text
from tuimon.rules.args_text import ARGS
from tuimon.rules.field_values import Distinct, FieldValues, Numbers, Part, Times
from tuimon.rules.grouping import Rows
from tuimon.rules.numbering import Memory
from tuimon.rules.pools import ABSENT, Pool
from tuimon.rules.values import NUMERIC
from tuimon.rules.versions import EventOf
from tuimon.syscalls import event_name
from tuimon.view.columns import Column
from tuimon.view.sort_keys import NONE, Key, Keys, Ranks, key_of
from tuimon.view.sorted_texts import Arguments, Details, TextKeys

_STEP_ROWS: Final = 512
_NOT_ASKED: Final = -1


class Source(Protocol):
    """Finds keys."""

    ranks: Ranks
    """Of the values that are no whole numbers; empty when all are."""

    def fill(self, batch: Batch, rows: Rows, keys: Keys) -> Iterator[int]:
        """Find the keys of some rows of a batch, ascending; yield how many, step by step."""


def source_of(column: Column, event_of: EventOf, memory: Memory | None) -> Source:
    """Return what finds the keys of a column."""
    if column.key in _OF_HEAD:
        return HeadKeys(column)
    if column.key == "detail":
        return TextKeys(Details(), event_of, memory)
    if column.key in ARGS:
        return TextKeys(Arguments(), event_of, memory)
    info = lookup(column.key)
    if info is None or info.get is None:
        return SharedKeys(column, event_of)
    return AskedKeys(column, event_of) if info.print_only else FieldKeys(column, info, event_of, memory)


class HeadKeys:
    """Keys that lie in the records: the event's number, its process's; no event has an alert of its own."""

    def __init__(self, column: Column) -> None:
        self.ranks = Ranks()
        self._key = column.key

    def fill(self, batch: Batch, rows: Rows, keys: Keys) -> Iterator[int]:
        """Find the keys of some rows."""
        if self._key == "time":
            keys.put(np.arange(len(rows)), rows + batch.first_num)
        elif self._key == "pid":
            keys.put(np.arange(len(rows)), batch.head["tgid"][rows].astype(np.int64))
        yield len(rows)


_OF_HEAD: Final = ("time", "pid", "alert")


class AskedKeys:
    """Keys that events are asked for, each of them: of fields that no condition can be about."""

    def __init__(self, column: Column, event_of: EventOf) -> None:
        self.column = column
        self.ranks = Ranks()
        self._event_of = event_of

    def fill(self, batch: Batch, rows: Rows, keys: Keys) -> Iterator[int]:
        """Find the keys of some rows."""
        yield from self.ask(batch, rows, keys, np.arange(len(rows)))

    def ask(self, batch: Batch, rows: Rows, keys: Keys, at: NDArray[np.intp]) -> Iterator[int]:
        """Find the keys of some rows, which are put at some places."""
        for start in range(0, len(rows), _STEP_ROWS):
            some, places = rows[start : start + _STEP_ROWS], at[start : start + _STEP_ROWS]
            found = np.array([self.key(batch, row) for row in some.tolist()], np.int64).reshape(-1, 2)
            keys.put(places, found[:, 0], found[:, 1].astype(np.int8))
            yield len(some)

    def key(self, batch: Batch, row: int) -> tuple[int, int]:
        """Return the number and the state of one row."""
        event = self._event_of(batch, row)
        value = value_of(self.column, event)
        event.part()
        return key_of(value, self.ranks)


class SharedKeys(AskedKeys):
    """Keys of types, processes and containers: one row is asked for all that are alike.

    A process without a name shows that of the event's thread: then each row is asked.
    """

    def fill(self, batch: Batch, rows: Rows, keys: Keys) -> Iterator[int]:
        """Find the keys of some rows."""
        same = _same_value(self.column, batch, rows)
        distinct, first, inverse = np.unique(same, return_index=True, return_inverse=True)
        shared, alike = Keys.none(len(distinct)), np.zeros(len(distinct), bool)
        for at in np.flatnonzero(distinct >= 0).tolist():
            event = self._event_of(batch, int(rows[first[at]]))
            shared.number[at], shared.state[at] = key_of(value_of(self.column, event), self.ranks)
            alike[at] = self.column.key != "process" or (event.process is not None and event.process.comm != "")
            event.part()
            if at % _STEP_ROWS == 0:
                yield 0
        told = np.flatnonzero(alike[inverse])
        keys.put(told, shared.number[inverse[told]], shared.state[inverse[told]])
        yield len(told)
        alone = np.flatnonzero(~alike[inverse])
        yield from self.ask(batch, rows[alone], keys, alone)


class FieldKeys(AskedKeys):
    """Keys of a field: each distinct value is looked at once."""

    def __init__(self, column: Column, info: FieldInfo, event_of: EventOf, memory: Memory | None) -> None:
        super().__init__(column, event_of)
        self.ranks = Ranks(NS_PER_S if info.name in CLOCKS else 1)
        self._info = info
        self._values = FieldValues(info.name, event_of, memory)
        self._pool: Pool | None = None
        self._known = Keys.none(0)
        """Of the values in the pool by their place; state _NOT_ASKED: not looked at yet."""

    def fill(self, batch: Batch, rows: Rows, keys: Keys) -> Iterator[int]:
        """Find the keys of some rows."""
        with self._values.memory.lock:
            parts = list(self._values.parts(batch, rows))
        left = [part.rows for part in parts if not self._put(part, np.searchsorted(rows, part.rows), keys)]
        others = np.concatenate([rows[:0], *left])
        yield len(rows) - len(others)
        yield from self.ask(batch, others, keys, np.searchsorted(rows, others))

    def _put(self, part: Part, at: NDArray[np.intp], keys: Keys) -> bool:
        """Put the keys of some rows where they belong; False when the events have to be asked."""
        if isinstance(part, Numbers):
            keys.put(at, part.found)
        elif isinstance(part, Distinct):
            self._look_up(part.places, part.pool)
            keys.put(at, self._known.number[part.places], self._known.state[part.places])
        elif isinstance(part, Times):
            numbers = np.array([self.ranks.number(text) if text else 0 for text in part.seconds], np.int64)
            keys.put(at, numbers[part.second] * NS_PER_S + part.rest_ns)
        else:
            return False
        return True

    def _look_up(self, places: NDArray[np.int32], pool: Pool) -> None:
        """Learn the keys of the values at some places."""
        if pool is not self._pool or len(self._known.state) < len(pool):
            known, grown = self._known, Keys.none(len(pool) * 5 // 4)
            grown.state[:] = _NOT_ASKED
            grown.state[ABSENT] = NONE
            if pool is self._pool:
                grown.number[: len(known.number)], grown.state[: len(known.state)] = known.number, known.state
            self._known, self._pool = grown, pool
        new = np.unique(places[self._known.state[places] == _NOT_ASKED])
        found = [key_of(_key(self._info, pool.values[at]), self.ranks) for at in new.tolist()]
        both = np.array(found, np.int64).reshape(-1, 2)
        self._known.put(new, both[:, 0], both[:, 1].astype(np.int8))


def _key(info: FieldInfo, value: Value) -> Key:
    """Return what a field orders by: its number; a bool and whatever else there is goes by its text."""
    if value is None or value is UNKNOWN:
        return None
    if info.type in NUMERIC and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if info.type is FieldType.DOUBLE else value
    return value_text(info, value) or None


def value_of(column: Column, event: Event) -> Key:
    """Return what a column orders an event by."""
    info = lookup(column.key)
    if info is not None and info.get is not None:
        return _key(info, info.get(event, None))
    if column.key == "type":
        return event_name(event.kind, event.nr)
    return column.cell(event, 0, {}).text or None


def _same_value(column: Column, batch: Batch, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), what rows with one value have in common, -1 where each must be asked."""
    if column.key == "type":
        return batch.head["kind"][rows].astype(np.int64) << 16 | batch.head["nr"][rows].astype(np.int64)
    if column.key == "process" and len(batch.process_at):
        return batch.process_at[rows].astype(np.int64)
    if column.key == "container":
        return np.unique(batch.head["cgroup_id"][rows], return_inverse=True)[1]
    return np.full(len(rows), -1)
