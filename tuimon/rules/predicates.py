"""Predicates: what each operator asks of one present value, with the constants parsed once.

``predicate(op, type, texts)`` gives a function of a value (never None, never UNKNOWN) to bool. Absence, unknown values,
lists, fields of several values and the two truths of a path are the evaluator's business, not this module's.

Patterns are matched by RE2 (linear time, whatever the pattern). Subjects are bytes: a glob is fnmatch(3) with flags 0
in the C locale, so ``?`` is one byte and ``*`` crosses slashes; a regex is RE2's POSIX syntax, anchored at both ends,
its subject made valid UTF-8 first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import re2

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.operators import legal_operators
from tuimon.rules.values import Network, parse_hex, parser_for

Predicate = Callable[[Any], bool]

_ORDER: Final = ("<", "<=", ">", ">=")


def predicate(op: str, type_: FieldType, texts: Sequence[str]) -> Predicate:
    """Return the test of one value against constants.

    Args:
        op: The operator; for ``in``, ``intersects`` and ``pmatch`` all texts count, for the others the first.
        type_: The field's type, which says how the texts are read.
        texts: The right-hand side.

    Raises:
        RuleError: The operator is not legal for the type, or a text is no value of it.
    """
    if op not in legal_operators(type_):
        takes = ", ".join(legal_operators(type_))
        raise RuleError(f"operator {op} cannot be used with a value of type {type_}", f"it takes {takes}")
    if type_ is FieldType.DYN:
        return _by_value_type(op, texts)
    if op == "pmatch":
        return PathPrefixes(texts).match
    if op in ("in", "intersects"):
        return _member(type_, texts)
    if op in ("bcontains", "bstartswith"):
        return _hex_test(op, parse_hex(texts[0]))
    wanted = parser_for(type_)(texts[0])
    if isinstance(wanted, Network):
        return wanted.__contains__ if op != "!=" else lambda value: value not in wanted
    return compare(op, wanted)


def _by_value_type(op: str, texts: Sequence[str]) -> Predicate:
    """Return the test of a field whose type shows only in its values; constants that do not fit match nothing."""
    tests: dict[type, Predicate] = {}

    def test(value: Any) -> bool:
        kind = type(value)
        if kind not in tests:
            try:
                tests[kind] = predicate(op, _TYPE_OF.get(kind, FieldType.CHARBUF), texts)
            except RuleError:
                tests[kind] = lambda _value: False
        return tests[kind](value)

    return test


_TYPE_OF: Final = {bool: FieldType.BOOL, int: FieldType.INT64, float: FieldType.INT64, bytes: FieldType.BYTEBUF}


def _member(type_: FieldType, texts: Sequence[str]) -> Predicate:
    """Return the test of membership."""
    parse = parser_for(type_)
    values = [parse(text) for text in texts]
    if type_ is not FieldType.IPNET:
        return frozenset(values).__contains__
    networks = [value for value in values if isinstance(value, Network)]
    return lambda value: any(value in network for network in networks)


def _hex_test(op: str, wanted: bytes) -> Predicate:
    if op == "bcontains":
        return lambda value: wanted in value
    return lambda value: bool(value.startswith(wanted))


def compare(op: str, wanted: Any) -> Predicate:
    """Return the test of one value against one of the same kind (str, bytes, bool or number)."""
    if op in ("regex", "glob", "iglob", "icontains"):
        return _PATTERNS[op](wanted)
    if op in _ORDER and isinstance(wanted, str):
        return _text_order(op, wanted)
    return _COMPARE[op](wanted)


_COMPARE: Final[dict[str, Callable[[Any], Predicate]]] = {
    "=": lambda wanted: lambda value: value == wanted,
    "==": lambda wanted: lambda value: value == wanted,
    "!=": lambda wanted: lambda value: value != wanted,
    "<": lambda wanted: lambda value: value < wanted,
    "<=": lambda wanted: lambda value: value <= wanted,
    ">": lambda wanted: lambda value: value > wanted,
    ">=": lambda wanted: lambda value: value >= wanted,
    "contains": lambda wanted: lambda value: wanted in value,
    "startswith": lambda wanted: lambda value: value.startswith(wanted),
    "endswith": lambda wanted: lambda value: value.endswith(wanted),
}


def to_bytes(value: str | bytes) -> bytes:
    """Return text as the bytes the kernel gave."""
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _text_order(op: str, wanted: str) -> Predicate:
    """Return strcmp's order: by bytes."""
    test = _COMPARE[op](to_bytes(wanted))
    return lambda value: test(to_bytes(value))


def _icontains(wanted: str) -> Predicate:
    """Return the search that ignores case, of ASCII letters only."""
    lowered = to_bytes(wanted).lower()
    return lambda value: lowered in to_bytes(value).lower()


def _options(*, latin1: bool, posix: bool, fold: bool = False) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not fold
    if latin1:
        options.encoding = re2.Options.Encoding.LATIN1
        options.dot_nl = True
    if posix:
        options.posix_syntax = True
        options.longest_match = True
    return options


_LARGE: Final = 10_000
"""Steps of a pattern's program beyond which a set might run out of memory, and say no without having looked."""


def _matcher(pattern: str | bytes, options: Any) -> Callable[[bytes], bool]:
    """Return the test of whether a pattern matches from end to end.

    A set of one pattern says only that, and costs a quarter of a match with its places.

    Raises:
        re2.error, UnicodeEncodeError: It is no pattern.
    """
    compiled = re2.compile(pattern, options)
    if compiled.programsize > _LARGE:
        fullmatch = compiled.fullmatch
        return lambda value: fullmatch(value) is not None
    alone = re2.Set.FullMatchSet(options)
    alone.Add(pattern)
    alone.Compile()
    match = alone.Match
    return lambda value: match(value) is not None


