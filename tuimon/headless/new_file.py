"""Names of files to be written: what a person typed becomes a path, and is refused before any work is done for it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tuimon.errors import RecordingError


def path_of(name: str, default: str) -> Path:
    """Return the path that was typed, whole, so that it can be told; a folder stands for a file of the default name.

    Raises:
        RecordingError: Nothing was typed.
    """
    if not name.strip():
        raise RecordingError("that is not the name of a file")
    path = Path(name.strip()).expanduser()
    with suppress(FileNotFoundError):  # the folder tuimon was started in may be gone
        path = path.absolute()
    return path / default if os.path.isdir(path) else path


def check_free(path: Path, what: str) -> None:
    """Refuse a path at which no new file can be made.

    Args:
        path: Of the file.
        what: Is not overwritten, in words.

    Raises:
        RecordingError: It exists already, its folder does not, or nobody may write there.
    """
    if os.path.lexists(path):
        raise RecordingError(f"{path} exists already; {what} not overwritten")
    if not os.path.isdir(path.parent) and not _is_barred(path.parent):
        raise RecordingError(f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise RecordingError(f"{path.parent} cannot be written to", "choose another folder")


def _is_barred(path: Path) -> bool:
    """Return whether nobody can say what is at a path, as a folder on the way may not be searched."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except OSError:
        return False
    return False
