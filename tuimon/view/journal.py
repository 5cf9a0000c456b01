"""The journal of unsaved rule texts: what was typed survives a crash, a kill and a closed terminal.

One file for each running screen, in the state folder of whoever called it; it holds every buffer that is not on disk
and goes away with the last of them. The screen holds a lock beside it as long as it lives, and the kernel lets go of
that however it ends: an entry whose lock can be had belongs to nobody any more and is offered to the next screen.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tuimon import invoker
from tuimon.view import rule_disk

_ENTRY: Final = "unsaved-{}.json"
_LOCK: Final = "unsaved-{}.lock"


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A buffer that is not on disk."""

    path: str
    saved: str
    """The text on disk that it was made from."""
    buffer: str


@dataclass(frozen=True, slots=True)
class Lost:
    """What a screen that ended without saving left behind."""

    key: str
    """Names its entry."""
    time_ns: int
    """When it was last written, since the epoch."""
    texts: tuple[Unsaved, ...]


class Journal:
    """Keeps unsaved texts. ``keep`` may be called from any thread; the newest call wins.

    Args:
        folder: Where; None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._key = uuid.uuid4().hex[:12]
        self._writing = threading.Lock()
        self._lock = -1
        self._turn = self._written = 0
        self._claimed: dict[str, int] = {}
        self.problem = ""
        """Why nothing can be kept, empty while it can."""

    def turn(self) -> int:
        """Return a number for the texts as they are now, to be given to ``keep``."""
        self._turn += 1
        return self._turn

    def keep(self, texts: Sequence[Unsaved], turn: int | None = None) -> None:
        """Write the unsaved texts, or remove the entry when there are none. Never raises; see ``problem``.

        Args:
            texts: All of them.
            turn: From ``turn``, when the texts were taken some time before this call: older ones than those written
                are let go.
        """
        folder = self._folder
        if folder is None:
            return
        with self._writing:
            number = self.turn() if turn is None else turn
            if number < self._written:
                return
            self._written = number
            try:
                self._write(folder, texts)
                self.problem = ""
            except OSError as error:
                self.problem = f"unsaved text is not kept safe: {error.strerror}"

    def _write(self, folder: Path, texts: Sequence[Unsaved]) -> None:
        entry = folder / _ENTRY.format(self._key)
        if not texts:
            entry.unlink(missing_ok=True)
            return
        if self._lock < 0:
            invoker.make_folder(folder)
            lock = folder / _LOCK.format(self._key)
            self._lock = _locked(lock, os.O_CREAT)
            invoker.give_to_invoker(lock)
        data = {"time_ns": time.time_ns(), "texts": [[each.path, each.saved, each.buffer] for each in texts]}
        invoker.write_private(entry, json.dumps(data).encode())

    def lost(self) -> list[Lost]:
        """Return what ended screens left, the oldest first, and keep other screens from taking it meanwhile."""
        if self._folder is None:
            return []
        found = [lost for path in self._folder.glob(_ENTRY.format("*")) if (lost := self._claim(path)) is not None]
        return sorted(found, key=lambda lost: lost.time_ns)

    def _claim(self, entry: Path) -> Lost | None:
        key = entry.stem.removeprefix("unsaved-")
        if key == self._key:
            return None
        assert self._folder is not None
        try:
            if key not in self._claimed:
                self._claimed[key] = _locked(self._folder / _LOCK.format(key), os.O_CREAT)
            return _read(key, entry)
        except OSError:  # its screen lives, or it is not ours to read
            return None

    def forget(self, lost: Lost) -> None:
        """Remove an entry: its texts are in buffers again, or nobody wants them."""
        if self._folder is not None:
            (self._folder / _ENTRY.format(lost.key)).unlink(missing_ok=True)
            (self._folder / _LOCK.format(lost.key)).unlink(missing_ok=True)
        self._let_go(lost.key)

    def leave(self, lost: Lost) -> None:
        """Leave an entry for another time."""
        self._let_go(lost.key)

    def _let_go(self, key: str) -> None:
        handle = self._claimed.pop(key, -1)
        if handle >= 0:
            os.close(handle)

    def close(self) -> None:
        """End; an entry that is still there is offered to the next screen."""
        for key in list(self._claimed):
            self._let_go(key)
        if self._lock >= 0 and self._folder is not None:
            if not (self._folder / _ENTRY.format(self._key)).exists():
                (self._folder / _LOCK.format(self._key)).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1


def _locked(path: Path, flags: int) -> int:
    """Return a handle that holds a file's lock; OSError when somebody else does."""
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, invoker.PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _read(key: str, entry: Path) -> Lost | None:
    """Return an entry; None when it is none: the folder is the user's, anything may lie in it."""
    text = rule_disk.read(entry)
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        data: Any = json.loads(text or "")
        texts = [Unsaved(*map(str, each)) for each in data["texts"] if isinstance(each, list) and len(each) == 3]
        if texts:
            return Lost(key, int(data["time_ns"]), tuple(texts))
    return None
