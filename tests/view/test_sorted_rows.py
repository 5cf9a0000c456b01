"""Orders: whatever a column is told by, rows come in the order of the values that each event shows."""

from __future__ import annotations

import functools
import gc
import weakref

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import builders
from tests.rules import strategies
from tuimon.batch import Batch, concat, take
from tuimon.compact import compacted
from tuimon.events import Event
from tuimon.fields.evtarg import args_text
from tuimon.records import FILE, Flag, Kind
from tuimon.render import summary
from tuimon.resources import find_recording
from tuimon.rules.numbering import Memory
from tuimon.rules.versions import EventOf
from tuimon.view.columns import USUAL, column_of, field_columns
from tuimon.view.sort_columns import value_of
from tuimon.view.sort_keys import NONE, Begun, Keys, Ranks, key_of
from tuimon.view.sorted_rows import SortedRows
from tuimon.workbench.replay import Replay

KEYS = [*(key for key in USUAL if key not in ("alert", "time")), *(info.name for info in field_columns())]
TEXTS = ("detail", "evt.args", "evt.info")


@pytest.fixture(scope="module")
def recorded() -> tuple[list[Batch], Replay, list[Event]]:
    """The built-in recording in three batches, one of them made smaller, and its events."""
    replay = Replay(find_recording("demo"))
    whole = concat(list(replay.batches()))
    batches = []
    for rows in np.array_split(np.arange(len(whole)), 3):
        part = take(whole, rows)
        part.first_num = whole.first_num + int(rows[0])
        batches.append(part)
    batches[1] = compacted(batches[1])
    return batches, replay, [replay.event(batch, row) for batch in batches for row in range(len(batch))]


@pytest.fixture(scope="module")
def memory() -> Memory:
    """One for all orders, as in the engine."""
    return Memory()


def ordered(
    key: str, batches: list[Batch], event_of: EventOf, memory: Memory, *, descending: bool = False
) -> list[int]:
    """Return event numbers in the order of a column."""
    column = column_of(key)
    assert column is not None
    numbers = range(batches[0].first_num, batches[-1].first_num + len(batches[-1]))
    rows = SortedRows(column, descending, [numbers], batches, event_of, memory)
    list(rows.work())
    assert (rows.error, rows.end) == ("", len(numbers))
    return [rows.num(seq) or 0 for seq in range(rows.end)]


def naive(key: str, events: list[Event], *, descending: bool = False) -> list[int]:
    """Return the same, each event asked; those that are alike by their number, those without a value last."""
    column = column_of(key)
    assert column is not None
    values = {event.num: event.tgid if key == "pid" else value_of(column, event) for event in events}
    has = [num for num, value in values.items() if value is not None]
    return sorted(has, key=values.__getitem__, reverse=descending) + [num for num in values if values[num] is None]


@pytest.mark.parametrize("key", KEYS)
def test_recorded_events_come_in_the_order_of_what_they_show(key, recorded, memory):
    batches, replay, events = recorded
    expected = naive(key, events)
    assert ordered(key, batches, replay.event, memory) == expected
    assert ordered(key, batches, replay.event, Memory()) == expected


@pytest.mark.parametrize("key", ["detail", "evt.args", "evt.time", "fd.num", "proc.name", "type"])
def test_the_other_way_round_what_is_alike_keeps_its_order(key, recorded, memory):
    batches, replay, events = recorded
    assert ordered(key, batches, replay.event, memory, descending=True) == naive(key, events, descending=True)


@settings(max_examples=100, deadline=None)
@given(made=st.lists(strategies.events(), min_size=1, max_size=12), keys=st.lists(st.sampled_from(KEYS), max_size=3))
@example(made=[builders.open_event("/a" * 50 + end) for end in "cab"], keys=["fd.name"])
@example(
    made=[
        builders.syscall_event("creat", given="/etc/x", base2=np.array([(7, 0xFE00, flags)], FILE).tobytes(), ret=3)
        for flags in (0x81, 0)
    ],
    keys=[],
)
def test_made_events_come_in_the_order_of_what_they_show(made, keys):
    batch, tables = builders.batch_of(made)
    events = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    memory = Memory()
    for key in (*TEXTS, *keys):
        found = ordered(key, [batch], lambda batch, row: builders.event_of(batch, row, tables), memory)
        assert found == naive(key, events), (key, [value_of(column_of(key), event) for event in events])


