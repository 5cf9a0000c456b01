"""Loads and attaches the kernel programs, the fastest kind that the kernel offers.

Three kinds (see bpf/read.h): typed raw tracepoints with ``bpf_rdonly_cast``, typed ones without, plain ones. A kind
that the kernel refuses is followed by the next.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from tuimon.capture.bpf_calls import VerifierError, attach, create_map, load_program, patched, update
from tuimon.capture.btf import Btf, read_btf
from tuimon.capture.cgroup_key import UNIFIED
from tuimon.capture.compiled import CACHE, MAP_NUMBER, Compiled, compiled
from tuimon.capture.counters import counted_bytes
from tuimon.capture.slim_rings import slims_bytes
from tuimon.capture.sources import CAST_CALL, DIRECT_MAPS, KINDS, Build, preamble, source_text
from tuimon.capture.uring import uring_ops
from tuimon.errors import CaptureError

TRACEPOINTS: Final = {
    "tm_sys_exit": ("sys_exit", "chain", ("tm_detail", "tm_process", "tm_finish", "tm_emit")),
    "tm_exec": ("sched_process_exec", "chain_exec", ("tm_process", "tm_finish")),
    "tm_fork": ("sched_process_fork", "chain_fork", ("tm_process", "tm_finish")),
    "tm_exit": ("sched_process_exit", "chain_exit", ("tm_process", "tm_finish_bare")),
    "tm_io_uring": ("io_uring_submit_req", "chain_uring", ("tm_finish",)),
    "tm_io_uring_done": ("io_uring_complete", "chain_uring", ()),
    "tm_sys_enter": ("sys_enter", "chain_enter", ("tm_entered",)),
}
"""First program of each tracepoint, with the map and the stages it hands over to."""
OPTIONAL: Final = frozenset({"io_uring_submit_req", "io_uring_complete"})
"""Tracepoints that older kernels lack (the first came with Linux 6.3), or kernels without io_uring."""
ON_DEMAND: Final = "sys_enter"
"""Attached while somebody asks for what only the entry of a call can tell: every call of the machine pays for it."""
STAGE_INDEX: Final = {
    "tm_entered": 2,
    "tm_detail": 0,
    "tm_process": 1,
    "tm_finish": 2,
    "tm_finish_bare": 2,
    "tm_emit": 4,
}
"""TM_STAGE_ in maps.h."""
FUNCTIONS: Final = (*TRACEPOINTS, *STAGE_INDEX)
RINGS: Final = (
    "ring_slim", "ring_short", "ring_mid", "ring_long", "ring_proc_short", "ring_proc_mid", "ring_proc_long",
)  # fmt: skip
"""By size class."""
MAPS: Final = (
    "call_rows", "config", "cpus", "counts", "slims", "slots", "free_slots", "viewed", "shed", "compat_numbers",
    "uring_ops", "uring_open", "works", "chain", "chain_exec", "chain_fork", "chain_exit", "chain_uring", "chain_enter",
    "entered", "began", "bell", *RINGS,
)  # fmt: skip


@dataclass(slots=True)
class Programs:
    """What was loaded; everything is gone from the kernel when the fds are closed."""

    kind: str
    """One of KINDS."""
    preamble: str
    """What they were compiled against, for programs that join them (tuimon.capture.prefilter)."""
    sys_exit_type: int
    """BTF type id of the tracepoint that calls come from."""
    maps: dict[str, int] = field(default_factory=dict)
    """Map name to its fd."""
    first: dict[str, int] = field(default_factory=dict)
    """Tracepoint to the fd of its first program."""
    fds: list[int] = field(default_factory=list)
    """Programs and attachments."""
    entry: int | None = None
    """What keeps the program on the entry of system calls attached."""

    def attach(self) -> None:
        """Attach the programs: events flow from here on.

        Process events come first, so that no process is missed that a system call's event speaks of.

        Raises:
            CaptureError: The kernel refuses.
        """
        try:
            for tracepoint in (name for name in reversed(self.first) if name != ON_DEMAND):
                self.fds.append(attach(self.first[tracepoint], tracepoint, typed=self.kind != "plain"))
        except OSError as error:
            raise _refused(error) from None

    @property
    def attached(self) -> tuple[str, ...]:
        """The tracepoints that events come from."""
        return tuple(name for name in self.first if name != ON_DEMAND or self.entry is not None)

    def look_at_entries(self, wanted: bool) -> None:
        """Attach or detach the program on the entry of system calls.

        Raises:
            CaptureError: The kernel refuses.
        """
        if wanted and self.entry is None:
            try:
                self.entry = attach(self.first[ON_DEMAND], ON_DEMAND, typed=self.kind != "plain")
            except OSError as error:
                raise _refused(error) from None
        elif not wanted and self.entry is not None:
            os.close(self.entry)
            self.entry = None

    def detach(self) -> None:
        """Detach and free the programs; the maps stay readable."""
        self.look_at_entries(False)
        for fd in reversed(self.fds):
            os.close(fd)
        self.fds.clear()
        self.first.clear()

    def close(self) -> None:
        """Detach everything and free the maps."""
        self.detach()
        for fd in self.maps.values():
            os.close(fd)
        self.maps.clear()


def kinds_of(btf: Btf) -> list[str]:
    """Return the kinds of programs worth trying on a kernel, best first."""
    typed = bool(btf.typedef_ids(["btf_trace_sys_exit"]))
    cast = typed and bool(btf.function_ids(["bpf_rdonly_cast"]))
    return [kind for kind, can in zip(KINDS, (cast, typed, True), strict=True) if can]


def load(
    build: Build,
    cgroup_key: str,
    entries: Mapping[str, int],
    *,
    only: str | None = None,
    cache: Path | None = CACHE,
) -> Programs:
    """Compile and load the programs; nothing is attached yet.

    Args:
        build: What to compile.
        cgroup_key: ``unified``, or the version 1 controller whose cgroups events are keyed by.
        entries: Size of maps where it differs from the sources': the rings' bytes.
        only: Load this kind and no other (tests, benchmarks).
        cache: Where compilations are kept, None for nowhere.

    Raises:
        CaptureError: No kind can be loaded.
    """
    _lift_memory_lock()
    btf = read_btf()
    build = replace(build, cgroup_subsys=_subsys(btf, cgroup_key))
    last: OSError | None = None
    for kind in [only] if only else kinds_of(btf):
        before = preamble(btf, build, kind)
        made = compiled(source_text(before), MAPS, FUNCTIONS, cache)
        programs = Programs(kind, before, btf.typedef_ids(["btf_trace_sys_exit"]).get("btf_trace_sys_exit", 0))
        try:
            _load_all(programs, made, build, entries, btf)
            for opcode, row in enumerate(uring_ops(btf)):
                update(programs.maps["uring_ops"], opcode.to_bytes(4, "little"), row.tobytes())
        except OSError as error:
            last = error
            programs.close()
            continue
        return programs
    raise _refused(last)


def _lift_memory_lock() -> None:
    """Before Linux 5.11 maps count as locked memory; where the limit cannot be raised, it may not matter."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _subsys(btf: Btf, cgroup_key: str) -> int:
    """Return the index of a version 1 controller in ``css_set.subsys``, -1 for the version 2 hierarchy.

    Raises:
        CaptureError: The kernel has no such controller.
    """
    if cgroup_key == UNIFIED:
        return -1
    index = btf.enum_value("cgroup_subsys_id", f"{cgroup_key.split(',')[0]}_cgrp_id")
    if index is None:
        raise CaptureError(f"this kernel has no cgroup controller {cgroup_key}")
    return index


