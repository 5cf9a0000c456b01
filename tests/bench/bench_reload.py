"""What reloading all rules does to a live flow: how long it takes, how long events wait, whether any is lost or double.

    python -m tests.bench.bench_reload [--reloads N] [--json FILE]

Root and a live kernel. A process makes 200,000 system calls a second, of a kind of its own, which a rule asks for by
something the kernel cannot know, so that all of them reach the engine; another opens marked files at a steady pace,
each with a name of its own. Both say how many they made.
Meanwhile all upstream rules (tuimon's own where those are absent), and one that names the marked files, are reloaded
again and again; every reload changes three rules. *Swap* is the time the engine's thread spends on putting the new
rules in force. *Gap* is the time from one batch to the next as a recorder sees it; its baseline is the same flow
without reloads. A marked file is lost when no alert names it, doubled when two do; the calls of the flood are counted
in what a recorder gets. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.bench_rules import rule_files
from tuimon.batch import Batch
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings
from tuimon.syscalls import NAME_TO_NR

PAUSE_S = 0.002
"""Between two marked opens."""
BETWEEN_S = 0.1
"""Between two reloads."""
MARKER = "marked file"
RATE = 200_000
FLOOD_CALL = "getppid"
FLOOD = """
import os, signal, sys, time
rate, going, made, call = int(sys.argv[1]), True, 0, os.getppid
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
began = time.monotonic()
while going:
    due = min(int((time.monotonic() - began) * rate) - made, rate // 50)
    for _ in range(due): call()
    made += due
    time.sleep(0.001)
print(made)
"""
OPENS = """
import itertools, os, sys, time
for number in itertools.count():
    path = f"{sys.argv[1]}/m{number}"
    try: os.close(os.open(path, os.O_RDONLY))
    except FileNotFoundError: pass
    print(number, flush=True)
    time.sleep(float(sys.argv[2]))
"""
RULE = """
- rule: {name}
  desc: A file below a folder of this run was opened.
  condition: evt.type in (open, openat, openat2) and (fd.name startswith {folder}/m or fd.name = /nowhere/{turn})
  output: "%fd.name"
  priority: NOTICE
"""
FLOOD_RULE = f"""
- rule: flood
  desc: The call that the flood makes, of a process that is not there.
  condition: evt.type = {FLOOD_CALL} and proc.cmdline contains no-such-text-in-any-command-line
  output: "%proc.cmdline"
  priority: NOTICE
"""


@dataclass
class Gaps:
    """A recorder that only looks at the clock, and counts; see tuimon.engine.Listener."""

    events: int = 0
    flood_tgid: int = 0
    flooded: int = 0
    """Calls of the flood."""
    last_s: float = 0.0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """When, and how long, in seconds."""

    def batch(self, batch: Batch) -> None:
        """Note when a batch came."""
        now = time.perf_counter()
        if self.last_s:
            self.gaps.append((now, now - self.last_s))
        self.last_s = now
        self.events += len(batch)
        if self.flood_tgid:
            own = (batch.head["tgid"] == self.flood_tgid) & (batch.head["nr"] == NAME_TO_NR[FLOOD_CALL])
            self.flooded += int(np.count_nonzero(own))


@contextlib.contextmanager
def running(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run a command for as long as the block lasts."""
    process = subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def files(folder: Path, turn: int) -> list[RuleFile]:
    """Return all rules, three of them others than in the turn before; one of the three names the marked files."""
    places = {MARKER: folder, "second": "/nowhere", "third": "/nowhere"}
    rules = "".join(RULE.format(name=name, folder=place, turn=turn) for name, place in places.items())
    return [*rule_files(), RuleFile("marked.yaml", rules + FLOOD_RULE)]


@contextlib.contextmanager
def watching(folder: Path) -> Iterator[tuple[Engine, Gaps]]:
    """An engine with the rules in force."""
    gaps = Gaps()
    engine = build_engine(Settings(history_mb=64, default_rules=False), KernelSource())
    engine.listeners.append(gaps)
    outcome = engine.apply_rules(files(folder, 0))
    assert outcome.accepted, outcome.diagnostics
    engine.start()
    try:
        assert engine.wait_started(60), engine.error()
        yield engine, gaps
    finally:
        engine.stop()


class Marks:
    """How many alerts named each marked file; asked often enough that no alert is forgotten before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last = 0
        self.seen: Counter[str] = Counter()

    def look(self) -> None:
        """Take the alerts since the last look."""
        alerts = self._engine.alerts_since(self._last)
        assert not alerts or alerts[0].num == self._last + 1, "alerts were forgotten before they were counted"
        self._last = alerts[-1].num if alerts else self._last
        self.seen.update(alert.output for alert in alerts if alert.rule == MARKER)


def flow(engine: Engine, gaps: Gaps, act: Callable[[], None]) -> dict[str, float]:
    """Do something and return what the flow was like meanwhile."""
    before, events, began = engine.source.counts(), gaps.events, time.perf_counter()
    act()
    ended = time.perf_counter()
    after = engine.source.counts()
    # A machine that gives the engine no CPU all the while leaves one gap, at least as long.
    own = sorted(gap for at, gap in gaps.gaps if began <= at <= ended) or [ended - began]
    return {
        "seconds": ended - began,
        "events_per_s": (gaps.events - events) / (ended - began),
        "lost_by_rings": after.dropped - before.dropped,
        "gap_ms_median": 1000 * own[len(own) // 2],
        "gap_ms_p99": 1000 * own[len(own) * 99 // 100],
        "gap_ms_longest": 1000 * own[-1],
    }


def run(reloads: int, quiet_s: float = 5.0) -> dict[str, Any]:
    """Reload so many times, after a while without, and return the figures."""
    with tempfile.TemporaryDirectory() as name, watching(Path(name)) as (engine, gaps):
        folder, marks = Path(name), Marks(engine)
        opener = [sys.executable, "-I", "-S", "-c", OPENS, name, str(PAUSE_S)]
        took: list[float] = []
        pauses: list[float] = []

        def reload() -> None:
            for turn in range(1, reloads + 1):
                began = time.perf_counter()
                outcome = engine.apply_rules(files(folder, turn))
                took.append(time.perf_counter() - began)
                pauses.append(1000 * outcome.pause_s)
                assert outcome.accepted, outcome.diagnostics
                marks.look()
                time.sleep(BETWEEN_S)

        flood = [sys.executable, "-I", "-S", "-c", FLOOD, str(RATE)]
        with (
            open(folder / "done", "w") as out,
            running(opener, stdout=out),
            running(flood, stdout=subprocess.PIPE) as flooder,
        ):
            gaps.flood_tgid, dropped = flooder.pid, engine.source.counts().dropped
            time.sleep(2)
            without = flow(engine, gaps, lambda: time.sleep(quiet_s))
            marks.look()
            with_ = flow(engine, gaps, reload)
            flooder.terminate()
            made = int(flooder.communicate()[0])
        opened = len((folder / "done").read_text().split())
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and len(marks.seen) < opened:
            time.sleep(0.2)
            marks.look()
        # The last open may have been cut off before it was told of.
        return {
            "reloads": reloads,
            "reload_s": {"median": statistics.median(took), "longest": max(took)},
            "swap_ms": {"median": statistics.median(pauses), "longest": max(pauses)},
            "without": without,
            "with": with_,
            "flood": made,
            "flood_taken": gaps.flooded,
            "dropped": engine.source.counts().dropped - dropped,
            "marked": opened,
            "lost": sum(f"{folder}/m{number}" not in marks.seen for number in range(opened)),
            "doubled": sum(count > 1 for count in marks.seen.values()),
        }


def report(figures: dict[str, Any]) -> None:
    """Print the table."""
    without, with_ = figures["without"], figures["with"]
    print(f"{'':24}{'no reloads':>14}{'reloads':>14}{'ratio':>8}")
    for key in ("events_per_s", "gap_ms_median", "gap_ms_p99", "gap_ms_longest", "lost_by_rings"):
        ratio = f"{with_[key] / without[key]:8.2f}" if without[key] else ""
        print(f"{key:24}{without[key]:14,.1f}{with_[key]:14,.1f}{ratio}")
    print(f"{figures['reloads']} reloads in {with_['seconds']:.1f} s", end="; ")
    for key, unit in (("reload_s", "s"), ("swap_ms", "ms")):
        print(
            f"{key}: median {figures[key]['median']:.3g} {unit}, longest {figures[key]['longest']:.3g} {unit}", end="; "
        )
    print(f"\n{figures['marked']:,} marked files: {figures['lost']} lost, {figures['doubled']} doubled; ", end="")
    print(f"{figures['flood']:,} calls of the flood, {figures['flood_taken']:,} taken")


def main() -> int:
    """Run and print; 1 when a mark was lost or doubled."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--reloads", type=int, default=50)
    parser.add_argument("--json", help="write the figures to this FILE", metavar="FILE")
    options = parser.parse_args()
    figures = run(options.reloads)
    report(figures)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1))
    return int(bool(figures["lost"] or figures["doubled"]))


if __name__ == "__main__":
    sys.exit(main())
