"""Builds, loads and attaches the kernel programs: C sources, offsets from BTF, bcc as the compiler, our own loader.

Tries the fastest kind of program first and falls back where the kernel does not offer it (see bpf/read.h): typed raw
tracepoints with ``bpf_rdonly_cast``, typed ones without, plain ones. One bcc module holds the maps.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tuimon.capture.bcc_finder import import_bcc
from tuimon.capture.bpf_calls import VerifierError, attach, load_program, patched, update
from tuimon.capture.btf import Btf, offsets_header, read_btf
from tuimon.errors import CaptureError
from tuimon.records import EXT, HEAD, PROC, SOCK
from tuimon.resources import bpf_dir
from tuimon.syscalls import NAME_TO_NR

SOURCES: Final = ("events.h", "read.h", "maps.h", "path.h", "process.h", "socket.h", "capture.bpf.c")
CAST_CALL: Final = 0x7FFFFFF1
"""The number by which read.h calls bpf_rdonly_cast()."""
DIRECT_MAPS: Final = {0x7FFE0001: "call_rows", 0x7FFE0002: "config", 0x7FFE0003: "cpus"}
"""The numbers that stand for maps' fds in maps.h (TM_DIRECT_)."""

_REGISTERS: Final = {
    "x86_64": ("orig_ax", "di", "si", "dx", "r10", "r8", "r9", "bx", "cx", "bp"),
    "aarch64": ("syscallno", "orig_x0", "regs"),
}
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "task_struct": (
        "thread_info.status?", "stack", "mm", "exit_code", "pid", "tgid", "real_parent", "group_leader",
        "thread_pid", "start_boottime=start_boottime|real_start_time", "cred", "fs", "files", "nsproxy", "signal",
        "loginuid?", "cgroups",
    ),
    "signal_struct": (
        "live_counter=live.counter", "group_exit_code", "flags", "pids", "tty", "rlim",
    ),
    "pid": ("level", "numbers"),
    "upid": ("nr", "ns"),
    "pid_namespace": ("child_reaper", "ns_inum=ns.inum"),
    "mnt_namespace": ("ns_inum=ns.inum",),
    "nsproxy": ("mnt_ns",),
    "tty_struct": ("driver", "index"),
    "tty_driver": ("major", "minor_start"),
    "cred": ("uid", "euid", "egid", "cap_permitted", "cap_effective", "cap_inheritable"),
    "mm_struct": ("exe_file", "arg_start", "arg_end", "env_start", "env_end"),
    "linux_binprm": ("filename", "fdpath?"),
    "files_struct": ("fdt",),
    "fdtable": ("max_fds", "fd"),
    "file": ("f_inode", "f_path_dentry=f_path.dentry", "f_path_mnt=f_path.mnt", "private_data"),
    "fs_struct": (
        "root_dentry=root.dentry", "root_mnt=root.mnt", "pwd_dentry=pwd.dentry", "pwd_mnt=pwd.mnt",
    ),
    "dentry": ("d_parent", "d_inode", "d_name_name=d_name.name", "d_name_len=d_name.len"),
    "vfsmount": ("mnt_root", "mnt_flags"),
    "mount": ("mnt_parent", "mnt_mountpoint", "mnt", "mnt_mnt_root=mnt.mnt_root"),
    "inode": (
        "i_mode", "i_uid", "i_gid", "i_flags", "i_sb", "i_ino", "i_nlink", "i_ctime_sec?", "i_ctime_nsec?",
        "i_mtime_sec?", "i_mtime_nsec?", "ctime=__i_ctime|i_ctime?", "mtime=__i_mtime|i_mtime?",
    ),
    "super_block": ("s_magic", "s_flags"),
    "ovl_inode?": ("vfs_inode", "__upperdentry"),
    "css_set": ("dfl_cgrp", "subsys"),
    "cgroup_subsys_state": ("cgroup",),
    "cgroup": ("kn",),
    "kernfs_node": ("id",),
    "socket": ("sk",),
    "sock": (
        "family=__sk_common.skc_family", "state=__sk_common.skc_state", "num=__sk_common.skc_num",
        "dport=__sk_common.skc_dport", "daddr=__sk_common.skc_daddr", "rcv_saddr=__sk_common.skc_rcv_saddr",
        "v6_daddr=__sk_common.skc_v6_daddr?", "v6_rcv_saddr=__sk_common.skc_v6_rcv_saddr?", "sk_type", "sk_protocol",
    ),
    "unix_sock?": ("addr", "peer"),
    "unix_address?": ("len", "name"),
}  # fmt: skip
"""Every struct member that the C sources read."""

