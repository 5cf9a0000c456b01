"""Which records hold what is looked for in evt.args, and where: one search of all their texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.records import Slot
from tuimon.rules.args_checks import Sought
from tuimon.rules.grouping import Rows
from tuimon.rules.occurrences import is_byte, occurrences


class Held(NamedTuple):
    """Of each ext row, (m,)."""

    anywhere: NDArray[np.bool_]
    """A text of it may hold a word."""
    given: NDArray[np.bool_]
    """The path as given surely holds a literal."""
    argv: NDArray[np.bool_]
    """So does an argument behind argv[0] of an executed program, or..."""
    env: NDArray[np.bool_]
    """...its environment; of other records nothing is said."""
    literal: NDArray[np.bool_]
    """A text of it may hold a literal."""


def held_by_records(batch: Batch, sought: Sought) -> Held:
    """Return which ext rows of a batch hold what is looked for."""
    held = Held(*(np.zeros(len(batch.ext), bool) for _ in Held._fields))
    if not len(batch.ext):
        return held
    for word in sought.words:
        starts = occurrences(batch.arena, word, fold=sought.fold)
        _add_records(batch, starts, len(word), held.anywhere)
        for literal, mine in sought.literals:
            if mine == word:
                whole = _extended(batch.arena, starts, literal, word, fold=sought.fold)
                _add_records(batch, whole, len(literal), held.literal)
                _add_slots(batch, whole, len(literal), held)
    return held


def _add_records(batch: Batch, starts: NDArray[np.intp], length: int, held: NDArray[np.bool_]) -> None:
    """Say yes of the records that so many bytes lie in which begin at some places."""
    rows = np.searchsorted(batch.text_at, starts, side="right") - 1
    held[rows[starts + length <= batch.text_at[rows + 1]]] = True


def has_relative(batch: Batch, rows: Rows) -> NDArray[np.bool_]:
    """Return, (k,), which rows have a path as given that starts from a folder."""
    ext_at = batch.ext_at[rows]
    out = ext_at >= 0
    out[out] = batch.ext["slot_len"][ext_at[out], Slot.GIVEN] > 0
    out[out] = np.frombuffer(batch.arena, np.uint8)[batch.text_at[ext_at[out]]] != ord("/")
    return out


def _extended(arena: bytes, starts: NDArray[np.intp], literal: bytes, word: bytes, *, fold: bool) -> NDArray[np.intp]:
    """Return where a literal begins, by where the word in it does."""
    before = literal.index(word)
    starts = starts - before
    starts = starts[(starts >= 0) & (starts + len(literal) <= len(arena))]
    raw = np.frombuffer(arena, np.uint8)
    for at in (*range(before), *range(before + len(word), len(literal))):
        if len(starts):
            starts = starts[is_byte(raw[starts + at], literal[at], fold=fold)]
    return starts


def _add_slots(batch: Batch, starts: NDArray[np.intp], length: int, held: Held) -> None:
    """Say yes of the slots that so many bytes lie in which begin at some places."""
    rows = np.searchsorted(batch.text_at, starts, side="right") - 1
    ends = starts + length
    limits = batch.text_at[rows][:, None] + np.cumsum(batch.ext["slot_len"][rows], axis=1, dtype=np.int64)
    held.given[rows[ends <= limits[:, Slot.GIVEN]]] = True
    held.env[rows[(starts >= limits[:, Slot.ENV - 1]) & (ends <= limits[:, Slot.ENV])]] = True
    begins = limits[:, Slot.ARGV - 1]
    in_argv = np.flatnonzero((starts >= begins) & (ends <= limits[:, Slot.ARGV]))
    columns = (column[in_argv].tolist() for column in (rows, begins, starts))
    held.argv[
        [row for row, begin, start in zip(*columns, strict=True) if batch.arena.find(b"\0", begin, start) >= 0]
    ] = True
