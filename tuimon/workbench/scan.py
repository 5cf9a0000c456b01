"""Several conditions asked of whole batches at once: which rows each surely matches, and which cannot be decided yet.

Each check is asked once for each distinct thing that it can see (tuimon.workbench.columns), by the rules' own compiled
tests. Unlike ``RuleSet.judge`` nothing is counted, so that a look back does not show up in the rules' own figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import HEAD, Kind
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import Program
from tuimon.rules.nodes import Condition
from tuimon.rules.prefilter_numpy import EventOf
from tuimon.syscalls import event_name
from tuimon.workbench.columns import NO, PERHAPS, YES, Columns, Memory

_CODES: Final = 1 << 24
"""Kind and call number of a record as one number: ``nr | kind << 16``, as they lie side by side in HEAD."""
_CODE_AT: Final = HEAD.fields["nr"][1] if HEAD.fields is not None else 0

Types = frozenset[str] | None


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
        self._conditions = tuple(conditions)
        self._types = tuple(types)
        self._event_of = event_of
        self._checks = checks or Checks()
        self._memory = memory or Memory()
        self._columns: dict[int, Columns] = {}
        self._wanted = _table(self._types)
        Program(self._checks).compile(self._conditions)  # what cannot be compiled is refused now

    def begin(self, batches: Sequence[Batch]) -> None:
        """Say which batches there are; what is remembered of others is let go."""
        self._memory.begin(batches, self._checks)

    def ask(self, batch: Batch) -> Found:
        """Return what the conditions say about a batch (numbered, with ``process_at``)."""
        count = len(self._conditions)
        codes = codes_of(batch)
        rows = np.flatnonzero(self._wanted[codes])
        left = np.zeros(count, np.int64)
        if not len(rows):
            nothing = np.zeros((0, count), bool)
            return Found(rows, nothing, nothing, 0, left)
        codes = codes[rows]
        parts = []
        for code in np.unique(codes).tolist():
            mine = rows[codes == code]
            truth, whole = self._of(code).ask(batch, mine)
            left += np.count_nonzero((truth != NO) | whole, axis=0)
            some = truth.any(axis=1)
            parts.append((mine[some], truth[some]))
        found, truth = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(found, kind="stable")
        truth = truth[order]
        return Found(found[order], truth == YES, truth == PERHAPS, len(rows), left)

    def _of(self, code: int) -> Columns:
        columns = self._columns.get(code)
        if columns is None:
            name = _names()[code]
            pairs = zip(self._conditions, self._types, strict=True)
            mine = [condition if types is None or name in types else None for condition, types in pairs]
            columns = self._columns[code] = Columns(mine, code, self._checks, self._memory, self._event_of)
        return columns


def codes_of(batch: Batch) -> NDArray[np.uint32]:
    """Return kind and call number of each row as one number, (n,): ``nr | kind << 16``."""
    head = batch.head
    if not len(head):
        return np.empty(0, np.uint32)
    # One walk over the column: the two lie side by side, and it is cache misses that this costs.
    both: NDArray[np.uint32] = np.ndarray(len(head), "<u4", head.data, _CODE_AT, head.strides)
    return both & np.uint32(_CODES - 1)


def rows_of(batch: Batch, types: Types) -> NDArray[np.intp]:
    """Return the rows (ascending) of a batch that have one of some event types; None: any."""
    return np.flatnonzero(_table((types,))[codes_of(batch)])


def _table(types: Sequence[Types]) -> NDArray[np.bool_]:
    """Return, for every code, whether one of several sets has its event type."""
    # Zeroed memory is mapped when it is touched: a few pages of the 16 MiB are.
    wanted = np.zeros(_CODES, np.bool_)
    codes = [code for code, name in _names().items() if any(each is None or name in each for each in types)]
    wanted[codes] = True
    return wanted


@cache
def _names() -> dict[int, str]:
    """Return the event type of every code there can be; heartbeats are nobody's event."""
    kinds = [kind for kind in Kind if kind is not Kind.HEARTBEAT]
    return {nr | kind << 16: event_name(kind, nr) for kind in kinds for nr in range(1024)}
