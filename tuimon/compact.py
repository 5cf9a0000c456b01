"""Batches made smaller without a change in what they say: rows of ``ext`` that are alike, with their text, kept once.

A machine at work does the same things again and again: of a million real events a third of the texts with all that
goes with them are distinct within their batch. What tells most of the others apart is what lies in registers that the
call does not even have: whatever was there before. Those are set to 0.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import Kind
from tuimon.syscalls import NAME_TO_NR
from tuimon.syscalls.arity import TOLD

_CALLS: Final = 1024
_MAKES: Final = np.uint64(os.O_CREAT | os.O_TMPFILE & ~os.O_DIRECTORY)
"""Flags of open(2) with which its mode means something."""
_OPENS: Final = {"open": 1, "openat": 2}
"""Register of the flags; the mode is the next."""


def compacted(batch: Batch) -> Batch:
    """Return the same events in less memory; what is known of them (``notes``) goes along."""
    batch = replace(batch, head=_own(batch.head), proc_row=_own(batch.proc_row), proc=_own(batch.proc))
    if not len(batch.ext):
        return replace(batch, ext_at=_own(batch.ext_at))
    ext = batch.ext.copy()
    _clear_unused(batch, ext["arg"])
    starts, ends = batch.text_at[:-1].tolist(), batch.text_at[1:].tolist()
    heads: list[bytes] = ext.view(f"V{ext.dtype.itemsize}").tolist()
    keys = list(map(bytes.__add__, heads, map(batch.arena.__getitem__, map(slice, starts, ends))))
    place = dict.fromkeys(keys)
    distinct = dict(zip(place, range(len(place)), strict=True))
    of_row = np.fromiter(map(distinct.__getitem__, keys), np.int32, len(keys))
    first = np.empty(len(distinct), np.intp)
    first[of_row[::-1]] = np.arange(len(keys) - 1, -1, -1)
    texts = [batch.arena[starts[at] : ends[at]] for at in first.tolist()]
    text_at = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=text_at[1:])
    blobs = ext.view(f"V{ext.dtype.itemsize}")
    return replace(
        batch,
        ext_at=np.append(of_row, np.int32(-1))[batch.ext_at],  # row -1: no ext
        ext=blobs[first].view(ext.dtype),
        text_at=text_at,
        arena=b"".join(texts),
    )


def _own(column: NDArray[Any]) -> NDArray[Any]:
    """Return a column that keeps no more memory alive than its own: those of a recording lie in one large frame."""
    root: Any = column
    while isinstance(root, np.ndarray) and root.base is not None:
        root = root.base
    held = root.nbytes if isinstance(root, np.ndarray) else len(root)
    return column.copy() if held > column.nbytes * 5 // 4 else column


def _clear_unused(batch: Batch, high: NDArray[np.uint64]) -> None:
    """Set to 0 what the registers 3 to 5 of ext rows hold beyond what their call takes and what is told of it there."""
    rows = np.flatnonzero((batch.ext_at >= 0) & (batch.head["kind"] == Kind.SYSCALL))
    number = np.minimum(batch.head["nr"][rows], _CALLS - 1)
    arity = _ARITY[number]
    for name, flags_at in _OPENS.items():
        opens = rows[number == NAME_TO_NR.get(name, _CALLS)]
        is_plain = batch.head["arg"][opens, flags_at] & _MAKES == 0
        if flags_at == 2:
            high[batch.ext_at[opens[is_plain]], 0] = 0
    for at in range(3):
        high[batch.ext_at[rows[arity <= at + 3]], at] = 0


def _arities() -> NDArray[np.int8]:
    """Return, by native number, how many registers a call takes; 6 where that is not known."""
    out = np.full(_CALLS, 6, np.int8)
    for name, arity in TOLD.items():
        if name in NAME_TO_NR:
            out[NAME_TO_NR[name]] = arity
    return out


_ARITY: Final = _arities()
