"""A made-up /proc for tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def write_process(
    root: Path,
    pid: int,
    *,
    comm: str = "sleep",
    ppid: int = 1,
    argv: Sequence[str] = (),
    start_ns: int = 1_000_000_000,
    uid: int = 0,
    cgroup: str = "/",
    exe: str = "/usr/bin/sleep",
    cwd: str = "/",
    levels: Sequence[int] = (),
    tty: int = 0,
    mnt_ns: int = 4026531841,
    environ: Sequence[str] = (),
) -> None:
    """Write the files of one process; ``levels`` are its pids in nested namespaces, its own in ours left out."""
    folder = root / str(pid)
    (folder / "ns").mkdir(parents=True, exist_ok=True)
    (folder / "fd").mkdir(exist_ok=True)
    rest = ["S", ppid, pid, pid, tty, -1] + [0] * 13 + [start_ns // TICK_NS] + [0] * 30
    (folder / "stat").write_text(f"{pid} ({comm}) {' '.join(map(str, rest))}\n")
    (folder / "comm").write_text(comm + "\n")
    (folder / "cmdline").write_text("".join(f"{a}\0" for a in argv))
    (folder / "environ").write_text("".join(f"{a}\0" for a in environ))
    (folder / "cgroup").write_text(f"3:pids:{cgroup}\n0::{cgroup}\n")
    (folder / "loginuid").write_text("1000")
    nested = "\t".join(map(str, (pid, *levels)))
    (folder / "status").write_text(
        f"Name:\t{comm}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
        f"NSpid:\t{nested}\nNSpgid:\t{nested}\nNSsid:\t{nested}\n"
        "CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t00000000a80425fb\n"
    )
    (folder / "limits").write_text(
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max open files            1024                 4096                 files     \n"
    )
    for name, target in (("exe", exe), ("cwd", cwd), ("ns/mnt", f"mnt:[{mnt_ns}]"), ("ns/pid", "pid:[4026531836]")):
        link = folder / name
        link.unlink(missing_ok=True)
        if target:
            link.symlink_to(target)
