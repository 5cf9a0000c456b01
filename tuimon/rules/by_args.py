"""Checks of evt.args: yes and no by the parts that texts are made of, and the others written out, each but once.

What a check says of an open is kept for as long as its filter lives. Of the other events only those are asked whose
record or process holds a word of what is looked for, or shows a name that does; a word of digits may stand in any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.rules.args_blind import is_of_process, said_of_blind
from tuimon.rules.args_checks import Sought, may_be, sought
from tuimon.rules.args_text import alike, may_be_written, open_texts
from tuimon.rules.args_words import ArgsWords, Search
from tuimon.rules.asked import NO, YES, Asked, of_values
from tuimon.rules.grouping import Rows, groups_of
from tuimon.rules.numbering import Truths

if TYPE_CHECKING:
    from tuimon.rules.look import Look


class ArgsQuestion:
    """What does not change from one batch to the next while a check of evt.args is asked.

    Args:
        asked: The check.
    """

    def __init__(self, asked: Asked) -> None:
        self.search = Search(sought(asked.check))
        self.line_ends = Search(Sought(words=(b"\n",)))
        self._check = asked.check
        self._possible: list[bool] = []

    def possible(self, look: Look) -> NDArray[np.bool_]:
        """Return, by number of the kind of event, whether the check may hold of it, by its parameters' names alone."""
        for code in range(len(self._possible), len(look.memory.code_of)):
            self._possible.append(may_be(self._check, look.name_of(code)))
        return np.array(self._possible, bool)


def said_of_args(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), the truth of a check of evt.args."""
    if asked.question_of_args is None:
        asked.question_of_args = ArgsQuestion(asked)
    question = asked.question_of_args
    possible = question.possible(look)
    if possible.all():
        return _said(look, asked, question, rows)
    out = np.full(len(rows), YES if asked.check.op == "!=" else NO, np.int8)
    mine = np.flatnonzero(possible[look.codes(rows)])
    out[mine] = _said(look, asked, question, rows[mine])
    return out


def _said(look: Look, asked: Asked, question: ArgsQuestion, rows: Rows) -> Truths:
    out = np.full(len(rows), NO, np.int8)
    some, search = np.arange(len(rows)), question.search
    words = ArgsWords(look, search) if search.sought.words and len(rows) else None
    if words is not None:
        some = np.flatnonzero(words.likely(rows))
        if search.sought.literals and len(some):
            sure = words.sure(rows[some])
            if search.sought.is_of_one_line and sure.any():
                sure[sure] = ~ArgsWords(look, question.line_ends).likely(rows[some[sure]])
            out[some[sure]] = YES
            some = some[~sure]
    if not len(some):
        return out
    opens, said = _said_of_opens(look, asked, words, rows[some])
    out[some[opens]] = said
    others = np.delete(some, opens)
    out[others] = _said_of_others(look, asked, words, rows[others])
    return out


def _said_of_others(look: Look, asked: Asked, words: ArgsWords | None, rows: Rows) -> Truths:
    """Return the same for events that are no opens: of each text that is met in this batch."""
    assert asked.question_of_args is not None
    out, codes, what = np.full(len(rows), NO, np.int8), look.codes(rows), asked.question_of_args.search.sought
    of_process = np.zeros(len(rows), bool)
    for code in np.unique(codes).tolist():
        if what.is_blind and is_of_process(look.kind_of(code), look.name_of(code)):
            of_process |= codes == code
        else:
            mine = np.flatnonzero(codes == code)
            out[mine] = _said_of_kind(look, asked, code, rows[mine])
    mine = np.flatnonzero(of_process)
    if len(mine) and words is not None and what.are_of_one_part:
        mine = mine[words.likely_of_processes(rows[mine])]
    if len(mine):
        out[mine] = said_of_blind(look, asked, rows[mine])
    return out


def _said_of_kind(look: Look, asked: Asked, code: int, rows: Rows) -> Truths:
    groups = alike(look, code, rows)
    if groups is None:
        return look.asked_whole(asked, rows)
    look.whole[rows] = True
    first = rows[groups.first].tolist()
    return np.asarray(np.array([asked.answer(look.event(row)) for row in first], np.int8)[groups.of_row])


def _said_of_opens(look: Look, asked: Asked, words: ArgsWords | None, rows: Rows) -> tuple[NDArray[np.intp], Truths]:
    """Return which of some rows are opens whose text is written without a getter, and the same for them.

    They are put together by all that the text hangs on; each distinct one is asked once.
    """
    mine = may_be_written(look, rows)
    if not len(mine):
        return mine, np.empty(0, np.int8)
    texts, opening = (look.memory.groups(look.batch, side).of_row[rows[mine]].astype(np.int64) for side in _OF_OPENS)
    alike = groups_of(
        groups_of(texts, opening).of_row.astype(np.int64), look.batch.head["ret"][rows[mine]].astype(np.int64)
    )
    first = np.sort(alike.first)
    some = rows[mine[first]]
    opens = look.opens(some)
    said, is_open = np.full(len(first), NO, np.int8), np.zeros(len(first), bool)
    place = alike.of_row[first]
    is_open[place[opens.at]] = True
    likely = opens.at if words is None else opens.at[words.shown_by_opens(opens, some)]
    said[place[likely]] = _told_of_opens(look, asked, some[likely])
    written = is_open[alike.of_row]
    return mine[written], said[alike.of_row[written]]


_OF_OPENS: Final = ("texts", "opening")


def _told_of_opens(look: Look, asked: Asked, rows: Rows) -> list[int]:
    """Return what a check says of such opens, which all differ; kept for as long as the filter lives."""
    told, numbers = asked.told, look.open_numbers(rows)
    new = np.array([number not in told for number in numbers.tolist()], bool)
    assert asked.predicate is not None
    opening = look.memory.groups(look.batch, "opening")
    written = open_texts(look, rows[new], look.columns.tails, opening.numbers[opening.of_row[rows[new]]])
    for number, said in zip(numbers[new].tolist(), of_values(written, asked.predicate), strict=True):
        told[number] = YES if said == YES else NO
    return [told[number] for number in numbers.tolist()]
