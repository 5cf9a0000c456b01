"""Fields that hang on the kind of file or socket that a call is about: asked once for each kind.

Whether an fd belongs to a server, or whether a call failed on a file, is the same for all files that a call copies,
however many texts there are.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.facts import ANON_INODE, CALL_KINDS, DIRFD_CALLS, FD_EVENTS, MEMFD
from tuimon.fields.sock import EPHEMERAL
from tuimon.records import Flag, Slot
from tuimon.rules.grouping import Rows
from tuimon.rules.numbers import is_number, numbers_at, numbers_of
from tuimon.rules.record_parts import IP_FAMILIES, has_socket, socket_numbers

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

OF_KIND: Final = frozenset(
    """
    fd.typechar fd.type fd.l4proto fd.ip fd.port fd.net fd.proto fd.is_server fd.connected fd.name_changed
    fd.sockfamily evt.count.error.file evt.count.error.net evt.count.error.other
    """.split()  # noqa: SIM905  a list literal would take a line each
)
"""They hang on the call, on whether it failed, on ``Facts.fd_kind``, and on the socket."""
OF_HEADER: Final = OF_KIND - {"fd.ip", "fd.port", "fd.net", "fd.proto"}
"""Of these it is not the addresses that matter, nor the ports but for whose they may be."""
_HEADER: Final = ((0, 6), (6, 2), (8, 2), (10, 2))
"""Where in records.SOCK its family, type and protocol are, its two ports, and its state and flags; and their bytes."""
_NO_PATH: Final = 0
_PATH: Final = 1
ALONE: Final = -2
_OTHER: Final = -1
"""A name of the kernel's that says what kind of file it is: such a record stands alone."""


