"""A condition's text in which the names of lists are replaced by their values, and the way back to the text before.

This is Falco's own way with lists (falco, userspace/engine/rule_loader_compiler.cpp, resolve_list);
tuimon.rules.resolve goes this way where a name stands elsewhere than as a value of a list.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import Final, TypeVar

from tuimon.rules.nodes import (
    And,
    Check,
    Condition,
    MacroRef,
    Not,
    Operand,
    OperandList,
    Or,
    Span,
    Transform,
    ValueList,
)
from tuimon.rules.parser import MAX_CHARS, ConditionSyntaxError

DELIMITERS: Final = " \t\n\r(),="
Side = TypeVar("Side", bound=Operand)


def occurrences(text: str, name: str) -> list[int]:
    """Return where a name stands between delimiters or ends."""
    found, at = [], text.find(name)
    while at >= 0:
        if stands(text, name, at):
            found.append(at)
        at = text.find(name, at + 1)
    return found


def stands(text: str, name: str, at: int) -> bool:
    """Whether a name stands at a place, between delimiters or ends."""
    end = at + len(name)
    before = at == 0 or text[at - 1] in DELIMITERS
    return before and text.startswith(name, at) and (end >= len(text) or text[end] in DELIMITERS)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column of an offset, from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


class Expansion:
    """A text in which names are replaced, and the way back from each place in it to the text before."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._before = text
        self._starts = [0]
        self._origins = [0]
        self._widths = [0]
        """Each piece of the text: where it starts, where that was before, and how long the name it stands for was."""
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def replace(self, name: str, values: str) -> bool:
        """Replace a name wherever it stands alone, as Falco does (blanks around it become one). False: nowhere."""
        places = occurrences(self.text, name)
        if not places:
            return False
        if len(self.text) + len(places) * len(values) > MAX_CHARS:
            message = f"this condition is longer than {MAX_CHARS} characters once its lists are expanded"
            raise ConditionSyntaxError(message, 0, 1, 1)
        pieces: list[tuple[str, int]] = []
        """(text, place in the old text; -1 for what is inserted at the place before it)"""
        at = 0
        for place in places:
            if place < at:
                continue
            start, end = self._around(place, place + len(name), at)
            if not values:
                start, end = self._without_comma(start, end, at)
            pieces += [(self.text[at:start], at), (f" {values} ", -1 - place)]
            at = end
        pieces.append((self.text[at:], at))
        self._rebuild(pieces, len(name))
        return True

    def _around(self, start: int, end: int, least: int) -> tuple[int, int]:
        while start > least and self.text[start - 1] in " \t\n\r":
            start -= 1
        while end < len(self.text) and self.text[end] in " \t\n\r":
            end += 1
        return start, end

    def _without_comma(self, start: int, end: int, least: int) -> tuple[int, int]:
        if start > least and self.text[start - 1] == ",":
            return start - 1, end
        if end < len(self.text) and self.text[end] == ",":
            return start, end + 1
        return start, end

    def _rebuild(self, pieces: list[tuple[str, int]], name_length: int) -> None:
        starts: list[int] = []
        origins: list[int] = []
        widths: list[int] = []
        length = 0
        for text, place in pieces:
            if place < 0:
                within = self._widths[bisect_right(self._starts, -1 - place) - 1]
                stretch = [(length, self.origin(-1 - place), within or name_length)]
            else:
                moved = self._stretch(place, place + len(text))
                stretch = [(length + start - place, origin, width) for start, origin, width in moved]
            starts += [start for start, _, _ in stretch]
            origins += [origin for _, origin, _ in stretch]
            widths += [width for _, _, width in stretch]
            length += len(text)
        self.text = "".join(text for text, _ in pieces)
        self._starts, self._origins, self._widths = starts, origins, widths

    def _stretch(self, start: int, end: int) -> list[tuple[int, int, int]]:
        first = bisect_right(self._starts, start) - 1
        last = bisect_left(self._starts, end, lo=first + 1)
        rest = range(first + 1, last)
        return [
            (start, self.origin(start), self._widths[first]),
            *((self._starts[index], self._origins[index], self._widths[index]) for index in rest),
        ]

    def origin(self, offset: int) -> int:
        """Return the place before any replacement."""
        index = bisect_right(self._starts, offset) - 1
        moved = 0 if self._widths[index] else offset - self._starts[index]
        return min(self._origins[index] + moved, len(self._before))

    def _end(self, offset: int) -> int:
        index = bisect_right(self._starts, offset) - 1
        return self._origins[index] + (self._widths[index] or offset - self._starts[index] + 1)

    def respan(self, node: Condition) -> Condition:
        """Return the tree with its places in the text before."""
        match node:
            case And(children, span):
                return And(tuple(self.respan(child) for child in children), self._span(span))
            case Or(children, span):
                return Or(tuple(self.respan(child) for child in children), self._span(span))
            case Not(child, span):
                return Not(self.respan(child), self._span(span))
            case MacroRef(name, span):
                return MacroRef(name, self._span(span))
            case Check(left, op, right, modifier, span):
                moved = self._operand(right) if right is not None else None
                return Check(self._operand(left), op, moved, modifier, self._span(span))
        return node

    def _operand(self, node: Side) -> Side:
        span = self._span(node.span)
        match node:
            case ValueList(values):
                return replace(node, items=tuple(self._operand(item) for item in values), span=span)
            case OperandList(items):
                return replace(node, items=tuple(self._operand(item) for item in items), span=span)
            case Transform(_, args):
                return replace(node, args=tuple(self._operand(each) for each in args), span=span)
        return replace(node, span=span)

    def _span(self, span: Span) -> Span:
        start, end = self.origin(span.start), self._end(max(span.start, span.end - 1))
        line = bisect_right(self._lines, start)
        return Span(start, max(end, start + 1), line, start - self._lines[line - 1] + 1)
