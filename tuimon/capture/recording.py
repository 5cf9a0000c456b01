"""Recordings: the batches as they came, with what is needed to read them later. Written by anyone, trusted by no one.

Layout: the line ``MAGIC``, then frames of ``FRAME`` (kind, flags, CRC-32 of the payload, payload length) and payload:

    META   JSON: format and ABI numbers, node, kernel, clock offset, user and group names; always first
    PROC   JSON: the process table as it was at the start (ProcessTable.to_state)
    CONT   JSON: the containers (Containers.to_state); again whenever something became known
    BTCH   one batch: four counts, then its columns, little-endian, as tuimon.records lays them out
    CNTS   JSON and arrays: the exact counters up to here
    DONE   JSON: totals; missing when the recorder was killed, which costs at most the frame being written

A reader checks every length against what it has and every count against the length before it makes an array, so that a
damaged or hostile file ends in a RecordingError that names the offset.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from tuimon.batch import Batch, empty_batch
from tuimon.capture.recorded_counts import State, no_counts, read_counts, write_counts
from tuimon.capture.source import CallCounts, Counts, Interest, always
from tuimon.errors import RecordingError
from tuimon.records import ABI, EXT, HEAD, PROC

MAGIC: Final = b"tuimon recording 1\n"
FRAME: Final = struct.Struct("<4sIIQ")
"""Kind, flags, CRC-32 of the payload as stored, bytes of the payload as stored."""
_COMPRESSED: Final = 1
_BATCH: Final = struct.Struct("<QQQQ")
"""Events n, ext rows m, process rows k, bytes of text."""
MAX_FRAME: Final = 256 * 1024 * 1024
_MAX_GAP_S: Final = 2.0
"""A paced replay never waits longer than this for the next event."""


def pack_batch(batch: Batch) -> bytes:
    """Return the payload of a BTCH frame."""
    return b"".join(
        (
            _BATCH.pack(len(batch.head), len(batch.ext), len(batch.proc), len(batch.arena)),
            batch.head.tobytes(),
            batch.ext_at.astype("<i4", copy=False).tobytes(),
            batch.ext.tobytes(),
            batch.proc_row.astype("<i4", copy=False).tobytes(),
            batch.proc.tobytes(),
            batch.arena,
        )
    )


def unpack_batch(payload: bytes) -> Batch:
    """Read the payload of a BTCH frame; raises ValueError when it is not consistent in itself."""
    if len(payload) < _BATCH.size:
        raise ValueError("a batch without its counts")
    n, m, k, text = _BATCH.unpack_from(payload)
    if m > n or k > m or max(n, text) > MAX_FRAME:
        raise ValueError("a batch with impossible counts")
    want = _BATCH.size + n * (HEAD.itemsize + 4) + m * EXT.itemsize + k * (4 + PROC.itemsize) + text
    if want != len(payload):
        raise ValueError(f"a batch of {len(payload)} bytes that should have {want}")
    at = _BATCH.size

    def column(dtype: np.dtype[Any], count: int) -> np.ndarray[Any, Any]:
        nonlocal at
        array = np.frombuffer(payload, dtype, count, at)
        at += array.nbytes
        return array

    head, ext_at, ext = column(HEAD, n), column(np.dtype("<i4"), n), column(EXT, m)
    proc_row, proc = column(np.dtype("<i4"), k), column(PROC, k)
    _check_columns(ext_at, ext, proc_row, n, text)
    text_at = np.zeros(m + 1, np.int64)
    np.cumsum(ext["text_len"], out=text_at[1:])
    return Batch(head, ext_at, ext, text_at, payload[at:], proc_row, proc)


def _check_columns(
    ext_at: np.ndarray[Any, Any], ext: np.ndarray[Any, Any], proc_row: np.ndarray[Any, Any], n: int, text: int
) -> None:
    if len(ext_at) and not (ext_at.min() >= -1 and ext_at.max() < len(ext)):
        raise ValueError("an event that points outside the text rows")
    if int(ext["text_len"].sum(dtype=np.int64)) != text:
        raise ValueError("text of another length than its rows say")
    if np.any(ext["slot_len"].sum(axis=1, dtype=np.int64) > ext["text_len"]):
        raise ValueError("text slots longer than their row")
    if len(proc_row) and not (proc_row[0] >= 0 and proc_row[-1] < n and np.all(np.diff(proc_row) > 0)):
        raise ValueError("process rows out of order")


class RecordingWriter:
    """Write a recording; every frame is whole on disk before the next begins.

    Args:
        path: File to create (mode 0600: it holds command lines and paths). An existing file is refused.
        meta: Facts of the machine; see ``META`` above.
        compress: zlib level 1 on the batches, about four times smaller at some 40 MB/s.
    """

    def __init__(self, path: Path, meta: Mapping[str, object], *, compress: bool = True) -> None:
        self.path = path
        self.events = 0
        self.bytes = 0
        self._compress = compress
        try:
            self._file: IO[bytes] = open(path, "xb", opener=_private)  # noqa: SIM115  closed by close()
        except FileExistsError:
            raise RecordingError(
                f"{path} exists already", "choose another name; recordings are not overwritten"
            ) from None
        except OSError as error:
            raise RecordingError(f"cannot write {path}: {error.strerror}", "check the folder and its rights") from None
        self._file.write(MAGIC)
        self._json(b"META", {"format": 1, "abi": ABI, **meta})

    def _frame(self, kind: bytes, payload: bytes, *, compress: bool = False) -> None:
        flags = 0
        if compress and len(payload) > 512:
            payload, flags = zlib.compress(payload, 1), _COMPRESSED
        try:
            self._file.write(FRAME.pack(kind, flags, zlib.crc32(payload), len(payload)))
            self._file.write(payload)
            self._file.flush()  # what the process still holds would be lost with it
        except OSError as error:
            raise RecordingError(f"cannot write {self.path}: {error.strerror}", "the frames before are whole") from None
        self.bytes += FRAME.size + len(payload)

    def _json(self, kind: bytes, value: object) -> None:
        self._frame(kind, json.dumps(value).encode(), compress=self._compress)

    def processes(self, state: object) -> None:
        """Write the process table."""
        self._json(b"PROC", state)

    def containers(self, state: object) -> None:
        """Write the containers; the last one written counts for the whole recording."""
        self._json(b"CONT", state)

    def batch(self, batch: Batch) -> None:
        """Write one batch."""
        if len(batch):
            self._frame(b"BTCH", pack_batch(batch), compress=self._compress)
            self.events += len(batch)

    def counts(self, counts: Counts, calls: CallCounts) -> None:
        """Write the exact counters up to here."""
        self._json(b"CNTS", write_counts(counts, calls))

    def close(self) -> None:
        """Write the totals and close; may be called more than once."""
        if self._file.closed:
            return
        self._json(b"DONE", {"events": self.events})
        self._file.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class RecordingReader:
    """Iterate over the frames of a recording, checked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.whole = False
        """The DONE frame was seen."""
        self.offset = 0
        """Bytes read so far; any thread may look."""
        try:
            self._file = open(path, "rb")  # noqa: SIM115  closed by close()
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror}", "check the name and its rights") from None
        if self._file.read(len(MAGIC)) != MAGIC:
            self._file.close()
            raise RecordingError(f"{path} is not a tuimon recording", "make one with: tuimon record FILE")
        try:
            self.meta = self._meta()
        except RecordingError:
            self._file.close()
            raise

    def _meta(self) -> State:
        frame = self._next()
        if frame is None or frame[0] != b"META":
            raise RecordingError(f"{self.path} has no description of its machine", "it is damaged; record again")
        meta = self._object(frame[1])
        if meta.get("format") != 1 or meta.get("abi") != ABI:
            raise RecordingError(
                f"{self.path} has record layout {meta.get('abi')!r}, this tuimon reads {ABI}",
                "read it with the version that wrote it",
            )
        return meta

    def _fail(self, offset: int, what: str) -> RecordingError:
        return RecordingError(f"{self.path} is damaged at byte {offset}: {what}", "the frames before it were read")

    def _next(self) -> tuple[bytes, bytes, int] | None:
        offset = self.offset = self._file.tell()
        header = self._file.read(FRAME.size)
        if len(header) < FRAME.size:
            return None
        kind, flags, crc, length = FRAME.unpack(header)
        if length > MAX_FRAME:
            raise self._fail(offset, f"a frame of {length} bytes")
        payload = self._file.read(length)
        if len(payload) < length:
            return None
        if zlib.crc32(payload) != crc:
            raise self._fail(offset, "a checksum that does not match")
        if flags & _COMPRESSED:
            payload = self._inflate(payload, offset)
        return kind, payload, offset

    def _inflate(self, payload: bytes, offset: int) -> bytes:
        inflater = zlib.decompressobj()
        try:
            plain = inflater.decompress(payload, MAX_FRAME)
        except zlib.error as error:
            raise self._fail(offset, str(error)) from None
        if inflater.unconsumed_tail or not inflater.eof:
            raise self._fail(offset, "compressed data that is too long or cut")
        return plain

    def _object(self, payload: bytes) -> State:
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError) as error:
            raise self._fail(self._file.tell(), f"text that is not JSON ({error})") from None
        if not isinstance(value, dict):
            raise self._fail(self._file.tell(), "a JSON value that is no object")
        return value

    def frames(self) -> Iterator[tuple[bytes, State | Batch]]:
        """Yield (kind, JSON object or Batch) until the end; raises RecordingError at damage."""
        try:
            while (frame := self._next()) is not None:
                kind, payload, offset = frame
                if kind == b"BTCH":
                    try:
                        yield kind, unpack_batch(payload)
                    except ValueError as error:
                        raise self._fail(offset, str(error)) from None
                elif kind == b"DONE":
                    self.whole = True
                    return
                else:
                    yield kind, self._object(payload)
        finally:
            self._file.close()

    def close(self) -> None:
        """Close the file; may be called more than once."""
        self._file.close()


