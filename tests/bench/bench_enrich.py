"""What the process table costs: per row of a busy batch, per fork, exec and exit of a storm, and for the seed.

    python -m tests.bench.bench_enrich [--json FILE]

Baselines, in the same run: building one ``Process`` object (for the records), and one numpy gather over the same rows
(for the plain rows). Medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tuimon.batch import Batch, from_records
from tuimon.enrich.processes import ProcessTable
from tuimon.enrich.procfs import Procfs
from tuimon.events import Process
from tuimon.records import Flag, Kind, SizeClass, record_dtype

ROUNDS = 7
ROWS = 50_000
STORM = 5_000
"""Processes of a storm: each is forked, executes and ends."""


def plain_batch() -> Batch:
    """Return slim events of 60 processes."""
    records = np.zeros(ROWS, record_dtype(SizeClass.SLIM))
    records["head"]["ts_ns"] = np.arange(ROWS)
    records["head"]["tgid"] = records["head"]["tid"] = 100 + np.random.default_rng(1).integers(0, 60, ROWS)
    return from_records([(SizeClass.SLIM, records)])


def named_batch() -> Batch:
    """Return events with text of 60 processes, as opens are."""
    records = np.zeros(ROWS, record_dtype(SizeClass.SHORT))
    pids = 100 + np.random.default_rng(1).integers(0, 60, ROWS)
    records["head"]["ts_ns"] = np.arange(ROWS)
    records["head"]["tgid"] = records["head"]["tid"] = pids
    records["head"]["flags"] = int(Flag.HAS_EXT)
    records["ext"]["comm"] = b"bash"
    return from_records([(SizeClass.SHORT, records)])


def storm_batches(first_pid: int) -> list[Batch]:
    """Return the records of a storm in drains of 1,000 processes."""
    batches = []
    argv = b"/usr/bin/true\0--option=value\0some/argument\0"
    for at in range(0, STORM, 1000):
        records = np.zeros(3000, record_dtype(SizeClass.PROC_SHORT))
        pids = first_pid + at + np.arange(1000)
        head, proc, ext = records["head"], records["proc"], records["ext"]
        head["ts_ns"] = 10**12 + np.arange(3000) + at * 3
        head["flags"] = int(Flag.HAS_EXT | Flag.HAS_PROC)
        head["kind"] = np.tile([Kind.FORK, Kind.EXEC, Kind.EXIT], 1000)
        head["tgid"] = head["tid"] = np.repeat(pids, 3)
        head["tgid"][::3] = head["tid"][::3] = 50
        proc["pid"] = proc["tid"] = np.repeat(pids, 3)
        proc["ppid"] = 50
        proc["start_ns"] = 10**12 + np.repeat(pids, 3) * 10**7
        ext["comm"] = np.tile(np.array([b"bash", b"true", b"true"], "S16"), 1000)
        text = b"/usr/bin/true" + b"/root" + b"/usr/bin/true" + argv
        ext["slot_len"][1::3, :4] = [13, 5, 13, len(argv)]
        ext["text_len"][1::3] = len(text)
        records["text"][1::3, : len(text)] = np.frombuffer(text, np.uint8)
        batches.append(from_records([(SizeClass.PROC_SHORT, records)]))
    return batches


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure() -> dict[str, dict[str, float | str]]:
    """Return per figure its median, unit, and ratio to its baseline."""
    seconds: dict[str, list[float]] = {}
    lookup = np.zeros(1 << 22, np.int32)
    plain, named = plain_batch(), named_batch()
    for number in range(ROUNDS):
        table = ProcessTable()
        table.apply(plain)
        table.apply(named)
        batches = storm_batches(1000 + number * STORM)

        def storm(batches: list[Batch] = batches, table: ProcessTable = table) -> None:
            num = 1
            for batch in batches:
                batch.first_num = num
                num += len(batch)
                table.apply(batch)
                table.retire(num - 2000)

        works: dict[str, Callable[[], object]] = {
            "gather (baseline)": lambda: lookup[plain.head["tgid"]],
            "slim rows": lambda table=table: table.apply(plain),
            "rows with names": lambda table=table: table.apply(named),
            "object (baseline)": lambda: [Process(i, i, -1, None, "true", "/root") for i in range(3 * STORM)],
            "fork, exec, exit": storm,
            "seed": lambda: ProcessTable(Procfs()).seed(),
        }
        for name, work in works.items():
            seconds.setdefault(name, []).append(timed(work))
    processes = len(Procfs().pids())
    per = {
        "gather (baseline)": (ROWS, 1e9, "ns/row", "gather (baseline)"),
        "slim rows": (ROWS, 1e9, "ns/row", "gather (baseline)"),
        "rows with names": (ROWS, 1e9, "ns/row", "gather (baseline)"),
        "object (baseline)": (3 * STORM, 1e6, "us/record", "object (baseline)"),
        "fork, exec, exit": (3 * STORM, 1e6, "us/record", "object (baseline)"),
        "seed": (processes, 1e6, "us/process", "object (baseline)"),
    }
    median = {name: statistics.median(seconds[name]) / count * scale for name, (count, scale, _, _) in per.items()}
    return {
        name: {"value": round(median[name], 3), "unit": unit, "ratio": round(median[name] / median[base], 2)}
        for name, (_, _, unit, base) in per.items()
    }


def main() -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measure()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.release()}, medians of {ROUNDS}")
    for name, figure in figures.items():
        print(f"{name:20} {figure['value']:>10} {figure['unit']:12} {figure['ratio']:>8} times its baseline")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
