"""What to say about a condition that does not parse: what stands there, what was expected, the nearest right word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from heapq import nlargest
from typing import Final

OPERATOR_WORDS: Final = (
    "exists", "glob", "iglob", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "regex",
    "in", "intersects", "pmatch",
)  # fmt: skip
_FOREIGN_OPERATORS: Final = {
    "<>": "!=",
    "~": "regex",
    "=~": "regex",
    "!~": "not ... regex",
    "===": "=",
    "matches": "regex",
    "match": "regex or pmatch",
    "like": "glob",
    "is": "=",
    "eq": "=",
    "ne": "!=",
    "has": "contains",
    "begins": "startswith",
    "prefix": "startswith",
    "suffix": "endswith",
}
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*|[=<>!~&|]+")
_AFTER_VALUE: Final = re.compile(r"(?:=|\b(?:i?glob|[ib]?contains|b?startswith|endswith|regex))\s*[^\s()]+\s*\Z")
_BLANKS: Final = " \t\b\r\n"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name most like a word, the empty string when none is near."""
    word = word.lower()
    pairs = _pairs(word)
    index = _index(tuple(known))
    rough = ((2 * len(pairs & theirs) / (len(pairs) + len(theirs)), name) for name, theirs in index)
    # difflib alone takes milliseconds for each wrong name; it judges only those that share most letter pairs.
    best = {name.lower(): name for score, name in nlargest(6, rough) if score > 0.2}
    close = get_close_matches(word, best, n=1, cutoff=0.7)
    return best[close[0]] if close else ""


@lru_cache(maxsize=64)
def _index(names: tuple[str, ...]) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((name, _pairs(name.lower())) for name in dict.fromkeys(names))


def _pairs(word: str) -> frozenset[str]:
    marked = f"^{word}$"
    return frozenset(marked[at : at + 2] for at in range(min(len(marked) - 1, 200)))


def bad_escape(escape: str, quote: str) -> str:
    """Say what is wrong with a backslash and what follows it."""
    if escape in "\"'":
        return f"\\{escape} cannot stand in a string in {quote}: only its own quote is escaped"
    if escape.startswith("x"):
        return "\\x needs two hexadecimal digits"
    return f"\\{escape} is no escape: known are \\b \\f \\n \\r \\t \\\\ \\/ \\xHH and \\{quote}"


def describe(text: str, offset: int, expected: frozenset[str]) -> tuple[str, str, int]:
    """Turn a place and the terminals the grammar allows there into words.

    Args:
        text: The condition.
        offset: Where the parser stopped.
        expected: Names of terminals of condition.lark.

    Returns:
        Message, hint (may be empty), and the offset to point at.
    """
    quote = _open_quote(text)
    if quote is not None and offset <= quote:
        return f"this {text[quote]} is never closed", f"end the string with {text[quote]}", quote
    while offset < len(text) and text[offset] in _BLANKS:
        offset += 1
    found = _found(text, offset)
    if "STR_OP" in expected:
        return _no_operator(text, offset, found)
    if "IDENT" in expected and "FIELD" in expected:
        return _no_check(text, offset, found)
    if expected & {"BARE", "NUMBER", "QUOTED"}:
        return _no_value(text, offset, found, expected)
    if "FIELD" in expected:
        return f"expected a field such as proc.name, found {found}", "", offset
    if expected & {"IDENT", "LPAR"}:
        return f"expected a list such as (a, b) or the name of a list, found {found}", "", offset
    return _no_end(text, offset, found, expected)


def _found(text: str, offset: int) -> str:
    if offset >= len(text):
        return "the end of the condition"
    match = re.compile(r"[^\s()\"',=]+").match(text, offset)
    word = match[0] if match else text[offset]
    return repr(word if len(word) <= 40 else word[:40] + "...")


def _word(text: str, offset: int) -> str:
    match = _WORD.match(text, offset)
    return match[0] if match else ""


