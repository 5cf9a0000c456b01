"""The values of fields that questions about one history have in common, and which of them to let go of.

A table says, by number of what a field sees, where its value lies in a pool. What the screen prepares of each batch is
kept for as long as the history shows it; of everything else, what was asked least recently goes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.rules.pools import ABSENT, UNSEEN, VALUE_BYTES, Places, Pool
from tuimon.rules.versions import grown

TableKey = tuple[str, object]
"""The side that a field sees, and the field."""

_NO_PLACES: Final = np.empty(0, np.int32)
_MOVING: Final = frozenset(("word", "named"))
"""Sides whose numbers may be made of places: they mean something else once those move."""


class KeptValues:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self.is_preparing = False
        """What is asked now is to last."""
        self.lost = 0
        """Grows whenever everything is let go of, what was to last too."""
        self._pools: dict[object, Pool] = {}
        self._tables: dict[TableKey, Places] = {}
        """Those asked least recently first."""
        self._pool_of: dict[TableKey, object] = {}
        """The pool that the places of a table lie in."""
        self._lasting: set[TableKey] = set()

    @property
    def nbytes(self) -> int:
        """About how much memory they take."""
        return sum(map(len, self._pools.values())) * VALUE_BYTES + sum(each.nbytes for each in self._tables.values())

    def pool(self, key: object) -> Pool:
        """Return the distinct values that fields have in common."""
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = Pool()
        return found

    def places(self, side: str, key: object, size: int, of: object) -> Places:
        """Return the place in its pool of a field's value by number, with room for so many; UNSEEN at first.

        Args:
            side: That the field sees.
            key: Of the field.
            size: How many numbers there are.
            of: Names the pool.
        """
        table = side, key
        found = self._tables.pop(table, _NO_PLACES)
        if len(found) < size:
            found = grown(found, max(size, 256) * 5 // 4, UNSEEN)
        self._tables[table], self._pool_of[table] = found, of
        if self.is_preparing:
            self._lasting.add(table)
        return found

    def clear(self) -> None:
        """Let go of everything."""
        self._pools, self._tables, self._pool_of = {}, {}, {}
        self.lost += 1

    def forget(self, sides: Collection[str]) -> None:
        """Let go of what fields show of some sides."""
        self._drop([table for table in self._tables if table[0] in sides])

    def shrink(self, room: int, in_use: Mapping[str, NDArray[np.bool_]]) -> None:
        """Let go of values that nothing shows any more, and of those asked least recently; the others move.

        Args:
            room: Bytes that may be kept, beside what is to last.
            in_use: Which numbers of a side the history still has; sides that are not there have all of them.
        """
        self.forget(_MOVING)
        for (side, _), places in self._tables.items():
            if side in in_use:
                numbers = in_use[side][: len(places)]
                places[: len(numbers)][~numbers] = UNSEEN
        held = {of: np.zeros(len(pool), bool) for of, pool in self._pools.items()}
        lasting = [table for table in self._tables if table in self._lasting]
        for table in (*lasting, *(table for table in reversed(list(self._tables)) if table not in self._lasting)):
            more = _more(self._tables[table], held[self._pool_of[table]])
            need = self._tables[table].nbytes + len(more) * VALUE_BYTES
            if table in self._lasting or need <= room:
                room -= need if table not in self._lasting else 0
                held[self._pool_of[table]][more] = True
            else:
                room = -1  # what was asked before that goes too
                self._drop([table])
        for of, keep in held.items():
            self._move(of, keep)

    def _move(self, of: object, keep: NDArray[np.bool_]) -> None:
        """Keep only some values of a pool, in a new one: who still has the old one may go on reading it."""
        keep[ABSENT] = True
        old, new = self._pools[of].values, Pool()
        self._pools[of] = new
        moved = np.full(len(old) + 1, UNSEEN, np.int32)  # of place -1, too
        at = np.flatnonzero(keep)
        moved[at] = new.places(old[each] for each in at.tolist())
        for table, pool in self._pool_of.items():
            if pool == of:
                self._tables[table][:] = moved[self._tables[table]]

    def _drop(self, tables: Collection[TableKey]) -> None:
        for table in tables:
            del self._tables[table], self._pool_of[table]


def _more(places: Places, held: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return which places in a pool a table needs beside those that are held."""
    needed = np.zeros(len(held), bool)
    needed[places[places > ABSENT]] = True
    return np.flatnonzero(needed & ~held).astype(np.int32)
