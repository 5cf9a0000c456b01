"""``tuimon fields`` and the reference page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from tuimon.errors import SettingsError
from tuimon.fields import all_fields
from tuimon.fields.command import add_parser, markdown

PAGE = Path(__file__).parents[2] / "docs/fields.md"


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["fields", *words])
    return int(args.run(args))


def test_the_reference_page_is_up_to_date():
    """Written by ``tuimon fields --markdown > docs/fields.md``."""
    assert PAGE.read_text() == markdown(all_fields())


@pytest.mark.parametrize(
    ("pattern", "first", "count"), [("fd.name", "fd.name", 3), ("proc.a*[ne]", "proc.aexe", 3), ("", "evt.num", 295)]
)
def test_patterns_choose_fields(pattern: str, first: str, count: int, capsys: pytest.CaptureFixture[str]):
    """Part of a name, or a glob."""
    assert run(*([pattern] if pattern else [])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == count
    assert lines[0].startswith(first)


def test_json_holds_what_the_registry_holds(capsys: pytest.CaptureFixture[str]):
    """For other programs."""
    assert run("--json", "proc.aname") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["name"] == "proc.aname"
    assert shown["any_of"] is True
    assert shown["argument"] == "optional"
    assert shown["filled"] is True


def test_a_pattern_nothing_fits_is_an_error_with_a_hint():
    """Not an empty screen."""
    with pytest.raises(SettingsError, match=r"No field fits 'nothing\.here'") as caught:
        run("nothing.here")
    assert caught.value.hint


def test_every_mark_is_explained_on_the_page():
    """A reader must find what the last column means."""
    page = PAGE.read_text()
    for mark in ("*any*", "*path*", "*filter*", "*output*", "*not filled*"):
        assert mark in page
