"""SortedRows: the rows of the live view at one moment, in the order of a column; made in the background.

A field's value is asked once for each distinct thing that it can see (tuimon.rules.columns), so that a million events
take a second at most; what hangs on the whole event is asked of each, and the list says how far it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields import UNKNOWN, Value, lookup
from tuimon.render import value_text
from tuimon.rules.columns import Columns, divided
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory
from tuimon.rules.pools import ABSENT, Pool
from tuimon.syscalls import event_name
from tuimon.view.columns import Column
from tuimon.view.row_index import Numbers

_STEP_ROWS: Final = 512
_LONGEST: Final = 80
"""Characters of a text that the order depends on: more would only cost memory."""
EventOf = Callable[[Batch, int], Event]
Key = float | str | None


class SortedRows:
    """An order of rows. ``work`` is the background's; everything else is the screen's once ``done``.

    Args:
        column: What to order by.
        descending: The greatest first; what has no value comes last either way.
        pieces: Event numbers, ascending.
        batches: Where they are, oldest first.
        event_of: Makes row objects.
        memory: What filters have worked out about the same history.
    """

    first = 0

    def __init__(
        self,
        column: Column,
        descending: bool,
        pieces: Sequence[Numbers],
        batches: Sequence[Batch],
        event_of: EventOf,
        memory: Memory | None = None,
    ) -> None:
        self.column = column
        self.descending = descending
        self.done = False
        self.error = ""
        self.total = sum(len(piece) for piece in pieces)
        self.newest = int(pieces[-1][-1]) if pieces else 0
        """Event number of the newest row that takes part."""
        self._judged = 0
        self._pieces = pieces
        self._batches = batches
        self._event_of = event_of
        self._field = _field_of(column, event_of, memory)
        self._texts: dict[str, int] = {}
        self._opens = Columns([], event_of, None, None, memory)
        self._starts: dict[int, str] = {}
        """Texts of opens that are alike but for the fd, as far as they are the same."""
        self._pool: Pool | None = None
        self._known: NDArray[np.float64] = np.empty(0)
        """Keys of values by their place in the field's pool; -inf: not asked yet."""
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._by_num: NDArray[np.int64] = np.empty(0, np.int64)
        """Event numbers, ascending, and..."""
        self._place: NDArray[np.int64] = np.empty(0, np.int64)
        """...the row of each."""

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._order)

    @property
    def progress(self) -> float:
        """Share of the work that is done, 0 to 1."""
        return 1.0 if self.done else self._judged / max(self.total, 1) * 0.99

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""
        return int(self._order[seq]) if 0 <= seq < len(self._order) else None

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next newer one."""
        at = int(np.searchsorted(self._by_num, num))
        return int(self._place[at]) if at < len(self._place) else max(self.end - 1, 0)

    def next_of(self, nums: NDArray[np.int64], seq: int, step: int) -> int | None:
        """Return the next row (1) or the one before (-1) ``seq`` that shows one of some events, None for none."""
        at = np.searchsorted(self._by_num, nums)
        at = at[(at < len(self._by_num))]
        rows = np.sort(self._place[at])
        rows = rows[rows > seq] if step > 0 else rows[rows < seq]
        return None if not len(rows) else int(rows[0] if step > 0 else rows[-1])

    def only(self, nums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some events that are in the list."""
        at = np.minimum(np.searchsorted(self._by_num, nums), max(len(self._by_num) - 1, 0))
        return nums[self._by_num[at] == nums] if len(self._by_num) else nums[:0]

    # The background.

    def work(self) -> Iterator[None]:
        """Do the work in short steps."""
        try:
            numbers, keys = [], []
            for nums, batch in _parts(self._pieces, self._batches):
                rows = nums - batch.first_num
                found = np.empty(len(rows))
                for at, values in self._keys(batch, rows):
                    found[at : at + len(values)] = values
                    self._judged += len(values)
                    yield
                numbers.append(nums)
                keys.append(found)
            yield
            yield from self._arrange(np.concatenate(numbers) if numbers else np.empty(0, np.int64), keys)
        except Exception as error:  # a value that cannot be told must not take the screen with it
            self.error = f"sorting failed: {type(error).__name__}: {error}"
        self.done = True

    def _arrange(self, nums: NDArray[np.int64], parts: Sequence[NDArray[np.float64]]) -> Iterator[None]:
        keys = np.concatenate(parts) if parts else np.empty(0)
        if self._texts:
            by_text = sorted(self._texts.items())
            yield
            ranks = np.empty(len(by_text))
            for rank, (_, number) in enumerate(by_text):
                ranks[number] = rank
            has = ~np.isnan(keys)
            keys[has] = ranks[keys[has].astype(np.int64)]
            yield
        order = np.argsort(-keys if self.descending else keys, kind="stable")  # nan goes last
        yield
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        self._by_num, self._place, self._order = nums, place, nums[order]

    def _keys(self, batch: Batch, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield places and keys, in pieces; nan: no value."""
        column = self.column
        same = _same_value(column, batch, rows)
        if column.key == "time":
            yield 0, (rows + batch.first_num).astype(np.float64)
        elif column.key == "alert":
            yield 0, np.full(len(rows), np.nan)
        elif column.key == "pid":
            yield 0, batch.head["tgid"][rows].astype(np.float64)
        elif same is not None:
            _, first, inverse = np.unique(same, return_index=True, return_inverse=True)
            yield 0, np.array([self._key(batch, int(rows[at])) for at in first.tolist()])[inverse]
        elif column.key == "detail":
            yield from self._detail_keys(batch, rows)
        elif self._field is not None:
            yield from self._field_keys(self._field, batch, rows)
        else:
            yield from self._asked(batch, rows)

    def _asked(self, batch: Batch, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        for at in range(0, len(rows), _STEP_ROWS):
            yield at, np.array([self._key(batch, row) for row in rows[at : at + _STEP_ROWS].tolist()])

    def _detail_keys(self, batch: Batch, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the same for what events were about; opens that are alike are asked once."""
        opens = self._opens
        with opens.memory.lock:
            opens.begin()
            numbers = opens.open_numbers(batch)[rows]
        keys = np.full(len(rows), np.nan)
        others = np.flatnonzero(numbers < 0)
        for at, found in self._asked(batch, rows[others]):
            keys[others[at : at + len(found)]] = found
            yield 0, keys[:0]
        distinct, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
        shared = np.full(len(distinct), np.nan)
        for at in np.flatnonzero(distinct >= 0).tolist():
            shared[at] = self._open_key(batch, int(rows[first[at]]), int(distinct[at]))
            if at % _STEP_ROWS == 0:
                yield 0, keys[:0]
        yield 0, np.where(numbers >= 0, shared[inverse], keys)

    def _open_key(self, batch: Batch, row: int, number: int) -> float:
        """Return the key of an open by its number; those that differ in the fd alone have one text but for its end."""
        alike, ret = divided(number)
        start = self._starts.get(alike)
        end = f"= {ret}"
        if start is None or ret < 0:
            text = str(self._value(batch, row) or "")
            if not text.endswith(end):
                return self._numbered(text or None)
            start = self._starts[alike] = text.removesuffix(end)
        return self._numbered(start + end)

    def _field_keys(
        self, field: Columns, batch: Batch, rows: NDArray[np.int64]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the keys of a field: of each distinct value once, and of each event where only that can tell."""
        with field.memory.lock:
            field.begin()
            places, numbers = field.field(batch)
            places, keys = places[rows], numbers[rows]
            self._look_up(places, field.pool)
        seen = places > ABSENT
        keys[seen] = self._known[places[seen]]
        left = np.flatnonzero(places < 0)
        if not len(left):
            yield 0, keys
            return
        for at, found in self._asked(batch, rows[left]):
            keys[left[at : at + len(found)]] = found
            yield 0, keys[:0]
        yield 0, keys

    def _look_up(self, places: NDArray[np.int32], pool: Pool) -> None:
        """Learn the keys of the values at some places."""
        if pool is not self._pool or len(self._known) < len(pool):
            grown = np.full(len(pool) * 5 // 4, -np.inf)
            if pool is self._pool:
                grown[: len(self._known)] = self._known
            self._known, self._pool = grown, pool
        new = np.unique(places[np.isneginf(self._known[places]) & (places > ABSENT)])
        self._known[new] = [self._key_of(pool.values[at]) for at in new.tolist()]

    def _key_of(self, value: Value) -> float:
        info = lookup(self.column.key)
        assert info is not None
        key = _plain_key(value)
        return self._numbered(value_text(info, value) or None if key is None else key)

    def _key(self, batch: Batch, row: int) -> float:
        return self._numbered(self._value(batch, row))

    def _value(self, batch: Batch, row: int) -> Key:
        event = self._event_of(batch, row)
        value = value_of(self.column, event)
        event.part()
        return value

    def _numbered(self, value: Key) -> float:
        if value is None:
            return float("nan")
        if isinstance(value, str):
            return float(self._texts.setdefault(value[:_LONGEST], len(self._texts)))
        return value


def _field_of(column: Column, event_of: EventOf, memory: Memory | None) -> Columns | None:
    """Return what tells the values of a column that is a field, None for one of the usual columns."""
    info = lookup(column.key)
    if info is None or info.get is None:
        return None
    return Columns([compile_expression(f"{info.name} exists")], event_of, None, None, memory)


def _plain_key(value: Value) -> float | None:
    """Return a number's key; a bool and whatever else there is goes by its text."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def value_of(column: Column, event: Event) -> Key:
    """Return what a column orders an event by."""
    info = lookup(column.key)
    if info is not None and info.get is not None:
        value = info.get(event, None)
        if value is None or value is UNKNOWN:
            return None
        key = _plain_key(value)
        if key is not None:
            return key
    if column.key == "type":
        return event_name(event.kind, event.nr)
    text = column.cell(event, 0, {}).text
    return text or None


def _same_value(column: Column, batch: Batch, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return what rows with one value have in common, None where each must be asked."""
    if column.key == "type":
        kinds: NDArray[np.int64] = batch.head["kind"][rows].astype(np.int64)
        numbers: NDArray[np.int64] = batch.head["nr"][rows].astype(np.int64)
        return kinds << 16 | numbers
    if column.key == "process" and len(batch.process_at):
        return batch.process_at[rows].astype(np.int64)
    if column.key == "container":
        cgroups: NDArray[np.int64] = batch.head["cgroup_id"][rows].astype(np.int64)
        return cgroups
    return None


def _parts(pieces: Sequence[Numbers], batches: Sequence[Batch]) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Yield the event numbers by the batch they are in; those of no batch are left out."""
    for piece in pieces:
        numbers = np.arange(piece.start, piece.stop) if isinstance(piece, range) else piece
        for batch in batches:
            low, high = np.searchsorted(numbers, (batch.first_num, batch.first_num + len(batch))).tolist()
            if low < high:
                yield numbers[low:high], batch
