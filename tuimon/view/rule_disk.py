"""Rule files on disk: read with bounds, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from tuimon.errors import TuimonError

_MAX_BYTES: Final = 16 << 20

Stamp = tuple[int, int]
"""mtime in ns and size."""


def stamp(path: Path) -> Stamp | None:
    """Return what changes when a file does, None when there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def read(path: Path) -> str | None:
    """Return a file's text, None when it is not there, too large or not UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        return raw.decode() if len(raw) <= _MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def write(path: Path, text: str, mode: int = 0o644, *, follow: bool = True) -> None:
    """Write a file: whoever reads it sees the old text or the new one, whatever ends this program or the machine.

    Mode and owner of an existing file are kept.

    Args:
        path: The file.
        text: What it shall hold.
        mode: Of a file that is not there yet.
        follow: Of a symbolic link, write what it leads to; else put the file in its place: in a folder of somebody
            else's a link may lead anywhere.

    Raises:
        TuimonError: It cannot be written; what was there is unchanged.
    """
    target = path.resolve() if follow else path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new")
    except OSError as error:
        way_out = "tuimon -r FILE writes into a file of yours"
        raise TuimonError(f"cannot write {path}: {error.strerror}", way_out) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            _match_owner(file.fileno(), target, mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
        _sync_folder(target.parent)
    except (OSError, UnicodeEncodeError) as error:
        Path(name).unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else "the text holds bytes that are not text"
        raise TuimonError(f"cannot write {path}: {reason}", "the file on disk is unchanged") from error


def _match_owner(handle: int, target: Path, mode: int) -> None:
    """Give a new file the mode and owner of the one it replaces; a fresh one gets a mode and its folder's owner."""
    try:
        stat = target.lstat()
    except FileNotFoundError:
        os.fchmod(handle, mode)
        stat = target.parent.stat()
    else:
        os.fchmod(handle, stat.st_mode & 0o7777)
    if os.geteuid() == 0:
        os.fchown(handle, stat.st_uid, stat.st_gid)


def _sync_folder(folder: Path) -> None:
    """Make the new name last over a loss of power (fsync(2): the file's own fsync says nothing about its name)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
