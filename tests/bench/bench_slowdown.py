"""What watching costs the work that is watched: tuimon, and what one would use in its place.

    python -m tests.bench.bench_slowdown [--json] [--rounds N] [--count N] [--rules FOLDER]

Four loads: ``dd bs=1`` (nothing but system calls), a loop of ``/bin/true`` (fork, exec, exit), a tar of Python's
library (many files) and a compile of small C files, one gcc each (left out without gcc). Each with nothing attached;
with an empty program on sys_exit, the floor of every tool that looks at all system calls; with tuimon's engine and all
rules (its own and those of FOLDER); with the same and everything shown (nothing given up, however much it is); under
``strace -f``; and beside ``bpftrace`` counting calls by program and number, and printing a line for each.
Medians of interleaved rounds, as ratios to "nothing".

CPU time is the work's own, and strace's with it, which runs as its parent; other work on the machine disturbs it less
than time on the wall. What a tool does beside the work, in a process of its own, is in the wall's time only as far as
CPUs are short. strace's dd is shorter and its times are scaled.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.bench_capture import empty
from tests.kernel.live import Links
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
STRACE_SHARE = 20
"""strace gets one in so many of dd's calls."""
STRACE = ["strace", "-f", "-qq", "-o", "/dev/null"]
BPFTRACE = {
    "bpftrace counts": "tracepoint:raw_syscalls:sys_exit { @[comm, args->id] = count(); }",
    "bpftrace prints": 'tracepoint:raw_syscalls:sys_exit { printf("%s %d %d\\n", comm, args->id, args->ret); }',
}
TRACEFS = 'mount -t tracefs none /sys/kernel/tracing && exec bpftrace -o /dev/null -e "$1"'
"""In a mount namespace of its own: where tracefs is not mounted, it is for bpftrace alone."""

C_FILES = 24
C_TEXT = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int number_{n}(const char *text) {{ return text ? atoi(text) + (int)strlen(text) + {n} : -1; }}
void told_{n}(const char *text) {{ printf("%d %d\\n", number_{n}(text), (int)getpid()); }}
"""

Turn = Callable[[], AbstractContextManager[object]]


@dataclass
class Times:
    """Seconds of one load under one tool, a pair for each round."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)


def c_files(folder: Path) -> list[str]:
    """Write what the compile compiles; return the command."""
    for number in range(C_FILES):
        (folder / f"part_{number}.c").write_text(C_TEXT.format(n=number))
    return ["sh", "-c", 'cd "$1" && for each in part_*.c; do gcc -O1 -c "$each" || exit 1; done', "sh", str(folder)]


def loads(count: int, sources: Path | None = None) -> dict[str, list[str]]:
    """Return the commands by name; the compile is one of them when there is a folder for its files."""
    commands = {
        "dd": ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={count}"],
        "exec": ["sh", "-c", "i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done"],
        "tar": ["tar", "--exclude=__pycache__", "-cf", "/dev/zero", "-C", os.path.dirname(os.__file__), "."],
    }
    return commands if sources is None else commands | {"compile": c_files(sources)}


def run(command: list[str]) -> tuple[float, float]:
    """Run a command; return CPU time (its children's too) and time on the wall, in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, **QUIET)  # type: ignore[call-overload]
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


class Watching:
    """A running engine whose programs are attached only while it is its turn."""

    def __init__(self, rules: Path | None, *, everything: bool) -> None:
        self.engine: Engine = build_engine(Settings(), KernelSource(sheds=False))
        outcome = self.engine.apply_rules(rule_files(Settings(rules=(rules,) if rules else ())))
        if not outcome.accepted:
            raise SystemExit(str(outcome.diagnostics[0]))
        if everything:
            self.engine.watch(None, everything=True)
        self.engine.start()
        if not self.engine.wait_started(60):
            raise self.engine.error() or TimeoutError
        self.engine._pushdown.wait(120)
        time.sleep(1.0)
        self.links = Links(self.engine.source)
        self.links.cut_all()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Attach."""
        self.links.mend_all()
        time.sleep(0.1)
        yield
        self.links.cut_all()

    def report(self) -> dict[str, object]:
        """Return what it saw."""
        counts = self.engine.source.counts()
        return {
            "rules": len(self.engine.rules_in_force()),
            "seen": counts.seen,
            "emitted": counts.emitted,
            "dropped": counts.dropped,
            "looks at entries": self.links.looks,
        }


@contextlib.contextmanager
def bpftrace(program: str) -> Iterator[None]:
    """Run bpftrace beside the work."""
    command = ["unshare", "-m", "sh", "-c", TRACEFS, "sh", program]
    with subprocess.Popen(command, **QUIET) as process:  # type: ignore[call-overload]
        time.sleep(2.0)
        if process.poll() is not None:
            raise OSError("bpftrace does not run here")
        yield
        process.terminate()


