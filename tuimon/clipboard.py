"""The clipboard's file: what is copied also lies there, because not every terminal takes what programs copy (OSC 52).

Only safe text leaves: what a terminal could obey is escaped, so that pasting it into one does no harm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tuimon import invoker
from tuimon.escape import clean

NAME: Final = "clipboard.txt"


def safe_text(text: str) -> str:
    """Return text of any number of lines with everything but the line ends made visible."""
    return "\n".join(clean(line) for line in text.split("\n"))


def file() -> Path | None:
    """Return where copied text lies, None when the user has no home."""
    folder = invoker.folder("XDG_CACHE_HOME", ".cache")
    return None if folder is None else folder / NAME


def keep(text: str) -> Path | None:
    """Write copied text into the file; return where, None when that could not be done."""
    path = file()
    if path is None:
        return None
    try:
        invoker.write_private(path, safe_text(text).encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        return None
    return path
