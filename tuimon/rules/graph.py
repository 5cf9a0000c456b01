"""Conditions as one graph of distinct parts: equal parts are one node, wherever they stand.

The graph looks through macros, folds what an event type decides, and flattens nested ``and`` and ``or``. The evaluator
prints it as closures; the prefilter takes projections of it: the same condition with everything but some cheap checks
taken as *maybe*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from tuimon.errors import RuleError
from tuimon.rules.nodes import And, Check, Condition, Expanded, FieldRef, Literal, MacroRef, Not, Or, ValueList
from tuimon.syscalls import NOT_SYSCALLS

TRUE: Final = 0
FALSE: Final = 1
_TYPE_FIELDS: Final = frozenset(("evt.type", "syscall.type"))

Keep = Callable[[Check], bool]


class Graph:
    """Nodes by number. ``keys[n]`` is ("const", bool), ("check", Check), ("not", m), ("and" or "or", (m, ...))."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, Any]] = [("const", True), ("const", False)]
        self._ids: dict[tuple[str, Any], int] = {key: at for at, key in enumerate(self.keys)}
        self._has: dict[tuple[int, Keep], bool] = {}

    def add(self, node: Condition, event_type: str | None = None) -> int:
        """Return the number of a resolved condition, for events of one type only when ``event_type`` says so."""
        match node:
            case Expanded(_, child):
                return self.add(child, event_type)
            case Not(child):
                return self.negation(self.add(child, event_type))
            case And(children):
                return self.junction("and", [self.add(child, event_type) for child in children])
            case Or(children):
                return self.junction("or", [self.add(child, event_type) for child in children])
            case Check():
                known = None if event_type is None else type_check(node, event_type)
                if known is not None:
                    return TRUE if known else FALSE
                return self._number(("check", node))
            case MacroRef(name):
                raise RuleError(f"macro {name} is not resolved", "load the rule file with tuimon.rules.loader")

    def at_type(self, node: int, event_type: str) -> int:
        """Return what ``add`` gives of the node's condition for events of one type."""
        if not self.has(node, _asks_for_the_type):
            return node
        kind, inner = self.keys[node]
        if kind == "check":
            known = type_check(inner, event_type)
            return node if known is None else TRUE if known else FALSE
        if kind == "not":
            return self.negation(self.at_type(inner, event_type))
        return self.junction(kind, [self.at_type(child, event_type) for child in inner])

    def has(self, node: int, wanted: Keep) -> bool:
        """Whether a check at or below a node is wanted; remembered of each node, so the same must always be."""
        known = self._has.get((node, wanted))
        if known is None:
            kind, inner = self.keys[node]
            below = any(self.has(child, wanted) for child in self.children(node))
            known = self._has[node, wanted] = wanted(inner) if kind == "check" else below
        return known

    def negation(self, child: int) -> int:
        """Return the number of ``not child``."""
        if child in (TRUE, FALSE):
            return FALSE if child == TRUE else TRUE
        kind, inner = self.keys[child]
        return int(inner) if kind == "not" else self._number(("not", child))

    def junction(self, kind: str, children: Sequence[int]) -> int:
        """Return the number of the ``and`` or ``or`` of some nodes."""
        neutral, final = (TRUE, FALSE) if kind == "and" else (FALSE, TRUE)
        flat: dict[int, None] = {}
        for child in children:
            inner = self.keys[child]
            for part in inner[1] if inner[0] == kind else (child,):
                if part == final:
                    return final
                if part != neutral:
                    flat[part] = None
        if not flat:
            return neutral
        return next(iter(flat)) if len(flat) == 1 else self._number((kind, tuple(flat)))

    def children(self, node: int) -> tuple[int, ...]:
        """Return the nodes right below a node."""
        kind, inner = self.keys[node]
        if kind == "not":
            return (inner,)
        return inner if kind in ("and", "or") else ()

    def checks(self, node: int) -> Iterator[Check]:
        """Yield the distinct checks at and below a node."""
        seen: set[int] = set()
        stack = [node]
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            if self.keys[at][0] == "check":
                yield self.keys[at][1]
            stack.extend(self.children(at))

    def uses(self, roots: Iterable[int]) -> list[int]:
        """Return, for each node, how many times it is asked for by the roots and by different nodes below them."""
        counts = [0] * len(self.keys)
        stack = list(roots)
        while stack:
            at = stack.pop()
            counts[at] += 1
            if counts[at] == 1:
                stack.extend(self.children(at))
        return counts

    def project(self, node: int, keep: Keep) -> int:
        """Return the node with every check that is not kept taken as *maybe*.

        The projection holds (or is unknown) whenever the node does: a check that is left out counts as true where it
        helps, and as false under a ``not``.
        """
        return self._projected(node, keep, True, {})

    def _projected(self, node: int, keep: Keep, maybe: bool, known: dict[tuple[int, bool], int]) -> int:
        done = known.get((node, maybe))
        if done is not None:
            return done
        kind, inner = self.keys[node]
        if kind == "check":
            result = node if keep(inner) else TRUE if maybe else FALSE
        elif kind == "not":
            result = self.negation(self._projected(inner, keep, not maybe, known))
        elif kind == "const":
            result = node
        else:
            result = self.junction(kind, [self._projected(child, keep, maybe, known) for child in inner])
        known[node, maybe] = result
        return result

    def clauses(self, node: int, is_mixed: Callable[[int], bool], limit: int) -> list[int]:
        """Return nodes whose disjunction is the node, splitting the mixed disjunctions of a conjunction first.

        A projection of ``a or b`` onto the checks of ``a`` says nothing; onto each of its halves it does. At most
        ``limit`` clauses come out.
        """
        done: list[int] = []
        open_: list[int] = [node]
        while open_:
            at = open_.pop(0)
            halves = self._split(at, is_mixed)
            if halves and len(done) + len(open_) + len(halves) <= limit:
                open_[:0] = halves
            else:
                done.append(at)
        return list(dict.fromkeys(each for each in done if each != FALSE))

    def _split(self, node: int, is_mixed: Callable[[int], bool]) -> list[int]:
        """Return the parts of a mixed disjunction, or of a conjunction's first mixed disjunction; none: leave it."""
        kind, inner = self.keys[node]
        if kind == "or" and is_mixed(node):
            return list(inner)
        if kind == "not" and (lowered := self._lowered(node)) != node:
            return [lowered]
        if kind != "and":
            return []
        for part in inner:
            lowered = self._lowered(part)
            below = self.keys[lowered]
            if below[0] == "or" and is_mixed(lowered):
                rest = [each for each in inner if each != part]
                return [self.junction("and", [*rest, half]) for half in below[1]]
        return []

    def _lowered(self, node: int) -> int:
        """Return a node with its outer ``not`` moved inwards by one level, other nodes as they are."""
        kind, inner = self.keys[node]
        if kind != "not":
            return node
        below, parts = self.keys[inner]
        if below not in ("and", "or"):
            return node
        return self.junction("or" if below == "and" else "and", [self.negation(part) for part in parts])

    def _number(self, key: tuple[str, Any]) -> int:
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = len(self.keys)
            self.keys.append(key)
        return known


def _asks_for_the_type(check: Check) -> bool:
    return isinstance(check.left, FieldRef) and check.left.name in _TYPE_FIELDS


def type_check(check: Check, event_type: str) -> bool | None:
    """Return what an event type says about a check, None when the check is about something else."""
    if not isinstance(check.left, FieldRef) or check.left.name not in _TYPE_FIELDS or check.modifier:
        return None
    if check.left.name == "syscall.type" and event_type in NOT_SYSCALLS:
        return False
    match check.op, check.right:
        case ("=" | "==", Literal(text)):
            return text == event_type
        case ("!=", Literal(text)):
            return text != event_type
        case ("in" | "intersects", ValueList(items)):
            return any(item.text == event_type for item in items)
        case ("exists", _):
            return True
    return None
