"""Numbers for what rows show: the same for what is alike, another for what is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.rules.numbering import Memory

_ANY = st.one_of(st.integers(-3, 3), st.integers(-(1 << 63), (1 << 63) - 1), st.sampled_from([1 << 31, (1 << 32) - 1]))


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(_ANY, _ANY), min_size=1, max_size=20))
def test_pairs_get_the_same_number_exactly_when_they_are_equal(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    numbers = Memory().numbered("side", one, other).tolist()
    for at, pair in enumerate(pairs):
        for before in range(at):
            assert (numbers[at] == numbers[before]) == (pair == pairs[before])


@settings(max_examples=100, deadline=None)
@given(batches=st.lists(st.lists(st.tuples(_ANY, _ANY), min_size=1, max_size=5), min_size=2, max_size=5))
def test_no_two_pairs_of_any_batches_share_a_number(batches: list[list[tuple[int, int]]]) -> None:
    memory = Memory()
    seen: dict[int, tuple[int, int]] = {}
    for pairs in batches:
        one, other = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
        for number, pair in zip(memory.numbered("side", one, other).tolist(), pairs, strict=True):
            assert seen.setdefault(number, pair) == pair


@pytest.mark.parametrize("columns", [1, 3])
def test_other_tuples_are_numbered_too(columns: int) -> None:
    column = np.array([5, 6, 5], np.int64)
    assert Memory().numbered("side", *[column] * columns).tolist() == [0, 1, 0]
