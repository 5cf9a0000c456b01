"""Places: the line of a value of a TOML file, where it can be told, and nothing where it cannot."""

import tomllib

import pytest

from tuimon.places import Placed, lines_of, place

TEXT = """\
# a comment: theme = 1
theme = "a"  # theme = "b"
rules = [
  "x",
]

[keys]  # mine
alerts.mute = "x"
"alerts.ack" = "y"
'live' . pause = "z"
  [ keys.side ]
  record = "f9"
"""


def test_every_name_has_its_line() -> None:
    """By its whole name, however it is written."""
    assert lines_of(TEXT) == {
        "theme": 2,
        "rules": 3,
        "keys": 7,
        "keys.alerts.mute": 8,
        "keys.alerts.ack": 9,
        "keys.live.pause": 10,
        "keys.side": 11,
        "keys.side.record": 12,
    }


def test_a_line_within_a_text_is_not_taken_for_the_name() -> None:
    """No line is better than a wrong one."""
    text = 'a = """\nb = 1\n"""\nb = 2\n'
    assert tomllib.loads(text)["b"] == 2
    assert lines_of(text) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "said"),
    [("theme", "f:2"), ("keys.alerts.mute", "f:8"), ("keys.other", "f:7"), ("nothing", "f"), ("", "f")],
)
def test_a_name_without_a_line_has_its_table_s(name: str, said: str) -> None:
    """An inline table stands on the line of its name."""
    assert place("f", lines_of(TEXT), name) == said


def test_a_placed_text_is_as_any_text() -> None:
    """It equals what it says, and has its place beside it."""
    text = Placed("dark", "f:3")
    assert (text, text.place) == ("dark", "f:3")
    assert {text: 1}["dark"] == 1
