"""What the rules' prefilter in the kernel removes, and what it costs the traced programs.

    python -m tests.bench.bench_pushdown [--rounds N] [--count N] [--rules N] [--json FILE]

All upstream rules (tuimon's own where those are absent) and no view. Removed: tests.bench.mixes says of which loads;
two captures look at each at once, one behind the prefilter and the other at all that the rules ask for. With
``--rules``, the rules that let most of the rest pass. Slowdown: CPU time of ``dd bs=1`` (calls no rule asks for), of a
loop of /bin/true (fork, exec, exit), of a tar and of a loop of open and close (calls that the prefilter judges),
with the rules but without the prefilter, and with it; as ratios to nothing attached, medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench_capture import cpu_time, workloads
from tests.bench.bench_rules import rule_files
from tests.bench.mixes import measure
from tuimon.capture.kernel import KernelSource
from tuimon.interest import Views, interest_for, needs_of
from tuimon.pushdown import prefilter_of
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet

WAYS = ("nothing", "rules", "rules, prefilter")
OPENS = "import os\nfor _ in range(100_000): os.close(os.open('/etc/hostname', os.O_RDONLY))"


@contextlib.contextmanager
def capture(ruleset: RuleSet, text: str | None) -> Iterator[KernelSource]:
    """Attach tuimon for the rules alone, with a thread that reads as the engine's does."""
    source = KernelSource()
    source.start()
    source.set_interest(interest_for(needs_of(ruleset), Views()))
    source.set_prefilter(text)
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.02):
            source.drain(0)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield source
    finally:
        stop.set()
        thread.join()
        source.close()


def slowdown(ruleset: RuleSet, text: str, rounds: int, count: int) -> dict[str, dict[str, float]]:
    """Return, by load and way, the median CPU time in seconds."""
    loads = {**workloads(count), "opens": [sys.executable, "-I", "-S", "-c", OPENS]}
    times: dict[str, dict[str, list[float]]] = {name: {way: [] for way in WAYS} for name in loads}
    for _ in range(rounds):
        for way in WAYS:
            attached = (
                contextlib.nullcontext() if way == "nothing" else capture(ruleset, text if way in WAYS[2:] else None)
            )
            with attached:
                for name, command in loads.items():
                    times[name][way].append(cpu_time(command))
    return {name: {way: statistics.median(of) for way, of in ways.items()} for name, ways in times.items()}


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=300_000, help="bytes that dd copies one by one")
    parser.add_argument("--rules", type=int, default=0, help="show so many rules that let events pass", metavar="N")
    parser.add_argument("--json", help="write the figures to this FILE", metavar="FILE")
    options = parser.parse_args()
    ruleset = RuleSet.build(load(rule_files()), 1)
    text = prefilter_of(ruleset) or ""
    shares = measure(ruleset, text)
    print(f"{len(ruleset)} rules, no view; load average {os.getloadavg()[0]:.1f}")
    print(f"{'load':18}{'asked for':>12}{'sent':>10}{'removed':>10}{'processes':>12}")
    for name, share in shares.items():
        print(f"{name:18}{share.asked:12,}{share.sent:10,}{share.removed:10.1%}{share.process_events:12,}")
        for rule, passed in share.rules[: options.rules]:
            print(f"    {passed:8,}  {rule}")
    found = slowdown(ruleset, text, options.rounds, options.count)
    print(f"\n{'CPU time':12}" + "".join(f"{way:>20}" for way in WAYS))
    for name, ways in found.items():
        cells = (f"{ways[way]:.3f} s x{ways[way] / ways['nothing']:.2f}" for way in WAYS)
        print(f"{name:12}" + "".join(f"{cell:>20}" for cell in cells))
    if options.json:
        result = {
            "rules": len(ruleset),
            "removed": {name: {"asked_for": share.asked, "sent": share.sent} for name, share in shares.items()},
            "cpu_s": found,
        }
        Path(options.json).write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
