"""One batch being asked: what each check says of its rows, or what a field shows of them.

Rows are put into groups that are alike in what a check can see (tuimon.rules.numbering), a group's value is looked up
once in all batches, and each distinct value asked once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields.argsource import bound_of
from tuimon.fields.facts import OPENS
from tuimon.fields.fspath import may_name_one
from tuimon.fields.registry import UNKNOWN, Getter
from tuimon.process import Process
from tuimon.rules.actors import line_of, of_lines
from tuimon.rules.asked import GONE, NO, PERHAPS, YES, Asked, joined, of_value
from tuimon.rules.by_row import BY_ROW
from tuimon.rules.file_kinds import OF_KIND, of_kinds
from tuimon.rules.given_paths import given_places
from tuimon.rules.members import Members
from tuimon.rules.nodes import FieldRef
from tuimon.rules.number_args import number_args
from tuimon.rules.numbering import NOT_ASKED, Groups, Rows, Truths, groups_of, process_of
from tuimon.rules.numbers import ASKED_TOO, compared, numbers_of
from tuimon.rules.pools import ABSENT, TEXT_POOL, UNSEEN, Places, Pool
from tuimon.rules.record_parts import Opens, Paths, of_opened, part_of, without_socket
from tuimon.rules.sides import SIDES
from tuimon.rules.told import Told, told
from tuimon.rules.word_groups import WORDS, alike_in_words

if TYPE_CHECKING:
    from tuimon.rules.columns import Columns

_FEW: Final = 64
"""So few rows are asked one by one where nothing is known of their batch yet."""


class Look:
    """One batch being asked."""

    def __init__(self, columns: Columns, batch: Batch, codes: NDArray[np.uint16]) -> None:
        self.columns = columns
        self.memory = columns.memory
        self.batch = batch
        self._codes = codes
        self._numbers: dict[str, NDArray[np.int64]] = {}
        self._bare: dict[int, Event] = {}
        self._full: dict[int, Event] = {}
        self._present = columns.memory.present(batch)
        self.alike: tuple[Rows, Groups] | None = None
        """Rows looked at last, and their groups (tuimon.rules.composed): a path's other truth hangs on the same."""
        self.whole = np.zeros(len(batch), bool)
        """Rows that were looked at as whole events."""

    def close(self) -> None:
        """Part the events from what was decoded of them, and let go of the batch: no collector needs to find it."""
        for event in (*self._bare.values(), *self._full.values()):
            event.part()
        self._bare.clear()
        self._full.clear()
        self.__dict__.pop("members", None)  # it knows this look

    def truth(self, node: int, rows: Rows) -> Truths:
        """Return the truth of a node for some rows."""
        kind, inner = self.columns.graph.keys[node]
        if kind == "const":
            return np.full(len(rows), YES if inner else NO, np.int8)
        if kind == "not":
            return np.int8(YES) - self.truth(inner, rows)
        if kind == "check":
            return self._check(self.columns.asked[node], rows)
        return self._junction(inner, rows, NO if kind == "and" else YES)

    def _junction(self, inner: Sequence[int], rows: Rows, final: int) -> Truths:
        """Ask the parts one after the other, the cheapest first, each only of rows that are not decided."""
        out = np.full(len(rows), YES - final, np.int8)
        open_ = np.arange(len(rows))
        for child in sorted(inner, key=self.columns.rank):
            if not len(open_):
                break
            part = self.truth(child, rows[open_])
            out[open_] = np.minimum(out[open_], part) if final == NO else np.maximum(out[open_], part)
            open_ = open_[part != final]
        return out

    def values(self, name: str, rows: Rows, which: int = 0) -> tuple[Places, Pool]:
        """Return, (k,), the places of a field's values for some rows, and their pool; UNSEEN where only events tell.

        Args:
            name: Of the field, as it is written.
            rows: Ascending.
            which: 0 for the value, 1 for a path's other truth.
        """
        asked = self.columns.part(name)
        places = np.full(len(rows), UNSEEN, np.int32)
        for place, mine in self._by_side(asked, rows):
            if SIDES[place] != "number" and SIDES[place] not in BY_ROW:
                places[mine] = self._field_of(asked, place, rows[mine], which)
        return places, self._pool(asked.getters[which][1])

    def numbers(self, name: str, rows: Rows) -> Told:
        """Return the numbers that some rows have for a field."""
        asked = self.columns.part(name)
        found, has, unknown = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        for place, mine in self._by_side(asked, rows):
            if SIDES[place] == "number":
                found[mine], has[mine], late = self._head_numbers(name, rows[mine])
                unknown[mine[np.flatnonzero(late)]] = True
                continue
            places, pool = self.values(name, rows[mine])
            found[mine] = [0 if at <= ABSENT else pool.values[at] for at in places.tolist()]
            has[mine], unknown[mine] = places > ABSENT, places < 0
        return Told(found, has, unknown)

    def sees(self, name: str, rows: Rows, side: str) -> NDArray[np.bool_]:
        """Return, (k,), of which rows a field hangs on a side and nothing else."""
        side_of = self.columns.sides(self.columns.part(name)) == SIDES.index(side)
        return np.asarray(side_of[self._codes[rows]])

    def values_of_groups(self, name: str) -> tuple[Groups, Places, Pool]:
        """Return, (g,), the same for each group of the side that is all that a field sees of any event."""
        asked = self.columns.part(name)
        _, key, getter, arg = asked.getters[0]
        side = SIDES[int(self.columns.sides(asked)[0])]
        groups = self.memory.groups(self.batch, side)
        numbers = self._numbers_of(side, groups)
        return groups, self._places(side, key, getter, arg, numbers, groups.first), self._pool(key)

    def _by_side(self, asked: Asked, rows: Rows) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield places in SIDES, and which of some rows a check sees that side of."""
        side_of = self.columns.sides(asked)[self._picked(self._codes, rows)]
        for place in np.unique(side_of).tolist():
            yield place, np.flatnonzero(side_of == place)

    def _field_of(self, asked: Asked, place: int, rows: Rows, which: int = 0) -> Places:
        """Return the places of a field that sees one side of all the rows."""
        side = SIDES[place]
        _, key, getter, arg = asked.getters[which]
        if side in WORDS:
            out = np.empty(len(rows), np.int32)
            for of, mine, groups in alike_in_words(self, asked, place, rows):
                out[mine] = self._places(of, key, getter, arg, groups.numbers, groups.first)[groups.of_row]
            return out
        groups = self._groups(asked, place)
        of_row = groups.of_row[rows]
        needed = np.zeros(len(groups.first), bool)
        needed[of_row] = True
        some = np.flatnonzero(needed)
        out = np.empty(len(groups.first), np.int32)
        numbers = self._numbers_of(side, groups)[some]
        out[some] = self._places(side, key, getter, arg, numbers, groups.first[some])
        return np.asarray(out[of_row], np.int32)

    def _check(self, asked: Asked, rows: Rows) -> Truths:
        side_of = self.columns.sides(asked)
        present = side_of[self._present]
        if len(rows) and (present == present[0]).all():
            return self._seen(asked, int(present[0]), rows)
        sides = side_of[self._picked(self._codes, rows)]
        low = int(sides.min(initial=len(SIDES)))
        if not len(rows) or (sides == low).all():
            return self._seen(asked, low, rows)
        out = np.empty(len(rows), np.int8)
        for side in np.unique(sides).tolist():
            mine = np.flatnonzero(sides == side)
            out[mine] = self._seen(asked, side, rows[mine])
        return out

    def _seen(self, asked: Asked, place: int, rows: Rows) -> Truths:
        """Return the truth of a check that sees one side, given by its place in SIDES, of all the rows."""
        if not len(rows):
            return np.empty(0, np.int8)
        side = SIDES[place]
        if side == "number":
            return self._compared(asked, rows)
        if side in WORDS:
            out: Truths = np.empty(len(rows), np.int8)
            for of, mine, groups in alike_in_words(self, asked, place, rows):
                out[mine] = self.answers(asked, of, groups.numbers, groups.first)[groups.of_row]
            return out
        if side in BY_ROW:
            return BY_ROW[side](self, asked, rows)
        if len(rows) <= _FEW and self._is_dear(asked, place):
            return np.array([asked.answer(self._record(row)) for row in rows.tolist()], np.int8)
        groups = self._groups(asked, place)
        of_row = self._picked(groups.of_row, rows)
        numbers = self._numbers_of(side, groups)
        if len(of_row) == len(self.batch):
            return np.asarray(self.answers(asked, side, numbers, groups.first)[of_row], np.int8)
        needed = np.zeros(len(groups.first), bool)
        needed[of_row] = True
        some = np.flatnonzero(needed)
        out = np.empty(len(groups.first), np.int8)
        out[some] = self.answers(asked, side, numbers[some], groups.first[some])
        return np.asarray(out[of_row], np.int8)

    def asked_whole(self, asked: Asked, rows: Rows) -> Truths:
        """Return what a check says of rows, asked as whole events."""
        self.whole[rows] = True
        return np.array([asked.answer(self._event(row)) for row in rows.tolist()], np.int8)

    def _picked(self, column: NDArray[Any], rows: Rows) -> NDArray[Any]:
        """Return some rows of a column of the batch; they are all different."""
        return column if len(rows) == len(column) else column[rows]

    def _is_dear(self, asked: Asked, place: int) -> bool:
        """Whether grouping what a check sees costs more than asking it of a few rows."""
        side = SIDES[place]
        if side not in _DEAR or self.memory.has_groups(self.batch, side, self._kinds(asked, place)):
            return False
        kinds = self._kinds(asked, place)
        return kinds is None or self.memory.count(self.batch, kinds) > _FEW * _FEW

    def _groups(self, asked: Asked, place: int) -> Groups:
        """Return the groups of a side; of numbers only for the kinds of event of which the check sees that side."""
        return self.memory.groups(self.batch, SIDES[place], self._kinds(asked, place))

    def _kinds(self, asked: Asked, place: int) -> NDArray[np.intp] | None:
        """Return the kinds of event to be grouped, None for all."""
        if SIDES[place] not in ("numbers", "record"):
            return None
        codes = self._present
        return np.asarray(codes[self.columns.sides(asked)[codes] == place], np.intp)

    def answers(self, asked: Asked, side: str, numbers: NDArray[np.int64], rows: Rows) -> Truths:
        """Return what a check says of some numbers of a side, each with a row that has it."""
        table = self.memory.table(side, asked.question, int(numbers.max(initial=-1)) + 1)
        found = table[numbers]
        missing = np.flatnonzero(found == NOT_ASKED)
        if len(missing):
            new = self._new_answers(asked, side, numbers[missing], rows[missing])
            found[missing] = new
            # What is not known yet may be known at the next question.
            table[numbers[missing]] = np.where(new == PERHAPS, np.int8(NOT_ASKED), new)
        return found

    def _new_answers(self, asked: Asked, side: str, numbers: NDArray[np.int64], rows: Rows) -> Truths:
        if not asked.getters:
            make = self._record if side in _OF_RECORD else self._event
            return np.array([asked.answer(make(row)) for row in rows.tolist()], np.int8)
        if asked.predicate is None or side != "texts" or len(asked.getters) > 1:
            return self._by_places(asked, side, numbers, rows)
        out = self._of_opened(asked, numbers, rows)
        left = np.flatnonzero(out == NOT_ASKED)
        if len(left):
            out[left] = self._by_places(asked, side, numbers[left], rows[left])
        return out

    def _of_opened(self, asked: Asked, numbers: NDArray[np.int64], rows: Rows) -> Truths:
        """Return what a check says of what opens alone show of a file, NOT_ASKED where it asks of something else.

        Nearly each has another: keeping them as values would cost more than making them anew for the next check.
        """
        assert asked.predicate is not None
        made, test, negative = asked.predicate
        out = np.full(len(rows), NOT_ASKED, np.int8)
        for key, mine in self._named(asked.getters[0][1], rows):
            if key[1] in _OF_OPENED:
                values, of_open, at = self._values_of_opens(key, numbers[mine], rows[mine])
                said = np.array([of_value(None if value is None else made(value), test) for value in values], np.int8)
                out[mine[at]] = joined([said[of_open]], negative=negative)
        return out

    def _values_of_opens(
        self, key: Any, numbers: NDArray[np.int64], rows: Rows
    ) -> tuple[list[Any], NDArray[np.intp], NDArray[np.intp]]:
        """Return values of an argument, which of them each of the opens among rows has, and which rows those are."""
        is_open = self.columns.is_open(self._codes[rows])
        values = of_opened(key, self.batch, rows, is_open)
        if values is not None:
            return values, np.arange(len(values)), np.flatnonzero(is_open)
        part = part_of(key)
        if part is None:
            return [], _NO_ROWS, _NO_ROWS
        opens = self.opens(rows, is_open, numbers)
        return *opens.values(part), opens.at

    def _by_places(self, asked: Asked, side: str, numbers: NDArray[np.int64], rows: Rows) -> Truths:
        """Return what a check says of values that are kept by place."""
        columns = [self._places(side, key, getter, arg, numbers, rows) for _, key, getter, arg in asked.getters]
        if asked.predicate is None:
            return self._said(asked, columns)
        unknown = np.minimum.reduce(columns) < 0
        if not unknown.any():
            return self._judged(asked, columns)
        out = np.empty(len(rows), np.int8)
        out[unknown] = self._said(asked, [column[unknown] for column in columns])
        out[~unknown] = self._judged(asked, [column[~unknown] for column in columns])
        return out

    def _said(self, asked: Asked, columns: Sequence[Places]) -> Truths:
        """Return what a check says of values at places, told together: each distinct set of them is asked once."""
        at = [at for at, *_ in asked.getters]
        pools = [self._pool(key).values for _, key, *_ in asked.getters]
        sets = list(zip(*(column.tolist() for column in columns), strict=True))
        known = {}
        for places in set(sets):
            values = [UNKNOWN if place < 0 else pool[place] for pool, place in zip(pools, places, strict=True)]
            known[places] = asked.say(at, values)
        return np.array(list(map(known.__getitem__, sets)), np.int8)

    def _judged(self, asked: Asked, columns: Sequence[Places]) -> Truths:
        """Return the same for a check that asks each value on its own; all of them are known."""
        assert asked.predicate is not None
        parts = [
            self._of_values(asked, key, column) for (_, key, *_), column in zip(asked.getters, columns, strict=True)
        ]
        return joined(parts, negative=asked.predicate[2])

    def _of_values(self, asked: Asked, key: Any, places: Places) -> Truths:
        """Return what a check says of the values at places (0 or above); each value is asked once and for all."""
        pool = self._pool(key)
        table = self.memory.table("value", (asked.value_question, self.columns.pool_key(key)), len(pool))
        found = table[places]
        if (found == NOT_ASKED).any():
            assert asked.predicate is not None
            made, test, _ = asked.predicate
            new = np.unique(places[found == NOT_ASKED])
            values = pool.values
            table[new] = [GONE if at == ABSENT else of_value(made(values[at]), test) for at in new.tolist()]
            found = table[places]
        return found

    def _places(
        self, side: str, key: Any, getter: Getter, arg: str | None, numbers: NDArray[np.int64], rows: Rows
    ) -> Places:
        """Return the place in its pool of a field's value for each of some numbers, looking up those not yet known."""
        key = _SAME.get(key, key)
        known = self._known(side, key, int(numbers.max()))
        places = known[numbers]
        missing = np.flatnonzero(places < 0)
        if len(missing) and side in _WITH_PARTS:
            known[numbers[missing]] = self._by_parts(side, key, numbers[missing], rows[missing])
            places = known[numbers]
            missing = np.flatnonzero(places < 0)
        if len(missing):
            new = self._by_name(side, key, numbers[missing], rows[missing])
            if (late := np.flatnonzero(new < 0)).size:
                new[late] = self._got(side, key, getter, arg, rows[missing[late]])
            places[missing] = known[numbers[missing]] = new
        return places

    def _by_name(self, side: str, key: Any, numbers: NDArray[np.int64], rows: Rows) -> Places:
        """Return the places of what the type of an event, or another field, tells of a field; UNSEEN for the others.

        fd.nameraw is fd.name of all that are no opens. Of what names no path fs.path.name is absent, though a real
        path may stand behind it.
        """
        out = np.full(len(rows), UNSEEN, np.int32)
        if key[0] in _OF_ONE_PATH and key[2] == "given":
            codes = self._codes[rows]
            for code in np.unique(codes).tolist():
                if not may_name_one(self.kind_of(code), self.name_of(code)):
                    out[codes == code] = ABSENT
        mine = np.flatnonzero(out < 0)
        out[mine] = given_places(self, key, rows[mine], self._pool(key))
        if key == ("fd.nameraw", None, "given"):
            codes = self._codes[rows]
            opens = [code for code in np.unique(codes).tolist() if self.name_of(code) in OPENS]
            mine = np.flatnonzero(~np.isin(codes, opens))
            name = ("fd.name", None, "given")
            if len(mine):
                getter, arg = self.columns.checks.getter_of(name)
                out[mine] = self._places(side, name, getter, arg, numbers[mine], rows[mine])
        return out

    def _got(self, side: str, key: Any, getter: Getter, arg: str | None, rows: Rows) -> Places:
        """Return the places of what a getter says of some rows."""
        line = line_of(key) if side == "process" else None
        if line is not None:
            values, of_process = of_lines(line, self._processes(rows))
            return self._pool(key).places(values)[of_process]
        if side in WORDS:
            return self._got_words(key, getter, arg, rows)
        make = self._record if side in _OF_RECORD else self._actor if side == "process" else self._event
        is_alike = side in ("texts", "record") and key[0] in OF_KIND and key[2] == "given"
        first, of_row = of_kinds(self, rows) if is_alike else (rows, np.arange(len(rows)))
        return self._pool(key).places([getter(make(row), arg) for row in first.tolist()])[of_row]

    def _got_words(self, key: Any, getter: Getter, arg: str | None, rows: Rows) -> Places:
        """Return the same for arguments; those that are a number need no getter."""
        out, codes = np.empty(len(rows), np.int32), self._codes[rows]
        for code in np.unique(codes).tolist():
            mine = np.flatnonzero(codes == code)
            values: Sequence[Any] | None = number_args(self, key, code, rows[mine])
            if values is None:
                values = [getter(self._event(row), arg) for row in rows[mine].tolist()]
            out[mine] = self._pool(key).places(values)
        return out

    def _by_parts(self, side: str, key: Any, numbers: NDArray[np.int64], rows: Rows) -> Places:
        """Return the places of a field's values for all records that need no getter, UNSEEN for the others."""
        if key[1] is None or not key[1].isdigit():
            return self._by_named_parts(side, key, numbers, rows)
        out = np.full(len(rows), UNSEEN, np.int32)
        for named, mine in self._named(key, rows):
            out[mine] = self._by_named_parts(side, named, numbers[mine], rows[mine])
        return out

    def _named(self, key: Any, rows: Rows) -> Iterator[tuple[Any, Rows]]:
        """Yield which of some rows are opens, by the key of a field's values: with an argument by its name."""
        name, arg, which = key
        if name not in _ARGUMENTS:
            return
        codes = self._codes[rows]
        for code in np.unique(codes[self.columns.is_open(codes)]).tolist():
            # An argument given by its place is another one in each call.
            bound = bound_of(self.name_of(code), arg)
            if bound is not None:
                yield (name, bound.param.name, which), np.flatnonzero(codes == code)

    def _by_named_parts(self, side: str, key: Any, numbers: NDArray[np.int64], rows: Rows) -> Places:
        if side not in ("texts", "word"):
            return without_socket(key, self.batch, rows)
        is_open = self.columns.is_open(self._codes[rows])
        opened = of_opened(key, self.batch, rows, is_open)
        if opened is not None:
            out = np.full(len(rows), UNSEEN, np.int32)
            out[is_open] = self._pool(key).places(opened)
            return out
        part = part_of(key)
        if part is None:
            return without_socket(key, self.batch, rows)
        for name in part.but_of:
            is_open &= ~self.columns.is_named(self._codes[rows], name)
        return self.opens(rows, is_open, numbers if side == "texts" else None).places(part, self._pool(key))

    def _known(self, side: str, key: Any, largest: int) -> Places:
        """Return the places of the values of a field known so far, by number; in plain Falco they are others."""
        of = self.columns.pool_key(key)
        return self.memory.places(side, (key, self.columns.checks.plain_falco), largest + 1, of)

    def _pool(self, key: Any) -> Pool:
        return self.memory.pool(self.columns.pool_key(key))

    def _actor(self, row: int) -> Event:
        """Return an event of which only its process will be asked."""
        find = self.memory.process_of
        if find is None:
            return self._event(row)
        return Event(self.batch, row, find(int(self._process_at[row])), None, self.boot_to_epoch_ns)

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

    # Numbers

    def _numbers_of(self, side: str, groups: Groups) -> NDArray[np.int64]:
        """Return, (g,), the number of each group of a side, as of now."""
        if side in _OF_RECORD:
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

    @cached_property
    def members(self) -> Members:
        """What is known of the processes of the rows."""
        groups = self.memory.groups(self.batch, "process")
        return Members(self.memory, groups, self._numbers_of("process", groups), self._processes)

    # Plain numbers

    def _compared(self, asked: Asked, rows: Rows) -> Truths:
        """Return the truth of a comparison of a number of the record with constants."""
        check = asked.check
        assert isinstance(check.left, FieldRef)
        info, _ = self.columns.checks.field(check.left)
        found, has, unknown = self._head_numbers(info.name, rows)
        out = (compared(check, info.type, found) & has).astype(np.int8) * np.int8(YES)
        if unknown.any():
            out[unknown] = self.asked_whole(asked, rows[unknown])
        return out

    def _head_numbers(self, name: str, rows: Rows) -> Told:
        """Return the numbers that some rows have for a field."""
        if name in ASKED_TOO:
            return told(self, name, rows)
        found, has = numbers_of(name, self.batch, rows, self.boot_to_epoch_ns)
        if has is None:
            has = np.ones(len(rows), bool)
        if name == "evt.rawres":
            has &= self.columns.has_result(self._picked(self._codes, rows))
        return Told(found, has, found < 0 if name == "fd.ino" else np.zeros(0, bool))  # those are above all others

    @cached_property
    def boot_to_epoch_ns(self) -> int:
        """What lies between the two clocks."""
        return self._event(0).boot_to_epoch_ns

    def described(self, rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which of some rows describe a process, and where in ``proc``."""
        proc_row = self.batch.proc_row
        if not len(proc_row):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        at = np.minimum(np.searchsorted(proc_row, rows), len(proc_row) - 1)
        mine = np.flatnonzero(proc_row[at] == rows)
        return mine, at[mine]

    # Opens by a path

    @cached_property
    def open_numbers(self) -> NDArray[np.int64]:
        """See ``Columns.open_numbers``."""
        return self.columns.open_numbers(self.batch)

    def is_plain_open(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which rows are opens by a path that are told apart by ``Columns.open_numbers``."""
        out = np.zeros(len(rows), bool)
        maybe = np.flatnonzero(self.open_numbers[rows] >= 0)
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

    def codes(self, rows: Rows) -> NDArray[np.uint16]:
        """Return, (k,), the kinds of event of some rows."""
        return self._codes[rows]

    def kind_of(self, code: int) -> int:
        """Return what made events of a kind (records.Kind)."""
        return self.memory.code_of[code] >> 16

    def event(self, row: int) -> Event:
        """Return the row object of an event."""
        return self._event(row)

    def present(self, asked: Asked, place: int) -> NDArray[np.intp]:
        """Return the kinds of event in the batch of which a check sees a side, given by its place in SIDES."""
        return np.asarray(self._present[self.columns.sides(asked)[self._present] == place], np.intp)

    def name_of(self, code: int) -> str:
        """Return the event type of a kind of event."""
        return self.memory.name_of(code)

    def at(self, side: str, rows: Rows, code: int) -> NDArray[np.int64]:
        """Return, (k,), the numbers of a side that some rows of one kind have."""
        kinds = np.array([code]) if side in ("numbers", "record") else None
        groups = self.memory.groups(self.batch, side, kinds)
        return np.asarray(self._numbers_of(side, groups)[groups.of_row[rows]], np.int64)

    def numbered(self, side: str, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, (k,), a number for each pair of two numbers, the same in every batch."""
        groups = groups_of(one, other)
        return np.asarray(self.memory.numbered(side, one[groups.first], other[groups.first])[groups.of_row])


_SAME: Final[dict[Any, Any]] = {
    ("fd.realpath", None, "given"): ("fd.name", None, "real"),
    ("fd.nameraw", None, "real"): ("fd.name", None, "real"),
    ("fs.path.nameraw", None, "real"): ("fs.path.name", None, "real"),
}
"""Keys of values that another field has as well, which is asked more often."""
_ARGUMENTS: Final = ("evt.arg", "evt.rawarg")
_OF_OPENED: Final = ("fd", "dev", "ino")
"""Arguments of opens that no other field has as well."""
_NO_ROWS: Final = np.empty(0, np.intp)
_OF_ONE_PATH: Final = ("fs.path.name", "fs.path.nameraw")
_OF_RECORD: Final = frozenset(("type", "result", "opening", "texts", "numbers", "record"))
"""Sides that do not hang on who did it."""
_WITH_PARTS: Final = frozenset(("texts", "record", "word"))
_DEAR: Final = frozenset(("texts", "numbers", "record"))
"""Sides whose groups cost more than asking a few rows."""
