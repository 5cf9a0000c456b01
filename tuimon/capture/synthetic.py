"""A generated stream: prepared batches played again and again at a chosen rate, for tests, benchmarks and demos."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np

from tuimon.batch import Batch, empty_batch
from tuimon.capture.source import CallCounts, Counts, Interest, always


class SyntheticSource:
    """Play batches at a rate.

    Args:
        batches: What to play, in a circle; their times are shifted to now, everything else stays.
        events_per_s: Rate on average; None plays one batch per drain, as fast as it is asked.
        total: Stop after this many events (rounded up to a batch); None goes on for ever.
    """

    def __init__(
        self, batches: Sequence[Batch], *, events_per_s: float | None = None, total: int | None = None
    ) -> None:
        self.name = "synthetic"
        self.live = True
        self.ended = False
        self.boot_to_epoch_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.interest = Interest()
        self._batches = [b for b in batches if len(b)]
        self._rate = events_per_s
        self._total = total
        self._emitted = 0
        self._next = 0
        self._begin = 0.0

    def start(self) -> None:
        """Start the clock."""
        self._begin = time.monotonic()

    def drain(self, timeout_s: float) -> Batch:
        """Return the next batch once the rate allows it."""
        if self.ended or not self._batches:
            time.sleep(timeout_s)
            return empty_batch()
        batch = self._batches[self._next]
        if self._rate is not None:
            wait = self._begin + (self._emitted + len(batch)) / self._rate - time.monotonic()
            if wait > timeout_s:
                time.sleep(timeout_s)
                return empty_batch()
            time.sleep(max(wait, 0))
        self._next = (self._next + 1) % len(self._batches)
        self._emitted += len(batch)
        self.ended = self._total is not None and self._emitted >= self._total
        head = batch.head.copy()
        # On a machine that was started a moment ago the batch may be of later than now: the sum wraps around.
        later_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - int(head["ts_ns"][-1])
        head["ts_ns"] += np.uint64(later_ns % 2**64)
        return dataclasses.replace(batch, head=head)

    def counts(self) -> Counts:
        """Return what was played."""
        return Counts(seen=self._emitted, emitted=self._emitted)

    def call_counts(self) -> CallCounts:
        """Return the calls of the batches as if all had been played equally often."""
        rounds = np.uint64(self._emitted // max(sum(len(b) for b in self._batches), 1))
        ids = np.unique(np.concatenate([b.head["cgroup_id"] for b in self._batches] or [np.zeros(0, np.uint64)]))
        calls = np.zeros((len(ids), 512), np.uint64)
        errors = np.zeros((len(ids), 512), np.uint64)
        for batch in self._batches:
            slot = np.searchsorted(ids, batch.head["cgroup_id"])
            nr = batch.head["nr"] & 511
            np.add.at(calls, (slot, nr), np.uint64(1))
            failed = batch.head["ret"] < 0
            np.add.at(errors, (slot[failed], nr[failed]), np.uint64(1))
        return CallCounts(ids, calls * rounds, errors * rounds, np.zeros(len(ids), np.uint64))

    def set_interest(self, interest: Interest) -> None:
        """Remember it for whoever asks."""
        self.interest = interest

    def set_prefilter(self, c_text: str | None, still_wanted: Callable[[], bool] = always) -> None:
        """Do nothing: there is no kernel to keep anything."""

    def close(self) -> None:
        """Stop playing."""
        self.ended = True
