"""Members of process versions by number of the version: looked up once for each, in all batches."""

from __future__ import annotations

import functools
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
_PIDS: Final = "pid"
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
        self._of_group: dict[tuple[str, str], NDArray[np.int64]] = {}
        """(g,) members, as far as they were asked for."""
        self._rows: Rows | None = None
        self._of_row: NDArray[Any] = groups.of_row[:0]
        """The rows asked about last, most often those asked about next, and their groups."""

    def places(self, member: str, rows: Rows) -> NDArray[np.int64]:
        """Return, (k,), the place among ``values`` of a member of each row's process, ABSENT where there is none."""
        return self._found(_POOL, member, rows)

    def pids(self, member: str, rows: Rows) -> NDArray[np.int64]:
        """Return, (k,), one of PID_MEMBERS, NO_PID where there is none."""
        return self._found(_PIDS, member, rows)

    def processes(self, rows: Rows) -> list[Process | None]:
        """Return the process of each of some rows."""
        return self._processes(rows)

    @property
    def values(self) -> list[Any]:
        """Members by place."""
        return self._memory.pool(_POOL).values

    def place(self, value: Any) -> int:
        """Return the place of a value."""
        return self._memory.pool(_POOL).place(value)

    def _found(self, kind: str, member: str, rows: Rows) -> NDArray[np.int64]:
        """Return a member by row, looking up what is not known yet."""
        if rows is not self._rows:
            self._rows, self._of_row = rows, self._groups.of_row[rows]
        of_group = self._of_group.get((kind, member))
        if of_group is None:
            of_group = self._of_group[kind, member] = self._known(kind, member)[self._numbers].astype(np.int64)
        found = of_group[self._of_row]
        if (found == UNSEEN).any():
            missing = np.unique(self._of_row[found == UNSEEN])
            of_group[missing] = self._looked_up(kind, member, missing)
            found = of_group[self._of_row]
        return np.asarray(found)

    def _known(self, kind: str, member: str) -> NDArray[Any]:
        """Return a table by number of the version."""
        size = int(self._numbers.max(initial=-1)) + 1
        if kind == _PIDS:
            return self._memory.pids(member, size)
        return self._memory.places("process", (_POOL, member), size, _POOL)

    def _looked_up(self, kind: str, member: str, groups: NDArray[Any]) -> NDArray[Any]:
        """Return a member of the processes of some groups, and keep it."""
        get, processes = getter_of_member(member), self._processes(self._groups.first[groups])
        values = [None if each is None else get(each) for each in processes]
        is_pid = kind == _PIDS
        made = [NO_PID if each is None else each for each in values] if is_pid else self._pool_places(values)
        known = self._known(kind, member)
        known[self._numbers[groups]] = made
        return np.asarray(known[self._numbers[groups]])

    def _pool_places(self, values: list[Any]) -> NDArray[np.int32]:
        return self._memory.pool(_POOL).places(values)


@functools.cache
def getter_of_member(member: str) -> Callable[[Process], Any]:
    """Return what gets a member of a process, or of its parent."""
    if not member.startswith(_OF_PARENT):
        return attrgetter(member)
    get = attrgetter(member.removeprefix(_OF_PARENT))
    return lambda process: None if process.parent is None else get(process.parent)
