"""Words that evt.args must hold, by what is asked of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.args_text import held_literal, is_of_path, needed, pieces, pieces_of_regex
from tuimon.rules.nodes import Check, FieldRef, Literal
from tuimon.rules.predicates import predicate

_ATOMS = ["a", "b", "sh", "]", ".", "[ab]", "[^]b]", "[[:alpha:]]", "(a|sh)", "(a(b)?)", r"\.", "^", "$", "|", "{", " "]
_PATTERNS = st.lists(
    st.tuples(st.sampled_from(_ATOMS), st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0}", "*?"])), max_size=6
).map(lambda parts: "".join(atom + often for atom, often in parts))


def check(op: str, text: str) -> Check:
    return Check(FieldRef("evt.args"), op, Literal(text))


@given(pattern=_PATTERNS, text=st.text("ab]sh.{ ", max_size=8))
def test_what_a_pattern_matches_holds_all_its_pieces(pattern, text):
    try:
        matches = predicate("regex", FieldType.CHARBUF, (pattern,))
    except RuleError:
        return
    if matches(text):
        assert all(piece in text for piece in pieces_of_regex(pattern))


@given(pattern=st.text(r"ab*?[]\ ", max_size=8), text=st.text("ab[] ", max_size=8))
def test_what_a_glob_matches_holds_all_its_pieces(pattern, text):
    if predicate("glob", FieldType.CHARBUF, (pattern,))(text):
        assert all(piece in text for piece in pieces("glob", pattern))


@pytest.mark.parametrize(
    ("op", "text", "word"),
    [
        ("regex", ".*passwd.*", b"passwd"),
        ("regex", r".*/(etc|usr)/shadow[0-9]*", b"shadow"),
        ("regex", ".*(curl|wget).*", b""),
        ("regex", "a|shadow", b""),
        ("regex", "(?i)shadow", b""),
        ("regex", r"\dshadow", b""),
        ("regex", ".*shadow?", b"shado"),
        ("regex", ".*O_TRUNC.*", b"O_TRUNC"),
        ("contains", "(O_RDONLY) mode", b"O_RDONLY"),  # a mode has every open
        ("contains", "name=/etc", b"etc"),
        ("contains", "ADD", b""),
        ("contains", "NULL", b""),
        ("icontains", "nul", b""),
        ("icontains", "4T", b""),
        ("glob", "*/etc/shado?*", b"shado"),
        ("glob", "*[s]hadow", b""),
        ("icontains", "Shadow", b"shadow"),
        ("iglob", "*/etc/Shado?*", b"shado"),
        ("contains", "/etc/shadow", b"shadow"),
    ],
)
def test_the_longest_word_is_looked_for(op, text, word):
    assert needed(check(op, text)) == word


@pytest.mark.parametrize(
    ("op", "text", "literal"),
    [
        ("contains", "shadow", b"shadow"),
        ("contains", "/etc/shadow", b"/etc/shadow"),
        ("=", "shadow", b""),
        ("contains", "ADD", b""),  # a number may end so
        ("contains", "O_TRUNC", b"O_TRUNC"),
        ("contains", "sh\u00e4dow", b""),  # it may be shown in another way
        ("contains", "sha\ndow", b""),
        ("icontains", "/etc/Shadow", b"/etc/shadow"),
        ("glob", "*/etc/shadow*", b"/etc/shadow"),
        ("glob", "*sha[d]ow*", b""),
        ("glob", "*sha?ow*", b""),
        ("glob", "*shadow", b""),
        ("iglob", "*Shadow*", b"shadow"),
        ("regex", ".*etc/shadow.*", b"etc/shadow"),
        ("regex", ".*etc.shadow.*", b""),
        ("regex", ".*shad+ow.*", b""),
        ("regex", "shadow.*", b""),
    ],
)
def test_a_text_that_satisfies_a_check_wherever_it_lies_is_told(op, text, literal):
    assert held_literal(check(op, text)) == literal


def test_a_text_with_a_slash_lies_in_a_path():
    assert is_of_path(b"/etc/shadow")
    assert not is_of_path(b"shadow")
    assert not is_of_path(b"name=/etc")
    assert not is_of_path(b"<f>/etc")
