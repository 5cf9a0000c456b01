"""Does a preview over the history hold up typing? Key to paint in the rule editor while events stream in.

    python -m tests.bench.bench_typing [--rate N] [--keys N] [--fill S] [--realtime] [--json FILE]

From outside, through a pty: tuimon on the live kernel (root), programs that open files at the rate wanted, a history
filled for some seconds, and a rule in the editor whose constant grows by a letter no event holds. A line of letters
typed so quickly (one every 60 to 120 ms) that no check of the rules begins, in turn with one typed slowly (every 150 to
450 ms, now and then with a longer look), so that checks and previews begin and most are overtaken. The baseline is the
quick typing on the same screen without the programs, so that there is nothing to look through.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_ui import LETTERS, SIZE, percentile, pump
from tests.bench.paced import beside, repeat
from tests.ui.terminal import Terminal

RULE = """\
- rule: Typed
  desc: d
  output: o
  priority: INFO
  condition: evt.type in (open, openat, openat2) and fd.name contains tuimon-typed"""
QUICK_S = (0.06, 0.12)
SLOW_S = (0.15, 0.45)
LOOK_EVERY = 6
LOOK_S = 1.5
PATHS = 2000


def opens(rate: int) -> None:
    """Open files at a rate."""
    found = (os.path.join(folder, name) for folder, _, names in os.walk("/usr/lib") for name in names)
    paths = [path for path, _ in zip(found, range(PATHS), strict=False)]
    numbers = itertools.count()

    def work() -> None:
        number = next(numbers)
        with contextlib.suppress(OSError):
            os.close(os.open(paths[number % PATHS] if number % 5 else f"/nonexistent/{number % 499}", os.O_RDONLY))

    repeat(rate, work)


class Editor:
    """The rule editor of a tuimon of its own, the cursor behind the constant."""

    def __init__(self, folder: Path) -> None:
        rules = folder / "typed.yaml"
        rules.write_text(RULE)
        self._terminal = Terminal([sys.executable, "-m", "tuimon", "-r", str(rules)], SIZE)
        self._terminal.wait_for("FOLLOW", 60)
        self.previews = 0

    def open(self) -> None:
        """Go to the constant."""
        self._terminal.write("3")
        self._terminal.wait_for("condition", 20)
        self._terminal.write(f"\x1b[<0;{SIZE[0] - 20};20M\x1b[<0;{SIZE[0] - 20};20m")  # a click into the editor
        self.wait(1)
        self._terminal.write("\x1b[6~\x1b[F")  # page down, end
        self.wait(1)

    def wait(self, seconds: float) -> None:
        """Read for a time."""
        pump(self._terminal, seconds)

    def line(self, pauses_s: tuple[float, float]) -> list[float]:
        """Type each letter once and take them all back; return the times from key to paint, in ms."""
        out = []
        for number, letter in enumerate(LETTERS):
            looks = pauses_s == SLOW_S and number % LOOK_EVERY == LOOK_EVERY - 1
            out.append(self._key(letter, LOOK_S if looks else random.uniform(*pauses_s)))
        self._terminal.write("\x7f" * len(LETTERS))
        self.wait(1)
        return out

    def _key(self, letter: str, pause_s: float) -> float:
        terminal = self._terminal
        self.wait(pause_s)
        self.previews += terminal.output.count(b" alerts")
        terminal.output = b""
        began = time.monotonic()
        terminal.write(letter)
        while letter.encode() not in terminal.output:
            terminal.read(0.05)
            if time.monotonic() - began > 5:
                raise SystemExit(f"no answer to a key for 5 s:\n{terminal.text()[-2000:]}")
        return (time.monotonic() - began) * 1000

    def close(self) -> None:
        """End it."""
        self._terminal.close()


def measure(rate: int, keys: int, fill_s: float, folder: Path) -> tuple[dict[str, list[float]], int]:
    """Return the times of each way to type, in ms, and how many previews were painted."""
    names = ("no events", f"{rate:,}/s, no previews", f"{rate:,}/s, previews")
    times: dict[str, list[float]] = {name: [] for name in names}
    editor = Editor(folder)
    try:
        editor.open()
        while len(times[names[0]]) < keys:
            times[names[0]] += editor.line(QUICK_S)
        editor.previews = 0
        with beside("tests.bench.bench_typing", "--opens", rate):
            editor.wait(fill_s)
            while len(times[names[2]]) < keys:
                times[names[1]] += editor.line(QUICK_S)
                times[names[2]] += editor.line(SLOW_S)
        return times, editor.previews
    finally:
        editor.close()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=312)
    parser.add_argument("--fill", type=float, default=20.0, help="seconds of events before the first key")
    parser.add_argument("--realtime", action="store_true", help="before everything else on the machine; root")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    parser.add_argument("--opens", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.opens is not None:
        opens(args.opens)
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    figures: dict[str, object] = {"load average": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        times, previews = measure(args.rate, args.keys, args.fill, Path(folder))
    figures |= {"load average at the end": os.getloadavg()[0], "previews painted": previews}
    print(
        f"{'key to paint in the editor, ms':32}{'n':>5}{'p50':>7}{'p95':>7}{'p99':>7}{'max':>7}{'over 50':>9}{'p99':>7}"
    )
    base = 0.0
    for name, found in times.items():
        p50, p95, p99 = (percentile(found, share) for share in (0.5, 0.95, 0.99))
        base, late = base or p99, sum(each > 50 for each in found) / len(found)
        row = f"{len(found):5}{p50:7.1f}{p95:7.1f}{p99:7.1f}{max(found):7.1f}{late:9.1%}"
        print(f"{name:32}{row}{f'x{p99 / base:.2f}':>7}")
        figures[name] = {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": max(found), "over_50_ms": late}
    print(
        f"{previews} previews painted; load average {figures['load average']} to {figures['load average at the end']}"
    )
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
