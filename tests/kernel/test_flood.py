"""Floods on the live kernel: the count closes exactly, what must not be lost is not, and memory is bounded.

``TUIMON_FULL_FLOOD=1`` runs them as long as docs/measured.md tells; by default they are short.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import UPSTREAM
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Counts
from tuimon.engine import Engine, build_engine
from tuimon.records import Kind, SizeClass
from tuimon.rulefiles import rule_files
from tuimon.settings import Settings
from tuimon.syscalls import NAME_TO_NR

pytestmark = [pytest.mark.kernel, pytest.mark.alone]

PROCESS_CLASSES = (SizeClass.PROC_SHORT, SizeClass.PROC_MID, SizeClass.PROC_LONG)
FULL = bool(os.environ.get("TUIMON_FULL_FLOOD"))
FORKS = 100_003 if FULL else 10_007
EXECS = 20_011 if FULL else 1009
CONNECTS = 100_003 if FULL else 20_011
STORM_S = 60.0 if FULL else 3.0
GROWN_MB = 400
"""The history (128 MiB), what is held of the reserved rings (at most 64 MiB of each) and the process table."""

FORK_STORM = """
#include <sys/wait.h>
#include <stdlib.h>
#include <unistd.h>
int main(int c, char **v) {
    for (int i = atoi(v[1]); i > 0; i--) { if (fork() == 0) _exit(0); if (i % 64 == 0) while (wait(0) > 0) ; }
    while (wait(0) > 0) ;
    return 0;
}
"""
EXEC_STORM = """
#include <sys/wait.h>
#include <stdlib.h>
#include <unistd.h>
int main(int c, char **v) {
    if (c == 1) return 0;
    for (int i = atoi(v[1]); i > 0; i--) { if (fork() == 0) { execl(v[0], v[0], (char *)0); _exit(1); } wait(0); }
    return 0;
}
"""
CONNECT_STORM = """
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int c, char **v) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (int i = atoi(v[1]); i > 0; i--) {
        int s = socket(AF_INET, SOCK_DGRAM, 0);
        if (connect(s, (struct sockaddr *)&a, sizeof a)) return 1;
        close(s);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The three storms, compiled."""
    folder = tmp_path_factory.mktemp("storms")
    made = {}
    for name, text in (("forks", FORK_STORM), ("execs", EXEC_STORM), ("connects", CONNECT_STORM)):
        source = folder / f"{name}.c"
        source.write_text(text)
        done = subprocess.run(["cc", "-O1", "-o", str(folder / name), str(source)], check=False)
        if done.returncode:
            pytest.skip("no C compiler: apt-get install gcc libc6-dev")
        made[name] = str(folder / name)
    return made


def own_mb() -> float:
    """Anonymous memory of this process: the rings, which are the kernel's, are not in it."""
    return int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0]) / 1024


