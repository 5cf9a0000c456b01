"""Members of process versions by number of the version: looked up once for each, in all batches."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.process import Process
from tuimon.rules.grouping import Groups, Rows
from tuimon.rules.numbering import Memory
from tuimon.rules.pools import UNSEEN

PID_MEMBERS: Final = frozenset(("pid", "ppid", "pgid", "vpgid", "vpid", "parent.pid"))
"""Numbers of processes: nearly each version has its own, so that they are kept as they are, in no pool."""
NO_PID: Final = -2
"""There is no process, or no parent; nothing has this pid."""
_POOL: Final = "member"
_OF_PARENT: Final = "parent."


class Members:
    """Members of the processes of a batch.

    Args:
        memory: Where they are kept.
        groups: The rows by process.
        numbers: (g,) the number of each group's process version as it is now.
        processes: Gives the processes of rows.
    """

    def __init__(
        self,
        memory: Memory,
        groups: Groups,
        numbers: NDArray[np.int64],
        processes: Callable[[Rows], list[Process | None]],
    ) -> None:
        self._memory = memory
        self._groups = groups
        self._numbers = numbers
        self._processes = processes

    def places(self, member: str, rows: Rows) -> NDArray[np.int64]:
        """Return, (k,), the place among ``values`` of a member of each row's process, ABSENT where there is none."""
        pool = self._memory.pool(_POOL)
        known = self._memory.places("process", (_POOL, member), self._size, _POOL)
        return self._found(known, member, rows, lambda values: pool.places(values))

    def pids(self, member: str, rows: Rows) -> NDArray[np.int64]:
        """Return, (k,), one of PID_MEMBERS, NO_PID where there is none."""
        known = self._memory.pids(member, self._size)
        return self._found(known, member, rows, lambda values: [NO_PID if each is None else each for each in values])

    @property
    def values(self) -> list[Any]:
        """Members by place."""
        return self._memory.pool(_POOL).values

    def place(self, value: Any) -> int:
        """Return the place of a value."""
        return self._memory.pool(_POOL).place(value)

    @property
    def _size(self) -> int:
        return int(self._numbers.max(initial=-1)) + 1

    def _found(
        self, known: NDArray[Any], member: str, rows: Rows, made: Callable[[list[Any]], Any]
    ) -> NDArray[np.int64]:
        """Return a member by row from a table by number of the version, looking up what is not in it yet."""
        of_row = self._groups.of_row[rows]
        needed = np.zeros(len(self._groups.first), bool)
        needed[of_row] = True
        missing = np.flatnonzero(needed & (known[self._numbers] == UNSEEN))
        if len(missing):
            get = _getter(member)
            processes = self._processes(self._groups.first[missing])
            known[self._numbers[missing]] = made([None if each is None else get(each) for each in processes])
        return np.asarray(known[self._numbers][of_row], np.int64)


def _getter(member: str) -> Callable[[Process], Any]:
    if not member.startswith(_OF_PARENT):
        return attrgetter(member)
    get = attrgetter(member.removeprefix(_OF_PARENT))
    return lambda process: None if process.parent is None else get(process.parent)
