"""doctor tells apart what is there, what is missing and what mends it, on machines that are only folders here."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tuimon import doctor
from tuimon.errors import CaptureError
from tuimon.machine import TRACE_EVENTS, Finding, Machine, can_capture, examine

FULL = "CapEff:\t000001ffffffffff\n"


def _bcc() -> tuple[str, str]:
    return "0.26.0", "/usr/lib/python3/dist-packages"


def _no_bcc() -> tuple[str, str]:
    raise CaptureError("bcc is not installed", "install python3-bpfcc")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine that has everything."""
    for path in ("sys/kernel/btf/vmlinux", "sys/fs/cgroup/cgroup.controllers"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for event in TRACE_EVENTS:
        (tmp_path / "sys/kernel/tracing/events" / event).mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text(FULL)
    env = {"PATH": str(tmp_path / "bin"), "TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}
    return Machine(root=tmp_path, environ=env, euid=0, release="6.1.0-13-amd64", find_bcc=_bcc)


def _by_name(machine: Machine) -> dict[str, Finding]:
    return {f.name: f for f in examine(machine)}


def _changed(machine: Machine, **facts: object) -> Machine:
    values = {name: getattr(machine, name) for name in ("root", "environ", "euid", "release", "find_bcc")}
    return Machine(**(values | facts))  # type: ignore[arg-type]


def test_a_machine_with_everything_can_capture(machine: Machine) -> None:
    """Nothing that capture needs is reported missing, and nothing needed comes with a mend."""
    found = examine(machine)
    assert can_capture(found)
    assert [f for f in found if f.needed and f.mend] == []


@pytest.mark.parametrize(
    ("release", "ok"), [("5.4.0-42-generic", False), ("5.8.0", True), ("6.18.5", True), ("4.19", False), ("6.1", True)]
)
def test_the_ring_buffer_takes_linux_5_8(machine: Machine, release: str, ok: bool) -> None:
    """An older kernel is said before anything is compiled for it."""
    at = _changed(machine, release=release)
    assert (_by_name(at)["ring buffer"].state == "ok") is ok


@pytest.mark.parametrize(
    ("release", "ok"),
    [("5.10.0-32-amd64", False), ("6.0.19", False), ("6.1.0-50-arm64", True), ("6.18.5", True), ("4.19", False)],
)
def test_a_kernel_older_than_those_tried_is_said(machine: Machine, release: str, ok: bool) -> None:
    """Else what is said is that the kernel refuses a map."""
    at = _changed(machine, release=release)
    assert (_by_name(at)["kernel"].state == "ok") is ok
    assert can_capture(examine(at)) is ok
    assert ok or "6.1 or newer" in _by_name(at)["kernel"].mend


def test_no_btf_stops_capture_and_says_what_kernel_has_it(machine: Machine) -> None:
    """Kernel structs come from BTF."""
    (machine.root / "sys/kernel/btf/vmlinux").unlink()
    found = _by_name(machine)["BTF"]
    assert (found.state, found.needed) == ("missing", True)
    assert "CONFIG_DEBUG_INFO_BTF" in found.mend


def test_a_missing_tracepoint_is_named(machine: Machine) -> None:
    """A kernel without raw_syscalls has no events for us."""
    (machine.root / "sys/kernel/tracing/events/raw_syscalls/sys_exit").rmdir()
    found = _by_name(machine)["tracepoints"]
    assert found.state == "missing"
    assert "raw_syscalls/sys_exit" in found.value


def test_a_hidden_tracefs_does_not_stop_capture(machine: Machine) -> None:
    """Raw tracepoints are attached by name: tracefs is only how doctor looks."""
    bare = machine.root / "bare"
    for path in ("sys/kernel/btf/vmlinux", "proc/self/status", "sys/fs/cgroup/cgroup.controllers"):
        (bare / path).parent.mkdir(parents=True, exist_ok=True)
        (bare / path).write_text(FULL)
    assert can_capture(examine(_changed(machine, root=bare)))


@pytest.mark.parametrize(
    ("mask", "state"),
    [
        (1 << 39 | 1 << 38 | 1 << 19 | 1 << 2, "ok"),
        (1 << 21 | 1 << 19 | 1 << 2, "ok"),
        (1 << 39 | 1 << 38, "warn"),
        (1 << 38 | 1 << 19 | 1 << 2, "missing"),
        (0, "missing"),
    ],
)
def test_privileges_are_capabilities_not_a_user_id(machine: Machine, mask: int, state: str) -> None:
    """A service with the four capabilities captures as uid 1000; root in a container without them does not."""
    (machine.root / "proc/self/status").write_text(f"Name:\tx\nCapEff:\t{mask:016x}\n")
    for euid in (0, 1000):
        assert _by_name(_changed(machine, euid=euid))["privileges"].state == state


def test_lockdown_in_confidentiality_mode_stops_capture(machine: Machine) -> None:
    """It forbids BPF to read kernel memory (kernel_lockdown.7)."""
    path = machine.root / "sys/kernel/security/lockdown"
    path.parent.mkdir(parents=True)
    path.write_text("none [integrity] confidentiality\n")
    assert can_capture(examine(machine))
    path.write_text("none integrity [confidentiality]\n")
    assert _by_name(machine)["lockdown"].state == "missing"


def test_missing_bcc_comes_with_the_command_that_installs_it(machine: Machine) -> None:
    """The one thing that pip cannot bring."""
    found = _by_name(_changed(machine, find_bcc=_no_bcc))["bcc"]
    assert (found.state, found.mend) == ("missing", "install python3-bpfcc")


def test_a_pid_namespace_of_its_own_is_said(machine: Machine) -> None:
    """A container that was not given the host's sees half of the machine's processes."""
    assert _by_name(machine)["processes"].state == "ok"
    namespaces = machine.root / "proc/self/ns"
    namespaces.mkdir()
    (namespaces / "pid").symlink_to("pid:[4026531836]")
    assert _by_name(machine)["processes"].state == "ok"
    (namespaces / "pid").unlink()
    (namespaces / "pid").symlink_to("pid:[4026532222]")
    found = _by_name(machine)["processes"]
    assert (found.state, found.needed) == ("warn", False)
    assert "hostPID" in found.mend


def test_cgroup_layouts_are_told_apart(machine: Machine) -> None:
    """Version 1, hybrid and version 2 machines all exist."""
    cgroup = machine.root / "sys/fs/cgroup"
    assert _by_name(machine)["cgroups"].value.startswith("version 2")
    (cgroup / "cgroup.controllers").unlink()
    assert _by_name(machine)["cgroups"].state == "warn"
    (cgroup / "memory").mkdir()
    assert _by_name(machine)["cgroups"].value == "version 1"
    (cgroup / "unified").mkdir()
    (cgroup / "unified/cgroup.controllers").touch()
    assert _by_name(machine)["cgroups"].value.startswith("hybrid")


def test_engines_are_found_by_socket_and_by_program(machine: Machine) -> None:
    """A stopped daemon is a warning with the command that starts it; an engine that is not there is no line at all."""
    assert "containers" in _by_name(machine)
    programs = machine.root / "bin"
    programs.mkdir()
    (programs / "dockerd").touch(mode=0o755)
    (machine.root / "run/containerd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(machine.root / "run/containerd/containerd.sock"))
        found = _by_name(machine)
    assert found["containerd"].value == "socket /run/containerd/containerd.sock"
    assert (found["docker"].state, found["docker"].mend) == ("warn", "sudo systemctl start docker")
    assert "podman" not in found
    assert "containers" not in found


@pytest.mark.parametrize(
    ("env", "name", "state"),
    [
        ({"COLORTERM": "truecolor"}, "colours", "ok"),
        ({"TERM": "linux"}, "colours", "warn"),
        ({"TERM": "linux", "NO_COLOR": ""}, "colours", "ok"),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, "text", "warn"),
        ({"LC_ALL": "", "LANG": "C.utf8"}, "text", "ok"),
        ({}, "text", "warn"),
    ],
)
def test_what_the_terminal_can_show(machine: Machine, env: dict[str, str], name: str, state: str) -> None:
    """Colours and UTF-8 are read from the environment as terminals and locale(7) define it."""
    assert _by_name(_changed(machine, environ=env))[name].state == state


def test_the_reports_hold_every_finding(machine: Machine) -> None:
    """Text for people, JSON for programs, the same facts."""
    found = examine(_changed(machine, find_bcc=_no_bcc))
    text, data = doctor.as_text(found), json.loads(doctor.as_json(found))
    assert data["can_capture"] is False
    assert [f["name"] for f in data["findings"]] == [f.name for f in found]
    assert all(f.value in text for f in found)
    assert "install python3-bpfcc" in text
    assert text.endswith("cannot read this kernel yet.")


def test_a_report_escapes_what_the_environment_says(machine: Machine) -> None:
    """TERM is somebody's text, too."""
    found = (Finding("terminal", "warn", "x\x1b[2Jy"),)
    assert "\x1b" not in doctor.as_text(found)


def test_this_machine_can_be_examined_without_root_and_without_a_terminal() -> None:
    """Whatever the machine, doctor ends in a report."""
    assert {"kernel", "BTF", "bcc", "privileges"} <= {f.name for f in examine()}
