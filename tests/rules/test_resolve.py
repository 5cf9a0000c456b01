"""Lists and macros in their places: in the tree as in the text, what the nodes remember, and what is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.items import Context, ListItem
from tuimon.rules.loader import load
from tuimon.rules.nodes import And, Check, Condition, Expanded, Literal, MacroRef, ValueList, walk
from tuimon.rules.parser import ConditionSyntaxError, parse_condition
from tuimon.rules.printer import print_condition
from tuimon.rules.resolve import Lists, Macro, ResolveError, open_macros
from tuimon.rules.source import Place, Scalar

FILE = RuleFile("f", "")
CONTEXT = Context((), Place("f", 1, 1))


def lists(**items: list[str]) -> Lists:
    made = []
    for index, (name, texts) in enumerate(items.items()):
        scalars = [Scalar(text, FILE, 0, 0, 1, 1, "") for text in texts]
        made.append(ListItem(name, CONTEXT, FILE, index=index, visibility=index, items=scalars))
    return Lists(made)


def right_of(node: Condition) -> ValueList:
    assert isinstance(node, Check)
    assert isinstance(node.right, ValueList)
    return node.right


def test_a_right_side_that_is_one_list_remembers_its_name() -> None:
    """The explanation shows it instead of a hundred values."""
    known = lists(shells=["bash", "sh"])
    assert right_of(known.parse("proc.name in (shells)")).name == "shells"
    assert right_of(known.parse("proc.name in ( shells )")).name == "shells"
    assert right_of(known.parse("proc.name in (shells, x)")).name is None
    assert right_of(known.parse("proc.name in (x)")).name is None


def test_values_of_a_list_keep_the_place_of_its_name() -> None:
    right = right_of(lists(shells=["bash", "sh"]).parse("proc.name in (a, shells)"))
    assert [(item.text, item.span.start) for item in right.items] == [("a", 14), ("bash", 17), ("sh", 17)]


def test_the_rest_of_the_tree_keeps_its_places() -> None:
    """Also where the text has to be expanded before it can be parsed."""
    text = "proc.name = one and fd.name in (shells) and user.name = x"
    for values in (["bash"], ['"a b"']):
        node = lists(one=["1"], shells=values).parse(text)
        assert isinstance(node, And)
        spans = [text[child.span.start : child.span.end] for child in node.children]
        assert spans == ["proc.name = one", "fd.name in (shells)", "user.name = x"]


def test_a_syntax_error_keeps_its_place_behind_an_expanded_list() -> None:
    with pytest.raises(ConditionSyntaxError) as raised:
        lists(one=["a longer value than the name"]).parse("proc.name = one and\n fd.name = and x y")
    assert (raised.value.line, raised.value.column) == (2, 16)


def expanded_as_text(text: str, known: dict[str, list[str]]) -> str:
    """Do it as Falco does, naively: list after list, wherever the name stands between delimiters."""
    for name, values in known.items():
        at = text.find(name)
        while at >= 0:
            end = at + len(name)
            if (at == 0 or text[at - 1] in " \t\n\r(),=") and (end == len(text) or text[end] in " \t\n\r(),="):
                start = at
                while start > 0 and text[start - 1] in " \t\n\r":
                    start -= 1
                while end < len(text) and text[end] in " \t\n\r":
                    end += 1
                put = ", ".join(f'"{v}"' if " " in v and v[0] not in "\"'" else v for v in values)
                if not put and start > 0 and text[start - 1] == ",":
                    start -= 1
                elif not put and end < len(text) and text[end] == ",":
                    end += 1
                text = (text[:start] + " " if start > 0 else "") + put + " " + text[end:]
                at = start + len(put) + 1
            at = text.find(name, at + 1)
    return text


values = st.sampled_from(["x", "y z", "/a/b", '"q r"', "k", "l", "m", "a,b", "1", "l.m", "xl"])
names = st.sampled_from(["k", "l", "m"])
words = st.sampled_from(["k", "l", "m", "x", "'k l'", "kl", "k.l", '"m"'])
right_sides = st.one_of(
    st.lists(words, max_size=4).map(lambda each: f"in ({', '.join(each)})"),
    words.map(lambda word: f"= {word}"),
    words.map(lambda word: f"startswith {word}"),
    names.map(lambda name: f"in {name}"),
)
texts = st.lists(right_sides, min_size=1, max_size=3).map(lambda each: " and ".join(f"a.b {right}" for right in each))


@settings(deadline=None, max_examples=300)
@given(texts, st.dictionaries(names, st.lists(values, max_size=3), max_size=3))
def test_lists_expand_as_if_in_the_text(text: str, known: dict[str, list[str]]) -> None:
    """Whatever way is taken, the outcome is that of Falco's replacement in the text."""
    known = {name: [value for value in items if value not in known] for name, items in known.items()}
    try:
        wanted: str | None = print_condition(parse_condition(expanded_as_text(text, known)))
    except ConditionSyntaxError:
        wanted = None
    try:
        found: str | None = print_condition(lists(**known).parse(text))
    except ConditionSyntaxError:
        found = None
    assert found == wanted


