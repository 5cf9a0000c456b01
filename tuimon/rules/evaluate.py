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

from tuimon.events import Event
from tuimon.rules.checks import MISSING, Checks, Context, Load, Test
from tuimon.rules.graph import Graph
from tuimon.rules.nodes import Condition, FieldRef

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

    def __init__(self, checks: Checks, graph: Graph | None = None) -> None:
        self.graph = graph or Graph()
        self._checks = checks
        self._uses: list[int] = []
        self._tests: dict[int, Test] = {}
        self._slots: dict[object, int] = {}
        self._size = 1

    def compile(self, nodes: Iterable[Condition], event_type: str | None = None) -> list[Test]:
        """Return the test of each condition.

        Args:
            nodes: Resolved conditions.
            event_type: The only ``evt.type`` that the tests will see; what it decides is decided now.
        """
        return self.print([self.graph.add(node, event_type) for node in nodes])

    def print(self, roots: Sequence[int]) -> list[Test]:
        """Return the tests of nodes of the graph."""
        self._uses = self.graph.uses(roots)
        return [self._emit(root) for root in roots]

    def loader(self, ref: FieldRef) -> Load:
        """Return what gives a field's value, shared with the tests; to be asked before ``blank``."""
        return self._checks.side(ref).bind(self._slot)

    def blank(self) -> Context:
        """Return the context to copy for each event."""
        return [MISSING] * self._size

    def _slot(self, key: object) -> int:
        at = self._slots.get(key)
        if at is None:
            at = self._slots[key] = self._size
            self._size += 1
        return at

    def _emit(self, node: int) -> Test:
        test = self._tests.get(node)
        if test is None:
            test = self._plain(node)
            if self._uses[node] > 1 and self._is_worth_keeping(node):
                test = _remembered(test, self._slot(("result", node)))
            self._tests[node] = test
        return test

    def _is_worth_keeping(self, node: int) -> bool:
        """Whether looking a result up is cheaper than working it out again: not for a single cheap check."""
        kind, inner = self.graph.keys[node]
        return self._checks.is_costly(inner) if kind == "check" else kind != "const"

    def _plain(self, node: int) -> Test:
        kind, inner = self.graph.keys[node]
        if kind == "const":
            return _always if inner else _never
        if kind == "check":
            return self._checks.test(inner, self._slot)
        if kind == "not":
            return _negated(self._emit(inner))
        tests = tuple(self._emit(child) for child in inner)
        return _all_of(tests) if kind == "and" else _any_of(tests)


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