class RecordingSource:
    """A recording as a source of events.

    Args:
        path: The recording.
        speed: 1.0 plays it as it happened, 2.0 twice as fast; None hands it out as fast as it is read.
        forgiving: Damage behind the first batch ends it there, with a notice; otherwise it is an error.

    ``speed``, ``paused`` and ``skip_to_ns`` may be set by any thread while it plays.
    """

    live = False

    def __init__(self, path: Path, *, speed: float | None = None, forgiving: bool = False) -> None:
        self.path = path
        self.name = path.name
        self.forgiving = forgiving
        self.ended = False
        self.speed = speed
        self.paused = False
        self.skip_to_ns = 0
        """Batches that end before this time since boot are handed out at once, whatever the speed, even paused."""
        self.position_ns = 0
        """Time since boot of the newest event handed out; 0 before the first."""
        self._arrived_ns = 0
        """The ``skip_to_ns`` that is behind us; the engine's thread only."""
        self.processes_state: object | None = None
        self.containers_state: object | None = None
        self.containers_revision = 0
        """Grows with every containers frame read."""
        self.notice = ""
        self._reader = RecordingReader(path)
        self.meta = self._reader.meta
        self.boot_to_epoch_ns = _integer(self.meta, "boot_to_epoch_ns")
        self._frames = self._reader.frames()
        self._counts = Counts()
        self._calls = no_counts()
        self._held: Batch | None = None
        self._clock: tuple[float, int, float] | None = None
        """Steady time and event time at which playing at a speed began; the engine's thread only."""
        self._emitted = 0

    def start(self) -> None:
        """Read up to the first batch, so that the process table and the containers are there."""
        self._held = self._read()

    def _read(self) -> Batch | None:
        """Return the next batch, None at the end; what stands before it is taken up."""
        try:
            if (batch := self._next_batch()) is not None:
                return batch
            if not self._reader.whole:
                self.notice = "the recording was cut short: its recorder did not end it"
        except RecordingError as error:
            if not self.forgiving or not self._emitted:
                raise
            self.notice = f"{error}; what is shown ends there"
        self.ended = True
        return None

    def _next_batch(self) -> Batch | None:
        for kind, value in self._frames:
            if isinstance(value, Batch):
                return value
            if kind == b"PROC":
                self.processes_state = value
            elif kind == b"CONT":
                self.containers_state = value
                self.containers_revision += 1
            elif kind == b"CNTS":
                self._take_counts(value)
        return None

    def drain(self, timeout_s: float) -> Batch:
        """Return the next batch when its time has come."""
        if self._held is None:
            if not self.ended:
                self._held = self._read()
            if self._held is None:
                time.sleep(timeout_s)
                return empty_batch()
        if not self._due(self._held, timeout_s):
            return empty_batch()
        batch, self._held = self._held, None
        self._emitted += len(batch)
        self.position_ns = int(batch.head["ts_ns"][-1])
        if not self.ended:
            self._held = self._read()
            self.ended = self.ended and self._held is None
        return batch

    def _due(self, batch: Batch, timeout_s: float) -> bool:
        """Whether the batch's time has come, sleeping up to ``timeout_s`` for it; gaps are shortened."""
        speed, skip_to_ns = self.speed, self.skip_to_ns
        first_ns, last_ns = int(batch.head["ts_ns"][0]), int(batch.head["ts_ns"][-1])
        if last_ns <= skip_to_ns:
            self._clock = None
            return True
        self._arrived_ns = skip_to_ns
        if self.paused:
            self._clock = None
            time.sleep(timeout_s)
            return False
        if speed is None:
            return True
        now = time.monotonic()
        if self._clock is None or self._clock[2] != speed:
            self._clock = (now, first_ns, speed)
        if self._clock[0] + (first_ns - self._clock[1]) / 1e9 / speed - now > _MAX_GAP_S:
            self._clock = (now, first_ns, speed)
        wait = self._clock[0] + (last_ns - self._clock[1]) / 1e9 / speed - now
        if wait > timeout_s:
            time.sleep(timeout_s)
            return False
        if wait > 0:
            time.sleep(wait)
        return True

    @property
    def skipping(self) -> bool:
        """Whether it is on the way to ``skip_to_ns``, from the moment that is set; any thread."""
        return self.skip_to_ns != self._arrived_ns

    def _take_counts(self, state: State) -> None:
        try:
            self._counts, self._calls = read_counts(state)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise RecordingError(f"{self.name} holds counters that make no sense: {error!r}", "record again") from None

    @property
    def read_share(self) -> float:
        """Share of the file read so far, 0 to 1; any thread."""
        try:
            size = self.path.stat().st_size
        except OSError:
            return 1.0
        return 1.0 if self.ended else min(self._reader.offset / max(size, 1), 1.0)

    def counts(self) -> Counts:
        """Return the counters last read; of a recording without them what was handed out."""
        return self._counts if self._counts.seen else Counts(seen=self._emitted, emitted=self._emitted)

    def call_counts(self) -> CallCounts:
        """Return the counters last read."""
        return self._calls

    def set_interest(self, interest: Interest) -> None:
        """Do nothing: what was recorded is what there is."""

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Do nothing: there is no kernel to keep anything."""

    def close(self) -> None:
        """Close the file."""
        self.ended = True
        self._reader.close()


def _integer(meta: State, key: str) -> int:
    value = meta.get(key, 0)
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise RecordingError(f"the recording's {key} is not a number", "it is damaged; record again")
    return value
