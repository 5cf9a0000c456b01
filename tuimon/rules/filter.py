"""A filter: an expression of the rule language, or plain text, asked of whole batches.

The screen's filter bar, history scans and ``--filter`` use it. An expression is first asked of the columns (which event
types can it match?), then, exactly, of the rows left; unknown counts as not matching. Text that is no expression but a
bare word, or in quotes, is looked for in names, command lines and paths, whatever the case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.errors import RuleError
from tuimon.events import Event, Process
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import Program
from tuimon.rules.loader import LoadResult, compile_expression
from tuimon.rules.nodes import Condition
from tuimon.rules.predicates import to_bytes

EventOf = Callable[[Batch, int], Event]

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
    """A condition asked of events; safe to use from several threads, nothing is kept between calls."""

    def __init__(self, text: str, condition: Condition, event_of: EventOf, checks: Checks | None = None) -> None:
        self.text = text
        self.condition = condition
        self._event_of = event_of
        program = Program(checks or Checks())
        (self._test,) = program.compile([condition])
        self._blank = program.blank()

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch that match, ascending."""
        kept = [row for row in range(len(batch)) if self.matches(self._event_of(batch, row))]
        return np.array(kept, np.intp)

    def matches(self, event: Event) -> bool:
        """Return whether the condition surely holds."""
        context = self._blank.copy()
        context[0] = event
        return self._test(context) is True


class TextFilter:
    """Plain text looked for, whatever the case of ASCII letters, in comm, the command line and the paths."""

    def __init__(self, text: str, wanted: str, event_of: EventOf) -> None:
        self.text = text
        self._wanted = to_bytes(wanted).lower()
        self._event_of = event_of

    def rows(self, batch: Batch) -> NDArray[np.intp]:
        """Return the rows of a batch whose text holds it, ascending."""
        kept = [row for row in range(len(batch)) if self.matches(self._event_of(batch, row))]
        return np.array(kept, np.intp)

    def matches(self, event: Event) -> bool:
        """Return whether the event's text or its process's holds the wanted text."""
        comm = event.comm
        if comm is not None and self._wanted in to_bytes(comm).lower():
            return True
        if any(self._wanted in slot.lower() for slot in event.batch.slots(event.row)):
            return True
        return event.process is not None and self._in_process(event.process)

    def _in_process(self, process: Process) -> bool:
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
