"""RuleBook: the rule files behind the editor: what is on disk, what is in force, what has been typed; without a screen.

Nothing typed is lost: a file that changes on disk under an edited buffer leaves the buffer alone until the user
chooses, and writing is atomic. Files that tuimon ships are not written to; what is to differ goes into the user's own
file.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuimon import rulefiles
from tuimon.errors import TuimonError
from tuimon.rulefiles import Origin, listed, place_of
from tuimon.rules.diagnostics import RuleFile
from tuimon.settings import SYSTEM_RULES
from tuimon.view import rule_disk
from tuimon.view.journal import Lost, Unsaved

LOCAL_FILE: Final = SYSTEM_RULES / "local.yaml"
"""Where the user's own rules go when no file was given with ``-r``."""

_VENDOR_STEMS: Final = ("falco", "falco-incubating", "falco-sandbox", "falco-deprecated", "k8s_audit", "okta", "github")
VENDOR_NAMES: Final = frozenset(f"{stem}_rules{suffix}" for stem in _VENDOR_STEMS for suffix in rulefiles.SUFFIXES)
"""Rule files that Falco's project releases: the next release replaces them, so what is to differ goes elsewhere."""

_ITEM: Final = re.compile(r"^-[ \t]+(rule|macro|list)[ \t]*:[ \t]*(.*?)[ \t]*(?:#.*)?$")
_GONE: Final = 2
"""Looks at which a file is not there after which it is gone."""


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
    origin: Origin
    saved: str
    """The text on disk, as last read or written."""
    buffer: str
    """The text in the editor."""
    stamp: rule_disk.Stamp | None
    """mtime in ns and size when last read; None: not on disk yet."""
    on_disk: str | None = None
    """What another editor wrote while the buffer held unsaved text; None: no such conflict."""

    @property
    def dirty(self) -> bool:
        """Whether the buffer holds text that is not on disk."""
        return self.buffer != self.saved

    missing: int = 0
    """Looks in a row at which it was not on disk any more."""

    @property
    def read_only(self) -> bool:
        """Whether it is tuimon's or Falco's: it is replaced by the next release, and so not written to."""
        return self.origin == "builtin" or self.is_vendor

    @property
    def is_vendor(self) -> bool:
        """Whether it is one of Falco's own files, by its name."""
        return Path(self.path).name in VENDOR_NAMES


