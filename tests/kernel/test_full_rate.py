"""At full rate: memory stays within the history's bound, what is lost is counted exactly, the screen answers.

``TUIMON_FULL_RATE_S=60`` runs it as long as a person would watch; by default it is short.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tuimon.capture.kernel import KernelSource
from tuimon.engine import build_engine
from tuimon.settings import Settings

pytestmark = [pytest.mark.kernel, pytest.mark.alone]

SECONDS = float(os.environ.get("TUIMON_FULL_RATE_S", "8"))
HISTORY_MB = 32


@pytest.fixture
def load() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing but system calls, as fast as it can."""
    process = subprocess.Popen(
        ["dd", "if=/dev/zero", "of=/dev/null", "bs=1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.wait()


def resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") >> 20


def test_memory_is_bounded_by_the_history_and_the_count_closes(load: subprocess.Popen[bytes]) -> None:
    engine = build_engine(Settings(history_mb=HISTORY_MB, default_rules=False), KernelSource())
    engine.watch(None, everything=True)
    engine.start()
    try:
        assert engine.wait_started(120), engine.error()
        ends_at = time.monotonic() + SECONDS
        while engine.history.evicted == 0:  # the history is full: from here on nothing may grow
            assert time.monotonic() < ends_at + 30
            time.sleep(0.1)
        full_mb = resident_mb()
        while time.monotonic() < ends_at:
            time.sleep(0.25)
            assert engine.history.nbytes <= HISTORY_MB << 20
            assert engine.error() is None
        assert resident_mb() < full_mb + 2 * HISTORY_MB
        load.kill()
        load.wait()
        time.sleep(1.0)
        engine.halt()
        for _ in range(100):  # the machine goes on: a call may be between two of its counters while they are read
            counts = engine.source.counts()
            if counts.seen == counts.emitted + counts.filtered + counts.dropped:
                break
            time.sleep(0.01)
        assert counts.seen > 100_000
        assert counts.seen == counts.emitted + counts.filtered + counts.dropped
        assert sum(counts.dropped_by_class) == counts.dropped
    finally:
        engine.stop()


@pytest.mark.terminal
def test_the_screen_answers_while_the_kernel_is_flooded(load: subprocess.Popen[bytes]) -> None:
    with Terminal([sys.executable, "-m", "tuimon"], columns=120, rows=40) as terminal:
        terminal.wait_for("LIVE")
        terminal.wait_for(r"in [\d.]+[kM]/s")
        for key, shown in (("2", r"\[2 Alerts"), ("3", r"\[3 Rules\]"), ("1", r"\[1 Live\]"), ("space", r"(?i)paused")):
            began = time.monotonic()
            terminal.press("Space" if key == "space" else key)
            terminal.wait_for(shown)
            assert time.monotonic() - began < 2
        screen = terminal.screen()
        assert re.search(r"LOST [\d,.kM]+", screen)
        terminal.press("q")
        assert terminal.status() == 0
