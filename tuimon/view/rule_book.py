"""RuleBook: the rule files behind the editor: what is on disk, what is in force, what has been typed; without a screen.

Nothing typed is lost: a file that changes on disk under an edited buffer leaves the buffer alone until the user
chooses, and writing is atomic. Files that tuimon ships are not written to; what is to differ goes into the user's own
file.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tuimon.errors import TuimonError
from tuimon.rules.diagnostics import RuleFile

LOCAL_FILE: Final = Path("/etc/tuimon/rules.d/local.yaml")
"""Where the user's own rules go when no file was given with ``-r``."""

_ITEM: Final = re.compile(r"^-[ \t]+(rule|macro|list)[ \t]*:[ \t]*(.*?)[ \t]*(?:#.*)?$")
_MAX_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Item:
    """A rule, macro or list in a file."""

    kind: str
    name: str
    line: int
    """From 1."""
    end_line: int
    """The last line that belongs to it."""


@dataclass(slots=True)
class OpenFile:
    """One rule file and its buffer."""

    path: str
    origin: Literal["builtin", "system", "user"]
    saved: str
    """The text on disk, as last read or written."""
    buffer: str
    """The text in the editor."""
    stamp: tuple[int, int] | None
    """mtime in ns and size when last read; None: not on disk yet."""
    on_disk: str | None = None
    """What another editor wrote while the buffer held unsaved text; None: no such conflict."""

    @property
    def dirty(self) -> bool:
        """Whether the buffer holds text that is not on disk."""
        return self.buffer != self.saved

    @property
    def read_only(self) -> bool:
        """Whether it is one of tuimon's own files."""
        return self.origin == "builtin"


class RuleBook:
    """The open rule files, in load order.

    Args:
        files: The files in force.
        rules_path: What the user gave with ``-r``, a file or a folder; None: nothing.
    """

    def __init__(self, files: Sequence[RuleFile], rules_path: Path | None = None) -> None:
        self.files = [_opened(file) for file in files]
        self._rules_path = rules_path

    def find(self, path: str) -> OpenFile | None:
        """Return the file at a path."""
        return next((file for file in self.files if file.path == path), None)

    def dirty(self) -> list[OpenFile]:
        """Return the files with unsaved text."""
        return [file for file in self.files if file.dirty]

    def as_loaded(self, *, saved_only: Iterable[str] = ()) -> tuple[RuleFile, ...]:
        """Return all files with their buffers' text, to be checked or applied.

        Args:
            saved_only: Paths whose text on disk is taken instead.
        """
        disk = frozenset(saved_only)
        return tuple(
            RuleFile(f.path, f.saved if f.path in disk else f.buffer, f.origin)
            for f in self.files
            if f.buffer or f.stamp is not None
        )

    def save(self, file: OpenFile) -> None:
        """Write the buffer, atomically: a reader sees the old text or the new one, never a part.

        Raises:
            TuimonError: It is one of tuimon's own files, or cannot be written.
        """
        if file.read_only:
            raise TuimonError(
                f"{file.path} belongs to tuimon and is not written to", "copy the rule into your own file: ctrl+o"
            )
        _write(Path(file.path), file.buffer)
        file.saved, file.on_disk = file.buffer, None
        file.stamp = _stamp(Path(file.path))

    def poll(self) -> list[OpenFile]:
        """Look whether files changed on disk; return those that did, reloaded where the buffer was clean.

        A file whose buffer holds unsaved text gets ``on_disk`` set and is otherwise left alone.
        """
        changed = []
        for file in self.files:
            stamp = _stamp(Path(file.path))
            if stamp is None or stamp == file.stamp:
                continue
            text = _read(Path(file.path))
            file.stamp = stamp
            if text is None or text == file.saved:
                continue
            if file.dirty and text != file.buffer:
                file.on_disk = text
            else:
                file.saved = file.buffer = text
            changed.append(file)
        return changed

    def take_disk(self, file: OpenFile) -> None:
        """Solve a conflict for the other editor: its text replaces the buffer."""
        if file.on_disk is not None:
            file.saved = file.buffer = file.on_disk
            file.on_disk = None

    def keep_buffer(self, file: OpenFile) -> None:
        """Solve a conflict for the buffer: the next save overwrites what the other editor wrote."""
        if file.on_disk is not None:
            file.saved, file.on_disk = file.on_disk, None

    def own_file(self) -> OpenFile:
        """Return the user's own file, opened (empty, not on disk yet) if it is not among the files."""
        path = str(self._own_path())
        if (file := self.find(path)) is None:
            text = _read(Path(path))
            file = OpenFile(path, "user", text or "", text or "", _stamp(Path(path)))
            self.files.append(file)
        return file

    def copy_to_own(self, file: OpenFile, item: Item) -> tuple[OpenFile, int]:
        """Append an item of another file to the user's own file's buffer; return the file and the line it begins at.

        A rule or list of the same name loaded later replaces the earlier one, so the copy is an override to edit.
        """
        own = self.own_file()
        lines = file.buffer.splitlines()[item.line - 1 : item.end_line]
        while lines and not lines[-1].strip():
            lines.pop()
        before = own.buffer.rstrip("\n")
        own.buffer = (before + "\n\n" if before else "") + "\n".join(lines) + "\n"
        return own, (before.count("\n") + 3 if before else 1)

    def locate(self, rule: str) -> tuple[OpenFile, Item] | None:
        """Return where a rule is defined: the last definition, which is the one in force."""
        for file in reversed(self.files):
            for item in reversed(outline(file.buffer)):
                if item.kind == "rule" and item.name == rule:
                    return file, item
        return None

    def _own_path(self) -> Path:
        given = self._rules_path
        if given is None:
            return LOCAL_FILE
        return given / "local.yaml" if given.is_dir() else given


def outline(text: str) -> list[Item]:
    """Return the items of a rule file's text, in order; works on text that is no valid YAML."""
    heads = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if (found := _ITEM.match(line)) is not None:
            heads.append((found[1], _unquoted(found[2]), number))
    ends = [number - 1 for _, _, number in heads[1:]] + [len(lines)]
    return [Item(kind, name, number, end) for (kind, name, number), end in zip(heads, ends, strict=False)]


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def item_at(text: str, line: int) -> Item | None:
    """Return the item that a line (from 1) belongs to."""
    return next((item for item in outline(text) if item.line <= line <= item.end_line), None)


def _opened(file: RuleFile) -> OpenFile:
    return OpenFile(file.path, file.origin, file.text, file.text, _stamp(Path(file.path)))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _read(path: Path) -> str | None:
    """Return a file's text, None when it is not there, too large or not UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        return raw.decode() if len(raw) <= _MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    """Write through a temporary file beside it; keeps the mode and owner of an existing file."""
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new")
    except OSError as error:
        raise TuimonError(f"cannot write {path}: {error.strerror}", "save under a path you may write to") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            _match_owner(file.fileno(), target)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except (OSError, UnicodeEncodeError) as error:
        Path(name).unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else "the text holds bytes that are not text"
        raise TuimonError(f"cannot write {path}: {reason}", "the file on disk is unchanged") from error


def _match_owner(handle: int, target: Path) -> None:
    """Give a new file the mode and owner of the one it replaces; a fresh one is for all to read."""
    try:
        stat = target.stat()
    except FileNotFoundError:
        os.fchmod(handle, 0o644)
        return
    os.fchmod(handle, stat.st_mode & 0o7777)
    if os.geteuid() == 0:
        os.fchown(handle, stat.st_uid, stat.st_gid)
