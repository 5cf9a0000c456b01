"""Several conditions asked of whole batches at once: which rows each surely matches, and which cannot be decided yet.

The columns are asked first, through the rules' own prefilter, and the exact evaluator only where that leaves a doubt.
Unlike ``RuleSet.judge`` nothing is counted, so that a look back does not show up in the rules' own figures.
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
from tuimon.rules.checks import Checks, Context, Test
from tuimon.rules.evaluate import Program
from tuimon.rules.graph import FALSE, Graph
from tuimon.rules.nodes import Condition
from tuimon.rules.prefilter_numpy import Actors, EventOf, Mask
from tuimon.syscalls import event_name

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
    """(c,) rows that the prefilter left to each condition."""


@dataclass(slots=True)
class _Bucket:
    mask: Mask
    tests: list[Test | None]
    """None where the event type rules a condition out."""
    clauses: list[NDArray[np.uint64]]
    """Of each condition its clauses, as words."""
    blank: Context


class Scan:
    """Conditions asked of batches. Used by one thread.

    Args:
        conditions: Resolved.
        types: The event types each can be true for, None: any.
        event_of: Makes the row object of an event.
        checks: Compiles the checks.
        actors: The numbers of the actors; give the same to several scans of one history to share them.

    Raises:
        RuleError: A condition cannot be compiled.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        types: Sequence[Types],
        event_of: EventOf,
        checks: Checks | None = None,
        actors: Actors | None = None,
    ) -> None:
        self._conditions = tuple(conditions)
        self._types = tuple(types)
        self._event_of = event_of
        self._checks = checks or Checks()
        self._actors = actors or Actors()
        self._buckets: dict[int, _Bucket] = {}
        self._wanted = _table(self._types)
        Program(self._checks).compile(self._conditions)  # what cannot be compiled is refused now

    def ask(self, batch: Batch) -> Found:
        """Return what the conditions say about a batch (numbered, with ``process_at``)."""
        count = len(self._conditions)
        codes = codes_of(batch)
        rows = np.flatnonzero(self._wanted[codes])
        left = np.zeros(count, np.int64)
        if not len(rows):
            nothing = np.zeros((0, count), bool)
            return Found(rows, nothing, nothing, 0, left)
        actors = self._actors.number(batch, rows, self._event_of)
        codes = codes[rows]
        parts = []
        for code in np.unique(codes).tolist():
            mine = np.flatnonzero(codes == code)
            parts.append(self._of_code(code, batch, rows[mine], actors[mine], left))
        found, true, unknown = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(found, kind="stable")
        return Found(found[order], true[order], unknown[order], len(rows), left)

    def _of_code(
        self,
        code: int,
        batch: Batch,
        rows: NDArray[np.intp],
        actors: NDArray[np.int64],
        left: NDArray[np.int64],
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
        bucket = self._bucket(code)
        kept = bucket.mask.keep(batch, rows, actors, self._actors.generation, self._event_of)
        shape = len(kept.rows), len(self._conditions)
        true, unknown = np.zeros(shape, bool), np.zeros(shape, bool)
        doubt = np.zeros(shape, bool)
        for at, words in enumerate(bucket.clauses):
            may = (kept.bits & words).any(axis=1)
            left[at] += np.count_nonzero(may)
            true[:, at] = (kept.sure_bits & words).any(axis=1)
            doubt[:, at] = may & ~true[:, at]
        for at in np.flatnonzero(doubt.any(axis=1)).tolist():
            context = bucket.blank.copy()
            context[0] = self._event_of(batch, int(kept.rows[at]))
            for place in np.flatnonzero(doubt[at]).tolist():
                test = bucket.tests[place]
                result = test(context) if test is not None else False
                true[at, place], unknown[at, place] = result is True, result is None
        some = (true | unknown).any(axis=1)
        return kept.rows[some], true[some], unknown[some]

    def _bucket(self, code: int) -> _Bucket:
        bucket = self._buckets.get(code)
        if bucket is None:
            bucket = self._buckets[code] = self._compiled(code)
        return bucket

    def _compiled(self, code: int) -> _Bucket:
        kind, number = Kind(code >> 16), code & 0xFFFF
        name = event_name(kind, number)
        graph = Graph()
        roots = [
            graph.add(condition, name) if types is None or name in types else FALSE
            for condition, types in zip(self._conditions, self._types, strict=True)
        ]
        program = Program(self._checks, graph)
        tests = program.print(roots)
        mask = Mask(graph, roots, self._checks, kind, name)
        return _Bucket(
            mask,
            [test if root != FALSE else None for root, test in zip(roots, tests, strict=True)],
            [mask.clauses_of(at) for at in range(len(roots))],
            program.blank(),
        )


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
