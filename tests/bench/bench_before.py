"""What it costs to remember the last events of every container, and to freeze them with an alert.

    python -m tests.bench.bench_before [--json] [--events N]

Over recorded events (tests.bench.real_mix; the first time that needs root), let into a history that lets go of most of
them again. The baseline is the history alone. "many cgroups": the same events dealt out to sixty. Rounds are
interleaved, the median counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.bench import real_mix
from tuimon.batch import Batch
from tuimon.before import Before
from tuimon.events import Alert
from tuimon.history import History

ROUNDS = 5
HISTORY_BYTES = 64 << 20
CGROUPS = 60
RATE = 200_000
BASELINE = "history alone"


def dealt(batches: list[Batch]) -> list[Batch]:
    """Return the events as those of sixty cgroups, in runs as the scheduler makes them."""
    chance = np.random.default_rng(7)
    out = []
    for batch in batches:
        head = batch.head.copy()
        head["cgroup_id"] = np.repeat(chance.integers(1, CGROUPS + 1, len(head) // 20 + 1), 20)[: len(head)]
        out.append(replace(batch, head=head))
    return out


def jobs(mix: real_mix.Mix) -> dict[str, Callable[[], int]]:
    """Return what is measured: each lets every event in once, and returns how many windows it froze."""
    many = dealt(mix.batches)
    alert_of = {id(batch): mix.event_of(batch, len(batch) // 2).alone() for batch in mix.batches}

    def run(batches: list[Batch], *, remember: bool, alerts: bool = False) -> int:
        history = History(HISTORY_BYTES)
        before = Before(mix.processes.get, mix.containers.of_cgroup, lambda: 0, history.batches)
        frozen = 0
        for number, batch in enumerate(batches):
            gone = history.append(batch)
            if not remember:
                continue
            if alerts:
                event = alert_of[id(batch)]
                alert = Alert(number, event.time_ns, str(number), "Warning", "", {}, (), "syscall", "", 1, event)
                before.alert(alert)
            before.add(batch, gone)
            frozen += alerts and before.of(alert) is not None
        return frozen

    return {
        BASELINE: lambda: run(mix.batches, remember=False),
        "remember": lambda: run(mix.batches, remember=True),
        "remember, many cgroups": lambda: run(many, remember=True),
        "remember, an alert a batch": lambda: run(mix.batches, remember=True, alerts=True),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--events", type=int, default=real_mix.EVENTS)
    args = parser.parse_args()
    mix = real_mix.history(events=args.events)
    events = sum(map(len, mix.batches))
    work = jobs(mix)
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, job in work.items():
            began = time.thread_time()
            job()
            times[name].append(time.thread_time() - began)
    rows = {name: statistics.median(each) for name, each in times.items()}
    if args.json:
        json.dump({"events": events, "seconds": rows, "load": os.getloadavg()[0]}, sys.stdout)
        return 0
    print(
        f"{events:,} events; {platform.platform()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    for name, seconds in rows.items():
        each_ns, share = seconds * 1e9 / events, seconds / events * RATE
        print(f"{name:28} {each_ns:7.1f} ns an event   {share:6.2%} of a core at {RATE:,}/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
