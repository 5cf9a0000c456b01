"""The C text of the kernel programs: constants, offsets from BTF, our sources in their order, layout checks."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuimon.capture.btf import Btf, offsets_header
from tuimon.records import EXT, FILE, HEAD, MEMORY, PROC, SOCK
from tuimon.resources import bpf_dir
from tuimon.syscalls import NAME_TO_NR

KINDS: Final = ("typed+cast", "typed", "plain")
"""Kinds of programs, best first; see bpf/read.h."""

SOURCES: Final = (
    "events.h", "read.h", "maps.h", "path.h", "process.h", "socket.h", "record.h", "results.h",
    "sys_exit.bpf.c", "stages.bpf.c", "process_events.bpf.c", "io_uring.bpf.c", "sys_enter.bpf.c",
)  # fmt: skip
"""In the order of the translation unit; the offsets from BTF come before them."""
CAST_CALL: Final = 0x7FFFFFF1
"""The number by which read.h calls bpf_rdonly_cast()."""
DIRECT_MAPS: Final = {
    0x7FFE0001: "call_rows",
    0x7FFE0002: "config",
    0x7FFE0003: "cpus",
    0x7FFE0004: "counts",
    0x7FFE0005: "slims",
}
"""The numbers that stand for maps' fds in maps.h (TM_DIRECT_)."""

_REGISTERS: Final = {
    "x86_64": ("orig_ax", "di", "si", "dx", "r10", "r8", "r9", "bx", "cx", "bp"),
    "aarch64": ("syscallno", "orig_x0", *(f"x{n}=regs[{n}]" for n in range(1, 6))),
}
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "task_struct": (
        "thread_info.status?", "stack", "mm", "exit_code", "pid", "tgid", "real_parent", "group_leader",
        "thread_pid", "start_boottime=start_boottime|real_start_time", "cred", "fs", "files", "nsproxy", "signal",
        "loginuid?", "cgroups", "maj_flt", "min_flt", "comm",
    ),
    "signal_struct": (
        "live_counter=live.counter", "group_exit_code", "flags", "pids", "tty", "rlim", "nr_threads",
    ),
    "pid": ("level", "numbers"),
    "upid": ("nr", "ns"),
    "pid_namespace": ("child_reaper", "ns_inum=ns.inum"),
    "mnt_namespace": ("ns_inum=ns.inum",),
    "nsproxy": ("mnt_ns",),
    "tty_struct": ("driver", "index"),
    "tty_driver": ("major", "minor_start"),
    "cred": ("uid", "euid", "egid", "cap_permitted", "cap_effective", "cap_inheritable"),
    "mm_struct": (
        "exe_file", "total_vm", "arg_start", "arg_end", "env_start", "env_end",
        *(f"rss_{name}=rss_stat[{place}].count|rss_stat.count[{place}]"
          for place, name in enumerate(("file", "anon", "swap", "shmem"))),
    ),
    "linux_binprm": ("filename", "fdpath?"),
    "files_struct": ("fdt",),
    "fdtable": ("max_fds", "fd"),
    "file": ("f_inode", "f_mode", "f_path_dentry=f_path.dentry", "f_path_mnt=f_path.mnt", "private_data"),
    "fs_struct": (
        "root_dentry=root.dentry", "root_mnt=root.mnt", "pwd_dentry=pwd.dentry", "pwd_mnt=pwd.mnt",
    ),
    "dentry": ("d_parent", "d_inode", "d_name_name=d_name.name", "d_name_len=d_name.len"),
    "vfsmount": ("mnt_root", "mnt_flags", "mnt_sb"),
    "mount": (
        "mnt_parent", "mnt_mountpoint", "mnt", "mnt_mnt_root=mnt.mnt_root", "mnt_ns", "mnt_next_for_sb?",
        "mnt_id_unique?", "mnt_instance_next=mnt_instance.next?",
    ),
    "inode": (
        "i_mode", "i_uid", "i_gid", "i_flags", "i_sb", "i_ino", "i_nlink", "i_ctime_sec?", "i_ctime_nsec?",
        "i_mtime_sec?", "i_mtime_nsec?", "ctime=__i_ctime|i_ctime?", "mtime=__i_mtime|i_mtime?",
    ),
    "super_block": ("s_magic", "s_flags", "s_root", "s_mounts", "s_mounts_next=s_mounts.next?", "s_dev"),
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
        "sk_ack_backlog", "sk_max_ack_backlog",
    ),
    "io_kiocb?": ("opcode", "cmd", "cqe_fd=cqe.fd"),
    "io_uring_cqe?": ("res",),
    "filename": ("name",),
    "unix_sock?": ("addr", "peer"),
    "unix_address?": ("len", "name"),
}  # fmt: skip
"""Every struct member that the C sources read."""


