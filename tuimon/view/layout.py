"""Laying a condition out in a rule file: one part on a line, so that it can be read; what it means stays the same."""

from __future__ import annotations

import re
from typing import Final

from tuimon.errors import RuleError
from tuimon.rules.nodes import And, Condition, Not, Or
from tuimon.rules.parser import ConditionSyntaxError, parse_condition
from tuimon.rules.printer import print_condition
from tuimon.view.rule_completion import place_at

_WIDTH: Final = 96
_SHORT: Final = 60
"""A condition up to this long stays on one line."""
_KEY: Final = re.compile(r"^(?P<head>\s*(?:-\s+)?condition[ \t]*:)[ \t]*(?P<rest>.*)$")
_BLOCK: Final = re.compile(r"[>|][-+0-9]*[ \t]*(?:#.*)?$")


def laid_out(text: str, row: int) -> str:
    """Return a rule file's text with the condition around a line laid out.

    Args:
        text: The file's text, or any number of whole items of it.
        row: A line of the condition, from 0.

    Raises:
        RuleError: The line is in no condition, the condition is wrong, or it is in quotes.
    """
    lines = text.split("\n")
    first = next((n for n in range(row, -1, -1) if _KEY.match(lines[n]) is not None), None)
    if first is None or place_at(text, row, len(lines[row])).key != "condition":
        raise RuleError("the cursor is in no condition", "put it on the condition to be laid out")
    found = _KEY.match(lines[first])
    assert found is not None
    if found["rest"][:1] in ("'", '"'):
        raise RuleError("a condition in quotes is left as it is", "write it as a block: condition: >")
    last = _last(lines, first)
    block = bool(_BLOCK.match(found["rest"]))
    parts = [] if block else [found["rest"]]
    condition = " ".join(part.strip() for part in (*parts, *lines[first + 1 : last + 1])).strip()
    made = condition_lines(condition)
    indent = " " * (len(found["head"]) - len(found["head"].lstrip()) + (4 if "-" in found["head"] else 2))
    if len(made) == 1 and not block:
        written = [f"{found['head']} {made[0]}"]
    else:
        written = [f"{found['head']} {found['rest'] if block else '>'}", *(indent + line for line in made)]
    return "\n".join([*lines[:first], *written, *lines[last + 1 :]])


def condition_lines(text: str) -> list[str]:
    """Return a condition in lines; joined with blanks they mean the same. Raises RuleError when it is wrong."""
    try:
        node = parse_condition(text)
    except ConditionSyntaxError as error:
        raise RuleError(f"this condition is wrong: {error}", "mend it first") from error
    flat = " ".join(text.split())
    if len(flat) <= _SHORT and parse_condition(flat) == node:
        return [flat]
    for made in (_lines(node, text, _WIDTH), _lines(node, "", _WIDTH)):
        if parse_condition(" ".join(made)) == node:
            return made
    raise RuleError("this condition cannot be laid out", "it is left as it is")


def _lines(node: Condition, text: str, width: int, *, top: bool = True) -> list[str]:
    """Return a part in lines. Of ``text`` (empty: none) the parts are taken as they are written."""
    if isinstance(node, Not):
        inner = _wrapped(node.child, text, width - 4, negated=True)
        return [f"not {inner[0]}", *(f"    {line}" for line in inner[1:])]
    if not isinstance(node, And | Or):
        span = node.span
        return [" ".join(text[span.start : span.end].split()) if text else print_condition(node)]
    flat = _flat(node, text)
    if len(flat) <= width and not top:
        return [flat]
    word = "and " if isinstance(node, And) else "or "
    out: list[str] = []
    for number, child in enumerate(node.children):
        lead = word if number else ""
        made = _wrapped(child, text, width - len(lead))
        out += [lead + made[0], *(" " * len(lead) + line for line in made[1:])]
    return out


def _wrapped(node: Condition, text: str, width: int, *, negated: bool = False) -> list[str]:
    """Return a part in lines, in parentheses where it is made of several, or is a ``not`` behind another."""
    if not isinstance(node, And | Or) and not (negated and isinstance(node, Not)):
        return _lines(node, text, width, top=False)
    inner = _lines(node, text, width - 2, top=False)
    inner = [inner[0], *(f" {line}" for line in inner[1:])]
    return [f"({inner[0]}", *inner[1:-1], f"{inner[-1]})"] if len(inner) > 1 else [f"({inner[0]})"]


def _flat(node: And | Or, text: str) -> str:
    word = " and " if isinstance(node, And) else " or "
    return word.join(" ".join(_wrapped(child, text, 1 << 20)) for child in node.children)


def _last(lines: list[str], first: int) -> int:
    """Return the last line of the value that begins at a key's line."""
    start = len(lines[first]) - len(lines[first].lstrip(" -"))
    last = first
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= start:
            break
        if line.strip():
            last = number
    return last
