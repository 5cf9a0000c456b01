"""A filter: an expression of the rule language, or plain text, asked of whole batches.

The screen's filter bar, history scans and ``--filter`` use it. An expression is first asked of the columns, by the same
prefilter as the rules, then, exactly, of the rows that leaves in doubt; unknown counts as not matching. Text that is no
expression but a bare word, or in quotes, is looked for in names, command lines and paths, whatever the case.
"""

from __future__ import annotations

import re
import threading
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.errors import RuleError
from tuimon.events import Event, Process
from tuimon.records import Kind
from tuimon.rules.checks import Checks, Context, Test
from tuimon.rules.evaluate import Program
from tuimon.rules.graph import FALSE, Graph
from tuimon.rules.loader import LoadResult, compile_expression
from tuimon.rules.nodes import Condition
from tuimon.rules.predicates import to_bytes
from tuimon.rules.prefilter_numpy import Actors, EventOf, Mask
from tuimon.syscalls import event_name

_CALL_NUMBERS: Final = 1 << 16
_KINDS: Final = frozenset(Kind)
_WORD = re.compile(r"[^\s()\"'=<>!,]+\Z")
_QUOTED = re.compile(r"\"([^\"]*)\"\Z|'([^']*)'\Z")


class Filter(Protocol):
    """What an expression or a text keeps of a batch."""

    text: str

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch that it keeps, ascending."""

    def matches(self, event: Event) -> bool:
        """Return whether it keeps one event."""


class ExpressionFilter:
    """A condition asked of events; any thread, one at a time."""

    def __init__(self, text: str, condition: Condition, event_of: EventOf, checks: Checks | None = None) -> None:
        self.text = text
        self.condition = condition
        self._event_of = event_of
        self._checks = checks or Checks()
        self._actors = Actors()
        self._buckets: dict[int, tuple[Mask | None, Test, Context]] = {}
        self._lock = threading.Lock()
        self._bucket(0)  # a condition that cannot be compiled is refused now

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch that match, ascending."""
        with self._lock:
            codes = batch.head["kind"].astype(np.int32) * _CALL_NUMBERS + batch.head["nr"]
            everything = np.arange(len(batch))
            wanted = [code for code in np.unique(codes).tolist() if self._bucket(code)[0] is not None]
            rows = everything[np.isin(codes, wanted)]
            if not len(rows):
                return rows
            actors = self._actors.number(batch, rows, self._event_of)
            codes = codes[rows]
            kept = []
            for code in wanted:
                mine = np.flatnonzero(codes == code)
                kept.append(self._exact(code, batch, rows[mine], actors[mine]))
            return np.sort(np.concatenate(kept))

    def matches(self, event: Event) -> bool:
        """Return whether the condition surely holds."""
        with self._lock:
            _, test, blank = self._bucket(event.kind * _CALL_NUMBERS + event.nr)
            context = blank.copy()
            context[0] = event
            return test(context) is True

    def _exact(self, code: int, batch: Batch, rows: NDArray[np.intp], actors: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return which rows of one kind surely match."""
        mask, test, blank = self._bucket(code)
        assert mask is not None
        left = mask.keep(batch, rows, actors, self._actors.generation, self._event_of)
        sure = left.sure.copy()
        for at in np.flatnonzero(~sure).tolist():
            context = blank.copy()
            context[0] = self._event_of(batch, int(left.rows[at]))
            sure[at] = test(context) is True
        return left.rows[sure]

    def _bucket(self, code: int) -> tuple[Mask | None, Test, Context]:
        """Return mask and test for one kind of event, without a mask when none of them can match."""
        known = self._buckets.get(code)
        if known is None:
            kind, number = divmod(code, _CALL_NUMBERS)
            name = event_name(kind, number)
            graph = Graph()
            root = graph.add(self.condition, name)
            program = Program(self._checks, graph)
            (test,) = program.print([root])
            mask = None
            if root != FALSE:
                mask = Mask(graph, [root], self._checks, Kind(kind) if kind in _KINDS else Kind.HEARTBEAT, name)
            known = self._buckets[code] = (mask, test, program.blank())
        return known


class TextFilter:
    """Plain text looked for, whatever the case of ASCII letters, in comm, the command line and the paths."""

    def __init__(self, text: str, wanted: str, event_of: EventOf) -> None:
        self.text = text
        self._wanted = to_bytes(wanted).lower()
        self._event_of = event_of

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch whose text holds it, ascending."""
        if not self._wanted or not len(batch):
            return np.arange(len(batch))
        kept = self._by_process(batch)
        ext_rows = np.union1d(self._by_comm(batch), self._by_text(batch))
        if len(ext_rows):
            kept |= np.isin(batch.ext_at, ext_rows)
        return np.flatnonzero(kept)

    def _by_process(self, batch: Batch) -> NDArray[np.bool_]:
        """Return, (n,), whether the process of each row holds it; each process is looked at once."""
        if not len(batch.process_at):
            return np.zeros(len(batch), bool)
        _, first, inverse = np.unique(batch.process_at, return_index=True, return_inverse=True)
        found = [self._in_process(self._event_of(batch, row).process) for row in first.tolist()]
        return np.array(found, bool)[inverse]

    def _by_comm(self, batch: Batch) -> NDArray[np.intp]:
        """Return the ext rows whose comm holds it."""
        if not len(batch.ext):
            return np.empty(0, np.intp)
        return np.flatnonzero(np.char.find(np.char.lower(batch.ext["comm"]), self._wanted) >= 0)

    def _by_text(self, batch: Batch) -> NDArray[np.intp]:
        """Return the ext rows with a text slot that holds it."""
        arena, wanted = batch.arena.lower(), self._wanted
        found: list[int] = []
        at = arena.find(wanted)
        while at >= 0:
            row = int(np.searchsorted(batch.text_at, at, side="right")) - 1
            end = int(batch.text_at[row + 1])
            if at + len(wanted) <= end and self._in_one_slot(batch, row, arena):
                found.append(row)
            at = arena.find(wanted, max(end, at + 1))
        return np.array(found, np.intp)

    def _in_one_slot(self, batch: Batch, ext_row: int, arena: bytes) -> bool:
        """Whether the text lies in one slot, not across the seam of two."""
        at = int(batch.text_at[ext_row])
        for length in batch.ext["slot_len"][ext_row].tolist():
            if self._wanted in arena[at : at + length]:
                return True
            at += length
        return False

    def matches(self, event: Event) -> bool:
        """Return whether the event's text or its process's holds the wanted text."""
        comm = event.comm
        if comm is not None and self._wanted in to_bytes(comm).lower():
            return True
        if any(self._wanted in slot.lower() for slot in event.batch.slots(event.row)):
            return True
        return self._in_process(event.process)

    def _in_process(self, process: Process | None) -> bool:
        if process is None:
            return False
        return any(self._wanted in to_bytes(text).lower() for text in (process.cmdline, process.exepath, process.exe))


def plain_text(text: str) -> str | None:
    """Return what a plain-text filter looks for, None when the text is more than a word or a quoted text."""
    stripped = text.strip()
    if quoted := _QUOTED.match(stripped):
        return quoted[1] if quoted[1] is not None else quoted[2]
    return stripped if _WORD.match(stripped) else None


def compile_filter(text: str, loaded: LoadResult | None, event_of: EventOf) -> Filter:
    """Return the filter of a text.

    Args:
        text: An expression, which may use the macros and lists of ``loaded``, or plain text.
        loaded: The rule files in force; None when there are none.
        event_of: Makes the row object of an event.

    Raises:
        RuleError: The text is neither a valid expression nor plain text; says where and what was expected.
    """
    try:
        condition = compile_expression(text, loaded)
        return ExpressionFilter(text, condition, event_of)
    except RuleError:
        wanted = plain_text(text)
        if wanted is None:
            raise
    return TextFilter(text, wanted, event_of)
