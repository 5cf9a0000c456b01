"""Nodes to canonical text: what Falco shows as ``condition_compiled``, with the fewest parentheses.

``parse_condition(print_condition(node)) == node`` for every tree that the parser can make. An opened macro is printed
as its condition, as Falco does. Two texts differ from Falco's, which could not be parsed again: a value that holds a
parenthesis, a comma or nothing gets quotes, and a not directly under a not gets parentheses.
"""

from __future__ import annotations

import re
from typing import Final

from tuimon.rules.nodes import (
    And,
    Check,
    Condition,
    Expanded,
    FieldRef,
    Literal,
    MacroRef,
    Not,
    Operand,
    OperandList,
    Or,
    Transform,
    ValueList,
)

_PLAIN: Final = re.compile("[^()\"' \t\n\r\f\v\b=,\\\\\ud800-\udfff]+")
_PLAIN_ARG: Final = re.compile(r"[^\]\[\"'\s]+")
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?")
_ESCAPES: Final = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"'}
_AS_BYTES: Final = re.compile("[\ud800-\udfff]")


def print_condition(node: Condition) -> str:
    """Return the canonical text of a condition."""
    out: list[str] = []
    _condition(node, out)
    return "".join(out)


def print_value(text: str) -> str:
    """Return a constant as it must be written: bare where that is possible, in double quotes elsewhere."""
    return text if _PLAIN.fullmatch(text) else quote(text)


def quote(text: str) -> str:
    r"""Return a constant in double quotes; bytes that are no text as ``\xHH``."""
    inner = "".join(_ESCAPES.get(char, char) for char in text)
    return '"' + _AS_BYTES.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", inner) + '"'


def print_operand(node: Operand) -> str:
    """Return the canonical text of one side of a check."""
    match node:
        case FieldRef(name, None):
            return name
        case FieldRef(name, str(arg)):
            return f"{name}[{_argument(arg)}]"
        case Transform(name, args, arg):
            inner = ",".join(_transform_arg(each) for each in args)
            return f"{name}({inner})" + (f"[{_argument(arg)}]" if arg is not None else "")
        case ValueList(items):
            return "(" + ", ".join(print_value(item.text) for item in items) + ")"
        case OperandList(operands):
            return "(" + ",".join(_transform_arg(each) for each in operands) + ")"
        case Literal(text):
            return print_value(text)
    raise TypeError(f"not an operand: {node!r}")


def _argument(arg: str) -> str:
    return arg if _PLAIN_ARG.fullmatch(arg) else quote(arg)


def _transform_arg(node: Operand) -> str:
    # A constant argument is a number or a string in quotes; there are no bare words there.
    if isinstance(node, Literal):
        return node.text if _NUMBER.fullmatch(node.text) and not node.quoted else quote(node.text)
    return print_operand(node)


def _condition(node: Condition, out: list[str]) -> None:
    match node:
        case And(children) | Or(children):
            # In place: one frame a level lets deep conditions stay far from Python's limit of recursion.
            word = " and " if isinstance(node, And) else " or "
            out.append("(")
            for index, child in enumerate(children):
                if index:
                    out.append(word)
                _condition(child, out)
            out.append(")")
        case Not(child):
            out.append("not ")
            if isinstance(child, Not):
                out.append("(")
            _condition(child, out)
            if isinstance(child, Not):
                out.append(")")
        case Expanded(_, child):
            _condition(child, out)
        case MacroRef(name):
            out.append(name)
        case Check():
            out.append(print_check(node))


def print_check(node: Check) -> str:
    """Return the canonical text of one check."""
    words = [print_operand(node.left), node.op]
    if node.modifier is not None:
        words.append(node.modifier)
    if node.right is not None:
        number = node.op[0] in "<>" and isinstance(node.right, Literal)
        words.append(node.right.text if number and isinstance(node.right, Literal) else print_operand(node.right))
    return " ".join(words)