def missing(name: str) -> str:
    """Return why a tool cannot be measured here, empty when it can."""
    if shutil.which(name.split()[0]) is None:
        return f"not installed: apt-get install {name.split()[0]}"
    if name.startswith("bpftrace"):
        try:
            with bpftrace(BPFTRACE[name]):
                return ""
        except OSError:
            return "bpftrace finds no tracepoints or may not load programs here"
    return ""


def others_attached() -> list[str]:
    """Return the programs that have a program of their own on sys_exit: with these, "nothing" is watched too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            texts = [each.read_text() for each in (folder / "fdinfo").iterdir()]
            if int(folder.name) != os.getpid() and any("tp_name:\tsys_exit\n" in text for text in texts):
                found.append(f"{folder.name} {(folder / 'comm').read_text().strip()}")
    return found


def measure(turns: dict[str, Turn], rounds: int, count: int, sources: Path | None) -> dict[str, dict[str, Times]]:
    """Return the times of every load under every tool, by load and tool; one round of each, then the next.

    Args:
        turns: What attaches each tool.
        rounds: How often each is measured.
        count: Bytes that dd copies.
        sources: A folder for the files that are compiled, None to compile none.
    """
    times = {load: {name: Times() for name in turns} for load in loads(count, sources)}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
        for name, turn in turns.items():
            with turn():
                for load in times:
                    share = STRACE_SHARE if name == "strace" and load == "dd" else 1
                    command = loads(count // share, sources)[load]
                    cpu_s, wall_s = run([*STRACE, *command] if name == "strace" else command)
                    times[load][name].cpu_s.append(cpu_s * share)
                    times[load][name].wall_s.append(wall_s * share)
    return times


def ratios(times: dict[str, Times]) -> dict[str, dict[str, float]]:
    """Return medians, and how many times those of "nothing" and "empty" they are."""
    cpu = {name: statistics.median(each.cpu_s) for name, each in times.items()}
    wall = {name: statistics.median(each.wall_s) for name, each in times.items()}
    return {
        name: {
            "cpu_s": round(cpu[name], 4),
            "over_nothing": round(cpu[name] / cpu["nothing"], 3),
            "over_empty": round(cpu[name] / cpu["empty"], 3),
            "wall_over_nothing": round(wall[name] / wall["nothing"], 3),
        }
        for name in times
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds, the median counts")
    parser.add_argument("--count", type=int, default=500_000, help="bytes that dd copies, one at a time")
    parser.add_argument("--rules", type=Path, help="a folder of rule files beside tuimon's own")
    parser.add_argument("--only", action="append", help="measure these tools alone (and nothing, empty)")
    args = parser.parse_args()
    others = others_attached()
    if others:
        print(f"attached already, so ratios to nothing are too low: {others}", file=sys.stderr)
    with ExitStack() as stack:
        watching = {}
        for name, everything in (("tuimon, rules", False), ("tuimon, everything", True)):
            watching[name] = Watching(args.rules, everything=everything)
            stack.callback(watching[name].engine.stop)
        turns: dict[str, Turn] = {"nothing": contextlib.nullcontext, "empty": empty}
        turns |= {name: each.turn for name, each in watching.items()}
        absent = {name: why for name in ("strace", *BPFTRACE) if (why := missing(name))}
        turns |= {"strace": contextlib.nullcontext} if "strace" not in absent else {}
        for name, program in BPFTRACE.items():
            if name not in absent:
                turns[name] = lambda program=program: bpftrace(program)  # type: ignore[misc]
        if args.only:
            turns = {name: turn for name, turn in turns.items() if name in ("nothing", "empty", *args.only)}
        sources = Path(stack.enter_context(tempfile.TemporaryDirectory())) if shutil.which("gcc") else None
        absent |= {} if sources else {"compile": "not installed: apt-get install gcc libc6-dev"}
        times = measure(turns, args.rounds, args.count, sources)
        reports = {name: each.report() for name, each in watching.items()}
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}",
        "load": {load: ratios(of_load) for load, of_load in times.items()},
        "tuimon": reports,
        "attached already": others,
        "not measured": absent,
    }
    print(json.dumps(result, indent=2) if args.json else table(result))


def table(result: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """Return the ratios for people."""
    lines = [str(result["machine"])]
    for load, rows in result["load"].items():
        lines.append(f"\n{load:20} {'CPU':>9} {'x nothing':>10} {'x empty':>10} {'wall x nothing':>15}")
        for name, row in rows.items():
            figures = f"{row['over_nothing']:>10.3f} {row['over_empty']:>10.3f} {row['wall_over_nothing']:>15.3f}"
            lines.append(f"  {name:18} {row['cpu_s']:>7.3f} s {figures}")
    lines += [f"\n{name}: {each}" for name, each in result["tuimon"].items()]
    lines += [f"not measured: {name}: {why}" for name, why in result["not measured"].items()]
    lines += [f"attached already, ratios to nothing are too low: {each}" for each in result["attached already"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
