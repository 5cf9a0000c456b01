"""ReplayView: the time of a recording, or of what history holds, with its alerts and the place we are at; no screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from tuimon.capture.recording import RecordingSource
from tuimon.errors import RecordingError, SettingsError
from tuimon.view.severity import worse
from tuimon.view.timeline import Timeline, timeline_of

if TYPE_CHECKING:
    from tuimon.events import Alert
    from tuimon.rules.diagnostics import RuleFile
    from tuimon.view.session import Session

SPEEDS: Final[tuple[float | None, ...]] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, None)
"""None: as fast as it can be judged."""
_AFTER_NS: Final = 50_000_000
"""A jump to an alert goes this far past it, so that it has been judged."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An alert on the timeline."""

    time_ns: int
    """Since boot."""
    num: int
    """Of the alert."""
    alert: Alert


class Ahead(Protocol):
    """What reads a recording ahead of the engine that plays it (tuimon.replay.Scout)."""

    timeline: Timeline
    files: tuple[RuleFile, ...]
    """The rules it judges by."""

    @property
    def progress(self) -> float:
        """Share of the file read."""

    @property
    def finished(self) -> bool:
        """Whether it is through."""

    @property
    def notice(self) -> str:
        """Why the recording ends before its end; empty: it does not."""

    def start(self) -> None:
        """Begin."""

    def alerts_since(self, num: int) -> Sequence[Alert]:
        """Return the newer alerts, oldest first."""

    def close(self) -> None:
        """End; what was found stays."""


def speed_text(speed: float | None) -> str:
    """Return a speed as people write it."""
    return "max" if speed is None else f"{speed:g}x"


