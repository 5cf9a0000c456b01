"""Fields of the ancestors of a process, for many processes at once: children of one process have them in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tuimon.fields.proc import OF_LINE, Line
from tuimon.fields.registry import Value
from tuimon.process import Process

_NO_PROCESS: Final = 0
"""Place of the value of what has no process."""


def line_of(key: Any) -> Line | None:
    """Return what tells a field, given by the key of its values, by the ancestors of a process; None: it needs more."""
    name, arg, which = key
    return OF_LINE.get(name) if arg is None and which == "given" else None


def of_lines(line: Line, processes: Iterable[Process | None]) -> tuple[list[Value], list[int]]:
    """Return distinct values of such a field, and the place of each process's among them."""
    values: list[Value] = [None]
    known: dict[int, tuple[int, frozenset[int]]] = {}
    of_process = []
    for process in processes:
        parent = None if process is None else process.parent
        if process is None or parent is None:
            of_process.append(_NO_PROCESS)
            continue
        found = known.get(id(parent))
        if found is None:
            above = [parent, *parent.ancestors()]
            found = known[id(parent)] = len(values), frozenset(each.pid for each in above)
            values.append(line(above))
        at, pids = found
        if process.pid in pids:  # a loop: its line ends where it comes by itself
            at = len(values)
            values.append(line(process.ancestors()))
        of_process.append(at)
    return values, of_process
