"""Transformers: functions of a field's value inside a condition or an output (``tolower(proc.name)``).

Each takes present values and returns a value, or None when it cannot (which makes the whole side absent). What a
transformer does to the type of its argument stands beside it. Meaning after Falco's transformers (libs after 0.25.4).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final

from tuimon.errors import RuleError
from tuimon.events import decode
from tuimon.fields.registry import FieldType, Scalar
from tuimon.rules.predicates import to_bytes

Argument = Scalar | tuple[Scalar, ...]
Function = Callable[[Sequence[Argument]], Argument | None]

_UPPER = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _each(function: Callable[[str | bytes], Scalar | None]) -> Function:
    """Return a function of one argument that also works on every element of a list."""

    def apply(arguments: Sequence[Argument]) -> Argument | None:
        value = arguments[0]
        if isinstance(value, tuple):
            done = [function(item) for item in value if isinstance(item, str | bytes)]
            return None if None in done or len(done) != len(value) else tuple(item for item in done if item is not None)
        return function(value) if isinstance(value, str | bytes) else None

    return apply


def _tolower(value: str | bytes) -> Scalar:
    return to_bytes(value).lower() if isinstance(value, bytes) else decode(to_bytes(value).lower())


def _toupper(value: str | bytes) -> Scalar:
    raised = to_bytes(value).translate(_UPPER)
    return raised if isinstance(value, bytes) else decode(raised)


def _b64(value: str | bytes) -> Scalar | None:
    """Decode base64, with or without its padding; text that is not valid base64, to the last bit, has no value."""
    digits = to_bytes(value)
    for _ in range(2):
        digits = digits.removesuffix(b"=")
    if value and not digits:
        return None
    try:
        plain = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.b64encode(plain).rstrip(b"=") != digits:
        return None
    return plain if isinstance(value, bytes) else decode(plain)


def _basename(value: str | bytes) -> Scalar:
    """Return what follows the last slash: everything without one, nothing when it ends in one."""
    return value.rpartition(b"/")[2] if isinstance(value, bytes) else value.rpartition("/")[2]


def _len(arguments: Sequence[Argument]) -> Argument | None:
    """Count the elements of a list, or the bytes of a text."""
    value = arguments[0]
    if isinstance(value, tuple):
        return len(value)
    return len(to_bytes(value)) if isinstance(value, str | bytes) else None


def as_text(value: Scalar) -> str:
    """Return a value as join and concat write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return decode(value) if isinstance(value, bytes) else str(value)


def _join(arguments: Sequence[Argument]) -> Argument | None:
    """Join the elements of the second argument, a list, by the first."""
    separator, items = arguments[0], arguments[1]
    parts = items if isinstance(items, tuple) else (items,)
    return as_text(separator).join(map(as_text, parts)) if not isinstance(separator, tuple) else None


def _concat(arguments: Sequence[Argument]) -> Argument | None:
    """Write the arguments one behind the other; lists are no text and give nothing."""
    return "".join(as_text(item) for item in arguments if not isinstance(item, tuple))


def option_values(words: Sequence[str], options: str) -> list[tuple[str, str | None]]:
    """Return the options found in a command line as (letter, value), after POSIX getopt(3).

    Args:
        words: The arguments behind argv[0].
        options: Letters, each with a colon behind it when it takes a value; a colon before them means nothing.

    The value is None for a letter that takes none, and empty when it is missing; an unknown letter comes out as ``?``.
    The scan stops at ``--`` and at the first word that is no option; words with two dashes are passed over.
    """
    found: list[tuple[str, str | None]] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--" or len(word) < 2 or word[0] != "-":
            break
        if word.startswith("--"):
            continue
        for place, letter in enumerate(word[1:], 2):
            where = options.find(letter)
            if where < 0 or letter == ":":
                found.append(("?", None))
                continue
            if options[where + 1 : where + 2] != ":":
                found.append((letter, None))
                continue
            value = word[place:]
            if not value and at < len(words):
                value = words[at]
                at += 1
                found.append((letter, value))
            else:
                found.append((letter, value if value else _MISSING))
            break
    return found


def getopt(selector: str | None) -> Function:
    """Return the getopt of one selector.

    With a letter: the last value it was given, the letter itself when it takes none, nothing when it is not there.
    Without one: a list of the letters found, each with its value, if it takes one, behind it. A value that is missing
    is an empty text, without its letter in the list.
    """

    def apply(arguments: Sequence[Argument]) -> Argument | None:
        words, options = arguments[0], arguments[1]
        texts = [as_text(word) for word in words] if isinstance(words, tuple) else as_text(words).split()
        found = option_values(texts, options if isinstance(options, str) else "")
        if selector is None:
            return tuple(text for letter, value in found for text in _shown(letter, value))
        values = [letter if value is None else value for letter, value in found if letter == selector != "?"]
        return values[-1].removeprefix(_MISSING) if values else None

    return apply


def _shown(letter: str, value: str | None) -> tuple[str, ...]:
    if value is None:
        return (letter,)
    return ("",) if value == _MISSING else (letter, value)


_MISSING: Final = "\0"
"""Stands for the value of a letter that should have one; no argument can hold it."""

FUNCTIONS: Final[dict[str, Function]] = {
    "tolower": _each(_tolower),
    "toupper": _each(_toupper),
    "b64": _each(_b64),
    "basename": _each(_basename),
    "len": _len,
    "join": _join,
    "concat": _concat,
}
_COUNTS: Final = {"tolower": 1, "toupper": 1, "b64": 1, "basename": 1, "len": 1, "val": 1, "join": 2, "getopt": 2}
_PATHS: Final = (FieldType.CHARBUF, FieldType.FSPATH, FieldType.FSRELPATH)
_TAKES: Final = {
    "tolower": _PATHS,
    "toupper": _PATHS,
    "basename": _PATHS,
    "b64": (FieldType.CHARBUF, FieldType.BYTEBUF),
}


def function_for(name: str, selector: str | None) -> Function:
    """Return the function behind a transformer's name; ``val`` gives its argument back."""
    if name == "val":
        return lambda arguments: arguments[0]
    if name == "getopt":
        return getopt(selector)
    if name not in FUNCTIONS:
        known = ", ".join(sorted({*FUNCTIONS, "getopt", "val"}))
        raise RuleError(f"unknown transformer {name}", f"the transformers are {known}")
    return FUNCTIONS[name]


def result_type(name: str, selector: str | None, types: Sequence[tuple[FieldType, bool]]) -> tuple[FieldType, bool]:
    """Return the type of a transformer's result and whether it is a list; raises RuleError on unfit arguments."""
    wanted = _COUNTS.get(name)
    if wanted is not None and len(types) != wanted:
        raise RuleError(f"{name} takes {wanted} argument{'s' * (wanted > 1)}, not {len(types)}")
    if name in _TAKES:
        if types[0][0] not in _TAKES[name]:
            raise RuleError(f"{name} cannot be used with a value of type {types[0][0]}", "it takes text")
        return types[0]
    if name == "concat" and len(types) < 2:
        raise RuleError("concat takes at least two arguments")
    if name == "getopt" and selector is not None and len(selector) != 1:
        raise RuleError(f"getopt(...)[{selector}] asks for no option", "one letter stands between the brackets")
    if name == "len":
        return FieldType.UINT64, False
    if name == "getopt":
        return FieldType.CHARBUF, selector is None
    if name == "val":
        return types[0]
    return FieldType.CHARBUF, False
