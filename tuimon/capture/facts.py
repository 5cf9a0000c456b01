"""What the running kernel and this process offer to capture; looks, and loads nothing."""

from __future__ import annotations

import errno
import os
import platform
from dataclasses import dataclass
from typing import Final

from tuimon.capture.bcc_finder import locate
from tuimon.capture.bpf_calls import create_map
from tuimon.capture.btf import Btf, read_btf
from tuimon.capture.cgroup_key import cgroup_key
from tuimon.capture.privileges import missing_capabilities
from tuimon.errors import CaptureError

_RINGBUF: Final = 27


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What there is, for ``tuimon doctor`` and for bug reports."""

    release: str
    btf: str
    """Empty when the kernel describes its types, else why not."""
    ring_buffer: str
    """Empty when BPF ring buffers can be made, else why not."""
    typed_tracepoints: bool
    """Programs can be typed raw tracepoints (plain loads of kernel memory)."""
    rdonly_cast: bool
    """The kernel has bpf_rdonly_cast(): every read of kernel memory is a plain load."""
    missing_capabilities: tuple[str, ...]
    bcc: str
    """Its version, empty when it is not there."""
    bcc_problem: str
    """Why bcc cannot be used, empty when it can."""
    cgroup_key: str
    """``unified``, or the version 1 controller that events are keyed by."""


def probe() -> KernelFacts:
    """Look at the kernel and at this process."""
    btf: Btf | None = None
    btf_problem = bcc = bcc_problem = ""
    try:
        btf = read_btf()
    except CaptureError as error:
        btf_problem = str(error)
    try:
        bcc = locate()[0]
    except CaptureError as error:
        bcc_problem = str(error)
    return KernelFacts(
        release=platform.release(),
        btf=btf_problem,
        ring_buffer=_ring_buffer_problem(),
        typed_tracepoints=btf is not None and bool(btf.typedef_ids(["btf_trace_sys_exit"])),
        rdonly_cast=btf is not None and bool(btf.function_ids(["bpf_rdonly_cast"])),
        missing_capabilities=missing_capabilities(),
        bcc=bcc,
        bcc_problem=bcc_problem,
        cgroup_key=cgroup_key(),
    )


def _ring_buffer_problem() -> str:
    """Make the smallest ring buffer there is and let go of it."""
    try:
        os.close(create_map(_RINGBUF, 0, 0, os.sysconf("SC_PAGE_SIZE"), 0, "tuimon_probe"))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return "this kernel has no BPF ring buffer (Linux 5.8)"
        return f"cannot be made: {error.strerror}"
    return ""
