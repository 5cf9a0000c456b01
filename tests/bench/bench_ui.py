"""How quick the screen is: first paint, CPU idle and under load, and from a key to its paint.

    python -m tests.bench.bench_ui [--rate N] [--keys N] [--live] [--realtime] [--json FILE]

Everything is measured from outside, through a pty with a reader in place of a terminal: a key is a letter typed into
the filter bar while the live pane streams beside it, and its paint is that letter coming out. The baseline is the same
screen of the same run with no events. Rounds are interleaved; figures of a machine with other work have long tails:
read the ratios, or take the machine for it with ``--realtime`` (SCHED_FIFO for the screen and the reader; root).

``--live`` measures tuimon itself on the live kernel (root), every call shown, with programs beside it that make the
calls. ``/proc`` tells the CPU of its threads, of which the first is the screen's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

from tests.bench.paced import beside, repeat
from tests.ui.terminal import Terminal

LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
"""What no event holds, so that a letter that comes out is the one that was typed."""
ROUNDS = 3
LIVE = "--live"
SIZE = (200, 50)
_TICK = os.sysconf("SC_CLK_TCK")


def app(rate: int, *more: str) -> Terminal:
    """Start the screen; it ends with ``close``."""
    if LIVE in more:
        terminal = Terminal([sys.executable, "-m", "tuimon"], SIZE)
        terminal.wait_for("FOLLOW", 60)
        terminal.write("L")  # every call, the loud ones too
        return terminal
    return Terminal([sys.executable, "-m", "tests.ui.pty_app", "--rate", str(rate), *more], SIZE)


def calls(rate: int) -> None:
    """Make system calls at a rate."""
    zero = os.open("/dev/zero", os.O_RDONLY)
    repeat(rate, lambda: os.read(zero, 1))


def thread_s(pid: int) -> float:
    """Return the CPU seconds of a process's first thread, which draws the screen."""
    return cpu_s(pid, f"/proc/{pid}/task/{pid}/stat")


def live(rate: int, keys: int) -> dict[str, object]:
    """Measure tuimon itself on the live kernel, with calls made at a rate."""
    with beside("tests.bench.bench_ui", "--calls", rate):
        terminal = app(rate, LIVE)
        pump(terminal, 3)
        whole, screen, began = cpu_s(terminal.pid), thread_s(terminal.pid), time.monotonic()
        pump(terminal, 8)
        passed = time.monotonic() - began
        shares = ((cpu_s(terminal.pid) - whole) / passed, (thread_s(terminal.pid) - screen) / passed)
        rates = re.findall(r"([0-9.,]+[kM]?) ?/s", terminal.text())
        found = typed(terminal, rate, keys)
        terminal.close()
    return {
        "n": len(found),
        **{f"p{share * 100:.0f} ms": percentile(found, share) for share in (0.5, 0.95, 0.99)},
        "max ms": max(found),
        "over 50 ms": sum(value > 50 for value in found) / len(found),
        "process, of a core": shares[0],
        "screen's thread, of a core": shares[1],
        "events/s it says": rates[-1] if rates else "?",
    }


