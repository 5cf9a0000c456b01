"""Everyday loads, and what the kernel sends of them with and without the rules' prefilter.

Each load is looked at by two captures at once. Counted are the events of its own processes (those that descend from it,
or those of its container), so that what else goes on meanwhile is not in the figures.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.containers import IMAGE, SLEEP, Podman, podman_engine, unique
from tuimon.batch import Batch, concat, take
from tuimon.capture.kernel import KernelSource
from tuimon.enrich.containers import Containers
from tuimon.interest import Views, interest_for, needs_of
from tuimon.pushdown import Pushdown
from tuimon.records import Kind
from tuimon.rules.prefilter_columns import kernel_mask, places_of
from tuimon.rules.prefilter_ir import Expression
from tuimon.rules.prefilter_kernel import kernel_expression
from tuimon.rules.ruleset import RuleSet
from tuimon.syscalls import NR_TO_NAME

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
LOADS: Mapping[str, str] = {
    "tar": "tar cf - /usr/share/doc /usr/lib/python3 | cat >/dev/null",
    "search": "find /usr/lib/python3 /etc -type f -print0 | xargs -0 grep -l tuimon-mark",
    "compile": "for i in 1 2 3 4 5; do printf '#include <stdio.h>\\n#include <netdb.h>\\nint main(){return 0;}' >$i.c;"
    " cc -O1 -o $i $i.c; done",
    "tests": f"cd {ROOT} && {PYTHON} -m pytest -q -p no:cacheprovider tests/test_escape.py tests/test_batch.py",
    "pip list": f"{PYTHON} -m pip list",
    "git clone": f"git clone -q --no-local {ROOT} clone",
    "apt-get update": "apt-get update -qq",
}
"""By name, for sh(1), in a folder of its own."""
SERVER = (
    "from http.server import HTTPServer, SimpleHTTPRequestHandler;"
    ' HTTPServer(("127.0.0.1", 8080), SimpleHTTPRequestHandler).serve_forever()'
)
INSIDE: Mapping[str, str] = {
    "web server": "mkdir -p /www; for i in 1 2 3 4 5 6 7 8 9; do echo $i >/www/$i; done; cd /www;"
    f" {sys.base_prefix}/bin/python3 -c '{SERVER}' & sleep 1;"
    " for n in $(seq 30); do for i in 1 2 3 4 5 6 7 8 9; do wget -q -O /dev/null http://127.0.0.1:8080/$i; done; done;"
    " kill $!",
    "shell loop": "for n in $(seq 100); do ls -l /etc /bin >/dev/null; cat /etc/passwd >/tmp/x; rm /tmp/x; done",
}
"""The same in a container of Podman's, with this machine's Python."""


@dataclass(frozen=True, slots=True)
class Share:
    """What was sent of one load."""

    asked: int
    """Events of system calls that the rules ask for."""
    sent: int
    """Of them, behind the prefilter."""
    process_events: int
    """Execs, forks and exits, which are always sent."""
    rules: tuple[tuple[str, int], ...]
    """Rules that let some of the sent ones pass, and how many, the most first; of those told by their record alone."""

    @property
    def removed(self) -> float:
        """The share that stayed in the kernel."""
        return 1 - self.sent / max(self.asked, 1)


class Capture:
    """tuimon attached for some rules alone, with a thread that reads and keeps."""

    def __init__(self, ruleset: RuleSet, text: str | None, containers: Containers) -> None:
        self._source = KernelSource()
        self._source.start()
        self._source.set_interest(interest_for(needs_of(ruleset), Views()))
        self._source.set_prefilter(text)
        self._pushdown = Pushdown(self._source)
        self._containers = containers
        self._kept: list[Batch] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._stop.wait(0.01):
            self._look()

    def _look(self) -> None:
        with self._lock:
            self._pushdown.follow(self._containers)
            self._kept.append(self._source.drain(0))

    def take(self) -> Batch:
        """Return what came since the last time."""
        self._look()
        with self._lock:
            kept, self._kept = self._kept, []
        return concat(kept)

    def close(self) -> None:
        """Detach."""
        self._stop.set()
        self._thread.join()
        self._source.close()


def measure(ruleset: RuleSet, text: str) -> dict[str, Share]:
    """Return what was sent of each load that can run here."""
    containers = Containers()
    containers.start()
    captures = [Capture(ruleset, each, containers) for each in (text, None)]
    out = {}
    try:
        for name, (batches, containers_too) in _runs(captures, containers):
            out[name] = _share(ruleset, *batches, containers_too)
    finally:
        for each in captures:
            each.close()
        containers.close()
    return out


def _runs(captures: list[Capture], containers: Containers) -> Iterator[tuple[str, tuple[list[Batch], Containers]]]:
    """Run the loads; yield, for each, what the captures have of its own processes."""
    for name, command in LOADS.items():
        if shutil.which(command.split()[0]) is None and not command.startswith(("for", "cd")):
            continue
        with tempfile.TemporaryDirectory() as folder:
            _take(captures)
            quiet = subprocess.DEVNULL
            done = subprocess.Popen(["sh", "-c", command], cwd=folder, stdout=quiet, stderr=quiet)
            done.wait()
            yield name, ([_descendants(batch, done.pid) for batch in _take(captures)], containers)
    with _podman() as podman:
        if podman is None:
            return
        for name, command in INSIDE.items():
            yield name, (_run_inside(podman, command, captures, containers), containers)


@contextlib.contextmanager
def _podman() -> Iterator[Podman | None]:
    """Yield an engine, None where there cannot be one."""
    if os.geteuid() != 0 or shutil.which("podman") is None or shutil.which("busybox") is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, podman_engine(Path(folder)) as podman:
        yield podman


def _run_inside(podman: Podman, command: str, captures: list[Capture], containers: Containers) -> list[Batch]:
    name = unique("tuimon-bench")
    shared = [
        f"-v{folder}:{folder}:ro" for folder in ("/usr", "/lib", "/lib64", sys.base_prefix) if Path(folder).is_dir()
    ]
    full_id = podman.run(name, IMAGE, *SLEEP, options=shared)
    try:
        _take(captures)
        podman.exec(name, "sh", "-c", command)
        cgroups = np.array(sorted(containers.cgroups_of(full_id)), np.uint64)
        return [take(batch, np.flatnonzero(np.isin(batch.head["cgroup_id"], cgroups))) for batch in _take(captures)]
    finally:
        podman.remove(name)


def _take(captures: list[Capture]) -> list[Batch]:
    return [capture.take() for capture in captures]


def _descendants(batch: Batch, pid: int) -> Batch:
    """Return the events of a process and all that descend from it."""
    mine = {pid}
    head = batch.head
    for row in np.flatnonzero(head["kind"] == Kind.FORK).tolist():
        if int(head["tgid"][row]) in mine:
            mine.add(int(head["ret"][row]))
    return take(batch, np.flatnonzero(np.isin(head["tgid"], list(mine))))


def _calls(batch: Batch) -> NDArray[np.intp]:
    return np.flatnonzero(batch.head["kind"] == Kind.SYSCALL)


def _share(ruleset: RuleSet, sent: Batch, asked: Batch, containers: Containers) -> Share:
    rows = _calls(sent)
    places = places_of(sent, containers.of_cgroup)
    checks = ruleset.fresh_checks()
    passed: Counter[str] = Counter()
    for nr in np.unique(sent.head["nr"][rows]).tolist():
        name = NR_TO_NAME[nr]
        mine = rows[sent.head["nr"][rows] == nr]
        for rule, condition in ruleset.pairs:
            if rule.takes(name):
                alone: Expression = kernel_expression([condition], name, checks)
                passed[f"{name}: {rule.name}"] += int(kernel_mask(alone, sent, mine, places).sum())
    return Share(
        asked=len(_calls(asked)),
        sent=len(rows),
        process_events=len(sent) - len(rows),
        rules=tuple((rule, count) for rule, count in passed.most_common() if count),
    )