def test_a_list_in_lists_is_opened_all_the_way() -> None:
    right = right_of(lists(j=["x"], k=["j", "y"], l=["k", "z"]).parse("a.b in (l)"))
    assert [item.text for item in right.items] == ["x", "y", "z"]


def test_used_lists_are_marked() -> None:
    known = lists(j=["x"], k=["j"], l=["k"], m=["x"])
    known.parse("a.b in (l)")
    assert [name for name, each in known.by_name.items() if each.used] == ["j", "k", "l"]


def test_lists_that_double_are_refused_in_no_time() -> None:
    started = time.thread_time()
    known = lists(l0=["a", "b"], **{f"l{i}": [f"l{i - 1}", f"l{i - 1}"] for i in range(1, 50)})
    with pytest.raises(ConditionSyntaxError, match="opens to more than"):
        known.parse("a.b in (l49)")
    assert time.thread_time() - started < 5


def macro(name: str, text: str, depth: int = 1) -> Macro:
    return Macro(name, parse_condition(text), "f:1", depth, 1)


def test_an_opened_macro_remembers_its_name_and_origin() -> None:
    node, depth, size = open_macros(parse_condition("m and not m"), {"m": macro("m", "a.b = c")})
    opened = [each for each in walk(node) if isinstance(each, Expanded)]
    assert [(each.name, each.origin) for each in opened] == [("m", "f:1")] * 2
    assert opened[0].child is opened[1].child
    assert not any(isinstance(each, MacroRef) for each in walk(node))
    assert (depth, size) == (4, 2)


def test_an_undefined_macro_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ResolveError, match="Undefined macro 'spawnd'") as raised:
        open_macros(parse_condition("x.y exists and spawnd"), {"spawned": macro("spawned", "a.b = c")})
    assert raised.value.hint == "did you mean spawned?"
    assert raised.value.span.start == 15


def rules(*items: str) -> str:
    rule = "- rule: R\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n"
    return "".join(items) + rule.format(f"m{len(items) - 1}")


def messages(text: str) -> list[str]:
    return [found.message for found in load([RuleFile("f", text)]).diagnostics if found.severity == "error"]


def test_macros_that_double_are_refused_in_no_time() -> None:
    started = time.thread_time()
    items = ["- macro: m0\n  condition: evt.type = open\n"]
    items += [f"- macro: m{i}\n  condition: m{i - 1} or m{i - 1}\n" for i in range(1, 60)]
    found = messages(rules(*items))
    assert len(found) == 1
    assert "more than 200000" in found[0]
    assert time.thread_time() - started < 5


def test_a_long_chain_of_macros_is_refused_before_it_is_too_deep_for_python() -> None:
    items = ["- macro: m0\n  condition: evt.type = open\n"]
    items += [f"- macro: m{i}\n  condition: m{i - 1}\n" for i in range(1, 2000)]
    found = messages(rules(*items))
    assert len(found) == 1
    assert "deeper than 250 levels" in found[0]


def test_a_long_chain_defined_backwards_is_followed_without_recursion() -> None:
    items = [f"- macro: m{i}\n  condition: evt.type = open\n" for i in range(2000)]
    items += [f"- macro: m{i}\n  condition: m{i + 1}\n" for i in range(1999)]
    found = messages("".join(items) + rules("", ""))
    assert found
    assert all("deeper than 250 levels" in message for message in found)


def test_a_literal_in_a_list_of_values_can_be_compared() -> None:
    assert right_of(lists(l=["x y"]).parse("a.b in (l)")).items == (Literal("x y"),)
