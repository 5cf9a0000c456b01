"""Timeline: how many events there were when, in bins that grow as the time does; one writer, any reader."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.history import History

BINS: Final = 4096
_FIRST_WIDTH_NS: Final = 10_000_000
_MOMENT_NS: Final = 50_000_000


class Timeline:
    """Counts of events over time.

    There are never more than ``BINS`` bins: when time outgrows them, each becomes twice as long.
    """

    def __init__(self) -> None:
        self.first_ns = 0
        """Since boot; 0 before the first event."""
        self.last_ns = 0
        self.events = 0
        self._width_ns = _FIRST_WIDTH_NS
        self._counts: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def add(self, first_ns: int, last_ns: int, count: int) -> None:
        """Count some events that lie between two times, in the bin of the middle between them."""
        if not self.events:
            self.first_ns = self.last_ns = first_ns
        at = ((first_ns + last_ns) // 2 - self.first_ns) // self._width_ns
        while at >= BINS:
            self._halve()
            at //= 2
        self._counts[max(at, 0)] += count  # a batch may begin a little before the first one did
        self.last_ns = max(self.last_ns, last_ns)
        self.events += count

    def add_times(self, times: NDArray[np.uint64]) -> None:
        """Count events, each in its own bin: ``times`` are (n,) since boot, ascending, at least one."""
        if not self.events:
            self.first_ns = self.last_ns = int(times[0])
        while (int(times[-1]) - self.first_ns) // self._width_ns >= BINS:
            self._halve()
        at = np.maximum(times.astype(np.int64) - self.first_ns, 0) // self._width_ns
        counts = np.bincount(at, minlength=BINS)
        self._counts += counts
        self.last_ns = max(self.last_ns, int(times[-1]))
        self.events += len(times)

    def _halve(self) -> None:
        """Make each bin twice as long."""
        halved = self._counts.reshape(-1, 2).sum(axis=1)
        self._counts = np.concatenate((halved, np.zeros(BINS - len(halved), np.int64)))
        self._width_ns *= 2

    @property
    def span_ns(self) -> int:
        """From the first event to the last."""
        return self.last_ns - self.first_ns

    def columns(self, width: int) -> NDArray[np.int64]:
        """Return (width,) int64: the events of each of ``width`` equal parts of the time."""
        if width <= 0 or not self.events:
            return np.zeros(max(width, 0), np.int64)
        used = min(self.span_ns // self._width_ns + 1, BINS)
        # The middle of a bin decides where it counts.
        middles = (np.arange(used) * 2 + 1) * self._width_ns // 2
        place = np.minimum(middles * width // max(self.span_ns + 1, 1), width - 1)
        out = np.zeros(width, np.int64)
        np.add.at(out, place, self._counts[:used])
        return out

    def column_of(self, time_ns: int, width: int) -> int:
        """Return the column of a time, the first or last for one outside."""
        return min(max((time_ns - self.first_ns) * width // max(self.span_ns + 1, 1), 0), max(width - 1, 0))

    def time_at(self, share: float) -> int:
        """Return the time at a share (0 to 1) of the whole."""
        return self.first_ns + round(self.span_ns * min(max(share, 0.0), 1.0))


def timeline_of(history: History) -> Timeline:
    """Return the timeline of what a history holds; a batch of a moment counts at its middle."""
    made = Timeline()
    for batch in history.batches():
        times = batch.head["ts_ns"]
        first, last = int(times[0]), int(times[-1])
        if last - first < _MOMENT_NS:
            made.add(first, last, len(batch))
        else:
            made.add_times(times)
    return made


def number_at(history: History, time_ns: int) -> int | None:
    """Return the number of the first event at or after a time since boot, else of the last; None without events."""
    batches = history.batches()
    if not batches:
        return None
    low, high = 0, len(batches)
    while low < high:
        middle = (low + high) // 2
        if int(batches[middle].head["ts_ns"][-1]) < time_ns:
            low = middle + 1
        else:
            high = middle
    if low == len(batches):
        return batches[-1].first_num + len(batches[-1]) - 1
    return batches[low].first_num + int(np.searchsorted(batches[low].head["ts_ns"], time_ns))
