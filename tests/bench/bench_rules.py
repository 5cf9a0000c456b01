"""How many events per second are judged on one core, with all upstream rules (tuimon's own where those are absent).

    python -m tests.bench.bench_rules [--made] [--events N] [--rounds N] [--json FILE]

The mix is recorded: a million calls of a machine at work, reads and writes too (tests.bench.real_mix; recording it
takes root and a minute, once). ``--made`` makes one instead: a busy web node whose paths repeat. The baseline is the
exact evaluator on every event whose type some rule looks at; beside it the same behind the numpy prefilter, in the
first pass (nothing of the mix seen before, the rules compiled for its kinds of events) and again (all of it seen); and
behind the kernel's prefilter too, as its numpy twin tells it: events per second of those that happen, of which the
kernel keeps most to itself. CPU time of one core; rounds are interleaved, the median counts. Below: where the time of
a first pass goes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from tests import builders
from tests.bench import real_mix
from tuimon.batch import Batch, from_records, take
from tuimon.events import HOST, Event, Process
from tuimon.records import Kind, SizeClass, SockFlag
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.prefilter_columns import kernel_mask, places_of
from tuimon.rules.prefilter_numpy import Actors, Mask
from tuimon.rules.ruleset import RuleSet, Tables

ROOT = Path(__file__).resolve().parents[2]
UPSTREAM = ROOT.parent / "shared" / "upstream" / "falco-rules"
SHARES = {
    "read": 0.34, "close": 0.14, "openat": 0.22, "write": 0.08, "connect": 0.03, "sendto": 0.04, "recvfrom": 0.04,
    "accept4": 0.02, "mmap": 0.05, "execve": 0.01, "unlink": 0.01, "renameat2": 0.005, "mkdir": 0.005, "socket": 0.01,
}  # fmt: skip
ROOTS = (
    "/usr/lib/x86_64-linux-gnu", "/usr/share/zoneinfo", "/var/lib/postgresql/16/main/base", "/proc", "/srv/www",
    "/app/node_modules", "/tmp", "/sys/fs/cgroup", "/var/log", "/home/dev/src", "/run/systemd", "/opt/app/static",
)  # fmt: skip
NETWORK = ("connect", "sendto", "accept4", "recvfrom")
SERVERS = ("nginx", "node", "python3", "redis-server", "postgres", "java")
PROGRAMS = (
    ("systemd", "nginx"), ("systemd", "sshd", "bash"), ("systemd", "sshd", "bash", "vim"), ("systemd", "cron", "sh"),
    ("containerd-shim", "node"), ("containerd-shim", "python3"), ("containerd-shim", "sh", "redis-server"),
    ("systemd", "postgres"), ("systemd", "dockerd"), ("containerd-shim", "java"), ("systemd", "apt-get", "dpkg"),
)  # fmt: skip


def rule_files() -> list[RuleFile]:
    """Return the upstream rule files, or tuimon's own."""
    paths = sorted(UPSTREAM.glob("falco*_rules.yaml")) or sorted((ROOT / "rules").glob("*.yaml"))
    return [RuleFile(str(path), path.read_text()) for path in paths]


def paths(rng: random.Random, count: int) -> list[str]:
    """Return paths as a node opens them, a few of them sensitive."""
    made = []
    for _ in range(count):
        folder = f"{rng.choice(ROOTS)}/{rng.choice('abcdef')}{rng.randrange(1000)}"
        made.append(f"{folder}/{rng.randrange(count)}.dat")
    return [*made, "/etc/passwd", "/etc/ld.so.cache", "/etc/hosts", "/etc/resolv.conf", "/etc/shadow", "/dev/null"]


def actors(rng: random.Random, count: int) -> tuple[dict[int, Process], dict[int, int], builders.Owners]:
    """Return processes by index, the cgroup of each, and the containers."""
    owners = builders.Owners({1: HOST})
    for number in range(8):
        owners[100 + number] = builders.container(f"{number:012x}", name=f"app-{number}")
    processes, cgroup_of = {}, {}
    for index in range(count):
        names = rng.choice(PROGRAMS)
        tty = 34816 if "sshd" in names else 0
        processes[index] = builders.chain(*names, pid=5000 + index, index=index, uid=rng.choice((0, 33, 1000)), tty=tty)
        inside = names[0] == "containerd-shim"
        cgroup_of[index] = rng.choice([key for key in owners if key != 1]) if inside else 1
    return processes, cgroup_of, owners


def build(events: int, seed: int = 1) -> tuple[Batch, builders.FakeTables]:
    """Return a batch of the mix and its tables."""
    rng = random.Random(seed)
    processes, cgroup_of, owners = actors(rng, 120)
    pool = paths(rng, 4000)
    everybody = list(processes)
    servers = [index for index, process in processes.items() if process.comm in SERVERS]
    kinds = list(SHARES)
    calls = rng.choices(kinds, list(SHARES.values()), k=events)
    by_class: dict[SizeClass, list[np.ndarray]] = {}
    index_of: list[int] = []
    for number, call in enumerate(calls):
        # Shells and daemons talk to the network once in a while, servers all the time.
        index = rng.choice(servers if call in NETWORK and rng.random() < 0.99 else everybody)
        index_of.append(index)
        size_class, row = _record(rng, call, processes[index], cgroup_of[index], pool)
        row["head"]["ts_ns"] = builders.TS_NS + number
        by_class.setdefault(size_class, []).append(row)
    batch = from_records([(size_class, np.concatenate(rows)) for size_class, rows in by_class.items()])
    batch.first_num = 1
    batch.process_at = np.array(index_of, np.int32)
    return batch, builders.FakeTables(processes, owners)


