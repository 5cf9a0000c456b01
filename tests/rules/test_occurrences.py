"""Bytes looked for in megabytes of text are found wherever they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.rules.occurrences import occurrences

_TEXT = st.binary(max_size=60).map(lambda raw: raw.translate(bytes(b"abc"[byte % 3] for byte in range(256))))


@given(text=_TEXT)
@pytest.mark.parametrize("wanted", [b"a", b"ab", b"aa", b"aba", b"abab"])
def test_they_are_those_of_a_pattern_and_those_that_overlap(wanted, text):
    found = [match.start() for match in re.finditer(b"(?=%b)" % wanted, text)]
    assert occurrences(text, wanted).tolist() == found


@given(text=st.text("aA@`zZ[{b", max_size=40))
@pytest.mark.parametrize("wanted", ["a", "ab", "z", "z{", "@a", "[", "`z"])
def test_the_case_of_letters_alone_does_not_matter_where_it_is_folded(wanted, text):
    lowered = occurrences(text.lower().encode(), wanted.encode()).tolist()
    assert occurrences(text.encode(), wanted.encode(), fold=True).tolist() == lowered


def test_many_of_them_are_found_too():
    assert occurrences(b"a.b" * 9000, b".").tolist() == list(range(1, 27000, 3))


def test_there_are_none_in_a_text_without_them():
    assert occurrences(b"", b"a").tolist() == occurrences(b"bb", b"a").tolist() == []
    assert occurrences(b"ab", b"abc").tolist() == []
