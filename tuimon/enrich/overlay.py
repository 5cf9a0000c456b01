"""Which overlay layer an executable lies in, from user space: for processes that started before tuimon did.

The kernel says it of every exec as it happens (``tm_proc.exe_flags``). Afterwards it can only be looked up: the
overlay's ``upperdir`` is in the mount's options, and a plain file there means the upper layer. A file that was copied
up since the process started counts as upper too: that is what lies there now.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tuimon.records import ExeFlag


class OverlayMount(NamedTuple):
    """An overlay mount, as a line of ``/proc/PID/mountinfo`` tells it."""

    device: str
    """``major:minor``."""
    point: str
    """Where it is mounted, as the process's root shows it."""
    upper: str
    """Host path of the upper layer."""


def overlay_mounts(lines: Iterable[str]) -> Iterator[OverlayMount]:
    """Yield the writable overlay mounts of a ``mountinfo`` (proc_pid_mountinfo(5))."""
    for line in lines:
        left, found, right = line.partition(" - ")
        mount, source = left.split(), right.split()
        if not found or len(mount) < 6 or len(source) < 3 or source[0] != "overlay":
            continue
        for option in source[2].split(","):
            if option.startswith("upperdir="):
                yield OverlayMount(mount[2], _unescaped(mount[4]), _unescaped(option.removeprefix("upperdir=")))


def layer_of(path: str, info: os.stat_result, mounts: Iterable[OverlayMount]) -> ExeFlag:
    """Return the layer marks of an executable, none when it is on no overlay whose upper layer we can see.

    Args:
        path: As the process's root shows it.
        info: Of the file.
        mounts: Of the process.
    """
    device = f"{os.major(info.st_dev)}:{os.minor(info.st_dev)}"
    for mount in mounts:
        point = mount.point.rstrip("/")
        if mount.device != device or not path.startswith(f"{point}/") or not os.path.isdir(mount.upper):
            continue
        try:
            upper = os.lstat(mount.upper + path[len(point) :])
        except OSError:
            return ExeFlag.LOWER_LAYER
        if not stat.S_ISREG(upper.st_mode):
            # A whiteout, or a folder that was made in its place since.
            return ExeFlag.LOWER_LAYER
        # Only a file that was copied up shows another inode number through the overlay than in the upper layer.
        return ExeFlag.UPPER_LAYER | (ExeFlag.BORN_UPPER if upper.st_ino == info.st_ino else ExeFlag(0))
    return ExeFlag(0)


def _unescaped(text: str) -> str:
    """Undo the octal escapes of blanks in ``mountinfo``."""
    for escape, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(escape, char)
    return text
