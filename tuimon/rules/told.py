"""Numbers that hang on the record and on a value that another field has: an age, a number in a namespace.

The other field is asked once for each process or container, the rest is arithmetic over columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.rules.grouping import Rows
from tuimon.rules.members import NO_PID
from tuimon.rules.numbers import SINCE, numbers_of
from tuimon.rules.pools import ABSENT

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

_NO: Final = np.zeros(0, bool)


class Told(NamedTuple):
    """Numbers of some rows."""

    found: NDArray[np.int64]
    """(k,)"""
    has: NDArray[np.bool_]
    """(k,) which rows have one."""
    unknown: NDArray[np.bool_] = _NO
    """(k,) of which rows it is not known yet; empty: of none."""


def told(look: LookValues, name: str, rows: Rows) -> Told:
    """Return the numbers that some rows have for one of ``numbers.ASKED_TOO``."""
    if name == "evt.buflen":
        return _moved(look, rows)
    if name == "thread.vtid":
        return _thread_inside(look, rows)
    start, has, unknown = _of_groups(look, SINCE[name], rows)
    times, _ = numbers_of("evt.rawtime", look.batch, rows, look.boot_to_epoch_ns)
    # A process whose start is not known has 0 for it.
    return Told(times - start, has & (start > 0) if name.startswith("proc.") else has, unknown)


def _moved(look: LookValues, rows: Rows) -> Told:
    """evt.buflen: what a call returned that moves data through an fd of a known kind."""
    ret = look.batch.head["ret"][rows]
    kinds, _ = look.values("fd.type", rows)
    return Told(ret, (kinds > ABSENT) & (ret >= 0), (kinds < 0) & (ret >= 0))


def _thread_inside(look: LookValues, rows: Rows) -> Told:
    """thread.vtid, as far as the process tells it; the record itself does where it describes the thread."""
    head = look.batch.head
    tid, is_main = head["tid"][rows].astype(np.int64), head["tid"][rows] == head["tgid"][rows]
    vpid, pid = (look.members.pids(member, rows) for member in ("vpid", "pid"))
    has_vpid = (vpid != NO_PID) & (vpid != 0)
    found = np.where(is_main, vpid, tid)
    has = np.where(is_main, has_vpid, has_vpid & (vpid == pid))
    described, at = look.described(rows)
    mine = look.batch.proc["tid"][at] == tid[described]
    described, at = described[mine], at[mine]
    found[described], has[described] = look.batch.proc["vtid"][at], True
    return Told(found, has)


def _of_groups(look: LookValues, name: str, rows: Rows) -> Told:
    """Return the numbers of a field that a process or a container tells, for some rows."""
    groups, places, pool = look.values_of_groups(name)
    found = pool.numbers(places)
    of_row = groups.of_row[rows]
    return Told(found[of_row], (places > ABSENT)[of_row], (places < 0)[of_row])
