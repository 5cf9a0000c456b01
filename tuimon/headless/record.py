"""``tuimon record`` and the recorder behind it: batches go to disk in a thread of their own, off the event path."""

from __future__ import annotations

import platform
import queue
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from tuimon import __version__
from tuimon.batch import Batch
from tuimon.capture.recording import RecordingWriter
from tuimon.capture.source import CallCounts, Counts
from tuimon.engine import Engine
from tuimon.enrich.users import known_names
from tuimon.escape import clean
from tuimon.headless.watch import failure
from tuimon.invoker import give_to_invoker
from tuimon.view.clock import span

MAX_WAITING_BYTES: Final = 128 * 1024 * 1024
"""Batches that wait for a slow disk; beyond it they are left out of the recording, counted and said."""

COUNT_S: Final = 1.0
_BEFORE_NS: Final = 5_000_000_000
"""Processes that ended this long before the first event are still told: some rings are read later than others."""


@dataclass(frozen=True, slots=True)
class _Processes:
    """What a recording begins with: the processes there are."""

    state: object


class Recorder:
    """Records what an engine sees, from now on.

    Args:
        engine: Running or not started yet.
        path: New file.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine = engine
        self.left_out = 0
        """Events that are not in the recording because the disk was too slow."""
        self.error: BaseException | None = None
        self._given = self._taken = 0
        """Bytes of batches: each is written by one thread alone, as a sum that two threads write loses some."""
        self._counted_at = 0.0
        self._queue: queue.SimpleQueue[Batch | _Processes | tuple[Counts, CallCounts] | None] = queue.SimpleQueue()
        self._containers_revision = -1
        self._writer = RecordingWriter(
            path,
            recording_meta(engine),
        )
        self._first = True
        self._thread = threading.Thread(target=self._write, name="tuimon-recorder", daemon=True)
        self._thread.start()
        engine.listeners.append(self)

    @property
    def _waiting(self) -> int:
        """Bytes of batches that are still to be written."""
        return self._given - self._taken

    @property
    def events(self) -> int:
        """Events written."""
        return self._writer.events

    @property
    def path(self) -> Path:
        """The file."""
        return self._writer.path

    @property
    def bytes(self) -> int:
        """Bytes written."""
        return self._writer.bytes

    def batch(self, batch: Batch) -> None:
        """Take a batch, in the engine's thread; about once a second the counters too, so that a replay has rates."""
        if self._first:
            self._first = False
            # Only taken here: a full disk must not end the engine, nor a slow one hold it up.
            since_ns = max(int(batch.head["ts_ns"][0]) - _BEFORE_NS, 1) if len(batch) else 1
            self._queue.put(_Processes(self.engine.processes.to_state(since_ns)))
        if self._waiting > MAX_WAITING_BYTES or self.error is not None:
            self.left_out += len(batch)
            return
        self._given += batch.nbytes
        self._queue.put(batch)
        now = time.monotonic()
        if now - self._counted_at >= COUNT_S:
            self._counted_at = now
            self._queue.put((self.engine.source.counts(), self.engine.source.call_counts()))

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Batch):
                self._taken += item.nbytes
            if self.error is not None:
                self.left_out += len(item) if isinstance(item, Batch) else 0
                continue
            try:
                if isinstance(item, Batch):
                    self._describe_containers()
                    self._writer.batch(item)
                elif isinstance(item, _Processes):
                    self._writer.processes(item.state)
                else:
                    self._writer.counts(*item)
            except BaseException as error:  # told by close()
                self.error = error

    def _describe_containers(self) -> None:
        revision = self.engine.containers.revision
        if revision != self._containers_revision:
            self._containers_revision = revision
            self._writer.containers(self.engine.containers.to_state())

    def close(self) -> None:
        """Write what waits, the counters and the totals; raises what went wrong while writing."""
        if self in self.engine.listeners:
            self.engine.listeners.remove(self)
        self._queue.put(None)
        self._thread.join()
        try:
            if self.error is not None:
                raise self.error
            self._describe_containers()
            self._writer.counts(self.engine.source.counts(), self.engine.source.call_counts())
        finally:
            self._writer.close()


def recording_meta(engine: Engine) -> dict[str, object]:
    """Return what a recording made of this engine says about where and when it comes from."""
    return {
        "tuimon": __version__,
        "node": engine.node,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "boot_to_epoch_ns": engine.source.boot_to_epoch_ns,
        "recorded_ns": time.time_ns(),
        "names": known_names(),
    }


def record(engine: Engine, path: Path, *, duration_s: float | None = None, status: TextIO | None = None) -> Recorder:
    """Record until the time is up, the source ends or ctrl+c (KeyboardInterrupt is the normal end).

    Args:
        engine: Not started yet, or already; stopped when this returns.
        path: Of the new file.
        duration_s: Stop after this long; None: not.
        status: Where to say that it records, once it does; standard error by default.

    Raises:
        TuimonError: When the source cannot be started or the file cannot be written.
    """
    engine.start()
    if not engine.wait_started(30):
        why = engine.error() or TimeoutError("the capture did not start within 30 s")
        engine.stop()
        raise failure(why)
    try:
        recorder = Recorder(engine, path)
    except BaseException:
        engine.stop()
        raise
    until = "ctrl+c ends it" if duration_s is None else f"for {span(duration_s)}"
    print(f"tuimon: recording into {clean(str(path))}, {until}", file=status or sys.stderr, flush=True)
    ends_at = time.monotonic() + duration_s if duration_s is not None else None
    try:
        while engine.error() is None and not engine.finished() and recorder.error is None:
            if ends_at is not None and time.monotonic() >= ends_at:
                break
            time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        engine.halt()
        try:
            recorder.close()
        finally:
            engine.stop()
            give_to_invoker(path)
    if (error := engine.error()) is not None:
        raise failure(error)
    return recorder
