"""Row numbers that stay put: whatever comes and goes, a sequence number means the same event as long as it is there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tuimon.view.row_index import RowIndex


def test_a_whole_range_costs_one_piece():
    index = RowIndex()
    for start in range(1, 1001, 10):
        index.add_newer(range(start, start + 10))
    assert len(index._pieces) == 1
    assert (index.first, index.end, index.num(999)) == (0, 1000, 1000)


def test_small_pieces_are_joined():
    index = RowIndex()
    for number in range(100):
        index.add_newer(np.array([number * 3], np.int64))
    assert len(index._pieces) == 1
    assert index.num(50) == 150


def test_older_rows_get_negative_numbers_and_nothing_else_moves():
    index = RowIndex()
    index.add_newer(np.array([50, 60], np.int64))
    index.add_older(np.array([10, 20, 30], np.int64))
    assert (index.num(0), index.num(1)) == (50, 60)
    assert [index.num(seq) for seq in range(index.first, index.end)] == [10, 20, 30, 50, 60]


def test_a_row_that_is_not_there_has_no_number():
    index = RowIndex()
    assert index.num(0) is None
    index.add_newer(range(5, 8))
    assert index.num(3) is None
    assert index.num(-1) is None


def test_what_is_shown_is_known_in_the_middle_of_a_change():
    """A search in the background saw a piece without its start, and passed over rows or ended in an error."""
    index = RowIndex()
    index.add_newer(np.array([50, 60], np.int64))
    index.add_newer(range(61, 70))
    index._starts.clear()
    assert [num for num in range(45, 75) if index.holds(num)] == [50, *range(60, 70)]


_STEPS = st.lists(
    st.tuples(st.sampled_from(["newer", "older", "drop"]), st.integers(1, 40), st.booleans(), st.integers(0, 3)),
    max_size=40,
)


@given(_STEPS)
def test_it_is_a_list_of_numbers_with_stable_positions(steps):
    """A model: a dict from sequence number to event number."""
    index, model = RowIndex(), {}
    low = high = 10_000
    for kind, size, whole, gap in steps:
        if kind == "newer":
            numbers = range(high + gap, high + gap + size)
            high = numbers.stop
            for number in numbers:
                model[max(model, default=index.first - 1) + 1] = number
            index.add_newer(numbers if whole else np.array(numbers, np.int64))
        elif kind == "older":
            numbers = range(low - gap - size, low - gap)
            low = numbers.start
            for number in reversed(numbers):
                model[min(model, default=index.first) - 1] = number
            index.add_older(numbers if whole else np.array(numbers, np.int64))
        else:
            low = max(low, min(low + size, high))
            index.drop_before(low)
            model = {seq: number for seq, number in model.items() if number >= low}
        assert len(index) == len(model)
        assert {seq: index.num(seq) for seq in range(index.first, index.end)} == model
        for number in (low, high - 1, (low + high) // 2):
            after = [seq for seq, value in model.items() if value >= number]
            assert index.seq_at_or_after(number) == min(after, default=index.end)
            assert index.holds(number) is (number in model.values())
