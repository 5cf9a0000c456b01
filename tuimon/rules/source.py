"""Where text comes from: files, and condition texts that are pieced together from places in files.

Rules speak in offsets into a condition; people look at files. ``ConditionText.place`` leads from one to the other,
through YAML's quoting and folding and through appended parts. It costs only when there is something to report.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from tuimon.rules.diagnostics import RuleFile

_DOUBLE_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}
SNIPPET_COLUMNS: Final = 160


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file: line and column from 1; the end is half-open and on the same line, 0 when unknown."""

    file: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0
    offset: int = 0
    source: str = field(default="", repr=False, compare=False)
    """The whole text, for the snippet."""

    @property
    def snippet(self) -> str:
        """The line, and a caret line under it; of a long line the part around the place."""
        cut = max(0, self.column - SNIPPET_COLUMNS + 20) if self.column > SNIPPET_COLUMNS else 0
        start = self.source.rfind("\n", 0, self.offset) + 1 + cut
        end = self.source.find("\n", start, start + SNIPPET_COLUMNS)
        shown = self.source[start : end if end >= 0 else start + SNIPPET_COLUMNS].rstrip("\r").expandtabs(1)
        before = self.column - 1 - cut
        width = max(1, self.end_column - self.column) if self.end_line == self.line else 1
        return f"{shown}\n{' ' * before}{'^' * min(width, max(1, len(shown) - before))}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A YAML scalar and where it stands."""

    text: str
    file: RuleFile
    start: int
    """Offset of its first character in the file's text, quote or block sign included."""
    end: int
    line: int
    """From 1."""
    column: int
    """From 1."""
    style: str
    """The YAML indicator: empty for plain, a quote, | or >."""
    size: int = 1

    @property
    def is_null(self) -> bool:
        """Whether YAML reads it as no value."""
        return not self.style and self.text in ("", "~", "null", "Null", "NULL")

    def place(self, start: int = 0, end: int = 0) -> Place:
        """Return the place of a stretch of the value (offsets into ``text``); without one, where the scalar begins."""
        if not end and not start:
            return node_place(self.file, self.start, self.line, self.column, self.end - self.start)
        # Where it begins is asked of every condition and output, the rest of it of what is wrong.
        offsets = self.offsets(1) if start == 0 and end == 1 else _offsets(self)
        first, last = min(start, len(self.text)), min(max(end - 1, start), len(self.text))
        return place_at(self.file, offsets[first], offsets[last] + 1)

    def offsets(self, count: int | None = None) -> list[int]:
        """Return where each character of the value (or of its first ``count``) stands in the file, and where it ends.

        Value and file are walked side by side: what is not blank stands in both, in the same order.
        """
        raw, at = self.file.text, self.start
        if self.style in ("|", ">"):
            at = raw.find("\n", at) + 1 or len(raw)
        elif self.style:
            at += 1
        last, out = at, []
        for char in self.text if count is None else self.text[:count]:
            if char.isspace():
                out.append(min(last, self.end))
                if self.style != '"' or raw[at : at + 1] != "\\":
                    last += 1
                continue
            at = self._skip_blanks(raw, at)
            out.append(at)
            at += self._width(raw, at)
            last = at
        return [*out, min(last, self.end)]

    def _skip_blanks(self, raw: str, at: int) -> int:
        while at < self.end and (raw[at].isspace() or self._is_blank_escape(raw, at)):
            at += self._width(raw, at) if raw[at] == "\\" else 1
        return at

    def _is_blank_escape(self, raw: str, at: int) -> bool:
        return (
            self.style == '"' and raw[at] == "\\" and raw[at + 1 : at + 2] in ("n", "t", "r", " ", "\n", "v", "f", "_")
        )

    def _width(self, raw: str, at: int) -> int:
        """Return how many characters of the file make this one of the value."""
        if self.style == "'" and raw[at : at + 2] == "''":
            return 2
        if self.style == '"' and raw[at] == "\\":
            return 2 + _DOUBLE_ESCAPES.get(raw[at + 1 : at + 2], 0)
        return 1


def place_at(file: RuleFile, offset: int, end: int = 0) -> Place:
    """Return the place of an offset in a file's text; the mark ends at ``end``, at the latest with the line."""
    starts = _line_starts(file.text)
    offset = min(offset, len(file.text))
    line = bisect_right(starts, offset)
    return node_place(file, offset, line, offset - starts[line - 1] + 1, max(1, end - offset))


def node_place(file: RuleFile, offset: int, line: int, column: int, width: int) -> Place:
    """Return the place of something whose line and column are known; the mark ends with the line at the latest."""
    newline = file.text.find("\n", offset, offset + width)
    width = width if newline < 0 else max(1, newline - offset)
    return Place(file.path, line, column, line, column + width, offset, file.text)


@lru_cache(maxsize=8)
def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("\n", text))]


@lru_cache(maxsize=32)
def _offsets(scalar: Scalar) -> list[int]:
    return scalar.offsets()


@dataclass(frozen=True, slots=True)
class ConditionText:
    """The text of a condition and the scalars it is made of, joined by one blank."""

    parts: tuple[Scalar, ...]
    text: str

    @classmethod
    def of(cls, *parts: Scalar) -> ConditionText:
        """Join scalars."""
        return cls(parts, " ".join(part.text for part in parts))

    def append(self, part: Scalar) -> ConditionText:
        """Return this text with one more part behind it."""
        return ConditionText((*self.parts, part), f"{self.text} {part.text}")

    def place(self, start: int, end: int = 0) -> Place:
        """Return where a stretch of the text stands in its file."""
        for part in self.parts:
            if start <= len(part.text):
                return part.place(start, max(end, start + 1))
            start -= len(part.text) + 1
            end -= len(part.text) + 1
        return self.parts[-1].place(len(self.parts[-1].text))

    @property
    def origin(self) -> str:
        """FILE:LINE of the first part."""
        first = self.parts[0]
        return f"{first.file.path}:{first.line}"
