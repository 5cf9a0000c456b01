"""YAML nodes to Python values, with Falco's words for what is wrong and the place of it."""

from __future__ import annotations

import re
from typing import Final

from tuimon.rules.findings import ItemError
from tuimon.rules.items import Context
from tuimon.rules.mistakes import nearest
from tuimon.rules.reader import Mapping, Node, Sequence
from tuimon.rules.source import Scalar

INVALID: Final = "LOAD_ERR_YAML_VALIDATE"

_TRUE: Final = frozenset(
    form for word in ("y", "yes", "true", "on") for form in (word, word.upper(), word.capitalize())
)
_FALSE: Final = frozenset(
    form for word in ("n", "no", "false", "off") for form in (word, word.upper(), word.capitalize())
)


def scalar(item: Mapping, key: str, context: Context, *, empty: bool = False) -> Scalar:
    """Return the value of a key that must be there, a scalar and (unless ``empty``) not empty."""
    node = item.get(key)
    if node is None:
        raise _missing(item, key, context)
    if isinstance(node, Scalar) and node.is_null:
        if empty:
            return node
        raise ItemError(INVALID, f"Mapping for key '{key}' is empty", context, node.place())
    if isinstance(node, Scalar) and (node.text or empty):
        return node
    inner = context.inside("value for", key, node.place())
    if not isinstance(node, Scalar):
        raise ItemError(INVALID, "Value is not a scalar value", inner, hint=f"{key} takes one value")
    raise ItemError(INVALID, "Value must be non-empty", inner)


_HINTS: Final = {
    "enabled": "condition, output, desc and priority make a rule; enabled alone switches an earlier one on or off"
}
"""What to do about keys that stand in items for a reason of their own."""


def _missing(item: Mapping, key: str, context: Context) -> ItemError:
    near = nearest(key, (name.text for name, _ in item.entries if isinstance(name, Scalar)))
    hint = f"is '{near}' meant to be {key}?" if near else _HINTS.get(key, f"add a line {key}: ...")
    return ItemError(INVALID, f"Item has no mapping for key '{key}'", context, hint=hint)


def text(item: Mapping, key: str, context: Context) -> str:
    """Return the text of a key that must be there."""
    return scalar(item, key, context).text


def truth(item: Mapping, key: str, context: Context) -> bool:
    """Return the truth value of a key that must be there; YAML 1.1's words (yes, on, True, ...) count."""
    node = scalar(item, key, context)
    if node.text in _TRUE or node.text in _FALSE:
        return node.text in _TRUE
    inner = context.inside("value for", key, node.place())
    raise ItemError(INVALID, "Can't decode YAML scalar value", inner, hint=f"{key} is true or false")


def optional_truth(item: Mapping, key: str, context: Context, default: bool) -> bool:
    """Return the truth value of a key, ``default`` when it is not there."""
    return default if item.get(key) is None else truth(item, key, context)


def natural(item: Mapping, key: str, context: Context) -> int:
    """Return the number from 0 up of a key that must be there."""
    node = scalar(item, key, context)
    if re.fullmatch(r"[0-9]{1,10}", node.text) and int(node.text) < 1 << 32:
        return int(node.text)
    inner = context.inside("value for", key, node.place())
    raise ItemError(INVALID, "Can't decode YAML scalar value", inner, hint=f"{key} is a whole number from 0 up")


def scalars(item: Mapping, key: str, context: Context) -> list[Scalar]:
    """Return the scalars of a sequence that must be there."""
    node = item.get(key)
    if node is None:
        raise _missing(item, key, context)
    inner = context.inside("value for", key, node.place())
    if not isinstance(node, Sequence):
        raise ItemError(INVALID, "Value is not a sequence", inner, hint=f"write {key}: [a, b]")
    return [_member(each, inner) for each in node.items]


def _member(node: Node, context: Context) -> Scalar:
    if isinstance(node, Scalar) and not node.is_null:
        return node
    raise ItemError(INVALID, "sequence value is not scalar", context.inside("list item", "", node.place()))
