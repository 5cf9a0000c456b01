"""Where events come from: the live kernel, a recording, a generated stream. All the same to whoever reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import Kind, SizeClass


class Want(IntFlag):
    """Why a system call is emitted in detail; kept per call in ``Interest``."""

    NOTHING = 0
    RULES = 1
    VIEW = 2
    PATHS = 4
    """Resolve the file behind its fd argument too (costs a path walk per call)."""
    DATA = 8
    """Carry the first bytes of what was read or written (evt.buffer)."""
    TIME = 16
    """Tell how long it took (evt.latency); every call of the machine pays for it."""


def always() -> bool:
    """Return True."""
    return True


@dataclass(frozen=True, slots=True)
class Interest:
    """What the readers ask to be emitted in detail. Process events are always on.

    ``calls`` maps native system call numbers to why. ``cgroups`` limits what the VIEW asks for to these cgroup ids
    (empty: all); it never limits what the rules ask for.
    """

    calls: dict[int, Want] = field(default_factory=dict)
    cgroups: frozenset[int] = frozenset()
    environ: bool = False
    """Carry the environment of executed programs."""
    loud: frozenset[int] = frozenset()
    """Of the view's calls those that say least: given up first when there is too much (tuimon.capture.shedding)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Exact counts since the start; ``seen == emitted + filtered + dropped`` once the kernel is quiet.

    ``seen`` are system call exits and process events of everybody but tuimon itself.
    """

    seen: int = 0
    emitted: int = 0
    filtered: int = 0
    dropped: int = 0
    self_calls: int = 0
    """tuimon's own calls, outside the equation."""
    dropped_by_class: tuple[int, ...] = (0,) * len(SizeClass)
    """Per size class, see records.SizeClass."""
    prefiltered: int = 0
    """Of ``filtered``: events of calls that the rules ask for, which no rule could match (``Source.set_prefilter``)."""
    shed: int = 0
    """Of ``filtered``: what only a view asked for and did not get, for there was too much (tuimon.capture.shedding)."""
    of_kind: tuple[int, ...] = (0,) * len(Kind)
    """Of ``seen`` what is no system call, by records.Kind: programs executed, processes and threads made and ended,
    io_uring requests."""


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Exact per-(cgroup, system call) counts since the start."""

    cgroup_ids: NDArray[np.uint64]
    """(s,) cgroup id of each counter slot; 0 stands for "all that found no slot"."""
    calls: NDArray[np.uint64]
    """(s, 512) calls by native number."""
    errors: NDArray[np.uint64]
    """(s, 512) of them with a negative return."""
    dropped: NDArray[np.uint64]
    """(s,) records lost for want of room."""
    dropped_by_class: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, len(SizeClass)), np.uint64))
    """(s, 7) the same by size class; no rows where the source does not tell."""
    shed: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """(s,) calls that a view asked for and did not get; empty where the source does not tell."""


class Source(Protocol):
    """A stream of events. Used by one thread (the engine's), except ``close`` that may come from another."""

    name: str
    live: bool
    """Events happen now (True) or come from the past (False)."""
    ended: bool
    """No more events will come."""
    boot_to_epoch_ns: int
    """Add to ``ts_ns`` to get the time since the epoch."""

    def start(self) -> None:
        """Begin. Raises CaptureError or RecordingError with a hint."""

    def drain(self, timeout_s: float) -> Batch:
        """Return the events since the last drain, waiting up to ``timeout_s`` for the first; maybe none."""

    def counts(self) -> Counts:
        """Return the exact totals."""

    def call_counts(self) -> CallCounts:
        """Return the exact per-(cgroup, system call) counters."""

    def set_interest(self, interest: Interest) -> None:
        """Say what to emit in detail from now on; takes effect without losing or doubling an event."""

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Say what no rule can match, so that the kernel keeps it; sources without a kernel ignore it. Any thread.

        Args:
            c_text: What tuimon.rules.prefilter_c printed for the rules in force; compiled here, which takes a second.
                None: nothing is ruled out any more, at once.
            still_wanted: Asked just before it takes effect, ``set_prefilter(None)`` either before or after both.

        Raises:
            CaptureError: It cannot be compiled or loaded; nothing is ruled out then.
        """

    def close(self) -> None:
        """Detach and free. May be called more than once."""
