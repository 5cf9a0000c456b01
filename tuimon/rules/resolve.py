"""Lists and macros put in their places: nodes in, nodes out.

Falco expands lists in the *text* of a condition, wherever a list's name stands between blanks and ``( ) , =``. The same
results come out here, but a name that stands as one value of a list (nearly all do) is replaced in the tree, so that a
condition is parsed once, keeps its places, and remembers which list its values came from. Everything else goes through
the text, as in Falco.

Two things Falco leaves half done are finished: a list inside a list inside a list is expanded too, and what opens to
more than any machine could judge is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tuimon.errors import RuleError
from tuimon.rules.exceptions import quoted
from tuimon.rules.expansion import Expansion, line_column, stands
from tuimon.rules.items import ListItem
from tuimon.rules.mistakes import nearest
from tuimon.rules.nodes import (
    And,
    Check,
    Condition,
    Expanded,
    Literal,
    MacroRef,
    Not,
    Or,
    Span,
    ValueList,
    walk,
)
from tuimon.rules.parser import ConditionSyntaxError, parse_condition

MAX_DEPTH: Final = 250
"""Nodes above one another in an opened condition, so that no pass over it comes near Python's limit of recursion."""
MAX_SIZE: Final = 200_000
"""Checks and values in an opened condition."""

MAX_VALUES: Final = 1_000_000
"""Values of all lists together."""
MAX_ALIKE: Final = 50
"""Lists whose names hold blanks and begin with the same word; more are not found."""
MAX_LIST_DEPTH: Final = 60
"""Lists inside one another."""

_WORD: Final = re.compile(r"[^ \t\n\r(),=]+")
_BARE: Final = re.compile(r"[^()\"' \t\n\r\f\v\b=,]+")
_SIMPLE_QUOTED: Final = re.compile(r"[^\"'\\(),=\t\n\r\f\v\b]* [^\"'\\(),=\t\n\r\f\v\b]*")