class ReplayView:
    """The timeline behind the replay tab.

    Args:
        session: Whose engine plays or is live.
        ahead: Makes what reads a recording ahead, by the rules in force; None: what was played is all that is known.
        before: The view of the engine that this one took the place of: what was found out stays known.
    """

    def __init__(
        self, session: Session, ahead: Callable[[], Ahead] | None = None, before: ReplayView | None = None
    ) -> None:
        self.session = session
        self._ahead = ahead
        source = getattr(session.engine, "source", None)
        self.source: RecordingSource | None = source if isinstance(source, RecordingSource) else None
        """None while live."""
        self.timeline = Timeline()
        self.marks: list[Mark] = []
        """Ascending by time."""
        self.error = ""
        self.progress = 1.0 if self.source is None else 0.0
        """Share of the recording that the timeline and the marks hold, 0 to 1."""
        self._last_num = 0
        self._scout: Ahead | None = None
        if before is not None and self.source is not None and before.source is not None:
            self._scout, before._scout = before._scout, None
            self.progress = before.progress
            self.timeline, self.marks, self._last_num = before.timeline, before.marks, before._last_num

    # Data.

    def sync(self) -> None:
        """Take what is new; about twice a second."""
        if self.source is None:
            self.timeline = timeline_of(self.session.engine.history)
            self._take(self.session.engine.alerts_since(self._last_num))
            first = self.timeline.first_ns
            if self.marks and self.marks[0].time_ns < first:
                self.marks = [mark for mark in self.marks if mark.time_ns >= first]
            return
        scout = self._scouted()
        if scout is None:
            self.progress = 1.0  # what was played is all that will be known
            return
        progress, finished = scout.progress, scout.finished  # before the rest: an alert may come in between
        self.timeline = scout.timeline
        self._take(scout.alerts_since(self._last_num))
        self.progress = progress
        if finished:
            scout.close()

    def _scouted(self) -> Ahead | None:
        """Return what reads ahead by the rules in force, a new one when they changed."""
        if self._ahead is None or self.error:
            return self._scout
        if self._scout is None or self._scout.files != self.session.engine.rule_files():
            self.close()
            self.marks, self._last_num = [], 0
            try:
                self._scout = self._ahead()
            except RecordingError as error:
                self.error = str(error)
                return None
            self._scout.start()
        return self._scout

    def _take(self, alerts: Sequence[Alert]) -> None:
        if not alerts:
            return
        self._last_num = alerts[-1].num
        new = [Mark(alert.event.ts_ns, alert.num, alert) for alert in alerts]
        self.marks = sorted([*self.marks, *new], key=lambda mark: (mark.time_ns, mark.num))

    def close(self) -> None:
        """End the scout."""
        if self._scout is not None:
            self._scout.close()
            self._scout = None

    # Where we are.

    @property
    def notice(self) -> str:
        """Why the recording ends before its end, as far as it is known; empty: it does not."""
        return "" if self._scout is None else self._scout.notice

    @property
    def offset_ns(self) -> int:
        """Add to a time since boot to get the time since the epoch."""
        if self.source is not None:
            return self.source.boot_to_epoch_ns
        batches = self.session.engine.history.batches()
        return self.session.engine.event(batches[0], 0).boot_to_epoch_ns if batches else 0

    @property
    def position_ns(self) -> int:
        """Time since boot of the newest event that the panes show."""
        if self.source is None:
            return self.timeline.last_ns
        return self.source.position_ns or self.timeline.first_ns

    @property
    def skipping(self) -> bool:
        """Whether the recording is on its way to a time it was sent to."""
        source = self.source
        return source is not None and source.skipping and not source.ended

    def worst(self, width: int) -> list[str | None]:
        """Return the worst priority in each of ``width`` columns of the timeline."""
        out: list[str | None] = [None] * width
        for mark in self.marks:
            at = self.timeline.column_of(mark.time_ns, width)
            if width:
                out[at] = worse(out[at], mark.alert.priority)
        return out

    def mark_from_here(self, step: int, here_ns: int | None = None) -> Mark | None:
        """Return the next alert after the place we are at, or another time (1), or the one before it (-1)."""
        here = self.position_ns if here_ns is None else here_ns
        if step > 0:
            return next((mark for mark in self.marks if mark.time_ns > here), None)
        # The one just jumped to lies a little behind the place it led to.
        return next((mark for mark in reversed(self.marks) if mark.time_ns < here - 2 * _AFTER_NS), None)

    def time_of(self, mark: Mark) -> int:
        """Return where to go for an alert to have just happened."""
        return mark.time_ns + (_AFTER_NS if self.source is not None else 0)

    # Commands.

    def turn_speed(self, step: int) -> float | None:
        """Go to the next faster (1) or slower (-1) speed and return it."""
        if self.source is None:
            return 1.0
        now = self.source.speed
        at = SPEEDS.index(now) if now in SPEEDS else 1
        self.source.speed = SPEEDS[min(max(at + step, 0), len(SPEEDS) - 1)]
        return self.source.speed

    def go(self, time_ns: int) -> bool:
        """Play on to a time since boot at once; False when it lies behind us, which only a new start can reach."""
        source = self.source
        if source is None or time_ns < source.position_ns or source.ended:
            return False
        source.skip_to_ns = time_ns
        return True

    def parse(self, text: str) -> int:
        """Return the time since boot that somebody wrote: ``16:02:05``, ``+1:30`` or ``-10`` from here, ``50%``.

        Raises:
            SettingsError: It is none of these.
        """
        text = text.strip()
        if found := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", text):
            return self.timeline.time_at(float(found[1]) / 100)
        if found := re.fullmatch(r"([+-])((?:\d{1,4}:){0,2}\d{1,6}(?:\.\d+)?)", text):
            return self.position_ns + (1 if found[1] == "+" else -1) * _seconds_ns(found[2])
        if re.fullmatch(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?", text):
            return self._time_of_day(text)
        raise SettingsError(f"{text!r} is no time", "write 16:02:05, +1:30 or -10 (from here), or 50%")

    def _time_of_day(self, text: str) -> int:
        """Return the time of day nearest to the middle of the timeline, so that midnight is no trap."""
        parts = text.split(":")
        wanted_s = int(parts[0]) * 3600 + int(parts[1]) * 60 + (float(parts[2]) if len(parts) > 2 else 0.0)
        middle_ns = self.timeline.time_at(0.5) + self.offset_ns
        day = time.localtime(middle_ns // 1_000_000_000)
        of_day_s = day.tm_hour * 3600 + day.tm_min * 60 + day.tm_sec + middle_ns % 1_000_000_000 / 1e9
        away_s = (wanted_s - of_day_s + 43_200) % 86_400 - 43_200
        return middle_ns + round(away_s * 1e9) - self.offset_ns


def _seconds_ns(text: str) -> int:
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return round(seconds * 1e9)
