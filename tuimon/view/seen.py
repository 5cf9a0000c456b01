"""Which values a field had lately: what completion offers beside the language's own words."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from tuimon.batch import Batch
from tuimon.events import Event
from tuimon.fields import UNKNOWN, FieldInfo, Scope, Value, resolve
from tuimon.history import History
from tuimon.render import value_text

MOST: Final = 60
_BUDGET_S: Final = 0.02
"""Of the thread's CPU: on a busy machine so much time passes before anything was looked at."""
_FRESH_S: Final = 2.0
"""A field that was looked at this recently is not looked at again."""
_LONGEST: Final = 200
"""Characters; nobody completes a longer value."""
_NEWEST_ROWS: Final = 100_000


class Seen:
    """Looks at the newest events of history, for a bounded time; any thread.

    Args:
        history: The engine's.
        event_of: Makes the row object of an event.
    """

    def __init__(self, history: History, event_of: Callable[[Batch, int], Event]) -> None:
        self._history = history
        self._event_of = event_of
        self._known: dict[str, tuple[float, Sequence[tuple[str, int]]]] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> Sequence[tuple[str, int]]:
        """Return texts of a field's values, the most frequent first, with how often each was seen."""
        with self._lock:
            now = time.monotonic()
            at, found = self._known.get(name, (0.0, ()))
            if found and now - at < _FRESH_S:
                return found
            found = self._look(name)
            self._known[name] = (now, found)
            return found

    def _look(self, name: str) -> Sequence[tuple[str, int]]:
        plain, bracket, rest = name.partition("[")
        resolved = resolve(plain)
        if resolved is None or resolved[0].get is None or resolved[0].filter_only:
            return ()
        info, argument = resolved
        argument = rest.rstrip("]").strip("\"'") if bracket else argument
        if info.arg == "required" and argument is None:
            return ()
        counts: Counter[str] = Counter()
        until = time.thread_time() + _BUDGET_S
        rows = 0
        for batch in reversed(self._history.batches()):
            self._count(batch, info, argument, counts, until)
            rows += len(batch)
            if time.thread_time() >= until or rows >= _NEWEST_ROWS:
                break
        return counts.most_common(MOST)

    def _count(self, batch: Batch, info: FieldInfo, argument: str | None, counts: Counter[str], until: float) -> None:
        """Count the values in one batch: once for each process or container where a field depends on no more."""
        chosen, weights = _one_of_each(batch, info.scope)
        for number, (row, weight) in enumerate(zip(chosen, weights, strict=True)):
            if number and number % 16 == 0 and time.thread_time() >= until:
                return
            for text in _texts(info, self._value(batch, row, info, argument)):
                counts[text] += weight

    def _value(self, batch: Batch, row: int, info: FieldInfo, argument: str | None) -> Value:
        assert info.get is not None
        event = self._event_of(batch, row)
        try:
            return info.get(event, argument)
        except Exception:  # a recording from elsewhere may hold what no kernel writes: nothing to offer
            return None
        finally:
            event.part()


def _one_of_each(batch: Batch, scope: Scope) -> tuple[list[int], list[int]]:
    """Return rows that stand for all, newest first, and how many rows each stands for."""
    if scope is Scope.PROCESS and len(batch.process_at):
        keys = batch.process_at
    elif scope is Scope.CONTAINER:
        keys = batch.head["cgroup_id"]
    else:
        return list(range(len(batch) - 1, -1, -1)), [1] * len(batch)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return first.tolist(), counts.tolist()


def _texts(info: FieldInfo, value: Value) -> Sequence[str]:
    if value is None or value is UNKNOWN:
        return ()
    parts = value if isinstance(value, tuple) else (value,)
    texts = [value_text(info, one) for one in parts]
    return [text for text in texts if text and len(text) <= _LONGEST]
