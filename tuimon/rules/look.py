"""One batch being asked: what each check says of its rows.

A check is asked once of each distinct thing that it can see: of the groups that rows are in (tuimon.rules.look_rows),
and of the values that they have (tuimon.rules.look_values).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.registry import UNKNOWN
from tuimon.rules.asked import GONE, NO, PERHAPS, YES, Asked, joined, of_values
from tuimon.rules.by_row import BY_ROW
from tuimon.rules.grouping import Rows
from tuimon.rules.look_rows import OF_RECORD
from tuimon.rules.look_values import LookValues
from tuimon.rules.nodes import FieldRef
from tuimon.rules.numbering import NOT_ASKED, Truths
from tuimon.rules.numbers import compared
from tuimon.rules.opened import said_of_opened
from tuimon.rules.pools import ABSENT, Places
from tuimon.rules.presence import said_of_shapes
from tuimon.rules.sides import SIDES
from tuimon.rules.word_groups import WORDS, alike_in_words
from tuimon.rules.words import TEXTS

_HARDLY_ANY: Final = 8
_MANY: Final = 1024
"""So few rows of so many are asked one by one: that takes less than to put them into groups."""
_FEW: Final = 64
"""So few rows are asked one by one where nothing is known of their batch yet."""


class Look(LookValues):
    """One batch being asked."""

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
        join = np.minimum if final == NO else np.maximum
        out, open_ = np.full(len(rows), YES - final, np.int8), None  # None: all of them
        for child in sorted(inner, key=self.columns.rank):
            some = rows if open_ is None else rows[open_]
            if not len(some):
                break
            part = self.truth(child, some)
            if open_ is None:
                join(out, part, out=out)
            else:
                out[open_] = join(out[open_], part)
            is_open = part != final
            if open_ is not None:
                open_ = open_[is_open]
            elif not is_open.all():
                open_ = np.flatnonzero(is_open)
        return out

    def _check(self, asked: Asked, rows: Rows) -> Truths:
        if len(rows) <= _HARDLY_ANY and len(self.batch) >= _MANY:  # what others have left
            return np.array([asked.answer(self._event(row)) for row in rows.tolist()], np.int8)
        side_of = self.columns.sides(asked)
        present = sorted(set(side_of[self._present].tolist()))
        if len(present) == 1:
            return self._seen(asked, present[0], rows)
        out, codes = np.empty(len(rows), np.int8), self._picked(self._codes, rows)
        for side in present:
            mine = np.flatnonzero((side_of == side)[codes])
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

    def _is_dear(self, asked: Asked, place: int) -> bool:
        """Whether grouping what a check sees costs more than asking it of a few rows."""
        side = SIDES[place]
        if side not in _DEAR or self.memory.has_groups(self.batch, side, self._kinds(asked, place)):
            return False
        kinds = self._kinds(asked, place)
        return kinds is None or self.memory.count(self.batch, kinds) > _FEW * _FEW

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
            make = self._record if side in OF_RECORD else self._event
            return np.array([asked.answer(make(row)) for row in rows.tolist()], np.int8)
        if asked.is_of_presence and side == TEXTS:
            said = said_of_shapes(self, asked, rows)
        elif asked.getters[0][1][0] == "evt.arg" and side == TEXTS and asked.predicate is not None:
            said = said_of_opened(self, asked, numbers, rows)
        else:
            return self._by_values(asked, side, numbers, rows)
        late = np.flatnonzero(said == NOT_ASKED)
        if len(late):
            said[late] = self._by_values(asked, side, numbers[late], rows[late])
        return said

    def _by_values(self, asked: Asked, side: str, numbers: NDArray[np.int64], rows: Rows) -> Truths:
        """Return the same by the values that the fields have."""
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
        if asked.by_place is not None:
            return asked.by_place.said(pool, places)
        table = self.memory.table("value", (asked.value_question, self.columns.pool_key(key)), len(pool))
        found = table[places]
        if (found == NOT_ASKED).any():
            assert asked.predicate is not None
            table[ABSENT] = GONE
            new = np.unique(places[table[places] == NOT_ASKED])
            table[new] = of_values(map(pool.values.__getitem__, new.tolist()), asked.predicate)
            found = table[places]
        return found

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


_DEAR: Final = frozenset(("texts", "numbers", "record"))
"""Sides whose groups cost more than asking a few rows."""
