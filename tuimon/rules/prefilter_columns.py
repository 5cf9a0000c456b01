"""Kernel expressions printed to numpy: the same questions, asked of the columns of a batch.

Used to tell what the kernel's filter would leave of a recording, and to test its C twin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Container
from tuimon.fields.facts import ANON_INODE
from tuimon.records import SOCK, Flag, Slot
from tuimon.rules.prefilter_ir import (
    MAX_TEXT,
    All,
    Among,
    Compare,
    Expression,
    Fixed,
    Form,
    Name,
    PathTest,
    Place,
    Socket,
    Some,
)
from tuimon.syscalls import NAME_TO_NR

Bools = NDArray[np.bool_]
UNKNOWN_PLACE: Final = 0
HOST_PLACE: Final = 1
CONTAINER_PLACE: Final = 2


def places_of(batch: Batch, of_cgroup: Callable[[int], Container | None]) -> NDArray[np.uint8]:
    """Return, (n,), where each event of a batch happened: one of the PLACE numbers above."""
    cgroups, inverse = np.unique(batch.head["cgroup_id"], return_inverse=True)
    return np.array([place_number(of_cgroup(each)) for each in cgroups.tolist()], np.uint8)[inverse]


def place_number(container: Container | None) -> int:
    """Return the number of a container, the host, or what is not known."""
    if container is None:
        return UNKNOWN_PLACE
    return HOST_PLACE if container.is_host else CONTAINER_PLACE


def kernel_mask(
    expression: Expression, batch: Batch, rows: NDArray[np.intp], places: NDArray[np.uint8] | None = None
) -> Bools:
    """Return, (n,), for which of some rows the expression holds; rows without an ext are never ruled out.

    Args:
        expression: What to ask.
        batch: The batch.
        rows: Its rows.
        places: Where each event of the batch happened (``places_of``); None: nobody knows.
    """
    has_ext = batch.ext_at[rows] >= 0
    out = np.ones(len(rows), bool)
    places = np.zeros(len(batch), np.uint8) if places is None else places
    out[has_ext] = _holds(expression, batch, rows[has_ext], places)
    return out


def _holds(expression: Expression, batch: Batch, rows: NDArray[np.intp], places: NDArray[np.uint8]) -> Bools:
    match expression:
        case Fixed(truth):
            return np.full(len(rows), truth)
        case All(parts):
            return np.asarray(np.all([_holds(part, batch, rows, places) for part in parts], axis=0), bool)
        case Some(parts):
            return np.asarray(np.any([_holds(part, batch, rows, places) for part in parts], axis=0), bool)
        case Compare(column, order, value):
            return _compare(_column(column, batch, rows), order, value)
        case Among(column, values, mask, negated):
            found = _column(column, batch, rows)
            if mask != -1:
                found = found & found.dtype.type(mask)
            low, high = (-(1 << 63), (1 << 63) - 1) if column == "ret" else (0, (1 << 64) - 1)
            wanted = np.array([value for value in values if low <= value <= high], found.dtype)
            return np.isin(found, wanted, invert=negated)
        case Place(host, container):
            return np.array([True, host, container])[places[rows]]
        case Name():
            return _name_may_match(expression, batch, rows)
        case Socket():
            return np.array([_socket_may_match(expression, batch, row) for row in rows.tolist()], bool)
        case PathTest():
            return np.array([path_may_match(expression, batch, row) for row in rows.tolist()], bool)
    raise TypeError(f"not an expression: {expression!r}")


def _column(column: str, batch: Batch, rows: NDArray[np.intp]) -> NDArray[Any]:
    if column == "ret":
        return batch.head["ret"][rows]
    ext = batch.ext[batch.ext_at[rows]]
    if column in ("uid", "fd_type"):
        return ext[column].astype(np.uint64)
    if column == "flags":
        head = batch.head[rows]
        return np.where(head["nr"] == NAME_TO_NR.get("open", -1), head["arg"][:, 1], head["arg"][:, 2])
    at = int(column[3:])
    return batch.head["arg"][rows, at] if at < 3 else ext["arg"][:, at - 3]


def _compare(found: NDArray[Any], order: str, value: int) -> Bools:
    test = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[order]
    return np.asarray(test(found, found.dtype.type(value)), bool)


def _name_may_match(test: Name, batch: Batch, rows: NDArray[np.intp]) -> Bools:
    head = batch.head[rows]
    comm = batch.ext["comm"][batch.ext_at[rows]]
    known = (head["tid"] == head["tgid"]) & (comm != b"")
    matches = np.isin(comm, np.array(test.equal, "S16"))
    for text in test.prefixes:
        matches |= np.char.startswith(comm, text)
    return np.asarray(~known | matches, bool)


def _socket_may_match(test: Socket, batch: Batch, row: int) -> bool:
    raw = batch.slot(row, Slot.SOCK)
    mode = int(batch.ext["fd_type"][batch.ext_at[row]])
    if len(raw) < SOCK.itemsize or mode & 0o170000 != 0o140000 or mode >= ANON_INODE:
        return True
    value = np.frombuffer(raw, SOCK, 1)[test.member][0]
    found = int.from_bytes(value[:4].tobytes(), "little") if test.member in ("laddr", "raddr") else int(value)
    return (found & test.mask in test.values) is not test.negated


def path_may_match(test: PathTest, batch: Batch, row: int) -> bool:
    """Return what a path test says of one row."""
    is_cut = bool(int(batch.head["flags"][row]) & (Flag.TRUNCATED | Flag.FAULT))
    given, base = batch.slot(row, test.slot), batch.slot(row, Slot(test.slot + 1))
    path = None if is_cut else known_path(given, base, test.form)
    if test.negated:
        return path is None or not _matches(test, path)
    if path is None or _matches(test, path):
        return True
    real = batch.slot(row, Slot.REAL)
    return bool(real) and (len(real) > MAX_TEXT or _matches(test, real))


def known_path(given: bytes, base: bytes, form: Form) -> bytes | None:
    """Return what a path test compares, None when it may be anything.

    Args:
        given: As the program gave it.
        base: The directory it starts from.
        form: See ``Form``.
    """
    if not 0 < len(given) <= MAX_TEXT:
        return None
    if form == "raw":
        return None if b"//" in given else given
    path = given
    if given[:1] != b"/":
        rest = b"" if given == b"." else given.removeprefix(b"./")
        if base[:1] != b"/" or len(base) + len(given) >= MAX_TEXT:
            return None
        path = (b"" if base == b"/" else base) + b"/" + rest
    if len(path) > 1 and path[-1:] == b"/" and (form == "name" or given[:1] != b"/"):
        path = path[:-1]
    return path if is_plain(path) else None


def is_plain(path: bytes) -> bool:
    """Return whether an absolute path is surely its own normal form: no empty part, none that is a dot or two."""
    if len(path) > 1 and path[-1:] == b"/":
        return False
    closed = path + b"/" if len(path) > 1 else path
    return not any(part in closed for part in (b"//", b"/./", b"/../"))


def _matches(test: PathTest, path: bytes) -> bool:
    if path in test.equal or path.startswith(test.prefixes) or path.endswith(test.suffixes):
        return True
    if any(path.startswith(folder) and b"/" not in path[len(folder) :] for folder in test.folders):
        return True
    return any(text in path for text in test.holds)
