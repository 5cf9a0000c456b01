"""The exact meaning of a condition: tree to function of one event, in three-valued logic.

True, False, or None for *not known yet*. Absent values make a check False whatever its operator; unknown values make it
None, and ``and``, ``or``, ``not`` follow Kleene. With ``plain_falco`` an unknown value counts as absent, and only the
given path of a file is looked at.

Nothing of a rule's text is ever executed: conditions become closures over parsed constants. Conditions compiled
together (a ``Program``) share what they have in common: every field value and every repeated part is worked out at most
once per event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from tuimon.errors import RuleError
from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN
from tuimon.rules.checks import MISSING, Checks, Context, Test
from tuimon.rules.nodes import And, Check, Condition, Expanded, FieldRef, Literal, MacroRef, Not, Or, ValueList

_TYPE_FIELDS: Final = frozenset(("evt.type", "syscall.type"))
_TRUE: Final = 0
_FALSE: Final = 1

Judge = Callable[[Event], bool | None]


def compile_condition(node: Condition, *, plain_falco: bool = False, checks: Checks | None = None) -> Judge:
    """Return the function that says whether a resolved condition holds for an event: True, False or None (unknown).

    Args:
        node: The condition; it may hold no MacroRef.
        plain_falco: Take unknown values as absent and look at given paths only.
        checks: Where checks are compiled; give one to share their cost between conditions.

    Raises:
        RuleError: A check that cannot be made: unknown field, an operator its type does not take, a bad constant.
    """
    program = Program(checks or Checks(plain_falco=plain_falco))
    (test,) = program.compile([node])
    blank = program.blank()

    def judge(event: Event) -> bool | None:
        context = blank.copy()
        context[0] = event
        return test(context)

    return judge


class Program:
    """Conditions that are judged together for the same event.

    ``compile`` may be called once. A test takes a context: ``blank().copy()`` with the event put in place 0; all tests
    of the program may use the same context for the same event, and then share values and results.
    """

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._ids: dict[object, int] = {("const", True): _TRUE, ("const", False): _FALSE}
        self._keys: list[Any] = [("const", True), ("const", False)]
        self._uses: list[int] = [0, 0]
        self._tests: dict[int, Test] = {}
        self._slots: dict[object, int] = {}
        self._size = 1
        self._event_type: str | None = None

    def compile(self, nodes: Iterable[Condition], event_type: str | None = None) -> list[Test]:
        """Return the test of each condition.

        Args:
            nodes: Resolved conditions.
            event_type: The only ``evt.type`` that the tests will see; what it decides is decided now.
        """
        self._event_type = event_type
        ids = [self._intern(node) for node in nodes]
        for root in ids:
            self._count(root)
        return [self._emit(root) for root in ids]

    def blank(self) -> Context:
        """Return the context to copy for each event."""
        return [MISSING] * self._size

    def slot(self, key: object) -> int:
        """Return the place of a value in the context; the same key has the same place."""
        at = self._slots.get(key)
        if at is None:
            at = self._slots[key] = self._size
            self._size += 1
        return at

    # Interning: equal parts get one number, whatever their place in the text.

    def _intern(self, node: Condition) -> int:
        match node:
            case Expanded(_, child):
                return self._intern(child)
            case Not(child):
                return self._negation(self._intern(child))
            case And(children):
                return self._junction("and", [self._intern(child) for child in children])
            case Or(children):
                return self._junction("or", [self._intern(child) for child in children])
            case Check():
                return self._decided(node)
            case MacroRef(name):
                raise RuleError(f"macro {name} is not resolved", "load the rule file with tuimon.rules.loader")

    def _number(self, key: object) -> int:
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = len(self._keys)
            self._keys.append(key)
            self._uses.append(0)
        return known

    def _negation(self, child: int) -> int:
        if child in (_TRUE, _FALSE):
            return _FALSE if child == _TRUE else _TRUE
        kind, inner = self._keys[child]
        return int(inner) if kind == "not" else self._number(("not", child))

    def _junction(self, kind: str, children: Sequence[int]) -> int:
        neutral, final = (_TRUE, _FALSE) if kind == "and" else (_FALSE, _TRUE)
        flat: dict[int, None] = {}
        for child in children:
            same_kind = self._keys[child][0] == kind
            for part in self._keys[child][1] if same_kind else (child,):
                if part == final:
                    return final
                if part != neutral:
                    flat[part] = None
        if not flat:
            return neutral
        return next(iter(flat)) if len(flat) == 1 else self._number((kind, tuple(flat)))

    def _decided(self, check: Check) -> int:
        """Return a check's number, or what the event type already decides."""
        if self._event_type is not None:
            known = type_check(check, self._event_type)
            if known is not None:
                return _TRUE if known else _FALSE
        return self._number(("check", check))

    def _count(self, node: int) -> None:
        """Count how often each part is used by different parents."""
        self._uses[node] += 1
        if self._uses[node] > 1:
            return
        kind, inner = self._keys[node]
        if kind == "not":
            self._count(inner)
        elif kind in ("and", "or"):
            for child in inner:
                self._count(child)

    # Printing: numbers to closures.

    def _emit(self, node: int) -> Test:
        test = self._tests.get(node)
        if test is None:
            test = self._plain(node)
            if self._uses[node] > 1 and self._keys[node][0] != "const" and self._worth_keeping(node):
                test = _remembered(test, self.slot(("result", node)))
            self._tests[node] = test
        return test

    def _worth_keeping(self, node: int) -> bool:
        """Whether looking a result up is cheaper than working it out again: not for a single cheap check."""
        kind, inner = self._keys[node]
        return kind != "check" or self._checks.is_costly(inner)

    def _plain(self, node: int) -> Test:
        kind, inner = self._keys[node]
        if kind == "const":
            return _always if inner else _never
        if kind == "check":
            return self._checks.test(inner, self.slot)
        if kind == "not":
            return _negated(self._emit(inner))
        tests = tuple(self._emit(child) for child in inner)
        return _all_of(tests) if kind == "and" else _any_of(tests)


def type_check(check: Check, event_type: str) -> bool | None:
    """Return what an event type says about a check, None when the check is about something else."""
    if not isinstance(check.left, FieldRef) or check.left.name not in _TYPE_FIELDS or check.modifier:
        return None
    match check.op, check.right:
        case ("=" | "==", Literal(text)):
            return text == event_type
        case ("!=", Literal(text)):
            return text != event_type
        case ("in", ValueList(items)):
            return any(item.text == event_type for item in items)
        case ("exists", _):
            return True
    return None


def _always(_context: Context) -> bool | None:
    return True


def _never(_context: Context) -> bool | None:
    return False


def _remembered(test: Test, slot: int) -> Test:
    def run(context: Context) -> bool | None:
        result = context[slot]
        if result is MISSING:
            result = context[slot] = test(context)
        return result  # type: ignore[no-any-return]

    return run


def _negated(test: Test) -> Test:
    def run(context: Context) -> bool | None:
        result = test(context)
        return None if result is None else not result

    return run


def _all_of(tests: tuple[Test, ...]) -> Test:
    def run(context: Context) -> bool | None:
        result: bool | None = True
        for test in tests:
            part = test(context)
            if not part:
                if part is False:
                    return False
                result = None
        return result

    return run


def _any_of(tests: tuple[Test, ...]) -> Test:
    def run(context: Context) -> bool | None:
        result: bool | None = False
        for test in tests:
            part = test(context)
            if part:
                return True
            if part is None:
                result = None
        return result

    return run


__all__ = ["MISSING", "UNKNOWN", "Checks", "Judge", "Program", "compile_condition", "type_check"]
