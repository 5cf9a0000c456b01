"""A pty with a program in it: write keys, read bytes, wait for text."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence

ESCAPE = re.compile(
    rb"\x1b(?:\[[0-9;?<>=!$ ]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[()][A-Z0-9]|[=>78M])"
)


class Terminal:
    """A program on a pty of its own.

    Args:
        argv: The program.
        size: Columns and rows.
        env: Changes to the environment; None as a value unsets.
    """

    def __init__(
        self, argv: Sequence[str], size: tuple[int, int] = (120, 40), env: dict[str, str | None] | None = None
    ) -> None:
        self.output = b""
        self.started = time.monotonic()
        values = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "TZ": "UTC", "LANG": "C.UTF-8"}
        values["PYTHONFAULTHANDLER"] = "1"
        for key, value in (env or {}).items():
            values.pop(key, None)
            if value is not None:
                values[key] = value
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execvpe(argv[0], list(argv), values)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.status: int | None = None

    def read(self, timeout_s: float) -> bytes:
        """Return what comes within the time, as soon as anything does."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the program has ended
            return b""
        self.output += data
        return data

    def write(self, keys: str | bytes) -> None:
        """Press keys."""
        os.write(self.fd, keys.encode() if isinstance(keys, str) else keys)

    def text(self, since: int = 0) -> str:
        """Return the output without escape sequences."""
        return ESCAPE.sub(b" ", self.output[since:]).decode("utf-8", "replace")

    def wait_for(self, text: str, timeout_s: float = 60, since: int = 0) -> float:
        """Read until a text was written (cursor movements count as blanks); return the time it took."""
        began = time.monotonic()
        while text not in self.text(since):
            assert time.monotonic() - began < timeout_s, f"no {text!r} in\n{self.text(since)[-3000:]}"
            self.read(0.05)
        return time.monotonic() - began

    def settle(self, quiet_s: float = 0.12, timeout_s: float = 10) -> None:
        """Read until nothing comes for a while."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and self.read(quiet_s):
            pass

    def wait_exit(self, timeout_s: float = 60) -> int:
        """Read until the program has ended; return its exit status."""
        end = time.monotonic() + timeout_s
        while self.status is None:
            assert time.monotonic() < end, f"the program does not end\n{self._last_words()}"
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def _last_words(self) -> str:
        """Return what the screen showed last and, of a Python program, where each thread is."""
        at, shown = len(self.output), self.text()[-2000:]
        os.kill(self.pid, signal.SIGABRT)
        self.settle(0.5)
        return f"{shown}\n{self.text(at)}"

    def close(self) -> None:
        """End the program if it has not ended, and the pty."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
