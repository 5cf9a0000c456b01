"""Does a preview over the history hold up typing? Key to paint in the rule editor while events stream in.

    python -m tests.bench.bench_typing [--rate N] [--keys N] [--fill S] [--realtime] [--json FILE]

From outside, through a pty: the real engine over a made stream, a history filled for some seconds, and a rule in the
editor whose constant grows by a letter no event holds, one every 150 to 450 ms, so that previews begin and are
overtaken all the time. The baseline is the same typing with no events, so that there is nothing to look through.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_ui import LETTERS, SIZE, percentile, pump
from tests.ui.terminal import Terminal

RULE = """\
- rule: Typed
  desc: d
  output: o
  priority: INFO
  condition: evt.type in (open, openat, openat2) and fd.name contains x"""
PER_LINE = 40


def typed(rate: int, keys: int, fill_s: float, folder: Path) -> tuple[list[float], int]:
    """Return the times from a key to its paint, in ms, and how many previews were painted meanwhile."""
    rules = folder / f"typed-{rate}.yaml"
    rules.write_text(RULE)
    argv = [sys.executable, "-m", "tests.ui.pty_app", "--rate", str(rate), "--real", "--rules", str(rules)]
    terminal = Terminal(argv, SIZE)
    try:
        terminal.wait_for("FOLLOW", 60)
        pump(terminal, fill_s)
        terminal.write("3")
        terminal.wait_for("condition", 20)
        terminal.write(f"\x1b[<0;{SIZE[0] - 20};20M\x1b[<0;{SIZE[0] - 20};20m")  # a click into the editor
        pump(terminal, 1)
        terminal.write("\x1b[6~\x1b[F")  # page down, end: behind the constant
        pump(terminal, 1)
        out: list[float] = []
        seen = 0
        for number in range(keys):
            letter = LETTERS[number % len(LETTERS)]
            if number and number % PER_LINE == 0:
                terminal.write("\x7f" * PER_LINE)
                pump(terminal, 1)
            pump(terminal, random.uniform(0.15, 0.45))
            seen += terminal.output.count(b"alerts")
            terminal.output = b""
            began = time.monotonic()
            terminal.write(letter)
            while letter.encode() not in terminal.output:
                terminal.read(0.05)
                if time.monotonic() - began > 5:
                    raise SystemExit(f"no answer to a key for 5 s:\n{terminal.text()[-2000:]}")
            out.append((time.monotonic() - began) * 1000)
        return out, seen
    finally:
        terminal.close()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--fill", type=float, default=25.0, help="seconds of events before the first key")
    parser.add_argument("--realtime", action="store_true", help="before everything else on the machine; root")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    figures: dict[str, object] = {"load average": os.getloadavg()[0]}
    print(f"{'key to paint in the editor':28}{'n':>5}{'p50':>7}{'p95':>7}{'p99':>7}{'max':>7}{'previews':>10} p99")
    base = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, rate, fill_s in (("no events", 1, 2.0), (f"{args.rate:,}/s, looking back", args.rate, args.fill)):
            times, seen = typed(rate, args.keys, fill_s, Path(folder))
            p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
            base = base or p99
            print(f"{name:28}{len(times):5}{p50:7.1f}{p95:7.1f}{p99:7.1f}{max(times):7.1f}{seen:10} x{p99 / base:.2f}")
            figures[name] = {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": max(times), "previews": seen}
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
