"""The time as columns of letters is the text that the getter gives."""

from __future__ import annotations

import numpy as np
import pytest

from tuimon.fields.evt import CLOCKS, NS_PER_S, second_text
from tuimon.rules.clock import ClockTexts

TIMES = np.array([1_700_000_000_000_000_001, 1_700_000_000_999_999_999, 1_700_000_061_010_203_040], np.int64)


@pytest.mark.parametrize("name", list(CLOCKS))
def test_each_letter_lies_where_it_is_printed(name):
    shape, zone = CLOCKS[name]
    said = [f"{second_text(at // NS_PER_S, shape, utc=bool(zone))}.{at % NS_PER_S:09d}{zone}" for at in TIMES.tolist()]
    texts = ClockTexts(name, TIMES)
    assert texts.texts() == said
    assert len(texts) == len(said[0])
    for wanted in (b".0", b"99", said[1].encode(), b"", b"x", said[0].encode() + b"1", b":"):
        text = wanted.decode()
        assert texts.holds(wanted).tolist() == [text in each for each in said]
        assert texts.is_equal(wanted).tolist() == [text == each for each in said]
        assert texts.is_less(wanted).tolist() == [each < text for each in said]
        assert texts.lies_at(0, wanted).tolist() == [each.startswith(text) for each in said]


def test_a_time_that_no_calendar_has_is_left_to_the_event():
    texts = ClockTexts("evt.datetime", np.array([1_700_000_000 * NS_PER_S, 9_200_000_000_000_000_000], np.int64))
    assert texts.told[0]
    assert ClockTexts("evt.time", np.empty(0, np.int64)).told.tolist() == []
