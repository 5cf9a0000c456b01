"""A long run at a mixed load: does anything grow, do the counters drift, is every event that a rule asks for told once?

    python -m tests.bench.long_run [--seconds N] [--every N] [--history-mb N] [--rules FOLDER] [--census] [--small]
        [--json]

tuimon's engine without a screen, with a pane open on everything, its own rules and those of FOLDER, beside
tests/bench/mixed_load.py. Rules are put in force again every two minutes, and every five minutes the loud calls are
shown for ten seconds, as a user does. Each sample holds the load still for a moment, until the counters stand still
long enough to be read as one: then ``seen = emitted + filtered + dropped`` must hold exactly.

``--census`` counts all objects after each quarter and tells which types and stores grew from the second to the last.
``--small`` makes what is bounded small enough to be full within a minute or two, and does all else more often: what
still grows then has no bound.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.census import Census, Counting, report
from tuimon import alerts, before
from tuimon.allocator import free_bytes, used_bytes
from tuimon.capture.bpf_calls import keys
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Counts
from tuimon.engine import build_engine
from tuimon.enrich import container_users, containers
from tuimon.rulefiles import rule_files
from tuimon.rules import prefilter_numpy
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MARK_RULE = """
- rule: A Mark Of The Long Run
  desc: One of the files that the mixed load opens once.
  condition: evt.type in (open, openat) and fd.name startswith {folder}/ and not fd.name = {folder}/of-edition-{edition}
  output: a mark (file=%fd.name)
  priority: NOTICE
"""
RELOAD_S = 120.0
LOUD_EVERY_S = 300.0
LOUD_S = 10.0
TRIES = 400
CATCH_UP_S = 30.0
HEAR_S = 1.0
SMALL_TIMES = 4
"""So often are things done in a small run in the time in which they are done once in another."""


@dataclass(frozen=True)
class Sample:
    """How things stand at one moment."""

    at_s: float
    rss_mb: float
    """The rings among it, which are mapped twice and grow into memory as floods reach them."""
    own_mb: float
    """Of it what is the process's own: anonymous memory."""
    before_mb: float
    """Of that the windows before alerts and what waits to become one."""
    values_mb: float
    """...values worked out for questions."""
    in_use_mb: float
    """...what the C library's allocator has given out: columns, large blocks, bcc's."""
    free_mb: float
    """...what it holds and nobody uses."""
    blocks: int
    """Blocks that Python's own allocator has given out: objects, some 60 bytes each."""
    fds: int
    threads: int
    counted_cgroups: int
    """Entries of the kernel's map of cgroups."""
    history_events: int
    history_mb: float
    processes: int
    containers: int
    seen: int
    emitted: int
    filtered: int
    dropped: int
    off: int
    """seen - emitted - filtered - dropped."""
    alerts: int
    engine_load: float


@dataclass
class LongRun:
    """What was measured."""

    samples: list[Sample] = field(default_factory=list)
    marks: int = 0
    """Marks that the load made."""
    marks_told: dict[str, int] = field(default_factory=dict)
    """Mark to how many alerts told of it."""
    reloads: int = 0
    full_at_s: float | None = None
    """When the history first let something go."""
    counts: list[Census] = field(default_factory=list)
    """What there was after each quarter, when it was asked for."""

    @property
    def missed(self) -> int:
        """Marks that no alert told of."""
        return sum(str(number) not in self.marks_told for number in range(self.marks))

    @property
    def doubled(self) -> int:
        """Marks told of more than once."""
        return sum(times > 1 for times in self.marks_told.values())

    @property
    def off(self) -> int:
        """Samples at which the counters did not add up."""
        return sum(sample.off != 0 for sample in self.samples)

    def growth(self, name: str) -> float:
        """Return by how much a figure's median grew from the second quarter of the run to the last one."""
        values = [float(getattr(sample, name)) for sample in self.samples]
        quarter = max(len(values) // 4, 1)
        return statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter] or values)


