"""Hostile text never reaches a screen as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuimon.escape import BAD, clean, clean_segments, json_text

HOSTILE = [
    ("\x1b]0;owned\x07", r"\e]0;owned\a"),
    ("\x1b[31mred", r"\e[31mred"),
    ("\x9b31m", r"\x9b31m"),
    ("\x90dcs\x9c", r"\x90dcs\x9c"),
    ("a\nb\rc\td", r"a\nb\rc\td"),
    ("a\x0bb\x0cc\x08", r"a\vb\fc\b"),
    ("nul\x00", r"nul\x00"),
    ("\x7f", r"\x7f"),
    ("evil\u202egnp.exe", r"evil\u{202e}gnp.exe"),
    ("\u2066x\u2069\u061c\u200f", r"\u{2066}x\u{2069}\u{61c}\u{200f}"),
    ("zero\u200bwidth\u2060\ufeff\u00ad", r"zero\u{200b}width\u{2060}\u{feff}\xad"),
    ("line\u2028and\u2029paragraph\u0085", r"line\u{2028}and\u{2029}paragraph\x85"),
    ("tag\U000e0041\ufe0f", r"tag\u{e0041}\u{fe0f}"),
    ("\u3164\u115f\uffa0filler", r"\u{3164}\u{115f}\u{ffa0}filler"),
    (b"bad \xff\xfe".decode("utf-8", "surrogateescape"), r"bad \xff\xfe"),
    ("\ud800", r"\u{d800}"),
]


@pytest.mark.parametrize(("raw", "shown"), HOSTILE)
def test_hostile_text_is_shown_escaped(raw: str, shown: str):
    """Each of these moved, hid or recoloured something on a real terminal."""
    assert clean(raw) == shown
    assert "".join(text for text, _ in clean_segments(raw)) == shown


@pytest.mark.parametrize(
    "text", ["", "plain /etc/passwd", "grüße 漢字 עברית", "[red]markup[/red]", r"back\slash", "🙂"]
)
def test_harmless_text_stays_as_it_is(text: str):
    """Escaping what is readable would make other languages unreadable. Markup is the business of the widgets."""
    assert clean(text) == text


def test_segments_tell_what_was_replaced():
    """A typed backslash-e and an escaped ESC look the same; their style does not."""
    assert clean_segments("a\x1b[m\\e") == [("a", False), (r"\e", True), ("[m\\e", False)]
    assert clean_segments("\x1b\x1b") == [(r"\e\e", True)]
    assert clean_segments("") == []


@given(st.text())
def test_nothing_dangerous_is_left(text: str):
    """Whatever goes in, only printable characters and blanks come out, on one line."""
    shown = clean(text)
    assert BAD.search(shown) is None
    assert len(shown.splitlines()) <= 1
    for char in shown:
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")


@given(st.binary())
def test_bytes_of_any_kind_can_be_shown_and_sent(raw: bytes):
    """Names of files are bytes; every front end encodes UTF-8 at the end."""
    text = raw.decode("utf-8", "surrogateescape")
    clean(text).encode("utf-8")
    json_text(text).encode("utf-8")


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str):
    """A pane may get text that was cleaned already."""
    assert clean(clean(text)) == clean(text)


def test_json_text_replaces_what_is_no_utf8():
    """As Falco's JSON does."""
    assert json_text("ok grüße") == "ok grüße"
    assert json_text(b"a\xffb".decode("utf-8", "surrogateescape")) == "a\ufffdb"
