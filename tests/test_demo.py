"""The recording that ships: small, free of its maker's machine, and showing what it is there to show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tuimon.batch import Batch
from tuimon.capture.recording import RecordingReader, RecordingSource
from tuimon.engine import Engine, build_engine
from tuimon.enrich import users
from tuimon.events import Alert
from tuimon.resources import find_recording
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, list[Alert]]:
    """An engine that has judged the whole recording, and its alerts."""
    monkeypatch.setattr(users, "HOST_USERS", users.UserTable())
    engine = build_engine(Settings(), RecordingSource(find_recording("demo")))
    assert engine.apply_rules(rule_files(Settings())).accepted
    engine.start()
    try:
        while not engine.finished():
            assert engine.error() is None
        return engine, list(engine.alerts_since(0))
    finally:
        engine.stop()


def test_the_attack_on_one_container_raises_its_alerts_and_the_other_stays_quiet(
    replayed: tuple[Engine, list[Alert]],
) -> None:
    _, alerts = replayed
    fired = {alert.rule for alert in alerts}
    assert fired >= {
        "Terminal Shell In Container",
        "Password File Read By Untrusted Program",
        "New Program Run In Container",
        "Setuid Bit Set On File",
    }
    names = {alert.event.container.name for alert in alerts if alert.event.container is not None}
    assert names == {"shop-web"}
    assert len(alerts) < 30


def test_both_containers_and_their_processes_are_in_it(replayed: tuple[Engine, list[Alert]]) -> None:
    engine, _ = replayed
    snapshot = engine.snapshot()
    assert snapshot is not None
    assert {row.container.name for row in snapshot.containers} >= {"shop-web", "shop-db"}
    batch = engine.history.batches()[-1]
    assert engine.event(batch, len(batch) - 1).process is not None


def test_it_says_nothing_of_the_machine_that_made_it() -> None:
    path = find_recording("demo")
    assert path.stat().st_size < 400_000
    reader = RecordingReader(path)
    texts = [repr(reader.meta).encode()]
    for _, value in reader.frames():
        texts.append(value.arena if isinstance(value, Batch) else repr(value).encode())
    text = b"\n".join(texts)
    assert reader.meta["node"] == "demo-node"
    here = str(Path(__file__).parents[1]).encode()
    assert here not in text
    assert not re.search(rb"/home/|/root/\.", text.replace(b"/root/.ash_history", b""))
