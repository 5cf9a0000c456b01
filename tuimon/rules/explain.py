"""Why a rule did, or did not, fire: the condition as a tree with each part's value and truth for one event.

Every part is judged, also those that the evaluator's short circuit would skip, each by the same compiled check, and put
together by the same three-valued logic; so the root's truth is the evaluator's. Macros stay as parts with the place of
their definition, lists keep their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tuimon.errors import RuleError
from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN, Value
from tuimon.rules.checks import MISSING, Checks, Context, Side
from tuimon.rules.matching import Rule
from tuimon.rules.nodes import And, Check, Condition, Expanded, MacroRef, Not, Or, Span, Transform, ValueList
from tuimon.rules.output import as_text
from tuimon.rules.printer import print_check, print_operand

Kind = Literal["and", "or", "not", "check", "macro"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition, judged."""

    kind: Kind
    text: str
    """A check as canonical text (a named list by its name); the name of a macro; ``and``, ``or``, ``not``."""
    truth: bool | None
    """None: a value is not known yet."""
    value: str = ""
    """What the left side of a check was, as an output would print it; of a path field the given path."""
    real: str = ""
    """The real path, where the check looks at it too and it differs."""
    wanted: str = ""
    """What val(field) on the right was; empty with constants."""
    origin: str = ""
    """FILE:LINE of a macro's definition."""
    span: Span | None = None
    children: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """Yield this part and everything below, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


def explain(node: Condition, event: Event, checks: Checks | None = None) -> Part:
    """Return the judged tree of a resolved condition for one event.

    Raises:
        RuleError: A part that cannot be compiled.
    """
    return _Explainer(checks or Checks(forgiving=True), event).part(node)


class _Explainer:
    """One event's values, each worked out once."""

    def __init__(self, checks: Checks, event: Event) -> None:
        self._checks = checks
        self._context: Context = [event]
        self._slots: dict[object, int] = {}

    def part(self, node: Condition) -> Part:
        match node:
            case Check():
                return self._check(node)
            case Not(child):
                inner = self.part(child)
                truth = None if inner.truth is None else not inner.truth
                return Part("not", "not", truth, span=node.span, children=(inner,))
            case And(children):
                parts = tuple(self.part(child) for child in children)
                return Part("and", "and", all_of(part.truth for part in parts), span=node.span, children=parts)
            case Or(children):
                parts = tuple(self.part(child) for child in children)
                return Part("or", "or", any_of(part.truth for part in parts), span=node.span, children=parts)
            case Expanded(name, child, origin):
                inner = self.part(child)
                return Part("macro", name, inner.truth, origin=origin, span=node.span, children=(inner,))
            case MacroRef(name):
                raise RuleError(f"macro {name} is not resolved", "load the rule file with tuimon.rules.loader")

    def _check(self, check: Check) -> Part:
        truth = self._checks.test(check, self._slot)(self._context)
        left = self._checks.side(check.left)
        value, real = self._values(left)
        right = self._checks.side(check.right) if isinstance(check.right, Transform) else None
        wanted = _shown(right.bind(self._slot)(self._context), right) if right is not None else ""
        real = "" if real == value else real
        return Part("check", _check_text(check), truth, value=value, real=real, wanted=wanted, span=check.span)

    def _values(self, side: Side) -> tuple[str, str]:
        value = _shown(side.bind(self._slot)(self._context), side)
        real = _shown(side.twin(self._slot)(self._context), side) if side.twin is not None else value
        return value, real

    def _slot(self, key: object) -> int:
        at = self._slots.get(key)
        if at is None:
            at = self._slots[key] = len(self._context)
            self._context.append(MISSING)
        return at


def _shown(value: Value, side: Side) -> str:
    return "not known yet" if value is UNKNOWN else as_text(value, side.type)


def _check_text(check: Check) -> str:
    right = check.right
    if isinstance(right, ValueList) and right.name is not None:
        middle = f"{check.op} {check.modifier}" if check.modifier else check.op
        return f"{print_operand(check.left)} {middle} ({right.name})"
    return print_check(check)


def all_of(truths: Iterable[bool | None]) -> bool | None:
    """Return the conjunction: false when any is false, else unknown when any is unknown."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def any_of(truths: Iterable[bool | None]) -> bool | None:
    """Return the disjunction: true when any is true, else unknown when any is unknown."""
    unknown = False
    for truth in truths:
        if truth:
            return True
        unknown = unknown or truth is None
    return None if unknown else False


def lines(part: Part, depth: int = 0) -> Iterator[str]:
    """Yield the tree as indented lines: truth, text, value. Values are raw; show them through tuimon.render."""
    mark = {True: "✓", False: "✗", None: "?"}[part.truth]
    words = [part.text]
    if part.kind == "macro" and part.origin:
        words.append(f"({part.origin})")
    if part.kind == "check":
        words.append(f"← {part.value}")
        if part.real:
            words.append(f"(real: {part.real})")
        if part.wanted:
            words.append(f"against {part.wanted}")
    yield "  " * depth + f"{mark} " + " ".join(words)
    for child in part.children:
        yield from lines(child, depth + 1)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not fire, and the fewest parts that would have had to be otherwise."""

    rule: Rule
    tree: Part
    blockers: tuple[Part, ...]
    """Checks whose truth stood in the way, in the order of the condition."""


def near_misses(
    rules: Iterable[tuple[Rule, Condition]], event: Event, limit: int = 5, checks: Checks | None = None
) -> list[NearMiss]:
    """Return the rules that came closest to an event without matching it, the closest first.

    Closeness is the smallest number of checks that would have to be otherwise. Rules for other event types, and
    rules that match, are not looked at (``RuleSet.applicable`` gives the pairs).
    """
    checks = checks or Checks(forgiving=True)
    found = []
    for rule, condition in rules:
        tree = explain(condition, event, checks)
        if not tree.truth:
            found.append(NearMiss(rule, tree, _blockers(tree, wanted=True)))
    found.sort(key=lambda miss: len(miss.blockers))
    return found[:limit]


def _blockers(part: Part, *, wanted: bool) -> tuple[Part, ...]:
    """Return the fewest checks that would have to be otherwise for a part to have the wanted truth."""
    if part.truth is wanted:
        return ()
    if part.kind == "check":
        return (part,)
    if part.kind in ("not", "macro"):
        return _blockers(part.children[0], wanted=wanted if part.kind == "macro" else not wanted)
    each = [_blockers(child, wanted=wanted) for child in part.children]
    if (part.kind == "and") is wanted:
        return tuple(blocker for blockers in each for blocker in blockers)
    return min(each, key=len)
