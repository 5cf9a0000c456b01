"""What this kernel and this machine offer to tuimon, each as a finding with the step that mends it.

Looks and tries nothing: no program is loaded, no container engine asked. It works without root, without bcc and without
a terminal, because that is when it is needed.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

State = Literal["ok", "warn", "missing"]

CAPABILITIES: Final = {"CAP_BPF": 39, "CAP_PERFMON": 38, "CAP_SYS_PTRACE": 19, "CAP_DAC_READ_SEARCH": 2}
"""What reading the kernel takes when one is not root, with their bit (include/uapi/linux/capability.h)."""
CAP_SYS_ADMIN: Final = 21
"""Contains CAP_BPF and CAP_PERFMON."""

TRACE_EVENTS: Final = (
    "raw_syscalls/sys_exit",
    "sched/sched_process_exec",
    "sched/sched_process_fork",
    "sched/sched_process_exit",
)
MIN_KERNEL: Final = (6, 1)
"""The oldest that was tried and works; 5.10 refuses maps as large as the counters' (E2BIG in array_map_alloc_check(),
kernel/bpf/arraymap.c)."""
RING_BUFFER_KERNEL: Final = (5, 8)
"""BPF_MAP_TYPE_RINGBUF came with it."""
MIN_COLUMNS: Final = 80
MIN_LINES: Final = 24

ENGINES: Final = {
    "docker": (("run/docker.sock",), ("dockerd", "docker")),
    "podman": (("run/podman/podman.sock",), ("podman",)),
    "containerd": (
        ("run/containerd/containerd.sock", "run/k3s/containerd/containerd.sock"),
        ("containerd", "ctr"),
    ),
    "cri-o": (("run/crio/crio.sock",), ("crio",)),
}
"""Engine to the sockets it listens on, below the machine's root, and the programs it comes with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    state: State
    value: str
    """What was found, one line."""
    mend: str = ""
    """The command or step that mends it; empty when there is nothing to mend."""
    needed: bool = False
    """Capture cannot run while this is missing."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look; tests look elsewhere."""

    root: Path = Path("/")
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    euid: int = field(default_factory=os.geteuid)
    release: str = field(default_factory=platform.release)
    find_bcc: Callable[[], tuple[str, str]] | None = None
    """Returns bcc's version and where it is; raises CaptureError. None: as the capture finds it."""

    def exists(self, path: str) -> bool:
        """Whether a path below the root exists, as far as this user may know."""
        try:
            return (self.root / path).exists()
        except OSError:
            return False

    def text(self, path: str) -> str:
        """Return a file's text, empty when it cannot be read."""
        try:
            return (self.root / path).read_text(errors="replace")
        except OSError:
            return ""


def examine(machine: Machine | None = None) -> tuple[Finding, ...]:
    """Return what the machine offers, what capture needs first."""
    at = machine or Machine()
    checks = (_kernel, _btf, _ring_buffer, _tracepoints, _privileges, _lockdown, _bcc, _pids, _cgroups)
    return (*(check(at) for check in checks), *_engines(at), _terminal(at), _colours(at), _text(at))


