"""Several conditions asked of whole batches at once: which rows each surely matches, and which cannot be decided yet.

Each check is asked once for each distinct thing that it can see (tuimon.rules.columns), by the rules' own compiled
tests. Unlike ``RuleSet.judge`` nothing is counted, so that a look back does not show up in the rules' own figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import Kind
from tuimon.rules.checks import Checks
from tuimon.rules.columns import NO, PERHAPS, YES, Columns, Types
from tuimon.rules.nodes import Condition
from tuimon.rules.numbering import CODES, Memory, codes_of
from tuimon.rules.versions import EventOf
from tuimon.syscalls import event_name


@dataclass(frozen=True, slots=True)
class Found:
    """What conditions say about one batch; c conditions."""

    rows: NDArray[np.intp]
    """(k,) ascending: rows for which some condition is true or unknown."""
    true: NDArray[np.bool_]
    """(k, c)."""
    unknown: NDArray[np.bool_]
    """(k, c) a value is not known yet."""
    looked_at: int
    """Rows of an event type that some condition looks at."""
    left: NDArray[np.int64]
    """(c,) rows that the engine would have to judge exactly: those that the process, the container and the content of
    the record do not rule out."""


class Scan:
    """Conditions asked of batches. Used by one thread.

    Args:
        conditions: Resolved.
        types: The event types each can be true for, None: any.
        event_of: Makes the row object of an event.
        checks: Compiles the checks.
        memory: What was worked out in earlier looks at the same history.

    Raises:
        RuleError: A condition cannot be compiled.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        types: Sequence[Types],
        event_of: EventOf,
        checks: Checks | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._columns = Columns(conditions, event_of, types, checks, memory)

    def ask(self, batch: Batch) -> Found:
        """Return what the conditions say about a batch (numbered, with ``process_at``)."""
        columns = self._columns
        with columns.memory.lock:
            columns.begin()
            rows, truth, whole = columns.ask(batch)
        some = truth.any(axis=1)
        left = np.count_nonzero((truth != NO) | whole, axis=0)
        truth = truth[some]
        return Found(rows[some], truth == YES, truth == PERHAPS, len(rows), left)


def rows_of(batch: Batch, types: Types) -> NDArray[np.intp]:
    """Return the rows (ascending) of a batch that have one of some event types; None: any."""
    return np.flatnonzero(_table((types,))[codes_of(batch)])


def _table(types: Sequence[Types]) -> NDArray[np.bool_]:
    """Return, for every code, whether one of several sets has its event type."""
    # Zeroed memory is mapped when it is touched: a few pages of the 16 MiB are.
    wanted = np.zeros(CODES, np.bool_)
    codes = [code for code, name in _names().items() if any(each is None or name in each for each in types)]
    wanted[codes] = True
    return wanted


@cache
def _names() -> dict[int, str]:
    """Return the event type of every code there can be; heartbeats are nobody's event."""
    kinds = [kind for kind in Kind if kind is not Kind.HEARTBEAT]
    return {nr | kind << 16: event_name(kind, nr) for kind in kinds for nr in range(1024)}
