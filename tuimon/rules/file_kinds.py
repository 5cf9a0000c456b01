"""Fields that hang on the kind of file a call is about, for records without a socket: asked once for each kind.

Whether an fd belongs to a server, or whether a call failed on a file, is the same for all files that a call copies,
however many texts there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.facts import ANON_INODE, CALL_KINDS, DIRFD_CALLS, FD_EVENTS, MEMFD
from tuimon.fields.sock import SOCK_BYTES
from tuimon.records import Flag, Slot
from tuimon.rules.grouping import Rows
from tuimon.rules.numbers import is_number, numbers_of

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

OF_KIND: Final = frozenset(
    """
    fd.typechar fd.type fd.l4proto fd.ip fd.port fd.net fd.proto fd.is_server fd.connected fd.name_changed
    fd.sockfamily evt.count.error.file evt.count.error.net evt.count.error.other
    """.split()  # noqa: SIM905  a list literal would take a line each
)
"""Without a socket they hang on the call, on whether it failed, and on ``Facts.fd_kind``."""
_NO_PATH: Final = 0
_PATH: Final = 1
_OTHER: Final = -1
"""A name of the kernel's that says what kind of file it is: such a record stands alone."""


def of_kinds(look: LookValues, rows: Rows) -> tuple[Rows, NDArray[np.intp]]:
    """Return rows of which the others show the same in ``OF_KIND``, and for each of some rows, (k,), which of those."""
    codes = look.codes(rows)
    keys = codes.astype(np.int64) << 32 | (look.batch.head["ret"][rows] < 0)
    for code in np.unique(codes).tolist():
        name, kind = look.name_of(code), look.kind_of(code)
        if name not in FD_EVENTS or kind not in CALL_KINDS:
            continue  # whatever there is of files and sockets, it is not about them
        mine = np.flatnonzero(codes == code)
        alone = name == "socket" or (name in DIRFD_CALLS and not is_number("fd.num", kind, name))
        types, names = _files(look, rows[mine])
        told = keys[mine] | types << 8 | names << 4
        if name in DIRFD_CALLS and not alone:
            told |= _folders(look, rows[mine]) << 1
        keys[mine] = np.where((names == _OTHER) | alone, -1 - mine, told)
    _, first, of_row = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first], of_row


def _folders(look: LookValues, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number below 4 for what is told of the folder that a call starts from."""
    ext_at = look.batch.ext_at[rows]
    has = ext_at >= 0
    has[has] = look.batch.ext["slot_len"][ext_at[has], Slot.BASE] > 0
    numbers, _ = numbers_of("fd.num", look.batch, rows, 0)
    return has * np.int64(2) + (numbers >= 0)


def _files(look: LookValues, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, (k,), the fd type of some rows, and what the kernel's name of the file is like; of sockets _OTHER."""
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
    found[is_same | (lengths[:, Slot.SOCK] >= SOCK_BYTES) | (types[has_ext] >= ANON_INODE)] = _OTHER
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
