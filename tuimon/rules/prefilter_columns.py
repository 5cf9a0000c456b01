"""Kernel expressions printed to numpy: the same questions, asked of the columns of a batch.

Used to tell what the kernel's filter would leave of a recording, and to test its C twin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import Flag, Slot
from tuimon.rules.prefilter_kernel import MAX_TEXT, All, Among, Compare, Expression, Fixed, PathTest, Some

Bools = NDArray[np.bool_]


def kernel_mask(expression: Expression, batch: Batch, rows: NDArray[np.intp]) -> Bools:
    """Return, (n,), for which of some rows the expression holds; rows without an ext are never ruled out."""
    has_ext = batch.ext_at[rows] >= 0
    out = np.ones(len(rows), bool)
    with_ext = rows[has_ext]
    out[has_ext] = _holds(expression, batch, with_ext)
    return out


def _holds(expression: Expression, batch: Batch, rows: NDArray[np.intp]) -> Bools:
    match expression:
        case Fixed(truth):
            return np.full(len(rows), truth)
        case All(parts):
            return np.asarray(np.all([_holds(part, batch, rows) for part in parts], axis=0), bool)
        case Some(parts):
            return np.asarray(np.any([_holds(part, batch, rows) for part in parts], axis=0), bool)
        case Compare(column, order, value):
            return _compare(_column(column, batch, rows), order, value)
        case Among(column, values, mask, negated):
            found = _column(column, batch, rows)
            if mask != -1:
                found = found & np.uint64(mask)
            low, high = (-(1 << 63), (1 << 63) - 1) if column == "ret" else (0, (1 << 64) - 1)
            wanted = np.array([value for value in values if low <= value <= high], found.dtype)
            return np.isin(found, wanted, invert=negated)
        case PathTest():
            return np.array([path_may_match(expression, batch, row) for row in rows.tolist()], bool)
    raise TypeError(f"not an expression: {expression!r}")


def _column(column: str, batch: Batch, rows: NDArray[np.intp]) -> NDArray[Any]:
    if column == "ret":
        return batch.head["ret"][rows]
    ext = batch.ext[batch.ext_at[rows]]
    if column == "uid":
        return ext["uid"].astype(np.uint64)
    at = int(column[3:])
    return batch.head["arg"][rows, at] if at < 3 else ext["arg"][:, at - 3]


def _compare(found: NDArray[Any], order: str, value: int) -> Bools:
    test = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[order]
    return np.asarray(test(found, found.dtype.type(value)), bool)


def path_may_match(test: PathTest, batch: Batch, row: int) -> bool:
    """Return what a path test says of one row."""
    given = batch.slot(row, test.slot)
    flags = int(batch.head["flags"][row])
    plain = is_plain(given) and not flags & (Flag.TRUNCATED | Flag.FAULT)
    if test.negated:
        return not (plain and _matches(test, given))
    if not plain or _matches(test, given):
        return True
    real = batch.slot(row, Slot.REAL)
    return bool(real) and (len(real) > MAX_TEXT or _matches(test, real))


def _matches(test: PathTest, path: bytes) -> bool:
    if path in test.equal or path.startswith(test.prefixes) or path.endswith(test.suffixes):
        return True
    return any(text in path for text in test.holds)


def is_plain(path: bytes) -> bool:
    """Return whether a path is short, absolute and surely its own normal form.

    That is: nothing behind a slash is a dot or another slash, and none closes it.
    """
    if not 0 < len(path) <= MAX_TEXT or path[:1] != b"/" or b"//" in path or b"/." in path:
        return False
    return len(path) == 1 or path[-1:] != b"/"
