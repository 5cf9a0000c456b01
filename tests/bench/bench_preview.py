"""How long the preview of a changed rule takes over a million events of history.

    python -m tests.bench.bench_preview [--events N] [--rounds N] [--real] [--json FILE]

The history is the mix of a busy node that bench_rules judges (a quarter of it made, then repeated), or, with --real,
the recorded mix of tests.bench.real_mix, prepared as the screen does in its spare time. The baseline is a replay of the
same history through the changed rule, by the engine's own prefilter, rules just loaded. "new rule" is the first look
at a history; "edit" each look after it, as while typing, with a condition that was never seen before. CPU time of one
core and wall time; rounds are interleaved, the median counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests import builders
from tests.bench import bench_filter, bench_rules, real_mix
from tuimon.batch import Batch, take
from tuimon.events import Event
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.numbering import Memory
from tuimon.rules.ruleset import RuleSet
from tuimon.workbench.preview import preview

BATCH = 16_384
"""Events the engine lets into the history at once."""
EventOf = Callable[[Batch, int], Event]
OPENS = "evt.type in (open, openat, openat2)"
RULES = {
    "write below a folder": f"{OPENS} and evt.is_open_write=true and fd.name startswith /etc",
    "any path": f"{OPENS} and fd.name contains shadow",
    "start of a program": "evt.type in (execve, execveat) and container.id != host and proc.pname = sh",
    "calls to an address": "evt.type = connect and fd.sip = 10.1.2.3 and fd.sport = 443",
    "program and folder": f"{OPENS} and proc.name in (node, java) and not fd.name startswith /usr",
}
EDITS = ("proc.name != zsh{}", "fd.name != /tmp/{}", "not proc.pname in (make{0}, ninja{0})")


class Tables:
    """What candidates() asks, over a function that makes events."""

    def __init__(self, event_of: EventOf, processes: object, containers: object) -> None:
        self.event_of = event_of
        self.processes = processes
        self.containers = containers


def made(events: int) -> tuple[list[Batch], Tables]:
    """Return a history of the mix, a quarter of it made and the rest repeated at later times."""
    part, tables = bench_rules.build(max(1, events // 4))
    batches: list[Batch] = []
    num = 1
    for turn in range(4):
        for at in range(0, len(part), BATCH):
            batch = take(part, np.arange(at, min(at + BATCH, len(part))))
            batch.head["ts_ns"] += np.uint64(turn * len(part))
            batch.first_num, num = num, num + len(batch)
            batches.append(batch)

    def event_of(batch: Batch, row: int) -> Event:
        return builders.event_of(batch, row, tables)

    return batches, Tables(event_of, tables.processes, tables.containers)


def recorded(events: int) -> tuple[list[Batch], Tables, Memory]:
    """Return a history of real events, and what the screen has worked out about it in its spare time."""
    mix = real_mix.history(events)
    batches, memory, _ = bench_filter.prepared(mix)
    return batches, Tables(mix.event_of, mix.processes, mix.containers), memory


def ruleset(condition: str) -> RuleSet:
    """Return a rule set of one rule."""
    text = f"- rule: x\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
    loaded = load([RuleFile("bench.yaml", text)])
    assert loaded.ok, loaded.diagnostics
    return RuleSet.build(loaded, 1)


def replay(rules: RuleSet, batches: Sequence[Batch], tables: Tables) -> int:
    """Return the alerts of a history, as the engine finds them."""
    hits = 0
    for batch in batches:
        for row in rules.candidates(batch, tables).tolist():
            hits += sum(not hit.unknown for hit in rules.judge(tables.event_of(batch, row)))
    return hits


@dataclasses.dataclass
class Times:
    """Of one way over one rule."""

    cpu_s: list[float] = dataclasses.field(default_factory=list)
    wall_s: list[float] = dataclasses.field(default_factory=list)

    def take(self, run: Callable[[], int]) -> int:
        """Run once by both clocks."""
        cpu, wall = time.process_time(), time.perf_counter()
        result = run()
        self.cpu_s.append(time.process_time() - cpu)
        self.wall_s.append(time.perf_counter() - wall)
        return result


def measure(
    condition: str, batches: Sequence[Batch], tables: Tables, rounds: int, prepared: Memory | None
) -> tuple[dict[str, Times], int]:
    """Return the times of the three ways for one rule, and its alerts."""
    times = {"replay": Times(), "new rule": Times(), "edit": Times()}
    old, alerts = ruleset(condition), -1
    for number in range(rounds):
        memory = prepared or Memory()
        fresh = ruleset(condition)
        replayed = times["replay"].take(lambda: replay(fresh, batches, tables))  # noqa: B023  called at once
        alerts = times["new rule"].take(
            lambda: preview(batches, tables.event_of, None, old, memory=memory).now  # noqa: B023
        )
        if replayed != alerts:
            raise SystemExit(f"preview and replay disagree over {condition}: {alerts} and {replayed}")
        for edit in EDITS:
            new = ruleset(f"{condition} and {edit.format(number)}")
            times["edit"].take(lambda: preview(batches, tables.event_of, old, new, memory=memory).now)  # noqa: B023
    return times, alerts


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", action="store_true", help="the recorded mix of real events")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    batches, tables, memory = recorded(options.events) if options.real else (*made(options.events), None)
    events = sum(map(len, batches))
    print(f"{events:,} {'real' if options.real else 'made'} events in {len(batches)} batches; ms, median")
    print(f"{'rule':22}{'alerts':>9}  {'way':10}{'CPU':>8}{'wall':>8}{'x replay':>10}")
    figures: dict[str, object] = {"events": events}
    for name, condition in RULES.items():
        times, alerts = measure(condition, batches, tables, options.rounds, memory)
        base = statistics.median(times["replay"].cpu_s)
        for way, each in times.items():
            cpu, wall = statistics.median(each.cpu_s), statistics.median(each.wall_s)
            print(f"{name:22}{alerts:9,}  {way:10}{cpu * 1e3:8.0f}{wall * 1e3:8.0f}{base / cpu:10.1f}")
            figures[f"{name}, {way}"] = {"cpu_s": cpu, "wall_s": wall, "ratio_to_replay": base / cpu}
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
