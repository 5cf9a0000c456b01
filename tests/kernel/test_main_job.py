"""The main job on the live kernel: both front ends tell of a container's shell and a read password file at once.

What a new user does first: start tuimon, open a shell in a container, look at the alert; write a rule, save it, see it
fire; break it, and see the old rules go on.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers import IMAGE, SLEEP, Podman, podman_engine, unique, wait_until
from tests.terminal import Terminal

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

TUIMON = [sys.executable, "-m", "tuimon"]
WITHIN_S = 1.0
ATTEMPTS = 5
"""A machine that stands still at times is late with some of what it is asked, and not with all."""


class Watch:
    """A running ``tuimon watch --json``."""

    def __init__(self, *args: str) -> None:
        self.process = subprocess.Popen(
            [*TUIMON, "watch", "--json", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self.alerts: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.alerts.put((time.time(), json.loads(line)))

    def wait_ready(self) -> None:
        """Wait until the probes are attached: the first reads of a marked file may come too early."""
        ends_at = time.monotonic() + 60
        while time.monotonic() < ends_at:
            Path("/etc/shadow").read_bytes()
            try:
                self.wait(lambda alert: "/etc/shadow" in alert["output"], 0.3)
                return
            except AssertionError:
                assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
        raise AssertionError("tuimon watch saw nothing within a minute")

    def wait(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 60.0) -> tuple[float, dict[str, Any]]:
        """Return (seconds from event to line, alert) of the first alert that is wanted."""
        ends_at = time.monotonic() + timeout_s
        while (left := ends_at - time.monotonic()) > 0:
            try:
                at, alert = self.alerts.get(timeout=left)
            except queue.Empty:
                break
            if wanted(alert):
                return at - alert["output_fields"]["evt.time"] / 1e9, alert
        raise AssertionError(f"no such alert within {timeout_s} s")

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit status and what was said on standard error."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        self._reader.join(60)
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.wait(60), said


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    # podman takes no run root longer than 50 characters, which pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="tm", dir="/tmp") as folder, podman_engine(Path(folder)) as engine:
        yield engine


@pytest.fixture
def web(podman: Podman) -> Iterator[tuple[str, str]]:
    """A running container: (name, full id)."""
    name = unique("web")
    yield name, podman.run(name, IMAGE, *SLEEP)
    podman.remove(name)


def exec_on_a_terminal(podman: Podman, name: str, *command: str) -> None:
    """``podman exec -it``: ``script`` gives it the terminal that a person has."""
    line = " ".join([*podman.client, "exec", "-it", name, *command])
    subprocess.run(
        ["script", "-qec", line, "/dev/null"],
        env=podman.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip


def told_at_once(watch: Watch, act: Callable[[], object], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Do something and return the alert about it, once it comes within the time."""
    took = []
    for _ in range(ATTEMPTS):
        act()
        late, alert = watch.wait(wanted)
        if late < WITHIN_S:
            return alert
        took.append(late)
    raise AssertionError(f"never within {WITHIN_S} s but after {took}")


def test_watch_tells_of_a_shell_in_a_container_and_of_a_read_password_file(
    podman: Podman, web: tuple[str, str]
) -> None:
    name, _ = web
    watch = Watch()
    try:
        watch.wait_ready()
        alert = told_at_once(
            watch,
            lambda: exec_on_a_terminal(podman, name, "sh", "-c", "'echo hello; exit'"),
            lambda a: "shell" in a["rule"].lower() and "container" in a["rule"].lower(),
        )
        fields = alert["output_fields"]
        assert fields["container.name"] == name
        assert fields["container.image.repository"] == IMAGE.rpartition(":")[0]
        assert fields["user.name"] == "root"
        assert "sh -c echo hello" in fields["proc.cmdline"]
        assert name in alert["output"]
        for _ in range(ATTEMPTS):
            born = unique("born")
            podman.run(born, IMAGE, *SLEEP)
            exec_on_a_terminal(podman, born, "sh", "-c", "'exit 0'")
            late, alert = watch.wait(lambda a, born=born: a["output_fields"].get("container.name") == born)
            podman.remove(born)
            if late < WITHIN_S + 2:  # a container born a moment ago: its name may be waited for, 2 s at most
                break
        assert late < WITHIN_S + 2
        alert = told_at_once(
            watch,
            lambda: subprocess.run(["cat", "/etc/shadow"], stdout=subprocess.DEVNULL, check=True),
            lambda a: a["output_fields"].get("proc.cmdline") == "cat /etc/shadow",
        )
        assert alert["output_fields"]["container.name"] in (None, "host")
    finally:
        status, said = watch.end()
    assert status == 130
    assert "none lost" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_three_examples_of_a_first_lesson_fire_as_they_are_written(
    tmp_path: Path, podman: Podman, web: tuple[str, str], number: int
) -> None:
    condition = {
        1: "container.id != host and proc.name = sh",
        2: "container.id != host and proc.name in (linux_shells)",
        3: "container and proc.name in (linux_shells)",
    }[number]
    items = "- list: linux_shells\n  items: [bash, zsh, ksh,sh,csh]\n" if number > 1 else ""
    items += "- macro: container\n  condition: container.id != host\n" if number > 2 else ""
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        f"{items}- rule: Detech shell inside a container\n"
        "  desc: Alert if a shell such as bash is open\n"
        f"  condition: {condition}\n"
        "  output: Bash Shell Opened (user=%user.name %container.id)\n"
        "  priority: WARNING\n"
    )
    name, full_id = web
    watch = Watch("-r", str(rules))
    try:
        watch.wait_ready()
        podman.exec(name, "sh", "-c", "true")
        # The rule is as wide as the lesson wrote it: a shell of any other container on this machine fires it too.
        _, alert = watch.wait(
            lambda a: (
                a["rule"] == "Detech shell inside a container" and a["output_fields"]["container.id"] == full_id[:12]
            )
        )
    finally:
        watch.end()
    assert f"Bash Shell Opened (user=root {full_id[:12]})" in alert["output"]
    assert alert["priority"] == "Warning"