class _Runner:
    """One run while it goes on."""

    def __init__(self, history_mb: int, files: Sequence[RuleFile], folder: str, times: int) -> None:
        self.run = LongRun()
        self.counting: Counting | None = None
        """When all objects are to be counted after each quarter."""
        self._times = times
        self.engine = build_engine(Settings(history_mb=history_mb), KernelSource())
        self._files = files
        self._folder = folder
        self._heard = 0
        self._began = time.monotonic()
        self._reload_at = self._loud_at = 0.0
        self._loud = False
        self.reload()
        self.engine.watch(None)

    def whole(self, seconds: float, every_s: float, *, containers: bool) -> None:
        """Do all of it: start, sample beside the load, hear what is still to come, stop."""
        engine, made = self.engine, list[str]()
        engine.start()
        try:
            if not engine.wait_started(60):
                raise engine.error() or TimeoutError("the capture did not start")
            with _load(self._folder, 1 / self._times, made, containers=containers) as load:
                self.go_on(seconds, every_s, load)
            self.run.marks = len(made)
            self.catch_up()
        finally:
            engine.stop()
            self.run.counts = self.counting.done() if self.counting is not None else []
        if (error := engine.error()) is not None:
            raise error

    def reload(self) -> None:
        """Put the rules in force, the mark's own in one of two editions."""
        text = MARK_RULE.format(folder=self._folder, edition=self.run.reloads % 2)
        outcome = self.engine.apply_rules([*self._files, RuleFile("mark.yaml", text)])
        if not outcome.accepted:
            raise ValueError(str(outcome.diagnostics[0]))
        self.run.reloads += 1

    def go_on(self, seconds: float, every_s: float, load: subprocess.Popen[str]) -> None:
        """Sample until the time is up."""
        self._began = time.monotonic()
        self._reload_at = self._began + RELOAD_S / self._times
        self._loud_at = self._began + LOUD_EVERY_S / self._times
        next_at = self._began + every_s
        margin_s = min(RELOAD_S / self._times / 2, seconds / 16)
        count_at = [self._began + seconds * quarter / 4 - margin_s for quarter in range(4, 0, -1)]
        while time.monotonic() < self._began + seconds:
            self._hear_until(min(next_at, self._began + seconds))
            next_at += every_s
            if self.engine.error() is not None or load.poll() is not None:
                return
            self._act()
            self.run.samples.append(self._sample(load))
            if count_at and time.monotonic() >= count_at[-1] and self._count():
                count_at.pop()

    def _hear_until(self, at_s: float) -> None:
        """Hear every now and then: few alerts are kept in a small run."""
        while (left_s := at_s - time.monotonic()) > 0:
            time.sleep(min(left_s, HEAR_S))
            self.hear()
        self.hear()

    def _count(self) -> bool:
        """Begin to count all objects; False while there are those of two rule sets, some seconds after a reload."""
        now, pause_s = time.monotonic(), RELOAD_S / self._times
        if self.counting is None or self._reload_at - now > 0.75 * pause_s:
            return False
        self.counting.begin(now - self._began)
        return True

    def catch_up(self) -> None:
        """Hear what is still to come of the marks made: on a busy machine events wait for seconds."""
        ends_at = time.monotonic() + CATCH_UP_S
        while self.run.missed and time.monotonic() < ends_at:
            time.sleep(0.2)
            self.hear()
        time.sleep(1.0)
        self.hear()

    def _act(self) -> None:
        now = time.monotonic()
        if now >= self._reload_at:
            self._reload_at += RELOAD_S / self._times
            self.reload()
        if now >= self._loud_at:
            self._loud = not self._loud
            self._loud_at = now + (LOUD_S if self._loud else LOUD_EVERY_S) / self._times
            self.engine.watch(None, everything=self._loud)

    def hear(self) -> None:
        """Count the marks told of since the last time."""
        for alert in self.engine.alerts_since(self._heard):
            self._heard = alert.num
            if alert.rule == "A Mark Of The Long Run":
                name = str(alert.output_fields["fd.name"]).rpartition("/")[2]
                self.run.marks_told[name] = self.run.marks_told.get(name, 0) + 1

    def _sample(self, load: subprocess.Popen[str]) -> Sample:
        counts = self._still(load)
        engine, at_s = self.engine, time.monotonic() - self._began
        snapshot, status = engine.snapshot(), Path("/proc/self/statm").read_text().split()
        assert snapshot is not None
        if self.run.full_at_s is None and engine.history.evicted:
            self.run.full_at_s = round(at_s)
        programs = engine.source._programs
        return Sample(
            at_s=round(at_s, 1),
            rss_mb=round(int(status[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20), 1),
            own_mb=_own_mb(),
            before_mb=_mb(engine._before.nbytes),
            values_mb=_mb(engine.memory.value_bytes),
            in_use_mb=_mb(used_bytes()),
            free_mb=_mb(free_bytes()),
            blocks=sys.getallocatedblocks(),
            fds=len(os.listdir("/proc/self/fd")),
            threads=threading.active_count(),
            counted_cgroups=len(keys(programs.maps["slots"], 8)),
            history_events=len(engine.history),
            history_mb=_mb(engine.history.nbytes + engine.history.beside_bytes),
            processes=len(engine.processes),
            containers=len(engine.containers.list()),
            seen=counts.seen,
            emitted=counts.emitted,
            filtered=counts.filtered,
            dropped=counts.dropped,
            off=counts.seen - counts.emitted - counts.filtered - counts.dropped,
            alerts=snapshot.alerts,
            engine_load=round(snapshot.engine_load, 3),
        )

    def _still(self, load: subprocess.Popen[str]) -> Counts:
        """Return the counters, read between two events: the load is held, other work on the machine has pauses."""
        os.killpg(load.pid, signal.SIGSTOP)
        try:
            for _ in range(TRIES):
                counts = self.engine.source.counts()
                if counts.seen == counts.emitted + counts.filtered + counts.dropped:
                    break
                time.sleep(0.005)
            return counts
        finally:
            os.killpg(load.pid, signal.SIGCONT)


_BOUNDS = (
    (alerts, "MAX_ALERTS", 200),
    (before, "CGROUPS", 16),
    (before, "RESERVE_BYTES", 1 << 20),
    (before, "FROZEN_BYTES", 2 << 20),
    (prefilter_numpy, "_MAX_DETAILS", 2_000),
    (prefilter_numpy, "_MAX_ACTORS", 1_000),
    (containers, "_MAX_ENDED", 8),
    (containers, "_MAX_GONE", 64),
    (containers, "_MAX_ASKED", 64),
    (container_users, "MAX_CONTAINERS", 4),
)
"""Of a small run; the history has its own."""
_SMALL_HISTORY_MB = 6


@contextlib.contextmanager
def _small_bounds() -> Iterator[None]:
    """Have small bounds meanwhile."""
    as_it_is = [(module, name, getattr(module, name)) for module, name, _ in _BOUNDS]
    for module, name, bound in _BOUNDS:
        setattr(module, name, bound)
    try:
        yield
    finally:
        for module, name, bound in as_it_is:
            setattr(module, name, bound)


def _mb(nbytes: int) -> float:
    return round(nbytes / (1 << 20), 1)


def _own_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return _mb(int(status.partition("RssAnon:")[2].split()[0]) << 10)


@contextlib.contextmanager
def _load(folder: str, every_s: float, made: list[str], *, containers: bool) -> Iterator[subprocess.Popen[str]]:
    """Give the load, a process group of its own; the marks it makes are put into ``made``."""
    command = [sys.executable, "-m", "tests.bench.mixed_load", folder, "--every", str(every_s)]
    with contextlib.ExitStack() as stack:
        if containers:
            command += ["--containers", stack.enter_context(tempfile.TemporaryDirectory(prefix="tm-images-"))]
        options = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True, "cwd": ROOT}
        load = stack.enter_context(subprocess.Popen(command, **options))  # type: ignore[call-overload]
        reader = threading.Thread(target=lambda: made.extend(load.stdout), daemon=True)
        reader.start()
        try:
            yield load
        finally:
            load.send_signal(signal.SIGTERM)
            load.wait(60)
            reader.join(10)


