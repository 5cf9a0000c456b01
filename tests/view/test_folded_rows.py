"""Repeats are one row with their number, whatever comes at either end of the list."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import batch_of, event_of, open_event, process
from tuimon.history import History
from tuimon.rules.filter import compile_filter
from tuimon.view.folded_rows import FoldedRows, repeats
from tuimon.view.live_view import LiveView
from tuimon.view.search import rows_of

ONE, TWO = process("one", pid=11), process("two", pid=12)


def pool():
    return [
        open_event("/a", process=ONE), open_event("/a", process=ONE, ret=9), open_event("/b", process=ONE),
        open_event("/b", process=TWO), open_event("/b", process=TWO, ret=-2), open_event("/b", process=TWO, ret=-2),
    ]  # fmt: skip


def history_of(*choices):
    """A history of one batch for each list of indices into the pool."""
    history = History(1 << 26)
    events = pool()
    flat, tables = batch_of([events[at] for choice in choices for at in choice])
    begin = 0
    for choice in choices:
        batch = rows_of(flat, begin, begin + len(choice))
        history.append(dataclasses.replace(batch, first_num=begin + 1))
        begin += len(choice)
    return history, tables


def groups(folded):
    return [(folded.num(g), folded.count(g)) for g in range(folded.first, folded.end)]


def settle(view, folded):
    for _ in range(100):
        view.sync()
        if not folded.sync():
            return


def test_what_is_a_repeat():
    batch, _ = batch_of(pool())
    assert repeats(batch, np.arange(6)).tolist() == [True, False, False, False, True]
    assert repeats(batch, np.arange(1)).tolist() == []
    assert repeats(batch, np.array([0, 2, 3])).tolist() == [False, False]


def test_repeats_are_folded_within_and_across_batches():
    history, _ = history_of([0, 1], [0, 2], [2, 2, 3], [4, 5])
    view = LiveView(history)
    folded = FoldedRows(view)
    settle(view, folded)
    assert groups(folded) == [(3, 3), (6, 3), (7, 1), (9, 2)]
    assert folded.progress == 1.0
    assert [folded.seq_near(num) - folded.first for num in (1, 3, 4, 6, 7, 9)] == [0, 0, 1, 1, 2, 3]


def test_rows_that_come_later_join_the_last_group():
    whole, _ = history_of([0, 0], [0, 2])
    first, second = whole.batches()
    history = History(1 << 26)
    history.append(first)
    view = LiveView(history)
    folded = FoldedRows(view)
    settle(view, folded)
    history.append(second)
    settle(view, folded)
    assert groups(folded) == [(3, 3), (4, 1)]


def test_groups_that_history_let_go_of_go():
    history, _ = history_of([0, 0, 2], [3, 3], [4])
    view = LiveView(history)
    folded = FoldedRows(view)
    settle(view, folded)
    history._batches.popleft()
    history._view = tuple(history._batches)
    settle(view, folded)
    assert groups(folded) == [(5, 2), (6, 1)]


def test_another_filter_begins_anew():
    history, tables = history_of([0, 2, 0, 2, 3], [0])
    view = LiveView(history)
    folded = FoldedRows(view)
    settle(view, folded)
    view.show(compile_filter("fd.name = /a", None, lambda batch, row: event_of(batch, row, tables)), None)
    view.scan(1)
    settle(view, folded)
    assert groups(folded) == [(6, 3)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=1, max_size=6), st.integers(1, 5))
def test_folding_is_what_comparing_neighbours_gives(choices, step):
    import tuimon.view.folded_rows as module

    history, _ = history_of(*choices)
    view = LiveView(history)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STEP_ROWS", step)
        folded = FoldedRows(view)
        settle(view, folded)
    flat = [each for choice in choices for each in choice]
    kinds = [{0: "a", 1: "a", 2: "b", 3: "c", 4: "d", 5: "d"}[each] for each in flat]
    expected = []
    for num, kind in enumerate(kinds, 1):
        if num > 1 and kinds[num - 2] == kind:
            expected[-1] = (num, expected[-1][1] + 1)
        else:
            expected.append((num, 1))
    assert groups(folded) == expected