def _record(
    rng: random.Random, call: str, process: Process, cgroup_id: int, pool: list[str]
) -> tuple[SizeClass, np.ndarray]:
    common = {
        "tid": process.pid, "tgid": process.pid, "uid": process.uid, "gid": process.uid, "comm": process.comm,
        "cgroup_id": cgroup_id,
    }  # fmt: skip
    number = builders.NUMBERS[call]
    if call in ("read", "write", "close", "mmap", "recvfrom"):
        return builders.record(
            number, args=(rng.randrange(3, 60), 0x7F00, 4096), ret=rng.randrange(4096), slim=True, **common
        )
    if call in ("openat", "unlink", "mkdir", "renameat2"):
        # Opens of a node repeat: most of them are of few files.
        path = pool[min(int(rng.paretovariate(0.5)), len(pool)) - 1] if rng.random() < 0.7 else rng.choice(pool)
        flags = rng.choices((0o2000000, 0, 0o1101, 2), (80, 10, 6, 4))[0]
        pointer = rng.randrange(1 << 40)
        registers = {"openat": (builders.AT_FDCWD, pointer, flags, 0), "renameat2": (3, pointer, 3, pointer, 0)}
        slots = [path.encode(), b"", b"", b"/tmp/new" if call == "renameat2" else b"", b"", b""]
        ret = rng.randrange(3, 40) if call == "openat" else 0
        failed = rng.random() < 0.1
        return builders.record(
            number, args=registers.get(call, (pointer, 0o755)), ret=-2 if failed else ret, slots=slots,
            flags=builders.NO_FLAGS if failed else builders.Flag.REAL_SAME, fd_type=0 if failed else 0o100000, **common,
        )  # fmt: skip
    if call in ("connect", "sendto", "accept4"):
        remote = (
            f"10.{rng.randrange(4)}.{rng.randrange(8)}.{rng.randrange(32)}",
            rng.choice((443, 80, 5432, 53, 6379)),
        )
        role = SockFlag.SERVER if call == "accept4" else SockFlag.CLIENT
        sock = builders.sock_slot(local=("10.0.0.5", rng.randrange(32768, 33000)), remote=remote, role=role)
        slots = [b"", b"", b"", b"", b"", sock]
        return builders.record(
            number, args=(5, rng.randrange(1 << 40), 16), slots=slots, fd_type=0o140000, ret=0, **common
        )
    if call == "socket":
        return builders.record(number, args=(2, 1, 0), ret=7, **common)
    path = process.exepath.encode()
    slots = [path, b"/root", path, b"\0".join((process.comm.encode(), b"-c", b"echo %d" % rng.randrange(50))), b"", b""]
    proc = {"pid": process.pid, "tid": process.pid, "ppid": process.ppid, "start_ns": process.start_ns}
    return builders.record(number, kind=Kind.EXEC, slots=slots, proc=proc, **common)


@dataclass(frozen=True)
class Flow:
    """Events as they come, and who did them."""

    drains: list[Batch]
    tables: Tables
    event_of: Callable[[Batch, int], Event]

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(map(len, self.drains))


def made(events: int, drain: int) -> Flow:
    """Return the made mix."""
    batch, tables = build(events)
    parts = [take(batch, np.arange(at, min(at + drain, len(batch)))) for at in range(0, len(batch), drain)]
    return Flow(parts, tables, lambda part, row: builders.event_of(part, row, tables))


def recorded(events: int) -> Flow:
    """Return the recorded mix."""
    mix = real_mix.history(events, loud=True)
    tables = SimpleNamespace(processes=mix.processes, containers=mix.containers)
    return Flow(mix.batches, tables, mix.event_of)


def exact(ruleset: RuleSet, flow: Flow) -> tuple[int, int]:
    """Judge every event of interest; return how many were looked at and how many hits there were."""
    looked = hits = 0
    ruleset._hinted = None
    for batch in flow.drains:
        rows = ruleset.interesting(batch).tolist()
        looked += len(rows)
        hits += sum(len(ruleset.judge(flow.event_of(batch, row))) for row in rows)
    return looked, hits


def prefiltered(ruleset: RuleSet, flow: Flow) -> tuple[int, int]:
    """Judge what the prefilter leaves; return how many were looked at and how many hits there were."""
    looked = hits = 0
    for batch in flow.drains:
        rows = ruleset.candidates(batch, flow.tables).tolist()
        looked += len(rows)
        hits += sum(len(ruleset.judge(flow.event_of(batch, row))) for row in rows)
    return looked, hits


