"""How much memory a million real events take: in the history, and in the whole process with the screen over it.

    python -m tests.bench.bench_memory [--events N] [--loud] [--json FILE]

Two processes play the recorded real mix (tests.bench.real_mix) behind the screen on a pty, as fast as it comes. The
baseline is the same screen that has seen no more than a thousand events. Anonymous memory is what the process asked
for; the rest of what ``top`` shows are libraries, shared with others, and on the live kernel the mapped rings, which it
counts twice. The peak is that of the playing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.bench import real_mix
from tests.ui.terminal import Terminal

SIZE = (200, 50)
SETTLE_S = 20.0
"""Behind the last event: as long as the screen prepares filters with a twentieth of a core, and gives memory back."""
TIMEOUT_S = 600.0


def memory_mb(pid: int) -> dict[str, float]:
    """Return the memory of a process by kind."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM", "RssAnon", "RssFile"):
            found[name] = int(value.split()[0]) / 1024
    return found


def play(path: Path, events: int) -> tuple[dict[str, float], dict[str, float]]:
    """Play a recording up to a number of events; return the memory then, and what the program says of its history."""
    with_state = real_mix.cache() / f"memory-{events}.json"
    with_state.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "tests.ui.replay_app", str(path), "--events", str(events), "--state", str(with_state)]
    terminal = Terminal(argv, SIZE)
    try:
        end = time.monotonic() + TIMEOUT_S
        while not with_state.exists():
            terminal.read(0.2)
            if time.monotonic() > end:
                raise SystemExit(f"{events:,} events were not played in {TIMEOUT_S:.0f} s")
            terminal.output = b""
        settle = time.monotonic() + SETTLE_S
        while time.monotonic() < settle:
            terminal.read(0.2)
            terminal.output = b""
        return memory_mb(terminal.pid), json.loads(with_state.read_text())
    finally:
        terminal.close()
        with_state.unlink(missing_ok=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=real_mix.EVENTS)
    parser.add_argument("--loud", action="store_true", help="the mix with every call in it")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    path = real_mix.recording(loud=args.loud)
    base, _ = play(path, 1000)
    full, state = play(path, args.events)
    count = state["events"]
    print(f"{count:,.0f} events kept; MB")
    print(f"{'':44}{'anonymous':>10}{'files':>8}{'RSS':>8}{'peak':>8}")
    for name, each in (("screen without events (baseline)", base), ("with them", full)):
        print(f"{name:44}{each['RssAnon']:10.0f}{each['RssFile']:8.0f}{each['VmRSS']:8.0f}{each['VmHWM']:8.0f}")
    grown = full["RssAnon"] - base["RssAnon"]
    print(
        f"{'grown':44}{grown:10.0f}, {grown * 1048576 / count:.0f} bytes each, x{full['RssAnon'] / base['RssAnon']:.2f}"
    )
    print(f"of that the columns: {state['nbytes'] / 1048576:.0f} MB, {state['nbytes'] / count:.0f} bytes an event")
    if args.json:
        Path(args.json).write_text(json.dumps({"base": base, "full": full, "state": state}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
