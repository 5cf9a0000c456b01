"""What is read from /proc (memory, open fds, CPU use, ...): of most events in a history nothing is known of it.

A reading answers for the events of its process within a second of it (tuimon.enrich.vitals). Only those, and events so
young that one may still be made, are asked one by one. Of the others a field shows what the record itself says, which
hangs on one number of it, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.enrich.vitals import NEAR_NS, VITALS
from tuimon.rules.grouping import Groups, Rows, groups_of

if TYPE_CHECKING:
    from tuimon.rules.look import Look

_DESCRIBED: Final = {
    "proc.vmsize": ("vm_pages", None),
    "thread.vmsize": ("vm_pages", None),
    "proc.nthreads": ("threads", None),
    "proc.nchilds": ("threads", None),
    "thread.pfmajor": ("major_faults", None),
    "thread.pfminor": ("minor_faults", None),
    "proc.stdin.type": ("std_type", 0),
    "proc.stdout.type": ("std_type", 1),
    "proc.stderr.type": ("std_type", 2),
}
"""Fields that a record may tell itself: member of PROC, and which of several."""
_OWN: Final[dict[str, tuple[str, ...]]] = {
    "vm_pages": ("pid",),
    "threads": ("pid",),
    "major_faults": ("pid", "tid"),
    "minor_faults": ("pid", "tid"),
    "std_type": (),
}
"""What of the description must be the event's own for it to count."""
_SLACK_NS: Final = NEAR_NS
"""Between the question and the last of its rows time goes on."""


def is_near(batch: Batch, rows: Rows) -> NDArray[np.bool_]:
    """Return, (k,), for which rows a reading may have been made, or may still be."""
    now_ns, readings = VITALS.readings()
    at_ns = batch.head["ts_ns"][rows].astype(np.int64)
    near = np.abs(now_ns - at_ns) <= NEAR_NS + _SLACK_NS
    if readings:
        pids, times = (np.array(column, np.int64) for column in zip(*readings, strict=True))
        near |= np.isin(batch.head["tgid"][rows], pids) & _close(at_ns, np.sort(times))
    return np.asarray(near)


def _close(at_ns: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return, (k,), whether one of some times, ascending, is near."""
    after = np.searchsorted(times, at_ns)
    ends = [times[np.clip(place, 0, len(times) - 1)] for place in (after - 1, after)]
    return np.asarray(np.minimum(*(np.abs(end - at_ns) for end in ends)) <= NEAR_NS)


class Alike(NamedTuple):
    """Rows that show what their records say: no reading is near."""

    near: NDArray[np.bool_]
    """(k,) which rows are not among them, but have to be asked one by one."""
    groups: Groups
    """The others, by what is shown of them; the groups' own numbers mean nothing."""
    codes: NDArray[np.int64]
    """(g,) the kind of event of each group, and..."""
    words: NDArray[np.int64]
    """(g,) ...the number that the value hangs on, the same in every batch."""


def alike(look: Look, name: str, rows: Rows) -> Alike:
    """Return some rows put together by what a field shows of them."""
    near = is_near(look.batch, rows)
    codes = look.codes(rows[~near]).astype(np.int64)
    of_row = words(look, name, rows[~near]) if len(codes) else codes
    groups = groups_of(codes, of_row)
    return Alike(near, groups, codes[groups.first], of_row[groups.first])


def words(look: Look, name: str, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), the number of the record that a field shows, and whether a thread is the first of its process."""
    head = look.batch.head
    is_main = head["tid"][rows] == head["tgid"][rows]
    out = np.full(len(rows), -1, np.int64)
    if name in _DESCRIBED:
        member, place = _DESCRIBED[name]
        mine, at = look.described(rows)
        mine, at = _of_own(look.batch, rows, mine, at, _OWN[member])
        found = look.batch.proc[member][at]
        out[mine] = found if place is None else found[:, place]
    return np.asarray(out * 2 + is_main, np.int64)


def _of_own(
    batch: Batch, rows: Rows, mine: NDArray[np.intp], at: NDArray[np.intp], members: Iterable[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return those of the described rows whose description is of the event's own process and thread."""
    for member, column in {"pid": "tgid", "tid": "tid"}.items():
        if member in members:
            same = batch.proc[member][at] == batch.head[column][rows[mine]]
            mine, at = mine[same], at[same]
    return mine, at
