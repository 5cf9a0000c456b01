"""YAML text to located nodes: the only module that imports yaml.

Nothing is interpreted (no tags, no types): a node is a mapping, a sequence or the text of a scalar, each with its
place. Rule files are untrusted: nesting is bounded, an alias is the very node it names (nothing is copied), and what
all aliases would stand for when written out is bounded too, so that a few lines cannot mean billions of items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from tuimon.errors import RuleError
from tuimon.rules.diagnostics import RuleFile
from tuimon.rules.source import Place, Scalar, node_place, place_at

MAX_NODES: Final = 500_000
"""Nodes of one document with every alias written out."""
MAX_DEPTH: Final = 64
"""Sequences and mappings inside one another. The rules format needs six."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A YAML sequence."""

    items: tuple[Node, ...]
    file: RuleFile
    start: int
    line: int
    column: int
    size: int

    def place(self) -> Place:
        """Return where it begins."""
        return node_place(self.file, self.start, self.line, self.column, 1)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A YAML mapping; of a key that stands twice, the first counts."""

    entries: tuple[tuple[Node, Node], ...]
    file: RuleFile
    start: int
    line: int
    column: int
    size: int

    def place(self) -> Place:
        """Return where it begins."""
        return node_place(self.file, self.start, self.line, self.column, 1)

    def get(self, key: str) -> Node | None:
        """Return the value of a key, None when it is not there."""
        for name, value in self.entries:
            if isinstance(name, Scalar) and name.text == key:
                return value
        return None


Node = Scalar | Sequence | Mapping


class YamlError(RuleError):
    """Text that is not YAML, or more of it than we take."""

    def __init__(self, message: str, place: Place, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.place = place


def read_documents(file: RuleFile) -> Iterator[Node]:
    """Yield the top node of each document of a file; empty documents are passed over.

    Raises:
        YamlError: With the place, while iterating.
    """
    if file.text.startswith("\ufeff"):
        # yaml does not count a byte order mark; without it offsets agree.
        file = replace(file, text=file.text[1:])
    try:
        file.text.encode()
    except UnicodeEncodeError as error:
        message = "this is not UTF-8 text"
        raise YamlError(message, place_at(file, error.start), "save the file as UTF-8") from None
    composer = _Composer(file, yaml.parse(file.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    try:
        yield from composer.documents()
    except yaml.YAMLError as error:
        raise _explain(file, error) from None


class _Composer:
    """Builds nodes from yaml's events."""

    def __init__(self, file: RuleFile, events: Iterator[Any]) -> None:
        self._file = file
        self._events = events
        self._anchors: dict[str, Node] = {}

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                node = self._node(next(self._events), 0)
                if not (isinstance(node, Scalar) and node.is_null):
                    yield node

    def _node(self, event: Any, depth: int) -> Node:
        # Recursive, but never deeper than MAX_DEPTH.
        mark: Any = event.start_mark
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            end_mark: Any = event.end_mark
            end = end_mark.index
            style = event.style or ""
            node = Scalar(event.value, self._file, mark.index, end, mark.line + 1, mark.column + 1, style)
        elif isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        elif depth >= MAX_DEPTH:
            raise YamlError(f"YAML nests deeper than {MAX_DEPTH} here", place_at(self._file, mark.index))
        elif isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._until(yaml.SequenceEndEvent, depth))
            size = self._bounded(1 + sum(item.size for item in items), mark.index)
            node = Sequence(items, self._file, mark.index, mark.line + 1, mark.column + 1, size)
        else:
            flat = list(self._until(yaml.MappingEndEvent, depth))
            size = self._bounded(1 + sum(item.size for item in flat), mark.index)
            pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
            node = Mapping(pairs, self._file, mark.index, mark.line + 1, mark.column + 1, size)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _until(self, end: type, depth: int) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield self._node(event, depth + 1)

    def _aliased(self, event: Any) -> Node:
        # A node gets its name when it is complete, so it cannot hold itself.
        if event.anchor in self._anchors:
            return self._anchors[event.anchor]
        place = place_at(self._file, event.start_mark.index)
        raise YamlError(f"*{event.anchor} names no anchor before it", place, f"define it earlier with &{event.anchor}")

    def _bounded(self, size: int, offset: int) -> int:
        if size > MAX_NODES:
            message = f"this stands for more than {MAX_NODES} values once its aliases are written out"
            raise YamlError(message, place_at(self._file, offset))
        return size


_NO_TABS: Final = "YAML indents with blanks, not with tabs"
_HINTS: Final = (
    ("tab character", _NO_TABS),
    ("mapping values are not allowed", "a text that holds ': ' takes quotes, or > and the next line"),
    ("cannot start any token", "a text that begins with one of % @ ` takes quotes"),
    ("could not find expected ':'", "is there a colon missing, or a line not indented as far as its text?"),
    ("did not find expected key", "are the keys of this item indented alike, and quotes closed?"),
    ("did not find expected '-' indicator", "indent it as far as the keys above it, or begin a new item with '- '"),
    ("did not find expected node content", "is a [ or { before this closed?"),
    ("did not find expected ',' or", "a list in [ ] needs commas between items and a ] at the end"),
    ("unexpected end of stream", "a quote is opened here and never closed"),
    ("control characters are not allowed", "the file holds a character that YAML does not allow"),
)


_FIRST_KEY: Final = re.compile(r" *[A-Za-z_]+")


def _line_before(text: str, offset: int) -> str:
    """Return what stands in its line before a place."""
    return text[text.rfind("\n", 0, offset) + 1 : offset]


def _explain(file: RuleFile, error: yaml.YAMLError) -> YamlError:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context", None)
    opened = getattr(error, "context_mark", None)
    if opened is not None and ("unexpected end of stream" in problem or "parsing a flow" in str(context)):
        # Where the quote or bracket was opened says more than where the parser gave up.
        mark = opened
    offset = mark.index if mark is not None else getattr(error, "position", 0)
    hint = next((hint for needle, hint in _HINTS if needle in problem), "")
    if "mapping values are not allowed" in problem and _FIRST_KEY.fullmatch(_line_before(file.text, offset)):
        hint = "keys of an item stand below each other: is this line indented as far as the one above it?"
    if problem.startswith("found character") and file.text[offset : offset + 1] == "\t":
        hint = _NO_TABS
    if "maximum nesting depth" in problem:
        # libyaml has a bound of its own, and reads ahead.
        return YamlError(f"YAML nests deeper than {MAX_DEPTH} here", place_at(file, offset))
    message = f"{context}: {problem}" if context else problem
    return YamlError(message, place_at(file, offset), hint)
