"""What is deployed asks for the rights that capture needs and starts a command that tuimon has.

That the restrictions of both let it work was tried by hand (systemd 252; podman with the same capabilities, a read-only
root and the host's pids): here is what can go stale.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

from tuimon.capture.compiled import CACHE
from tuimon.cli import parser
from tuimon.machine import CAPABILITIES

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"


def _unit() -> dict[str, str]:
    lines = (DEPLOY / "tuimon.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def _pod() -> dict[str, Any]:
    documents = {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "daemonset.yaml").read_text())}
    pod: dict[str, Any] = documents["DaemonSet"]["spec"]["template"]["spec"]
    return pod


def test_the_unit_starts_a_command_that_there_is_with_the_rights_it_needs() -> None:
    """Its cache is the folder where compiled programs are kept."""
    unit = _unit()
    assert parser().parse_args(shlex.split(unit["ExecStart"])[1:]).history_mb == 64
    assert set(unit["CapabilityBoundingSet"].split()) >= set(CAPABILITIES)
    assert Path("/var/cache") / unit["CacheDirectory"] == CACHE


def test_the_pod_starts_a_command_that_there_is_with_the_rights_it_needs() -> None:
    """It sees the node's processes, and no more of its files than it reads."""
    pod = _pod()
    (container,) = pod["containers"]
    assert parser().parse_args(container["args"]).history_mb == 64
    assert {f"CAP_{name}" for name in container["securityContext"]["capabilities"]["add"]} == set(CAPABILITIES)
    assert pod["hostPID"] is True


def test_the_pod_mounts_what_it_declares_and_nothing_of_the_node_to_write_to() -> None:
    """Every volume is used."""
    pod = _pod()
    mounts = {each["name"]: each for each in pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert set(mounts) == set(volumes)
    assert all(mounts[name].get("readOnly") for name, each in volumes.items() if "hostPath" in each)


def test_the_image_starts_what_the_pod_starts() -> None:
    """Its entry point is the command, and its arguments are those of the manifest."""
    (command,) = (line for line in (DEPLOY / "Containerfile").read_text().splitlines() if line.startswith("CMD"))
    assert yaml.safe_load(command.removeprefix("CMD")) == _pod()["containers"][0]["args"]
