"""Names of users inside containers, from the container's own passwd and group files.

The same number is another user in each image, so the host's names would be wrong there. The files belong to whoever
runs the container and may be anything: a fifo, a symlink out of the container, a file system that never answers. They
are read by one thread of their own, resolved inside the container's root (openat2's RESOLVE_IN_ROOT), as regular files
of a bounded size. The event path only ever looks at what is there already.

Numbers are those of the initial user namespace. In a container with a namespace of its own they are not the ones its
files speak of; such numbers have no name.
"""

from __future__ import annotations

import ctypes
import os
import queue
import stat
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from tuimon.enrich.users import HOST_USERS, User, parse_group, parse_passwd
from tuimon.events import Container

MAX_CONTAINERS: Final = 512
"""Tables kept; the one that was made first goes."""
REFRESH_S: Final = 60.0
EARLY_S: Final = 0.05
"""Between two looks at a container whose root is still the host's."""
MAX_EARLY: Final = 20
"""After these the host's root is its root."""
MAX_FILE_BYTES: Final = 1024 * 1024
_OPENAT2: Final = 437
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_IN_ROOT: Final = 0x10


@dataclass(slots=True)
class Names:
    """What is known of one container; replaced values, never changed ones, so that any thread may look."""

    loaded: bool = False
    """The files were read, or found to be unreadable."""
    next_s: float = 0.0
    """Not to be asked for again before."""
    early: int = 0
    """How often the container had not changed its root yet."""
    users: dict[int, User] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)


class ContainerUsers:
    """Users and groups by container.

    Args:
        proc: Where /proc lies.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._known: dict[str, Names] = {}
        self._asked: queue.SimpleQueue[tuple[Names, int]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def names(self, container: Container, member: int = 0) -> Names:
        """Return what is known of a container (not the host), and have it read when it is time; never waits.

        Nothing is read in a recording, whose processes are not this machine's.

        Args:
            container: Which.
            member: A process in it, looked at while the engine has not told the first one; 0 when there is none.
        """
        known = self._known.get(container.id)
        if known is None:
            if len(self._known) >= MAX_CONTAINERS:
                self._known.pop(next(iter(self._known)), None)
            known = self._known[container.id] = Names()
        pid = container.pid or member
        if not pid or HOST_USERS.is_fixed:
            known.loaded = known.loaded or container.known or HOST_USERS.is_fixed
        elif not container.ended and time.monotonic() >= known.next_s:
            known.next_s = time.monotonic() + REFRESH_S
            self._asked.put((known, pid))
            self._start()
        return known

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="tuimon-container-users", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            known, pid = self._asked.get()
            if known.early < MAX_EARLY and self._is_outside(pid):
                known.early += 1
                known.next_s = time.monotonic() + EARLY_S
                continue
            found = self._read(pid)
            if found is not None:
                known.users, known.groups = found
            known.loaded = True

    def _is_outside(self, pid: int) -> bool:
        """Tell whether a process still has the host's root: a runtime that is on its way into the container."""
        try:
            return os.path.samestat(os.stat(f"{self._proc}/{pid}/root/."), os.stat(f"{self._proc}/self/root/."))
        except OSError:
            return False

    def _read(self, pid: int) -> tuple[dict[int, User], dict[int, str]] | None:
        """Return the users and groups of the root of a process; None when there is no such process."""
        if pid <= 0 or not _is_identity(f"{self._proc}/{pid}/uid_map"):
            return None
        try:
            root = os.open(f"{self._proc}/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            passwd, group = (read_inside(root, f"etc/{name}") for name in ("passwd", "group"))
        finally:
            os.close(root)
        return parse_passwd(passwd), parse_group(group)


def _is_identity(uid_map: str) -> bool:
    """Return whether a user namespace numbers its users as the initial one does (user_namespaces(7))."""
    try:
        with open(uid_map) as lines:
            inside, outside, _ = lines.readline().split()
    except (OSError, ValueError):
        return False
    return inside == outside


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def read_inside(root: int, path: str) -> str:
    """Return the text of a regular file inside a root directory, whatever its symlinks say; empty when there is none.

    Args:
        root: An fd of the directory.
        path: Relative to it.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    how = _OpenHow(flags, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd < 0:
        return ""
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
            return ""
        parts: list[bytes] = []
        while part := os.read(fd, MAX_FILE_BYTES - sum(len(each) for each in parts)):
            parts.append(part)
        return b"".join(parts).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    finally:
        os.close(fd)


CONTAINER_USERS: Final = ContainerUsers()
"""Of the containers of this machine."""
