"""A made stream plays its batches as if they were of now, whatever time they were made for."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.builders import batch_of, open_event
from tuimon.capture.synthetic import SyntheticSource


@pytest.mark.parametrize("made_ns", [0, 2**62], ids=["long ago", "later than this machine has been up"])
def test_times_are_shifted_to_now(made_ns: int) -> None:
    batch, _ = batch_of([open_event("/tmp/a"), open_event("/tmp/b")])
    batch.head["ts_ns"] = np.array([made_ns, made_ns + 5], np.uint64)
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    drained = SyntheticSource([batch]).drain(0.0)
    assert before_ns <= drained.head["ts_ns"][1] <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert drained.head["ts_ns"][1] - drained.head["ts_ns"][0] == 5