def _refused(error: OSError | None) -> CaptureError:
    reason = f"{error.strerror}" if error is not None else "no kind of program is left to try"
    log = error.log.strip().splitlines() if isinstance(error, VerifierError) else []
    if log:
        reason += ": " + " / ".join(log[-3:])
    return CaptureError(f"the kernel refuses tuimon's programs: {reason}", "tuimon doctor says what is missing")


def _load_all(programs: Programs, made: Compiled, build: Build, entries: Mapping[str, int], btf: Btf) -> None:
    """Create the maps and load every program, each stage once per tracepoint; fill the chains.

    The verifier takes most of the time and runs for one program at a time, so programs are loaded side by side.
    """
    sizes = {"counts": counted_bytes(build.cgroup_slots), "slims": slims_bytes(build.slim_ring)}
    for spec in made.maps:
        value_size = sizes.get(spec.name, spec.value_size)
        programs.maps[spec.name] = create_map(
            spec.type, spec.key_size, value_size, entries.get(spec.name, spec.max_entries), spec.flags, spec.name
        )
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        jobs = [(job, pool.submit(job.load)) for job in _jobs(programs, made, btf)]
    # The pool has waited for all: what was loaded is owned before the first error is raised.
    failed: BaseException | None = None
    for job, result in jobs:
        error = result.exception()
        if error is None:
            programs.fds.append(result.result())
            job.place(result.result())
        failed = failed or error
    if failed is not None:
        raise failed


@dataclass(frozen=True, slots=True)
class _Job:
    """One program to load, and where its fd goes."""

    load: Callable[[], int]
    place: Callable[[int], None]


def _jobs(programs: Programs, made: Compiled, btf: Btf) -> list[_Job]:
    """Return what is to be loaded, the slowest first."""
    typed = programs.kind != "plain"
    ids = btf.typedef_ids([f"btf_trace_{name}" for name, _, _ in TRACEPOINTS.values()])
    kfuncs = btf.function_ids(["bpf_rdonly_cast"])
    calls = {CAST_CALL: kfuncs["bpf_rdonly_cast"]} if kfuncs else {}
    numbers = {MAP_NUMBER + at: programs.maps[spec.name] for at, spec in enumerate(made.maps)}
    numbers |= {number: programs.maps[name] for number, name in DIRECT_MAPS.items()}
    chain_number = MAP_NUMBER + [spec.name for spec in made.maps].index("chain")
    jobs = []
    for first, (tracepoint, chain, stages) in TRACEPOINTS.items():
        if tracepoint in OPTIONAL and f"btf_trace_{tracepoint}" not in ids:
            continue
        maps = {**numbers, chain_number: programs.maps[chain]}
        btf_id = ids.get(f"btf_trace_{tracepoint}", 0) if typed else 0

        def loader(name: str, maps: dict[int, int] = maps, btf_id: int = btf_id) -> Callable[[], int]:
            return lambda: load_program(patched(made.code[name], calls=calls, maps=maps), name, btf_id)

        def placer(stage: str, chain_fd: int = programs.maps[chain]) -> Callable[[int], None]:
            return lambda fd: update(chain_fd, STAGE_INDEX[stage].to_bytes(4, "little"), fd.to_bytes(4, "little"))

        jobs += [_Job(loader(stage), placer(stage)) for stage in reversed(stages)]
        jobs.append(_Job(loader(first), partial(programs.first.__setitem__, tracepoint)))
    return jobs
