"""What a check of evt.args looks for, and what it cannot tell, by what is asked."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.args_checks import Sought, is_blind, sought
from tuimon.rules.checks import Checks
from tuimon.rules.loader import compile_expression
from tuimon.rules.nodes import Check, FieldRef, Literal
from tuimon.rules.predicates import predicate

_ATOMS = [
    "ho", "pi", "sh", "]", ".", ".*", "[ho]", "[^]o]", "[[:alpha:]]", "(pi|sh)", "(ho(pi)?)", r"\.", r"\/", "^", "$",
    "|", "{", " ", "(o|sh|)", "(.*)",
]  # fmt: skip
_PATTERNS = st.lists(
    st.tuples(st.sampled_from(_ATOMS), st.sampled_from(["", "", "", "", "*", "+", "?", "{2}", "{0}", "*?"])), max_size=6
).map(lambda parts: "".join(atom + often for atom, often in parts))
_TEXTS = st.lists(st.sampled_from(["ho", "pi", "sh", "o", "]", ".", "{", " ", "/", "\n"]), max_size=6).map("".join)
_GLOBS = st.text(r"hosp*?[]\ ", max_size=8)
_OPS = ("contains", "icontains", "startswith", "endswith", "glob", "iglob", "regex", "=", "in", "!=", "<", "pmatch")


def check(op: str, text: str) -> Check:
    return Check(FieldRef("evt.args"), op, Literal(text))


def compiled(op: str, text: str):
    try:
        return predicate(op, FieldType.CHARBUF, (text,))
    except RuleError:
        assume(False)


def agrees(what: Sought, text: str, *, holds: bool) -> None:
    """Say whether what is told of a check is right of one text."""
    raw = text.lower().encode() if what.fold else text.encode()
    if holds and what.words:
        assert any(word in raw for word in what.words)
    if what.literals and not (what.is_of_one_line and b"\n" in raw):
        assert holds == any(literal in raw for literal, _ in what.literals)
    for literal, word in what.literals:
        assert word in literal
        assert word in what.words


@given(pattern=_PATTERNS, text=_TEXTS)
def test_what_a_pattern_matches_holds_one_of_its_words(pattern, text):
    agrees(sought(check("regex", pattern)), text, holds=compiled("regex", pattern)(text))


@given(pattern=_GLOBS, text=_TEXTS)
@pytest.mark.parametrize("op", ["glob", "iglob"])
def test_what_a_glob_matches_holds_one_of_its_words(op, pattern, text):
    agrees(sought(check(op, pattern)), text, holds=compiled(op, pattern)(text))


@given(wanted=_TEXTS, before=_TEXTS, behind=_TEXTS)
@pytest.mark.parametrize("op", ["contains", "icontains", "startswith", "endswith", "="])
def test_what_a_constant_is_found_in_holds_one_of_its_words(op, wanted, before, behind):
    for text in (before + wanted + behind, wanted.upper() + behind, before + behind):
        agrees(sought(check(op, wanted)), text, holds=compiled(op, wanted)(text))


@given(constants=st.lists(_TEXTS, min_size=1, max_size=3), text=_TEXTS)
@pytest.mark.parametrize("asked", ["contains anyof", "contains allof", "contains oneof", "icontains anyof", "in"])
def test_of_several_constants_a_text_holds_the_words_of_one(asked, constants, text):
    listed = ", ".join(f'"{each}"' for each in constants).replace("\n", "\\n")
    condition = compile_expression(f"evt.args {asked} ({listed})")
    made, test, _ = Checks().predicate_of(condition)
    agrees(sought(condition), text, holds=test(made(text)))


_RUNS = st.lists(st.text("0123456789", min_size=1, max_size=4), min_size=8, max_size=8)


@given(
    wanted=st.one_of(_PATTERNS, _GLOBS, _TEXTS, st.text("ho3*. ", max_size=6)),
    pieces=st.lists(_TEXTS, min_size=1, max_size=5),
    runs=_RUNS,
    others=_RUNS,
    op=st.sampled_from(_OPS),
)
def test_what_is_blind_says_the_same_of_texts_that_differ_in_the_digits_of_numbers(wanted, pieces, runs, others, op):
    if not is_blind(op, wanted):
        return
    test = compiled(op, wanted)
    one, other = ("".join(piece + run for piece, run in zip(pieces, each, strict=False)) for each in (runs, others))
    for text in (one, one + pieces[0]):
        assert test(text) == test(text.replace(one, other))
    assert test(re.sub("^[0-9]+|[0-9]+$", "", one)) == test(re.sub("^[0-9]+|[0-9]+$", "", other))


@pytest.mark.parametrize(
    ("op", "text", "blind"),
    [
        ("contains", "name=/etc", True),
        ("contains", "fd=3", False),
        ("contains", "", True),
        ("glob", "*pass*d*", True),
        ("glob", "*pass?d*", False),
        ("glob", "*[a-z]*", False),
        ("regex", ".*(passwd|shadow).*", True),
        ("regex", ".*pass.+", False),
        ("regex", ".*pas+", False),
        ("regex", ".*[^ ]", False),
        ("regex", "(?i).*a", False),
        ("regex", "fd=.*(<f>.*)", True),
        ("!=", "x", False),
        ("<", "x", False),
    ],
)
def test_only_letters_and_anything_between_them_are_blind(op, text, blind):
    assert is_blind(op, text) is blind


@pytest.mark.parametrize(
    ("op", "text", "words"),
    [
        ("regex", ".*passwd.*", (b"passwd",)),
        ("regex", r".*/(etc|usr)/shadow[0-9]*", (b"shadow",)),
        ("regex", ".*(curl|wget).*", (b"curl", b"wget")),
        ("regex", ".*(curl|wget|[a-z]+).*", ()),
        ("regex", ".*/etc/(passwd|shadow).*", (b"passwd", b"shadow")),
        ("regex", ".*(curl|wget)+.*", ()),
        ("regex", "a|shadow", ()),
        ("regex", "passwd|shadow", (b"passwd", b"shadow")),
        ("regex", "(?i)shadow", ()),
        ("regex", r"\dshadow", ()),
        ("regex", ".*shadow?", (b"shado",)),
        ("regex", ".*O_TRUNC.*", (b"O_TRUNC",)),
        ("contains", "(O_RDONLY) mode", (b"O_RDONLY",)),  # a mode has every open
        ("contains", "name=/etc", (b"etc",)),
        ("contains", "ADD", ()),
        ("contains", "NULL", ()),
        ("icontains", "nul", ()),
        ("icontains", "4T", ()),
        ("glob", "*/etc/shado?*", (b"shado",)),
        ("glob", "*[s]hadow", ()),
        ("icontains", "Shadow", (b"shadow",)),
        ("iglob", "*/etc/Shado?*", (b"shado",)),
        ("contains", "/etc/shadow", (b"shadow",)),
    ],
)
def test_the_longest_word_is_looked_for(op, text, words):
    assert sought(check(op, text)).words == words


@pytest.mark.parametrize(
    ("op", "text", "literals"),
    [
        ("contains", "shadow", [b"shadow"]),
        ("contains", "/etc/shadow", [b"/etc/shadow"]),
        ("=", "shadow", []),
        ("contains", "ADD", []),  # a number may end so
        ("contains", "O_TRUNC", [b"O_TRUNC"]),
        ("contains", "sh\u00e4dow", []),  # it may be shown in another way
        ("contains", "sha\ndow", []),
        ("icontains", "/etc/Shadow", [b"/etc/shadow"]),
        ("glob", "*/etc/shadow*", [b"/etc/shadow"]),
        ("glob", "*sha[d]ow*", []),
        ("glob", "*sha?ow*", []),
        ("glob", "*shadow", []),
        ("iglob", "*Shadow*", [b"shadow"]),
        ("regex", ".*etc/shadow.*", [b"etc/shadow"]),
        ("regex", ".*etc/(shadow|gr(oup|een)).*", [b"etc/shadow", b"etc/group", b"etc/green"]),
        ("regex", ".*passwd.*|.*shadow.*", [b"passwd", b"shadow"]),
        ("regex", ".*passwd.*|shadow.*", []),
        ("regex", ".*etc.shadow.*", []),
        ("regex", r".*shadow\.old.*", [b"shadow.old"]),
        ("regex", ".*shad+ow.*", []),
        ("regex", "shadow.*", []),
    ],
)
def test_texts_that_satisfy_a_check_wherever_they_lie_are_told(op, text, literals):
    assert [literal for literal, _ in sought(check(op, text)).literals] == literals


def test_a_text_with_a_slash_lies_in_a_path():
    def are_of_paths(*texts: bytes) -> bool:
        return Sought(literals=tuple((text, text) for text in texts)).are_of_paths

    assert are_of_paths(b"/etc/shadow", b"etc/x")
    assert not are_of_paths()
    assert not are_of_paths(b"/etc/shadow", b"shadow")
    assert not are_of_paths(b"name=/etc")
    assert not are_of_paths(b"<f>/etc")
