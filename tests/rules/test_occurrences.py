"""Bytes looked for in megabytes of text are found wherever they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.rules.occurrences import occurrences


@given(text=st.binary(max_size=60).map(lambda raw: raw.translate(bytes(97 + byte % 3 for byte in range(256)))))
@pytest.mark.parametrize("wanted", [b"a", b"ab", b"aa", b"aba"])
def test_they_are_those_of_a_pattern(wanted, text):
    assert occurrences(text, wanted).tolist() == [match.start() for match in re.finditer(wanted, text)]


def test_many_of_them_are_found_too():
    assert occurrences(b"a.b" * 9000, b".").tolist() == list(range(1, 27000, 3))


def test_there_are_none_in_a_text_without_them():
    assert occurrences(b"", b"a").tolist() == occurrences(b"bb", b"a").tolist() == []
