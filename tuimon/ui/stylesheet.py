"""NearStylesheet: Textual's stylesheet, which looks for each widget at the rules that name something of it alone.

Textual goes through all rules (some 250) for each widget each time that its styles are worked out, to find the few that
may hold. Here they are found once for each set of names that widgets have: their type, classes and id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.css.stylesheet import Stylesheet

if TYPE_CHECKING:
    from textual.css.model import RuleSet
    from textual.css.styles import RulesMap
    from textual.dom import DOMNode

_Near = tuple[list["RuleSet"], dict[str, list["RuleSet"]]]
"""The rules that may hold, in their order, and which of them each name is in."""


class NearStylesheet(Stylesheet):
    """A stylesheet whose rules, while they are applied to a node, are those that may hold for it."""

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._near: _Near | None = None
        """What holds while a node is looked at."""
        self._known: dict[frozenset[str], _Near] = {}
        self._known_of: dict[str, list[RuleSet]] | None = None
        """The rules that ``_known`` was made of."""

    @property
    def rules(self) -> list[RuleSet]:
        """All rules; while a node is looked at, those that may hold for it."""
        return super().rules if self._near is None else self._near[0]

    @property
    def rules_map(self) -> dict[str, list[RuleSet]]:
        """The rules by what they name."""
        return super().rules_map if self._near is None else self._near[1]

    def apply(
        self, node: DOMNode, *, animate: bool = False, cache: dict[tuple[object, ...], RulesMap] | None = None
    ) -> None:
        """Work out a node's styles, and those of its parts, which come here in turn."""
        before, self._near = self._near, None
        self._near = self._may_hold(node)
        try:
            super().apply(node, animate=animate, cache=cache)
        finally:
            self._near = before

    def _may_hold(self, node: DOMNode) -> _Near:
        """Return the rules that name something of a node."""
        every = self.rules_map
        if every is not self._known_of:
            self._known, self._known_of = {}, every
        names = frozenset(every.keys() & node._selector_names)
        near = self._known.get(names)
        if near is None:
            by_name = {name: every[name] for name in names}
            wanted = {rule for rules in by_name.values() for rule in rules}
            near = self._known[names] = [rule for rule in self.rules if rule in wanted], by_name
        return near
