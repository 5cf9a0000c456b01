"""What is let go of: values that no event shows any more, then those asked least recently; answers stay the same."""

from __future__ import annotations

import functools
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.every_field import conditions, every_field
from tuimon.batch import Batch, concat, take
from tuimon.resources import find_recording
from tuimon.rules import filter as filters
from tuimon.rules import numbering
from tuimon.rules.columns import NO, PERHAPS, YES, Columns
from tuimon.rules.evaluate import compile_condition
from tuimon.rules.filter import Preparation, compile_filter
from tuimon.rules.kept_values import KeptValues
from tuimon.rules.loader import compile_expression
from tuimon.rules.numbering import Memory, is_prepared
from tuimon.rules.pools import ABSENT, UNSEEN
from tuimon.workbench.replay import Replay

ALL = {"texts": np.ones(10, bool)}
WORDS = (
    "evt.arg.fd contains etc", "evt.arg.fd = '<f>/etc/passwd'", "evt.arg.res = ENOENT", "evt.arg.pid exists",
    "evt.arg.tid = bash", "evt.args contains passwd", "evt.args contains sh", "fd.containername contains ':/etc'",
    "proc.name = bash", "proc.cmdline contains sh", "fd.name contains etc", "fd.filename = passwd", "user.name = root",
    "container.name exists", "passwd", "evt.arg.flags contains CLONE", "fd.sip exists", "proc.aname = bash",
)  # fmt: skip


@functools.cache
def recorded() -> tuple[Replay, Batch]:
    """The built-in recording, and its events."""
    replay = Replay(find_recording("demo"))
    return replay, concat(list(replay.batches()))


def parted() -> list[Batch]:
    """Return its events in three batches that nobody has asked anything yet."""
    whole, parts = recorded()[1], []
    for rows in np.array_split(np.arange(len(whole)), 3):
        part = take(whole, rows)
        part.first_num = whole.first_num + int(rows[0])
        parts.append(part)
    return parts


@pytest.fixture
def replay() -> Replay:
    """Makes the events."""
    return recorded()[0]


@pytest.fixture
def batches() -> list[Batch]:
    """See ``parted``."""
    return parted()


def test_of_what_is_to_last_only_that_goes_which_nothing_shows():
    values = KeptValues()
    values.is_preparing = True
    places = values.places("texts", "path", 4, "text")
    places[:4] = values.pool("text").places(["a", "b", None, "c"])
    values.is_preparing = False
    values.shrink(0, {"texts": np.array([True, False, True, True])})
    found, pool = values.places("texts", "path", 4, "text"), values.pool("text").values
    assert [None if at == ABSENT else "?" if at == UNSEEN else pool[at] for at in found[:4]] == ["a", "?", None, "c"]
    assert pool == [None, "a", "c"]
    assert values.lost == 0


def test_what_was_asked_least_recently_goes_first():
    values = KeptValues()
    for name in ("first", "second", "third"):
        values.places("texts", name, 3, "text")[:3] = values.pool("text").places([f"{name} {at}" for at in range(3)])
    values.places("texts", "first", 3, "text")
    values.shrink(2 * (320 * 4 + 3 * 200), ALL)
    assert sorted(values.pool("text").values[1:]) == [f"{name} {at}" for name in ("first", "third") for at in range(3)]
    assert (values.places("texts", "second", 3, "text") == UNSEEN).all()
    assert values.pool("text").values[values.places("texts", "first", 3, "text")[1]] == "first 1"


def test_values_whose_numbers_hang_on_places_go_when_places_move():
    values = KeptValues()
    values.places("word", "argument", 1, "text")[0] = values.pool("text").place("a")
    values.shrink(1 << 20, ALL)
    assert values.places("word", "argument", 1, "text")[0] == UNSEEN
    assert values.pool("text").values == [None]


def said(text: str, batches: list[Batch], replay: Replay, memory: Memory) -> list[int]:
    columns = Columns([compile_expression(text)], replay.event, memory=memory)
    out = []
    for batch in batches:
        with memory.lock:
            columns.begin()
            rows, truth, _ = columns.ask(batch)
        found = np.zeros(len(batch), np.int8)
        found[rows] = truth[:, 0]
        out += found.tolist()
    return out


def expected(text: str, batches: list[Batch], replay: Replay) -> list[int]:
    judge = compile_condition(compile_expression(text))
    events = [replay.event(batch, row) for batch in batches for row in range(0, len(batch), 5)]
    return [YES if (found := judge(event)) else PERHAPS if found is None else NO for event in events]


