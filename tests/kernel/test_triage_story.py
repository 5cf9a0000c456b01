"""The whole story on the live kernel, in a real terminal: an attack in a real container, and the alert worked off.

Start, container chosen, attack, alert, before, story, acknowledged, exported; and the evidence opens.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import IMAGE, SLEEP, Podman, podman_engine, unique
from tests.terminal import Terminal

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.terminal]

RULES = """\
- rule: Staged Program Run
  desc: A program was run from a folder that anybody can write to.
  condition: evt.type in (execve, execveat) and container.id != host and proc.exepath startswith /tmp/
  output: Staged program run (program=%proc.exepath command=%proc.cmdline container=%container.name)
  priority: CRITICAL
"""
ATTACK = "cat /etc/passwd > /tmp/loot; cp /bin/busybox /tmp/dropped; /tmp/dropped; cat /etc/shadow; true"
BOUND_S = 60.0


@pytest.fixture
def podman() -> Iterator[Podman]:
    # podman takes no run root longer than 50 characters, which pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="tm", dir="/tmp") as folder, podman_engine(Path(folder)) as engine:
        yield engine


def test_an_attack_is_seen_looked_into_acknowledged_and_exported(
    tmp_path: Path, podman: Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique("shop")
    full_id = podman.run(name, IMAGE, *SLEEP)
    (rules := tmp_path / "staged.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)  # where the evidence is written when nobody says
    for kind in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_USER", raising=False)
    command = [sys.executable, "-m", "tuimon", "--no-default-rules", "-r", str(rules)]
    try:
        with Terminal(command, columns=140) as terminal:
            terminal.wait_for("LIVE", timeout_s=60)
            terminal.wait_for(re.escape(name[:7]))
            began = time.monotonic()
            choose(terminal, name)
            podman.exec(name, "sh", "-c", ATTACK)
            terminal.press("2")
            terminal.wait_for(r"CRIT +1 .*Staged Program Run +" + re.escape(name[:10]))

            terminal.press("b")
            terminal.wait_for(r"events in .* before the alert, .*(lost|LOST)")
            before = terminal.wait_for(r"\n│C .*execve +/tmp/dropped")
            assert "/tmp/loot" in before
            terminal.press("t")
            story = terminal.wait_for(r"\d+ process(es)?, \d+ events")
            assert "Staged Program Run" in story
            assert re.search(r"cp +\d+ openat /tmp/dropped", story)
            terminal.press("E")
            terminal.wait_for("Write the evidence")
            terminal.press("Enter")
            terminal.wait_for(r": \d+ events, [\d,]+ bytes")
            terminal.press("Escape")
            terminal.wait_gone("that tell little|Story +Critical")
            terminal.press("Escape")
            terminal.wait_gone("before the alert")
            terminal.press("a")
            terminal.wait_for("1 acknowledged")
            podman.exec(name, "sh", "-c", "/tmp/dropped; true")
            terminal.wait_for(r"CRIT +2 .* again +Staged Program Run")
            assert time.monotonic() - began < BOUND_S
            terminal.press("q")
            assert terminal.status() == 0
    finally:
        podman.remove(name)
    (bundle,) = tmp_path.glob("tuimon-evidence-*-staged-program-run.tar.gz")
    opens_and_holds(bundle, tmp_path, full_id)


def choose(terminal: Terminal, name: str) -> None:
    """Choose a container by its name, wherever it is in the list: others come and go."""
    terminal.press("c")
    terminal.wait_for(r"Choose")
    for _ in range(20):
        told = under_cursor(terminal)
        if told == name:
            break
        terminal.press("Down")
        ends_at = time.monotonic() + 10  # pressed before it has moved, it goes past what is looked for
        while under_cursor(terminal) == told and time.monotonic() < ends_at:
            time.sleep(0.05)
    terminal.press("Enter")
    terminal.wait_for(r"Live +" + re.escape(name[:10]))


def under_cursor(terminal: Terminal) -> str:
    """Return the name of the container that the pane tells of below its list."""
    return re.findall(r"│ name +(\S+)", terminal.screen())[-1]


def opens_and_holds(bundle: Path, folder: Path, full_id: str) -> None:
    """Whoever gets the bundle can check it, read it and play it."""
    assert bundle.stat().st_mode & 0o777 == 0o600
    with tarfile.open(bundle) as archive:
        archive.extractall(folder / "out", filter="data")
    (top,) = (folder / "out").iterdir()
    checked = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=top, check=False)
    assert checked.returncode == 0
    assert json.loads((top / "machine.json").read_text())["container"]["full_id"] == full_id
    dropped = next(e for e in json.loads((top / "executables.json").read_text()) if e["path"] == "/tmp/dropped")
    assert dropped["sha256"], "it is still in the container, so its digest can be had"
    assert "/tmp/dropped" in (top / "story.txt").read_text()
    played = subprocess.run(
        [sys.executable, "-m", "tuimon", "replay", str(top / "events.tmon"), "--headless", "--json",
         "--no-default-rules", "-r", str(next((top / "rules").iterdir()))],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert [json.loads(line)["rule"] for line in played.stdout.splitlines()] == ["Staged Program Run"]
