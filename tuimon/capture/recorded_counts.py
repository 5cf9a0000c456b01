"""The exact counters as a CNTS frame of a recording holds them: totals, and each cgroup's calls, errors and losses."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tuimon.capture.source import CallCounts, Counts
from tuimon.records import Kind, SizeClass

State = dict[str, Any]

_CALLS: Final = 512
_TOTALS: Final = ("seen", "emitted", "filtered", "dropped", "self_calls")
_LATER: Final = ("prefiltered", "shed")
"""Totals that older recordings lack, as they lack ``of_kind`` and what each cgroup lost by class."""


def write_counts(counts: Counts, calls: CallCounts) -> State:
    """Return the counters as JSON has them; ``read_counts`` is the way back."""
    by_class = _rows(calls.dropped_by_class, calls, len(SizeClass))
    shed = _rows(calls.shed, calls)
    used = calls.calls.any(axis=1) | (calls.dropped > 0) | (shed > 0)
    return {
        **{name: getattr(counts, name) for name in (*_TOTALS, *_LATER)},
        "dropped_by_class": list(counts.dropped_by_class),
        "of_kind": list(counts.of_kind),
        "cgroups": [
            [
                int(calls.cgroup_ids[row]),
                int(calls.dropped[row]),
                _sparse(calls.calls[row]),
                _sparse(calls.errors[row]),
                by_class[row].tolist(),
                int(shed[row]),
            ]
            for row in np.flatnonzero(used).tolist()
        ],
    }


def _rows(column: np.ndarray[Any, Any], calls: CallCounts, *shape: int) -> np.ndarray[Any, Any]:
    """Return a column with a row for each cgroup, zeros when the source does not tell it."""
    return column if len(column) else np.zeros((len(calls.cgroup_ids), *shape), np.uint64)


def _sparse(row: np.ndarray[Any, Any]) -> list[list[int]]:
    at = np.flatnonzero(row)
    return [[int(i), int(row[i])] for i in at]


def read_counts(state: State) -> tuple[Counts, CallCounts]:
    """Read a CNTS object; raises KeyError, TypeError, ValueError, IndexError or OverflowError when it is damaged."""
    counts = Counts(
        **{name: int(state[name]) for name in _TOTALS},
        **{name: int(state.get(name, 0)) for name in _LATER},
        dropped_by_class=_numbers(state["dropped_by_class"], len(SizeClass)),
        of_kind=_numbers(state.get("of_kind", [0] * len(Kind)), len(Kind)),
    )
    rows = state["cgroups"]
    told = all(len(row) > 5 for row in rows)
    calls = CallCounts(
        cgroup_ids=np.array([int(row[0]) for row in rows], np.uint64),
        calls=np.zeros((len(rows), _CALLS), np.uint64),
        errors=np.zeros((len(rows), _CALLS), np.uint64),
        dropped=np.array([int(row[1]) for row in rows], np.uint64),
        dropped_by_class=_by_class(rows if told else []),
        shed=np.array([int(row[5]) for row in rows] if told else [], np.uint64),
    )
    for row, entry in enumerate(rows):
        for column, sparse in ((calls.calls, entry[2]), (calls.errors, entry[3])):
            for nr, value in sparse:
                column[row, nr] = value
    return counts, calls


def _by_class(rows: list[Any]) -> np.ndarray[Any, Any]:
    lost = [_numbers(row[4], len(SizeClass)) for row in rows]
    return np.array(lost, np.uint64).reshape(len(lost), len(SizeClass))


def _numbers(values: Any, count: int) -> tuple[int, ...]:
    """Return a list of counters, zeros for those that came later; raises ValueError when there are too many."""
    out = tuple(int(value) for value in values)
    if len(out) > count:
        raise ValueError(f"{len(out)} counters that should be {count}")
    return (*out, *(0,) * (count - len(out)))


def no_counts() -> CallCounts:
    """Return the counters of no cgroup."""
    none = np.zeros((0, _CALLS), np.uint64)
    return CallCounts(np.zeros(0, np.uint64), none, none.copy(), np.zeros(0, np.uint64))