def can_capture(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing that capture needs is missing."""
    return not any(f.needed and f.state == "missing" for f in findings)


def _kernel_version(release: str) -> tuple[int, ...]:
    """Return the leading numbers of a kernel release: 6.1.0-13-amd64 is (6, 1, 0)."""
    numbers = []
    for part in release.split("-")[0].split("."):
        digits = "".join(c for c in part if c.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _kernel(at: Machine) -> Finding:
    arch = platform.machine()
    value = f"Linux {at.release} {arch}"
    if _kernel_version(at.release) < MIN_KERNEL:
        mend = f"run a kernel of {'.'.join(map(str, MIN_KERNEL))} or newer"
        return Finding("kernel", "missing", value, mend, needed=True)
    if arch not in ("x86_64", "aarch64"):
        return Finding("kernel", "warn", value, "tried on x86_64 only; system calls may be misnamed here")
    return Finding("kernel", "ok", value)


def _btf(at: Machine) -> Finding:
    if at.exists("sys/kernel/btf/vmlinux"):
        return Finding("BTF", "ok", "/sys/kernel/btf/vmlinux", needed=True)
    mend = "run a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian 11, Ubuntu 20.10 and newer have it)"
    return Finding("BTF", "missing", "no /sys/kernel/btf/vmlinux", mend, needed=True)


def _ring_buffer(at: Machine) -> Finding:
    if _kernel_version(at.release) >= RING_BUFFER_KERNEL:
        return Finding("ring buffer", "ok", "BPF_MAP_TYPE_RINGBUF, since Linux 5.8", needed=True)
    return Finding("ring buffer", "missing", "none before Linux 5.8", "run a newer kernel", needed=True)


def _tracefs(at: Machine) -> str:
    """Return where tracefs is mounted and readable, empty when nowhere."""
    places = ("sys/kernel/tracing", "sys/kernel/debug/tracing")
    return next((p for p in places if at.exists(f"{p}/events")), "")


def _tracepoints(at: Machine) -> Finding:
    """Look in BTF, which also tells whether they are typed, else in tracefs, which may be hidden."""
    names = [event.split("/")[1] for event in TRACE_EVENTS]
    place = _tracefs(at)
    typed = _typed_tracepoints(at, names)
    if typed is None and not place:
        # Raw tracepoints are attached by name: that we cannot look stops nobody.
        return Finding("tracepoints", "warn", "unknown: no BTF, and tracefs is not readable here")
    missing = [n for n in names if n not in (typed or ())]
    if place:
        missing = [event for event in TRACE_EVENTS if not at.exists(f"{place}/events/{event}")]
    if missing:
        mend = "run a kernel built with CONFIG_FTRACE_SYSCALLS=y and CONFIG_BPF_EVENTS=y"
        return Finding("tracepoints", "missing", f"no {', '.join(missing)}", mend, needed=True)
    kind = "typed" if typed == set(names) else "plain, which cost more per event than typed ones"
    return Finding("tracepoints", "ok", f"{', '.join(names)}: {kind}", needed=True)


def _typed_tracepoints(at: Machine, names: list[str]) -> set[str] | None:
    """Return which tracepoints the kernel's BTF describes (``btf_trace_NAME``), None when it cannot be read."""
    from tuimon.capture.btf import read_btf
    from tuimon.errors import CaptureError

    try:
        found = read_btf(at.root / "sys/kernel/btf/vmlinux").typedef_ids([f"btf_trace_{name}" for name in names])
    except CaptureError:
        return None
    return {name for name in names if f"btf_trace_{name}" in found}


def _privileges(at: Machine) -> Finding:
    from tuimon.capture.privileges import effective_capabilities

    mask = effective_capabilities(at.root / "proc/self/status")
    has_admin = bool(mask >> CAP_SYS_ADMIN & 1)
    implied = ("CAP_BPF", "CAP_PERFMON") if has_admin else ()
    missing = [name for name, bit in CAPABILITIES.items() if not mask >> bit & 1 and name not in implied]
    who = "root" if at.euid == 0 else f"uid {at.euid}"
    if not missing:
        return Finding("privileges", "ok", f"{who}, {', '.join(CAPABILITIES)}", needed=True)
    # Without the last two capture runs and knows less of other users' processes.
    state: State = "missing" if {"CAP_BPF", "CAP_PERFMON"} & set(missing) else "warn"
    mend = "start it with sudo" if at.euid else f"give it these capabilities: {' '.join(missing)}"
    return Finding("privileges", state, f"{who}, lacking {', '.join(missing)}", mend, needed=True)


def _lockdown(at: Machine) -> Finding:
    text = at.text("sys/kernel/security/lockdown").strip()
    mode = text[text.find("[") + 1 : text.find("]")] if "[" in text else "none"
    if mode == "confidentiality":
        mend = "boot without lockdown=confidentiality: it forbids BPF to read kernel memory"
        return Finding("lockdown", "missing", mode, mend, needed=True)
    return Finding("lockdown", "ok", mode, needed=True)


def _bcc(at: Machine) -> Finding:
    from tuimon.errors import CaptureError

    try:
        version, place = (at.find_bcc or _locate_bcc)()
    except CaptureError as error:
        return Finding("bcc", "missing", str(error), error.hint or "sudo apt-get install python3-bpfcc", needed=True)
    return Finding("bcc", "ok", f"{version} in {place}", needed=True)


def _locate_bcc() -> tuple[str, str]:
    """Return bcc's version and folder, found as the capture finds it."""
    from tuimon.capture.bcc_finder import locate

    return locate()


def _pids(at: Machine) -> Finding:
    from tuimon.capture.privileges import in_initial_pid_namespace

    if in_initial_pid_namespace(at.root / "proc/self/ns/pid"):
        return Finding("processes", "ok", "all of this machine's")
    value = "in a pid namespace: of what began before tuimon only what is in it too is known"
    return Finding("processes", "warn", value, "start this container with the host's (--pid=host, hostPID: true)")


def _cgroups(at: Machine) -> Finding:
    if at.exists("sys/fs/cgroup/cgroup.controllers"):
        return Finding("cgroups", "ok", "version 2 (unified)")
    if at.exists("sys/fs/cgroup/unified/cgroup.controllers"):
        return Finding("cgroups", "ok", "hybrid: version 1 with version 2 beside it")
    if at.exists("sys/fs/cgroup/memory") or at.exists("sys/fs/cgroup/pids"):
        return Finding("cgroups", "ok", "version 1")
    return Finding("cgroups", "warn", "no cgroup file system", "mount -t cgroup2 none /sys/fs/cgroup")


def _engines(at: Machine) -> list[Finding]:
    """Return one finding for each container engine that is there, or one that says there is none."""
    found = [finding for name in ENGINES if (finding := _engine(at, name)) is not None]
    none = Finding("containers", "ok", "no engine found; one that comes later is seen all the same")
    return found or [none]


def _engine(at: Machine, name: str) -> Finding | None:
    """Return what is there of one engine, None when nothing."""
    sockets, programs = ENGINES[name]
    path = at.environ.get("PATH", os.defpath)
    socket = next((s for s in sockets if _is_socket(at.root / s)), None)
    program = next((p for p in programs if shutil.which(p, path=path)), None)
    if socket is not None:
        if os.access(at.root / socket, os.R_OK | os.W_OK):
            return Finding(name, "ok", f"socket /{socket}")
        return Finding(name, "warn", f"socket /{socket}, not open to uid {at.euid}", "start it with sudo")
    if program is None:
        return None
    if name == "podman":
        return Finding(name, "ok", "program only; its containers are read from its storage")
    return Finding(
        name, "warn", f"{program} is installed, its daemon does not run", f"sudo systemctl start {_unit(name)}"
    )


def _unit(engine: str) -> str:
    return "crio" if engine == "cri-o" else engine


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _terminal(at: Machine) -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "warn", "standard output is not a terminal", "tuimon watch needs none")
    size = os.get_terminal_size(sys.stdout.fileno())
    value = f"{at.environ.get('TERM', 'TERM is not set')}, {size.columns}x{size.lines}"
    if size.columns < MIN_COLUMNS or size.lines < MIN_LINES:
        return Finding("terminal", "warn", value, f"make the window at least {MIN_COLUMNS}x{MIN_LINES}")
    return Finding("terminal", "ok", value)


def _colours(at: Machine) -> Finding:
    term, depth = at.environ.get("TERM", ""), at.environ.get("COLORTERM", "")
    if "NO_COLOR" in at.environ:
        return Finding("colours", "ok", "none, as NO_COLOR asks")
    if depth in ("truecolor", "24bit") or term.endswith("-direct"):
        return Finding("colours", "ok", "16 million")
    if "256color" in term:
        return Finding("colours", "ok", "256")
    return Finding("colours", "warn", "16 or fewer", "export TERM=xterm-256color, when the terminal can")


def _text(at: Machine) -> Finding:
    # The first that is set counts; an empty one is not set (locale(7)).
    locale = next((v for k in ("LC_ALL", "LC_CTYPE", "LANG") if (v := at.environ.get(k))), "C")
    if locale.upper().replace("-", "").endswith("UTF8"):
        return Finding("text", "ok", f"UTF-8 ({locale})")
    return Finding("text", "warn", f"{locale}, not UTF-8", "export LANG=C.UTF-8, or start tuimon with --ascii")
