"""Fields of records by what lies in them: what their getters would say, for a look-up each.

Nearly all events of a machine at work are opens, and most of the others are about no socket. What the fields of an open
show hangs on its two paths, on whether it failed and whether it is a folder; a record without a socket has no
addresses. Anything else is left to the getters.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import decode
from tuimon.fields.argsource import BOUND_BY_NAME
from tuimon.fields.evtarg import number_text
from tuimon.fields.facts import absolute
from tuimon.fields.fd import directory_of, filename_of, single_slashes
from tuimon.fields.sock import SOCK_BYTES
from tuimon.records import Flag, Slot
from tuimon.rules.grouping import groups_of
from tuimon.rules.numbers import file_numbers, numbers_at
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool

PLAIN_OPENS: Final = frozenset(("open", "openat", "openat2"))
_FAILED: Final = 1
_FOLDER: Final = 2
_STATES: Final = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A field of an open."""

    say: Callable[[str, bool, bool], Any]
    """Its value by the path, whether the open failed and whether it is a folder."""
    of: str
    """Which of the paths, as in ``Paths``; of a ``real`` one there is none when the open failed."""
    by_refusal: bool
    """A refused open (EPERM) is another thing."""
    but_of: frozenset[str] = frozenset()
    """Calls whose getter says something else."""
    by_path: bool = True
    """The path matters to it."""


_OF: Final = {
    "fd.nameraw": "raw",
    "fs.path.nameraw": "raw",
    "evt.rawarg.name": "raw",
    "evt.arg.name": "shown",
    "fd.realpath": "real",
}


def _path(path: str, _failed: bool, _folder: bool) -> str:
    return path


def _with_single_slashes(path: str, _failed: bool, _folder: bool) -> str:
    return single_slashes(path)


IP_FAMILIES: Final = (int(socket.AF_INET), int(socket.AF_INET6))
"""Of sockets whose two ends have addresses and ports."""
_NO_SOCKET: Final = ("fd.is_server", "fd.connected", "fd.name_changed")
_SAY: Final[dict[str, Callable[[str, bool, bool], Any]]] = {
    **dict.fromkeys(("fd.name", "fd.realpath", "fs.path.name"), _path),
    **dict.fromkeys(("fs.path.nameraw", "evt.arg.name", "evt.rawarg.name", "evt.abspath.src"), _path),
    "fd.nameraw": _with_single_slashes,
    "fd.directory": lambda path, _failed, folder: path if folder else directory_of(path),
    "fd.filename": lambda path, failed, folder: None if failed or folder else filename_of(path),
    "fd.type": lambda _path, failed, folder: None if failed else "directory" if folder else "file",
    "fd.typechar": lambda _path, failed, folder: "d" if folder and not failed else "f",
    "fd.l4proto": lambda _path, failed, _folder: None if failed else "<NA>",
    **dict.fromkeys(_NO_SOCKET, lambda _path, failed, _folder: None if failed else False),
    **dict.fromkeys(("fd.ip", "fd.port", "fd.net", "fd.proto"), lambda _path, failed, _folder: None if failed else ()),
    **dict.fromkeys(
        (
            "evt.abspath.dst",
            "fs.path.source",
            "fs.path.sourceraw",
            "fs.path.target",
            "fs.path.targetraw",
            "fd.sockfamily",
        ),
        lambda _path, _failed, _folder: None,
    ),
}
_OF_STATE: Final = frozenset(
    (*_NO_SOCKET, "fd.type", "fd.typechar", "fd.l4proto", "fd.ip", "fd.port", "fd.net", "fd.proto", "fd.sockfamily")
)
"""Fields to which the path does not matter."""
_BUT_OF: Final = {"fd.typechar": frozenset(("open",))}
"""Falco takes what a failed open(2) would have opened for something unknown, of openat(2) for a file."""
_ENDS: Final = frozenset(f"fd.{end}{what}" for end in "cslr" for what in ("ip", "port", "net", "proto"))
"""Fields of one end of a connection."""


