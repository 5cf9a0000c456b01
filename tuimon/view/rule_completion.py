"""Completion in a rule file: which keys an item takes, and what can stand in the value under the cursor.

Like ``tuimon.view.completion`` a reader of half-typed text, not a parser: it goes by indentation, and what it offers
fits the place; the loader alone decides whether the whole is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tuimon.fields import all_fields
from tuimon.rules.items import PRIORITIES
from tuimon.rules.operators import OPERATORS
from tuimon.view.completion import Completion, Context, Item, Kind, complete, is_whole

ITEMS: Final[Mapping[str, str]] = {
    "rule": "alerts when its condition holds",
    "macro": "a condition with a name, to be used in others",
    "list": "values with a name, to be used in conditions",
    "required_engine_version": "the oldest engine that understands the file",
    "required_plugin_versions": "plugins the rules are made for",
}
KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "rule": {
        "desc": "what the rule looks for, for people",
        "condition": "which events it catches",
        "output": "the alert's text; %field puts a value in",
        "priority": "how bad it is",
        "tags": "words to sort rules by",
        "exceptions": "what the condition shall not catch",
        "enabled": "false: loaded, but never fires",
        "source": "what makes the events; syscall when left out",
        "override": "which keys of an earlier rule of that name these change",
        "warn_evttypes": "false: do not warn that it looks at every event",
        "skip-if-unknown-filter": "true: leave it out where a field is not known",
        "capture": "true: record when it fires",
        "capture_duration": "milliseconds to record",
    },
    "macro": {"condition": "what the name stands for", "override": "change an earlier macro of that name"},
    "list": {"items": "the values", "override": "change an earlier list of that name"},
}
"""Item kind to its keys, in the order in which files have them, each with its meaning."""
_NESTED: Final[Mapping[str, Mapping[str, str]]] = {
    "exceptions": {
        "name": "names the exception, so that others can add values",
        "fields": "what is compared",
        "comps": "how; in for a single field when left out",
        "values": "what is left out, one entry for each field",
    },
}
_BLOCKS: Final = frozenset({"condition", "output", "desc"})
"""Keys whose value is usually written as an indented block."""
_SWITCHES: Final = frozenset({"enabled", "warn_evttypes", "skip-if-unknown-filter", "capture", "append"})
_LINE: Final = re.compile(r"^(?P<indent>\s*)(?P<dash>-\s+)?(?P<key>[A-Za-z_-]+)[ \t]*:(?P<rest>.*)$")
_ITEM: Final = re.compile(r"^-[ \t]+(rule|macro|list)[ \t]*:")
_BLOCK: Final = re.compile(r"\s*[>|][-+0-9]*\s*(?:#.*)?$")
_WORD: Final = re.compile(r"[^\s\[\],\"']*$")
_KEY_WORD: Final = re.compile(r"(?P<lead>\s*(?:-\s+)?)(?P<word>[A-Za-z_-]*)$")
_PLACEHOLDER: Final = re.compile(r"%\*?(?P<word>[a-z0-9_.]*)$")


@dataclass(frozen=True)
class RuleContext:
    """What there is to complete with in a rule file."""

    condition: Context = field(default_factory=Context)
    tags: Sequence[str] = ()
    """Those that loaded rules carry."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cursor stands in a rule file."""

    item: str
    """rule, macro or list; empty outside of one."""
    owner: str
    """The key around ``key``: exceptions or override; empty at an item's own keys."""
    key: str
    """The key whose value the cursor is in; empty where a key itself is typed."""
    before: str
    """The value up to the cursor, lines joined with newlines; of a key the text of its line."""


def rule_context(loaded: object, condition: Context) -> RuleContext:
    """Return the context of loaded rules (a tuimon.rules.loader.LoadResult; None: no rules)."""
    tags = {tag for rule in getattr(loaded, "rules", ()) for tag in rule.tags}
    return RuleContext(condition, sorted(tags))


def place_at(text: str, row: int, column: int) -> Place:
    """Return where a cursor stands.

    Args:
        text: The file's text, or any number of whole items of it.
        row: Line of the cursor, from 0.
        column: Characters left of it.
    """
    lines = text.split("\n")[: row + 1]
    here = lines[row][:column]
    lines[row] = here
    item = next((found[1] for line in reversed(lines) if (found := _ITEM.match(line)) is not None), "")
    found = _LINE.match(here)
    if found is not None:
        return Place(item, _owner(lines, row, _outer(found)), found["key"], found["rest"])
    indent = len(here) - len(here.lstrip())
    above = _enclosing(lines, row, indent + (1 if here.lstrip().startswith("- ") else 0))
    if above is None or (at := _LINE.match(lines[above])) is None:
        return Place(item if indent else "", "", "", here)
    if at["key"] in (*_NESTED, "override"):
        return Place(item, at["key"], "", here)
    rest = "" if _BLOCK.match(at["rest"]) else at["rest"]
    return Place(item, _owner(lines, above, _outer(at)), at["key"], "\n".join([rest, *lines[above + 1 : row], here]))