def test_texts_are_told_apart_by_all_that_they_show():
    """Each of these differs from another in one thing only."""
    made = [
        builders.open_event("/a", ret=3), builders.open_event("/a", ret=4), builders.open_event("/a", ret=-2),
        builders.open_event("/a", ret=3, real="/b"), builders.open_event("/a", ret=3, flags=1),
        builders.open_event("/a", ret=3, call="open"), builders.open_event("/a", ret=3, kind=Kind.IO_URING),
        builders.open_event("a", ret=3, cwd="/"), builders.open_event("/a/", ret=3),
        builders.syscall_event("close", args=(3,)), builders.syscall_event("close", args=(4,)),
        builders.syscall_event("close", args=(4,), ret=-9), builders.syscall_event("read", args=(3,), ret=7),
        builders.syscall_event("kill", args=(7, 9)), builders.syscall_event("kill", args=(7, 15)),
        builders.exec_event(args=("-l",)), builders.exec_event(args=("-la",)), builders.exec_event(args=()),
        builders.fork_event(child_pid=100), builders.fork_event(child_pid=99),
        builders.syscall_event("mkdir", args=(0, 0o700), given="/d", flags=Flag.TRUNCATED),
        builders.syscall_event("mkdir", args=(0, 0o700), given="/d"),
    ]  # fmt: skip
    batch, tables = builders.batch_of(made)
    events = [builders.event_of(batch, row, tables) for row in range(len(batch))]
    for key, text_of in (("detail", summary), ("evt.args", args_text)):
        found = ordered(key, [batch], lambda batch, row: builders.event_of(batch, row, tables), Memory())
        texts = [text_of(events[num - batch.first_num]) for num in found]
        assert [text for text in texts if text] == sorted(filter(None, texts))


def test_numbers_beyond_a_float_and_beyond_63_bits_keep_their_order():
    values = [2**53 + 1, 2**53, -5, 2**64 - 1, 2**63, 2**63 - 1, None, 0, -(2**63)]
    keys, ranks = Keys.none(len(values)), Ranks()
    keys.number[:], keys.state[:] = zip(*(key_of(value, ranks) for value in values), strict=True)
    assert not len(ranks)
    by_value = sorted((at for at, value in enumerate(values) if value is not None), key=values.__getitem__)
    assert keys.order(descending=False).tolist() == [*by_value, 6]
    assert keys.order(descending=True).tolist() == [*reversed(by_value), 6]


def test_no_rows_have_an_order():
    assert Keys.none(0).order(descending=True).tolist() == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.text("ab", max_size=6), st.integers(0, 6), st.booleans()), min_size=1, max_size=12))
def test_texts_of_which_the_beginning_was_written_come_in_the_order_of_the_whole(made):
    """Some begin alike, some are what another one begins with, some are the same."""
    ranks, keys, asked = Ranks(), Keys.none(len(made)), []

    def whole(text: str) -> str:
        asked.append(text)
        return text

    for at, (text, size, is_begun) in enumerate(made):
        begun = Begun(text[:size], functools.partial(whole, text))
        number = ranks.begun(begun) if is_begun else ranks.number(text)
        keys.put(np.array([at]), np.array([number]))
    list(ranks.put_in(keys))
    texts = [text for text, _, _ in made]
    assert keys.order(descending=False).tolist() == sorted(range(len(made)), key=texts.__getitem__)
    if len({text[:1] for text in texts}) == len(texts) and all(text[:size] for text, size, _ in made):
        assert not asked, "no more was needed"


def test_the_values_are_let_go_of_when_they_are_ranks():
    ranks, texts = Ranks(fine=10), [f"text {at % 7_919}" for at in range(40_000)]
    keys = Keys.none(len(texts) + 1)
    keys.put(np.arange(len(texts)), np.array([ranks.number(text) * 10 + 3 for text in texts]))
    steps = list(ranks.put_in(keys))
    assert len(ranks) == 0
    assert len(steps) >= 3
    by_text = sorted(set(texts))
    assert (keys.number[:-1] // 10).tolist() == [by_text.index(text) for text in texts[:100]] + (
        keys.number[100:-1] // 10
    ).tolist()
    assert set((keys.number[:-1] % 10).tolist()) == {3}
    assert keys.state[-1] == NONE


@pytest.mark.parametrize("key", ["detail", "evt.args", "fd.name", "process", "evt.time"])
def test_an_order_that_is_made_keeps_no_batch_alive(key, recorded):
    """The list shows it for as long as somebody reads, while history goes on."""
    part = take(recorded[0][0], np.arange(len(recorded[0][0])))
    part.first_num = 1
    alive = weakref.ref(part.head)
    column = column_of(key)
    assert column is not None
    rows = SortedRows(column, False, [range(1, len(part) + 1)], [part], recorded[1].event, Memory())
    del part
    gc.disable()
    try:
        list(rows.work())
        assert (rows.error, alive()) == ("", None)
    finally:
        gc.enable()
