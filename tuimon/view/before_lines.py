"""What was frozen with an alert, as rows of the live list."""

from __future__ import annotations

from bisect import bisect_left

from tuimon.batch import Batch
from tuimon.before import Frozen
from tuimon.events import Alert, Event
from tuimon.render import duration_text


class FrozenRows:
    """The frozen events as rows and as their engine; see ``LiveLines``.

    Args:
        frozen: The events.
    """

    first = 0

    def __init__(self, frozen: Frozen) -> None:
        self._frozen = frozen
        self._nums = frozen.nums.tolist()

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._nums)

    def num(self, seq: int) -> int | None:
        """Return the event number of a row."""
        return self._nums[seq] if 0 <= seq < len(self._nums) else None

    def seq_near(self, num: int) -> int:
        """Return the row of an event number, or of the next there is."""
        return min(bisect_left(self._nums, num), max(len(self._nums) - 1, 0))

    def find_num(self, num: int) -> tuple[Batch, int] | None:
        """Return the batch and row of an event number."""
        seq = self.seq_near(num)
        return (self._frozen.batch, seq) if self.num(seq) == num else None

    def event(self, batch: Batch, row: int) -> Event:  # noqa: ARG002
        """Return a row object."""
        return self._frozen.event(row)


def before_foot(frozen: Frozen, alert: Alert) -> str:
    """Return how far back it goes and what is missing in it."""
    span = alert.time_ns - frozen.event(0).time_ns
    lost = f"{frozen.lost:,} LOST meanwhile" if frozen.lost else "0 lost meanwhile"
    cut = "; older ones had no room" if frozen.cut else "; none older"
    shared = "" if frozen.alert_num == alert.num else f"; frozen with alert {frozen.alert_num}, of the same rule"
    return f"{len(frozen):,} events in {duration_text(max(span, 0))} before the alert, {lost}{cut}{shared}"
