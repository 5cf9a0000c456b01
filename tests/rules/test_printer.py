"""Printing conditions: what is printed parses to the same tree."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.rules.nodes import (
    And,
    Check,
    Condition,
    Expanded,
    FieldRef,
    Literal,
    MacroRef,
    Not,
    OperandList,
    Or,
    Transform,
    ValueList,
)
from tuimon.rules.operators import MODIFIERS, OPERATORS
from tuimon.rules.parser import parse_condition
from tuimon.rules.printer import print_condition, quote

KEYWORDS = {"and", "or", "not", "exists", *OPERATORS, *MODIFIERS}
words = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8).map(lambda text: "m" + text)
texts = st.text(max_size=8) | st.text(string.ascii_letters + "/.*?-()\"'\\ ,=\t\n", max_size=12)
raw_texts = texts.map(lambda text: text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"))
raw_texts |= st.binary(max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
literals = raw_texts.map(Literal)
numbers = st.from_regex(r"[+-]?[0-9]{1,12}", fullmatch=True).map(Literal)
fields = st.builds(FieldRef, st.builds("{}.{}".format, words, words), st.none() | raw_texts.filter(bool))
functions = st.sampled_from(["tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt"])
arguments = st.recursive(
    fields | raw_texts.map(lambda text: Literal(text, quoted=True)) | numbers,
    lambda inner: st.builds(Transform, functions, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    max_leaves=4,
)
lists = st.builds(OperandList, st.lists(arguments, max_size=3).map(tuple))
transforms = st.builds(
    Transform,
    functions,
    st.lists(arguments | lists, min_size=1, max_size=3).map(tuple),
    st.none() | raw_texts.filter(bool),
)
values = st.builds(Transform, st.just("val"), fields.map(lambda field: (field,)))
value_lists = st.lists(literals, max_size=4).map(lambda items: ValueList(tuple(items)))
lefts = fields | transforms


def of(kind: str) -> list[str]:
    return [name for name, operator in OPERATORS.items() if operator.takes == kind]


checks = st.one_of(
    st.builds(Check, lefts, st.just("exists")),
    st.builds(Check, lefts, st.sampled_from(of("number")), numbers | transforms | values),
    st.builds(Check, lefts, st.sampled_from(of("value")), literals | transforms | values),
    st.builds(Check, lefts, st.sampled_from(of("list")), value_lists | transforms | values),
    st.builds(Check, lefts, st.sampled_from(of("value")), value_lists, st.sampled_from(sorted(MODIFIERS))),
)


def _branches(children: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(children, min_size=2, max_size=4).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, children)


conditions: st.SearchStrategy[Condition] = st.recursive(checks | words.map(MacroRef), _branches, max_leaves=12)


@settings(deadline=None, max_examples=150)
@given(conditions)
def test_what_is_printed_parses_to_the_same_tree(node: Condition) -> None:
    assert parse_condition(print_condition(node)) == node


@settings(deadline=None, max_examples=100)
@given(raw_texts)
def test_every_text_survives_quoting(text: str) -> None:
    node = parse_condition(f"a.b = {quote(text)}")
    assert isinstance(node, Check)
    assert node.right == Literal(text)


def test_an_opened_macro_is_printed_as_its_condition() -> None:
    inner = Or((MacroRef("a"), MacroRef("b")))
    assert print_condition(And((Expanded("m", inner), Not(Expanded("n", inner))))) == "((a or b) and not (a or b))"


def test_a_not_in_an_opened_macro_is_printed_as_falco_does() -> None:
    assert print_condition(Not(Expanded("m", Not(MacroRef("a"))))) == "not not a"