def of_kinds(look: LookValues, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number for the kind of file or socket of each of some rows, the same in every batch.

    Rows of one number show the same in ``OF_HEADER``; ALONE is for those that are like no other.
    """
    codes = look.codes(rows)
    keys = codes.astype(np.int64) << 32 | (look.batch.head["ret"][rows] < 0)
    sockets, is_alone = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    calls = {code: look.name_of(code) for code in np.unique(codes).tolist() if _is_about_fd(look, code)}
    mine = np.flatnonzero(_among(codes, calls))  # whatever there is of files and sockets, the others are not about them
    codes, some = codes[mine], rows[mine]
    types, names = _files(look, some)
    keys[mine] |= types << 8 | names << 4
    folders = [code for code, name in calls.items() if name in DIRFD_CALLS]
    in_folder = np.flatnonzero(_among(codes, folders))
    keys[mine[in_folder]] |= _folders(look, some[in_folder]) << 1
    alone = [code for code in folders if not is_number("fd.num", look.kind_of(code), look.name_of(code))]
    is_alone[mine] = (names == _OTHER) | _among(codes, alone)
    binds = _among(codes, [code for code, name in calls.items() if name == "bind"])
    sockets[mine] = _sockets(look, some, whole=binds)
    makes = np.flatnonzero(_among(codes, [code for code, name in calls.items() if name == "socket"]))
    sockets[mine[makes]] = _made(look, some[makes], sockets[mine[makes]])
    return np.where(is_alone, ALONE, look.numbered("file kinds", keys, sockets))


def with_ends(look: LookValues, rows: Rows, kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, (k,), numbers of rows that show the same in all ``OF_KIND``, given those of ``of_kinds``."""
    out = kinds.copy()
    mine = np.flatnonzero(has_socket(look.batch, rows) & (kinds != ALONE))
    mine = mine[np.isin(socket_numbers(look.batch, rows[mine], 0, 2), IP_FAMILIES)]  # no other has addresses
    sockets = _sockets(look, rows[mine], whole=np.ones(len(mine), bool))
    out[mine] = look.numbered("file kinds", -1 - kinds[mine], sockets)
    return out


def _is_about_fd(look: LookValues, code: int) -> bool:
    return look.name_of(code) in FD_EVENTS and look.kind_of(code) in CALL_KINDS


def _among(codes: NDArray[np.uint16], some: Collection[int]) -> NDArray[np.bool_]:
    """Return, (k,), which of some kinds of event are among others."""
    table = np.zeros(int(codes.max(initial=0)) + 1, bool)
    table[list(some)] = True
    return table[codes]


def _sockets(look: LookValues, rows: Rows, *, whole: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, (k,), a number for the sockets of some rows, 0 for none.

    Args:
        look: The batch.
        rows: The rows.
        whole: (k,) of which of them the addresses matter; of the others only the kind of socket, and its role.
    """
    batch, out = look.batch, np.zeros(len(rows), np.int64)
    has = np.flatnonzero(has_socket(batch, rows))
    if not len(has):
        return out
    ext_at = batch.ext_at[rows[has]]
    lengths = batch.ext["slot_len"][ext_at].astype(np.int64)
    at = batch.text_at[ext_at] + lengths[:, : Slot.SOCK].sum(axis=1)
    ends = at + lengths[:, Slot.SOCK]
    by_bytes = np.arange(len(has))
    if not whole[has].all() and (ends <= batch.text_at[ext_at + 1]).all():  # a damaged record may say anything
        out[has], is_written_twice = _headers(look, at)
        by_bytes = np.flatnonzero(is_written_twice | whole[has])
    spans = zip(at[by_bytes].tolist(), ends[by_bytes].tolist(), strict=True)
    texts = (batch.arena[start:end] for start, end in spans)
    out[has[by_bytes]] = 2 * look.memory.bytes_numbered("sockets", texts, len(by_bytes)) + 1
    return out


def _headers(look: LookValues, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return, (k,), a number above 0 for what tells sockets' kinds and roles, and which may be of another family.

    An IPv4 address may be written as an IPv6 one.
    """
    what, local, remote, state = (numbers_at(look.batch.arena, at + offset, size) for offset, size in _HEADER)
    own, other = ((port >= EPHEMERAL.start) & (port < EPHEMERAL.stop) for port in (local, remote))
    roles = own.astype(np.int64) + 2 * other + 4 * (remote == 0)
    numbers = look.numbered("socket kinds", what, state << 3 | roles)
    return 2 * numbers + 2, what & 0xFFFF == socket.AF_INET6


def _made(look: LookValues, rows: Rows, sockets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, (k,), the same for calls that make a socket: its family and its type are in their registers."""
    family, type_ = (look.batch.head["arg"][rows, at].view(np.int64) for at in (0, 1))
    return look.numbered("made sockets", look.numbered("socket types", family, type_), sockets)


def _folders(look: LookValues, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number below 4 for what is told of the folder that a call starts from."""
    ext_at = look.batch.ext_at[rows]
    has = ext_at >= 0
    has[has] = look.batch.ext["slot_len"][ext_at[has], Slot.BASE] > 0
    numbers, _ = numbers_of("fd.num", look.batch, rows, 0)
    return has * np.int64(2) + (numbers >= 0)


def _files(look: LookValues, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, (k,), the fd type of some rows, and what the kernel's name of the file is like."""
    batch, ext_at = look.batch, look.batch.ext_at[rows]
    types, names = np.zeros(len(rows), np.int64), np.full(len(rows), _NO_PATH, np.int64)
    has_ext = np.flatnonzero(ext_at >= 0)
    if not len(has_ext):
        return types, names
    ext_at = ext_at[has_ext]
    lengths = batch.ext["slot_len"][ext_at].astype(np.int64)
    types[has_ext] = batch.ext["fd_type"][ext_at]
    at = batch.text_at[ext_at] + lengths[:, : Slot.REAL].sum(axis=1)
    found = _names(batch.arena, at, lengths[:, Slot.REAL])
    is_same = batch.head["flags"][rows[has_ext]] & np.uint8(Flag.REAL_SAME) != 0
    found[is_same | (types[has_ext] >= ANON_INODE)] = _OTHER
    names[has_ext] = found
    return types, names


def _names(text: bytes, at: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what kind of name begins at each place of a text."""
    arena = np.frombuffer(text, np.uint8)
    out = np.where(lengths == 0, _NO_PATH, _OTHER)
    some = np.flatnonzero(lengths > 0)
    out[some[arena[at[some]] == ord("/")]] = _PATH
    # Long enough to be one of a file in memory: the letter behind the slash tells most from it.
    maybe = np.flatnonzero((out == _PATH) & (lengths >= len(MEMFD)))
    out[maybe[arena[at[maybe] + 1] == ord(MEMFD[1])]] = _OTHER
    return out