def complete_rule(text: str, row: int, column: int, context: RuleContext = RuleContext()) -> Completion:
    """Return what can stand at a place of a rule file; the completion's start is a column of that line.

    Args:
        text: See ``place_at``.
        row: See ``place_at``.
        column: See ``place_at``.
        context: What is known of the rules.
    """
    at = place_at(text, row, column)
    if not at.key:
        return _keys(at, text, row, column)
    if at.owner == "override":
        return _from(at.before, column, _words({"append": "add to what is there", "replace": "take its place"}))
    if at.key == "condition":
        found = complete(at.before, len(at.before), context.condition)
        start = column - (len(at.before) - found.start)
        return Completion(start, found.items) if start >= 0 else Completion(column, ())
    if at.key == "output":
        return _placeholders(at.before, column)
    return _from(at.before, column, _values(at, context))


def _outer(found: re.Match[str]) -> int:
    """Return the column left of which whatever is around a key begins; a list may stand right below its key."""
    return len(found["indent"]) + (1 if found["dash"] else 0)


def _enclosing(lines: Sequence[str], row: int, limit: int) -> int | None:
    """Return the nearest line above whose key is left of a column."""
    for number in range(row - 1, -1, -1):
        found = _LINE.match(lines[number])
        if found is not None and len(found["indent"]) + len(found["dash"] or "") < limit:
            return number
        if lines[number].startswith("- "):
            return None
    return None


def _owner(lines: Sequence[str], row: int, limit: int) -> str:
    above = _enclosing(lines, row, limit)
    found = _LINE.match(lines[above]) if above is not None else None
    return found["key"] if found is not None and found["key"] in (*_NESTED, "override") else ""


def _keys(at: Place, text: str, row: int, column: int) -> Completion:
    """Complete a key: those of the item that it does not have yet."""
    found = _KEY_WORD.fullmatch(at.before)
    if found is None:
        return Completion(column, ())
    if at.owner == "override":
        keys: Mapping[str, str] = dict.fromkeys(KEYS.get(at.item, ()), "replace it, or append to it")
    elif at.owner:
        keys = _NESTED[at.owner]
    elif at.item and found["lead"]:
        there = _present(text.split("\n"), row)
        keys = {key: meaning for key, meaning in KEYS[at.item].items() if key not in there}
    else:
        lead = "" if found["lead"].strip() else "- "
        items = [Item(name, "word", meaning, f"{lead}{name}: ") for name, meaning in ITEMS.items()]
        return _narrowed(items, found["word"], column)
    offered = [
        Item(key, "word", meaning, f"{key}: >" if key in _BLOCKS and not at.owner else f"{key}: ")
        for key, meaning in keys.items()
    ]
    return _narrowed(offered, found["word"], column)


def _present(lines: Sequence[str], row: int) -> set[str]:
    """Return the keys of the item around a line."""
    first = next((n for n in range(row, -1, -1) if lines[n].startswith("- ")), 0)
    last = next((n for n in range(row + 1, len(lines)) if lines[n].startswith("- ")), len(lines))
    return {found["key"] for n in range(first, last) if n != row and (found := _LINE.match(lines[n])) is not None}


def _placeholders(before: str, column: int) -> Completion:
    found = _PLACEHOLDER.search(before)
    if found is None:
        return Completion(column, ())
    fields = [info for info in all_fields() if not info.filter_only and not info.deprecated]
    items = [Item(info.name, "field", info.doc, info.name + ("[" if info.arg == "required" else "")) for info in fields]
    return _narrowed(items, found["word"], column)


def _values(at: Place, context: RuleContext) -> list[Item]:
    """Return what can stand in the value of a key."""
    if at.owner == "exceptions" and at.key in ("fields", "comps"):
        if at.key == "comps":
            return [Item(name, "operator", one.doc, name) for name, one in OPERATORS.items() if name != "exists"]
        return [Item(info.name, "field", info.doc, info.name) for info in all_fields() if not info.print_only]
    if at.key == "priority":
        return _words({name.upper(): "" for name in PRIORITIES})
    if at.key == "source":
        return _words({"syscall": "calls of this machine", "k8s_audit": "Kubernetes' audit log"})
    if at.key in _SWITCHES:
        return _words({"true": "", "false": ""})
    if at.key == "tags":
        return _words(dict.fromkeys(context.tags, "carried by other rules"))
    if at.key in ("items", "values"):
        lists = context.condition.lists.items()
        return [Item(name, "list", ", ".join(items[:12]), name) for name, items in sorted(lists)]
    return []


def _words(names: Mapping[str, str]) -> list[Item]:
    kind: Kind = "word"
    return [Item(name, kind, meaning, name) for name, meaning in names.items()]


def _from(before: str, column: int, items: Sequence[Item]) -> Completion:
    found = _WORD.search(before)
    return _narrowed(items, found[0] if found is not None else "", column)


def _narrowed(items: Iterable[Item], word: str, column: int) -> Completion:
    """Keep what begins with a word, then what has it in it."""
    wanted = word.lower()
    ranked = [(not one.label.lower().startswith(wanted), one) for one in items if wanted in one.label.lower()]
    shown = tuple(one for _, one in sorted(ranked, key=lambda pair: pair[0]))
    if is_whole(shown, word):
        shown = ()
    return Completion(column - len(word), shown)
