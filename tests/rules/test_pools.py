"""Pools number values; places tell those that are there from those that are not, or not yet."""

from __future__ import annotations

from tuimon.fields.registry import UNKNOWN
from tuimon.rules.pools import ABSENT, UNSEEN, Pool


def test_equal_values_have_one_place_and_absence_has_its_own():
    pool = Pool()
    assert pool.places(["a", "b", "a", None, UNKNOWN]).tolist() == [1, 2, 1, ABSENT, UNSEEN]
    assert pool.values == [None, "a", "b"]
    assert len(pool) == 3


def test_a_tuple_of_texts_is_a_value_like_others():
    pool = Pool()
    assert pool.place(("a",)) != pool.place("a")
    assert pool.place(()) != ABSENT


def test_numbers_are_found_by_place_and_those_that_come_later_too():
    pool = Pool()
    places = pool.places([7, None, -1, 7])
    assert pool.numbers(places).tolist() == [7, 0, -1, 7]
    assert pool.numbers(pool.places([9, UNKNOWN, (1, 2)])).tolist() == [9, 0, 0]
