"""Every value can be said in the rule language, says the same again, and shows nothing invisible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import container, open_event
from tuimon.errors import TuimonError
from tuimon.fields import UNKNOWN, all_fields, lookup
from tuimon.rules.filter import compile_filter
from tuimon.rules.parser import parse_condition
from tuimon.view.terms import field_term, joined, negated, term, written

ANYTHING = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")) | st.text(max_size=20)


@given(ANYTHING)
def test_a_value_written_is_read_back_the_same(text):
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return  # a lone surrogate that stands for no byte cannot come from a kernel
    shown = written(text)
    assert shown.isprintable()
    node = parse_condition(f"fd.name = {shown}")
    assert node.right.text == text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("proc.name", "nginx", "proc.name = nginx"),
        ("proc.name", "my app", 'proc.name = "my app"'),
        ("fd.name", "/tmp/a'b", 'fd.name = "/tmp/a\'b"'),
        ("fd.name", "/tmp/\udcff\x1b", 'fd.name = "/tmp/\\xff\\x1b"'),
        ("fd.name", "/日本", "fd.name = /日本"),
        ("evt.is_open_write", True, "evt.is_open_write = true"),
        ("fd.rip", bytes([10, 0, 0, 7]), "fd.rip = 10.0.0.7"),
        ("proc.pid", 17, "proc.pid = 17"),
        ("proc.name", None, "not proc.name exists"),
        ("proc.aname", ("sh", "my app"), 'proc.aname in (sh, "my app")'),
    ],
)
def test_terms(name, value, text):
    assert term(lookup(name), value) == text
    parse_condition(text)


def test_what_cannot_be_said_is_told_in_words():
    for name, value in (("container.name", UNKNOWN), ("proc.aname", ())):
        with pytest.raises(TuimonError, match=r"not known yet|empty list"):
            term(lookup(name), value)
    unprintable = next(info for info in all_fields() if info.print_only)
    with pytest.raises(TuimonError, match="outputs only"):
        term(unprintable, "x")


def test_the_opposite_and_the_sum():
    assert negated("proc.name = x") == "not proc.name = x"
    assert negated("not proc.name = x") == "proc.name = x"
    assert negated("a.b = 1 and c.d = 2") == "not (a.b = 1 and c.d = 2)"
    assert joined(("a.b = 1 or c.d = 2", "", "e.f = 3")) == "(a.b = 1 or c.d = 2) and e.f = 3"
    assert joined(["a.b = 1 or c.d = 2"]) == "a.b = 1 or c.d = 2"
    assert joined(["a.b = 1 and c.d = 2", "m"]) == "a.b = 1 and c.d = 2 and m"


def test_the_term_of_every_field_of_an_event_keeps_that_event():
    hostile = "/tmp/a 'b\" \x1b[2J\udcff\n"
    event = open_event(hostile, container=container(name="we b"))
    kept = 0
    for info in all_fields():
        try:
            text = field_term(info, event)
        except TuimonError:
            continue
        assert compile_filter(text, None, lambda batch, row: event).matches(event), text
        assert not compile_filter(negated(text), None, lambda batch, row: event).matches(event), text
        kept += 1
    assert kept > 100
