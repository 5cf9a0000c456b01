"""A filter: an expression of the rule language, or plain text, asked of whole batches.

The screen's filter bar, history scans and ``--filter`` use it. An expression is asked of columns
(tuimon.rules.columns); unknown counts as not matching. Text that is no expression but a bare word, or in quotes, is
looked for in names, command lines and paths, whatever the case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.errors import RuleError
from tuimon.events import Event, Process
from tuimon.records import SLOTS
from tuimon.rules.args_words import PREPARED_MEMBERS
from tuimon.rules.checks import Checks
from tuimon.rules.columns import YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.grouping import Groups, Rows
from tuimon.rules.loader import LoadResult, compile_expression
from tuimon.rules.nodes import Condition
from tuimon.rules.numbering import NOT_ASKED, Memory
from tuimon.rules.occurrences import occurrences
from tuimon.rules.pools import Places
from tuimon.rules.predicates import to_bytes
from tuimon.rules.versions import EventOf
from tuimon.rules.word_groups import PREPARED_BY_PLACE, PREPARED_PLACES

_WORD = re.compile(r"[^\s()\"'=<>!,]+\Z")
_QUOTED = re.compile(r"\"([^\"]*)\"\Z|'([^']*)'\Z")


class Filter(Protocol):
    """What an expression or a text keeps of a batch."""

    text: str

    def rows(self, batch: Batch) -> Rows:
        """Return the rows of a batch that it keeps, ascending."""

    def matches(self, event: Event) -> bool:
        """Return whether it keeps one event."""


class ExpressionFilter:
    """A condition asked of events; any thread, one at a time."""

    def __init__(
        self,
        text: str,
        condition: Condition,
        event_of: EventOf,
        checks: Checks | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.text = text
        self.condition = condition
        self._columns = Columns((condition,), event_of, None, checks, memory)
        self._judge = compile_condition(condition, checks=self._columns.checks)

    def rows(self, batch: Batch) -> Rows:
        """Return the rows of a batch that match, ascending."""
        columns = self._columns
        with columns.memory.lock:
            columns.begin()
            rows, truth, _ = columns.ask(batch)
        return np.asarray(rows[truth[:, 0] == YES])

    def matches(self, event: Event) -> bool:
        """Return whether the condition surely holds."""
        return self._judge(event) is True


class TextFilter:
    """Plain text looked for, whatever the case of ASCII letters, in comm, the command line and the paths."""

    def __init__(self, text: str, wanted: str, event_of: EventOf, memory: Memory | None = None) -> None:
        self.text = text
        self._wanted = to_bytes(wanted).lower()
        self._event_of = event_of
        self._memory = memory or Memory()
        self._last: tuple[NDArray[np.void] | None, NDArray[np.bool_]] = None, np.empty(0, bool)
        """The ext rows looked at last, and which of them hold it."""

    def rows(self, batch: Batch) -> Rows:
        """Return the rows of a batch whose text holds it, ascending."""
        if not self._wanted or not len(batch):
            return np.arange(len(batch))
        kept = self._by_process(batch)
        ext, ext_kept = self._last
        if batch.ext is not ext:  # neighbours may have it together
            ext_kept = self._by_comm(batch) | self._by_text(batch)
            self._last = batch.ext, ext_kept
        if ext_kept.any():
            kept |= np.append(ext_kept, False)[batch.ext_at]  # row -1: no ext
        return np.flatnonzero(kept)

    def _by_process(self, batch: Batch) -> NDArray[np.bool_]:
        """Return, (n,), whether the process of each row holds it; each distinct text is looked at once."""
        with self._memory.lock:
            self._memory.begin()
            groups = self._memory.groups(batch, "process")
            places = self.texts(batch, groups)
            if b"\0" in self._wanted:  # which no argument and no path can hold
                return np.zeros(len(batch), bool)
            texts = self._memory.pool(_LOWERED).values
            table = self._memory.table("value", (_LOWERED, self._wanted), len(texts))
            new = np.unique(places[table[places] == NOT_ASKED])
            table[new] = [self._wanted in texts[at] for at in new.tolist()]
            return np.asarray(table[places][groups.of_row] > 0)

    def texts(self, batch: Batch, groups: Groups) -> Places:
        """Return the place of what is looked through for each group of processes; kept for the next text."""
        numbers = self._memory.process_numbers(batch, groups, self._event_of)
        known = self._memory.places("process", _LOWERED, int(numbers.max(initial=-1)) + 1, _LOWERED)
        missing = np.flatnonzero(known[numbers] < 0)
        if len(missing):
            processes = [self._event_of(batch, row).process for row in groups.first[missing].tolist()]
            known[numbers[missing]] = self._memory.pool(_LOWERED).places(map(_texts_of, processes))
        return known[numbers]

    def _by_comm(self, batch: Batch) -> NDArray[np.bool_]:
        """Return, (m,), whether the comm of each ext row holds it."""
        kept = np.zeros(len(batch.ext), bool)
        comm = np.ascontiguousarray(batch.ext["comm"])
        size = comm.dtype.itemsize
        starts = occurrences(comm.tobytes().lower(), self._wanted)
        rows = starts[starts % size + len(self._wanted) <= size] // size
        if b"\0" in self._wanted:  # what fills a comm up is not part of it
            rows = np.array([row for row in rows.tolist() if self._wanted in bytes(comm[row]).lower()], np.intp)
        kept[rows] = True
        return kept

    def _by_text(self, batch: Batch) -> NDArray[np.bool_]:
        """Return, (m,), whether a text slot of each ext row holds it."""
        kept = np.zeros(len(batch.ext), bool)
        arena = batch.arena.lower()
        starts = occurrences(arena, self._wanted)
        rows = np.searchsorted(batch.text_at, starts, side="right") - 1
        rows, first = np.unique(rows, return_index=True)
        starts = starts[first] - batch.text_at[rows]
        ends = np.cumsum(batch.ext["slot_len"][rows], axis=1, dtype=np.int64)
        slot = np.minimum((ends <= starts[:, None]).sum(axis=1), SLOTS - 1)
        inside = starts + len(self._wanted) <= ends[np.arange(len(rows)), slot]
        kept[rows[inside]] = True
        for row in rows[~inside].tolist():  # that place lies across the seam of two slots; there may be another
            kept[row] = self._in_one_slot(batch, row, arena)
        return kept

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
        return b"\0" not in self._wanted and self._wanted in _texts_of(event.process)


def _texts_of(process: Process | None) -> bytes:
    """Return what plain text is looked for in of a process, in lower case, with NULs between."""
    if process is None:
        return b""
    return to_bytes("\0".join((process.cmdline, process.exepath, process.exe))).lower()


class Preparation:
    """Works out beforehand what filters will most likely ask, so that the first one answers as quickly as the next.

    Args:
        event_of: Makes the row object of an event.
        memory: Where filters look.
    """

    def __init__(self, event_of: EventOf, memory: Memory) -> None:
        self._columns = Columns([compile_expression(text) for text in _LIKELY], event_of, None, None, memory)
        self._text = TextFilter("", "", event_of, memory)

    def prepare(self, batches: Sequence[Batch]) -> Batch | None:
        """Prepare the newest batch that is not prepared and return it, None when all are. Any thread.

        Small ones are left: they cost little, and will be joined.
        """
        columns, memory = self._columns, self._columns.memory
        with memory.lock, memory.preparing():
            memory.tidy(batches)
            columns.begin()
            for batch in reversed(batches):
                if len(batch) >= _WORTH_IT and memory.known(batch).prepared != memory.lost:
                    columns.ask(batch)
                    columns.know_members(batch, PREPARED_MEMBERS)
                    self._text.texts(batch, memory.groups(batch, "process"))
                    memory.known(batch).prepared = memory.lost
                    return batch
        return None


_LOWERED: Final = "lowered"
"""Names the pool of the texts of processes in lower case, and which of them a process has."""
_WORTH_IT: Final = 4096
_FIELDS: Final = """
    proc.name proc.cmdline proc.exepath proc.exe proc.args proc.aname proc.pname proc.pcmdline proc.cwd proc.sname
    proc.pid proc.ppid proc.tty user.name user.uid user.loginuid evt.res fd.name fd.directory fd.filename
    fd.type fd.sport fs.path.name evt.is_open_write
    """.split()  # noqa: SIM905  a list literal would take a line each
_LIKELY: Final = (
    *(f"{name} exists" for name in _FIELDS),
    *(f"{PREPARED_BY_PLACE}[{place}] = ''" for place in PREPARED_PLACES),
    "evt.arg.flags = ''",
)


def plain_text(text: str) -> str | None:
    """Return what a plain-text filter looks for, None when the text is more than a word or a quoted text."""
    stripped = text.strip()
    if quoted := _QUOTED.match(stripped):
        return quoted[1] if quoted[1] is not None else quoted[2]
    return stripped if _WORD.match(stripped) else None


def compile_filter(text: str, loaded: LoadResult | None, event_of: EventOf, memory: Memory | None = None) -> Filter:
    """Return the filter of a text.

    Args:
        text: An expression, which may use the macros and lists of ``loaded``, or plain text.
        loaded: The rule files in force; None when there are none.
        event_of: Makes the row object of an event.
        memory: What earlier filters worked out about the same history.

    Raises:
        RuleError: The text is neither a valid expression nor plain text; says where and what was expected.
    """
    try:
        condition = compile_expression(text, loaded)
        return ExpressionFilter(text, condition, event_of, memory=memory)
    except RuleError:
        wanted = plain_text(text)
        if wanted is None:
            raise
    return TextFilter(text, wanted, event_of, memory)