class RuleBook:
    """The open rule files, in load order.

    Args:
        files: The files in force.
        rules_path: What the user gave with ``-r``, a file or a folder; None: nothing.
        folders: Folders that are watched for new rule files, in load order.
    """

    def __init__(self, files: Sequence[RuleFile], rules_path: Path | None = None, folders: Sequence[Path] = ()) -> None:
        self.files = [_opened(file) for file in files]
        self._rules_path = rules_path
        self._folders = tuple(folders)
        self._folder_stamps: dict[Path, int] = {}
        self._saving = threading.Lock()
        self.remarks: list[str] = []
        """What the last look at the disk found that changes nothing: sentences about files, raw."""

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

    def save(self, file: OpenFile, text: str | None = None) -> None:
        """Write a file, atomically: a reader sees the old text or the new one, never a part.

        Args:
            file: The file.
            text: What is written; None: its buffer. A buffer that holds something else then is unsaved.

        Raises:
            TuimonError: It is one of tuimon's own or Falco's files, or cannot be written.
        """
        if file.read_only:
            owner = "Falco" if file.is_vendor else "tuimon"
            raise TuimonError(
                f"{file.path} belongs to {owner} and is not written to", "put what is to differ into your own: ctrl+o"
            )
        text = file.buffer if text is None else text
        with self._saving:
            rule_disk.write(Path(file.path), text)
            file.saved, file.on_disk = text, None
            file.stamp = rule_disk.stamp(Path(file.path))

    def poll(self) -> list[OpenFile]:
        """Look whether files changed on disk; return those that did, reloaded where the buffer was clean.

        A file whose buffer holds unsaved text gets ``on_disk`` set and is otherwise left alone. New files in the
        watched folders are among those returned, and so are those that went; the latter are closed.
        """
        self.remarks = []
        if not self._saving.acquire(blocking=False):
            return []  # what another thread is writing just now is no change of somebody else's
        try:
            return self._poll()
        finally:
            self._saving.release()

    def _poll(self) -> list[OpenFile]:
        changed = [file for file in self.files if self._changed(file)]
        gone = [file for file in self.files if file.missing >= _GONE and not file.dirty]
        self.files = [file for file in self.files if file not in gone]
        return changed + gone + self._new()

    def _changed(self, file: OpenFile) -> bool:
        """Take up what another editor wrote; return whether it wrote anything."""
        stamp, name = rule_disk.stamp(Path(file.path)), Path(file.path).name
        if stamp is None:
            # Editors replace a file in two steps: only one that stays away is gone.
            file.missing += file.stamp is not None and file.origin != "builtin"
            if file.missing == _GONE and file.dirty:
                file.on_disk = None
                self.remarks.append(f"{name} was deleted: ctrl+s writes your text anew")
            return False
        file.missing = 0
        if stamp == file.stamp:
            return False
        text = rule_disk.read(Path(file.path))
        file.stamp = stamp
        if text is None:
            self.remarks.append(f"{name} cannot be read any more: what was read of it last stays in force")
        if text is None or text == file.saved:
            return False
        if file.dirty and text != file.buffer:
            file.on_disk = text
        else:
            file.saved = file.buffer = text
        return True

    def _new(self) -> list[OpenFile]:
        """Open the files that appeared in the watched folders, each behind those of its folder that come before it."""
        found = []
        for folder in self._folders:
            try:
                stamp = folder.stat().st_mtime_ns
                if self._folder_stamps.get(folder) == stamp:
                    continue
                paths = listed(folder)
            except (OSError, TuimonError):
                continue
            self._folder_stamps[folder] = stamp
            known = {Path(file.path).resolve() for file in self.files}
            for path in paths:
                if path.resolve() not in known and (file := self._opened_new(path)) is not None:
                    self.files.insert(self._place(folder, path), file)
                    found.append(file)
        return found

    @staticmethod
    def _opened_new(path: Path) -> OpenFile | None:
        text = rule_disk.read(path)
        if text is None:
            return None
        origin: Origin = "system" if path.parent == SYSTEM_RULES else "user"
        return OpenFile(str(path), origin, text, text, rule_disk.stamp(path))

    def _place(self, folder: Path, path: Path) -> int:
        """Return where a file belongs in load order."""
        places = [at for at, file in enumerate(self.files) if Path(file.path).parent == folder]
        before = [at for at in places if place_of(Path(self.files[at].path)) < place_of(path)]
        if before:
            return before[-1] + 1
        if places:
            return places[0]
        later = self._folders[self._folders.index(folder) + 1 :] if folder in self._folders else ()
        behind = [at for at, file in enumerate(self.files) if Path(file.path).parent in later]
        return behind[0] if behind else len(self.files)

    def take_disk(self, file: OpenFile) -> None:
        """Solve a conflict for the other editor: its text replaces the buffer."""
        if file.on_disk is not None:
            file.saved = file.buffer = file.on_disk
            file.on_disk = None

    def keep_buffer(self, file: OpenFile) -> None:
        """Solve a conflict for the buffer: the next save overwrites what the other editor wrote."""
        if file.on_disk is not None:
            file.saved, file.on_disk = file.on_disk, None

    def amend(self, file: OpenFile, change: Callable[[str], str]) -> tuple[str, str]:
        """Return a file's text on disk and its buffer, each with a change that is to be saved at once.

        What is typed and not saved stays so.

        Raises:
            TuimonError: It cannot be changed so.
        """
        saved = change(file.saved)
        if not file.dirty:
            return saved, saved
        try:
            return saved, change(file.buffer)
        except TuimonError as error:
            raise TuimonError(
                f"the unsaved text of {Path(file.path).name} is in the way: {error}", "save or revert it first"
            ) from error

    def unsaved(self) -> tuple[Unsaved, ...]:
        """Return what would be lost if this program ended now."""
        return tuple(Unsaved(file.path, file.saved, file.buffer) for file in self.files if file.dirty)

    def recoverable(self, lost: Lost) -> list[Unsaved]:
        """Return what another screen left of the files that are open here, where that is not on disk by now."""
        known = {file.path: file for file in self.files}
        own = str(self._own_path())
        return [
            each
            for each in lost.texts
            if (each.path in known and known[each.path].saved != each.buffer) or (each.path == own and own not in known)
        ]

    def recover(self, texts: Iterable[Unsaved]) -> list[OpenFile]:
        """Put texts that another screen left into the buffers, unsaved; return their files.

        Where the file has been written since, that is a conflict like any other: both versions are kept.
        """
        files = []
        for each in texts:
            file = self.find(each.path) or self.own_file()
            if file.saved != each.saved:
                file.on_disk, file.saved = file.saved, each.saved
            file.buffer = each.buffer
            files.append(file)
        return files

    def own_file(self) -> OpenFile:
        """Return the user's own file, opened (empty, not on disk yet) if it is not among the files."""
        return self._file_at(self._own_path())

    def _file_at(self, path: Path) -> OpenFile:
        if (file := self.find(str(path))) is None:
            text = rule_disk.read(path) or ""
            file = OpenFile(str(path), "user", text, text, rule_disk.stamp(path))
            self.files.insert(self._place(path.parent, path), file)
        return file

    def file_to_change(self, kind: str, name: str) -> OpenFile:
        """Return the file in which what an item says can be changed: it must be loaded when the item is known.

        The user's own; where that is loaded before the item's file, that file, or the one that follows it when it is
        Falco's.
        """
        is_open = self.find(str(self._own_path())) is not None
        own, found = self.own_file(), self.locate(name, kind)
        if found is None or self.files.index(found[0]) <= self.files.index(own):
            return own
        if not is_open:
            self.files.remove(own)
        return found[0] if not found[0].read_only else self._file_at(rulefiles.local_of(Path(found[0].path)))

    def copy_to_own(self, file: OpenFile, item: Item) -> tuple[OpenFile, int]:
        """Append an item of another file to the user's own file's buffer; return the file and the line it begins at.

        A rule or list of the same name loaded later replaces the earlier one, so the copy is an override to edit.
        """
        text = "\n".join(file.buffer.splitlines()[item.line - 1 : item.end_line])
        return self.append(text, self.file_to_change(item.kind, item.name))

    def append(self, text: str, own: OpenFile) -> tuple[OpenFile, int]:
        """Append an item to a file's buffer; return the file and the line it begins at."""
        before = own.buffer.rstrip("\n")
        own.buffer = (before + "\n\n" if before else "") + text.rstrip() + "\n"
        return own, (before.count("\n") + 3 if before else 1)

    def room_for(self, name: str) -> Path:
        """Return where a rule file of another is put so that it is loaded: beside the own file, or in a watched folder.

        Raises:
            TuimonError: There is such a file already, or no folder.
        """
        beside = self._own_path().parent
        folders = [beside] if beside in self._folders else list(self._folders)
        if not folders:
            raise TuimonError("no folder of rule files is loaded", "start tuimon with -r FOLDER")
        path = folders[0] / name
        if os.path.exists(path):
            raise TuimonError(f"there is a {path} already", "remove or rename it first")
        return path

    def with_new(self, new: RuleFile) -> tuple[RuleFile, ...]:
        """Return all files as they are on disk with a new one where it would be loaded."""
        files = [RuleFile(file.path, file.saved, file.origin) for file in self.files]
        path = Path(new.path)
        files.insert(self._place(path.parent, path), new)
        return tuple(each for each in files if each.text)

    def locate(self, name: str, kind: str = "rule") -> tuple[OpenFile, Item] | None:
        """Return where an item is defined: the last definition, which is the one in force."""
        for file in reversed(self.files):
            for item in reversed(outline(file.buffer)):
                if item.kind == kind and item.name == name:
                    return file, item
        return None

    def _own_path(self) -> Path:
        given = self._rules_path
        if given is None:
            return LOCAL_FILE
        if os.path.isdir(given):
            return given / LOCAL_FILE.name
        return rulefiles.local_of(given) if given.name in VENDOR_NAMES else given


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
    return OpenFile(file.path, file.origin, file.text, file.text, rule_disk.stamp(Path(file.path)))
