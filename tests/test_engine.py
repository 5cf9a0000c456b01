"""The engine as front ends use it: rules swapped whole, refused whole, rolled back; every event judged once."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from tests.builders import batch_of, event_of, exec_event, open_event
from tuimon.alerts import Alerts
from tuimon.batch import Batch, empty_batch
from tuimon.capture.synthetic import SyntheticSource
from tuimon.engine import Engine, EngineOptions
from tuimon.enrich.containers import Containers
from tuimon.enrich.processes import ProcessTable
from tuimon.revisions import Ready, Revisions
from tuimon.rhythm import DRAIN_S
from tuimon.rules.diagnostics import RuleFile


def rule(name: str, condition: str, output: str = "seen %fd.name") -> RuleFile:
    text = f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: {output}\n  priority: NOTICE\n"
    return RuleFile(f"{name}.yaml", text)


SHADOW = rule("shadow", "evt.type = openat and fd.name = /etc/shadow")
PASSWD = rule("passwd", "evt.type = openat and fd.name = /etc/passwd")
BROKEN = rule("broken", "evt.type = openat and fd.nmae = /etc/passwd")


def engine_over(*events: object, total: int | None = None, rate: float | None = None) -> Engine:
    batch, _ = batch_of(events)  # type: ignore[arg-type]
    source = SyntheticSource([batch], events_per_s=rate, total=total)
    return Engine(source, ProcessTable(live=False), Containers(live=False), EngineOptions(history_bytes=8 << 20))


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = engine_over(open_event("/etc/shadow"), open_event("/etc/passwd"), exec_event("bash"), total=300)
    yield made
    made.stop()


def until(done: Callable[[], object], timeout_s: float = 60) -> None:
    ends_at = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_every_event_is_judged_once_and_kept(engine: Engine) -> None:
    assert engine.apply_rules([SHADOW]).accepted
    engine.start()
    until(engine.finished)
    alerts = engine.alerts_since(0)
    assert len(alerts) == 100
    assert {alert.rule for alert in alerts} == {"shadow"}
    assert [alert.num for alert in alerts] == list(range(1, 101))
    assert len(engine.history) == 300
    nums = [alert.event.num for alert in alerts]
    assert nums == sorted(set(nums))
    assert all(engine.history.find(num) is not None for num in nums)


def test_an_alert_keeps_only_its_own_event_in_memory(engine: Engine) -> None:
    engine.apply_rules([SHADOW])
    engine.start()
    until(engine.finished)
    assert all(len(alert.event.batch) == 1 for alert in engine.alerts_since(0))


def test_what_was_judged_lets_its_batch_go_without_the_garbage_collector() -> None:
    """A row object and its decoded form know each other; a drain of 100,000 events would stay with each of them."""
    batch, tables = batch_of([open_event("/etc/shadow"), open_event("/etc/passwd"), exec_event("bash")])
    revisions = Revisions()
    ready = revisions.prepare([SHADOW, rule("other", "fd.name endswith passwd and evt.arg.flags contains O_TRUNC")])
    assert isinstance(ready, Ready)
    alerts = Alerts("node", lambda alert: None)
    gone = weakref.ref(batch.head)
    gc.collect()
    gc.disable()
    try:
        for row in ready.ruleset.candidates(batch, tables).tolist():
            alerts.judge(ready.ruleset, event_of(batch, row, tables))
        ready.ruleset._hinted = None
        del batch
        assert gone() is None
    finally:
        gc.enable()
    assert [alert.rule for alert in alerts.since(0)] == ["shadow"]


def test_a_refused_rule_set_changes_nothing(engine: Engine) -> None:
    assert engine.apply_rules([SHADOW]).revision == 1
    outcome = engine.apply_rules([PASSWD, BROKEN])
    assert not outcome.accepted
    assert outcome.revision == 1
    error = next(d for d in outcome.diagnostics if d.severity == "error")
    assert (error.file, error.line) == ("broken.yaml", 3)
    assert engine.rule_files() == (SHADOW,)
    engine.start()
    until(engine.finished)
    assert {alert.rule for alert in engine.alerts_since(0)} == {"shadow"}


def test_rules_are_swapped_while_events_flow_and_alerts_carry_the_revision() -> None:
    engine = engine_over(open_event("/etc/shadow"), open_event("/etc/passwd"), rate=2000)
    try:
        engine.apply_rules([SHADOW])
        engine.start()
        until(lambda: len(engine.alerts_since(0)) > 5)
        assert engine.apply_rules([PASSWD]).revision == 2
        until(lambda: any(alert.rule == "passwd" for alert in engine.alerts_since(0)))
        alerts = engine.alerts_since(0)
        assert {(alert.rule, alert.revision) for alert in alerts} == {("shadow", 1), ("passwd", 2)}
        assert [a.revision for a in alerts] == sorted(a.revision for a in alerts)
    finally:
        engine.stop()


def test_rolling_back_goes_one_revision_back_each_time(engine: Engine) -> None:
    assert not engine.roll_back().accepted
    for files in ([SHADOW], [PASSWD], [SHADOW, PASSWD]):
        assert engine.apply_rules(files).accepted
    assert engine.roll_back().revision == 4
    assert engine.rule_files() == (PASSWD,)
    assert engine.roll_back().revision == 5
    assert engine.rule_files() == (SHADOW,)
    assert not engine.roll_back().accepted
    assert engine.rule_files() == (SHADOW,)


def test_revisions_tell_what_changed_and_any_of_them_can_be_put_back(engine: Engine) -> None:
    louder = rule("shadow", "evt.type = openat and fd.name = /etc/shadow", output="seen again %fd.name")
    for files in ([SHADOW], [SHADOW, PASSWD], [louder]):
        assert engine.apply_rules(files).accepted
    assert not engine.apply_rules([BROKEN]).accepted
    told = [(each.number, each.added, each.removed, each.changed) for each in engine.revisions()]
    assert told == [(1, ("shadow",), (), ()), (2, ("passwd",), (), ()), (3, (), ("passwd",), ("shadow",))]
    assert engine.roll_back(1).revision == 4
    last = engine.revisions()[-1]
    assert (last.number, last.restores, last.files, last.changed) == (4, 1, (SHADOW,), ("shadow",))
    assert engine.roll_back(3).revision == 5
    assert engine.rule_files() == (louder,)
    assert engine.roll_back().revision == 6
    assert engine.rule_files() == (SHADOW, PASSWD)
    refused = engine.roll_back(99)
    assert (refused.accepted, refused.revision) == (False, 6)
    assert [each.time_ns for each in engine.revisions()] == sorted(each.time_ns for each in engine.revisions())


def test_only_the_last_revisions_are_kept(engine: Engine) -> None:
    for turn in range(55):
        assert engine.apply_rules([SHADOW if turn % 2 else PASSWD]).accepted
    numbers = [each.number for each in engine.revisions()]
    assert numbers == list(range(5, 56))
    assert not engine.roll_back(4).accepted
    assert engine.roll_back(5).revision == 56


def test_no_alert_is_lost_or_doubled_over_many_reloads() -> None:
    """Each event satisfies both rule sets: the alerts must be as many as the events, whatever was in force."""
    engine = engine_over(*[open_event("/etc/shadow") for _ in range(20)], rate=4000, total=4000)
    other = rule("shadow too", "evt.type = openat and fd.name startswith /etc/shad")
    drain, reloads = engine.source.drain, 0

    def drained(timeout_s: float) -> Batch:
        """Give a tenth of the events at most for each reload, however long that takes."""
        if engine.source.counts().seen < 400 * (reloads + 1):
            return drain(timeout_s)
        time.sleep(0.001)
        return empty_batch()

    engine.source.drain = drained  # type: ignore[method-assign]
    try:
        engine.apply_rules([SHADOW])
        engine.start()
        while not engine.finished():
            assert engine.apply_rules([other] if reloads % 2 == 0 else [SHADOW]).accepted
            reloads += 1
        assert reloads > 5
        nums = [alert.event.num for alert in engine.alerts_since(0)]
        assert len(nums) == len(set(nums)) == 4000
    finally:
        engine.stop()


def test_a_filter_finds_what_it_says_in_the_history(engine: Engine) -> None:
    engine.start()
    until(engine.finished)
    shadow = engine.filter("fd.name = /etc/shadow")
    assert sum(len(shadow.rows(batch)) for batch in engine.history.batches()) == 100


def test_a_snapshot_counts_what_was_seen(engine: Engine) -> None:
    engine.apply_rules([SHADOW])
    engine.start()
    until(engine.finished)
    until(lambda: engine.snapshot() is not None and engine.snapshot().history_events == 300)  # type: ignore[union-attr]
    snapshot = engine.snapshot()
    assert snapshot is not None
    assert (snapshot.counts.seen, snapshot.alerts, snapshot.rules, snapshot.revision) == (300, 100, 1, 1)


def test_a_source_that_breaks_ends_the_engine_with_its_error(engine: Engine) -> None:
    engine.source.drain = lambda timeout_s: 1 / 0  # type: ignore[method-assign, assignment]
    engine.start()
    until(lambda: engine.error() is not None)
    assert isinstance(engine.error(), ZeroDivisionError)


def test_an_event_that_cannot_be_judged_does_not_blind_the_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuimon.rules.ruleset import RuleSet

    judge = RuleSet.judge

    def sometimes(self: RuleSet, event: object) -> object:
        if event.num % 2:  # type: ignore[attr-defined]
            raise RuntimeError("boom")
        return judge(self, event)  # type: ignore[arg-type]

    monkeypatch.setattr(RuleSet, "judge", sometimes)
    engine.apply_rules([SHADOW])
    engine.start()
    until(engine.finished)
    assert 0 < len(engine.alerts_since(0)) < 100
    until(lambda: any("could not be judged" in n for n in engine.snapshot().notices))  # type: ignore[union-attr]


def test_an_alert_whose_message_cannot_be_made_does_not_blind_the_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A getter that only the output uses may break too; the alerts after it keep their numbers without a gap."""
    from tuimon.rules.matching import RuleHit

    output = RuleHit.output

    def sometimes(self: RuleHit, event: object) -> str:
        if event.num % 2:  # type: ignore[attr-defined]
            raise RuntimeError("boom")
        return output(self, event)  # type: ignore[arg-type]

    monkeypatch.setattr(RuleHit, "output", sometimes)
    engine.apply_rules([SHADOW])
    engine.start()
    until(engine.finished)
    alerts = engine.alerts_since(0)
    assert 0 < len(alerts) < 100
    assert [alert.num for alert in alerts] == list(range(1, len(alerts) + 1))
    assert engine.error() is None


