"""One rule from the attack nobody saw to the exception for its harmless twin, on the live kernel with a real container.

What a user does in five minutes: an attack raises no alert; a rule is typed, and its preview shows the attack that has
already happened; saved, the next attack raises an alert; so does a harmless program that does the same; one key makes
the exception for that program alone.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import IMAGE, SLEEP, Podman, podman_engine, unique
from tests.kernel.test_main_job import alert_count
from tests.terminal import Terminal

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.terminal]

WITHIN_S = 90
COMPLETE = "|"
"""Where a word being typed is completed with tab; the rest of it is not typed."""
RULE = [
    "- rule: Secret Key Read",
    "  desc: somebody reads the key of the application",
    "  condition: evt.type in (open, openat) and container.id != host and fd.nam|e startswith {folder}/",
    "  output: Secret key read (file=%fd.name command=%proc.cmdline container=%container.name)",
    "  priority: WARNING",
]


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    # podman takes no run root longer than 50 characters, which pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="tm", dir="/tmp") as folder, podman_engine(Path(folder)) as engine:
        yield engine


@pytest.fixture
def web(podman: Podman) -> Iterator[str]:
    name = unique("web")
    podman.run(name, IMAGE, *SLEEP)
    yield name
    podman.remove(name)


def tuimon(rules: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tuimon", "--no-default-rules", "-r", str(rules), *more]


def open_editor(terminal: Terminal) -> None:
    terminal.press("3")
    terminal.wait_for(r"\[3 Rules\]")
    terminal.wait_for(r"\^s Apply")
    terminal.press("Tab")
    terminal.wait_for("esc Leave")


def type_lines(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        terminal.press("Home")
        begun, _, rest = line.partition(COMPLETE)
        terminal.type(begun)
        if rest:
            terminal.wait_for(r"(?m)fd\.name .*(field|path|file)")  # what is offered, with its meaning
            terminal.press("Tab")
            terminal.wait_for(re.escape(f"and fd.nam{rest[0]}") + r"(?!\w)")
            rest = rest[1:]
        terminal.type(rest)
        # Each line is on the screen before the next is typed, and whatever was offered meanwhile is taken back.
        terminal.wait_for(re.escape(line.strip()[:20]))
        terminal.press("Enter")


def test_from_an_attack_nobody_saw_to_the_exception_for_its_twin(tmp_path: Path, podman: Podman, web: str) -> None:
    rules = tmp_path / "mine.yaml"
    rules.write_text("# mine\n")
    folder = f"/opt/{unique('app')}"
    podman.exec(web, "sh", "-c", f"mkdir -p {folder} && echo k > {folder}/key")

    def attack() -> None:
        podman.exec(web, "cat", f"{folder}/key")

    def twin() -> None:
        podman.exec(web, "md5sum", f"{folder}/key")

    with Terminal(tuimon(rules), columns=150, rows=45) as terminal:
        terminal.wait_for("LIVE")
        terminal.wait_for(re.escape(web[:7]))
        began = time.monotonic()

        attack()
        time.sleep(0.5)
        assert alert_count(terminal) == 0  # that it was seen the preview shows below

        open_editor(terminal)
        terminal.press("C-End")
        type_lines(terminal, [line.format(folder=folder) for line in RULE])
        terminal.wait_for(r"was 0 -> 1 alerts")  # the attack that has already happened
        terminal.press("F3")
        terminal.wait_for(rf"{re.escape(web)}/cat")
        terminal.press("Escape")
        terminal.wait_gone("in the live list")
        terminal.press("C-s")
        terminal.wait_for("saved; revision 2 is in force")
        assert rules.read_text().startswith("# mine\n- rule: Secret Key Read\n")

        attack()
        terminal.wait_for(r"2 Alerts 1!")
        twin()
        terminal.wait_for(r"2 Alerts 2!")

        terminal.press("Escape")
        terminal.wait_gone("esc Leave")
        terminal.press("2")
        terminal.wait_for(r"\[2 Alerts")
        terminal.press("u")
        terminal.wait_for(r"md5sum")
        terminal.press("g", "x")
        screen = terminal.wait_for(r"hides 1 past alert of the list; 1 of 3 in the last")
        assert re.search(r"proc\.name +. md5sum", screen)
        assert re.search(rf"-1 {re.escape(web)}/md5sum +the one it is made for", screen)
        assert "nothing else: no alert of another program or container" in screen
        terminal.press("Enter")
        terminal.wait_for(r"revision 3 is in force")
        assert "exceptions: append" in rules.read_text()

        twin()
        attack()
        terminal.wait_for(r"2 Alerts 3!")
        time.sleep(0.5)  # the twin came first: were it not hidden, it would be counted by now
        assert alert_count(terminal) == 3
        assert time.monotonic() - began < WITHIN_S


def test_a_killed_screen_loses_nothing_that_was_typed(tmp_path: Path) -> None:
    rules = tmp_path / "mine.yaml"
    rules.write_text("# mine\n")
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    state = tmp_path / "state" / "tuimon"
    with Terminal(tuimon(rules, "--replay", "demo"), env=env) as terminal:
        terminal.wait_for("rev 1")
        open_editor(terminal)
        terminal.press("C-End")
        terminal.type("- list: typed_before_the_kill")
        ends_at = time.monotonic() + 60
        while not any("before_the_kill" in path.read_text() for path in state.glob("*.json")):
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        (entry,) = state.glob("*.json")
        assert entry.stat().st_mode & 0o777 == 0o600
        pid = terminal.pid
        os.kill(pid, signal.SIGKILL)
        # Not tmux's word for it: it sometimes misses the end of a child.
        while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
            assert time.monotonic() < ends_at + 20
            time.sleep(0.02)
    assert rules.read_text() == "# mine\n"
    with Terminal(tuimon(rules, "--replay", "demo"), env=env) as terminal:
        terminal.wait_for(r"Unsaved text of mine\.yaml")
        terminal.press("r")
        terminal.wait_for(r"taken up as it was typed")
        terminal.wait_for(r"- list: typed_before_the_kill")
        terminal.press("C-End", "Enter")
        terminal.type("  items: [a]")
        terminal.press("C-s")
        terminal.wait_for("saved; revision 2 is in force")
    assert rules.read_text() == "# mine\n- list: typed_before_the_kill\n  items: [a]"
    assert not list(state.glob("*.json"))
