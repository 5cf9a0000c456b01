"""What a key takes on a slow terminal: from the key to its answer on the screen, while events stream.

    python -m tests.bench.bench_slow_terminal [--rate BYTES_PER_S] [--keys N] [--size 80x24]

The terminal takes so many bytes a second and no more, and answers questions when it has come to them, as terminals do.
The baseline is the same terminal that answers nothing: then only what waits in our own process is known to wait.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import statistics
import sys
import time

from tests.ui.terminal import Terminal

_TICK_S = 0.05
_QUESTION = re.compile(rb"\x1b\[(\d+);(\d+)H\x1b\[6n")


class SlowTerminal:
    """A terminal that takes some bytes a second.

    Args:
        bytes_per_s: What it takes.
        answers: Whether it answers where its cursor is.
    """

    def __init__(self, argv: list[str], size: tuple[int, int], bytes_per_s: float, *, answers: bool) -> None:
        self._inner = Terminal(argv, size)
        self._per_tick = max(int(bytes_per_s * _TICK_S), 1)
        self._answers = answers
        self._answered = 0
        self.frames = 0

    def take(self) -> None:
        """Take what it can in a moment, and answer what is asked therein."""
        began = time.monotonic()
        if select.select([self._inner.fd], [], [], _TICK_S)[0]:
            self._inner.output += os.read(self._inner.fd, self._per_tick)
        for found in _QUESTION.finditer(self._inner.output, self._answered):
            self._answered = found.end()
            self.frames += 1
            if self._answers:
                self._inner.write(b"\x1b[%s;%sR" % found.groups())
        time.sleep(max(began + _TICK_S - time.monotonic(), 0))

    def answer_s(self, key: str, words: str, limit_s: float = 60) -> float:
        """Press a key and return the seconds until some words are on the screen, the limit when they do not come."""
        since, began = len(self._inner.output), time.monotonic()
        self._inner.write(key)
        while words not in self._inner.text(since):
            if time.monotonic() - began > limit_s:
                return limit_s
            self.take()
        return time.monotonic() - began

    def rest(self, seconds: float) -> None:
        """Go on for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take()

    def close(self) -> None:
        """End it."""
        self._inner.close()


def measured(size: tuple[int, int], bytes_per_s: float, keys: int, *, answers: bool) -> list[float]:
    """Return the seconds each key took."""
    argv = [sys.executable, "-m", "tests.ui.pty_app", "--rate", "2000"]
    terminal = SlowTerminal(argv, size, bytes_per_s, answers=answers)
    try:
        terminal.answer_s("", "LIVE")
        terminal.rest(20)
        took = []
        for turn in range(keys):
            took.append(terminal.answer_s(" ", ("PAUSED", "LIVE")[turn % 2]))
            terminal.rest(3 + turn % 3 * 0.7)
        return took
    finally:
        terminal.close()


def main() -> None:
    """Measure with answers and without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=2000, help="bytes a second")
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--size", default="80x24")
    options = parser.parse_args()
    columns, rows = map(int, options.size.split("x"))
    found = {}
    for name, answers in (("answers nothing", False), ("answers", True)):
        found[name] = measured((columns, rows), options.rate, options.keys, answers=answers)
        middle, most = statistics.median(found[name]), max(found[name])
        print(
            f"{options.rate:,.0f} B/s, {options.size}, a terminal that {name}: median {middle:.1f} s, most {most:.1f} s"
        )
    ratio = statistics.median(found["answers"]) / statistics.median(found["answers nothing"])
    print(f"ratio of the medians: {ratio:.2f}")


if __name__ == "__main__":
    main()
