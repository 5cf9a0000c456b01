"""Run the benchmarks, one process each, one after the other: ``python -m tests.bench [--json FILE] [NAME ...]``.

A benchmark is a module ``bench_NAME`` of this package. It prints a table of ratios against a baseline of the same run;
figures inform, nothing here fails because of one. With ``--json`` the figures of all go into one file, to compare two
runs with.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the benchmarks there are."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def run(name: str) -> int:
    """Run one benchmark for people to read and return its exit status."""
    print(f"== {name}", flush=True)
    return subprocess.run(_command(name), check=False).returncode


def figures(name: str) -> object:
    """Run one benchmark and return its figures; None when it failed."""
    if not re.search(
        r"--json\s+[A-Z]", subprocess.run([*_command(name), "--help"], capture_output=True, text=True).stdout
    ):
        done = subprocess.run([*_command(name), "--json"], stdout=subprocess.PIPE, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        done = subprocess.run([*_command(name), "--json", str(file)], stdout=subprocess.DEVNULL, check=False)
        return json.loads(file.read_text()) if done.returncode == 0 else None


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", f"tests.bench.bench_{name}"]


def main() -> int:
    """Run the benchmarks asked for; 1 when one of them could not be run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of all to this file")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    args = parser.parse_args()
    chosen = args.names or names()
    if unknown := set(chosen) - set(names()):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    if args.json is None:
        statuses = [run(name) for name in chosen]
        return int(any(statuses))
    found = {name: figures(name) for name in chosen}
    args.json.write_text(json.dumps(found, indent=2))
    return int(None in found.values())


if __name__ == "__main__":
    sys.exit(main())
