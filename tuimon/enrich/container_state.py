"""Containers as plain data, for recordings: dicts and lists that JSON can hold, checked when they come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, fields
from typing import Any, Final

from tuimon.errors import RecordingError
from tuimon.events import Container, Mount

_TEXTS: Final = frozenset(
    f.name for f in fields(Container) if f.type in ("str", "str | None") or f.type in (str, str | None)
)
_FLAGS: Final = frozenset({"privileged", "host_pid", "host_network", "host_ipc", "known", "ended"})
_NUMBERS: Final = frozenset({"start_time_ns", "pid"})
_MAPPINGS: Final = frozenset({"labels", "pod_labels"})
_REQUIRED: Final = frozenset({"id", "full_id", "engine", "known", "ended", "labels"})


def dump(containers: Mapping[str, Container], members: Mapping[str, Set[int]]) -> dict[str, Any]:
    """Return containers (by full id) and their cgroups as plain data."""
    rows = []
    for full_id, container in containers.items():
        row = {**asdict(container), "labels": dict(container.labels)}
        row["cgroups"] = sorted(members.get(full_id, ()))
        rows.append(row)
    return {"containers": rows}


def load(state: object) -> Iterator[tuple[Container, frozenset[int]]]:
    """Yield each container with its cgroups, from what ``dump`` returned.

    Raises:
        RecordingError: It is something else.
    """
    rows = state.get("containers") if isinstance(state, dict) else None
    if not isinstance(rows, list):
        raise _damaged("it has no list of containers")
    for row in rows:
        if not isinstance(row, dict):
            raise _damaged("a container is not a mapping")
        members = row.get("cgroups", [])
        if not isinstance(members, list) or not all(type(i) is int and 0 <= i < 1 << 64 for i in members):
            raise _damaged("a cgroup id is not a 64-bit number")
        values = {name: _value(name, row[name]) for name in row if name != "cgroups"}
        if not values.get("id") or not values.get("full_id"):
            raise _damaged("a container has no id")
        yield Container(**values), frozenset(members)


def _value(name: str, value: object) -> Any:
    if value is None and name not in _REQUIRED:
        return None
    if name in _TEXTS and isinstance(value, str):
        return value
    if name in _FLAGS and isinstance(value, bool):
        return value
    if name in _NUMBERS and type(value) is int and -(1 << 63) <= value < 1 << 63:
        return value
    if name in _MAPPINGS and isinstance(value, dict):
        return {k: v for k, v in value.items() if isinstance(k, str) and isinstance(v, str)}
    # A tuple is what dump() hands out before JSON made a list of it.
    if name == "mounts" and isinstance(value, (list, tuple)):
        return tuple(_mount(entry) for entry in value)
    raise _damaged(f"a container's {name} is not what it should be")


def _mount(entry: object) -> Mount:
    names = {f.name for f in fields(Mount)}
    if not isinstance(entry, dict) or not names >= entry.keys() >= {"source", "dest"}:
        raise _damaged("a mount is not what it should be")
    for name, value in entry.items():
        if not isinstance(value, bool if name == "rdwr" else str):
            raise _damaged("a mount is not what it should be")
    return Mount(**entry)


def _damaged(why: str) -> RecordingError:
    return RecordingError(f"The recording's containers are damaged: {why}.", "Record again, or ask for another copy.")
