"""Joins io_uring requests to their outcomes: two records of the kernel, one event for everybody else.

A request is told when it is made, its outcome when it is there: mostly some microseconds later, and then both are in
one drain. A request whose outcome is not is told without it; the outcome that comes later is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import Kind

_NUMBER_AT: Final = 2
"""Where ``ext.arg`` of a request has its number: behind the last argument that any operation has."""


def with_outcomes(batch: Batch) -> Batch:
    """Return a drain whose requests have their outcomes, as far as they came with it; it may be changed in place."""
    kinds = batch.head["kind"]
    requests = np.flatnonzero(kinds == Kind.IO_URING)
    outcomes = np.flatnonzero(kinds == Kind.IO_URING_DONE)
    if not len(requests) and not len(outcomes):
        return batch
    _join(batch, requests, outcomes)
    return _without(batch, outcomes) if len(outcomes) else batch


def _join(batch: Batch, requests: NDArray[np.intp], outcomes: NDArray[np.intp]) -> None:
    head = batch.head
    result_of = dict(zip(head["arg"][outcomes, 0].tolist(), head["ret"][outcomes].tolist(), strict=True))
    at = batch.ext_at[requests]
    numbers = batch.ext["arg"][at, _NUMBER_AT].tolist()
    batch.ext["arg"][at, _NUMBER_AT] = 0
    done = [
        (row, result_of[number]) for row, number in zip(requests.tolist(), numbers, strict=True) if number in result_of
    ]
    if done:
        rows, results = zip(*done, strict=True)
        head["ret"][list(rows)] = results
        head["kind"][list(rows)] = Kind.IO_URING_DONE


def _without(batch: Batch, outcomes: NDArray[np.intp]) -> Batch:
    """Leave out rows that have no text and describe no process."""
    keep = np.ones(len(batch), np.bool_)
    keep[outcomes] = False
    place = np.cumsum(keep, dtype=np.int32) - np.int32(1)
    return replace(batch, head=batch.head[keep], ext_at=batch.ext_at[keep], proc_row=place[batch.proc_row])
