"""Record the live kernel, replay the file: the same alerts, whether or not the recorder was allowed to end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.containers import unique

pytestmark = pytest.mark.kernel

TUIMON = [sys.executable, "-m", "tuimon"]
RULE = """\
- rule: Marked file read
  desc: A test.
  condition: evt.type in (open, openat) and fd.name startswith {marker}
  output: Marked file read (file=%fd.name command=%proc.cmdline parent=%proc.pname user=%user.name)
  priority: WARNING
"""


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Path, str]:
    """A rule file and the path that its rule watches."""
    marker = f"/tmp/{unique('marked')}"
    path = tmp_path / "mine.yaml"
    path.write_text(RULE.format(marker=marker))
    return path, marker


def record(file: Path, rules: Path, marker: str, number: signal.Signals) -> str:
    """Record while marked files are read, end with a signal; return what was said."""
    process = subprocess.Popen(
        [*TUIMON, "record", "--no-default-rules", "-r", str(rules), str(file)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        ends_at = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < ends_at
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        for i in range(5):
            subprocess.run(["cat", f"{marker}-{i}"], stderr=subprocess.DEVNULL, check=False)
        time.sleep(1.0)
        process.send_signal(number)
        return process.communicate(timeout=20)[1]
    finally:
        process.kill()
        process.wait()


def replay(file: Path, rules: Path) -> tuple[list[dict[str, Any]], str]:
    """Return the alerts of a replay, and what was said."""
    done = subprocess.run(
        [*TUIMON, "replay", "--json", "--no-default-rules", "-r", str(rules), str(file)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_replay_raises_the_alerts_of_what_was_recorded(tmp_path: Path, rules: tuple[Path, str]) -> None:
    path, marker = rules
    said = record(tmp_path / "a.tmon", path, marker, signal.SIGINT)
    assert "events" in said
    alerts, _ = replay(tmp_path / "a.tmon", path)
    assert [alert["output_fields"]["fd.name"] for alert in alerts] == [f"{marker}-{i}" for i in range(5)]
    fields = alerts[0]["output_fields"]
    assert fields["proc.cmdline"] == f"cat {marker}-0"
    assert fields["user.name"] == "root"
    assert fields["proc.pname"]


def test_a_killed_recorder_costs_no_more_than_its_last_moment(tmp_path: Path, rules: tuple[Path, str]) -> None:
    path, marker = rules
    record(tmp_path / "a.tmon", path, marker, signal.SIGKILL)
    alerts, _ = replay(tmp_path / "a.tmon", path)
    assert [alert["output_fields"]["fd.name"] for alert in alerts] == [f"{marker}-{i}" for i in range(5)]
