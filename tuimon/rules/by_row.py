"""Checks that are asked of rows, not of groups that are alike: nearly each row has a value of its own.

The time as text, what is read from /proc, fields put together from two others, all arguments; and whole events, where
nothing else tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from tuimon.rules import moment
from tuimon.rules.asked import PERHAPS, YES, Asked, joined, of_values
from tuimon.rules.by_args import said_of_args
from tuimon.rules.clock import ClockTexts
from tuimon.rules.clock import said as clock_said
from tuimon.rules.composed import said_of
from tuimon.rules.grouping import Rows
from tuimon.rules.number_args import said_of_number_args
from tuimon.rules.numbering import Truths
from tuimon.rules.numbers import numbers_of
from tuimon.rules.presence import said_of_presence
from tuimon.rules.several import said_of_several

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
        found = np.array(of_values(texts.texts(), asked.predicate), np.int8) == YES
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


BY_ROW: Final[dict[str, Callable[[Look, Asked, Rows], Truths]]] = {
    "event": _by_event,
    "there": said_of_presence,
    "argument": said_of_number_args,
    "clock": _by_clock,
    "moment": _by_moment,
    "composed": _by_composed,
    "several": said_of_several,
    "args": said_of_args,
}
"""What asks a check of some rows, by the side that it sees (tuimon.rules.sides)."""
