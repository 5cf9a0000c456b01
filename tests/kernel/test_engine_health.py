"""What the health tab is told on a live kernel: stages that work, rings that are there, probes that see tuimon."""

from __future__ import annotations

import subprocess

import pytest

from tests.containers import wait_until
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.events import Process
from tuimon.records import SizeClass
from tuimon.settings import Settings
from tuimon.stages import STAGES

pytestmark = pytest.mark.kernel


def ended(engine: Engine, comm: str) -> list[Process]:
    return [process for process in engine.process_list(ended=True) if process.comm == comm and process.end_ns]


def test_the_engine_tells_what_it_costs_and_that_its_probes_see():
    engine = build_engine(Settings(), KernelSource())
    engine.watch(None)
    engine.start()
    try:
        assert engine.wait_started(120), engine.error()
        before = engine.source.counts().self_calls
        for _ in range(23):
            subprocess.run(["/bin/true"], check=True)
        wait_until(lambda: len(ended(engine, "true")) >= 23)
        wait_until(lambda: any(stage.share for stage in engine.health().stages))  # made once a second
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
    finally:
        engine.stop()
    assert engine.health().rings == ()
