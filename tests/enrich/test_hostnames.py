"""Host names: unknown first, then addresses; a slow, wrong or silent resolver never blocks and never matches."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from tests.builders import connect_event
from tuimon.enrich.hostnames import KEEP_FAILED_S, KEEP_S, PATIENCE_S, HostNames, ask_system
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.matching import Pending
from tuimon.rules.ruleset import RuleSet

ONE, TWO = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def until(said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not said():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_name_is_unknown_until_it_is_answered() -> None:
    gate = threading.Event()

    def resolve(_: str) -> frozenset[bytes]:
        gate.wait(60)
        return frozenset({ONE})

    names = HostNames(resolve)
    assert names.lookup("a.example") is None
    before = names.revision
    gate.set()
    until(lambda: names.lookup("a.example") == frozenset({ONE}))
    assert names.revision > before
    names.close()


def test_a_resolver_that_does_not_answer_gives_no_address_after_a_while() -> None:
    gate, clock = threading.Event(), Clock()
    names = HostNames(lambda _: frozenset({ONE}) if gate.wait(60) else frozenset(), clock)
    assert names.lookup("a.example") is None
    before = names.revision
    clock.now += PATIENCE_S
    assert names.revision > before
    assert names.lookup("a.example") == frozenset()
    gate.set()
    until(lambda: names.lookup("a.example") == frozenset({ONE}))
    names.close()


def test_old_answers_are_asked_for_again_and_stay_in_force_meanwhile() -> None:
    answers, clock = [frozenset({ONE}), frozenset({TWO})], Clock()
    names = HostNames(lambda _: answers.pop(0), clock)
    until(lambda: names.lookup("a.example") == frozenset({ONE}))
    clock.now += KEEP_S - 1
    assert names.lookup("a.example") == frozenset({ONE})
    assert len(answers) == 1
    clock.now += 1
    assert names.lookup("a.example") == frozenset({ONE})
    until(lambda: names.lookup("a.example") == frozenset({TWO}))
    names.close()


def test_whoever_sees_an_answer_sees_how_long_it_holds() -> None:
    seen: list[frozenset[bytes] | None] = []

    def clock() -> float:
        if threading.current_thread() is not threading.main_thread():
            seen.append(names._answers["a.example"].addresses)
        return 100.0

    names = HostNames(lambda _: frozenset({ONE}), clock)
    until(lambda: names.lookup("a.example") == frozenset({ONE}))
    assert seen == [None]
    names.close()


def test_a_failure_is_no_address_and_does_not_undo_an_answer() -> None:
    clock = Clock()
    answers: list[frozenset[bytes] | OSError] = [OSError("no"), frozenset({ONE}), OSError("no")]

    def resolve(_: str) -> frozenset[bytes]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    names = HostNames(resolve, clock)
    until(lambda: names.lookup("a.example") == frozenset())
    clock.now += KEEP_FAILED_S
    until(lambda: names.lookup("a.example") == frozenset({ONE}))
    clock.now += KEEP_S
    names.lookup("a.example")
    until(lambda: not answers)
    assert names.lookup("a.example") == frozenset({ONE})
    names.close()


def test_many_names_are_looked_up_at_once_and_closing_ends_it() -> None:
    """One dead zone must not hold up the names behind it."""
    gate = threading.Event()

    def resolve(name: str) -> frozenset[bytes]:
        if name == "dead.example":
            gate.wait(60)
        return frozenset({ONE})

    names = HostNames(resolve, Clock())
    for name in ("dead.example", "a.example", "b.example"):
        names.lookup(name)
    until(lambda: names.lookup("b.example") == frozenset({ONE}) and names.lookup("a.example") == frozenset({ONE}))
    assert names.lookup("dead.example") is None
    names.close()
    gate.set()
    assert names.lookup("later.example") == frozenset()


def test_names_are_asked_of_the_system() -> None:
    assert socket.inet_aton("127.0.0.1") in ask_system("localhost")
    names = HostNames()
    until(lambda: names.lookup("not a name\udce9") == frozenset())
    names.close()


def test_a_rule_that_waits_for_a_silent_resolver_does_not_fire() -> None:
    """Every connection of a container would be an alert else, as long as DNS is down."""
    gate, clock = threading.Event(), Clock()
    names = HostNames(lambda _: frozenset({ONE}) if gate.wait(60) else frozenset(), clock)
    condition = "evt.type = connect and fd.sip.name = a.example"
    text = f"- rule: a\n  desc: b\n  condition: {condition}\n  output: x\n  priority: INFO\n"
    ruleset = RuleSet.build(load([RuleFile("a.yaml", text)]), 1, addresses=names)
    event = connect_event("192.0.2.1")
    (hit,) = ruleset.judge(event)
    assert hit.unknown
    pending = Pending(2.0)
    pending.add(event, hit)
    assert not list(pending.settle(clock.now, names.revision, lambda e: e))
    clock.now += 2.5
    assert not list(pending.settle(clock.now, names.revision, lambda e: e))
    assert not len(pending)
    gate.set()
    names.close()
