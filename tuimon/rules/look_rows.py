"""One batch being asked: its rows as events, what they show of each side by number, and the opens among them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.process import Process
from tuimon.rules.asked import Asked
from tuimon.rules.grouping import Groups, Rows, groups_of
from tuimon.rules.members import Members
from tuimon.rules.numbering import KeptWords, process_of
from tuimon.rules.pools import TEXT_POOL
from tuimon.rules.record_parts import Opens, Paths
from tuimon.rules.sides import SIDES

if TYPE_CHECKING:
    from tuimon.rules.columns import Columns


class LookRows:
    """The rows of one batch being asked."""

    def __init__(self, columns: Columns, batch: Batch, codes: NDArray[np.uint16]) -> None:
        self.columns = columns
        self.memory = columns.memory
        self.batch = batch
        self._codes = codes
        self._numbers: dict[str, NDArray[np.int64]] = {}
        self._bare: dict[int, Event] = {}
        self._full: dict[int, Event] = {}
        self._acting: dict[int, Event] = {}
        self._present = columns.memory.present(batch)
        self.alike: tuple[Rows, Groups] | None = None
        """Rows looked at last, and their groups (tuimon.rules.composed): a path's other truth hangs on the same."""
        self.whole = np.zeros(len(batch), bool)
        """Rows that were looked at as whole events."""

    def close(self) -> None:
        """Part the events from what was decoded of them, and let go of the batch: no collector needs to find it."""
        for events in (self._bare, self._full, self._acting):
            for event in events.values():
                event.part()
            events.clear()
        self.__dict__.pop("members", None)  # it knows this look

    def codes(self, rows: Rows) -> NDArray[np.uint16]:
        """Return, (k,), the kinds of event of some rows."""
        return self._codes[rows]

    def kind_of(self, code: int) -> int:
        """Return what made events of a kind (records.Kind)."""
        return self.memory.code_of[code] >> 16

    def name_of(self, code: int) -> str:
        """Return the event type of a kind of event."""
        return self.memory.name_of(code)

    def event(self, row: int) -> Event:
        """Return the row object of an event."""
        return self._event(row)

    def record(self, row: int) -> Event:
        """Return an event of which only its record will be asked."""
        return self._record(row)

    def present(self, asked: Asked, place: int) -> NDArray[np.intp]:
        """Return the kinds of event in the batch of which a check sees a side, given by its place in SIDES."""
        return np.asarray(self._present[self.columns.sides(asked)[self._present] == place], np.intp)

    def which(self, kinds: Sequence[int] | NDArray[np.intp], rows: Rows) -> NDArray[np.intp]:
        """Return which of some rows are of some kinds of event."""
        return np.flatnonzero(self._are(kinds)[self._picked(self._codes, rows)])

    def places_among(self, kinds: NDArray[np.intp], rows: Rows) -> NDArray[np.intp]:
        """Return, (k,), the place of some rows among all rows of the batch of some kinds of event."""
        return np.asarray((np.cumsum(self._are(kinds)[self._codes]) - 1)[rows])

    def _are(self, kinds: Sequence[int] | NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return, by number of the kind of event, whether it is one of some."""
        out = np.zeros(len(self.memory.code_of), bool)
        out[kinds] = True
        return out

    def at(self, side: str, rows: Rows, code: int) -> NDArray[np.int64]:
        """Return, (k,), the numbers of a side that some rows of one kind have."""
        kinds = np.array([code]) if side in ("numbers", "record") else None
        groups = self.memory.groups(self.batch, side, kinds)
        return np.asarray(self._numbers_of(side, groups)[groups.of_row[rows]], np.int64)

    def numbered(self, side: str, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, (k,), a number for each pair of two numbers, the same in every batch."""
        groups = groups_of(one, other)
        return np.asarray(self.memory.numbered(side, one[groups.first], other[groups.first])[groups.of_row])

    def sees(self, name: str, rows: Rows, side: str) -> NDArray[np.bool_]:
        """Return, (k,), of which rows a field hangs on a side and nothing else."""
        side_of = self.columns.sides(self.columns.part(name)) == SIDES.index(side)
        return np.asarray(side_of[self._codes[rows]])

    def _picked(self, column: NDArray[Any], rows: Rows) -> NDArray[Any]:
        """Return some rows of a column of the batch; they are all different."""
        return column if len(rows) == len(column) else column[rows]

    def _actor(self, row: int) -> Event:
        """Return an event of which only its process will be asked."""
        event = self._acting.get(row)
        if event is None:
            find = self.memory.process_of
            if find is None:
                return self._event(row)
            process = find(int(self._process_at[row]))
            event = self._acting[row] = Event(self.batch, row, process, None, self.boot_to_epoch_ns)
        return event

    def _processes(self, rows: Rows) -> list[Process | None]:
        """Return the process of each of some rows."""
        find = self.memory.process_of
        if find is None:
            return [self._event(row).process for row in rows.tolist()]
        return list(map(find, self._process_at[rows].tolist()))

    @cached_property
    def _process_at(self) -> NDArray[np.int64]:
        return process_of(self.batch)

    def _event(self, row: int) -> Event:
        event = self._full.get(row)
        if event is None:
            event = self._full[row] = self.columns.event_of(self.batch, row)
        return event

    def _record(self, row: int) -> Event:
        event = self._bare.get(row)
        if event is None:
            event = self._bare[row] = Event(self.batch, row, None, None, 0)
        return event

    def described(self, rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which of some rows describe a process, and where in ``proc``."""
        proc_row = self.batch.proc_row
        if not len(proc_row):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        at = np.minimum(np.searchsorted(proc_row, rows), len(proc_row) - 1)
        mine = np.flatnonzero(proc_row[at] == rows)
        return mine, at[mine]

    @cached_property
    def boot_to_epoch_ns(self) -> int:
        """What lies between the two clocks."""
        return self._event(0).boot_to_epoch_ns

    @cached_property
    def who(self) -> bytes:
        """What is another one as soon as anything is known of a process or a container that was not before."""
        sides = ("process", "container")
        numbers = (self._numbers_of(side, self.memory.groups(self.batch, side)) for side in sides)
        return blake2b(b"".join(each.tobytes() for each in numbers), digest_size=16).digest()

    def still_holds(self, kept: KeptWords) -> bool:
        """Whether groups by an argument are what would be made now."""
        return kept.era == self.memory.era and (not kept.who or kept.who == self.who)

    @cached_property
    def members(self) -> Members:
        """What is known of the processes of the rows."""
        groups = self.memory.groups(self.batch, "process")
        return Members(self.memory, groups, self._numbers_of("process", groups), self._processes)

    def _numbers_of(self, side: str, groups: Groups) -> NDArray[np.int64]:
        """Return, (g,), the number of each group of a side, as of now."""
        if side in OF_RECORD:
            return groups.numbers
        found = self._numbers.get(side)
        if found is None:
            found = self._numbers[side] = self._current(side, groups)
        return found

    def _current(self, side: str, groups: Groups) -> NDArray[np.int64]:
        memory, batch, event_of = self.memory, self.batch, self.columns.event_of
        if side == "container":
            return memory.container_numbers(batch, groups, event_of)
        if side == "process":
            return memory.process_numbers(batch, groups, event_of)
        of_container = self._at("container", groups.first)
        if side == "user":
            # Of a slim record the process says the user.
            is_slim = groups.numbers & 1 != 0
            of_process = np.full(len(is_slim), -1)
            if is_slim.any():
                of_process[is_slim] = self._at("process", groups.first[is_slim])
            return memory.numbered("user as is", groups.numbers, of_container, of_process)
        return memory.numbered("actor", self._at("process", groups.first), self._at("user", groups.first))

    def _at(self, side: str, rows: Rows) -> NDArray[np.int64]:
        """Return the numbers of a side that some rows have."""
        groups = self.memory.groups(self.batch, side)
        return np.asarray(self._numbers_of(side, groups)[groups.of_row[rows]], np.int64)

    def open_numbers(self, rows: Rows) -> NDArray[np.int64]:
        """See ``Columns.open_numbers``."""
        return self.columns.open_numbers(self.batch, rows)

    def is_plain_open(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which rows are opens by a path that are told apart by ``Columns.open_numbers``."""
        out = np.zeros(len(rows), bool)
        maybe = np.flatnonzero(self.open_numbers(rows) >= 0)
        if len(maybe):
            out[maybe[self.opens(rows[maybe]).at]] = True
        return out

    def open_paths(self, rows: Rows) -> tuple[list[str], list[str], list[bool]]:
        """Return the paths of such opens, as given and made absolute, and whether each is a folder."""
        opens, values = self.opens(rows), self.memory.pool(TEXT_POOL).values
        raws, paths = ([values[at] for at in column.tolist()] for column in (opens.paths.raw, opens.paths.given))
        return raws, paths, opens.is_folder.tolist()

    def opens(
        self, rows: Rows, is_open: NDArray[np.bool_] | None = None, numbers: NDArray[np.int64] | None = None
    ) -> Opens:
        """Return the opens by a path among some rows.

        Args:
            rows: Some rows.
            is_open: Which of them have a path where opens have it; None: those that are opens.
            numbers: Of their texts, where they are at hand.
        """
        numbers = self.at("texts", rows, -1) if numbers is None else numbers
        size = int(numbers.max(initial=0)) + 1
        paths = Paths(*(self.memory.places("texts", which, size, TEXT_POOL) for which in Paths._fields))
        is_open = self.columns.is_open(self._codes[rows]) if is_open is None else is_open
        return Opens(self.batch, rows, is_open, numbers, paths, self.memory.pool(TEXT_POOL))


OF_RECORD: Final = frozenset(("type", "result", "opening", "texts", "numbers", "record"))
"""Sides that do not hang on who did it."""
