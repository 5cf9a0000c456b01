"""The SHA-256 of what a process runs, as far as its file can be read. Whoever is watched chose that file's name."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Final

from tuimon.enrich.procfs import Procfs, same_start
from tuimon.events import Process

MAX_BYTES: Final = 256 << 20
"""Larger files are not read."""
_CHUNK: Final = 1 << 20
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def digest_of(
    process: Process, container_pid: int | None = None, procfs: Procfs | None = None
) -> tuple[str | None, str]:
    """Return the digest of a process's program in hex, None when it cannot be had; and how, or why not.

    Args:
        process: Living, ended or unknown to this machine.
        container_pid: First process of its container, by whose root the path is found once the process has ended.
        procfs: Where /proc is.
    """
    procfs = procfs if procfs is not None else Procfs()
    start = procfs.start_ns(process.pid)
    if start is not None and same_start(start, process.start_ns):
        fd = procfs.open_exe(process.pid)
        # It may run another program by now: exec changes neither pid nor start.
        if fd is not None and procfs.exe(process.pid).removesuffix(" (deleted)") == process.exepath:
            return _digest(fd, "of the file it runs")
        if fd is not None:
            os.close(fd)
    root = procfs.root_of(container_pid) if container_pid is not None else ""
    if container_pid is not None and not root:
        return None, "its container has ended"
    fd = _open_below(root or "/", process.exepath)
    if fd is None:
        return None, "the file is gone, or is no file"
    return _digest(fd, "of the file that has this path now; the process has ended")


def _open_below(root: str, path: str) -> int | None:
    """Open a file by a path the kernel told, below a root, without following a link that was put there since."""
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or not names or ".." in names:
        return None
    try:
        at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for name in names:
            last = at
            try:
                at = os.open(name.encode("utf-8", "surrogateescape"), _OPEN, dir_fd=last)
            finally:
                os.close(last)
    except OSError:
        return None
    return at


def _digest(fd: int, how: str) -> tuple[str | None, str]:
    with open(fd, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None, "it is no regular file"
        if status.st_size > MAX_BYTES:
            return None, f"it is larger than {MAX_BYTES >> 20} MiB"
        made = hashlib.sha256()
        try:
            while chunk := file.read(_CHUNK):
                made.update(chunk)
        except OSError as error:
            return None, f"it cannot be read: {error.strerror}"
    return made.hexdigest(), how
