"""What the process tree costs at 10,000 processes: build, filter, fold, order, and a repaint of what is visible.

    python -m tests.bench.bench_tree [--json] [--processes N]

The baseline is asking the engine for its list of living processes, which whoever shows them has to do anyway. Rounds
are interleaved, the median counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable

from tuimon.batch import Batch
from tuimon.enrich.processes import ProcessTable
from tuimon.events import HOST, Container, Event, Process, event_at
from tuimon.rules.filter import Filter, compile_filter
from tuimon.rules.numbering import Memory
from tuimon.view.process_tree import ProcessTree, key_of
from tuimon.view.tree_lines import TreeLines

ROUNDS = 9
VISIBLE = 46
WIDTH = 198
BASELINE = "list the living"
CONDITION = "container.id!=host and user.uid<4"
SHOP = Container(id="9ac27e01b5d4", name="shop", known=True)


class Crowd:
    """An engine with many processes: services with workers, shells with pipelines, some in containers."""

    def __init__(self, count: int) -> None:
        chance = random.Random(7)
        self.table = ProcessTable(live=False)
        self.memory = Memory()
        made: list[Process] = []
        for n in range(count):
            parent = made[chance.randrange(max(0, n - 400), n)] if n else None
            process = Process(
                pid=n + 1, start_ns=(n + 1) * 10_000_000, parent=parent, ppid=parent.pid if parent else 0,
                comm=f"worker-{n % 97}", exe="worker", args=("--number", str(n), "--config", "/etc/worker.conf"),
                exepath=f"/usr/bin/worker-{n % 97}", uid=n % 5, cgroup_id=1 + n % 40,
            )  # fmt: skip
            self.table._add(process)
            made.append(process)

    def process_list(self, *, ended: bool = False) -> list[Process]:
        """Return the living; none has ended here."""
        return [*self.table.living(), *(self.table.ended() if ended else [])]

    def container_of(self, cgroup_id: int) -> Container:
        """Return a container for every other cgroup."""
        return SHOP if cgroup_id % 2 else HOST

    def filter(self, text: str) -> Filter:
        """Compile a condition about its processes."""
        return compile_filter(text, None, self._event, self.memory)

    def _event(self, batch: Batch, row: int) -> Event:
        return event_at(batch, row, self.table.get, self.container_of, 0)


def jobs(count: int) -> dict[str, Callable[[], object]]:
    """Return what is measured, by what it is called in the table."""
    crowd = Crowd(count)
    tree, filtered = ProcessTree(crowd), ProcessTree(crowd)
    tree.sync()
    filtered.sync()
    middle = key_of(tree.rows[count // 2].process)

    def build() -> None:
        tree._signature = []
        tree.sync()

    def repaint() -> None:
        lines = TreeLines(tree, 0)
        for seq in range(count // 2, count // 2 + VISIBLE):
            lines.line(seq, WIDTH)

    def fresh() -> None:
        crowd.memory = Memory()
        filtered._asked = None
        filtered.set_filter(f"{CONDITION} and proc.cmdline contains 77")

    return {
        BASELINE: crowd.process_list,
        "look, nothing changed": tree.sync,
        "build everything": build,
        "filter, 1 in 97 matches": lambda: filtered.set_filter("worker-13 "),
        "condition, 1 in 97 matches": lambda: filtered.set_filter(f"{CONDITION} and proc.name=worker-13"),
        "condition, nothing matches": lambda: filtered.set_filter(f"{CONDITION} and proc.cmdline contains zzz"),
        "condition, not asked before": fresh,
        "filter, nothing matches": lambda: filtered.set_filter("nothing"),
        "fold one": lambda: tree.fold(middle),
        f"make {VISIBLE} visible lines": repaint,
    }


def measure(count: int) -> dict[str, float]:
    """Return the median milliseconds of each job."""
    work = jobs(count)
    took: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, job in work.items():
            began = time.perf_counter()
            job()
            took[name].append((time.perf_counter() - began) * 1e3)
    return {name: statistics.median(values) for name, values in took.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--processes", type=int, default=10_000)
    args = parser.parse_args()
    took = measure(args.processes)
    if args.json:
        facts = {"python": platform.python_version(), "machine": platform.machine(), "processes": args.processes}
        print(json.dumps({**facts, "baseline": BASELINE, "ms": took}, indent=2))
        return 0
    print(f"{args.processes:,} processes, median of {ROUNDS} interleaved rounds, Python {platform.python_version()}")
    for name, value in took.items():
        print(f"{name:28} {value:9.2f} ms   x{value / took[BASELINE]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
