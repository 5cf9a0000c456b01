"""The laboratory: one engine with all rules, agents on the host and in containers, and who fired which rule with what.

An alert belongs to an act when its process comes from the act's agent (the agent's command line carries a token of this
run) or its container was made by the act, and its event lies between the act's beginning and end on the kernel's clock.
What other processes of the machine do meanwhile is left out by that.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.containers import IMAGE, SLEEP, Podman, podman_engine, wait_until
from tests.kernel.triggers import agent, kit
from tuimon.capture.kernel import KernelSource
from tuimon.engine import Engine, build_engine
from tuimon.enrich.hostnames import HostNames
from tuimon.events import Alert, Event
from tuimon.rulefiles import rule_files
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.loader import load
from tuimon.settings import Settings

SYSTEM_PYTHON = "/usr/bin/python3"
START_S = 30.0
SETTLE_S = 2.5
"""Longer than the engine waits for a value that is not known yet."""
UPSTREAM_FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
HOST_NAMES = {
    "kubernetes.default.svc.cluster.local": kit.API_ADDRESS,
    "asia1.ethpool.org": kit.POOL_ADDRESS,
}
"""What the engine's resolver says in the laboratory: there is neither a cluster nor a mining pool."""


@dataclass
class Done:
    """What an act led to."""

    name: str
    rules: tuple[str, ...]
    began: int = 0
    ended: int = 0
    trouble: str = ""
    count: int | None = None
    """What the act returned."""
    alerts: list[Alert] = field(default_factory=list)
    containers: list[str] = field(default_factory=list)
    """Full ids of containers that are the act's own."""

    def fired(self) -> set[str]:
        """Return the rules that fired for sure."""
        return {alert.rule for alert in self.alerts if not alert.unconfirmed}


