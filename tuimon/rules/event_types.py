"""Which event types a condition can be true for, so that a rule is judged for those only.

Falco's algebra (libs, userspace/libsinsp/filter/ppm_codes.cpp): ``evt.type`` with =, ==, != and in gives a set, and
intersects, or unites, not is pushed down to the leaves; every other check is neutral and means all types, negated or
not. Always an over-approximation. Falco's HEAD also sees that evt.num is never 0; 0.44.1 does not, and neither do we.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tuimon.rules.nodes import And, Check, Condition, Expanded, FieldRef, Literal, Not, Or, ValueList

_FIELDS: Final = ("evt.type", "syscall.type")
_OPERATORS: Final = ("=", "==", "!=", "in")

EventTypes = frozenset[str] | None
"""Names; None: all of them."""


class EventTypeIndex:
    """Answers for many conditions that share macros; what an opened macro gives is worked out once.

    Args:
        universe: All event types there are.
        aliases: Other names an event type may be asked for by.
    """

    def __init__(self, universe: frozenset[str], aliases: Mapping[str, str]) -> None:
        self._universe = universe - aliases.keys()
        self._aliases = aliases
        # Keyed by identity; the node is kept so that its id stays its own.
        self._known: dict[tuple[int, bool], tuple[Condition, EventTypes]] = {}

    def of(self, node: Condition, *, negated: bool = False) -> EventTypes:
        """Return the event types a condition can be true for."""
        match node:
            case Expanded(_, child):
                key = (id(child), negated)
                if key not in self._known:
                    self._known[key] = (child, self.of(child, negated=negated))
                return self._known[key][1]
            case Not(child):
                return self.of(child, negated=not negated)
            case And(children):
                sets = [self.of(child, negated=negated) for child in children]
                return _union(sets) if negated else _intersection(sets)
            case Or(children):
                sets = [self.of(child, negated=negated) for child in children]
                return _intersection(sets) if negated else _union(sets)
            case Check():
                return self._leaf(node, negated)
        return None

    def _leaf(self, node: Check, negated: bool) -> EventTypes:
        left = node.left
        if not isinstance(left, FieldRef) or left.name not in _FIELDS or left.arg is not None:
            return None
        if node.op == "exists":
            # True for every event, so its negation is true for none.
            return frozenset() if negated else None
        if node.op not in _OPERATORS or node.modifier is not None:
            return None
        match node.right:
            case Literal(text):
                names = {text}
            case ValueList(items):
                names = {item.text for item in items}
            case _:
                return None
        types = frozenset(self._aliases.get(name, name) for name in names) & self._universe
        return self._universe - types if negated != (node.op == "!=") else types


def _union(sets: list[EventTypes]) -> EventTypes:
    out: set[str] = set()
    for each in sets:
        if each is None:
            return None
        out |= each
    return frozenset(out)


def _intersection(sets: list[EventTypes]) -> EventTypes:
    out: EventTypes = None
    for each in sets:
        out = each if out is None else out if each is None else out & each
    return out
