"""What capture costs: the traced program's slowdown, and the reader's CPU time per event.

    python tests/bench/bench_capture.py [--json] [--rounds N] [--count N]

Slowdown of three loads: ``dd if=/dev/zero of=/dev/null bs=1`` (two system calls per byte, nothing else), a loop of
``/bin/true`` (fork, exec, exit) and a tar of Python's library (many files opened). Each with nothing attached, with an
empty program on the same tracepoint (the floor that any tool on raw system calls pays), with tuimon emitting only what
a usual rule set asks for, and with tuimon emitting everything. Medians of interleaved rounds, as ratios to "nothing"
and to "empty". What counts is CPU time: other work on the machine disturbs it less than the time on the wall.

Reader: dd's load read by tuimon's mapped rings and, beside it, by bcc's own ring-buffer callback with a record of
the same 64 bytes whose number and pid are looked at. CPU time of this process per event, and what was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tuimon.capture.bpf_calls import attach, load_program
from tuimon.capture.btf import read_btf
from tuimon.capture.compiled import compile_module
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Interest, Want
from tuimon.syscalls import NAME_TO_NR, NR_TO_NAME

RULES = Interest(
    {
        NAME_TO_NR[name]: Want.RULES | Want.PATHS
        for name in """
        open openat openat2 execve execveat connect accept accept4 sendto sendmsg dup dup2 dup3 socket bind listen chmod
        fchmod fchmodat rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir link linkat symlink symlinkat
        ptrace setuid setgid setresuid mount umount2 setns unshare init_module finit_module bpf prctl memfd_create
        userfaultfd clone clone3 fork vfork kill
        """.split()  # noqa: SIM905  a list literal would take a line each
        if name in NAME_TO_NR
    }
)
"""What the upstream rules and tuimon's own name, about."""
EVERYTHING = Interest(dict.fromkeys(NR_TO_NAME, Want.VIEW))

CALLBACK_SOURCE = """
struct event { u64 ts; u64 cgroup; s64 ret; u32 tid, tgid; u16 nr; u8 kind, flags; u32 pad; u64 arg[3]; };
BPF_RINGBUF_OUTPUT(events, 4096);
BPF_ARRAY(dropped, u64, 1);
RAW_TRACEPOINT_PROBE(sys_exit)
{
    u64 ids = bpf_get_current_pid_tgid();
    struct event *e;
    u32 zero = 0;
    u64 *lost;

    if (ids >> 32 == SELF)
        return 0;
    e = events.ringbuf_reserve(sizeof(*e));
    if (!e) {
        lost = dropped.lookup(&zero);
        if (lost)
            __sync_fetch_and_add(lost, 1);
        return 0;
    }
    e->ts = bpf_ktime_get_boot_ns();
    e->cgroup = bpf_get_current_cgroup_id();
    e->ret = ctx->args[1];
    e->tid = ids;
    e->tgid = ids >> 32;
    bpf_probe_read_kernel(&e->arg, sizeof(e->arg), (void *)ctx->args[0]);
    events.ringbuf_submit(e, BPF_RB_NO_WAKEUP);
    return 0;
}
"""


def workloads(count: int) -> dict[str, list[str]]:
    """Return the loads by name: system calls alone, processes made and ended, many files opened."""
    return {
        "dd": ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={count}"],
        "exec": ["sh", "-c", "i=0; while [ $i -lt 600 ]; do /bin/true; i=$((i+1)); done"],
        "tar": ["tar", "--exclude=__pycache__", "-cf", "/dev/zero", "-C", os.path.dirname(os.__file__), "."],
    }


def cpu_time(command: list[str]) -> float:
    """Run a command; return its CPU time and its children's, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextlib.contextmanager
def nothing() -> Iterator[None]:
    """Attach nothing."""
    yield


@contextlib.contextmanager
def empty() -> Iterator[None]:
    """Attach an empty program to sys_exit, of the kind that tuimon's are."""
    ids = read_btf().typedef_ids(["btf_trace_sys_exit"])
    btf_id = ids.get("btf_trace_sys_exit", 0)
    module = compile_module("int tm_empty(void *ctx) { return 0; }")
    program = load_program(module.dump_func(b"tm_empty"), "tm_empty", btf_id)
    link = attach(program, "sys_exit", typed=bool(btf_id))
    yield
    os.close(link)
    os.close(program)
    module.cleanup()


@contextlib.contextmanager
def tuimon(interest: Interest) -> Iterator[KernelSource]:
    """Attach tuimon, with a thread that reads as the engine's does."""
    source = KernelSource()
    source.start()
    source.set_interest(interest)
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.02):
            source.drain(0)

    thread = threading.Thread(target=read)
    thread.start()
    yield source
    stop.set()
    thread.join()
    source.close()


