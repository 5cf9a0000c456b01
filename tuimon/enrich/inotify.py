"""inotify(7) for a tree of folders, through the C library: hears of cgroups made and removed, without polling."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from typing import Final

_CREATE, _DELETE, _IGNORED, _OVERFLOW, _ISDIR, _ONLYDIR = 0x100, 0x200, 0x8000, 0x4000, 0x40000000, 0x01000000
_EVENT: Final = struct.Struct("iIII")


class TreeWatch:
    """Watches every folder below a base.

    Args:
        base: The top folder.

    Raises:
        OSError: inotify is not to be had (the user's limit of instances is used up).
    """

    def __init__(self, base: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        self._paths: dict[int, str] = {}
        self.base = base
        self._watch_below(base)

    def fileno(self) -> int:
        """Return the descriptor to select(2) on."""
        return self._fd

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self) -> tuple[list[str], list[str], bool]:
        """Return (folders made, folders removed, whether events were lost) since the last read; never waits."""
        made: list[str] = []
        removed: list[str] = []
        lost = False
        while raw := self._read():
            for watch, mask, name in _events(raw):
                if mask & _OVERFLOW:
                    lost = True
                folder = self._paths.get(watch)
                if folder is None:
                    continue
                # A cgroup's own inode keeps its link count, so that IN_DELETE_SELF never comes: ask its parent.
                if mask & _CREATE and mask & _ISDIR:
                    made.extend(self._watch_below(f"{folder}/{name}"))
                elif mask & _DELETE and mask & _ISDIR:
                    removed.append(f"{folder}/{name}")
                if mask & _IGNORED:
                    self._paths.pop(watch, None)
        return made, removed, lost

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 65536)
        except OSError:
            return b""

    def _watch_below(self, top: str) -> list[str]:
        """Watch a folder and those below it; return all of them. Each is watched before it is listed: none slips by."""
        found = []
        todo = [top]
        while todo:
            folder = todo.pop()
            mask = _CREATE | _DELETE | _ONLYDIR
            watch: int = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), mask)
            if watch < 0:
                continue
            self._paths[watch] = folder
            found.append(folder)
            try:
                with os.scandir(folder) as entries:
                    todo.extend(e.path for e in entries if e.is_dir(follow_symlinks=False))
            except OSError:
                continue
        return found


def _events(raw: bytes) -> Iterator[tuple[int, int, str]]:
    at = 0
    while at + _EVENT.size <= len(raw):
        watch, mask, _, size = _EVENT.unpack_from(raw, at)
        at += _EVENT.size
        yield watch, mask, os.fsdecode(raw[at : at + size].rstrip(b"\0"))
        at += size
