"""What the health tab is told on a live kernel: stages that work, rings that are there, probes that see tuimon."""

from __future__ import annotations

import subprocess
import time

import pytest

from tuimon.capture.kernel import KernelSource
from tuimon.engine import build_engine
from tuimon.records import SizeClass
from tuimon.settings import Settings
from tuimon.stages import STAGES

pytestmark = pytest.mark.kernel


def test_the_engine_tells_what_it_costs_and_that_its_probes_see():
    engine = build_engine(Settings(), KernelSource())
    engine.watch(None)
    engine.start()
    try:
        assert engine.wait_started(60), engine.error()
        before = engine.source.counts().self_calls
        for _ in range(23):
            subprocess.run(["/bin/true"], check=True)
        time.sleep(2.5)
        health = engine.health()
        assert [name for name, _, _ in health.rings] == [c.name.lower().replace("_", " ") for c in SizeClass]
        assert all(0 <= used <= size for _, used, size in health.rings)
        assert {name for name, _ in health.facts} >= {"programs", "attached to", "rings"}
        assert [stage.name for stage in health.stages] == list(STAGES)
        assert {s.name: s.total_s > 0 for s in health.stages}["drain"]
        assert 0 < sum(stage.share for stage in health.stages) <= 1.5
        assert health.last_event_s is not None
        assert health.last_event_s < 5
        assert engine.source.counts().self_calls > before
        assert len([p for p in engine.process_list(ended=True) if p.comm == "true" and p.end_ns]) >= 23
    finally:
        engine.stop()
    assert engine.health().rings == ()