def slowdown(rounds: int, count: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return per load the median times under each attachment, and their ratios."""
    configurations: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {
        "nothing": nothing,
        "empty": empty,
        "rules": lambda: tuimon(RULES),
        "everything": lambda: tuimon(EVERYTHING),
    }
    loads = workloads(count)
    times: dict[str, dict[str, list[float]]] = {load: {name: [] for name in configurations} for load in loads}
    for _ in range(rounds):
        for name, configuration in configurations.items():
            with configuration():
                for load, command in loads.items():
                    times[load][name].append(cpu_time(command))
    return {load: _ratios(of_load) for load, of_load in times.items()}


def _ratios(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        name: {
            "seconds": round(median, 4),
            "over_nothing": round(median / medians["nothing"], 3),
            "over_empty": round(median / medians["empty"], 3),
        }
        for name, median in medians.items()
    }


@dataclass
class Reading:
    """What one reader did."""

    events: int
    lost: int
    wall_s: float
    cpu_s: float

    def report(self) -> dict[str, object]:
        return {
            "events": self.events,
            "lost": self.lost,
            "events_per_s": round(self.events / self.wall_s),
            "cpu_ns_per_event": round(self.cpu_s / max(self.events, 1) * 1e9, 1),
            "share_of_a_core": round(self.cpu_s / self.wall_s, 3),
        }


def measure(drain: Callable[[], int], lost: Callable[[], int], count: int) -> Reading:
    """Read for as long as the load runs."""
    drain()
    lost_before, events = lost(), 0
    process = subprocess.Popen(
        ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={count}"], stderr=subprocess.DEVNULL
    )
    began, cpu = time.perf_counter(), time.process_time()
    while process.poll() is None:
        events += drain()
        time.sleep(0.02)
    events += drain()
    return Reading(events, lost() - lost_before, time.perf_counter() - began, time.process_time() - cpu)


def read_by_tuimon(count: int) -> Reading:
    """Read by mapped rings into batches."""
    source = KernelSource()
    source.start()
    try:
        source.set_interest(EVERYTHING)
        return measure(lambda: len(source.drain(0)), lambda: source.counts().dropped, count)
    finally:
        source.close()


def read_by_callback(count: int) -> Reading:
    """Read by bcc's callback, an event object each."""
    module = compile_module(CALLBACK_SOURCE.replace("SELF", str(os.getpid())))
    table, seen = module[b"events"], [0]

    def callback(_context: object, data: object, _size: int) -> None:
        event = table.event(data)
        seen[0] += event.nr is not None and event.tgid is not None

    def drain() -> int:
        before = seen[0]
        module.ring_buffer_consume()
        return seen[0] - before

    table.open_ring_buffer(callback)
    try:
        return measure(drain, lambda: int(module[b"dropped"][0].value), count)
    finally:
        module.cleanup()


def reading(rounds: int, count: int) -> dict[str, object]:
    """Return both readers' medians by CPU time per event, and the ratio."""
    runs: dict[str, list[Reading]] = {"callback": [], "tuimon": []}
    for _ in range(rounds):
        runs["callback"].append(read_by_callback(count))
        runs["tuimon"].append(read_by_tuimon(count))
    middle = {
        name: sorted(found, key=lambda r: r.cpu_s / max(r.events, 1))[len(found) // 2] for name, found in runs.items()
    }
    per_event = {name: r.cpu_s / max(r.events, 1) for name, r in middle.items()}
    return {
        **{name: r.report() for name, r in middle.items()},
        "callback_over_tuimon": round(per_event["callback"] / per_event["tuimon"], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, the median counts")
    parser.add_argument("--count", type=int, default=700_000, help="bytes that dd copies, one at a time")
    args = parser.parse_args()
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}",
        "python": platform.python_version(),
        "slowdown": slowdown(args.rounds, args.count),
        "reading": reading(args.rounds, args.count),
    }
    if args.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['machine']}, Python {result['python']}")
    for load, rows in result["slowdown"].items():  # type: ignore[attr-defined]
        print(f"\n{load}, CPU time, baseline: nothing attached")
        for name, row in rows.items():
            print(
                f"  {name:11} {row['seconds']:7.3f} s  {row['over_nothing']:6.3f} x nothing"
                f"  {row['over_empty']:6.3f} x empty"
            )
    print("\nreader, baseline: bcc's ring-buffer callback")
    for name in ("callback", "tuimon"):
        row = result["reading"][name]  # type: ignore[index]
        print(
            f"  {name:11} {row['cpu_ns_per_event']:7.1f} ns CPU/event  {row['events_per_s']:>9,} events/s"
            f"  {100 * row['share_of_a_core']:5.1f} % of a core  {row['lost']:>9,} lost"
        )
    print(f"  the callback takes {result['reading']['callback_over_tuimon']} times tuimon's CPU per event")  # type: ignore[index]


if __name__ == "__main__":
    main()
