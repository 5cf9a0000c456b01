r"""Values as terms of the rule language: what ``=`` keeps and ``!`` drops, quoted so that it means the same.

Whatever a monitored process wrote can be said: what is not printable, or no text at all, as ``\xHH``.
"""

from __future__ import annotations

import re
from typing import Final

from tuimon.errors import TuimonError
from tuimon.events import Event
from tuimon.fields import UNKNOWN, FieldInfo, FieldType, Value
from tuimon.render import value_text
from tuimon.rules.nodes import And, Check, Condition, MacroRef, Not
from tuimon.rules.printer import print_value, quote

_HIDDEN: Final = re.compile(r"[^\x20-\x7e]")


def written(text: str) -> str:
    """Return a constant as it is typed: bare where it can be, else in quotes; nothing in it is invisible."""
    if text.isprintable():
        return print_value(text)
    return _HIDDEN.sub(_as_bytes, quote(text))


def _as_bytes(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def term(info: FieldInfo, value: Value, argument: str | None = None) -> str:
    """Return the condition that a field has a value.

    Args:
        info: The field.
        value: As its getter gives it; None: the field has none.
        argument: What stands behind the field's dot or in its brackets.

    Raises:
        TuimonError: The rule language cannot say it, in words.
    """
    dotted = info.name in ("evt.arg", "evt.rawarg")
    name = info.name if argument is None else f"{info.name}.{argument}" if dotted else f"{info.name}[{argument}]"
    if info.print_only:
        raise TuimonError(f"{info.name} is for outputs only: no filter can ask for it")
    if value is UNKNOWN:
        raise TuimonError(f"{name} is not known yet: wait until it is")
    if value is None:
        return f"not {name} exists"
    if isinstance(value, tuple):
        if not value:
            raise TuimonError(f"{name} is an empty list, which no filter can ask for")
        word = "in" if info.any_of else "intersects"
        return f"{name} {word} ({', '.join(_constant(info, one) for one in value)})"
    return f"{name} = {_constant(info, value)}"


def _constant(info: FieldInfo, value: Value) -> str:
    if info.type is FieldType.IPNET:
        return value_text(info, value) + ("/32" if isinstance(value, bytes) and len(value) == 4 else "/128")
    return written(value_text(info, value))


def field_term(info: FieldInfo, event: Event) -> str:
    """Return the condition that a field has the value it has in an event.

    Raises:
        TuimonError: It cannot be said, or the field cannot be told.
    """
    if info.get is None or info.arg == "required" or info.filter_only:
        raise TuimonError(f"{info.name} has no value of its own")
    try:
        value = info.get(event, None)
    except Exception as error:  # a recording from elsewhere may hold what no kernel writes
        raise TuimonError(f"{info.name} cannot be told: {type(error).__name__}: {error}") from error
    return term(info, value)


def negated(text: str) -> str:
    """Return the opposite of a term."""
    if text.startswith("not ") and _is_simple(text[4:]):
        return text[4:]
    return f"not {text}" if _is_simple(text) else f"not ({text})"


def joined(parts: tuple[str, ...] | list[str]) -> str:
    """Return conditions that must all hold as one; those that bind weaker get parentheses."""
    kept = [part for part in parts if part]
    if len(kept) == 1:
        return kept[0]
    return " and ".join(part if _binds(part) else f"({part})" for part in kept)


def _parsed(text: str) -> Condition | None:
    from tuimon.rules.parser import parse_condition

    try:
        return parse_condition(text)
    except TuimonError:
        return None


def _is_simple(text: str) -> bool:
    return isinstance(_parsed(text), Check | MacroRef)


def _binds(text: str) -> bool:
    """Whether a text may stand in an ``and`` without parentheses."""
    return isinstance(_parsed(text), Check | MacroRef | Not | And)
