"""Completion of a condition: what can stand at the cursor, with its meaning. No widgets; filter bar and editor use it.

    complete("evt.type = op", 13, context)   Completion(start=11, items=(Item("open", "event", ...), ...))

A lexer and a small state machine, not the parser: the text is half typed by nature. What is offered always parses at
that place; the parser alone decides whether the whole is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from tuimon.fields import FieldInfo, FieldType, all_fields, resolve
from tuimon.rules.operators import LIST_OPERATORS, MODIFIERS, OPERATORS, TRANSFORMERS, kind_of, legal_operators
from tuimon.syscalls import EVENT_NAMES, PARAM_NAMES
from tuimon.view.terms import written

Kind = Literal["field", "macro", "list", "operator", "event", "value", "word", "transformer"]

FIRST: Final = (
    "evt.type", "proc.name", "fd.name", "container.name", "proc.cmdline", "user.name", "fd.rip", "fd.rport",
    "proc.exepath", "proc.pname", "evt.res", "container.id", "k8s.pod.name", "k8s.ns.name",
)  # fmt: skip
"""Fields that are asked for most come first while nothing is typed."""
MOST: Final = 500
"""Items returned; a popup shows few, and typing narrows them."""
_WORD: Final = re.compile(r"""[^\s()"'=<>!,]*$""")
_TOKEN: Final = re.compile(
    r"""
    (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<open>"(?:[^"\\]|\\.)*$|'(?:[^'\\]|\\.)*$)
  | (?P<sign>!=|<=|>=|==|=|<|>)
  | (?P<paren>[(),])
  | (?P<word>[^\s()"'=<>!,]+(?:\[[^\]]*\])?)
    """,
    re.VERBOSE | re.DOTALL,
)
_LOGIC: Final = {"and": "both hold", "or": "one of the two holds"}
_NOT: Final = "what follows does not hold"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can stand at the cursor."""

    label: str
    """As a list shows it; raw: values come from monitored processes."""
    kind: Kind
    meaning: str
    """One short phrase, raw."""
    insert: str
    """What takes the place of the text between the completion's start and the cursor."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What can stand at a place."""

    start: int
    """Where the word under the cursor begins, in characters."""
    items: tuple[Item, ...]
    """The best first; empty when nothing fits or the word is complete."""


class Values(Protocol):
    """Who has seen which values; see tuimon.view.seen."""

    def __call__(self, name: str) -> Sequence[tuple[str, int]]:
        """Return texts of a field's values and how often each was seen, the most frequent first."""


