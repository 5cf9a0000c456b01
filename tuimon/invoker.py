"""Who called tuimon, and what belongs to them: under sudo that is not root but the user before it.

Everything tuimon writes on its own account (state, clipboard, recordings, evidence) is that user's, for nobody else to
read. Only root's ``SUDO_*`` variables are believed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600


def home(env: Mapping[str, str] = os.environ, uid: int | None = None) -> Path | None:
    """Return the home of the user who called, None when there is none to be found."""
    if (os.geteuid() if uid is None else uid) == 0 and (name := env.get("SUDO_USER")):
        try:
            return Path(pwd.getpwnam(name).pw_dir)
        except KeyError:
            return None
    return Path(env["HOME"]) if env.get("HOME") else None


def folder(variable: str, below_home: str, env: Mapping[str, str] = os.environ, uid: int | None = None) -> Path | None:
    """Return tuimon's own folder of one kind; it need not exist.

    Args:
        variable: The XDG variable that moves it, such as ``XDG_STATE_HOME``; sudo's root has none of the user's.
        below_home: Where it is otherwise, such as ``.local/state``.
        env: The environment.
        uid: Effective user id; None: the process's own.

    Returns:
        None when the user has no home.
    """
    under_sudo = (os.geteuid() if uid is None else uid) == 0 and bool(env.get("SUDO_USER"))
    if not under_sudo and (base := env.get(variable)):
        return Path(base) / "tuimon"
    at = home(env, uid)
    return None if at is None else at / below_home / "tuimon"


def give_to_invoker(path: Path) -> None:
    """Under sudo, hand a file or folder to the user who called."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if os.geteuid() == 0 and uid and gid and uid.isdigit() and gid.isdigit():
        os.chown(path, int(uid), int(gid), follow_symlinks=False)  # the folder is the user's: no trust in the name


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, for the user who called and nobody else; those there are stay as they are."""
    for each in reversed([path, *path.parents]):
        try:
            each.mkdir(mode=0o700)
        except FileExistsError:
            continue
        give_to_invoker(each)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only the user who called may read; the one before it stays until this one is whole.

    Raises:
        OSError: As for any file.
    """
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
    try:
        with open(fd, "wb") as file:
            file.write(data)
        give_to_invoker(beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
