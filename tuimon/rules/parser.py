"""Condition text to nodes, and what to say when it is none.

The grammar is condition.lark; here its pieces become frozen nodes with their place in the text, and a syntax error
becomes one sentence that names the place, what was expected there and, where one is near, the right word. Parsing is
LALR: linear in the size of the text, with no recursion, and nesting is bounded as Falco bounds it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern
from typing import Any, Final, cast

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tuimon.errors import RuleError
from tuimon.rules import mistakes
from tuimon.rules.nodes import (
    And,
    Check,
    Condition,
    FieldRef,
    Literal,
    MacroRef,
    Not,
    OperandList,
    Or,
    Span,
    Transform,
    ValueList,
)

MAX_NESTING: Final = 198
"""Open parentheses at one place. Falco allows a parser depth of 1000 and spends five on each parenthesis."""

MAX_CHARS: Final = 4_000_000
"""Longest condition text taken; lists expanded in a text are what could make it long."""

MAX_REMEMBERED_CHARS: Final = 20_000
"""Longer texts are parsed each time, so that what is remembered stays small."""

_SIMPLE_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", " ": "\\"}
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|[\s\S])")
_SKELETON: Final = re.compile(r"""[()]|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'""")


class ConditionSyntaxError(RuleError):
    """A condition that does not follow the grammar.

    Args:
        message: One sentence, without the place.
        offset: Characters from the start of the text, from 0.
        line: From 1, in the text.
        column: From 1, in the text.
        hint: The nearest right word or the next step; empty when there is none.
    """

    def __init__(self, message: str, offset: int, line: int, column: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column


def parse_condition(text: str) -> Condition:
    """Parse a condition.

    Args:
        text: One expression of the rule language.

    Returns:
        The tree as written: macros are MacroRef, list names are literals.

    Raises:
        ConditionSyntaxError: With the place and what was expected there.
    """
    if len(text) > MAX_CHARS:
        raise ConditionSyntaxError(f"this condition is longer than {MAX_CHARS} characters", 0, 1, 1)
    return _parse(text) if len(text) <= MAX_REMEMBERED_CHARS else _parse.__wrapped__(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Condition:
    # The same text comes again and again: files that share macros, reloads, an editor. Nodes are frozen.
    if not text.strip(" \t\b\r\n"):
        raise ConditionSyntaxError("this condition is empty", 0, 1, 1, "write a check, such as evt.type = execve")
    if text.count("(") > MAX_NESTING:
        _refuse_deep(text)
    try:
        # With a transformer inside, lark hands out what its methods return, not a Tree.
        return cast("Condition", _grammar().parse(text))
    except UnexpectedInput as error:
        raise _explain(text, error) from None
    except _BadEscape as error:
        raise _at(text, error.offset, error.message) from None


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    # Positions come from the tokens: lark's own propagate_positions only reaches trees, and none is built here.
    return Lark.open("condition.lark", rel_to=__file__, parser="lalr", transformer=_Builder())


class _BadEscape(Exception):
    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class _Builder(Transformer[Token, Condition]):
    """One method per branch of the grammar; lark calls it while it parses."""

    def or_(self, children: list[Condition]) -> Or:
        return Or(tuple(children), _around(children[0].span, children[-1].span))

    def and_(self, children: list[Condition]) -> And:
        return And(tuple(children), _around(children[0].span, children[-1].span))

    def not_(self, children: list[Any]) -> Condition:
        child = children[-1]
        if len(children) % 2:
            return cast("Condition", child)
        return Not(child, _around(_span(children[0]), child.span))

    def macro(self, children: list[Token]) -> MacroRef:
        return MacroRef(str(children[0]), _span(children[0]))

    def exists(self, children: list[Any]) -> Check:
        left, op = children
        return Check(left, "exists", None, None, _around(left.span, _span(op)))

    def compare(self, children: list[Any]) -> Check:
        left, op, right = children
        return Check(left, intern(str(op)), right, None, _around(left.span, right.span))

    def compare_each(self, children: list[Any]) -> Check:
        left, op, modifier, right = children
        return Check(left, intern(str(op)), right, intern(str(modifier)), _around(left.span, right.span))

    def call(self, children: list[Any]) -> Transform:
        name, *args, end = children
        arg = _unbracket(end, 2) if end.type == "RPAR_ARG" else None
        return Transform(str(name)[:-1], tuple(args), arg, _around(_span(name), _span(end)))

    def field(self, children: list[Token]) -> FieldRef:
        token = children[0]
        name, bracket, _ = token.partition("[")
        return FieldRef(intern(str(name)), _unbracket(token, len(name) + 1) if bracket else None, _span(token))

    def bare(self, children: list[Token]) -> Literal:
        return Literal(str(children[0]), False, _span(children[0]))

    def quoted(self, children: list[Token]) -> Literal:
        token = children[0]
        return Literal(_unquote(str(token), cast("int", token.start_pos)), True, _span(token))

    def name(self, children: list[Token]) -> ValueList:
        span = _span(children[0])
        return ValueList((Literal(str(children[0]), False, span),), None, span)

    def values(self, children: list[Any]) -> ValueList:
        first, *items, last = children
        return ValueList(tuple(items), None, _around(_span(first), _span(last)))

    def operands(self, children: list[Any]) -> OperandList:
        first, *items, last = children
        return OperandList(tuple(items), _around(_span(first), _span(last)))


def _span(token: Token) -> Span:
    return Span(
        cast("int", token.start_pos), cast("int", token.end_pos), cast("int", token.line), cast("int", token.column)
    )


def _around(first: Span, last: Span) -> Span:
    return Span(first.start, last.end, first.line, first.column)


def _unbracket(token: Token, start: int) -> str:
    text = str(token)[start:-1]
    return _unquote(text, cast("int", token.start_pos) + start) if text[0] in "\"'" else text


def _unquote(token: str, offset: int) -> str:
    """Undo quotes and escapes; ``offset`` is the place of the opening quote."""
    inner = token[1:-1]
    if "\\" not in inner:
        return inner
    quote = token[0]

    def undo(match: re.Match[str]) -> str:
        escape = match[1]
        if escape in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[escape]
        if escape == quote:
            return quote
        if len(escape) == 3:
            return chr(0xDC00 + int(escape[1:], 16)) if int(escape[1:], 16) > 0x7F else chr(int(escape[1:], 16))
        raise _BadEscape(offset + 1 + match.start(), mistakes.bad_escape(escape, quote))

    undone = _ESCAPE.sub(undo, inner)
    # Bytes written as \xHH are joined to the characters they spell; what spells none stays a surrogate, as everywhere.
    return undone.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _refuse_deep(text: str) -> None:
    depth = 0
    for match in _SKELETON.finditer(text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth > MAX_NESTING:
            message = f"parentheses nest deeper than {MAX_NESTING} here"
            raise _at(text, match.start(), message, "split the condition into macros")


def _explain(text: str, error: UnexpectedInput) -> ConditionSyntaxError:
    offset, expected = len(text), set[str]()
    if isinstance(error, UnexpectedCharacters):
        offset, expected = error.pos_in_stream or 0, set(error.allowed)
    elif isinstance(error, UnexpectedToken):
        token = error.token
        offset = len(text) if token.type == "$END" else cast("int", token.start_pos)
        expected = set(error.accepts or error.expected)
    message, hint, offset = mistakes.describe(text, offset, frozenset(expected))
    return _at(text, offset, message, hint)


def _at(text: str, offset: int, message: str, hint: str = "") -> ConditionSyntaxError:
    line_start = text.rfind("\n", 0, offset) + 1
    return ConditionSyntaxError(message, offset, text.count("\n", 0, offset) + 1, offset - line_start + 1, hint)