class Agent:
    """A process that performs acts by name."""

    def __init__(self, place: str, token: str, command: Sequence[str], **popen: object) -> None:
        self.place = place
        self._process = subprocess.Popen(  # type: ignore[call-overload]
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
        )
        self.token = token
        self.pid = 0

    def ready(self) -> None:
        """Wait until it has moved in."""
        line = self._process.stdout.readline()
        if not line:
            pytest.skip(f"no agent can be started {self.place}: {self._process.stderr.read()[-500:]}")
        self.pid = json.loads(line)["pid"]

    def perform(self, act: kit.Act) -> Done:
        """Perform an act to its end."""
        self._process.stdin.write(act.name + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        return Done(act.name, act.rules, said["began"], said["ended"], said["trouble"], said.get("count"))

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._process.stderr.close()


def resolve_here(name: str) -> frozenset[bytes]:
    """Stand in for DNS."""
    if name not in HOST_NAMES:
        raise OSError("no such name here")
    return frozenset({socket.inet_aton(HOST_NAMES[name])})


class Lab:
    """Everything that runs while the acts are performed.

    Args:
        folder: For the state of container engines and the override file.
        upstream: Folder of the upstream rule files; None: tuimon's own rules only.
    """

    def __init__(self, folder: Path, upstream: Path | None) -> None:
        self.folder = folder
        self.token = f"tuimon-lab-{uuid.uuid4().hex[:12]}"
        self.engine: Engine = build_engine(Settings(), KernelSource())
        self.podman: Podman
        self.done: dict[str, Done] = {}
        self.skipped: dict[str, str] = {}
        """Acts that this machine cannot perform, and why."""
        self.alerts: list[Alert] = []
        self._files = self._rule_files(upstream)
        self._rules = {r.name: Path(r.file).name for r in load(self._files).rules if r.source == "syscall"}
        self._agents: dict[str, Agent] = {}
        self._lock = threading.Lock()
        self._read = 0

    def _rule_files(self, upstream: Path | None) -> tuple[RuleFile, ...]:
        files = list(rule_files(Settings(), system=Path("/nonexistent")))
        if upstream is not None:
            files += [RuleFile(str(upstream / name), (upstream / name).read_text()) for name in UPSTREAM_FILES]
            files.append(RuleFile("overrides.yaml", OVERRIDES))
        return tuple(files)

    def rules(self) -> dict[str, str]:
        """Return the name of each rule and the file's that it comes from, in the order of the files."""
        return self._rules

    # -- starting --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Start everything; end everything."""
        self.engine.host_names = self.engine._revisions.addresses = HostNames(resolve_here)
        outcome = self.engine.apply_rules(self._files)
        assert outcome.accepted, [str(d) for d in outcome.diagnostics if d.severity == "error"]
        with contextlib.ExitStack() as stack:
            self.podman = stack.enter_context(podman_engine(self.folder))
            # Before the engine: it would know that the agents come from whoever started the tests, not from pid 1.
            stack.enter_context(self.agents(kit.HOST, kit.PATIENT))
            self.engine.start()
            stack.callback(self.engine.stop)
            if not self.engine.wait_started(START_S):
                raise AssertionError(f"the engine did not start: {self.engine.error()}")
            yield

    @contextlib.contextmanager
    def agents(self, *places: str) -> Iterator[None]:
        """Start agents and wait for them; end them."""
        with contextlib.ExitStack() as stack:
            for place in places:
                self._agents[place] = self._start(place, stack)
            for place in places:
                self._agents[place].ready()
                stack.callback(self._end, place)
            yield

    def _end(self, place: str) -> None:
        self._agents.pop(place).close()

    def _start(self, place: str, stack: contextlib.ExitStack) -> Agent:
        command = [SYSTEM_PYTHON, "-B", "-E", "-s"]
        if place in (kit.HOST, kit.PATIENT):
            folder = Path(tempfile.mkdtemp(prefix=f"{self.token}-"))
            folder.chmod(0o755)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            start = str(agent.package_folder() / "start.py")
            # Its folder holds the token, and so does every command line below it.
            return Agent(place, self.token, [*command, start, place, str(folder)], cwd="/")
        name = f"{place}-{self.token[-8:]}"
        options = {kit.PRIVILEGED: ["--privileged"]}.get(place, [])
        self.run_container(name, *options)
        client = [*self.podman.client, "exec", "-i", name, *command, "/agent/triggers/start.py", place]
        return Agent(place, self.token, [*client, f"/lab/{self.token}"], env=self.podman.env)

    def run_container(self, name: str, *options: str, command: Sequence[str] = SLEEP) -> str:
        """Start a container that has the agents' code, the distribution's Python and the tests' addresses."""
        mounts = [f"{agent.package_folder()}:/agent/triggers:ro", "/usr:/usr:ro"]
        mounts += [f"{os.path.realpath(lib)}:{lib}:ro" for lib in ("/lib", "/lib64") if os.path.exists(lib)]
        full_id = self.podman.run(
            name, IMAGE, *command, options=[*options, *(word for mount in mounts for word in ("-v", mount))]
        )
        pid = self.podman.call("inspect", "-f", "{{.State.Pid}}", name)
        for address in kit.ADDRESSES:
            into = ["nsenter", "-t", pid, "-n", "ip", "address", "add", f"{address}/32", "dev", "lo"]
            subprocess.run(into, check=True, capture_output=True)
        return full_id

    # -- performing ------------------------------------------------------------------------------------------------

    def perform(self) -> None:
        """Perform the agents' acts, each agent in its order, all agents at once."""

        def serve(at: Agent) -> None:
            for act in kit.ACTS.values():
                if act.where == at.place:
                    done = at.perform(act)
                    with self._lock:
                        self.done[act.name] = done

        threads = [threading.Thread(target=serve, args=(at,)) for at in self._agents.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.3)
                self.collect()

    def driven(self, name: str, rules: Sequence[str], do: Callable[[Done], object]) -> None:
        """Perform an act that is driven from here, by a container engine's client; ``do`` notes its containers."""
        done = Done(name, tuple(rules), time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        try:
            do(done)
        except AssertionError as error:
            done.trouble = str(error)
        # What the engine's client has started may still be on its way.
        time.sleep(0.2)
        done.ended = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.done[name] = done

    def collect(self) -> None:
        """Take the alerts so far, which the engine does not keep for ever."""
        for alert in self.engine.alerts_since(self._read):
            self._read = alert.num
            self.alerts.append(alert)

    def settle(self) -> None:
        """Wait until every act's events are judged, and give each act its alerts."""
        asked = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        subprocess.run(["/bin/true"], check=True)

        def judged() -> bool:
            batches = self.engine.history.batches()
            return bool(batches) and int(batches[-1].head["ts_ns"][-1]) > asked

        wait_until(judged, START_S)
        time.sleep(SETTLE_S)
        self.collect()
        for alert in self.alerts:
            done = self._owner(alert.event)
            if done is not None:
                done.alerts.append(alert)

    def _owner(self, event: Event) -> Done | None:
        place = self._place(event)
        container = event.container.full_id if event.container is not None else ""
        for done in self.done.values():
            act = kit.ACTS.get(done.name)
            mine = place == act.where if act is not None else container in done.containers
            if mine and done.began <= event.ts_ns <= done.ended:
                return done
        return None

    def _place(self, event: Event) -> str | None:
        """Return where the agent lives that an event's process comes from."""
        if event.process is None:
            return None
        for process in (event.process, *event.process.ancestors()):
            args = process.args
            if args and self.token in args[-1] and any(a.endswith("triggers/start.py") for a in args):
                return args[-2]
        return None


def enabled(*names: str) -> str:
    """Return an override that switches rules on."""
    return "".join(f'- rule: "{name}"\n  enabled: true\n  override: {{enabled: replace}}\n' for name in names)


OVERRIDES = enabled(
    "Unexpected inbound connection source",
    "Read Shell Configuration File",
    "Interpreted procs inbound network activity",
    "Interpreted procs outbound network activity",
    "Unexpected K8s NodePort Connection",
    "Create Hidden Files or Directories",
    "Detect outbound connections to common miner pool ports",
    "Container Drift Detected (chmod)",
    "Container Drift Detected (open+create)",
    "Container Run as Root User",
    "Java Process Class File Download",
    "Modify Container Entrypoint",
) + (
    f"- list: namespace_scope_network_only_subnet\n  items: [{kit.POD_NAMESPACE}]\n  override: {{items: append}}\n"
    '- macro: allowed_containers\n  condition: (container.name = "none")\n  override: {condition: replace}\n'
)
"""What a user of the upstream files adds: what is off by default, and the places that are left to be filled in."""