def cpu_s(pid: int, stat: str = "") -> float:
    """Return the CPU seconds a process has used, user and system."""
    fields = Path(stat or f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def first_paint(rounds: int) -> dict[str, float]:
    """Return the medians from exec to the first paint, to the first event on the screen, and of python alone."""
    painted, live, bare = [], [], []
    for _ in range(rounds):
        began = time.monotonic()
        terminal = app(0)
        terminal.wait_for("tuimon")
        painted.append(time.monotonic() - began)
        terminal.wait_for("FOLLOW")
        live.append(time.monotonic() - began)
        terminal.close()
        began = time.monotonic()
        os.waitpid(os.spawnl(os.P_NOWAIT, sys.executable, sys.executable, "-c", "import textual.app"), 0)
        bare.append(time.monotonic() - began)
    return {
        "python with textual, s": statistics.median(bare),
        "first paint, s": statistics.median(painted),
        "first events painted, s": statistics.median(live),
    }


def cpu_share(rate: int, seconds: float, *more: str) -> float:
    """Return the share of a core the whole process uses (screen and made engine)."""
    terminal = app(rate, *more)
    terminal.wait_for("FOLLOW")
    pump(terminal, 2)
    before, began = cpu_s(terminal.pid), time.monotonic()
    pump(terminal, seconds)
    used = (cpu_s(terminal.pid) - before) / (time.monotonic() - began)
    terminal.close()
    return used


def pump(terminal: Terminal, seconds: float) -> None:
    """Read for a time."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        terminal.read(left)


def latencies(rate: int, keys: int, *more: str) -> list[float]:
    """Return the times from a key to its paint, in ms, at about 15 keys/s and random phase."""
    terminal = app(rate, *more)
    terminal.wait_for("FOLLOW")
    try:
        return typed(terminal, rate, keys)
    finally:
        terminal.close()


def typed(terminal: Terminal, rate: int, keys: int) -> list[float]:
    """Type letters into the filter bar; return the time that each took to come out, in ms."""
    terminal.write("/")
    pump(terminal, 1.5)
    out = []
    for number in range(keys):
        letter = LETTERS[number % len(LETTERS)]
        if number % len(LETTERS) == 0:
            terminal.write("\x15")  # ctrl+u: start afresh
            pump(terminal, 0.2)
        pump(terminal, random.uniform(0.03, 0.1))
        at = len(terminal.output)
        began = time.monotonic()
        terminal.write(letter)
        while letter.encode() not in terminal.output[at:]:
            terminal.read(0.05)
            if time.monotonic() - began > 5:
                raise SystemExit(f"no answer to a key for 5 s at {rate:,} events/s")
        out.append((time.monotonic() - began) * 1000)
        del terminal.output
        terminal.output = b""
    return out


def percentile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def measure(rate: int, keys: int) -> dict[str, object]:
    """Measure everything, rounds interleaved."""
    cases = {"no events": (0,), f"{rate:,}/s": (rate,), f"{rate:,}/s, real engine": (rate, "--real")}
    pooled: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (events, *more) in cases.items():
            pooled[name] += latencies(int(events), keys, *map(str, more))
    base = pooled["no events"]
    return {
        "start": first_paint(5),
        "keys": {
            name: {
                "n": len(values),
                "p50 ms": percentile(values, 0.5),
                "p95 ms": percentile(values, 0.95),
                "p99 ms": percentile(values, 0.99),
                "max ms": max(values),
                "over 50 ms": sum(v > 50 for v in values) / len(values),
                "p99 to no events": percentile(values, 0.99) / percentile(base, 0.99),
            }
            for name, values in pooled.items()
        },
        "cpu": {name: cpu_share(int(events), 8, *map(str, more)) for name, (events, *more) in cases.items()},
        "machine": {
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "textual": version("textual"),
            "load average": os.getloadavg()[0],
            "terminal": "{}x{}".format(*SIZE),
        },
    }


def show(found: dict[str, object]) -> None:
    """Print the figures as tables."""
    print("machine:", ", ".join(f"{key} {value}" for key, value in found["machine"].items()))  # type: ignore[attr-defined]
    for name, value in found["start"].items():  # type: ignore[attr-defined]
        print(f"{name:32}{value:8.2f}")
    print(f"\n{'key to paint':24}{'n':>6}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}  over 50 ms  p99 to no events")
    for name, row in found["keys"].items():  # type: ignore[attr-defined]
        print(
            f"{name:24}{row['n']:6}{row['p50 ms']:8.1f}{row['p95 ms']:8.1f}{row['p99 ms']:8.1f}{row['max ms']:8.1f}"
            f"{row['over 50 ms']:12.1%}{row['p99 to no events']:18.2f}"
        )
    print(f"\n{'CPU of the process':24}{'of a core':>10}")
    for name, value in found["cpu"].items():  # type: ignore[attr-defined]
        print(f"{name:24}{value:10.1%}")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=200_000, help="events per second offered")
    parser.add_argument("--keys", type=int, default=120, help="keys in each of the rounds")
    parser.add_argument("--live", action="store_true", help="tuimon itself on the live kernel (root)")
    parser.add_argument("--calls", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--realtime", action="store_true", help="before everything else on the machine")
    args = parser.parse_args()
    if args.calls:
        calls(args.calls)
        return
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    if args.live:
        both: dict[str, object] = {f"{rate:,}/s offered": live(rate, args.keys) for rate in (0, args.rate)}
        found = {"live": both, "load average": os.getloadavg()[0]}
        print(json.dumps(found, indent=1))
    else:
        found = measure(args.rate, args.keys)
        show(found)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
