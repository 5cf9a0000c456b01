"""Probes that are taken away from a running engine, and put back: said on screen and as alerts, in every output."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.kernel.live import Links
from tuimon import watchdog
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.headless.watch import watch
from tuimon.records import SizeClass
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

pytestmark = [pytest.mark.kernel, pytest.mark.alone]

ATTEMPTS = 20
SILENT, BACK, LOST, RECOVERED = (
    f"tuimon: {name}" for name in ("Probes Silent", "Probes Back", "Events Lost", "Recovered")
)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "SILENT_S", 2.0)
    monkeypatch.setattr(watchdog, "OVER_S", 2.0)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = build_engine(Settings(default_rules=False, history_mb=8), KernelSource(rings={SizeClass.SLIM: 64 * 1024}))
    made.start()
    try:
        assert made.wait_started(120), made.error()
        yield made
    finally:
        made.stop()


def wait_for(said: Callable[[], object], timeout_s: float) -> None:
    ends_at = time.monotonic() + timeout_s
    while not said():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.05)


def notices(engine: Engine) -> tuple[str, ...]:
    snapshot = engine.snapshot()
    return snapshot.notices if snapshot is not None else ()


def rules(engine: Engine) -> list[str]:
    return [alert.rule for alert in engine.alerts_since(0)]


def test_probes_that_are_detached_are_reported_and_again_when_they_are_back(engine: Engine) -> None:
    links = Links(engine.source)
    time.sleep(1.2)
    links.cut("sys_exit")
    wait_for(lambda: SILENT in rules(engine), 60)
    wait_for(lambda: any("system calls of this machine are not being watched" in n for n in notices(engine)), 60)
    links.mend("sys_exit")
    wait_for(lambda: BACK in rules(engine), 60)
    assert rules(engine).count(SILENT) == rules(engine).count(BACK) == 1
    alert = engine.alerts_since(0)[0]
    assert (alert.priority, alert.source, alert.container_id) == ("Critical", "internal", "host")
    assert alert.output_fields["tuimon.probes"] == "system calls"


def test_an_exec_probe_alone_is_missed_too(engine: Engine) -> None:
    links = Links(engine.source)
    time.sleep(1.2)
    links.cut("sched_process_exec")
    ends_at = time.monotonic() + 60
    while SILENT not in rules(engine):
        assert time.monotonic() < ends_at
        subprocess.run(["/bin/true"], check=True)
        time.sleep(0.2)
    assert [alert.output_fields["tuimon.probes"] for alert in engine.alerts_since(0)] == ["programs executed"]


class Over(Exception):
    """What was waited for has been written."""


class UntilRecovered(io.StringIO):
    """Takes lines until one tells of recovery."""

    def write(self, text: str) -> int:
        written = super().write(text)
        if RECOVERED in text:
            raise Over
        return written


def test_loss_and_recovery_are_alerts_on_every_way_out() -> None:
    """A ring far too small for what a rule asks for: the lines that watch prints tell of it."""
    engine = build_engine(Settings(default_rules=False, history_mb=8), KernelSource(rings={SizeClass.SLIM: 64 * 1024}))
    text = "- {rule: Reads, desc: d, condition: evt.type = getsid and evt.rawres < -1000, output: o, priority: NOTICE}"
    assert engine.apply_rules([RuleFile("reads.yaml", text)]).accepted
    out = UntilRecovered()

    def watched() -> None:
        with contextlib.suppress(Over):
            watch(engine, out=out, status=io.StringIO(), duration_s=120)

    thread = threading.Thread(target=watched)
    thread.start()
    try:
        assert engine.wait_started(120)
        engine._pushdown.wait(60)
        engine.source.set_prefilter(None)
        code = "import ctypes\nl = ctypes.CDLL(None)\nfor _ in range(400000): l.getsid(0)"
        for _ in range(ATTEMPTS):  # on a busy machine the calls come too slowly at times
            subprocess.run(["python3", "-c", code], check=True)
            if engine.source.counts().dropped:
                break
    finally:
        thread.join(180)
    alerts = [json.loads(line) for line in out.getvalue().splitlines()]
    ours = [alert for alert in alerts if alert["source"] == "internal"]
    assert [alert["rule"] for alert in ours][:1] == [LOST]
    assert ours[-1]["rule"] == RECOVERED
    assert ours[0]["output_fields"]["n_drops"] >= 1
    assert ours[-1]["output_fields"]["n_drops"] == engine.source.counts().dropped
    assert engine.source.counts().dropped_by_class[SizeClass.SLIM] == engine.source.counts().dropped
    (flood,) = engine.health().floods
    assert flood.ended_s is not None
