"""The whole screen in a real terminal emulator: started, used and left as a user would."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid

import pytest

from tests.terminal import remove_socket
from tests.ui.fake_engine import LOCAL_RULES

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Tmux:
    """A tmux server of its own with one window."""

    def __init__(self, command, size):
        self.name = f"tuimon-test-{uuid.uuid4().hex[:8]}"
        self.run("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), command)

    def run(self, *args):
        done = subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", *args], capture_output=True, text=True, check=True
        )
        return done.stdout

    def press(self, *keys):
        for key in keys:
            self.run("send-keys", key)

    def screen(self):
        return self.run("capture-pane", "-p")

    def wait_for(self, text, timeout_s=60):
        end = time.monotonic() + timeout_s
        while text not in (shown := self.screen()):
            assert time.monotonic() < end, f"no {text!r} in\n{shown}"
            time.sleep(0.02)
        return shown

    def wait_without(self, text, timeout_s=60):
        end = time.monotonic() + timeout_s
        while text in (shown := self.screen()):
            assert time.monotonic() < end, f"still {text!r} in\n{shown}"
            time.sleep(0.02)

    def close(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], capture_output=True, check=False)
        remove_socket(self.name)


@pytest.fixture
def tmux(tmp_path):
    rules = tmp_path / "local.yaml"
    rules.write_text(LOCAL_RULES)
    made = Tmux(
        # Exported sizes must not hold against the terminal's own.
        f"XDG_STATE_HOME={tmp_path} COLUMNS=80 LINES=24 "
        f"{sys.executable} -m tests.ui.pty_app --rate 500 --rules {rules};"
        "echo left with $?; sleep 60",
        (120, 40),
    )
    made.rules = rules
    yield made
    made.close()


def test_the_whole_story(tmux):
    tmux.wait_for("LIVE")
    tmux.wait_for("Read the shadow file")  # an alert
    tmux.press("c", "Down", "Enter")
    tmux.wait_for("node-1 > web")
    tmux.press("Escape")  # on its own: with a key right behind it, it would be alt
    tmux.wait_without("node-1 > web")
    tmux.press("/")
    tmux.wait_for("/filter>")
    tmux.press(*"shadow", "Enter")
    tmux.wait_for("hidden by filter")
    tmux.press("Space")
    tmux.wait_for("PAUSED")
    tmux.wait_for("new")
    tmux.press("Up", "Enter")
    tmux.wait_for("process and its ancestors")
    tmux.press("q")
    tmux.wait_for("PAUSED")
    tmux.press("2", "e")
    tmux.wait_for("ctrl+s apply")
    tmux.press(*"# mine", "C-s")
    tmux.wait_for("revision 2 is in force")
    assert tmux.rules.read_text().startswith("# mine")
    tmux.press("?")  # typed, not obeyed, while the editor has the focus
    tmux.wait_for("# mine?")
    tmux.press("C-q")
    tmux.wait_for("Unsaved text in local.yaml")
    tmux.press("d")
    shown = tmux.wait_for("left with 0")
    assert "╭" not in shown  # the terminal is as it was


def test_a_resize_down_and_up_again(tmux):
    tmux.wait_for("LIVE")
    tmux.run("resize-window", "-x", "50", "-y", "12")
    tmux.wait_for("needs a terminal of 60x16")
    tmux.run("resize-window", "-x", "80", "-y", "24")
    tmux.wait_for("FOLLOW on")
    tmux.run("resize-window", "-x", "200", "-y", "50")
    tmux.wait_for("image")
    tmux.press("C-c")
    tmux.wait_for("left with 0")
