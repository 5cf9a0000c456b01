"""Where the words of the condition language stand in a rule file or a filter: for colouring while typing.

A lexer, not a parser: it must say something sensible about text that is half typed. The parser alone decides what is
right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<string>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)
  | (?P<logic>\b(?:and|or|not)\b)
  | (?P<operator>\b(?:exists|in|intersects|pmatch|contains|icontains|bcontains|startswith|bstartswith|endswith|glob
        |iglob|regex|oneof|anyof|allof)\b|!=|<=|>=|==|=|<|>)
  | (?P<transform>\b(?:tolower|toupper|b64|basename|len|join|concat|getopt|val)(?=\())
  | (?P<field>\b(?:evt|proc|thread|user|group|fd|fs|fdlist|container|k8s|k8smeta|ka|jevt)\.[a-z0-9_.]+(?:\[[^\]]*\])?)
  | (?P<number>\b\d+(?:\.\d+)?\b)
    """,
    re.VERBOSE,
)
_PLACEHOLDER: Final = re.compile(r"%(?:\*?[a-z][a-z0-9_.]*(?:\[[^\]]*\])?)")
_KEY: Final = re.compile(r"^(?P<indent>\s*(?:-\s+)?)(?P<key>condition|output)\s*:(?P<rest>.*)$")

_BLOCK: Final = re.compile(r"\s*[>|][-+0-9]*\s*(?:#.*)?")
"""YAML's sign that the value is the indented block below."""


@dataclass(frozen=True, slots=True)
class Token:
    """A coloured stretch of one line."""

    line: int
    """From 0."""
    start: int
    end: int
    """Half-open, in characters."""
    kind: str
    """field, operator, logic, transform, string, number, placeholder."""


def condition_tokens(text: str, line: int = 0, at: int = 0) -> Iterator[Token]:
    """Yield the tokens of one line of a condition; ``at`` is added to their columns."""
    for found in _TOKEN.finditer(text):
        yield Token(line, found.start() + at, found.end() + at, found.lastgroup or "")


def rule_file_tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of the conditions and outputs of a rule file."""
    key, indent = "", 0
    for number, line in enumerate(text.split("\n")):
        if (found := _KEY.match(line)) is not None:
            key, indent = found["key"], len(found["indent"])
            yield from _value(key, found["rest"], number, found.start("rest"))
        elif key and (not line.strip() or len(line) - len(line.lstrip()) > indent):
            yield from _value(key, line, number, 0)
        else:
            key = ""


def _value(key: str, text: str, line: int, at: int) -> Iterator[Token]:
    if key == "condition":
        if text.lstrip().startswith("#") or _BLOCK.fullmatch(text):
            return
        yield from condition_tokens(text, line, at)
        return
    for found in _PLACEHOLDER.finditer(text):
        yield Token(line, found.start() + at, found.end() + at, "placeholder")
