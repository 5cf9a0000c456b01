"""What the word under the cursor of a rule file means: a field, a macro, a list, an operator, an event, a key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tuimon.fields import resolve
from tuimon.rules.operators import MODIFIERS, OPERATORS, TRANSFORMERS
from tuimon.syscalls import EVENT_NAMES
from tuimon.view.rule_completion import ITEMS, KEYS, Place, place_at

_WORD: Final = re.compile(r"[A-Za-z_][\w.-]*(?:\[[^\]]*\])?|!=|<=|>=|==|[=<>]")
_LOGIC: Final[Mapping[str, str]] = {
    "and": "both sides hold; when the left does not, the right is not looked at",
    "or": "one of the sides holds; when the left does, the right is not looked at",
    "not": "what follows does not hold; a field without a value makes it hold too",
}
_LONGEST: Final = 400


class _Macro(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def condition_text(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...


class _List(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def items(self) -> Sequence[str]: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...


class Loaded(Protocol):
    """What is asked of loaded rules; see tuimon.rules.loader.LoadResult."""

    @property
    def macros(self) -> Sequence[_Macro]: ...  # noqa: D102
    @property
    def lists(self) -> Sequence[_List]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word means."""

    word: str
    kind: str
    """field, macro, list, operator, event, transformer, key, logic."""
    text: str
    """One line, raw: it may hold anything a rule file holds."""
    file: str = ""
    """Where a macro or list is defined; empty for what the language has itself."""
    line: int = 0


def meaning_at(text: str, row: int, column: int, loaded: Loaded | None = None) -> Meaning | None:
    """Return what the word at a place means, None when it has no meaning of its own.

    Args:
        text: The file's text.
        row: Line of the cursor, from 0.
        column: Characters left of it; a cursor right behind a word is at the word.
        loaded: The rules that macros and lists are looked up in.
    """
    line = text.split("\n")[row]
    found = next((one for one in _WORD.finditer(line) if one.start() <= column <= one.end()), None)
    if found is None:
        return None
    word = found[0]
    at = place_at(text, row, found.end())
    if not at.key or (at.before == "" and line[found.end() :].lstrip().startswith(":")):
        return _key(at, word)
    if at.key == "output" and not line[: found.start()].endswith(("%", "%*")):
        return None
    if at.key in ("condition", "output", "items", "fields", "comps", "values"):
        return _word(word, loaded, only_fields=at.key in ("output", "fields"))
    return None


def _key(at: Place, word: str) -> Meaning | None:
    known = {**ITEMS, **KEYS.get(at.item, {})}
    return Meaning(word, "key", known[word]) if word in known else None


def _word(word: str, loaded: Loaded | None, *, only_fields: bool) -> Meaning | None:
    name, _, argument = word.partition("[")
    if (found := resolve(name)) is not None:
        info = found[0]
        kind = f"{info.type.value}{' list' if info.is_list and not argument else ''}"
        unfilled = "" if info.get is not None else "; no value on this machine"
        return Meaning(name, "field", f"{kind}: {info.doc}{unfilled}")
    if only_fields:
        return None
    own = next((m for m in loaded.macros if m.name == word), None) if loaded is not None else None
    if own is not None:
        return Meaning(word, "macro", _short(" ".join(own.condition_text.split())), own.file, own.line)
    items = next((one for one in loaded.lists if one.name == word), None) if loaded is not None else None
    if items is not None:
        return Meaning(
            word, "list", _short(f"{len(items.items)} items: {', '.join(items.items)}"), items.file, items.line
        )
    return _language(word)


def _language(word: str) -> Meaning | None:
    if word in OPERATORS:
        return Meaning(word, "operator", OPERATORS[word].doc)
    for kind, table in (("operator", MODIFIERS), ("transformer", TRANSFORMERS), ("logic", _LOGIC)):
        if word in table:
            return Meaning(word, kind, table[word])
    if word in EVENT_NAMES:
        return Meaning(word, "event", "a value of evt.type")
    return None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
