"""Record the live kernel, replay the file: the same alerts, whether or not the recorder was allowed to end."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.containers import unique, wait_until
from tuimon.batch import Batch
from tuimon.capture.recording import RecordingReader
from tuimon.errors import RecordingError
from tuimon.records import Slot

pytestmark = pytest.mark.kernel

TUIMON = [sys.executable, "-m", "tuimon"]
READY = "ready"
"""Ends the name of a file that is read until the recorder has seen it."""
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
        wait_until(lambda: read(f"{marker}-{READY}") <= recorded(file) or process.poll() is not None, 60, 0.2)
        assert process.poll() is None
        marked = read(*(f"{marker}-{i}" for i in range(5)))
        wait_until(lambda: marked <= recorded(file), 10)
        process.send_signal(number)
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.wait()


def read(*names: str) -> set[bytes]:
    """Try to read files; return their names as they are in events."""
    for name in names:
        subprocess.run(["cat", name], stderr=subprocess.DEVNULL, check=False)
    return {name.encode() for name in names}


def recorded(file: Path) -> set[bytes]:
    """Return the paths, as given, of the events that are in a recording which is being written."""
    found: set[bytes] = set()
    with contextlib.suppress(RecordingError):  # its last block is on its way
        for _, batch in RecordingReader(file).frames():
            if isinstance(batch, Batch):
                found |= {batch.slots(row)[Slot.GIVEN] for row in range(len(batch))}
    return found


def replay(file: Path, rules: Path) -> tuple[list[dict[str, Any]], str]:
    """Return the alerts of a replay about what was read once it was recorded, and what was said."""
    done = subprocess.run(
        [*TUIMON, "replay", "--json", "--no-default-rules", "-r", str(rules), str(file)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    return [alert for alert in alerts if not alert["output_fields"]["fd.name"].endswith(READY)], done.stderr


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
