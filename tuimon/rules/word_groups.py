"""Rows of a batch that show the same of an argument, or of a time as text: they are asked of one of them.

Nearly all rows are opens: what those show of their fd hangs on the texts of the record, by which they are grouped
already. Of the others, kinds of event whose argument hangs on the same columns are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.records import Slot
from tuimon.rules.asked import Asked
from tuimon.rules.grouping import Groups, Rows, groups_of, some_of
from tuimon.rules.numbers import numbers_of
from tuimon.rules.sides import SIDES
from tuimon.rules.words import OF_TIME, TEXTS, Words

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

WORDS: Final = frozenset(("opened", "word", "named"))
"""Sides (``tuimon.rules.sides``) of which rows are grouped here."""


def alike_in_words(
    look: LookValues, asked: Asked, place: int, rows: Rows
) -> Iterator[tuple[str, slice | NDArray[np.intp], Groups]]:
    """Yield rows that a check sees one of ``WORDS`` of, in groups.

    Args:
        look: The batch.
        asked: The check.
        place: Of the side in SIDES.
        rows: Of which it sees that side.

    Yields:
        The side that the groups' numbers are of, which of the rows are in them, and the groups: of each of those rows,
        a row of the batch, and the number.
    """
    side = SIDES[place]
    if side != "opened":
        yield side, slice(None), _word_groups(look, asked, place, rows)
        return
    texts = look.memory.groups(look.batch, TEXTS)
    of_row = texts.of_row[rows]
    has_path = _have_path(look, texts.first)[of_row]
    named, bare = np.flatnonzero(has_path), np.flatnonzero(~has_path)
    if len(named):
        yield TEXTS, named, some_of(texts, rows[named])
    if len(bare):  # they show the number of the fd
        yield "word", bare, _word_groups(look, asked, place, rows[bare])


def _have_path(look: LookValues, rows: Rows) -> NDArray[np.bool_]:
    """Return, (k,), which records carry a path as given."""
    ext_at = look.batch.ext_at[rows]
    has = ext_at >= 0
    has[has] = look.batch.ext["slot_len"][ext_at[has], Slot.GIVEN] > 0
    return has


def _word_groups(look: LookValues, asked: Asked, place: int, rows: Rows) -> Groups:
    """Return groups of some rows by kind and number: of each row, a row of the batch, and the number."""
    field, arg = asked.getters[0][1][0], asked.getters[0][3] or ""
    kinds = look.present(asked, place)
    last = kinds[[look.columns.word_lasts(code, field, arg) for code in kinds.tolist()]]
    if not len(last):
        return _new_word_groups(look, field, arg, rows)
    if len(last) == len(kinds):
        return _kept_word_groups(look, last, field, arg, rows)
    of_last = np.isin(look.codes(rows), last)
    kept = _kept_word_groups(look, last, field, arg, rows[of_last])
    new = _new_word_groups(look, field, arg, rows[~of_last])
    of_row = np.empty(len(rows), np.uint32)
    of_row[of_last], of_row[~of_last] = kept.of_row, new.of_row + np.uint32(len(kept.first))
    return Groups(of_row, np.append(kept.first, new.first), np.append(kept.numbers, new.numbers))


def _kept_word_groups(look: LookValues, kinds: NDArray[np.intp], field: str, arg: str, rows: Rows) -> Groups:
    """Return the same for kinds of event of which they do not change: kept until another argument is asked."""
    known, key = look.memory.known(look.batch), (field, arg, kinds.tobytes(), look.memory.era)
    if known.words is not None and known.words[0] == key:
        _, of_row, first, numbers = known.words
        return some_of(Groups(of_row, first.astype(np.intp), numbers.astype(np.int64)), rows)
    groups = _new_word_groups(look, field, arg, rows)
    if len(rows) == look.memory.count(look.batch, kinds):
        of_row = np.zeros(len(look.batch), groups.of_row.dtype)
        of_row[rows] = groups.of_row
        known.words = key, of_row, groups.first.astype(np.int32), groups.numbers.astype(np.int32)
    return groups


def _new_word_groups(look: LookValues, field: str, arg: str, rows: Rows) -> Groups:
    codes = look.codes(rows).astype(np.int64)
    of_row = words(look, field, arg, rows)
    groups = groups_of(codes, of_row)
    numbers = look.memory.numbered("word", codes[groups.first], of_row[groups.first])
    return Groups(groups.of_row, rows[groups.first], numbers)


def words(look: LookValues, field: str, arg: str, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number for what a field shows of some rows, as far as they are of one kind of event."""
    if field in OF_TIME:
        found, has = numbers_of(OF_TIME[field], look.batch, rows, look.boot_to_epoch_ns)
        return found if has is None else np.where(has, found, -1)
    codes, out = look.codes(rows), np.zeros(len(rows), np.int64)
    alike = look.columns.word_likeness(field, arg)[codes]
    for each in np.flatnonzero(np.bincount(alike)).tolist():
        mine = np.flatnonzero(alike == each)
        code = int(codes[mine[0]])
        columns = Words(look, code, rows[mine])
        for at, which in enumerate(look.columns.word_columns(code, field, arg)):
            column = columns.column(which, out[mine] if at else None)
            out[mine] = look.numbered("words", out[mine], column) if at else column
    return out
