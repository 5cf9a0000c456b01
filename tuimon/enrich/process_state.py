"""The process table as plain data, for recordings: dicts and lists that JSON can hold, checked when they come back.

A recording may come from anybody: whatever is not of the right type and size is refused with a RecordingError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tuimon.errors import RecordingError
from tuimon.process import MEMBERS, Process

_STRINGS: Final = frozenset({"comm", "exe", "exepath", "cwd"})
_LISTS: Final = frozenset({"args", "env"})
_OPTIONAL: Final = frozenset({"env", "cap_permitted", "cap_effective", "cap_inheritable", "end_ns"})


def become(process: Process, other: Process) -> None:
    """Fill a placeholder with what is known by now; it keeps its index."""
    for name in Process.__slots__:
        if name != "index":
            setattr(process, name, getattr(other, name))


def dump(versions: Mapping[int, Process], newest: Mapping[int, int]) -> dict[str, Any]:
    """Return versions (by index) and the newest index of each pid as plain data.

    A parent that is no longer in the table itself is saved too, under an index of its own behind the others.
    """
    index_of = {id(p): i for i, p in versions.items()}
    todo = list(versions.values())
    free = max(versions, default=-1) + 1
    rows = []
    while todo:
        process = todo.pop()
        parent = process.parent
        if parent is not None and id(parent) not in index_of:
            index_of[id(parent)] = free
            free += 1
            todo.append(parent)
        row = {name: getattr(process, name) for name in MEMBERS}
        row["index"] = index_of[id(process)]
        row["parent"] = None if parent is None else index_of[id(parent)]
        rows.append(row)
    return {"processes": rows, "newest": {str(pid): index for pid, index in newest.items()}}


def load(state: object, pid_limit: int, index_limit: int) -> tuple[dict[int, Process], dict[int, int]]:
    """Return (versions by index, newest index by pid) from what ``dump`` returned.

    Raises:
        RecordingError: It is something else.
    """
    if not isinstance(state, dict) or not isinstance(state.get("processes"), list):
        raise _damaged("it has no list of processes")
    versions: dict[int, Process] = {}
    parents: dict[int, int] = {}
    for row in state["processes"]:
        process = _process(row)
        if not 0 <= process.index < index_limit or process.index in versions or not 0 <= process.pid < pid_limit:
            raise _damaged("a process has an impossible index or pid")
        versions[process.index] = process
        if row.get("parent") is not None:
            parents[process.index] = _integer(row["parent"])
    for index, parent in parents.items():
        versions[index].parent = versions.get(parent)
    newest: dict[int, int] = {}
    saved = state.get("newest")
    for pid, index in saved.items() if isinstance(saved, dict) else ():
        version = versions.get(_integer(index))
        if version is None or str(version.pid) != pid:
            raise _damaged("the newest version of a process is not among its versions")
        newest[version.pid] = version.index
    return versions, newest


def _process(row: object) -> Process:
    if not isinstance(row, dict):
        raise _damaged("a process is not a mapping")
    values: dict[str, Any] = {}
    for name in MEMBERS:
        if name == "parent" or name not in row:
            continue
        value = row[name]
        if value is None and name in _OPTIONAL:
            values[name] = None
        elif name in _STRINGS:
            values[name] = _string(value)
        elif name in _LISTS:
            values[name] = _checked(value, list, lambda v: tuple(_string(s) for s in v))
        elif name == "from_procfs":
            values[name] = value is True
        else:
            values[name] = _integer(value)
    if "pid" not in values or "start_ns" not in values:
        raise _damaged("a process has no pid or no start time")
    return Process(**values)


def _checked(value: object, kind: type, convert: Callable[[Any], Any]) -> Any:
    # A tuple is what dump() hands out before JSON made a list of it.
    if not isinstance(value, (kind, tuple)):
        raise _damaged(f"a {kind.__name__} was expected")
    return convert(value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise _damaged("a string was expected")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 64:
        raise _damaged("a 64-bit number was expected")
    return value


def _damaged(why: str) -> RecordingError:
    return RecordingError(f"The recording's process table is damaged: {why}.", "Record again, or ask for another copy.")
