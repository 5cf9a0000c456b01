"""The condition tree: frozen nodes, each with its place in the text. Passes take nodes and return nodes.

The tree holds what was written, nothing more: list names stand as bare literals until tuimon.rules.resolve replaces
them, macros as MacroRef. After resolving there are no MacroRef left; an opened macro is kept as ``Expanded`` so that
the explanation can show where a part came from, and every other pass looks straight through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a condition's text: half-open character offsets; line and column count from 1."""

    start: int = 0
    end: int = 0
    line: int = 1
    column: int = 1


NOWHERE = Span()


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant on the right-hand side, as text (quotes and escapes already undone)."""

    text: str
    quoted: bool = field(default=False, compare=False)
    """How it was written; says nothing about what it means."""
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """``name`` or ``name[arg]``; ``val(name)`` on the right is the same node inside a Transform named "val"."""

    name: str
    arg: str | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Transform:
    """``name(args...)[arg]``: tolower, toupper, b64, basename, len, join, concat, getopt, val."""

    name: str
    args: tuple[Operand, ...]
    arg: str | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ValueList:
    """``(a, b, ...)`` or a bare name that stands for a list.

    After resolving, ``items`` are the expanded literals. ``name`` is the list the values came from when the whole
    right-hand side was that one list, for the explanation.
    """

    items: tuple[Literal, ...]
    name: str | None = field(default=None, compare=False)
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class OperandList:
    """``(a, b, ...)`` as an argument of join and concat, where fields and transformers may stand too."""

    items: tuple[FieldRef | Transform | Literal, ...]
    span: Span = field(default=NOWHERE, compare=False)


Operand = FieldRef | Transform | Literal | ValueList | OperandList


@dataclass(frozen=True, slots=True)
class Check:
    """``left op right``; ``exists`` has no right. ``modifier`` is oneof, anyof, allof or None."""

    left: FieldRef | Transform
    op: str
    right: Literal | ValueList | Transform | None = None
    modifier: str | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class MacroRef:
    """The name of a macro."""

    name: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """``not child``."""

    child: Condition
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Flat conjunction, evaluated left to right with short circuit."""

    children: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Flat disjunction, evaluated left to right with short circuit."""

    children: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Expanded:
    """An opened macro (or exception): its name, where it is defined, and its condition."""

    name: str
    child: Condition
    origin: str = field(default="", compare=False)
    """FILE:LINE of the definition."""
    span: Span = field(default=NOWHERE, compare=False)


Condition = And | Or | Not | Check | MacroRef | Expanded


def constants_of(check: Check) -> list[str] | None:
    """Return the constants on the right-hand side of a check, None where anything else stands there."""
    right = check.right.items if isinstance(check.right, ValueList) else (check.right,)
    texts = [each.text for each in right if isinstance(each, Literal)]
    return texts if len(texts) == len(right) else None


def walk(node: Condition) -> Iterator[Condition]:
    """Yield a node and everything below it, depth first, left to right."""
    stack: list[Condition] = [node]
    while stack:
        at = stack.pop()
        yield at
        match at:
            case And(children) | Or(children):
                stack.extend(reversed(children))
            case Not(child) | Expanded(_, child):
                stack.append(child)
            case _:
                pass
