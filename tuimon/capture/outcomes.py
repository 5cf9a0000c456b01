"""Joins io_uring requests to their outcomes: two records of the kernel, one event for everybody else.

A request is told when it is made, its outcome when it is there: mostly some microseconds later, and then both are in
one drain. A request that is younger than ``HOLD_NS`` waits for the next drain, as its outcome may come with that. A
later outcome is left out: the request has been told without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch, empty_batch, take
from tuimon.records import Kind

HOLD_NS: Final = 20_000_000
_NUMBER_AT: Final = 2
"""Where ``ext.arg`` of a request has its number: behind the last argument that any operation has."""


def with_outcomes(batch: Batch, hold_after_ns: int) -> tuple[Batch, Batch]:
    """Return a drain whose requests have their outcomes, and the requests to be put before the next drain.

    Args:
        batch: May be changed in place.
        hold_after_ns: Requests younger than this, since boot, and without an outcome are held back.
    """
    kinds = batch.head["kind"]
    requests = np.flatnonzero(kinds == Kind.IO_URING)
    outcomes = np.flatnonzero(kinds == Kind.IO_URING_DONE)
    if len(outcomes):
        _join(batch, requests, outcomes)
    waiting = requests[(kinds[requests] == Kind.IO_URING) & (batch.head["ts_ns"][requests] > hold_after_ns)]
    held = _only(batch, waiting) if len(waiting) else empty_batch()
    batch.ext["arg"][batch.ext_at[requests], _NUMBER_AT] = 0
    if len(waiting):
        left_out = np.concatenate((outcomes[kinds[outcomes] == Kind.IO_URING_DONE], waiting))
        return _only(batch, np.delete(np.arange(len(batch)), left_out)), held
    return (_without(batch, outcomes) if len(outcomes) else batch), held


def _join(batch: Batch, requests: NDArray[np.intp], outcomes: NDArray[np.intp]) -> None:
    head = batch.head
    result_of = dict(zip(head["arg"][outcomes, 0].tolist(), head["ret"][outcomes].tolist(), strict=True))
    numbers = batch.ext["arg"][batch.ext_at[requests], _NUMBER_AT].tolist()
    pairs = zip(requests.tolist(), numbers, strict=True)
    done = {row: result_of[number] for row, number in pairs if number in result_of}
    rows = list(done)
    head["ret"][rows] = list(done.values())
    head["kind"][rows] = Kind.IO_URING_DONE


def _only(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    """Return some rows of a drain, which is nowhere in the run yet."""
    return replace(take(batch, rows), prior_ns=batch.prior_ns)


def _without(batch: Batch, outcomes: NDArray[np.intp]) -> Batch:
    """Leave out rows that have no text and describe no process."""
    keep = np.ones(len(batch), np.bool_)
    keep[outcomes] = False
    place = np.cumsum(keep, dtype=np.int32) - np.int32(1)
    return replace(batch, head=batch.head[keep], ext_at=batch.ext_at[keep], proc_row=place[batch.proc_row])