def behind_kernel(ruleset: RuleSet, flow: Flow) -> Flow:
    """Return what the kernel sends of a flow."""
    parts = [take(batch, sent_by_kernel(ruleset, batch, flow.tables)) for batch in flow.drains]
    return Flow([part for part in parts if len(part)], flow.tables, flow.event_of)


def shares(ruleset: RuleSet, flow: Flow) -> dict[str, float]:
    """Return the CPU time of each step of a first pass, in seconds."""
    steps = {
        "which calls rules look at": (RuleSet, "interesting"),
        "number the actors": (Actors, "number"),
        "ask new actors": (Mask, "_actor_rows"),
        "keys of details (texts)": (Mask, "_keys"),
        "ask new details": (Mask, "_detail_rows"),
        "all": (RuleSet, "candidates"),
    }
    spent = dict.fromkeys(steps, 0.0)
    with contextlib.ExitStack() as stack:
        for step, (owner, name) in steps.items():
            stack.enter_context(mock.patch.object(owner, name, _timed(getattr(owner, name), spent, step)))
        prefiltered(ruleset, flow)
    spent["ask new details"] -= spent["keys of details (texts)"]
    spent["the rest"] = 2 * spent["all"] - sum(spent.values())
    return spent


def _timed(function: Callable[..., Any], spent: dict[str, float], step: str) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        began = time.process_time()
        try:
            return function(*args)
        finally:
            spent[step] += time.process_time() - began

    return run


def sent_by_kernel(ruleset: RuleSet, batch: Batch, tables: Tables) -> np.ndarray:
    """Return the rows that the kernel would send for these rules: process events, and what its prefilter leaves."""
    places = places_of(batch, tables.containers.of_cgroup)
    head = batch.head
    kept = np.zeros(len(batch), bool)
    rows = ruleset.interesting(batch)
    kept[rows] = head["kind"][rows] != Kind.SYSCALL
    for number, expression in ruleset.kernel_expressions().items():
        mine = rows[(head["nr"][rows] == number) & (head["kind"][rows] == Kind.SYSCALL)]
        kept[mine] = kernel_mask(expression, batch, mine, places)
    return np.flatnonzero(kept)


def report(
    times: dict[str, list[float]], counts: dict[str, tuple[int, int]], events: int, rules: int
) -> dict[str, object]:
    """Print the table and return its figures."""
    base = statistics.median(times["exact"])
    looked, hits = counts["exact"]
    print(
        f"{rules} rules, {events:,} events, {looked:,} of a type some rule looks at, {hits} hits; CPU time of one core"
    )
    print(f"{'way':22}{'events/s':>14}{'µs/event':>10}{'judged':>10}{'x exact':>9}")
    figures: dict[str, object] = {}
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rate = events / median
        figures[name] = {"events_per_s": rate, "judged": counts[name][0], "ratio_to_exact": base / median}
        print(f"{name:22}{rate:14,.0f}{1e6 / rate:10.2f}{counts[name][0]:10,}{base / median:9.1f}")
    return figures


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--made", action="store_true", help="judge a made mix, not the recorded one")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--drain", type=int, default=20_000, help="events per drain of the made mix")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    flow = made(options.events, options.drain) if options.made else recorded(options.events)
    loaded = load(rule_files())
    ruleset, behind = RuleSet.build(loaded, 1), RuleSet.build(loaded, 1)
    prefiltered(ruleset, flow)  # what "again" means
    sent = behind_kernel(ruleset, flow)
    prefiltered(behind, sent)
    ways = ("exact", "prefilter, first pass", "prefilter, again", "kernel, first pass", "kernel, again")
    times: dict[str, list[float]] = {way: [] for way in ways}
    counts: dict[str, tuple[int, int]] = {}
    for _ in range(options.rounds):
        fresh, fresh_behind = RuleSet.build(loaded, 2, ruleset), RuleSet.build(loaded, 2, ruleset)
        runs = (
            lambda: exact(ruleset, flow),
            lambda fresh=fresh: prefiltered(fresh, flow),
            lambda: prefiltered(ruleset, flow),
            lambda fresh=fresh_behind: prefiltered(fresh, sent),
            lambda: prefiltered(behind, sent),
        )
        for name, run in zip(ways, runs, strict=True):
            began = time.process_time()
            counts[name] = run()
            times[name].append(time.process_time() - began)
    hits = {name: count[1] for name, count in counts.items()}
    if len(set(hits.values())) != 1:
        print(f"the ways disagree: {hits}", file=sys.stderr)
        return 1
    figures = report(times, counts, flow.events, len(ruleset))
    looked = counts["exact"][0]
    print(f"the kernel sends {sent.events:,} of them: {1 - sent.events / flow.events:.1%} of all stay there, ", end="")
    print(f"{1 - sent.events / looked:.1%} of those of a type some rule looks at")
    steps = shares(RuleSet.build(loaded, 2, ruleset), flow)
    print("a first pass: " + ", ".join(f"{step} {spent:.2f} s" for step, spent in steps.items()))
    if options.json:
        result = {"events": flow.events, "rules": len(ruleset), "sent_by_kernel": sent.events, "ways": figures}
        Path(options.json).write_text(json.dumps(result | {"first_pass_s": steps}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
