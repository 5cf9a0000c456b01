"""Acts that take a container engine's client: containers that start, terminals in them, pods."""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from tests.containers import IMAGE, SLEEP, Containerd, Engine, Podman, containerd_engine, docker_engine, unique
from tests.kernel.triggers import kit
from tests.kernel.triggers.lab import Done, Lab

STARTED: Final = ("Container Run as Root User", "Launch Disallowed Container")
"""What fires for every container that starts, in the laboratory."""

STARTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "container_starts": (STARTED, ()),
    "privileged_container_starts": (
        (
            *STARTED,
            "Launch Privileged Container",
            "Launch Excessively Capable Container",
            "Privileged Container Started",
        ),
        ("--privileged",),
    ),
    "capable_container_starts": ((*STARTED, "Launch Excessively Capable Container"), ("--cap-add=SYS_PTRACE",)),
    "container_starts_with_the_host_inside": (
        (*STARTED, "Launch Sensitive Mount Container", "Container Started With Sensitive Mount"),
        ("-v", "/etc:/host-etc:ro"),
    ),
}
"""Act to the rules it fires and the options that the container is run with."""

SERVED: Final[dict[str, tuple[str, ...]]] = {
    "terminal_shell_in_container": ("Terminal shell in container", "Terminal Shell In Container"),
    "files_copied_out_by_exec": ("Exfiltrating Artifacts via Kubernetes Control Plane",),
}
POD_ACT: Final = "pod_connects"
POD_RULES: Final = ("Network Connection outside Local Subnet",)

DRIFT: Final = {f"drift_in_{engine}": engine for engine in ("podman", "docker", "containerd")}
"""Act to the engine whose container runs a program that its image does not hold."""
DRIFT_RULES: Final = (
    "Drop and execute new binary in container",
    "New Program Run In Container",
    "Program Run From Scratch Folder",
    "Container Drift Detected (open+create)",
)
DRIFT_SCRIPT: Final = "cp /bin/busybox /tmp/true && /tmp/true"
WRITTEN: Final = {f"binary_written_in_{engine}": engine for engine in ("podman", "docker", "containerd")}
"""Act to the engine in whose container a file is made below a folder of the image's programs, and one changed."""
WRITTEN_RULES: Final = ("Write below binary dir", "File Below Binary Folder Changed")
WRITTEN_SCRIPT: Final = "echo new > /usr/bin/brought && echo more >> /usr/bin/brought"

RULES: Final = (
    {name: rules for name, (rules, _) in STARTS.items()}
    | SERVED
    | {POD_ACT: POD_RULES}
    | dict.fromkeys(DRIFT, DRIFT_RULES)
    | dict.fromkeys(WRITTEN, WRITTEN_RULES)
)
"""Every act here and the rules that it must fire; the engines' own doings in the container may fire more."""

QUIET: Final = "ordinary_exec"
"""A command run in a container without a terminal: tuimon's own rules are silent."""


def perform_all(lab: Lab) -> None:
    """Perform the acts on Podman, then those on Docker and containerd."""
    for name, (rules, options) in STARTS.items():
        lab.driven(name, rules, functools.partial(_start, lab, options))
    name = unique("served")
    full_id = lab.podman.run(name, IMAGE, *SLEEP)
    lab.podman.exec(name, "/bin/touch", "/tmp/secret")
    served: dict[str, Callable[[], object]] = {
        "terminal_shell_in_container": lambda: on_terminal(lab.podman, name, "/bin/sh", "-c", "exit 0"),
        "files_copied_out_by_exec": lambda: lab.podman.exec(name, "/bin/tar", "cf", "-", "/tmp/secret"),
        QUIET: lambda: lab.podman.exec(name, "/bin/ls", "/"),
    }
    for act, do in served.items():
        lab.driven(act, SERVED.get(act, ()), functools.partial(_serve, full_id, do))
    drift(lab, lab.podman, "drift_in_podman")
    try:
        with docker_engine(lab.folder) as docker:
            drift(lab, docker, "drift_in_docker", "--network=none")
    except pytest.skip.Exception as why:
        lab.skipped["drift_in_docker"] = lab.skipped["binary_written_in_docker"] = str(why)
    try:
        with containerd_engine(lab.folder) as containerd:
            drift(lab, containerd, "drift_in_containerd")
            perform_in_pod(lab, containerd)
    except pytest.skip.Exception as why:
        for act in (POD_ACT, "drift_in_containerd", "binary_written_in_containerd"):
            lab.skipped[act] = str(why)


def drift(lab: Lab, engine: Engine, act: str, *options: str) -> None:
    """Run a program in a container that its image does not hold; its name is the act's."""
    try:
        full_id = engine.run(act, IMAGE, *SLEEP, options=options)
    except AssertionError as error:
        lab.done[act] = Done(act, DRIFT_RULES, trouble=str(error))
        return
    written = act.replace("drift", "binary_written")
    for name, rules, script in ((act, DRIFT_RULES, DRIFT_SCRIPT), (written, WRITTEN_RULES, WRITTEN_SCRIPT)):
        do = functools.partial(engine.exec, act, "/bin/sh", "-c", script)
        lab.driven(name, rules, functools.partial(_serve, full_id, do))


def perform_in_pod(lab: Lab, containerd: Containerd) -> None:
    """Perform the act that takes a pod in the namespace that the override names."""
    pod = containerd.cri().run_pod("p", kit.POD_NAMESPACE)
    full_id = pod.run("c", IMAGE, *SLEEP)
    # The pod has the host's network: only its loopback device will do, and of that the rule leaves out version 4 alone.
    script = "nc -l -p $PORT </dev/null & sleep 0.3; nc ::1 $PORT </dev/null".replace("$PORT", str(free_port()))
    talk = functools.partial(pod.exec, full_id, "/bin/sh", "-c", script)
    lab.driven(POD_ACT, POD_RULES, functools.partial(_serve, full_id, talk))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        return int(s.getsockname()[1])


def _start(lab: Lab, options: Sequence[str], done: Done) -> None:
    full_id = lab.podman.run(unique("s"), IMAGE, "/bin/sleep", "0.3", options=options)
    done.containers.append(full_id)
    # The client comes back before the container's program is executed.
    lab.podman.call("wait", full_id)


def _serve(full_id: str, do: Callable[[], object], done: Done) -> None:
    done.containers.append(full_id)
    do()


def on_terminal(podman: Podman, name: str, *command: str) -> None:
    """Run a command in a container as ``podman exec -it`` does from a terminal."""
    master, slave = pty.openpty()
    words = [*podman.client, "exec", "-it", name, *command]
    with subprocess.Popen(words, env=podman.env, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        with contextlib.suppress(OSError):  # EIO when the other end is closed
            while os.read(master, 4096):
                pass
        process.wait(20)
    os.close(master)