TRACEPOINTS: Final = {
    "tm_sys_exit": ("sys_exit", "chain"),
    "tm_exec": ("sched_process_exec", "chain_exec"),
    "tm_fork": ("sched_process_fork", "chain_fork"),
    "tm_exit": ("sched_process_exit", "chain_exit"),
}
"""First program of each tracepoint, with the map that holds the stages it hands over to."""
STAGES: Final = ("tm_detail", "tm_process", "tm_finish")
"""In the order of TM_STAGE_ in maps.h."""

RING_NAMES: Final = (
    "ring_slim", "ring_short", "ring_mid", "ring_long", "ring_proc_short", "ring_proc_mid", "ring_proc_long",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Build:
    """What the C sources are compiled with."""

    ring_pages: tuple[int, ...]
    """Pages of each ring, by size class; powers of two."""
    cgroup_slots: int
    cgroup_subsys: int
    """Index of the version 1 controller whose cgroups are the key, -1 for the version 2 hierarchy."""
    data_bytes: int
    self_pids: tuple[int, ...] = ()
    """Processes that are tuimon's own."""


@dataclass(slots=True)
class Programs:
    """The loaded programs: ``bpf`` is the bcc module that owns the maps."""

    bpf: Any
    kind: str
    """``typed+cast``, ``typed`` or ``plain``."""
    fds: list[int] = field(default_factory=list)
    """Program and attachment fds; programs are detached and freed when they are closed."""

    def table(self, name: str) -> Any:
        """Return bcc's object for a map."""
        return self.bpf[name.encode()]

    def map_fd(self, name: str) -> int:
        """Return the fd of a map."""
        return int(self.table(name).map_fd)

    def code(self, name: str) -> bytes:
        """Return the compiled instructions of a program."""
        return bytes(self.bpf.dump_func(name.encode()))

    def detach(self) -> None:
        """Detach and free the programs; the maps stay readable."""
        for fd in reversed(self.fds):
            os.close(fd)
        self.fds.clear()

    def close(self) -> None:
        """Detach everything and free the maps."""
        self.detach()
        if self.bpf is not None:
            self.bpf.cleanup()
            self.bpf = None


def layout_asserts() -> str:
    """Return C assertions that the records are laid out as tuimon/records.py says, checked by bcc's own compiler."""
    lines = []
    for name, dtype in (("tm_head", HEAD), ("tm_ext", EXT), ("tm_proc", PROC), ("tm_sock", SOCK)):
        lines.append(f'_Static_assert(sizeof(struct {name}) == {dtype.itemsize}, "{name}");')
        for member, (_, offset) in ((m, f[:2]) for m, f in (dtype.fields or {}).items()):
            c_name = "cpu_lo" if (name, member) == ("tm_head", "cpu") else member
            lines.append(f'_Static_assert(__builtin_offsetof(struct {name}, {c_name}) == {offset}, "{name}.{member}");')
    return "\n".join(lines) + "\n"


def _constants(build: Build, kind: str) -> dict[str, int]:
    machine = platform.machine()
    names = ("SLIM", "SHORT", "MID", "LONG", "PROC_SHORT", "PROC_MID", "PROC_LONG")
    return {
        "TM_TYPED": int(kind != "plain"),
        "TM_CAST": int(kind == "typed+cast"),
        "TM_ARM64": int(machine == "aarch64"),
        "TM_STACK_BYTES": 16384,
        "TM_CPUS": possible_cpus(),
        "TM_CGROUP_SLOTS": build.cgroup_slots,
        "TM_CGROUP_SUBSYS": build.cgroup_subsys,
        "TM_DATA_BYTES": build.data_bytes,
        **{f"TM_PAGES_{name}": pages for name, pages in zip(names, build.ring_pages, strict=True)},
        **{f"TM_NR_{name.upper()}": NAME_TO_NR.get(name, 511) for name in
           ("execve", "execveat", "clone", "clone3", "vfork", "exit_group")},
    }  # fmt: skip


def possible_cpus() -> int:
    """Return how many CPUs the kernel may ever run on: the highest possible number plus one."""
    try:
        text = Path("/sys/devices/system/cpu/possible").read_text().strip()
        return int(text.replace(",", "-").rsplit("-", 1)[-1]) + 1
    except (OSError, ValueError):
        return os.cpu_count() or 1


def source_text(btf: Btf, build: Build, kind: str) -> str:
    """Return the whole translation unit."""
    machine = platform.machine()
    members = {**MEMBERS, "pt_regs": _REGISTERS.get(machine, _REGISTERS["x86_64"])}
    parts = [f"#define {name} {value}\n" for name, value in _constants(build, kind).items()]
    parts.append(f"#define TM_SELF {''.join(f' || tgid == {int(pid)}U' for pid in build.self_pids)}\n")
    parts.append(offsets_header(btf, members))
    for name in SOURCES:
        text = (bpf_dir() / name).read_text()
        parts.append(f'#line 1 "{name}"\n{text}\n')
        if name == "events.h":
            parts.append(layout_asserts())
    return "".join(parts)


@contextmanager
def _kernel_source() -> Iterator[None]:
    """Have bcc take our few headers for the kernel's."""
    before = os.environ.get("BCC_KERNEL_SOURCE")
    os.environ["BCC_KERNEL_SOURCE"] = str(bpf_dir())
    try:
        yield
    finally:
        if before is None:
            del os.environ["BCC_KERNEL_SOURCE"]
        else:
            os.environ["BCC_KERNEL_SOURCE"] = before


def compile_module(text: str) -> Any:
    """Compile C text with bcc and create its maps.

    Raises:
        CaptureError: bcc is missing, or it does not compile here.
    """
    with _kernel_source():
        bcc = import_bcc()
        try:
            return bcc.BPF(text=text.encode(), cflags=["-w"])
        except Exception as error:  # bcc raises plain Exception
            raise CaptureError(
                f"the kernel programs do not compile here: {error}", "see bcc's messages above"
            ) from None


def _kinds(btf: Btf) -> list[str]:
    """Return the kinds of programs worth trying, best first."""
    typed = bool(btf.typedef_ids(["btf_trace_sys_exit"]))
    cast = typed and bool(btf.function_ids(["bpf_rdonly_cast"]))
    return [kind for kind, can in (("typed+cast", cast), ("typed", typed), ("plain", True)) if can]


def load(build: Build, only: str | None = None) -> Programs:
    """Compile, load and attach nothing yet: returns the programs with their chains filled.

    Args:
        build: See Build.
        only: Load this kind and no other (tests, benchmarks).

    Raises:
        CaptureError: No kind can be loaded.
    """
    btf = read_btf()
    last: OSError | None = None
    for kind in [only] if only else _kinds(btf):
        programs = Programs(compile_module(source_text(btf, build, kind)), kind)
        try:
            _load_all(programs, btf)
        except OSError as error:
            last = error
            programs.close()
            continue
        return programs
    raise _refused(last)


def _refused(error: OSError | None) -> CaptureError:
    reason = f"{error.strerror}" if error is not None else "no kind of program is left to try"
    log = error.log.strip().splitlines() if isinstance(error, VerifierError) else []
    if log:
        reason += ": " + " / ".join(log[-3:])
    return CaptureError(f"the kernel refuses tuimon's programs: {reason}", "tuimon doctor says what is missing")


def _load_all(programs: Programs, btf: Btf) -> None:
    """Load every program and every stage once per tracepoint; fill the chains."""
    typed = programs.kind != "plain"
    names = [f"btf_trace_{tracepoint}" for tracepoint, _ in TRACEPOINTS.values()]
    ids = btf.typedef_ids(names) if typed else {}
    kfuncs = btf.function_ids(["bpf_rdonly_cast"])
    calls = {CAST_CALL: kfuncs["bpf_rdonly_cast"]} if kfuncs else {}
    chain_fd = programs.map_fd("chain")
    direct = {number: programs.map_fd(name) for number, name in DIRECT_MAPS.items()}
    for tracepoint, chain in TRACEPOINTS.values():
        maps = {chain_fd: programs.map_fd(chain), **direct}
        for index, stage in enumerate(STAGES):
            if stage == "tm_detail" and tracepoint != "sys_exit":
                continue
            code = patched(programs.code(stage), calls=calls, maps=maps)
            fd = load_program(code, stage, ids.get(f"btf_trace_{tracepoint}", 0))
            programs.fds.append(fd)
            update(maps[chain_fd], index, fd.to_bytes(4, "little"))


def attach_all(programs: Programs) -> None:
    """Load the first program of each tracepoint and attach it; events flow from here on.

    Process events come first, so that no process is missed that a system call's event speaks of.

    Raises:
        CaptureError: The kernel refuses.
    """
    btf = read_btf()
    typed = programs.kind != "plain"
    ids = btf.typedef_ids([f"btf_trace_{tracepoint}" for tracepoint, _ in TRACEPOINTS.values()]) if typed else {}
    kfuncs = btf.function_ids(["bpf_rdonly_cast"])
    calls = {CAST_CALL: kfuncs["bpf_rdonly_cast"]} if kfuncs else {}
    direct = {number: programs.map_fd(name) for number, name in DIRECT_MAPS.items()}
    loaded = []
    try:
        for name, (tracepoint, _) in TRACEPOINTS.items():
            code = patched(programs.code(name), calls=calls, maps=direct)
            fd = load_program(code, name, ids.get(f"btf_trace_{tracepoint}", 0))
            programs.fds.append(fd)
            loaded.append((fd, tracepoint))
        for fd, tracepoint in reversed(loaded):
            programs.fds.append(attach(fd, tracepoint, typed=typed))
    except OSError as error:
        raise _refused(error) from None
