"""What loading rules costs: the upstream files together, first time and again, against only reading their YAML.

    python tests/bench/bench_load.py [--json] [--rounds N]

"first" loads with nothing remembered, as a start does; "again" as a reload after an edit does, with the conditions that
did not change known. "yaml" only composes the same text with libyaml. "rules check" is the whole process, against a
Python that does nothing. CPU time, medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from tuimon.rules import parser
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load

RULES = Path(__file__).resolve().parents[3] / "shared/upstream/falco-rules"
FILES = [RULES / f"{name}.yaml" for name in ("falco_rules", "falco-incubating_rules", "falco-sandbox_rules")]


def cpu_s(run: Callable[[], object], who: int = resource.RUSAGE_SELF) -> float:
    """Return the CPU time that something takes."""
    before = resource.getrusage(who)
    run()
    after = resource.getrusage(who)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loads(rounds: int) -> dict[str, list[float]]:
    files = [RuleFile(path.name, path.read_text()) for path in FILES]
    figures: dict[str, list[float]] = {"yaml": [], "first": [], "again": []}
    load(files)
    for _ in range(rounds):
        figures["yaml"].append(cpu_s(lambda: [list(yaml.compose_all(file.text, yaml.CSafeLoader)) for file in files]))
        parser._parse.cache_clear()
        figures["first"].append(cpu_s(lambda: load(files)))
        figures["again"].append(cpu_s(lambda: load(files)))
    return figures


def processes(rounds: int) -> dict[str, list[float]]:
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "rules check": [sys.executable, "-m", "tuimon", "rules", "check", *map(str, FILES)],
    }
    figures: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            figures[name].append(
                cpu_s(
                    lambda command=command: subprocess.run(command, stdout=subprocess.DEVNULL, check=True),
                    resource.RUSAGE_CHILDREN,
                )
            )
    return figures


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="figures as JSON")
    options.add_argument("--rounds", type=int, default=5)
    args = options.parse_args()
    if not RULES.is_dir():
        print("upstream test data is not beside the project", file=sys.stderr)
        return 1
    rows: dict[str, dict[str, float]] = {}
    for baseline, figures in (("yaml", loads(args.rounds)), ("python", processes(args.rounds))):
        base = statistics.median(figures[baseline])
        for name, times in figures.items():
            median = statistics.median(times)
            rows[name] = {"cpu_ms": round(median * 1000, 1), f"times_{baseline}": round(median / max(base, 1e-4), 1)}
    if args.json:
        print(json.dumps({"python": sys.version.split()[0], "cores": os.cpu_count(), "figures": rows}))
        return 0
    print(f"{'':12} {'CPU ms':>8}  ratio")
    for name, row in rows.items():
        (ratio,) = (f"{value} x {key.removeprefix('times_')}" for key, value in row.items() if key != "cpu_ms")
        print(f"{name:12} {row['cpu_ms']:8}  {ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
