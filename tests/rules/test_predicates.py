"""What each operator asks of one value."""

from __future__ import annotations

import fnmatch

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.operators import legal_operators
from tuimon.rules.predicates import PathPrefixes, compare, glob_to_regex, predicate

TEXT = FieldType.CHARBUF


def test_an_operator_that_the_type_does_not_take_is_refused_and_the_hint_says_what_it_takes():
    with pytest.raises(RuleError) as caught:
        predicate("startswith", FieldType.INT64, ("1",))
    assert "in" in caught.value.hint
    for op, type_ in (("<", FieldType.BOOL), ("bcontains", TEXT), ("glob", FieldType.BYTEBUF), ("<", FieldType.IPADDR)):
        with pytest.raises(RuleError):
            predicate(op, type_, ("1",))


@pytest.mark.parametrize("type_", list(FieldType))
def test_every_legal_operator_of_every_type_compiles(type_):
    good = {"BOOL": "true", "IPADDR": "1.2.3.4", "IPNET": "1.2.3.0/24"}.get(type_.value, "17")
    for op in legal_operators(type_):
        if op != "exists":
            predicate(op, type_, (good,))


def test_buffers_are_searched_as_bytes():
    assert predicate("contains", FieldType.BYTEBUF, ("ab",))(b"xaby")
    assert predicate("bcontains", FieldType.BYTEBUF, ("CAFE",))(b"\x00\xca\xfe\x00")
    assert not predicate("bcontains", FieldType.BYTEBUF, ("CAFE",))(b"\xca\x00\xfe")
    assert predicate("bstartswith", FieldType.BYTEBUF, ("CAFE",))(b"\xca\xfe\x00")
    assert not predicate("bstartswith", FieldType.BYTEBUF, ("CAFE",))(b"\x00\xca\xfe")
    assert predicate("=", FieldType.BYTEBUF, ("ab",))(b"ab")
    assert predicate("startswith", FieldType.BYTEBUF, ("a",))(b"ab")


def test_a_bad_regular_expression_is_refused_with_re2s_reason():
    with pytest.raises(RuleError, match=r"missing \)"):
        predicate("regex", TEXT, ("(",))
    with pytest.raises(RuleError, match="escape"):
        predicate("regex", TEXT, (r"\d+",))
    with pytest.raises(RuleError):
        predicate("regex", TEXT, ("\udcff",))


def test_a_regular_expression_sees_broken_utf8_as_replacement_characters():
    assert predicate("regex", TEXT, ("a.b",))("a\udcffb")
    assert not predicate("regex", TEXT, ("ab",))("a\udcffb")


def test_a_hard_regular_expression_takes_linear_time():
    assert not predicate("regex", TEXT, ("(a|a)*b",))("a" * 20_000)


def test_only_ascii_letters_have_a_case():
    assert predicate("icontains", TEXT, ("ÄB",))("xÄb")
    assert not predicate("icontains", TEXT, ("ä",))("Ä")
    assert predicate("iglob", TEXT, ("A*",))("abc")


def test_a_value_whose_type_shows_only_at_run_time_is_compared_by_it():
    test = predicate("=", FieldType.DYN, ("17",))
    assert test(17)
    assert test("17")
    assert not test(18)
    assert not predicate("=", FieldType.DYN, ("x",))(17)
    assert not predicate("startswith", FieldType.DYN, ("1",))(17)


GLOBS = st.text(alphabet="ab*?[]!^-/.\\", max_size=8)
SUBJECTS = st.text(alphabet="ab/.-]!^[\\", max_size=8)


@given(pattern=GLOBS)
def test_every_pattern_is_a_valid_regular_expression(pattern):
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    re2.compile(glob_to_regex(pattern.encode()), options)


@given(pattern=st.text(alphabet="ab*?/.", max_size=8), subject=SUBJECTS)
def test_globs_without_brackets_are_those_of_the_standard_library(pattern, subject):
    assert predicate("glob", TEXT, (pattern,))(subject) is fnmatch.fnmatchcase(subject, pattern)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("[ab]c", "ac", True),
        ("[a-c]", "b", True),
        ("[!a]", "b", True),
        ("[^a]", "a", False),
        ("[]a]", "]", True),
        ("[!]a]", "b", True),
        ("[a", "[a", True),
        ("[a-]", "-", True),
        ("[c-a]", "b", False),
        ("[[:digit:]x]", "5", True),
        ("[[:nope:]]", "n", False),
        ("\\*", "*", True),
        ("\\*", "x", False),
        ("a\\", "a\\", False),
        ("[\\]]", "]", True),
        ("?", "\udcff", True),
        ("??", "é", True),
        ("*", "", True),
        ("a*b*c", "a/x/b\nc", True),
        ("a.c", "abc", False),
    ],
)
def test_globs_follow_fnmatch(pattern, subject, expected):
    assert predicate("glob", TEXT, (pattern,))(subject) is expected


@given(paths=st.lists(st.text(alphabet="ab/*", max_size=6), max_size=4), path=st.text(alphabet="ab/", max_size=8))
def test_path_prefixes_are_what_a_naive_search_finds(paths, path):
    def parts(text):
        return [part for part in text.split("/") if part]

    def naive(wanted):
        return len(wanted) <= len(parts(path)) and all(
            fnmatch.fnmatchcase(part, want) for want, part in zip(wanted, parts(path), strict=False)
        )

    assert PathPrefixes(paths).match(path) is any(naive(parts(wanted)) for wanted in paths)


@given(left=st.text(max_size=4), right=st.text(max_size=4))
def test_text_order_is_that_of_its_bytes(left, right):
    def raw(text):
        return text.encode("utf-8", "surrogatepass")

    if any("\ud800" <= char <= "\udfff" for char in left + right):
        return
    assert compare("<", right)(left) is (raw(left) < raw(right))
    assert compare(">=", right)(left) is (raw(left) >= raw(right))
