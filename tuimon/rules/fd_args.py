"""Arguments that show an fd or the ends of a connection: put together from fd.name and fd.type, which are known.

Nearly each connection has a name of its own, so that a getter, which decodes the record, would be asked once for each.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import Bound, bound_of
from tuimon.fields.evtarg import OWN_FDS, PAIRS, fd_error, kind_shown
from tuimon.fields.facts import CALL_KINDS, FD_EVENTS, facts
from tuimon.records import Kind
from tuimon.rules.grouping import Rows, groups_of
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool
from tuimon.rules.record_parts import IP_FAMILIES, has_socket, socket_numbers
from tuimon.rules.words import as_int, registers
from tuimon.syscalls import CALLS

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

_CONNECTS: Final = ("connect", "accept", "accept4")
"""Calls whose tuple is the name of their fd."""
_ENDS: Final = ("local", "remote")
"""Sources that are the name of the fd of any other socket than of IP."""
_KIND_BYTES: Final = 6
_REMOTE_PORT: Final = (8, 2)
"""Where in records.SOCK, and how many bytes."""
_ALONE: Final = -1


def fd_places(look: LookValues, key: Any, rows: Rows, pool: Pool) -> Places:
    """Return, (k,), the places of an argument, given by the key of its values, UNSEEN where only a getter tells."""
    out = np.full(len(rows), UNSEEN, np.int32)
    name, arg, _ = key
    if name not in ("evt.arg", "evt.rawarg"):
        return out
    codes, fds, own = look.codes(rows), np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    for code in np.unique(codes).tolist():
        bound, kind, type_ = bound_of(look.name_of(code), arg or ""), look.kind_of(code), look.name_of(code)
        if bound is None or kind not in CALL_KINDS:
            continue
        mine = np.flatnonzero(codes == code)
        if bound.source == "tuple" and type_ in _CONNECTS:
            out[mine] = _of_sockets(look, rows[mine], pool, is_told=look.batch.head["ret"][rows[mine]] >= 0)
        elif bound.source in _ENDS:
            out[mine] = _of_sockets(look, rows[mine], pool, is_told=None)
        elif name == "evt.arg" and bound.param.type == "FD" and kind == Kind.SYSCALL and type_ not in PAIRS:
            fds[mine], own[mine], is_known = _fds(look, bound, code, rows[mine])
            if is_known:
                other = mine[~own[mine]]
                out[other] = pool.places(fd_error(fd) or str(fd) if fd < 0 else str(fd) for fd in fds[other].tolist())
    out[own] = _of_files(look, fds[own], rows[own], pool)
    return out


def _of_sockets(look: LookValues, rows: Rows, pool: Pool, *, is_told: NDArray[np.bool_] | None) -> Places:
    """Return the names of sockets, where they are told; None: of those alone that surely have no address of IP."""
    names, texts = look.values("fd.name", rows)
    out = names.copy() if texts is pool else texts.mapped(np.maximum(names, ABSENT), _same, pool)
    out[names < 0] = UNSEEN
    has = has_socket(look.batch, rows)
    if is_told is None:
        is_other = np.zeros(len(rows), bool)
        is_other[has] = ~np.isin(socket_numbers(look.batch, rows[has], 0, 2), IP_FAMILIES)
        out[has & ~is_other] = UNSEEN
    else:
        out[~is_told] = ABSENT
    out[~has] = ABSENT
    return out


def _same(value: Any) -> Any:
    return value


def _fds(look: LookValues, bound: Bound, code: int, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.bool_], bool]:
    """Return, (k,), the numbers of fds of one kind of event, which are the event's own, and whether they are known."""
    own, found = np.zeros(len(rows), bool), look.batch.head["ret"][rows].astype(np.int64)
    if bound.source in ("s0", "s1", "s2"):
        found = as_int(registers(look.batch, rows, int(bound.source[1]))).astype(np.int64)
    elif bound.source not in ("fd", "ret"):
        return found, own, False
    if look.name_of(code) not in FD_EVENTS:
        return found, own, bound.source != "fd"
    told = look.numbers("fd.num", rows)
    if not told.has.all() or told.unknown.any():
        return found, own, False
    if bound.source == "fd":
        found = told.found
    if bound.param.name in OWN_FDS or CALLS[look.name_of(code)].returns_fd:
        own = (told.found == found) & (found >= 0)
    return found, own, True


def _of_files(look: LookValues, fds: NDArray[np.int64], rows: Rows, pool: Pool) -> Places:
    """Return the places of the event's own fds, which are shown by name."""
    if not len(rows):
        return np.empty(0, np.int32)
    (names, texts), (kinds, _) = look.values("fd.name", rows), look.values("fd.type", rows)
    marks, of_mark = _marks(look, rows, kinds)
    is_bare = (names == ABSENT) | (kinds == ABSENT)
    is_sure = (names >= 0) & (kinds >= 0) & (is_bare | (of_mark != _ALONE))
    columns = (column.tolist() for column in (fds, names, of_mark, is_bare, is_sure))
    shown = [
        UNSEEN if not sure else pool.place(str(fd) if bare else f"<{marks[mark]}>{texts.values[name]}")
        for fd, name, mark, bare, sure in zip(*columns, strict=True)
    ]
    return np.array(shown, np.int32)


def _marks(look: LookValues, rows: Rows, kinds: Places) -> tuple[list[str], NDArray[np.int64]]:
    """Return distinct letters of kinds of file and socket, and which of them is each row's; _ALONE: its own."""
    keys = kinds.astype(np.int64) << 48
    is_alone, has = np.zeros(len(rows), bool), np.flatnonzero(has_socket(look.batch, rows))
    if len(has):
        what = socket_numbers(look.batch, rows[has], 0, _KIND_BYTES)
        keys[has] |= what
        # Without a port there may be no other end at all; and an IPv4 address may be written as an IPv6 one.
        is_alone[has] = (socket_numbers(look.batch, rows[has], *_REMOTE_PORT) == 0) & np.isin(
            what & 0xFFFF, IP_FAMILIES
        )
        is_alone[has] |= what & 0xFFFF == socket.AF_INET6
    ext_at = look.batch.ext_at[rows]
    types = np.where(ext_at < 0, 0, look.batch.ext["fd_type"][ext_at]) if len(look.batch.ext) else ext_at * 0
    groups = groups_of(keys, types.astype(np.int64))
    marks = [kind_shown(facts(look.record(row))) for row in rows[groups.first].tolist()]
    return marks, np.where(is_alone, _ALONE, groups.of_row.astype(np.int64))
