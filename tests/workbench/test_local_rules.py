"""Edits of the user's rule file: everything that was there stays, and exactly what was to be added is added."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.reader import read_documents
from tuimon.workbench.local_rules import Edit, ExceptionSpec, add_exception, append_item, plain, plain_data


def read(text: str):
    return [plain_data(node) for node in read_documents(RuleFile("x", text))]


def spec(rule="R", name="n", fields=("proc.name",), comps=("=",), values=("cat",)) -> ExceptionSpec:
    return ExceptionSpec(rule, name, fields, comps, values)


def added(text: str, one: ExceptionSpec) -> str:
    edit = add_exception(text, one)
    new = edit.apply(text)
    assert edit.inverse().apply(new) == text, "an edit can be taken back"
    assert text == new[: edit.start] + new[edit.start + len(edit.new) :], "nothing that was there is touched"
    return new


def exceptions_of(text: str, rule: str = "R") -> list[tuple]:
    """Return every row of values added to a rule, with its fields and operators."""
    return [
        (tuple(each["fields"]), tuple(each["comps"]), tuple(row))
        for document in read(text)
        for item in document
        if item.get("rule") == rule and item.get("override") == {"exceptions": "append"}
        for each in item["exceptions"]
        for row in each["values"]
    ]


def test_an_empty_file_gets_an_item():
    assert added("", spec()) == (
        "- rule: R\n  exceptions:\n    - name: n\n      fields: [proc.name]\n      comps: [=]\n      values:\n"
        "        - [cat]\n  override:\n    exceptions: append\n"
    )


BLOCK = """\
# mine
- rule: R   # the vendor's
  exceptions:
    # the backup job
    - name: backup
      fields: [proc.name]
      comps: [=]
      values:
        - [tar]  # nightly
        # - [rsync]
  override: {exceptions: append}

# the end
- list: l
  items: [a]
"""


def test_an_exception_of_the_same_fields_gets_a_row():
    assert added(BLOCK, spec()) == BLOCK.replace("# nightly\n", "# nightly\n        - [cat]\n")


def test_other_fields_get_an_exception_in_the_same_item():
    new = added(BLOCK, spec(fields=("fd.name",), comps=("startswith",), values=("/etc/",)))
    assert "        - [tar]  # nightly\n    - name: n\n      fields: [fd.name]\n" in new
    assert exceptions_of(new) == [(("proc.name",), ("=",), ("tar",)), (("fd.name",), ("startswith",), ("/etc/",))]


def test_another_rule_gets_an_item_of_its_own_at_the_end():
    assert added(BLOCK, spec("Other")).startswith(BLOCK + "\n- rule: Other\n")


def test_a_rule_of_ones_own_is_left_alone():
    own = "- rule: R\n  condition: evt.type = open\n  exceptions:\n"
    own += "    - {name: x, fields: [proc.name], comps: [=], values: [[a]]}\n"
    assert added(own, spec()).startswith(own)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("[[a]]", "[[a], [cat]]"),
        ("[ [a],\n   [b] ]", "[ [a],\n   [b], [cat] ]"),
        ("[ [a], # a ] in a comment\n   [b] # b\n   ]", "[ [a], # a ] in a comment\n   [b], [cat] # b\n   ]"),
        ("[['x]', 'it''s ]']]", None),
    ],
)
def test_flow_style_is_kept(values, expected):
    text = f"- rule: R\n  exceptions: [{{name: x, fields: [proc.name], comps: [=], values: {values}}}]\n"
    text += "  override: {exceptions: append}\n"
    new = added(text, spec())
    if expected is not None:
        assert new == text.replace(values, expected)
    assert exceptions_of(new)[-1] == (("proc.name",), ("=",), ("cat",))


def test_a_file_without_a_newline_at_its_end():
    assert added("- list: l\n  items: [a]", spec()).startswith("- list: l\n  items: [a]\n\n- rule: R\n")


def test_several_documents():
    assert exceptions_of(added("- list: a\n  items: [x]\n---\n" + BLOCK, spec()))[-1][2] == ("cat",)


@pytest.mark.parametrize("text", ["[{list: a, items: [b]}]\n", "a: b\n", "- list: a\n  items: [b]\n...\n"])
def test_a_file_that_cannot_be_added_to_is_refused(text):
    with pytest.raises(RuleError, match="without rewriting"):
        add_exception(text, spec())


def test_a_file_that_is_no_yaml_says_where():
    with pytest.raises(RuleError, match=r"local.yaml:2:"):
        add_exception("- list: a\n\tx: [", spec())


def test_a_text_that_changed_meanwhile_is_not_edited():
    with pytest.raises(RuleError, match="has changed"):
        Edit(0, 3, "abc", "x").apply("abd")


def test_an_item_is_put_at_the_end():
    text = "- macro: m\n  condition: evt.type = open\n"
    new = append_item("# x\n", text, {"macro": "m", "condition": "evt.type = open"}).apply("# x\n")
    assert new == "# x\n\n" + text
    with pytest.raises(RuleError):
        append_item("# x\n", text, {"macro": "other"})


values = st.text(min_size=1, max_size=12) | st.sampled_from(
    (
        "cat",
        "a b",
        '"a b"',
        "it's",
        "#x",
        "- x",
        "a: b",
        "[x]",
        "yes",
        "~",
        "1.5",
        "*x",
        "&x",
        "%x",
        "@x",
        "\x1b[m",
        "é",
        "x\ny",
    )
)


@given(text=values.filter(lambda text: not any(0xD800 <= ord(char) < 0xE000 for char in text)))
@settings(deadline=None)
def test_any_text_can_be_written_as_a_scalar(text):
    assert read(f"[{plain(text)}]") == [[text]]
    assert read(f"- {plain(text)}\n") == [[text]]


FLAT = """\
- rule: R
  exceptions:
  - name: flat
    fields: [proc.name]
    comps: [=]
    values:
    - [a]
  override:
    exceptions: append
"""

lines = st.sampled_from(
    (
        "# a comment\n",
        "\n",
        "- list: l\n  items: [a]  # why\n",
        "- macro: m\n  condition: >\n    evt.type = open\n    and x\n",
        "- rule: R\n  condition: evt.type = open\n",
        "- rule: R\n  enabled: false\n",
        BLOCK,
        FLAT,
        "- rule: R\n  override: {condition: append}\n  condition: and x\n",
    )
)
specs = st.builds(
    lambda rule, field, comp, value: spec(rule, f"{field}_{comp}", (field,), (comp,), (value,)),
    st.sampled_from(("R", "Other Rule")),
    st.sampled_from(("proc.name", "fd.name")),
    st.sampled_from(("=", "startswith")),
    st.sampled_from(("cat", "/etc/", '"a b"', "x#y")),
)


@given(start=st.lists(lines, max_size=5), edits=st.lists(specs, min_size=1, max_size=6))
@settings(deadline=None, max_examples=150)
def test_comments_and_layout_survive_any_sequence_of_edits(start, edits):
    """A user whose comments are eaten never uses the key again."""
    text = before = "".join(start)
    for one in edits:
        new = added(text, one)
        kept = iter(new.splitlines())
        assert all(line in kept for line in text.splitlines()), "every line is still there, in the same order"
        assert exceptions_of(new, one.rule).count((one.fields, one.comps, one.values)) == (
            exceptions_of(text, one.rule).count((one.fields, one.comps, one.values)) + 1
        )
        text = new
    assert [item for item in read(text)[0] if "list" in item] == [
        item for document in read(before) for item in document if "list" in item
    ]
