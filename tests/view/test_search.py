"""Search finds what a row shows, next from where one is, and around the end."""

import numpy as np
import pytest

from tests.ui.fake_engine import fed_engine
from tuimon.rules.filter import compile_filter
from tuimon.view.live_view import LiveView
from tuimon.view.search import Search, Text, all_hits


@pytest.fixture
def engine():
    return fed_engine(2)


def view_of(engine, text=None):
    view = LiveView(engine.history)
    if text is not None:
        view.show(compile_filter(text, None, engine.event), None)
        view.scan(1)
    view.sync()
    return view


def find(engine, wanted, start, step=1, view=None):
    search = Search(Text(wanted, engine.event), view or view_of(engine), start, step)
    for _ in search.work():
        assert search.progress <= 1
    assert (search.done, search.error) == (True, "")
    return search.found, search.wrapped


@pytest.mark.parametrize(
    ("wanted", "nums"),
    [
        ("SHADOW", {2, 3, 4, 5}), ("connect", {6, 12}), ("203.0.113", {6, 7}), ("eacces", {9}),
        ("web", {*range(1, 10), 20}), ("express", {13}), ("日本", {18}), ("nothing such", set()),
    ],
)  # fmt: skip
def test_what_a_row_shows_is_found(engine, wanted, nums):
    batch = engine.history.batches()[0]
    rows = Text(wanted, engine.event).rows(batch)
    found = set((rows + 1).tolist())
    assert nums <= found
    if wanted in ("connect", "eacces", "express", "日本", "nothing such"):
        assert found == nums


def test_next_before_and_around(engine):
    assert find(engine, "express", 1) == (13, False)
    assert find(engine, "express", 13) == (33, False)
    assert find(engine, "express", 33) == (13, True)
    assert find(engine, "express", 33, -1) == (13, False)
    assert find(engine, "express", 13, -1) == (33, True)
    assert find(engine, "nothing such", 13) == (None, False)


@pytest.mark.parametrize(
    ("wanted", "start", "said"),
    [
        ("express", 1, ""),
        ("express", 33, "found beyond the end, from the other side"),
        ("nothing such", 13, "not found"),
    ],
)
def test_what_is_said_of_it(engine, wanted, start, said):
    search = Search(Text(wanted, engine.event), view_of(engine), start, 1)
    list(search.work())
    assert search.said == said


def test_the_only_row_that_shows_it_is_told_as_that(engine):
    view = view_of(engine, "evt.num = 13")
    for step in (1, -1):
        search = Search(Text("express", engine.event), view, 13, step)
        list(search.work())
        assert (search.found, search.said) == (13, "in no other row")


def test_only_what_the_filter_keeps_is_found(engine):
    view = view_of(engine, "container.name = web")
    assert find(engine, "express", 1, view=view) == (None, False)
    assert find(engine, "passwd", 2, view=view) == (22, False)


def test_the_only_hit_is_found_from_itself(engine):
    only = fed_engine(1)
    assert find(only, "express", 13) == (13, True)
    assert find(only, "express", 13, -1) == (13, True)


def test_all_hits_are_those_of_every_batch(engine):
    hits = np.concatenate(list(all_hits(Text("express", engine.event), engine.history.batches())))
    assert hits.tolist() == [13, 33]


def test_a_row_that_cannot_be_told_ends_nothing(engine):
    def broken(batch, row):
        raise ValueError("no such thing")

    search = Search(Text("x", broken), view_of(engine), 1, 1)
    list(search.work())
    assert search.done
    assert search.error == "searching failed: ValueError: no such thing"
