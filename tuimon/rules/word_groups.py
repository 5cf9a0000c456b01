"""Rows of a batch that show the same of an argument, or of a time as text: they are asked of one of them.

Nearly all rows are opens: what those show of their fd hangs on the texts of the record, by which they are grouped
already. Of the others, kinds of event whose argument hangs on the same columns are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.records import Slot
from tuimon.rules.asked import Asked
from tuimon.rules.grouping import Groups, KeptGroups, Rows, groups_of, some_of
from tuimon.rules.numbering import KeptWords
from tuimon.rules.numbers import numbers_of
from tuimon.rules.presence import ARGUMENTS
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
    side, (field, arg) = SIDES[place], (asked.getters[0][1][0], asked.getters[0][3] or "")
    kinds = look.present(asked, place)
    if field in OF_TIME:  # nearly each row has one of its own
        return _new_word_groups(look, field, arg, rows)
    memory = look.memory
    kept = memory.known(look.batch).words.get((field, arg), {}).get(side)
    if kept is not None and kept.is_of(kinds) and look.still_holds(kept):
        if len(rows) == len(kept.kept.of_row):
            return kept.groups
        return some_of(kept.groups, look.places_among(kept.kinds, rows))  # whether there is one is asked of fewer kinds
    groups = _made(look, kinds, field, arg, rows)
    if len(rows) == memory.count(look.batch, kinds):
        who = look.who if look.columns.hangs_on_who(kinds, field, arg) else b""
        words = KeptWords(kinds, memory.era, who, KeptGroups.of(groups))
        memory.keep_words(look.batch, (field, arg), side, words)
    return groups


PREPARED_BY_PLACE: Final = "evt.arg"
PREPARED_PLACES: Final = range(4)
"""Arguments of which the groups are at hand once a batch is prepared."""


def _made(look: LookValues, kinds: NDArray[np.intp], field: str, arg: str, rows: Rows) -> Groups:
    """Return the same, made anew, but for kinds of event whose groups are at hand for the argument at its place."""
    parts = []
    for kept, mine in _prepared(look, kinds, field, arg):
        at = look.which(mine, rows)
        parts.append((at, some_of(kept.groups, look.places_among(kept.kinds, rows[at]))))
        kinds = np.setdiff1d(kinds, mine)
    if not parts:
        return _new_word_groups(look, field, arg, rows)
    at = look.which(kinds, rows)
    if len(at):
        parts.append((at, _new_word_groups(look, field, arg, rows[at])))
    return _joined(len(rows), parts)


def _prepared(
    look: LookValues, kinds: NDArray[np.intp], field: str, arg: str
) -> Iterator[tuple[KeptWords, NDArray[np.intp]]]:
    """Yield groups that are at hand by place for an argument, and of which of some kinds of event."""
    memory, columns = look.memory, look.columns
    if field not in ARGUMENTS or (field == PREPARED_BY_PLACE and arg.isdigit()):
        return
    at_hand = memory.known(look.batch).words
    places = np.array([columns.word_place(code, field, arg) for code in kinds.tolist()], np.intp)
    for place in np.unique(places[places < PREPARED_PLACES.stop]).tolist():
        alike = [code for code in kinds[places == place].tolist() if columns.is_coarser(code, field, arg)]
        for kept in at_hand.get((PREPARED_BY_PLACE, str(place)), {}).values():
            mine = np.intersect1d(alike, kept.kinds)
            if len(mine) and look.still_holds(kept):
                yield kept, mine.astype(np.intp)


def _joined(count: int, parts: Sequence[tuple[NDArray[np.intp], Groups]]) -> Groups:
    """Return groups of parts of some rows as groups of them all."""
    of_row, before = np.empty(count, np.uint32), 0
    for at, groups in parts:
        of_row[at] = groups.of_row
        of_row[at] += np.uint32(before)
        before += len(groups.first)
    first, numbers = (
        np.concatenate(each) for each in zip(*((part.first, part.numbers) for _, part in parts), strict=True)
    )
    return Groups(of_row, first, numbers)


def _new_word_groups(look: LookValues, field: str, arg: str, rows: Rows) -> Groups:
    of_row = words(look, field, arg, rows)
    groups = groups_of(look.columns.word_keys(field, arg)[look.codes(rows)], of_row)
    first = rows[groups.first]
    keys = look.columns.word_keys(field, arg)[look.codes(first)]
    return Groups(groups.of_row, first, look.memory.numbered("word", keys, of_row[groups.first]))


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
