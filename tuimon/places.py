"""Where a value of a TOML file stands: tomllib tells it of no value, and a message without it sends one searching."""

from __future__ import annotations

import re
from typing import Final

_PART: Final = r"""(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_NAME: Final = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_KEY: Final = re.compile(rf"[ \t]*({_NAME})[ \t]*=")
_TABLE: Final = re.compile(rf"[ \t]*\[[ \t]*({_NAME})[ \t]*\][ \t]*(?:#.*)?$")


class Placed(str):
    """A text of a config file that knows where it stands: ``/etc/tuimon/config.toml:12``; else as any text."""

    __slots__ = ("place",)
    place: str

    def __new__(cls, text: str, place: str) -> Placed:
        """Return the text with its place."""
        new = super().__new__(cls, text)
        new.place = place
        return new


def lines_of(text: str) -> dict[str, int]:
    """Return the line, from 1, of each table and key of a TOML text, by its whole name (``keys.alerts.mute``).

    A name that two lines seem to hold is left out: one of them is within a text of several lines.
    """
    found: dict[str, list[int]] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _name(header[1])
            found.setdefault(table, []).append(number)
        elif key := _KEY.match(line):
            found.setdefault(_joined(table, _name(key[1])), []).append(number)
    return {name: numbers[0] for name, numbers in found.items() if len(numbers) == 1}


def place(file: str, lines: dict[str, int], name: str) -> str:
    """Return the file with the line of a name behind it, of the table around it when the name's own is not known."""
    while name:
        if name in lines:
            return f"{file}:{lines[name]}"
        name = name.rpartition(".")[0]
    return file


def _name(written: str) -> str:
    """Return a name as tomllib gives it: without quotes, and blanks around its dots."""
    return ".".join(part.strip("\"'") for part in re.findall(_PART, written))


def _joined(table: str, name: str) -> str:
    return f"{table}.{name}" if table else name
