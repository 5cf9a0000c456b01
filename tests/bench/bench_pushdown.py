"""What the rules' prefilter in the kernel removes, and what it costs the traced programs.

    python -m tests.bench.bench_pushdown [--rounds N] [--count N] [--json FILE]

All upstream rules (tuimon's own where those are absent) and no view. Removed: of the records that the rules ask for,
the share that the prefilter keeps from user space, for three everyday loads: a git clone, a listing of Python packages,
a search through /usr. Slowdown: CPU time of ``dd bs=1`` (system calls no rule asks for), of a loop of /bin/true (fork,
exec, exit) and of a tar (many opens), with the rules but without the prefilter, and with it; as ratios to nothing
attached, medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench_capture import cpu_time, workloads
from tests.bench.bench_rules import rule_files
from tuimon.capture.kernel import KernelSource
from tuimon.interest import interest_for
from tuimon.pushdown import prefilter_of
from tuimon.rules.loader import load
from tuimon.rules.ruleset import RuleSet

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("nothing", "rules", "rules, prefilter")


@contextlib.contextmanager
def capture(ruleset: RuleSet, text: str | None) -> Iterator[KernelSource]:
    """Attach tuimon for the rules alone, with a thread that reads as the engine's does."""
    source = KernelSource()
    source.start()
    source.set_interest(interest_for(ruleset, view=False, cgroups=frozenset(), everything=False))
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


def loads(folder: str) -> dict[str, list[str]]:
    """Return the everyday loads by name."""
    return {
        "git clone": ["git", "clone", "-q", "--no-local", str(ROOT), f"{folder}/clone"],
        "pip list": [sys.executable, "-m", "pip", "list"],
        "find": ["find", "/usr/lib", "/etc", "-type", "f", "-name", "*.conf"],
    }


def removed(ruleset: RuleSet, text: str) -> dict[str, tuple[int, int]]:
    """Return, by load, the records that the rules asked for and those of them that the prefilter removed.

    The whole machine's: what else goes on meanwhile is in it.
    """
    out = {}
    with capture(ruleset, text) as source, tempfile.TemporaryDirectory() as folder:
        for name, command in loads(folder).items():
            before = source.counts()
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            after = source.counts()
            if done.returncode == 0:
                kept = after.prefiltered - before.prefiltered
                sent = after.emitted - before.emitted + after.dropped - before.dropped
                out[name] = (kept + sent, kept)
    return out


def slowdown(ruleset: RuleSet, text: str, rounds: int, count: int) -> dict[str, dict[str, float]]:
    """Return, by load and way, the median CPU time in seconds."""
    times: dict[str, dict[str, list[float]]] = {name: {way: [] for way in WAYS} for name in workloads(count)}
    for _ in range(rounds):
        for way in WAYS:
            attached = (
                contextlib.nullcontext() if way == "nothing" else capture(ruleset, text if way in WAYS[2:] else None)
            )
            with attached:
                for name, command in workloads(count).items():
                    times[name][way].append(cpu_time(command))
    return {name: {way: statistics.median(of) for way, of in ways.items()} for name, ways in times.items()}


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=300_000, help="bytes that dd copies one by one")
    parser.add_argument("--json", help="write the figures to this FILE", metavar="FILE")
    options = parser.parse_args()
    ruleset = RuleSet.build(load(rule_files()), 1)
    text = prefilter_of(ruleset) or ""
    shares = removed(ruleset, text)
    print(f"{len(ruleset)} rules, no view\n{'load':12}{'asked for':>12}{'removed':>10}{'share':>8}")
    for name, (asked, kept) in shares.items():
        print(f"{name:12}{asked:12,}{kept:10,}{kept / max(asked, 1):8.0%}")
    found = slowdown(ruleset, text, options.rounds, options.count)
    print(f"\n{'CPU time':12}" + "".join(f"{way:>20}" for way in WAYS))
    for name, ways in found.items():
        cells = (f"{ways[way]:.3f} s x{ways[way] / ways['nothing']:.2f}" for way in WAYS)
        print(f"{name:12}" + "".join(f"{cell:>20}" for cell in cells))
    if options.json:
        result = {
            "rules": len(ruleset),
            "removed": {name: {"asked_for": asked, "removed": kept} for name, (asked, kept) in shares.items()},
            "cpu_s": found,
        }
        Path(options.json).write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
