"""Batches made smaller without a change in what they say: rows of ``ext`` that are alike, with their text, kept once.

A machine at work does the same things again and again: of a million real events a third of the texts with all that
goes with them are distinct within their batch. What tells most of the others apart is what lies in registers that the
call does not even have: whatever was there before. Those are set to 0. What batches have in common with their
neighbours is kept once for eight of them, when they have become old enough to stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import EXT, Kind
from tuimon.syscalls import NAME_TO_NR
from tuimon.syscalls.arity import TOLD

SHARED_BY: Final = 8
"""Batches that have their texts together; all of them must go before the texts do."""
_MAY_BE_JOINED: Final = 16
_CALLS: Final = 1024
_MAKES: Final = np.uint64(os.O_CREAT | os.O_TMPFILE & ~os.O_DIRECTORY)
"""Flags of open(2) with which its mode means something."""
_OPENS: Final = {"open": 1, "openat": 2}
"""Register of the flags; the mode is the next."""


def compacted(batch: Batch) -> Batch:
    """Return the same events in less memory; what is known of them (``notes``) goes along."""
    if batch.shared_by > 1:
        return batch
    batch = replace(batch, head=_own(batch.head), proc_row=_own(batch.proc_row), proc=_own(batch.proc))
    if not len(batch.ext):
        return replace(batch, ext_at=_own(batch.ext_at))
    ext = batch.ext.copy()
    _clear_unused(batch, ext["arg"])
    return _kept_once([replace(batch, ext=ext)])[0]


def to_share(batches: Sequence[Batch], is_ready: Callable[[Batch], bool]) -> list[Batch]:
    """Return the oldest neighbours that are ready to have their texts together, as many as belong together, or none.

    Args:
        batches: Of a history, oldest first; the newest ones may still be joined, and are left alone.
        is_ready: Whether a batch is as small as it gets on its own.
    """
    run: list[Batch] = []
    for batch in batches[:-_MAY_BE_JOINED]:
        if batch.shared_by > 1 or not is_ready(batch):
            run.clear()
            continue
        run.append(batch)
        if len(run) == SHARED_BY:
            return run
    return []


def shared(batches: Sequence[Batch]) -> list[Batch]:
    """Return neighbours with their texts kept once for all of them.

    Of a million real events eight batches together have half the distinct texts that they have one by one.
    """
    return [replace(batch, shared_by=len(batches)) for batch in _kept_once(batches)]


def _kept_once(batches: Sequence[Batch]) -> list[Batch]:
    """Return batches that have their distinct ext rows with the text of each together."""
    keys = [_keys(batch) for batch in batches]
    distinct = list(dict.fromkeys(chain.from_iterable(keys)))
    place = dict(zip(distinct, range(len(distinct)), strict=True))
    texts = [key[EXT.itemsize :] for key in distinct]
    text_at = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=text_at[1:])
    ext = np.frombuffer(b"".join([key[: EXT.itemsize] for key in distinct]), EXT).copy()
    arena = b"".join(texts)
    return [
        replace(batch, ext_at=_moved(batch.ext_at, mine, place), ext=ext, text_at=text_at, arena=arena)
        for batch, mine in zip(batches, keys, strict=True)
    ]


def _keys(batch: Batch) -> list[bytes]:
    """Return each ext row as bytes, its text behind it. The loops run in C: there are many rows."""
    starts, ends = batch.text_at[:-1].tolist(), batch.text_at[1:].tolist()
    rows: list[bytes] = batch.ext.view(f"V{EXT.itemsize}").tolist()
    return list(map(bytes.__add__, rows, map(batch.arena.__getitem__, map(slice, starts, ends))))


def _moved(ext_at: NDArray[np.int32], keys: list[bytes], place: dict[bytes, int]) -> NDArray[np.int32]:
    """Return ``ext_at`` when each ext row lies at the place of its key."""
    of_row = np.fromiter(map(place.__getitem__, keys), np.int32, len(keys))
    return np.append(of_row, np.int32(-1))[ext_at]  # row -1: no ext


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