def _nothing_seen(name: str) -> Sequence[tuple[str, int]]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class Context:
    """What there is to complete with besides the language itself."""

    macros: Mapping[str, str] = field(default_factory=dict)
    """Name to condition, of the rules in force."""
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Name to items."""
    values: Values = _nothing_seen
    """Asked in the calling thread, and may take some milliseconds."""


def context_of(loaded: object, values: Values = _nothing_seen) -> Context:
    """Return the context of loaded rules.

    Args:
        loaded: A tuimon.rules.loader.LoadResult, or anything with ``macros`` and ``lists`` like it; None: no rules.
        values: See Context.
    """
    macros = {one.name: " ".join(one.condition_text.split()) for one in getattr(loaded, "macros", ())}
    lists = {one.name: tuple(one.items) for one in getattr(loaded, "lists", ())}
    return Context(macros, lists, values)


@dataclass(slots=True)
class _Place:
    """Where the text before the word under the cursor has led to."""

    wants: Literal["term", "operator", "value", "members", "member", "comma", "logic", "argument"] = "term"
    field: str = ""
    """The field whose operator or value is wanted; empty after a transformer."""
    operator: str = ""
    depth: int = 0
    """Open parentheses around."""


def complete(text: str, cursor: int, context: Context = Context()) -> Completion:
    """Return what can stand at the cursor.

    Args:
        text: A condition, or the beginning of one.
        cursor: Place in it, in characters; what is right of it is not looked at.
        context: Macros, lists and seen values.
    """
    before = text[:cursor]
    tokens = [(found.lastgroup or "", found[0], found.start()) for found in _TOKEN.finditer(before)]
    quoted = bool(tokens) and tokens[-1][0] == "open"
    if quoted:
        start, word = tokens[-1][2], tokens[-1][1]
        tokens.pop()
    else:
        found = _WORD.search(before)
        word = found[0] if found is not None else ""
        start = len(before) - len(word)
        while tokens and tokens[-1][2] >= start:
            tokens.pop()
    place = _place([(kind, text) for kind, text, _ in tokens])
    given = word[1:] if quoted else word
    items = _items(place, given, context)
    if quoted:
        items = [one for one in items if one.kind in ("value", "event")]
    shown = _ranked(items, given)
    if is_whole(shown, word):
        return Completion(start, ())
    return Completion(start, tuple(shown[:MOST]))


def is_whole(shown: Sequence[Item], word: str) -> bool:
    """Return whether a word is the best of what fits it, and the beginning of nothing else."""
    if not shown or shown[0].insert.strip() != word:
        return False
    return not any(other.label.lower().startswith(word.lower()) for other in shown[1:])


def wanted_at(text: str) -> str:
    """Return what the language wants behind a beginning of a condition: term, operator, value, member, ..., argument.

    Empty within quotes: there stands only text.
    """
    tokens = [(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(text)]
    return "" if tokens and tokens[-1][0] == "open" else _place(tokens).wants


def _place(tokens: Sequence[tuple[str, str]]) -> _Place:
    """Walk over the whole tokens before the word."""
    at = _Place()
    argument = 0
    for kind, text in tokens:
        if argument:  # inside the parentheses of a transformer
            argument += {"(": 1, ")": -1}.get(text, 0)
            if not argument:
                at.wants = "logic" if at.operator else "operator"
        elif kind == "word" and text in TRANSFORMERS and at.wants in ("term", "value"):
            at.wants = "argument"
        elif at.wants == "argument" and text == "(":
            argument = 1
        else:
            _step(at, kind, text)
    if argument:
        at.wants = "argument"
    return at


def _step(at: _Place, kind: str, text: str) -> None:
    """Take one token outside of a transformer's arguments."""
    match at.wants:
        case "term":
            _term(at, kind, text)
        case "operator":
            at.operator = text
            at.wants = "logic" if text == "exists" else "members" if text in LIST_OPERATORS else "value"
        case "value":
            if kind == "word" and text in MODIFIERS:
                at.wants = "members"
            elif text != "(":
                at.wants = "logic"
        case "members":
            at.wants = "member" if text == "(" else "logic"
        case "member":
            at.wants = "logic" if text == ")" else "comma"
        case "comma":
            at.wants = "logic" if text == ")" else "member"
        case _:
            if text == ")":
                at.depth = max(at.depth - 1, 0)
            elif text in _LOGIC:
                at.wants, at.field, at.operator = "term", "", ""


def _term(at: _Place, kind: str, text: str) -> None:
    if text == "(":
        at.depth += 1
    elif kind == "word" and text != "not":
        if "." in text:
            at.wants, at.field = "operator", text
        else:
            at.wants = "logic"


def _items(at: _Place, word: str, context: Context) -> list[Item]:
    """Return all that fits the place."""
    match at.wants:
        case "term":
            fields = _fields(word, " ")
            no = Item("not", "word", _NOT, "not ")
            return [*fields[: len(FIRST)], no, *_macros(context), *fields[len(FIRST) :], *_transformers()]
        case "argument":
            return _fields(word, ")")
        case "operator":
            return _operators(at.field)
        case "value":
            each = [Item(name, "word", doc, f"{name} (") for name, doc in MODIFIERS.items()]
            more = [Item("val(", "transformer", TRANSFORMERS["val"], "val(")]
            return [*_values(at.field, context), *((*each, *more) if _takes_modifier(at.operator) else ())]
        case "members":
            return [Item("(", "word", "a list of values", "("), *_lists(context)]
        case "member":
            return [*_values(at.field, context), *_lists(context)]
        case "comma":
            return [Item(",", "word", "one more", ", "), Item(")", "word", "end of the list", ") ")]
        case _:
            close = [Item(")", "word", "end of the group", ")")] if at.depth else []
            return [Item(name, "word", doc, f"{name} ") for name, doc in _LOGIC.items()] + close


