"""A pid that the kernel gives out again: two processes, told apart by when they began."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from tests.containers import wait_until
from tests.kernel.test_field_truth import value
from tuimon.capture.kernel import KernelSource
from tuimon.engine import build_engine
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

pytestmark = pytest.mark.kernel

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
RULE = """
- rule: again
  desc: everything that two programs do
  condition: evt.type in (execve, openat, procexit) and proc.args contains "{token}"
  output: "%proc.cmdline"
  priority: DEBUG
"""


def run_as(pid: int, *command: str) -> bool:
    """Run a command as the process with a pid that is free; tell whether the kernel gave it."""
    for _ in range(50):
        LAST_PID.write_text(str(pid - 1))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        process.wait()
        if process.pid == pid:
            return True
    return False


def test_two_processes_of_one_pid_are_never_mixed_up() -> None:
    token = f"again{uuid.uuid4().hex[:8]}"
    engine = build_engine(Settings(), KernelSource())
    try:
        assert engine.apply_rules([RuleFile("again.yaml", RULE.format(token=token))]).accepted
        engine.start()
        assert engine.wait_started(120), engine.error()
        one = subprocess.Popen(["/bin/sh", "-c", "exit 0", f"{token}one"])
        one.wait()
        try:
            again = run_as(one.pid, "/bin/sh", "-c", "cat < /etc/hostname > /dev/null", f"{token}two")
        except OSError as error:
            pytest.skip(f"no pid can be asked for here: {error}")
        if not again:
            pytest.skip("somebody else took the pid")
        wait_until(lambda: {"one", "two"} <= {str(value(a.event, "proc.args"))[-3:] for a in engine.alerts_since(0)
                                              if value(a.event, "evt.type") == "procexit"})  # fmt: skip
        events = [a.event for a in engine.alerts_since(0) if a.event.tgid == one.pid]
        starts = {str(value(e, "proc.args"))[-3:]: value(e, "proc.pid.ts") for e in events}
        assert set(starts) == {"one", "two"}
        assert starts["one"] < starts["two"]  # type: ignore[operator]
        for event in events:
            which = str(value(event, "proc.args"))[-3:]
            assert value(event, "proc.pid.ts") == starts[which]
            assert value(event, "proc.pid") == one.pid
        opened = {str(value(e, "proc.args"))[-3:] for e in events if value(e, "fd.name") == "/etc/hostname"}
        assert opened == {"two"}
    finally:
        engine.stop()