class Waiting(SyntheticSource):
    """A live source without events that waits as long as it is told, until it is interrupted."""

    def __init__(self) -> None:
        super().__init__([])
        self.waits_s: list[float] = []
        self.interrupted = threading.Event()

    def drain(self, timeout_s: float) -> Batch:
        self.waits_s.append(timeout_s)
        self.interrupted.wait(timeout_s)
        self.interrupted.clear()
        return empty_batch()

    def interrupt(self) -> None:
        self.interrupted.set()


def test_a_source_without_events_is_waited_for_at_length_and_a_command_ends_the_wait() -> None:
    source = Waiting()
    made = Engine(source, ProcessTable(live=False), Containers(live=False))
    made.start()
    try:
        until(lambda: max(source.waits_s, default=0) > DRAIN_S)
        assert made.apply_rules([SHADOW]).accepted
        until(lambda: (told := made.snapshot()) is not None and told.revision == 1)
    finally:
        made.stop()


def test_a_source_that_cannot_be_interrupted_is_never_waited_for_at_length() -> None:
    class Deaf(Waiting):
        interrupt = None  # type: ignore[assignment]

    source = Deaf()
    made = Engine(source, ProcessTable(live=False), Containers(live=False))
    made.start()
    try:
        until(lambda: len(source.waits_s) > 20)
        assert set(source.waits_s) == {DRAIN_S}
    finally:
        made.stop()


def test_who_waits_for_an_alert_is_told_of_it_and_of_the_end(engine: Engine) -> None:
    assert engine.apply_rules([SHADOW]).accepted
    engine.start()
    engine.wait_for_alerts(0, 60)
    assert engine.alerts_since(0)
    seen = 0
    while not engine.finished():
        engine.wait_for_alerts(seen, 60)
        seen = max((alert.num for alert in engine.alerts_since(seen)), default=seen)
    engine.wait_for_alerts(1_000, 60)  # there will be no more: nobody waits
    assert len(engine.alerts_since(0)) == 100


def test_who_waits_for_an_alert_is_told_when_the_engine_has_failed() -> None:
    class Failing(SyntheticSource):
        def drain(self, timeout_s: float) -> Batch:
            raise OSError("gone")

    made = Engine(Failing([]), ProcessTable(live=False), Containers(live=False))
    made.start()
    try:
        while made.error() is None:
            made.wait_for_alerts(0, 60)
    finally:
        made.stop()
