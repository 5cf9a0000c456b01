"""Whether this process may load kernel programs, and what to say when it may not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tuimon.errors import CaptureError

_CAP_SYS_ADMIN: Final = 21
_NEEDED: Final = {"CAP_BPF": 39, "CAP_PERFMON": 38}
_PROC_PID_INIT_INO: Final = 0xEFFFFFFC
"""Inode number of the first pid namespace (include/linux/proc_ns.h, since Linux 3.8)."""
STATUS: Final = Path("/proc/self/status")
PID_NAMESPACE: Final = Path("/proc/self/ns/pid")


def effective_capabilities(status: Path = STATUS) -> int:
    """Return this process's effective capabilities as a bit mask, 0 when unknown."""
    try:
        for line in status.read_text().splitlines():
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    except OSError:
        pass
    return 0


def missing_capabilities(status: Path = STATUS) -> tuple[str, ...]:
    """Return the names of the capabilities that capture needs and this process lacks."""
    mask = effective_capabilities(status)
    if mask >> _CAP_SYS_ADMIN & 1:
        return ()
    return tuple(name for name, bit in _NEEDED.items() if not mask >> bit & 1)


def require_privileges() -> None:
    """Raise CaptureError when this process may not load kernel programs."""
    missing = missing_capabilities()
    if not missing:
        return
    if os.geteuid():
        raise CaptureError("reading the kernel's events needs root", "start it with sudo")
    raise CaptureError(
        f"reading the kernel's events needs {' and '.join(missing)}, which even root lacks here",
        "give this container or service these capabilities",
    )


def in_initial_pid_namespace(link: Path = PID_NAMESPACE) -> bool:
    """Whether process ids here are those that the kernel's events carry."""
    try:
        return os.readlink(link) == f"pid:[{_PROC_PID_INIT_INO}]"
    except OSError:
        return True
