"""Playing a recording back and forth: a source only goes forward, so going back opens it again.

Two pieces. ``reopened`` makes a second engine over the same recording, with the rules that are in force now, that runs
to a given time as fast as it can. ``Scout`` reads the whole recording once beside the engine that plays it, so that
what lies ahead (density, alerts) is known before it is reached.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from tuimon.batch import Batch
from tuimon.capture.recording import RecordingSource
from tuimon.engine import Engine, EngineOptions
from tuimon.enrich.containers import Containers
from tuimon.enrich.processes import ProcessTable
from tuimon.events import Alert
from tuimon.rules.diagnostics import RuleFile
from tuimon.view.timeline import Timeline

_SCOUT_HISTORY: Final = 1 << 20
"""Bytes: nobody looks at a scout's events."""
_MAX_NAP_S: Final = 0.01


def reopened(engine: Engine, skip_to_ns: int) -> Engine:
    """Return an engine, not started, that plays the recording of another from its start again.

    Args:
        engine: Plays a recording; its speed, pause, options and rules are taken over. It goes on until it is stopped.
        skip_to_ns: Time since boot up to which the new one hands events out at once.

    Raises:
        RecordingError: The file cannot be read any more.
        TypeError: The engine plays no recording.
    """
    source = engine.source
    if not isinstance(source, RecordingSource):
        raise TypeError(f"{source.name} is no recording")
    again = RecordingSource(source.path, speed=source.speed, forgiving=source.forgiving)
    again.paused, again.skip_to_ns = source.paused, skip_to_ns
    return _engine(again, engine.options, engine.rule_files())


def _engine(source: RecordingSource, options: EngineOptions, files: Sequence[RuleFile]) -> Engine:
    made = Engine(source, ProcessTable(), Containers(), options)
    made.apply_rules(files)  # they are in force elsewhere: they load
    return made


class Scout:
    """Reads a recording from end to end in threads of its own; leaves the processor to others a third of the time.

    Args:
        engine: Plays the recording; its options and the rules in force are taken over.

    Raises:
        RecordingError: The file cannot be read any more.
    """

    def __init__(self, engine: Engine) -> None:
        source = engine.source
        if not isinstance(source, RecordingSource):
            raise TypeError(f"{source.name} is no recording")
        self.timeline = Timeline()
        self.boot_to_epoch_ns = source.boot_to_epoch_ns
        self.files = engine.rule_files()
        self._source = RecordingSource(source.path, forgiving=True)
        options = EngineOptions(
            history_bytes=_SCOUT_HISTORY,
            first_match_only=engine.options.first_match_only,
            plain_falco=engine.options.plain_falco,
        )
        self._engine = _engine(self._source, options, self.files)
        self._engine.listeners.append(self)
        self._worked_at = time.monotonic()
        self._closed = False

    def start(self) -> None:
        """Begin; returns at once."""
        self._engine.start()

    def batch(self, batch: Batch) -> None:
        """Note a batch, in the scout's engine thread, and rest a little."""
        self.timeline.add_times(batch.head["ts_ns"])
        nap = min((time.monotonic() - self._worked_at) / 2, _MAX_NAP_S)
        time.sleep(nap)
        self._worked_at = time.monotonic()

    @property
    def progress(self) -> float:
        """Share of the file read, 0 to 1."""
        return 1.0 if self.finished else min(self._source.read_share, 0.999)

    @property
    def notice(self) -> str:
        """Why the recording ends before its end, once that is known; else empty."""
        return self._source.notice

    @property
    def finished(self) -> bool:
        """Whether the whole recording was read and judged, or cannot be read any further."""
        return self._closed or self._engine.finished() or self._engine.error() is not None

    def alerts_since(self, num: int) -> Sequence[Alert]:
        """Return the alerts of the recording found since the one with this number, oldest first."""
        return self._engine.alerts_since(num)

    def close(self) -> None:
        """End and free; what was found stays. Idempotent."""
        self._closed = True
        self._engine.stop()
