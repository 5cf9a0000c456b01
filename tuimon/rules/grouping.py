"""The rows of a batch put into groups: by a number of theirs, by runs of one, or by two groupings together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


class Groups(NamedTuple):
    """The rows of a batch put into groups that are alike."""

    of_row: NDArray[np.unsignedinteger[Any]]
    """(n,) the group of each row."""
    first: Rows
    """(g,) a row of each group."""
    numbers: NDArray[np.int64]
    """(g,) the number of each group, the same in every batch; of processes, users and containers what tells them."""


class KeptGroups(NamedTuple):
    """Groups of rows whose numbers are few, in few bytes."""

    of_row: NDArray[np.unsignedinteger[Any]]
    first: NDArray[np.int32]
    numbers: NDArray[np.int32]

    @classmethod
    def of(cls, groups: Groups) -> KeptGroups:
        """Return groups in few bytes."""
        of_row = groups.of_row.astype(small(len(groups.first)), copy=False)
        return cls(of_row, groups.first.astype(np.int32), groups.numbers.astype(np.int32))

    @property
    def groups(self) -> Groups:
        """The groups themselves."""
        return Groups(self.of_row, self.first.astype(np.intp), self.numbers.astype(np.int64))


def small(count: int) -> np.dtype[Any]:
    """Return the narrowest type for numbers below a count."""
    if count <= 1 << 8:
        return np.dtype(np.uint8)
    return np.dtype(np.uint16 if count <= 1 << 16 else np.uint32)


def grouped(values: NDArray[np.int64]) -> Groups:
    """Return rows grouped by a number of theirs, without sorting where they lie close together."""
    if not len(values):
        return Groups(np.empty(0, np.uint16), np.empty(0, np.intp), values)
    low = int(values.min())
    size = int(values.max()) - low + 1
    if size == 1:
        return Groups(np.zeros(len(values), np.uint8), np.zeros(1, np.intp), np.array([low], np.int64))
    if size > 8 * len(values) + 65536:
        return _sorted_groups(values)
    first_of = np.full(size, -1, np.intp)
    first_of[values[::-1] - low] = np.arange(len(values) - 1, -1, -1)
    present = np.flatnonzero(first_of >= 0)
    group_of = np.empty(size, small(len(present)))
    group_of[present] = np.arange(len(present))
    return Groups(group_of[values - low], first_of[present], present + low)


def grouped_runs(values: NDArray[Any]) -> Groups:
    """Group rows by a number of theirs that seldom changes from one row to the next."""
    if not len(values):
        return Groups(np.empty(0, np.uint16), np.empty(0, np.intp), np.empty(0, np.int64))
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    if len(starts) * 4 > len(values):
        return _sorted_groups(values)
    some = _sorted_groups(values[starts])
    lengths = np.diff(np.append(starts, len(values)))
    return Groups(np.repeat(some.of_row, lengths), starts[some.first], some.numbers)


def _sorted_groups(values: NDArray[Any]) -> Groups:
    found, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return Groups(inverse.astype(small(len(found))), first, found.astype(np.int64))


def groups_of(one: NDArray[np.int64], other: NDArray[np.int64]) -> Groups:
    """Return rows grouped by two numbers of theirs; the groups' own numbers mean nothing."""
    return pairs(grouped(one), grouped(other))


def some_of(groups: Groups, rows: Rows) -> Groups:
    """Return the groups that some rows are in, and of which of them each is."""
    of_row = groups.of_row[rows]
    needed = np.zeros(len(groups.first), bool)
    needed[of_row] = True
    if needed.all():
        return groups._replace(of_row=of_row)
    place = np.cumsum(needed) - 1
    return Groups(place[of_row].astype(of_row.dtype), groups.first[needed], groups.numbers[needed])


def pairs(one: Groups, other: Groups) -> Groups:
    """Group rows by two groupings together."""
    if len(one.first) == 1:
        return other
    if len(other.first) == 1:
        return one
    count = max(len(other.first), 1)
    return grouped(one.of_row.astype(np.int64) * count + other.of_row)
