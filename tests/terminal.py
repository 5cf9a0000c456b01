"""A real terminal for tests: tmux with a server of the test's own. Wait for text, never sleep."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType


def remove_socket(name: str) -> None:
    """Remove the socket of a tmux server that has ended (tmux(1), ``-L``): tmux leaves it."""
    Path(os.environ.get("TMUX_TMPDIR") or "/tmp", f"tmux-{os.getuid()}", name).unlink(missing_ok=True)


class Terminal:
    """A program running in a tmux pane.

    Args:
        command: The program and its arguments.
        columns: Width.
        rows: Height.
        env: What to add to the environment.
    """

    def __init__(
        self, command: Sequence[str], *, columns: int = 120, rows: int = 40, env: Mapping[str, str] | None = None
    ) -> None:
        self._socket = f"tuimon-test-{uuid.uuid4().hex[:12]}"
        # What is kept between runs, unsaved text among it, is to be another's than the next test's.
        self._state = tempfile.TemporaryDirectory(prefix="tuimon-state-")
        settings = {"TERM": "tmux-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": self._state.name}
        settings |= env or {}
        script = 'exec env "$@"; exit 99'
        # The pane stays when the program ends, so that its last words and its status can be read.
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(rows), "sleep 1000")
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        pairs = [f"{key}={value}" for key, value in settings.items()]
        self._tmux("respawn-pane", "-k", "-t", "t", "sh", "-c", script, "sh", *pairs, *command)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note("the terminal's last screen:\n" + self.screen())
        self._tmux("kill-server", check=False)
        remove_socket(self._socket)
        self._state.cleanup()

    def _tmux(self, *args: str, check: bool = True) -> str:
        env = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}
        done = subprocess.run(
            ["tmux", "-L", self._socket, *args], capture_output=True, text=True, check=False, env=env, timeout=60
        )
        if check and done.returncode:
            raise AssertionError(f"tmux {args[0]}: {done.stderr}")
        return done.stdout

    def screen(self) -> str:
        """Return what the screen shows now."""
        return self._tmux("capture-pane", "-p", "-t", "t", check=False)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names (Enter, Escape, C-s, ...)."""
        for key in keys:
            self._tmux("send-keys", "-t", "t", key)
            if key == "Escape":
                # A terminal sends Alt+x as Escape and x: only time tells them apart.
                time.sleep(0.3)

    def type(self, text: str) -> None:
        """Type text letter by letter, as a person would."""
        self._tmux("send-keys", "-t", "t", "-l", "--", text)

    def wait_for(self, pattern: str, timeout_s: float = 60.0) -> str:
        """Return the screen as soon as a regular expression is found on it (dot matches no newline)."""
        ends_at = time.monotonic() + timeout_s
        while True:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            if time.monotonic() > ends_at:
                raise AssertionError(f"{pattern!r} did not appear within {timeout_s} s:\n{screen}")
            time.sleep(0.03)

    def wait_gone(self, pattern: str, timeout_s: float = 60.0) -> str:
        """Return the screen as soon as a regular expression is no longer found on it."""
        ends_at = time.monotonic() + timeout_s
        while True:
            screen = self.screen()
            if not re.search(pattern, screen):
                return screen
            if time.monotonic() > ends_at:
                raise AssertionError(f"{pattern!r} was still there after {timeout_s} s:\n{screen}")
            time.sleep(0.03)

    def status(self, timeout_s: float = 60.0) -> int:
        """Wait for the program to end and return its exit status."""
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            words = self._tmux("display-message", "-p", "-t", "t", "#{pane_dead} #{pane_dead_status}").split()
            if words[:1] == ["1"] and len(words) == 2:  # the status may come a moment after the end
                return int(words[1])
            if words == ["1"]:
                # tmux sometimes misses that a child ended; when another one does, it looks at all of them.
                self._tmux("run-shell", "true", check=False)
            time.sleep(0.03)
        raise AssertionError(f"the program did not end:\n{self.screen()}")

    @property
    def pid(self) -> int:
        """The program's process id."""
        return int(self._tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))
