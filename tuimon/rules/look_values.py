"""The values that fields show of the rows of a batch, by their places in pools.

Rows are put into groups that are alike in what a field can see (tuimon.rules.numbering), and a group's value is looked
up once in all batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import bound_of
from tuimon.fields.evt import is_syslog
from tuimon.fields.facts import OPENS
from tuimon.fields.fspath import may_name_one
from tuimon.fields.registry import Getter
from tuimon.rules.actors import ancestor_of, line_of, member_of, of_ancestors, of_lines
from tuimon.rules.asked import Asked
from tuimon.rules.by_row import BY_ROW
from tuimon.rules.fd_args import fd_places
from tuimon.rules.file_kinds import ALONE, OF_HEADER, OF_KIND, of_kinds, with_ends
from tuimon.rules.given_paths import given_places
from tuimon.rules.grouping import Groups, Rows, groups_of
from tuimon.rules.look_rows import OF_RECORD, LookRows
from tuimon.rules.number_args import number_args
from tuimon.rules.numbers import ASKED_TOO, numbers_of
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool
from tuimon.rules.presence import ARGUMENTS
from tuimon.rules.record_parts import of_opened, part_of, without_socket
from tuimon.rules.sides import SIDES
from tuimon.rules.told import Told, told
from tuimon.rules.word_groups import WORDS, alike_in_words


class LookValues(LookRows):
    """The values of fields in one batch being asked."""

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
            found[mine] = pool.numbers(places)
            has[mine], unknown[mine] = places > ABSENT, places < 0
        return Told(found, has, unknown)

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

    def _groups(self, asked: Asked, place: int) -> Groups:
        """Return the groups of a side; of numbers only for the kinds of event of which the check sees that side."""
        return self.memory.groups(self.batch, SIDES[place], self._kinds(asked, place))

    def _kinds(self, asked: Asked, place: int) -> NDArray[np.intp] | None:
        """Return the kinds of event to be grouped, None for all."""
        if SIDES[place] not in ("numbers", "record"):
            return None
        codes = self._present
        return np.asarray(codes[self.columns.sides(asked)[codes] == place], np.intp)

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
                late = missing[late]
                is_alike = side in ("texts", "record") and key[0] in OF_KIND and key[2] == "given"
                got = self._by_kind if is_alike else self._got
                new[new < 0] = got(side, key, getter, arg, numbers[late], rows[late])
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
        if key[0] == _SYSLOG and side == "texts":
            names, texts = self.values("fd.name", rows)
            told = texts.mapped(np.maximum(names, ABSENT), is_syslog, self._pool(key))
            out = np.where(names < 0, np.int32(UNSEEN), told)
        for places in (given_places, fd_places):
            mine = np.flatnonzero(out < 0)
            if len(mine):
                out[mine] = places(self, key, rows[mine], self._pool(key))
        if key == ("fd.nameraw", None, "given"):
            codes = self._codes[rows]
            opens = [code for code in np.unique(codes).tolist() if self.name_of(code) in OPENS]
            mine = np.flatnonzero(~np.isin(codes, opens))
            name = ("fd.name", None, "given")
            if len(mine):
                getter, arg = self.columns.checks.getter_of(name)
                out[mine] = self._places(side, name, getter, arg, numbers[mine], rows[mine])
        return out

    def _by_kind(
        self, side: str, key: Any, getter: Getter, arg: str | None, numbers: NDArray[np.int64], rows: Rows
    ) -> Places:
        """Return the places of what a getter says of files and sockets, each kind of them asked once and for all."""
        kinds = self._file_kinds(side, numbers, rows, whole=key[0] not in OF_HEADER)
        known = self._known("file kind", key, int(kinds.max(initial=0)))
        out = np.where(kinds == ALONE, np.int32(UNSEEN), known[np.maximum(kinds, 0)])
        late = np.flatnonzero(out < 0)
        each, first, of_late = np.unique(
            np.where(kinds[late] == ALONE, -1 - late, kinds[late]), return_index=True, return_inverse=True
        )
        found = self._pool(key).places([getter(self._record(row), arg) for row in rows[late[first]].tolist()])
        known[each[each >= 0]] = found[each >= 0]
        out[late] = found[of_late]
        return np.asarray(out, np.int32)

    def _file_kinds(self, side: str, numbers: NDArray[np.int64], rows: Rows, *, whole: bool) -> NDArray[np.int64]:
        """Return, (k,), the kinds of file or socket that some numbers of a side stand for, each with a row that has it.

        With ``whole`` sockets of other addresses are others.
        """
        known = self.memory.pids(("file kinds", side, whole), int(numbers.max(initial=-1)) + 1)
        new = np.flatnonzero(known[numbers] == UNSEEN)
        if len(new) and whole:
            kinds = self._file_kinds(side, numbers[new], rows[new], whole=False)
            known[numbers[new]] = with_ends(self, rows[new], kinds)
        elif len(new):
            known[numbers[new]] = of_kinds(self, rows[new])
        return known[numbers]

    def _got(
        self, side: str, key: Any, getter: Getter, arg: str | None, _numbers: NDArray[np.int64], rows: Rows
    ) -> Places:
        """Return the places of what a getter says of some rows."""
        line = line_of(key) if side == "process" else None
        if line is not None:
            values, of_process = of_lines(line, self._processes(rows))
            return self._pool(key).places(values)[of_process]
        above = ancestor_of(key) if side == "process" else None
        if above is not None:
            values, of_process = of_ancestors(above, self._processes(rows))
            return self._pool(key).places(values)[of_process]
        member = member_of(key) if side == "actor" else None
        if member is not None:
            groups = groups_of(self.members.places(member, rows), self.at("container", rows, -1))
            found = self._pool(key).places(getter(self._event(row), arg) for row in rows[groups.first].tolist())
            return np.asarray(found[groups.of_row], np.int32)
        if side in WORDS:
            return self._got_words(key, getter, arg, rows)
        make = self._record if side in OF_RECORD else self._actor if side == "process" else self._event
        return self._pool(key).places([getter(make(row), arg) for row in rows.tolist()])

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

    def _by_named_parts(self, side: str, key: Any, numbers: NDArray[np.int64], rows: Rows) -> Places:
        if side not in ("texts", "word"):
            return without_socket(key, self.batch, rows)
        is_open = self.columns.is_open(self._codes[rows])
        opened = of_opened(key, self.batch, rows, is_open)
        if opened is not None:
            out = np.full(len(rows), UNSEEN, np.int32)
            values, of_open = opened
            out[is_open] = self._pool(key).places(values)[of_open]
            return out
        part = part_of(key)
        if part is None:
            return without_socket(key, self.batch, rows)
        for name in part.but_of:
            is_open &= ~self.columns.is_named(self._codes[rows], name)
        return self.opens(rows, is_open, numbers if side == "texts" else None).places(part, self._pool(key))

    def _named(self, key: Any, rows: Rows) -> Iterator[tuple[Any, Rows]]:
        """Yield which of some rows are opens, by the key of a field's values: with an argument by its name."""
        name, arg, which = key
        if name not in ARGUMENTS:
            return
        codes = self._codes[rows]
        for code in np.unique(codes[self.columns.is_open(codes)]).tolist():
            # An argument given by its place is another one in each call.
            bound = bound_of(self.name_of(code), arg)
            if bound is not None:
                yield (name, bound.param.name, which), np.flatnonzero(codes == code)

    def _known(self, side: str, key: Any, largest: int) -> Places:
        """Return the places of the values of a field known so far, by number; in plain Falco they are others."""
        of = self.columns.pool_key(key)
        if side in WORDS and key[0] in ARGUMENTS:
            key = key[0], None, key[2]  # their numbers tell which argument it is
        return self.memory.places(side, (key, self.columns.checks.plain_falco), largest + 1, of)

    def _pool(self, key: Any) -> Pool:
        return self.memory.pool(self.columns.pool_key(key))


_SAME: Final[dict[Any, Any]] = {
    ("fd.realpath", None, "given"): ("fd.name", None, "real"),
    ("fd.nameraw", None, "real"): ("fd.name", None, "real"),
    ("fs.path.nameraw", None, "real"): ("fs.path.name", None, "real"),
}
"""Keys of values that another field has as well, which is asked more often."""
_SYSLOG: Final = "evt.is_syslog"
_OF_ONE_PATH: Final = ("fs.path.name", "fs.path.nameraw")
_WITH_PARTS: Final = frozenset(("texts", "record", "word"))