_JUDGE: Final = """\
int tm_judge_%(number)d(u64 *ctx)
{
	struct tm_work *w = work_of_cpu();
	struct tm_cpu *cpu = this_cpu();

	if (!cpu)
		return 0;
	if (w) {
		if (!TM_RULES(%(number)d)) {
			count_ruled_out(w, cpu);
			return 0;
		}
		chain.call(ctx, TM_STAGE_EMIT);
	}
	count_drop(cpu, TM_SHORT);
	return 0;
}
"""
"""The program around one function of a prefilter. Not a macro: bcc does not rewrite what calls maps in those."""


@dataclass(frozen=True, slots=True)
class Build:
    """What the C sources are compiled with."""

    cgroup_slots: int
    """Cgroups with counters of their own, one for all others among them."""
    data_bytes: int
    """First bytes of a read or write that are carried on request."""
    self_count: int
    """How many processes are tuimon's own."""
    cgroup_subsys: int = -1
    """Index of the version 1 controller whose cgroups are the key, -1 for the version 2 hierarchy."""
    slim_ring: int = 0
    """Bytes of each CPU's own ring of slim records, a power of two; 0: they share one."""


def layout_asserts() -> str:
    """Return C assertions that the records are laid out as tuimon/records.py says, checked by bcc's own compiler."""
    lines = []
    for name, dtype in (
        ("tm_head", HEAD),
        ("tm_ext", EXT),
        ("tm_proc", PROC),
        ("tm_sock", SOCK),
        ("tm_file", FILE),
        ("tm_memory", MEMORY),
    ):
        lines.append(f'_Static_assert(sizeof(struct {name}) == {dtype.itemsize}, "{name}");')
        for member, (_, offset) in ((m, f[:2]) for m, f in (dtype.fields or {}).items()):
            c_name = "cpu_lo" if (name, member) == ("tm_head", "cpu") else member
            lines.append(f'_Static_assert(__builtin_offsetof(struct {name}, {c_name}) == {offset}, "{name}.{member}");')
    return "\n".join(lines) + "\n"


def _constants(build: Build, kind: str) -> dict[str, int]:
    machine = platform.machine()
    return {
        "TM_TYPED": int(kind != "plain"),
        "TM_CAST": int(kind == "typed+cast"),
        "TM_ARM64": int(machine == "aarch64"),
        "TM_STACK_BYTES": 16384,
        "TM_CPUS": possible_cpus(),
        "TM_CGROUP_SLOTS": build.cgroup_slots,
        "TM_CGROUP_SUBSYS": build.cgroup_subsys,
        "TM_DATA_BYTES": build.data_bytes,
        "TM_SELF_COUNT": build.self_count,
        "TM_SLIM_RING": build.slim_ring,
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


def prefilter_text(preamble: str, c_text: str) -> str:
    """Return the translation unit of a prefilter.

    Args:
        preamble: That of the programs it is loaded beside.
        c_text: ``tm_prefilter`` as tuimon.rules.prefilter_c prints it.
    """
    names = ("events.h", "read.h", "maps.h", "prefilter.h")
    parts = [f'#line 1 "{name}"\n{(bpf_dir() / name).read_text()}\n' for name in names]
    stage = (bpf_dir() / "prefilter.bpf.c").read_text()
    judges = "".join(_JUDGE % {"number": number} for number in sorted(set(judged_calls(c_text).values())))
    return "".join((preamble, *parts, c_text, f'#line 1 "prefilter.bpf.c"\n{stage}\n', judges))


def judged_calls(c_text: str) -> dict[int, int]:
    """Return, by system call number, the number of the function that a prefilter has for it."""
    out: dict[int, int] = {}
    waiting: list[int] = []
    for line in c_text[c_text.index("switch (head->nr)") :].splitlines():
        found = re.fullmatch(r"\t(?:case ([0-9]+):|\treturn tm_rules_([0-9]+)\(.*)", line)
        if found and found[1]:
            waiting.append(int(found[1]))
        elif found:
            out |= dict.fromkeys(waiting, int(found[2]))
            waiting.clear()
    return out


def preamble(btf: Btf, build: Build, kind: str) -> str:
    """Return what the sources are compiled against: constants, and the offsets of the running kernel."""
    machine = platform.machine()
    members = {**MEMBERS, "pt_regs": _REGISTERS.get(machine, _REGISTERS["x86_64"])}
    constants = _constants(build, kind) | {"TM_URING_CQE": int(btf.arguments("btf_trace_io_uring_complete") == 4)}
    parts = [f"#define {name} {value}\n" for name, value in constants.items()]
    return "".join((*parts, offsets_header(btf, members)))


def source_text(before: str) -> str:
    """Return the whole translation unit behind its preamble."""
    parts = [before]
    for name in SOURCES:
        text = (bpf_dir() / name).read_text()
        parts.append(f'#line 1 "{name}"\n{text}\n')
        if name == "events.h":
            parts.append(layout_asserts())
    return "".join(parts)
