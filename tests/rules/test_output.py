"""Output templates, as Falco formats them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders
from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.output import Template, as_text, escaped

LINE = builders.chain("systemd", "sshd", "bash", "cat", args=("/etc/shadow",))
OPEN = builders.open_event("/etc/shadow", process=LINE)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("%proc.name", "cat"),
        ("*%proc.name", "cat"),
        ("a=%proc.name b=%proc.pname.", "a=cat b=bash."),
        ("%proc.name%proc.pname", "catbash"),
        ("(%fd.name)", "(/etc/shadow)"),
        ("%fd.name.xyz", "/etc/shadow.xyz"),
        ("%proc.name,%proc.pid;", "cat,4000;"),
        ("%proc.aname[2]", "sshd"),
        ("%proc.aname[2] %proc.aname[9]", "sshd <NA>"),
        ("%proc.aname", "<NA>"),
        ("%evt.arg.flags", "O_RDONLY"),
        ("%fd.sip", "<NA>"),
        ("%6proc.name|", "cat   |"),
        ("%2proc.name|", "ca|"),
        ("%toupper(proc.name)", "CAT"),
        ("%tolower(toupper(proc.name))!", "cat!"),
        ("%len(proc.name)", "3"),
        ('%concat(proc.name, "-", proc.pname)', "cat-bash"),
        ('%join(":", (proc.name, proc.pname))', "cat:bash"),
        ("%basename(fd.name)", "shadow"),
        ("%evt.is_open_read", "true"),
        ("%evt.rawres", "3"),
        ("%container.info%container.id", "host"),
    ],
)
def test_text_of_a_template(template, expected):
    assert Template.parse(template).format(OPEN) == expected


def test_values_keep_their_types_and_absent_is_null():
    template = Template.parse("%proc.name %evt.rawres %evt.is_open_read %fd.sip %proc.name")
    assert template.fields == ("proc.name", "evt.rawres", "evt.is_open_read", "fd.sip")
    assert template.values(OPEN) == {"proc.name": "cat", "evt.rawres": 3, "evt.is_open_read": True, "fd.sip": None}


def test_addresses_print_in_their_usual_form():
    template = Template.parse("%fd.sip:%fd.sport")
    assert template.format(builders.connect_event("2001:db8::1", 443)) == "2001:db8::1:443"
    assert template.values(builders.connect_event("10.0.0.9", 443)) == {"fd.sip": "10.0.0.9", "fd.sport": 443}


def test_what_is_not_known_yet_prints_as_absent():
    event = builders.open_event(container=builders.container(known=False))
    template = Template.parse("%container.name")
    assert template.format(event) == "<NA>"
    assert template.values(event) == {"container.name": None}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("100%", "cannot end with a %"),
        ("%", "cannot end with a %"),
        ("%% of", "invalid formatting token"),
        ("%no.such.field", "no.such.field"),
        ("% proc.name", "invalid formatting token"),
        ("%proc.aname[2", "is not closed"),
        ("%toupper(proc.name", "is not closed"),
        ("%toupper(", "invalid formatting token"),
        ("%frobnicate(proc.name)", "unknown transformer"),
        ("%toupper(proc.pid)", "toupper"),
        ('%join(":", (proc.name', "is not closed"),
    ],
)
def test_a_wrong_template_is_refused_with_a_sentence(template, message):
    with pytest.raises(RuleError, match=message):
        Template.parse(template)


def test_hostile_values_cannot_forge_a_line_and_the_templates_own_text_stays():
    event = builders.open_event(b'/tmp/a\nFAKE: "alert"\x1b[2J\xff\\\xc2\x85')
    text = Template.parse('file="%fd.name"\tx').format(event)
    assert text == 'file="/tmp/a\\nFAKE: \\"alert\\"\\u001b[2J\ufffd\\\\\\u0085"\tx'
    assert Template.parse("%fd.name").format(event, escape=False) == '/tmp/a\nFAKE: "alert"\x1b[2J\udcff\\\x85'


@given(text=st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_escaped_text_is_the_inside_of_a_json_string(text):
    inner = escaped(text)
    assert json.loads(f'"{inner}"') == text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in inner)
    inner.encode("utf-8")


def test_text_of_values():
    assert as_text(("a", "b"), FieldType.CHARBUF) == "(a,b)"
    assert as_text((), FieldType.CHARBUF) == "()"
    assert as_text(b"\x7f\0\0\1", FieldType.IPADDR) == "127.0.0.1"
    assert as_text(b"\x7f\0\0", FieldType.IPADDR) == "7f0000"
    assert as_text(b"ab\xff", FieldType.BYTEBUF) == "ab\udcff"
    assert as_text(False, FieldType.BOOL) == "false"
    assert as_text(-1, FieldType.INT64) == "-1"