@pytest.fixture
def judging() -> Iterator[Engine]:
    """An engine with every rule there is."""
    folder = UPSTREAM / "falco-rules"
    names = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
    rules = tuple(folder / name for name in names) if folder.is_dir() else ()
    made = build_engine(Settings(history_mb=128), KernelSource())
    assert made.apply_rules(rule_files(Settings(rules=rules))).accepted
    made.start()
    try:
        assert made.wait_started(120), made.error()
        made._pushdown.wait(60)
        yield made
    finally:
        made.stop()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine that asks for everything."""
    made = build_engine(Settings(history_mb=128, default_rules=False), KernelSource())
    made.watch(None, everything=True)
    made.start()
    try:
        assert made.wait_started(120), made.error()
        yield made
    finally:
        made.stop()


def settled(engine: Engine) -> Counts:
    """Let the last events in, stop, return the totals."""
    time.sleep(1.0)
    engine.halt()
    assert engine.error() is None
    for _ in range(100):  # the machine goes on: a call may be between two of its counters while they are read
        counts = engine.source.counts()
        if counts.seen == counts.emitted + counts.filtered + counts.dropped:
            break
        time.sleep(0.01)
    assert counts.seen == counts.emitted + counts.filtered + counts.dropped
    assert sum(counts.dropped_by_class) == counts.dropped
    assert engine.taken <= counts.emitted  # others go on making events after the last look into the rings
    return counts


def rows(engine: Engine, kind: Kind, comm: str) -> int:
    """How many events of a kind a program of this name made."""
    count = 0
    for batch in engine.history.batches():
        mine = batch.head["kind"] == kind
        for row in mine.nonzero()[0].tolist():
            process = engine.processes.get(int(batch.process_at[row]))
            count += process is not None and process.comm == comm
    return count


def lost_from_reserved(counts: Counts) -> int:
    return sum(counts.dropped_by_class[size_class] for size_class in PROCESS_CLASSES)


def test_every_fork_and_exit_of_a_storm_is_told(engine: Engine, programs: dict[str, str]) -> None:
    engine.history.max_bytes = 2 << 30  # so that none falls off before it is counted
    subprocess.run([programs["forks"], str(FORKS)], check=True)
    counts = settled(engine)
    print(counts)
    assert lost_from_reserved(counts) == 0
    assert rows(engine, Kind.FORK, "forks") == FORKS
    assert rows(engine, Kind.EXIT, "forks") == FORKS + 1


@pytest.mark.timeout(900 if FULL else 240)  # it shares the CPUs with dd and the reader
def test_every_exec_of_a_storm_is_told_under_a_flood_of_reads(engine: Engine, programs: dict[str, str]) -> None:
    flood = subprocess.Popen(
        ["dd", "if=/dev/zero", "of=/dev/null", "bs=1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    told = 0
    try:
        engine.history.max_bytes = 2 << 30  # so that no exec falls off before it is counted
        subprocess.run([programs["execs"], str(EXECS)], check=True)
    finally:
        flood.kill()
        flood.wait()
    counts = settled(engine)
    told = rows(engine, Kind.EXEC, "execs")
    print(counts)
    assert lost_from_reserved(counts) == 0
    assert told == EXECS + 1, f"{engine.history.evicted:,} events had left the history before they were counted"


def test_every_connect_of_a_storm_is_told_or_counted_as_lost(engine: Engine, programs: dict[str, str]) -> None:
    subprocess.run([programs["connects"], str(CONNECTS)], check=True)
    counts = settled(engine)
    print(counts)
    told = 0
    for batch in engine.history.batches():
        mine = (batch.head["nr"] == NAME_TO_NR["connect"]) & (batch.head["kind"] == Kind.SYSCALL)
        for row in mine.nonzero()[0].tolist():
            process = engine.processes.get(int(batch.process_at[row]))
            told += process is not None and process.comm == "connects"
    assert CONNECTS - counts.dropped - counts.shed <= told <= CONNECTS


def test_opens_and_programs_together_lose_no_program(judging: Engine) -> None:
    """More opens than can be judged, and programs started on every CPU: the rules see every one of these."""
    before_mb, quiet = own_mb(), subprocess.DEVNULL
    opens = f"""
import os, time
ends = time.monotonic() + {STORM_S}
while time.monotonic() < ends:
    for n in range(1000):
        try: os.open(f"/etc/no-{{os.getpid()}}-{{time.monotonic_ns()}}", 0)
        except OSError: pass
"""
    loop = f"end=$(($(date +%s)+{round(STORM_S)})); while [ $(date +%s) -lt $end ]; do /bin/true; done"
    storm = [[sys.executable, "-c", opens], *[["/bin/sh", "-c", loop]] * 3]
    running = [subprocess.Popen(command, stdout=quiet, stderr=quiet) for command in storm]
    most_mb = before_mb
    while any(process.poll() is None for process in running):
        most_mb = max(most_mb, own_mb())
        time.sleep(0.2)
    counts = settled(judging)
    print(f"{counts}, {counts.of_kind[Kind.EXEC]:,} programs, {before_mb:.0f} to {most_mb:.0f} MiB")
    assert lost_from_reserved(counts) == 0
    assert counts.of_kind[Kind.EXEC] > 100
    assert most_mb - before_mb < GROWN_MB


def test_nothing_is_left_of_many_short_lives(engine: Engine, programs: dict[str, str]) -> None:
    engine.history.max_bytes = 1 << 20
    before = len(engine.processes)
    subprocess.run([programs["forks"], str(FORKS)], check=True)
    subprocess.run([sys.executable, "-c", "import os\nfor _ in range(20000): os.stat('/')"], check=True)
    settled(engine)
    assert len(engine.processes) < before + 5000
