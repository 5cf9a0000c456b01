"""Checks that are asked of rows, not of groups that are alike: nearly each row has a value of its own.

The time as text, what is read from /proc, fields put together from two others, all arguments; and whole events, where
nothing else tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from tuimon.rules import moment
from tuimon.rules.args_text import (
    alike,
    folds,
    held_literal,
    is_of_one_line,
    is_of_path,
    is_written,
    may_be,
    needed,
    open_texts,
)
from tuimon.rules.args_words import ArgsWords
from tuimon.rules.asked import NO, PERHAPS, YES, Asked, joined, of_value
from tuimon.rules.clock import ClockTexts
from tuimon.rules.clock import said as clock_said
from tuimon.rules.composed import said_of
from tuimon.rules.grouping import Rows, groups_of
from tuimon.rules.number_args import said_of_number_args
from tuimon.rules.numbering import Truths
from tuimon.rules.numbers import numbers_of
from tuimon.rules.presence import said_of_presence

if TYPE_CHECKING:
    from tuimon.rules.look import Look


def _by_event(look: Look, asked: Asked, rows: Rows) -> Truths:
    return look.asked_whole(asked, rows)


def _by_clock(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return the truth of a check of the time as text."""
    name = asked.getters[0][1][0]
    times, _ = numbers_of("evt.rawtime", look.batch, rows, look.boot_to_epoch_ns)
    texts = ClockTexts(name, times)
    found = clock_said(asked.check, texts)
    if found is None:
        assert asked.predicate is not None
        made, test, _ = asked.predicate
        found = np.array([of_value(made(text), test) == YES for text in texts.texts()], bool)
    out = found.astype(np.int8) * np.int8(YES)
    if not texts.told.all():
        out[~texts.told] = look.asked_whole(asked, rows[~texts.told])
    return out


def _by_moment(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return the truth of a check of what is read from /proc."""
    near, groups, codes, words = moment.alike(look, asked.getters[0][1][0], rows)
    out = np.empty(len(rows), np.int8)
    out[near] = look.asked_whole(asked, rows[near])
    if len(groups.first):
        numbers = look.memory.numbered("moment", codes, words)
        out[~near] = look.answers(asked, "moment", numbers, rows[~near][groups.first])[groups.of_row]
    return out


def _by_composed(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return the truth of a check of a field that is put together from two others."""
    assert asked.predicate is not None
    parts = [said_of(look, asked, key, rows) for _, key, *_ in asked.getters]
    unknown = np.logical_or.reduce([part == PERHAPS for part in parts])
    out = joined(parts, negative=asked.predicate[2])
    out[unknown] = look.asked_whole(asked, rows[unknown])
    return out


def _by_args(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return the truth of a check of evt.args."""
    out = np.full(len(rows), YES if asked.check.op == "!=" else NO, np.int8)
    kinds = look.codes(rows)
    possible = [code for code in np.unique(kinds).tolist() if may_be(asked.check, look.name_of(code))]
    mine = np.flatnonzero(np.isin(kinds, possible))
    out[mine] = _by_some_args(look, asked, rows[mine])
    return out


def _by_some_args(look: Look, asked: Asked, rows: Rows) -> Truths:
    out = np.full(len(rows), NO, np.int8)
    wanted, some, fold = needed(asked.check), np.arange(len(rows)), folds(asked.check)
    words = whole = ArgsWords(look, wanted, fold=fold) if wanted and len(rows) else None
    if words is not None:
        literal = held_literal(asked.check)
        some = some[words.likely(rows)]
        if literal and len(some):
            whole = words if literal == wanted else ArgsWords(look, literal, fold=fold, surely=True)
            some = _but_sure(look, asked, whole, rows, some, out)
            whole = whole if is_of_path(literal) else words
    is_open = is_written(look, rows[some])
    opens, others = some[is_open], some[~is_open]
    if whole is not None:
        opens = opens[whole.shown_by_opens(rows[opens])]
    out[opens] = _by_open_args(look, asked, rows[opens])
    codes = look.codes(rows[others])
    for code in np.unique(codes).tolist():
        mine = others[codes == code]
        groups = alike(look, code, rows[mine])
        if groups is None:
            out[mine] = look.asked_whole(asked, rows[mine])
        else:
            look.whole[rows[mine]] = True
            first = rows[mine[groups.first]].tolist()
            out[mine] = np.array([asked.answer(look.event(row)) for row in first], np.int8)[groups.of_row]
    return out


def _but_sure(look: Look, asked: Asked, words: ArgsWords, rows: Rows, some: Rows, out: Truths) -> Rows:
    """Say yes of those of some rows that surely hold what is looked for; return the others."""
    codes, sure = look.codes(rows[some]), np.zeros(len(some), bool)
    for code in np.unique(codes).tolist():
        mine = codes == code
        sure[mine] = words.sure(code, rows[some[mine]])
    if is_of_one_line(asked.check) and sure.any():
        sure[sure] = ~ArgsWords(look, b"\n").likely(rows[some[sure]])
    out[some[sure]] = YES
    return some[~sure]


def _by_open_args(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return the same for opens whose text is written without a getter; each distinct one is asked once."""
    if not len(rows):
        return np.empty(0, np.int8)
    texts, opening = (look.memory.groups(look.batch, side) for side in ("texts", "opening"))
    pairs = groups_of(texts.of_row[rows].astype(np.int64), opening.of_row[rows].astype(np.int64))
    groups = groups_of(pairs.of_row.astype(np.int64), look.batch.head["ret"][rows].astype(np.int64))
    some = np.sort(groups.first)
    numbers = look.open_numbers(rows[some])
    told = asked.told
    new = np.array([number not in told for number in numbers.tolist()], bool)
    fresh = rows[some[new]]
    assert asked.predicate is not None
    made, test, _ = asked.predicate
    openings = opening.numbers[opening.of_row[fresh]]
    written = open_texts(look, fresh, look.columns.tails, openings)
    for number, text in zip(numbers[new].tolist(), written, strict=True):
        told[number] = YES if of_value(made(text), test) == YES else NO
    answers = np.empty(len(groups.first), np.int8)
    answers[groups.of_row[some]] = [told[number] for number in numbers.tolist()]
    return np.asarray(answers[groups.of_row])


BY_ROW: Final[dict[str, Callable[[Look, Asked, Rows], Truths]]] = {
    "event": _by_event,
    "there": said_of_presence,
    "argument": said_of_number_args,
    "clock": _by_clock,
    "moment": _by_moment,
    "composed": _by_composed,
    "args": _by_args,
}
"""What asks a check of some rows, by the side that it sees (tuimon.rules.sides)."""