def _takes_modifier(operator: str) -> bool:
    found = OPERATORS.get(operator)
    return found is not None and found.takes_modifier


def _fields(word: str, tail: str) -> list[Item]:
    """Return the fields that a condition can test; the names of arguments behind ``evt.arg.``."""
    for owner in ("evt.arg.", "evt.rawarg."):
        if word.startswith(owner):
            return [Item(owner + name, "field", "argument of an event", owner + name + tail) for name in _ARGUMENTS]
    at = {name: number for number, name in enumerate(FIRST)}
    usable = [info for info in all_fields() if not info.print_only and info.get is not None and not info.deprecated]
    usable.sort(key=lambda info: at.get(info.name, len(at)))
    return [Item(info.name, "field", info.doc, _field_text(info, tail)) for info in usable]


_ARGUMENTS: Final = tuple(sorted(PARAM_NAMES))


def _field_text(info: FieldInfo, tail: str) -> str:
    if info.arg != "required":
        return info.name + tail
    return f"{info.name}." if info.name in ("evt.arg", "evt.rawarg") else f"{info.name}["


def _macros(context: Context) -> list[Item]:
    return [Item(name, "macro", text, f"{name} ") for name, text in sorted(context.macros.items())]


def _lists(context: Context) -> list[Item]:
    return [Item(name, "list", ", ".join(items[:12]), name) for name, items in sorted(context.lists.items())]


def _transformers() -> list[Item]:
    return [Item(f"{name}(", "transformer", doc, f"{name}(") for name, doc in TRANSFORMERS.items() if name != "val"]


def _operators(name: str) -> list[Item]:
    found = resolve(name.partition("[")[0]) if name else None
    if found is None:
        names: Iterable[str] = legal_operators(FieldType.CHARBUF)
    else:
        info, argument = found
        indexed = argument is not None or "[" in name
        names = legal_operators(info.type, is_list=info.is_list and not indexed)
    usual = sorted((one for one in names if one != "=="), key=lambda one: one == "exists")
    return [Item(one, "operator", OPERATORS[one].doc, _operator_text(one)) for one in usual]


def _operator_text(name: str) -> str:
    return f"{name} (" if name in LIST_OPERATORS else f"{name} "


def _values(name: str, context: Context) -> list[Item]:
    """Return the values a field may be compared with: those of its type, and those seen."""
    found = resolve(name.partition("[")[0]) if name else None
    if found is None:
        return []
    info = found[0]
    seen = context.values(name)
    items = [Item(text, "value", f"seen {count:,} times", written(text)) for text, count in seen]
    known = {text for text, _ in seen}
    if info.name == "evt.type":
        items += [Item(one, "event", "event type", one) for one in sorted(EVENT_NAMES) if one not in known]
    elif info.type is FieldType.BOOL:
        items += [Item(one, "value", kind_of(info.type), one) for one in ("true", "false") if one not in known]
    return items


def _ranked(items: Sequence[Item], word: str) -> list[Item]:
    """Return the items that fit a word, those that begin with it first; their order is kept otherwise."""
    wanted = word.lower()
    if not wanted:
        return list(items)
    ranks = [(rank, one) for one in items if (rank := _rank(one.label.lower(), wanted)) is not None]
    return [one for _, one in sorted(ranks, key=lambda pair: pair[0])]


def _rank(label: str, wanted: str) -> int | None:
    if label.startswith(wanted):
        return 0
    if f".{wanted}" in label or f"_{wanted}" in label or f"/{wanted}" in label:
        return 1
    return 2 if wanted in label else None
