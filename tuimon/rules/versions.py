"""Process versions as they are: has anything been filled in since one was looked at?

A version of a process is made once and seldom changes, but what was not known of it when it was seen may be read from
/proc or told by a later record. Whoever keeps answers about processes asks here whether they still hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event, Process

MAX_ANCESTORS: Final = 64

EventOf = Callable[[Batch, int], Event]
"""Makes the row object of an event, with its process and its container as they are now."""
ProcessOf = Callable[[int], Process | None]
"""Finds a version by its place in the process table, None when it is not known or no longer kept."""


def content(process: Process) -> tuple[object, ...]:
    """Return what may be filled in later in one version of a process."""
    return (process.comm, process.cwd, process.image, process.standing, process.start_ns, process.parent)


def line(process: Process) -> tuple[object, ...]:
    """Return the content of a process and all its ancestors."""
    parts: list[object] = []
    at: Process | None = process
    for _ in range(MAX_ANCESTORS):
        if at is None:
            break
        parts += (id(at), *content(at)[:-1])
        at = at.parent
    return tuple(parts)


def is_settled(process: Process) -> bool:
    """Whether a process and its ancestors are known up to the first one, so that nothing will be filled in later."""
    at = process
    for _ in range(MAX_ANCESTORS):
        if not at.start_ns or not at.comm:
            return False
        if at.parent is None:
            return at.ppid in (0, 1) and at.pid <= 2
        at = at.parent
    return True


@dataclass(slots=True)
class _Version:
    """A version as it was when it got its number."""

    process: Process | None
    settled: bool
    content: tuple[object, ...]

    def is_as_it_was(self, process: Process | None) -> bool:
        if process is not self.process:
            return False
        return process is None or self.content == (content(process) if self.settled else line(process))


class Versions:
    """Numbers for process versions: the same number for as long as a version is as it was.

    A version that has ended, and whose ancestors are all known, is never looked at again.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all of them; numbers given before mean nothing any more."""
        self._number_of = np.full(1024, -1, np.int32)
        """By place in the process table + 1: place -1 is no process at all."""
        self._final = np.zeros(1024, np.bool_)
        self._open: dict[int, _Version] = {}
        self._next = 0

    def __len__(self) -> int:
        return self._next

    def number(
        self,
        indexes: NDArray[np.int64],
        rows: NDArray[np.intp],
        batch: Batch,
        event_of: EventOf,
        process_of: ProcessOf | None = None,
    ) -> NDArray[np.int64]:
        """Return, (g,), the number of each of some versions.

        Args:
            indexes: (g,) their places in the process table, -1 for none.
            rows: (g,) a row of the batch for each.
            batch: The batch.
            event_of: Makes the row object of an event.
            process_of: Finds a version without one.
        """
        places = indexes + 1
        self._make_room(int(places.max(initial=0)))
        for at in np.flatnonzero(~self._final[places]).tolist():
            index = int(indexes[at])
            found = event_of(batch, int(rows[at])).process if process_of is None else process_of(index)
            self._look(index + 1, found)
        return self._number_of[places].astype(np.int64)

    def _make_room(self, largest: int) -> None:
        if largest >= len(self._final):
            size = largest * 3 // 2 + 1
            self._number_of = grown(self._number_of, size, -1)
            self._final = grown(self._final, size, 0)

    def _look(self, place: int, process: Process | None) -> None:
        known = self._open.get(place)
        if known is None or not known.is_as_it_was(process):
            settled = process is None or is_settled(process)
            said = () if process is None else content(process) if settled else line(process)
            known = self._open[place] = _Version(process, settled, said)
            self._number_of[place] = self._next
            self._next += 1
        if place == 0 or (known.settled and process is not None and process.end_ns is not None):
            self._final[place] = True
            del self._open[place]


def grown(array: NDArray[Any], size: int, fill: int) -> NDArray[Any]:
    """Return an array with more room, filled behind what it holds."""
    larger = np.full(size, fill, array.dtype)
    larger[: len(array)] = array
    return larger