@pytest.mark.terminal
def test_the_screen_shows_the_alert_and_puts_a_saved_rule_in_force(
    tmp_path: Path, podman: Podman, web: tuple[str, str]
) -> None:
    name, _ = web
    rules = tmp_path / "mine.yaml"
    marker = unique("marked")
    rules.write_text(
        "- rule: Marked file read\n  desc: A test.\n"
        "  condition: evt.type in (open, openat) and fd.name = /never/there\n"
        "  output: Marked file read (file=%fd.name command=%proc.cmdline)\n  priority: WARNING\n"
    )
    with Terminal([*TUIMON, "-r", str(rules)], columns=140) as terminal:
        terminal.wait_for("LIVE")
        terminal.wait_for(re.escape(name))
        began = time.monotonic()
        exec_on_a_terminal(podman, name, "sh", "-c", "'exit 0'")
        terminal.wait_for(r"(?i)shell.*container.*" + re.escape(name[:8]))
        ran_s = time.monotonic() - began
        for _ in range(ATTEMPTS):
            before = fired(terminal, "Password File Read")
            subprocess.run(["cat", "/etc/shadow"], stdout=subprocess.DEVNULL, check=True)
            read_at = time.monotonic()
            wait_until(lambda before=before: fired(terminal, "Password File Read") > before)
            took_s = time.monotonic() - read_at
            if took_s < WITHIN_S + 0.3:  # one repaint and one look at the screen more
                break
        assert took_s < WITHIN_S + 0.3
        assert ran_s < 15

        text = rules.read_text().replace("/never/there", f"/tmp/{marker}")
        edit_in_the_screen(terminal, rules, "/never/there", f"/tmp/{marker}")
        terminal.press("C-s")
        terminal.wait_for(r"rev 2")
        assert f"/tmp/{marker}" in rules.read_text()
        assert text.count("\n") == rules.read_text().count("\n")
        Path(f"/tmp/{marker}").write_text("x")
        try:
            subprocess.run(["cat", f"/tmp/{marker}"], stdout=subprocess.DEVNULL, check=True)
            terminal.press("Escape")
            terminal.wait_gone("esc Leave")
            terminal.press("1")
            terminal.wait_for(r"WARN +\d+ .*Marked file read")

            edit_in_the_screen(terminal, rules, "fd.name", "fd.nmae")
            terminal.wait_for(r"fd\.nmae")
            terminal.press("C-s")
            screen = terminal.wait_for(r"(?i)mine\.yaml:3:\d+|3:\d+")
            assert "rev 2" in screen
            assert "fd.nmae" not in rules.read_text()
            before = alert_count(terminal)
            subprocess.run(["cat", f"/tmp/{marker}"], stdout=subprocess.DEVNULL, check=True)
            ends_at = time.monotonic() + 30
            while alert_count(terminal) <= before and time.monotonic() < ends_at:
                time.sleep(0.05)
            assert alert_count(terminal) > before
        finally:
            os.unlink(f"/tmp/{marker}")


def fired(terminal: Terminal, rule: str) -> int:
    """How often a rule has fired, by the lines of the list."""
    return sum(map(int, re.findall(rf"[A-Z]{{3,5}} +(\d+) [^\n]*{rule}", terminal.screen())))


def alert_count(terminal: Terminal) -> int:
    """The number of alerts that the tab bar shows."""
    found = re.search(r"2 Alerts ([\d,]+)!", terminal.screen())
    return int(found[1].replace(",", "")) if found else 0


def edit_in_the_screen(terminal: Terminal, rules: Path, old: str, new: str) -> None:
    """Open the rules tab (it shows the user's own file), put the cursor behind a text and replace it by typing."""
    lines = rules.read_text().splitlines()
    row = next(i for i, line in enumerate(lines) if old in line)
    column = lines[row].index(old) + len(old)
    terminal.press("3")
    terminal.wait_for(r"\[3 Rules\]")
    terminal.wait_for(r"\^s Apply")
    terminal.press("Tab")
    terminal.wait_for("esc Leave")
    terminal.press("C-Home", *["Down"] * row, "Home", *["Right"] * (column - first_column(lines[row])))
    terminal.press(*["BSpace"] * len(old))
    terminal.type(new)
    terminal.wait_for(re.escape(new))


def first_column(line: str) -> int:
    """Where Home puts the cursor: on the first letter of the line."""
    return len(line) - len(line.lstrip())