def _no_operator(text: str, offset: int, found: str) -> tuple[str, str, int]:
    word = _word(text, offset)
    known = "expected an operator (=, !=, <, <=, >, >=, in, contains, startswith, ...)"
    if text[offset : offset + 1] == "[":
        return "expected one argument in [ ], such as proc.aname[2]", "an argument with blanks takes quotes", offset
    if word in OPERATOR_WORDS:
        return f"{word} needs a blank after it", "", offset
    if word.lower() in OPERATOR_WORDS:
        return f"{known}, found {found}", f"operators are lower case: {word.lower()}", offset
    if word in _FOREIGN_OPERATORS:
        return f"{known}, found {found}", f"did you mean {_FOREIGN_OPERATORS[word]}?", offset
    near = nearest(word, OPERATOR_WORDS)
    return f"{known}, found {found}", f"did you mean {near}?" if near else "", offset


def _no_check(text: str, offset: int, found: str) -> tuple[str, str, int]:
    message = f"expected a check such as proc.name = bash, a macro, not or (, found {found}"
    if text[offset : offset + 1] in ("!", "&", "|"):
        return message, "write not, and, or as words", offset
    before = re.search(r"\b(and|or|not)\s*$", text[:offset])
    if before and (offset >= len(text) or text[offset] == ")"):
        return message, f"nothing follows {before[1]}", offset
    return message, "", offset


def _no_value(text: str, offset: int, found: str, expected: frozenset[str]) -> tuple[str, str, int]:
    if "BARE" not in expected and "NUMBER" in expected and "TRANSFORM" in expected and "QUOTED" not in expected:
        return f"expected a number, found {found}", "<, <=, > and >= compare numbers only", offset
    if "BARE" not in expected:
        return f"expected a field, a string in quotes or a number as argument, found {found}", "", offset
    if text[offset : offset + 1] == "(" and "TRANSFORM" not in expected:
        return f"expected a value, found {found}", "a value with parentheses in it takes quotes", offset
    if text[offset : offset + 1] == "(":
        return (
            "expected one value, found a list",
            "use in for a list, or put a modifier before it: = anyof (...)",
            offset,
        )
    if text[offset : offset + 1] == "=":
        return f"expected a value, found {found}", "equality is = or ==", offset
    if text[offset : offset + 1] in (")", ","):
        return f"expected a value, found {found}", "a comma stands between two values" if "," in text else "", offset
    return f"expected a value, found {found}", "", offset


def _no_end(text: str, offset: int, found: str, expected: frozenset[str]) -> tuple[str, str, int]:
    if "COMMA" in expected:
        hint = "a value with blanks takes quotes" if offset < len(text) else "close the list"
        return f"expected , or ) in this list, found {found}", hint, offset
    joined = "expected and, or or )" if "RPAR" in expected else "expected and, or, or the end"
    word = _word(text, offset)
    if word.lower() in ("and", "or", "not") and word != word.lower():
        return f"{joined}, found {found}", f"and, or, not are lower case: {word.lower()}", offset
    if word in ("and", "or"):
        return f"{word} needs a blank or ( after it", "", offset
    if word.startswith(("&", "|")):
        return f"{joined}, found {found}", "write and, or as words", offset
    if text[offset : offset + 1] == ")":
        return "this ) closes nothing", "", offset
    if offset >= len(text) and "RPAR" in expected:
        return "a ( is never closed: expected )", "", _open_paren(text)
    if text[offset : offset + 1] == "," or _AFTER_VALUE.search(text[:offset]):
        return f"{joined}, found {found}", "a value with blanks takes quotes, several values take in (a, b)", offset
    return f"{joined}, found {found}", "", offset


_QUOTED: Final = re.compile(r""""(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'""")


def _open_quote(text: str) -> int | None:
    """Return where a string starts that has no end, None when all have one."""
    at = 0
    while True:
        quotes = [i for i in (text.find('"', at), text.find("'", at)) if i >= 0]
        if not quotes:
            return None
        match = _QUOTED.match(text, min(quotes))
        if match is None:
            return min(quotes)
        at = match.end()


def _open_paren(text: str) -> int:
    opened: list[int] = []
    for match in re.finditer(r"""[()]|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'""", text):
        if match[0] == "(":
            opened.append(match.start())
        elif match[0] == ")" and opened:
            opened.pop()
    return opened[-1] if opened else len(text)
