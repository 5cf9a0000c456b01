"""How many events per second are judged on one core, with all upstream rules (tuimon's own where those are absent).

    python -m tests.bench.bench_rules [--events N] [--rounds N] [--json FILE]

The mix is that of a busy web node: opens, execs, connects, sends, and many reads and closes that no rule looks at;
about one event in a thousand makes an alert. The baseline is the exact evaluator on every event whose type some rule
looks at; beside it the same behind the numpy prefilter, cold (rules just loaded, everything seen for the first time)
and warm, and behind the kernel's prefilter too, as its numpy twin tells it: events per second of those that happen, of
which the kernel keeps most to itself. CPU time of one core; rounds are interleaved, the median counts.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from tests import builders
from tuimon.batch import Batch, from_records, take
from tuimon.events import HOST, Process
from tuimon.records import Kind, SizeClass, SockFlag
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.rules.prefilter_columns import kernel_mask
from tuimon.rules.ruleset import RuleSet

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


def exact(ruleset: RuleSet, batch: Batch, tables: builders.FakeTables) -> tuple[int, int]:
    """Judge every event of interest; return how many were looked at and how many hits there were."""
    rows = ruleset.interesting(batch).tolist()
    return len(rows), sum(len(ruleset.judge(builders.event_of(batch, row, tables))) for row in rows)


def prefiltered(ruleset: RuleSet, batch: Batch, tables: builders.FakeTables, drain: int) -> tuple[int, int]:
    """Judge what the prefilter leaves, drain by drain; return how many were looked at and how many hits there were."""
    looked = hits = 0
    for part in drains(batch, drain):
        rows = ruleset.candidates(part, tables).tolist()
        looked += len(rows)
        hits += sum(len(ruleset.judge(builders.event_of(part, row, tables))) for row in rows)
    return looked, hits


def sent_by_kernel(ruleset: RuleSet, batch: Batch) -> np.ndarray:
    """Return the rows that the kernel would send for these rules: process events, and what its prefilter leaves."""
    head = batch.head
    kept = np.zeros(len(batch), bool)
    rows = ruleset.interesting(batch)
    kept[rows] = head["kind"][rows] != Kind.SYSCALL
    for number, expression in ruleset.kernel_expressions().items():
        mine = rows[(head["nr"][rows] == number) & (head["kind"][rows] == Kind.SYSCALL)]
        kept[mine] = kernel_mask(expression, batch, mine)
    return np.flatnonzero(kept)


def drains(batch: Batch, size: int) -> list[Batch]:
    """Return the batch cut into drains of a size; cut once, not timed."""
    key = (id(batch), size)
    if key not in _DRAINS:
        _DRAINS[key] = [take(batch, np.arange(at, min(at + size, len(batch)))) for at in range(0, len(batch), size)]
    return _DRAINS[key]


_DRAINS: dict[tuple[int, int], list[Batch]] = {}


def report(
    times: dict[str, list[float]], counts: dict[str, tuple[int, int]], events: int, rules: int
) -> dict[str, object]:
    """Print the table and return its figures."""
    base = statistics.median(times["exact"])
    looked, hits = counts["exact"]
    print(
        f"{rules} rules, {events:,} events, {looked:,} of a type some rule looks at, {hits} hits; CPU time of one core"
    )
    print(f"{'way':18}{'events/s':>14}{'µs/event':>10}{'judged':>10}{'x exact':>9}")
    figures: dict[str, object] = {}
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rate = events / median
        figures[name] = {"events_per_s": rate, "judged": counts[name][0], "ratio_to_exact": base / median}
        print(f"{name:18}{rate:14,.0f}{1e6 / rate:10.2f}{counts[name][0]:10,}{base / median:9.1f}")
    return figures


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--drain", type=int, default=20_000, help="events per drain")
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args()
    batch, tables = build(options.events)
    loaded = load(rule_files())
    ruleset, behind = RuleSet.build(loaded, 1), RuleSet.build(loaded, 1)
    sent = take(batch, sent_by_kernel(ruleset, batch))
    # In the time of a drain only so many events arrive from the kernel.
    sent_drain = max(1, options.drain * len(sent) // len(batch))
    drains(batch, options.drain)
    drains(sent, sent_drain)
    ways = ("exact", "prefilter, cold", "prefilter", "kernel, prefilter")
    times: dict[str, list[float]] = {way: [] for way in ways}
    counts: dict[str, tuple[int, int]] = {}
    for _ in range(options.rounds):
        fresh = RuleSet.build(loaded, 1)
        prefiltered(ruleset, batch, tables, options.drain)  # what "warm" means
        prefiltered(behind, sent, tables, sent_drain)
        runs = (
            lambda: exact(ruleset, batch, tables),
            lambda fresh=fresh: prefiltered(fresh, batch, tables, options.drain),
            lambda: prefiltered(ruleset, batch, tables, options.drain),
            lambda: prefiltered(behind, sent, tables, sent_drain),
        )
        for name, run in zip(ways, runs, strict=True):
            began = time.process_time()
            counts[name] = run()
            times[name].append(time.process_time() - began)
    hits = {name: count[1] for name, count in counts.items()}
    if len(set(hits.values())) != 1:
        print(f"the ways disagree: {hits}", file=sys.stderr)
        return 1
    figures = report(times, counts, len(batch), len(ruleset))
    looked = counts["exact"][0]
    print(
        f"the kernel sends {len(sent):,} of them: {1 - len(sent) / len(batch):.0%} of all events stay there, ", end=""
    )
    print(f"{1 - len(sent) / looked:.0%} of those of a type some rule looks at")
    if options.json:
        result = {"events": len(batch), "rules": len(ruleset), "sent_by_kernel": len(sent), "ways": figures}
        Path(options.json).write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