def part_of(key: tuple[str, str | None, str]) -> Part | None:
    """Return what there is to know of a field of opens, given by the key of its values; None when it is not one."""
    name, arg, which = key
    full = name if arg is None else f"{name}.{arg}"
    say = _SAY.get(full)
    if say is None:
        return None
    of = "real" if which == "real" else _OF.get(full, "given")
    by_path = of != "given" or full not in _OF_STATE
    return Part(say, of, name.startswith("fs.path."), _BUT_OF.get(full, frozenset()), by_path)


def without_socket(key: tuple[str, str | None, str], batch: Batch, rows: NDArray[np.intp]) -> Places:
    """Return, (k,), ABSENT where a field, given by its key, has no value for want of a socket, else UNSEEN."""
    out = np.full(len(rows), UNSEEN, np.int32)
    if key[0] in _ENDS:
        out[~has_socket(batch, rows)] = ABSENT
    return out


def has_socket(batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return, (k,), which records may carry a socket."""
    # Of these rows alone: old batches share the texts of eight.
    ext_at = batch.ext_at[rows]
    has = ext_at >= 0
    has[has] = batch.ext["slot_len"][ext_at[has], Slot.SOCK] >= SOCK_BYTES
    return has


def socket_numbers(batch: Batch, rows: NDArray[np.intp], offset: int, size: int) -> NDArray[np.int64]:
    """Return, (k,), some bytes of the socket (records.SOCK) of each of some rows, which have one, as a number."""
    ext_at = batch.ext_at[rows]
    at = batch.text_at[ext_at] + batch.ext["slot_len"][ext_at, : Slot.SOCK].sum(axis=1, dtype=np.int64)
    return numbers_at(batch.arena, at + offset, size)


def of_opened(
    key: tuple[str, str | None, str], batch: Batch, rows: NDArray[np.intp], is_open: NDArray[np.bool_]
) -> tuple[list[Any], NDArray[np.unsignedinteger[Any]]] | None:
    """Return distinct values of an argument that is a number of the opened file, and which of them each open has.

    The opens are those among some rows. None for another argument.
    """
    name, arg, _ = key
    if name not in ("evt.arg", "evt.rawarg") or arg not in OF_OPENED:
        return None
    found, has = opened_numbers(batch, rows[is_open], arg)
    # Many opens are of one file, nearly all of one device.
    groups = groups_of(found.view(np.int64), has.astype(np.int64))
    some = groups.first
    values = [value if told else None for value, told in zip(found[some].tolist(), has[some].tolist(), strict=True)]
    if name == "evt.arg":
        style = BOUND_BY_NAME["openat"][arg].param.style
        values = [value if value is None else number_text(value, style) for value in values]
    return values, groups.of_row


OF_OPENED: Final = ("dev", "ino")
"""Sources of arguments that are a number of the opened file."""


def opened_numbers(batch: Batch, rows: NDArray[np.intp], member: str) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return, (k,), a number of the file of each of some opens, one of OF_OPENED, and which of them have one.

    Falco shows 0 for what a failed call did not open.
    """
    found, has = file_numbers(batch, rows, member)
    return np.where(has, found, 0).view(np.uint64), has | (batch.head["ret"][rows] < 0)


class Paths(NamedTuple):
    """Places of the paths of opens in the pool of texts, by number of the records' texts."""

    given: Places
    """As given, made absolute and normal."""
    raw: Places
    """As given, and nothing else."""
    shown: Places
    """As given when that is absolute, else made so."""
    real: Places
    """The kernel's."""


class Opens:
    """Some records, of which the opens are looked at together.

    Args:
        batch: They are in.
        rows: (k,) where.
        is_open: (k,) which of them are opens by a path.
        numbers: (k,) of the records' texts.
        paths: What is known of them by number; written to.
        pool: Of texts.
    """

    def __init__(
        self,
        batch: Batch,
        rows: NDArray[np.intp],
        is_open: NDArray[np.bool_],
        numbers: NDArray[np.int64],
        paths: Paths,
        pool: Pool,
    ) -> None:
        self._pool = pool
        self._count = len(rows)
        ext_at = batch.ext_at[rows]
        at = np.flatnonzero(is_open & (ext_at >= 0))
        if len(at):
            lengths = batch.ext["slot_len"][ext_at[at]]
            at = at[(lengths[:, Slot.SOCK] == 0) & (lengths[:, Slot.GIVEN] > 0)]
        self._at, self._ext_at, self._rows, self._batch = at, ext_at[at], rows[at], batch
        self._ret = batch.head["ret"][self._rows]
        numbers = numbers[at]
        missing = np.flatnonzero(paths.given[numbers] == UNSEEN)
        if len(missing):
            self._look_up(missing, numbers[missing], paths)
        self._paths = Paths(*(each[numbers] for each in paths))
        folder = batch.ext["fd_type"][self._ext_at] & 0o170000 == 0o040000 if len(at) else np.zeros(0, bool)
        self._state = (self._ret < 0) * _FAILED + folder * _FOLDER

    def _look_up(self, which: NDArray[np.intp], numbers: NDArray[np.int64], known: Paths) -> None:
        pool, arena = self._pool, self._batch.arena
        ext_at = self._ext_at[which]
        bounds = self._batch.text_at[ext_at][:, None] + np.cumsum(
            self._batch.ext["slot_len"][ext_at][:, : Slot.REAL + 1], axis=1, dtype=np.int64
        )
        starts = self._batch.text_at[ext_at].tolist()
        same = self._batch.head["flags"][self._rows[which]] & np.uint8(Flag.REAL_SAME) != 0
        given, raws, shown, real = [], [], [], []
        for start, (end, end_base, end_real), is_same in zip(starts, bounds.tolist(), same.tolist(), strict=True):
            raw = arena[start:end]
            text = decode(raw)
            at = pool.place(text)
            path = at if _is_plain(raw) else pool.place(absolute(decode(arena[end:end_base]), text))
            given.append(path)
            raws.append(at)
            shown.append(at if raw[:1] == b"/" else path)
            real.append(path if is_same else pool.place(decode(arena[end_base:end_real]) or None))
        for column, places in zip(known, (given, raws, shown, real), strict=True):
            column[numbers] = places

    @property
    def at(self) -> NDArray[np.intp]:
        """Which of the records are opens by a path."""
        return self._at

    @property
    def paths(self) -> Paths:
        """Of those."""
        return self._paths

    @property
    def is_folder(self) -> NDArray[np.bool_]:
        """Of those."""
        return np.asarray(self._state & _FOLDER != 0)

    def places(self, part: Part, pool: Pool) -> Places:
        """Return, (k,), the place of a field's value in its pool; UNSEEN for what is left to the getter."""
        out = np.full(self._count, UNSEEN, np.int32)
        paths: Places = getattr(self._paths, part.of)
        if part.say in (_path, _with_single_slashes) and pool is self._pool:
            found = paths.copy()
            if part.of == "real":
                found[self._ret < 0] = ABSENT
            if part.say is _with_single_slashes:
                self._single(found)
        else:
            values, of_open = self._told(part, paths)
            found = pool.places(values)[of_open]
        if part.by_refusal:
            found[self._ret == -errno.EPERM] = UNSEEN
        out[self._at] = found
        return out

    def _single(self, found: Places) -> None:
        """Put in place of paths those with single slashes; hardly any has another."""
        values = self._pool.values
        for at in np.unique(found).tolist():
            if "//" in values[at]:
                found[found == at] = self._pool.place(single_slashes(values[at]))

    def _told(self, part: Part, paths: Places) -> tuple[list[Any], NDArray[np.intp]]:
        """Return what a field makes of distinct paths, each asked once, and the place of each open's among them."""
        texts = self._pool.values if part.by_path else [""]
        both = paths.astype(np.int64) * _STATES * part.by_path + self._state
        states, of_open = np.unique(both, return_inverse=True)
        say, is_real = part.say, part.of == "real"
        values = []
        for state in states.tolist():
            failed, text = bool(state & _FAILED), texts[state // _STATES]
            is_none = text is None or (is_real and failed)
            values.append(None if is_none else say(text, failed, bool(state & _FOLDER)))
        return values, of_open


def _is_plain(raw: bytes) -> bool:
    """Whether a path is absolute and normal."""
    return raw[:1] == b"/" and b"//" not in raw and b"/." not in raw and (raw[-1:] != b"/")
