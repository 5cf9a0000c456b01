"""What every container engine's module offers, and the few things they share: safe file reading, splitting of images.

Engines' files are read as root. Their place may come from another process's command line, so nothing but plain files of
bounded size is ever read: a FIFO cannot make the reader wait, a device cannot be opened for good.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from tuimon.enrich.cgroups import Candidate
from tuimon.events import Container

_MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_State = tuple[int, int, int]
"""Inode, time of the last change in ns, size in bytes."""
MAX_KEPT: Final = 32
MAX_KEPT_BYTES: Final = 1024 * 1024
"""Of text, of all kept files together; as objects they hold some five times as much."""
_SETTLED_NS: Final = 100_000_000
"""A file changed so shortly ago may change again within the same tick of its time stamp, so it is not kept."""
_KEPT: Final[dict[str, tuple[_State, Any]]] = {}
"""Parsed files by path, the one that was asked for longest ago first."""
_KEPT_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Site:
    """Where one running (or default) engine keeps its state."""

    engine: str
    """docker, podman, containerd, cri-o."""
    root: str = ""
    """docker: data root; podman, cri-o: storage root; containerd: root."""
    state: str = ""
    """docker: exec root; podman, cri-o: run root; containerd: state."""
    socket: str = ""
    uid: int = 0
    """Who runs it; a rootless engine is believed about its user's containers only."""


class Engine(Protocol):
    """One kind of container engine."""

    name: str

    def from_files(self, candidate: Candidate, site: Site) -> Container | None:
        """Return what the engine's files say, None when they do not know the container. Quick, no socket."""

    def from_socket(self, candidate: Candidate, site: Site, known: Container | None) -> Container | None:
        """Return what the engine itself says, on top of what the files did; None when it does not know it.

        Raises:
            OSError: The engine does not answer.
        """


def read_bytes(path: str) -> bytes | None:
    """Return the content of a plain file of bounded size, None when it cannot be had."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size > _MAX_FILE_BYTES:
            return None
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)


def read_json(path: str) -> Any:
    """Return the content of a JSON file, None when there is none or it is not (yet) whole.

    What was read is kept until the file changes: Podman's list is read for each of its containers. Only for a while:
    each container has files of its own too, and those of thousands that are gone would fill the memory. Not to be
    changed.
    """
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    state = info.st_ino, info.st_mtime_ns, info.st_size
    kept = _KEPT.get(path)
    if kept is not None and kept[0] == state:
        _keep(path, *kept)
        return kept[1]
    raw = read_bytes(path)
    if raw is None:
        return None
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if time.time_ns() - info.st_mtime_ns > _SETTLED_NS and info.st_size <= MAX_KEPT_BYTES:
        _keep(path, state, content)
    return content


def _keep(path: str, state: _State, content: object) -> None:
    """Keep a parsed file as the one asked for last, and let those go for which there is no room."""
    with _KEPT_LOCK:
        _KEPT.pop(path, None)
        _KEPT[path] = state, content
        while len(_KEPT) > MAX_KEPT or sum(size for (_, _, size), _ in _KEPT.values()) > MAX_KEPT_BYTES:
            del _KEPT[next(iter(_KEPT))]


def mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object, an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Return a non-empty string, None in place of anything else."""
    return value if isinstance(value, str) and value else None


def labels_of(value: object) -> dict[str, str]:
    """Return the string pairs of a JSON object."""
    return {k: v for k, v in mapping(value).items() if isinstance(k, str) and isinstance(v, str)}


def split_image(image: str | None) -> tuple[str | None, str | None, str | None]:
    """Split an image reference into (repository, tag, digest), as Falco does.

    ``@digest`` is cut off first; the tag is what follows the last colon when that comes after the last slash (a colon
    before it belongs to a registry's port).
    """
    if not image:
        return None, None, None
    name, _, digest = image.partition("@")
    if name.startswith("sha256:"):
        return None, None, name
    colon = name.rfind(":")
    if colon > name.rfind("/"):
        return name[:colon], name[colon + 1 :] or None, digest or None
    return name, None, digest or None


def epoch_ns(value: object) -> int | None:
    """Return a time in RFC 3339 as ns since the epoch, None for none and for Go's zero time."""
    if not isinstance(value, str) or value.startswith("0001-"):
        return None
    whole, _, fraction = value.rstrip("Z").partition(".")
    zone = ""
    for sign in "+-":
        at = fraction.find(sign)
        if at >= 0:
            fraction, zone = fraction[:at], fraction[at:]
    try:
        seconds = datetime.fromisoformat(whole + (zone or ("+00:00" if "." in value or value.endswith("Z") else "")))
    except ValueError:
        return None
    digits = (fraction + "000000000")[:9]
    return int(seconds.timestamp()) * 1_000_000_000 + (int(digits) if digits.isdecimal() else 0)
