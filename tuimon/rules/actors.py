"""Fields of the ancestors of a process, for many processes at once: children of one process have them in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from tuimon.fields.proc import OF_LINE, OF_ONE, Line, ancestor, shell_above, shell_pid, variable_above
from tuimon.fields.registry import Value
from tuimon.process import Process

_NO_PROCESS: Final = 0
"""Place of the value of what has no process."""
_BY_MEMBER: Final = {"user.loginname": "loginuid", "container.start_ts": "pidns_start_ns"}
"""Fields that hang on one member of the process, and on its container."""


@dataclass(frozen=True, slots=True)
class OfLine:
    """A field that the ancestors of a process tell."""

    line: Line
    own: Callable[[Process], Value] | None = None
    """What the process itself tells where they tell nothing."""


@dataclass(frozen=True, slots=True)
class OfAncestor:
    """A field that one ancestor of a process tells."""

    part: Callable[[Process], Value]
    steps: int
    """How far above: 1 is the parent."""


def line_of(key: Any) -> OfLine | None:
    """Return what tells a field, given by the key of its values, by the ancestors of a process; None: it needs more."""
    name, arg, which = key
    if which != "given":
        return None
    if name == "proc.aenv" and arg is not None and not arg.isdigit():
        return OfLine(lambda above: variable_above(above, arg))
    if name == "proc.loginshellid":
        return OfLine(shell_above, shell_pid)
    return OfLine(OF_LINE[name]) if arg is None and name in OF_LINE else None


def ancestor_of(key: Any) -> OfAncestor | None:
    """Return what tells a field, given by the key of its values, by one ancestor of a process; None: it needs more."""
    name, arg, which = key
    if which != "given" or name not in OF_ONE or arg is None or not arg.isdigit() or int(arg) == 0:
        return None
    return OfAncestor(OF_ONE[name], int(arg))


def of_ancestors(told: OfAncestor, processes: Iterable[Process | None]) -> tuple[list[Value], list[int]]:
    """Return distinct values of such a field, and the place of each process's among them."""
    values: list[Value] = [None]
    known: dict[int, int] = {id(None): _NO_PROCESS}
    of_process = []
    for process in processes:
        parent = None if process is None else process.parent
        at = known.get(id(parent))
        if at is None:
            assert parent is not None
            above = ancestor(parent, told.steps - 1)
            at = known[id(parent)] = len(values)
            values.append(None if above is None else told.part(above))
        of_process.append(at)
    return values, of_process


def member_of(key: Any) -> str | None:
    """Return the member of a process that a field hangs on, given by the key of its values; None: it needs more."""
    return _BY_MEMBER.get(key[0])


def of_lines(told: OfLine, processes: Iterable[Process | None]) -> tuple[list[Value], list[int]]:
    """Return distinct values of such a field, and the place of each process's among them."""
    values: list[Value] = [None]
    known: dict[int, tuple[int, frozenset[int]]] = {}
    of_process = []
    for process in processes:
        if process is None:
            of_process.append(_NO_PROCESS)
            continue
        parent = process.parent
        found = known.get(id(parent))
        if found is None:
            above = [] if parent is None else [parent, *parent.ancestors()]
            found = known[id(parent)] = len(values), frozenset(each.pid for each in above)
            values.append(told.line(above))
        at, pids = found
        if process.pid in pids:  # a loop: its line ends where it comes by itself
            at = len(values)
            values.append(told.line(process.ancestors()))
        if values[at] is None and told.own is not None:
            at = len(values)
            values.append(told.own(process))
        of_process.append(at)
    return values, of_process
