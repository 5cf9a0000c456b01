"""Names of users and groups by number: the host's, cached, never waiting for a network.

Only ``/etc/passwd`` and ``/etc/group`` are read, not NSS: a directory service that does not answer must not stop the
event path. The files are looked at again when they changed, at most once in CHECK_EVERY_S. A number without a line
has no name. Users of containers are another matter: see container_users.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECK_EVERY_S: Final = 5.0
MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""A file beyond this is not read: no machine has so many local users."""


@dataclass(frozen=True, slots=True)
class User:
    """What a line of passwd(5) says of a uid."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def parse_passwd(text: str) -> dict[int, User]:
    """Return uid to user; the first line of a uid wins, lines that make no sense are passed over."""
    users: dict[int, User] = {}
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) >= 7 and parts[2].isdecimal() and parts[3].isdecimal():
            user = User(parts[0], int(parts[2]), int(parts[3]), parts[5], parts[6])
            users.setdefault(user.uid, user)
    return users


def parse_group(text: str) -> dict[int, str]:
    """Return gid to name; the first line of a gid wins, lines that make no sense are passed over."""
    groups: dict[int, str] = {}
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) >= 3 and parts[2].isdecimal():
            groups.setdefault(int(parts[2]), parts[0])
    return groups


class UserTable:
    """The users and groups of one root directory.

    Args:
        root: Where ``etc/passwd`` and ``etc/group`` lie.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._passwd = root / "etc/passwd"
        self._group = root / "etc/group"
        self._next_check_s = 0.0
        self._stamp: tuple[tuple[int, int, int], ...] = ()
        self._users: dict[int, User] = {}
        self._groups: dict[int, str] = {}
        self._fixed = False
        self._reading = threading.Lock()

    def known(self) -> dict[str, dict[str, list[str]]]:
        """Return all names as plain data, for a recording."""
        self._refresh()
        return {
            "users": {str(uid): [user.name, str(user.gid), user.home, user.shell] for uid, user in self._users.items()},
            "groups": {str(gid): [name] for gid, name in self._groups.items()},
        }

    def fix(self, users: dict[int, User], groups: dict[int, str]) -> None:
        """Answer with these names from now on: a recording's, whose machine is not this one."""
        self._users, self._groups, self._fixed = users, groups, True

    def free(self) -> None:
        """Answer with what the files say again."""
        self._fixed, self._stamp, self._next_check_s = False, (), 0.0

    @property
    def is_fixed(self) -> bool:
        """Whether the names are a recording's, so that this machine's files mean nothing."""
        return self._fixed

    def user(self, uid: int) -> User | None:
        """Return the user with this number, None when there is none."""
        self._refresh()
        return self._users.get(uid)

    def group(self, gid: int) -> str | None:
        """Return the name of the group with this number, None when there is none."""
        self._refresh()
        return self._groups.get(gid)

    def _refresh(self) -> None:
        if self._fixed or time.monotonic() < self._next_check_s:
            return
        # Whoever asks while another thread reads has the names of before; there is nothing to have at the first time.
        if not self._reading.acquire(blocking=not self._stamp):
            return
        try:
            self._read_if_changed()
        finally:
            self._reading.release()

    def _read_if_changed(self) -> None:
        stamp = (_stamp(self._passwd), _stamp(self._group))
        if stamp != self._stamp and not self._fixed:
            self._users = parse_passwd(_read(self._passwd))
            self._groups = parse_group(_read(self._group))
            self._stamp = stamp
        self._next_check_s = time.monotonic() + CHECK_EVERY_S


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return ""
        return path.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


HOST_USERS: Final = UserTable()
"""The users of this machine."""


def known_names() -> dict[str, dict[str, list[str]]]:
    """Return the host's users and groups as plain data, for a recording."""
    return HOST_USERS.known()


def use_own_names() -> None:
    """Answer with this machine's names, whatever was replayed in this process before."""
    HOST_USERS.free()


def use_names(state: object) -> None:
    """Answer with the names that a recording brought; what is not of the right form is left out."""
    users: dict[int, User] = {}
    groups: dict[int, str] = {}
    if isinstance(state, dict):
        for number, (name, gid, home, shell) in _rows(state.get("users"), 4):
            users[number] = User(name, number, int(gid) if gid.isdecimal() else 0, home, shell)
        for number, row in _rows(state.get("groups"), 1):
            groups[number] = row[0]
    HOST_USERS.fix(users, groups)


def _rows(value: object, width: int) -> Iterator[tuple[int, list[str]]]:
    for key, row in value.items() if isinstance(value, dict) else ():
        whole = isinstance(row, list) and len(row) == width and all(isinstance(each, str) for each in row)
        if whole and isinstance(key, str) and key.isdecimal() and len(key) <= 10:
            yield int(key), row
