"""How long calls take, on the live kernel: known while a rule asks, and never made up."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import wait_until
from tuimon.capture.kernel import KernelSource
from tuimon.capture.program import ON_DEMAND
from tuimon.engine import Engine, build_engine
from tuimon.events import Event
from tuimon.fields import lookup
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings
from tuimon.syscalls import NAME_TO_NR

pytestmark = pytest.mark.kernel

RULE = """
- rule: calls
  desc: calls of one program
  condition: >
    evt.type in (clock_nanosleep, poll, read, getppid, close) and proc.name = {token} and proc.args contains {token}
  output: "took %evt.{field}"
  priority: DEBUG
"""
NAMED = "import sys\nopen('/proc/self/comm', 'w').write(sys.argv[1])\n"
CALLS = """
import os, select, sys, time
def timed(call):
    began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    call()
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - began
there, back = os.pipe()
waiting = select.poll()
waiting.register(there, select.POLLIN)
print("ready", flush=True)
sys.stdin.readline()
calls = {"clock_nanosleep": lambda: time.sleep(0.15), "poll": lambda: waiting.poll(80), "getppid": os.getppid}
for name, call in calls.items():
    print(name, timed(call), flush=True)
os.close(there)
"""


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = build_engine(Settings(), KernelSource())
    try:
        yield made
    finally:
        made.stop()


def ask(engine: Engine, token: str, field: str) -> None:
    outcome = engine.apply_rules([RuleFile("latency.yaml", RULE.format(token=token, field=field))])
    assert outcome.accepted, outcome.diagnostics


def start(engine: Engine) -> None:
    engine.start()
    assert engine.wait_started(120), engine.error()


def looks_at_entries(engine: Engine) -> bool:
    return ON_DEMAND in dict(engine.source.facts())["attached to"]  # type: ignore[attr-defined]


def run(token: str) -> subprocess.Popen[str]:
    """Start the program; it waits for a line. Its name lets the kernel leave out the reads of everybody else."""
    command = [sys.executable, "-S", "-c", NAMED + CALLS, token]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    wait_until(lambda: is_in_read(process))
    return process


def is_in_read(process: subprocess.Popen[str]) -> bool:
    """Whether the program waits for its line: who only said that it is about to may be looked at before it does."""
    running = Path(f"/proc/{process.pid}/syscall").read_text().split()
    return running[0] == str(NAME_TO_NR["read"])


def of_type(engine: Engine, token: str, name: str) -> list[Event]:
    events = [alert.event for alert in engine.alerts_since(0)]
    return [e for e in events if value(e, "evt.type") == name and e.process is not None and token in e.process.args]


def pipes_closed(engine: Engine, token: str) -> list[Event]:
    """Return the last that the program does."""
    return [e for e in of_type(engine, token, "close") if value(e, "fd.type") == "pipe"]


def value(event: Event, name: str) -> object:
    found = lookup(name)
    assert found is not None
    assert found.get is not None
    return found.get(event, None)


def test_calls_took_as_long_as_the_program_that_made_them_says(engine: Engine) -> None:
    token = f"took{uuid.uuid4().hex[:8]}"
    ask(engine, token, "latency")
    start(engine)
    assert looks_at_entries(engine)
    said, _ = run(token).communicate("\n", timeout=30)
    closed = wait_until(lambda: pipes_closed(engine, token))[-1]
    least = {"clock_nanosleep": 150_000_000, "poll": 80_000_000, "getppid": 1}
    for name, measured in (line.split() for line in said.splitlines()):
        took = value(of_type(engine, token, name)[-1], "evt.latency")
        assert least[name] <= int(str(took)) <= int(measured), name
    slept = of_type(engine, token, "poll")[-1]
    assert value(slept, "evt.wait_latency") == value(slept, "evt.latency")
    assert value(slept, "evt.latency.s") == 0
    assert str(value(slept, "evt.latency.human")).endswith("ms")
    assert isinstance(value(closed, "evt.latency"), int), "what is closed is known, and how long that took"


def test_a_call_whose_entry_nobody_saw_has_no_time(engine: Engine) -> None:
    """Neither one that began before a rule asked, nor one with the entry of an earlier call behind it."""
    token = f"took{uuid.uuid4().hex[:8]}"
    start(engine)
    process = run(token)
    ask(engine, token, "latency")
    process.communicate("\n", timeout=30)
    wait_until(lambda: of_type(engine, token, "getppid"))
    assert value(of_type(engine, token, "read")[0], "evt.latency") is None
    assert value(of_type(engine, token, "clock_nanosleep")[0], "evt.latency") is not None
    ask(engine, token, "num")
    before = len(of_type(engine, token, "clock_nanosleep"))
    run(token).communicate("\n", timeout=30)
    wait_until(lambda: len(of_type(engine, token, "clock_nanosleep")) > before)
    assert value(of_type(engine, token, "clock_nanosleep")[-1], "evt.latency") is None
    ask(engine, token, "latency")
    sleeps = len(of_type(engine, token, "clock_nanosleep"))
    run(token).communicate("\n", timeout=30)
    wait_until(lambda: len(of_type(engine, token, "clock_nanosleep")) > sleeps)
    assert value(of_type(engine, token, "clock_nanosleep")[-1], "evt.latency") is not None