def long_run(
    seconds: float,
    every_s: float,
    history_mb: int,
    files: Sequence[RuleFile],
    *,
    containers: bool = True,
    census: bool = False,
    small: bool = False,
) -> LongRun:
    """Run, sample and return what was measured.

    Args:
        seconds: How long.
        every_s: Between two samples.
        history_mb: The engine's bound.
        files: Rules beside the mark's own.
        containers: Start containers too.
        census: Count all objects after each quarter.
        small: Smaller bounds, and all that is done now and then more often.
    """
    bounds = _small_bounds() if small else contextlib.nullcontext()
    with tempfile.TemporaryDirectory(prefix="tm-marks-") as folder, bounds:
        runner = _Runner(_SMALL_HISTORY_MB if small else history_mb, files, folder, SMALL_TIMES if small else 1)
        runner.counting = Counting() if census else None
        runner.whole(seconds, every_s, containers=containers)
    return runner.run


FIGURES = (
    "rss_mb",
    "own_mb",
    "in_use_mb",
    "free_mb",
    "before_mb",
    "values_mb",
    "blocks",
    "fds",
    "threads",
    "counted_cgroups",
    "history_mb",
    "processes",
    "containers",
    "engine_load",
)


def table(run: LongRun) -> str:
    """Return what was measured, for people: figures at five moments, and how they grew."""
    samples = run.samples
    chosen = [samples[min(len(samples) * at // 4, len(samples) - 1)] for at in range(5)]
    lines = [f"{'':18}" + "".join(f"{f'{s.at_s:.0f} s':>12}" for s in chosen) + f"{'growth':>12}"]
    for name in FIGURES:
        values = "".join(f"{getattr(sample, name):>12,}" for sample in chosen)
        lines.append(f"{name:18}{values}{run.growth(name):>+12,.2f}")
    totals = ("seen", "emitted", "filtered", "dropped", "off", "alerts")
    lines += [f"{name:18}" + "".join(f"{getattr(sample, name):>12,}" for sample in chosen) for name in totals]
    lines += [
        f"growth: median of the last quarter less that of the second; the history was full at {run.full_at_s} s",
        f"{len(samples)} samples, {run.off} of them off; rules put in force {run.reloads} times",
        f"{run.marks} marks: {run.missed} missed, {run.doubled} told more than once",
    ]
    if len(run.counts) > 1:
        lines += [
            "",
            "what there was after each quarter, and how it grew from the second to the last",
            report(run.counts[1:]),
        ]
    return "\n".join(lines)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--history-mb", type=int, default=64)
    parser.add_argument("--rules", type=Path, help="a folder of rule files beside tuimon's own")
    parser.add_argument("--census", action="store_true", help="tell which types and stores grew")
    parser.add_argument("--small", action="store_true", help="small bounds, that are soon full")
    parser.add_argument("--json", action="store_true", help="every sample, as JSON")
    args = parser.parse_args()
    chosen = Settings(rules=(args.rules,) if args.rules else ())
    files = rule_files(chosen)
    run = long_run(args.seconds, args.every, args.history_mb, files, census=args.census, small=args.small)
    print(json.dumps({**asdict(run), "missed": run.missed, "doubled": run.doubled}) if args.json else table(run))


if __name__ == "__main__":
    main()
