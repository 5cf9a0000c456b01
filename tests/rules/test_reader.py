"""YAML to located nodes: places, and the bounds that keep a small file from meaning a large one."""

from __future__ import annotations

import time

import pytest

from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.reader import MAX_DEPTH, Mapping, Node, Sequence, YamlError, read_documents
from tuimon.rules.source import ConditionText, Scalar


def read(text: str) -> list[Node]:
    return list(read_documents(RuleFile("f", text)))


def scalars(node: Node) -> list[Scalar]:
    match node:
        case Scalar():
            return [node]
        case Sequence(items):
            return [scalar for item in items for scalar in scalars(item)]
        case Mapping(entries):
            return [scalar for pair in entries for item in pair for scalar in scalars(item)]
    raise AssertionError(node)


STYLES = r"""- a: "x\n y\tz 'q' \" \u0041b\
    c"
- b: 'it''s so'
- c: |
    one two
      three

    four
- d: >-
    fold me
    please

    now
- e: plain over
    two lines # not this
- f: "über"
"""


def test_every_character_of_a_scalar_is_found_in_the_file() -> None:
    """Escapes, folding, indentation and doubled quotes are seen through."""
    for scalar in scalars(read(STYLES)[0]):
        seen = "".join(
            STYLES[scalar.place(i, i + 1).offset] for i, char in enumerate(scalar.text) if not char.isspace()
        )
        wanted = "".join(scalar.text.split())
        # An escape is found where its backslash stands.
        assert seen == wanted.replace('"', "\\").replace("A", "\\", 1) or seen == wanted


def test_parts_of_a_condition_lead_to_their_own_lines() -> None:
    first, second = scalars(read("- aa bb\n-   cc dd\n")[0])
    text = ConditionText.of(first).append(second)
    assert text.text == "aa bb cc dd"
    assert [(text.place(at).line, text.place(at).column) for at in (0, 3, 6, 9)] == [(1, 3), (1, 6), (2, 5), (2, 8)]


def test_an_alias_is_the_node_it_names() -> None:
    (node,) = read("- &a [x]\n- *a\n")
    assert isinstance(node, Sequence)
    assert node.items[0] is node.items[1]


def test_aliases_are_counted_as_if_written_out() -> None:
    """The "billion laughs": nine lines that would be a billion items."""
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"- &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(YamlError, match="written out"):
        read("\n".join(lines))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_is_bounded(opening: str) -> None:
    started = time.thread_time()
    with pytest.raises(YamlError, match=f"deeper than {MAX_DEPTH}"):
        read(opening * 100_000)
    assert time.thread_time() - started < 5


def test_text_that_is_no_utf8_is_refused_with_its_place() -> None:
    with pytest.raises(YamlError) as raised:
        read("- a\n- b\udcff\n")
    assert (raised.value.place.line, raised.value.place.column) == (2, 4)


def test_of_a_key_that_stands_twice_the_first_counts() -> None:
    (node,) = read("a: 1\na: 2\n")
    assert isinstance(node, Mapping)
    value = node.get("a")
    assert isinstance(value, Scalar)
    assert value.text == "1"


@pytest.mark.parametrize("text", ["", "~", "null", "NULL"])
def test_what_yaml_reads_as_nothing_is_null(text: str) -> None:
    (node,) = read(f"- {text}\n")
    assert isinstance(node, Sequence)
    item = node.items[0]
    assert isinstance(item, Scalar)
    assert item.is_null


def test_a_byte_order_mark_moves_nothing() -> None:
    (node,) = read("\ufeff- abc\n- def\n")
    second = scalars(node)[1]
    assert (second.line, second.column) == (2, 3)
    assert second.file.text[second.start : second.end] == "def"


def test_a_line_that_belongs_to_no_item_is_told_how_to_belong_to_one():
    text = "- rule: A\n  desc: x\n output: y\n"
    with pytest.raises(YamlError) as caught:
        read(text)
    assert "indent it as far as the keys above" in caught.value.hint
    assert caught.value.place.line == 3


def test_a_key_that_is_indented_too_far_is_told_as_that():
    """The commonest mistake of all; YAML's own words are about a value."""
    with pytest.raises(YamlError) as caught:
        read("- rule: a\n   desc: x\n")
    assert "indented as far as the one above" in caught.value.hint
    with pytest.raises(YamlError) as caught:
        read("- rule: a\n  desc: x: y\n")
    assert "takes quotes" in caught.value.hint


def test_a_bracket_that_is_left_open_is_told_as_that():
    with pytest.raises(YamlError) as caught:
        read("items: [\n")
    assert "is a [ or { before this closed?" in caught.value.hint