CONDITIONS = [text for info, name in every_field() for text in conditions(info, name)]
CONDITIONS += [text for text in WORDS if " " in text]


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.sampled_from(CONDITIONS), min_size=2, max_size=6), known=st.integers(0, 3))
def test_filters_say_the_same_while_values_are_let_go_of(texts, known):
    replay, batches = recorded()[0], parted()
    memory = Memory()
    for text in (*texts, *texts):
        wanted = expected(text, batches, replay)
        found, at = [], 0
        every = said(text, batches, replay, memory)
        for batch in batches:
            found += every[at : at + len(batch) : 5]
            at += len(batch)
        assert found == wanted, text
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(numbering, "_MAX_VALUE_BYTES", 0)
            with memory.lock:
                memory._settled_bytes = 0
                memory.tidy(batches[:known])


@pytest.mark.parametrize("text", WORDS)
def test_a_filter_asked_again_after_another_batch_says_the_same(text, replay, batches, monkeypatch):
    """Some batches keep what they were asked last, others come new: both must mean the same by it."""
    memory = Memory()
    keep = compile_filter(text, None, replay.event, memory)
    first = [keep.rows(batch).tolist() for batch in batches]
    fresh = [take(batch, np.arange(len(batch))) for batch in batches]
    for old, new in zip(batches, fresh, strict=True):
        new.first_num = old.first_num
    again = compile_filter(text, None, replay.event, memory)
    again.rows(batches[2])
    with monkeypatch.context() as patch, memory.lock:
        patch.setattr(numbering, "_MAX_VALUE_BYTES", 0)
        memory.tidy(batches[2:])
    mixed = [fresh[1], batches[0], fresh[2], batches[1]]
    assert [again.rows(batch).tolist() for batch in mixed] == [first[at] for at in (1, 0, 2, 1)]


def test_groups_of_an_argument_do_not_outlive_the_places_that_they_are_made_of(monkeypatch):
    names = ("/a", "/b")
    made = [builders.syscall_event("close", args=(3,), real=name, fd_type=0o100000) for name in names]
    one, other = (builders.batch_of([event]) for event in made)
    tables = {id(batch): tables for batch, tables in (one, other)}
    memory = Memory()
    keep = compile_filter(
        "evt.arg.fd = '<f>/a'", None, lambda batch, row: builders.event_of(batch, row, tables[id(batch)]), memory
    )
    assert len(keep.rows(one[0])) == 1
    with monkeypatch.context() as patch, memory.lock:
        patch.setattr(numbering, "_MAX_VALUE_BYTES", 0)
        memory.tidy([])
    assert [len(keep.rows(batch)) for batch, _ in (other, one)] == [0, 1]


def test_what_was_prepared_stays_so_and_is_prepared_again_after_all_was_let_go_of(replay, batches, monkeypatch):
    monkeypatch.setattr(filters, "_WORTH_IT", 1)
    memory = Memory()
    preparation = Preparation(replay.event, memory)
    while preparation.prepare(batches) is not None:
        pass
    assert all(map(is_prepared, batches))
    held = memory._values.nbytes
    for text in ("evt.arg.fd exists", "evt.arg.name contains x", "fd.realpath exists", "evt.arg.res exists"):
        said(text, batches, replay, memory)
    assert memory._values.nbytes > held
    monkeypatch.setattr(numbering, "_MAX_VALUE_BYTES", 0)
    assert preparation.prepare(batches) is None
    assert memory._values.nbytes <= held
    assert all(map(is_prepared, batches))
    assert preparation.prepare(batches[:1]) is None, "nothing more to do"
    texts = len(memory.pool("text"))
    with memory.lock:
        memory._settled_bytes = 0
        memory.tidy(batches[:1])
    assert len(memory.pool("text")) < texts, "two of three batches are gone"
    monkeypatch.setattr(numbering, "_MAX_AGE_S", -1.0)
    with memory.lock:
        memory._settled_bytes = -1
        memory.begin()
    assert not any(map(is_prepared, batches))
    monkeypatch.undo()
    monkeypatch.setattr(filters, "_WORTH_IT", 1)
    assert preparation.prepare(batches) is batches[2]


@pytest.mark.parametrize("text", [*WORDS, "evt.arg.pid = bash", "evt.arg.uid = root", "fd.uid exists", "evt.time > 1"])
def test_no_question_keeps_a_batch_alive(text, replay):
    """A batch takes megabytes, and the collector comes by once in a while only."""
    batch = parted()[1]
    alive = weakref.ref(batch.head)
    memory = Memory(replay.processes.get)
    keep = compile_filter(text, None, replay.event, memory)
    gc.disable()
    try:
        keep.rows(batch)
        del batch
        assert alive() is None
    finally:
        gc.enable()
