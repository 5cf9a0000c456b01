"""Why a rule did or did not fire for one event: conditions as trees, other rules that matched, near misses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tuimon.events import Event
from tuimon.rules.explain import Part, explain
from tuimon.ui.screens.details import Details
from tuimon.view.cells import Line
from tuimon.view.why_lines import Lists, why_lines
from tuimon.workbench.near import Why, why

if TYPE_CHECKING:
    from tuimon.rules.ruleset import RuleSet
    from tuimon.workbench.desk import Engine

_MISSES = 8
"""Near misses listed."""


class WhyScreen(Details):
    """The dialog of one event's verdicts. Dismissed with a rule's name when that is to be edited.

    Args:
        event: The event.
        engine: Whose rules are asked.
        rule: The rule of the alert it was opened at; None: the event was found in the live list.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("e", "edit", "Edit rule", id="why.edit")]

    def __init__(self, event: Event, engine: Engine, rule: str | None = None) -> None:
        super().__init__(f"Why  event {event.num}" if rule is None else f"Why  {rule}  event {event.num}")
        rules = engine.ruleset
        self._verdicts = Why((), (), (), None) if rules is None else why(rules, event, limit=_MISSES)
        first = () if rule is None else (rule,)
        names = dict.fromkeys((*first, *self._verdicts.matched, *self._verdicts.unknown))
        self._trees = [] if rules is None else _trees(rules, tuple(names), event)
        self._rule = rule or next(iter(names), None)
        self._lists = _lists(engine)

    def lines(self, width: int) -> Sequence[Line]:
        """Return the verdicts, the trees and the near misses."""
        return why_lines(self._verdicts, self._trees, self._lists, width)

    def action_edit(self) -> None:
        """Go to the rule."""
        if self._rule is not None:
            self.dismiss(self._rule)


def _trees(rules: RuleSet, names: Sequence[str], event: Event) -> list[tuple[str, str, Part]]:
    """Return name, place and judged condition of the rules of these names that are in force."""
    found = {rule.name: (rule, condition) for rule, condition in rules.pairs}
    checks = rules.fresh_checks()
    return [
        (name, f"{PurePath(found[name][0].file).name}:{found[name][0].line}", explain(found[name][1], event, checks))
        for name in names
        if name in found
    ]


def _lists(engine: Engine) -> Lists:
    """Return place and items of the named lists in force."""
    return {
        each.name: (f"{PurePath(each.file).name}:{each.line}", ", ".join(each.items)) for each in engine.loaded.lists
    }