def _regex(pattern: str) -> Predicate:
    try:
        matches = _matcher(pattern, _options(latin1=False, posix=True))
    except (re2.error, UnicodeEncodeError) as problem:
        raise RuleError(
            f"{pattern!r} is not a valid regular expression: {_reason(problem)}", "RE2, POSIX syntax"
        ) from None
    return lambda value: matches(_valid_utf8(value))


def _reason(problem: BaseException) -> str:
    reason = problem.args[0] if problem.args else problem
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _valid_utf8(value: str) -> bytes:
    """Return the text as UTF-8, with what was not UTF-8 replaced."""
    return value.encode() if value.isascii() else to_bytes(value).decode("utf-8", "replace").encode()


def _glob(pattern: str, *, fold: bool = False) -> Predicate:
    literal = to_bytes(pattern)
    if not fold and not any(mark in literal for mark in b"*?[\\"):
        return lambda value: value == pattern
    matches = _matcher(glob_to_regex(literal), _options(latin1=True, posix=False, fold=fold))
    part = "" if fold else _needed(pattern)
    if not part:
        return lambda value: matches(to_bytes(value))
    # Looking for a piece first costs a tenth of the match, and most values do not have it.
    return lambda value: part in value and matches(to_bytes(value))


def _needed(pattern: str) -> str:
    """Return the longest piece that everything which a glob matches holds, empty when there is none of two letters."""
    if not pattern.isascii() or any(mark in pattern for mark in "[\\"):
        return ""
    piece = max(pattern.replace("?", "*").split("*"), key=len)
    return piece if len(piece) > 1 else ""


_PATTERNS: Final[dict[str, Callable[[str], Predicate]]] = {
    "regex": _regex,
    "glob": _glob,
    "iglob": lambda pattern: _glob(pattern, fold=True),
    "icontains": _icontains,
}

_CLASSES: Final = frozenset(b"alnum alpha blank cntrl digit graph lower print punct space upper xdigit".split())


def glob_to_regex(pattern: bytes) -> bytes:
    """Return the Latin-1 regex of an fnmatch(3) pattern, flags 0: ``*``, ``?``, ``[set]``, backslash escapes."""
    out = [b"(?s)"]
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        at += 1
        if char == b"*":
            if out[-1] != b".*":
                out.append(b".*")
        elif char == b"?":
            out.append(b".")
        elif char == b"[" and (bracket := _bracket(pattern, at)):
            out.append(bracket[0])
            at = bracket[1]
        elif char == b"\\" and at < len(pattern):
            out.append(_quote(pattern[at]))
            at += 1
        elif char == b"\\":
            return b"[^\\x00-\\xff]"  # fnmatch(3): a trailing backslash matches nothing
        else:
            out.append(_quote(char[0]))
    return b"".join(out)


def _quote(byte: int) -> bytes:
    return b"\\x%02x" % byte


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int] | None:
    """Return the regex of a bracket expression that begins before ``at`` and where it ends; None when it never does."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    parts: list[bytes] = []
    first = True
    while at < len(pattern):
        if pattern[at : at + 1] == b"]" and not first:
            body = b"".join(parts)
            if not body:
                return (b"[\\x00-\\xff]" if negated else b"[^\\x00-\\xff]"), at + 1
            return b"[" + (b"^" if negated else b"") + body + b"]", at + 1
        first = False
        if pattern[at : at + 2] == b"[:" and (end := pattern.find(b":]", at + 2)) >= 0:
            name = pattern[at + 2 : end]
            if name in _CLASSES:
                parts.append(b"[:" + name + b":]")
            at = end + 2
            continue
        at += pattern[at : at + 1] == b"\\" and at + 1 < len(pattern)
        low = high = pattern[at]
        at += 1
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"]", b""):
            at += 1
            at += pattern[at : at + 1] == b"\\" and at + 1 < len(pattern)
            high = pattern[at]
            at += 1
        if low <= high:
            parts.append(_quote(low) if low == high else _quote(low) + b"-" + _quote(high))
    return None


class PathPrefixes:
    """The paths of a ``pmatch``: a path matches when one of them is a prefix of it, component by component.

    Empty components do not count, a leading slash is optional, a component may be a glob, and ``/`` is a prefix of
    every path (libs ``prefix_search.h``).
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._root: _Branch = _Branch()
        for path in paths:
            self._root.add([part for part in path.split("/") if part])

    def match(self, path: str) -> bool:
        """Return whether a path lies at or below one of the paths."""
        return self._root.match([part for part in path.split("/") if part], 0)


class _Branch:
    """One level of the tree of paths."""

    __slots__ = ("globs", "is_end", "names")

    def __init__(self) -> None:
        self.is_end = False
        self.names: dict[str, _Branch] = {}
        self.globs: dict[str, tuple[Predicate, _Branch]] = {}

    def add(self, parts: Sequence[str]) -> None:
        at = self
        for part in parts:
            if any(mark in part for mark in "*?["):
                if part not in at.globs:
                    at.globs[part] = (_glob(part), _Branch())
                at = at.globs[part][1]
            else:
                at = at.names.setdefault(part, _Branch())
        at.is_end = True

    def match(self, parts: Sequence[str], depth: int) -> bool:
        if self.is_end:
            return True
        if depth == len(parts):
            return False
        part = parts[depth]
        named = self.names.get(part)
        if named is not None and named.match(parts, depth + 1):
            return True
        return any(test(part) and below.match(parts, depth + 1) for test, below in self.globs.values())