class ResolveError(RuleError):
    """A name that cannot be opened.

    Args:
        message: One sentence.
        span: Where, in the condition at hand.
        hint: The nearest right name; may be empty.
        undefined: The name, when it is that of no macro.
    """

    def __init__(self, message: str, span: Span, hint: str = "", undefined: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.span = span
        self.undefined = undefined


@dataclass(slots=True)
class ListValues:
    """A list with the lists inside it opened."""

    name: str
    texts: tuple[str, ...]
    too_long: bool = False
    """There would be more than ``MAX_VALUES`` values in all lists together; it has none then."""
    used: bool = False
    literals: tuple[Literal, ...] | None = None
    """The values as nodes; None when some text has to go through the parser (quotes, commas, ...). Made when needed."""
    is_made: bool = False


class Lists:
    """All lists, opened.

    Args:
        items: The definitions, in order; a list sees those that were first defined before its last change.
    """

    def __init__(self, items: Iterable[ListItem] = ()) -> None:
        self.by_name: dict[str, ListValues] = {}
        self._items = {item.name: item for item in items}
        self._left = MAX_VALUES
        opened: dict[str, ListValues] = {}
        for item in self._items.values():
            self.by_name[item.name] = self._opened(item, opened, ())
        self._order = {name: index for index, name in enumerate(self.by_name)}
        # Names with blanks or commas in them (Falco warns) are looked for where their first word stands.
        self._odd: dict[str, list[str]] = {}
        for name in self.by_name:
            first = _WORD.match(name)
            if first is not None and first[0] != name:
                alike = self._odd.setdefault(first[0], [])
                alike += [name] if len(alike) < MAX_ALIKE else []

    def _opened(self, item: ListItem, opened: dict[str, ListValues], path: tuple[str, ...]) -> ListValues:
        if item.name in opened:
            return opened[item.name]
        texts: list[str] = []
        too_long = False
        path = (*path, item.name)
        for scalar in item.items:
            inner = self._items.get(scalar.text)
            if inner is None or inner.index >= item.visibility or inner.name in path or len(path) > MAX_LIST_DEPTH:
                texts.append(scalar.text)
                continue
            values = self._opened(inner, opened, path)
            values.used = True
            too_long = too_long or values.too_long or len(texts) + len(values.texts) > self._left
            if not too_long:
                texts += values.texts
        self._left -= len(texts)
        out = opened[item.name] = ListValues(item.name, () if too_long else tuple(texts), too_long)
        return out

    def _literals(self, values: ListValues) -> tuple[Literal, ...] | None:
        if not values.is_made:
            values.is_made = True
            values.literals = self._made(values.texts)
        return values.literals

    def _made(self, texts: Iterable[str]) -> tuple[Literal, ...] | None:
        out: list[Literal] = []
        for text in texts:
            if _BARE.fullmatch(text) and text not in self._items:
                out.append(Literal(text))
            elif _SIMPLE_QUOTED.fullmatch(text) and not any(word in self._items for word in _WORD.findall(text)):
                out.append(Literal(text, quoted=True))
            else:
                return None
        return tuple(out)

    @property
    def content(self) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
        """All that what a text opens to can hang on: each list's name and values, and whether it is too long."""
        return tuple((each.name, each.texts, each.too_long) for each in self.by_name.values())

    def parse(self, text: str) -> Condition:
        """Parse a condition and put lists in their places.

        Raises:
            ConditionSyntaxError: Places are those of ``text``, before lists were expanded.
        """
        node, used = self.parsed(text)
        self.use(used)
        return node

    def use(self, names: Iterable[str]) -> None:
        """Take down that lists are used."""
        for name in names:
            self.by_name[name].used = True

    def parsed(self, text: str) -> tuple[Condition, frozenset[str]]:
        """Do what ``parse`` does, but return the names of the lists that are used instead of taking them down.

        Raises:
            ConditionSyntaxError: As there; then those it names are taken down.
        """
        hits = self._hits(text)
        if not hits:
            return parse_condition(text), frozenset()
        used = {name for _, name in hits}
        try:
            return self._parsed(text, hits, used), frozenset(used)
        except ConditionSyntaxError:
            self.use(used)
            raise

    def _parsed(self, text: str, hits: list[tuple[int, str]], used: set[str]) -> Condition:
        for start, name in hits:
            if self.by_name[name].too_long:
                message = f"list {name} opens to more than {MAX_VALUES} values"
                raise ConditionSyntaxError(message, start, *line_column(text, start))
        try:
            node = parse_condition(text)
        except ConditionSyntaxError:
            return self._through_text(text, used)
        if len(hits) == self._replaceable(node, hits):
            return self._in_tree(node)
        return self._through_text(text, used)

    def _hits(self, text: str) -> list[tuple[int, str]]:
        names, odd = self.by_name, self._odd
        hits = [(match.start(), match[0]) for match in _WORD.finditer(text) if match[0] in names or match[0] in odd]
        if not odd:
            return hits
        found = [(at, word) for at, word in hits if word in names]
        for at, word in hits:
            found += [(at, name) for name in odd.get(word, ()) if stands(text, name, at)]
        return found

    def _replaceable(self, node: Condition, hits: list[tuple[int, str]]) -> int:
        """Count the hits that are bare values of a list in parentheses, whose own values are plain."""
        places = {
            item.span.start
            for check in walk(node)
            if isinstance(check, Check) and isinstance(check.right, ValueList) and _in_parentheses(check.right)
            for item in check.right.items
            if not item.quoted
        }
        return sum(1 for start, name in hits if start in places and self._literals(self.by_name[name]) is not None)

    def _in_tree(self, node: Condition) -> Condition:
        match node:
            case And(children, span):
                return And(tuple(self._in_tree(child) for child in children), span)
            case Or(children, span):
                return Or(tuple(self._in_tree(child) for child in children), span)
            case Not(child, span):
                return Not(self._in_tree(child), span)
            case Check(_, _, ValueList() as right):
                expanded = self._values(right)
                return node if expanded is right else replace(node, right=expanded)
        return node

    def _values(self, right: ValueList) -> ValueList:
        names = self.by_name
        if not any(not item.quoted and item.text in names for item in right.items):
            return right
        items: list[Literal] = []
        for item in right.items:
            known = None if item.quoted else names.get(item.text)
            literals = self._literals(known) if known is not None else None
            if literals is None:
                items.append(item)
            else:
                # The values keep the place of the name, where an error about one of them is to be shown.
                items += [Literal(value.text, value.quoted, item.span) for value in literals]
        whole = right.items[0].text if len(right.items) == 1 else None
        return ValueList(tuple(items), whole, right.span)

    def _through_text(self, text: str, used: set[str]) -> Condition:
        expansion = Expansion(text)
        self._expand(expansion, used)
        try:
            return expansion.respan(parse_condition(expansion.text))
        except ConditionSyntaxError as error:
            offset = expansion.origin(error.offset)
            line, column = line_column(text, offset)
            word = _WORD.match(text, offset)
            hint = error.hint
            if word is not None and word[0] in self.by_name:
                hint = f"the values of list {word[0]} stand here; the name of a list takes parentheses: in ({word[0]})"
            raise ConditionSyntaxError(error.message, offset, line, column, hint) from None

    def _expand(self, expansion: Expansion, used: set[str]) -> None:
        """Expand list after list, in order; what one brings in may hold the name of a later one."""
        waiting = {name: self._order[name] for _, name in self._hits(expansion.text)}
        last = -1
        while later := [(order, name) for name, order in waiting.items() if order > last]:
            last, name = min(later)
            values = self.by_name[name]
            brought = ", ".join(map(quoted, values.texts))
            if expansion.replace(name, brought):
                used.add(name)
            waiting.update((each, self._order[each]) for _, each in self._hits(brought))


def _in_parentheses(values: ValueList) -> bool:
    return not values.items or values.span != values.items[0].span


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro that can be opened: its condition has no names left."""

    name: str
    node: Condition
    origin: str
    depth: int
    size: int


def open_macros(
    node: Condition,
    macros: Mapping[str, Macro],
    *,
    hints: Mapping[str, str] | None = None,
    loops: Iterable[str] = (),
    names: Iterable[str] = (),
) -> tuple[Condition, int, int]:
    """Replace the macros of a condition.

    Args:
        node: The condition.
        macros: Those that may be used here.
        hints: What to say about a name that exists but cannot be used here.
        loops: Names that would lead back to where we are.
        names: Names to suggest, besides those of ``macros``.

    Returns:
        The condition with every macro as Expanded, its depth and its size.

    Raises:
        ResolveError: An undefined name, or more than ``MAX_DEPTH`` or ``MAX_SIZE``.
    """
    opener = _Opener(macros, hints or {}, frozenset(loops), names)
    opened, depth = opener.open(node)
    if depth > MAX_DEPTH:
        raise ResolveError(f"this nests deeper than {MAX_DEPTH} levels, macros opened", node.span)
    return opened, depth, opener.size


class _Opener:
    def __init__(
        self, macros: Mapping[str, Macro], hints: Mapping[str, str], loops: frozenset[str], names: Iterable[str]
    ) -> None:
        self.size = 0
        self._macros = macros
        self._hints = hints
        self._loops = loops
        self._names = names

    def open(self, node: Condition) -> tuple[Condition, int]:
        match node:
            case And(children, span):
                opened = [self.open(child) for child in children]
                return And(tuple(child for child, _ in opened), span), 1 + max(depth for _, depth in opened)
            case Or(children, span):
                opened = [self.open(child) for child in children]
                return Or(tuple(child for child, _ in opened), span), 1 + max(depth for _, depth in opened)
            case Not(child, span):
                inner, depth = self.open(child)
                return Not(inner, span), depth + 1
            case MacroRef(name, span):
                macro = self._find(name, span)
                self._grow(macro.size, span)
                return Expanded(name, macro.node, macro.origin, span), macro.depth + 1
            case Check(_, _, right, _, span):
                self._grow(1 + (len(right.items) if isinstance(right, ValueList) else 0), span)
        return node, 1

    def _find(self, name: str, span: Span) -> Macro:
        macro = self._macros.get(name)
        if macro is not None:
            return macro
        if name in self._loops:
            raise ResolveError(f"reference loop in macro '{name}'", span)
        hint = self._hints.get(name, "")
        near = "" if hint else nearest(name, {*self._macros, *self._names})
        hint = hint or (f"did you mean {near}?" if near else "")
        raise ResolveError(f"Undefined macro '{name}' used in filter.", span, hint, name)

    def _grow(self, size: int, span: Span) -> None:
        self.size += size
        if self.size > MAX_SIZE:
            raise ResolveError(f"this opens to more than {MAX_SIZE} checks and values", span)


def macro_names(node: Condition) -> dict[str, Span]:
    """Return the macros that a condition names, each with its first place."""
    names: dict[str, Span] = {}
    for each in walk(node):
        if isinstance(each, MacroRef):
            names.setdefault(each.name, each.span)
    return names
