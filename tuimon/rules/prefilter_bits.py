"""Which clauses a thing does not rule out: asked once of each actor and each detail, kept as rows of bits.

Nearly all of it is found out by looking one value up: a field that many clauses compare with constants is loaded first,
and leaves only the clauses that take its value. The others are tried one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.events import Event
from tuimon.fields.registry import UNKNOWN, FieldType, Value
from tuimon.rules.checks import Checks, Context, Load, Test
from tuimon.rules.evaluate import Program
from tuimon.rules.graph import Graph
from tuimon.rules.nodes import Check, FieldRef, Literal, ValueList

_WORD: Final = 64


@dataclass(frozen=True, slots=True)
class Guard:
    """A field that many clauses compare with constants before anything else can matter (``proc.name in (...)``)."""

    load: Load
    guarded: int
    """Bits of the clauses that hold only if the field has one of their constants."""
    allowed: dict[Value, int]
    """By constant, the bits of the clauses that take it."""


MIN_GUARDED: Final = 4
"""A field that fewer clauses are guarded by is not worth loading first."""


def guards_of(program: Program, checks: Checks, clauses: dict[int, int]) -> list[Guard]:
    """Return the guards of projections, given by node with the bits of their clauses; the sharpest field first."""
    found: dict[FieldRef, dict[Value, int]] = {}
    guarded: dict[FieldRef, int] = {}
    for node, bits in clauses.items():
        for part in _conjuncts(program.graph, node):
            kind, check = program.graph.keys[part]
            ref = _guarding(check, checks) if kind == "check" else None
            if ref is None or guarded.get(ref, 0) & bits:
                continue
            guarded[ref] = guarded.get(ref, 0) | bits
            allowed = found.setdefault(ref, {})
            items = (check.right,) if isinstance(check.right, Literal) else check.right.items
            for item in items:
                allowed[item.text] = allowed.get(item.text, 0) | bits
    worth = [ref for ref in found if guarded[ref].bit_count() >= MIN_GUARDED]
    worth.sort(key=lambda ref: -guarded[ref].bit_count())
    return [Guard(program.loader(ref), guarded[ref], found[ref]) for ref in worth]


def _conjuncts(graph: Graph, node: int) -> tuple[int, ...]:
    """Return the nodes that must all hold for a node to hold."""
    return graph.children(node) if graph.keys[node][0] == "and" else (node,)


def _guarding(check: Check, checks: Checks) -> FieldRef | None:
    """Return the field of a check that holds only of some texts, None for every other check."""
    if check.op not in ("=", "==", "in") or check.modifier is not None or not isinstance(check.left, FieldRef):
        return None
    side = checks.side(check.left)
    plain = side.type is FieldType.CHARBUF and side.twin is None and not side.is_list and not side.several
    return check.left if plain and isinstance(check.right, Literal | ValueList) else None


class Bits:
    """Answers as rows of words, one bit per clause.

    ``rows``: which clauses the asked thing does not rule out; ``sure``: for which of them the projection surely holds;
    ``known``: which were asked about at all.
    """

    def __init__(
        self,
        tests: Sequence[tuple[Test, int]],
        blank: Context,
        clauses: int,
        guards: Sequence[Guard] = (),
    ) -> None:
        self._tests = tests
        """Test of each distinct projection, and the bits of the clauses that have it."""
        self._guards = guards
        self._blank = blank
        self.all = (1 << clauses) - 1
        self._size = max(1, -(-clauses // _WORD)) * 8
        self.rows = self._blank_rows()
        self.known, self.sure = self._blank_rows(), self._blank_rows()
        self.used = 0

    def _blank_rows(self) -> NDArray[np.uint64]:
        return np.zeros((256, self._size // 8), np.uint64)

    @property
    def asks(self) -> bool:
        """Whether there is anything to ask about; without, every clause may hold and surely does."""
        return bool(self._tests)

    def new_row(self) -> int:
        """Return the number of a row about which nothing is known; the arrays may be replaced."""
        row = self._take(1)
        self.rows[row] = self.known[row] = self.sure[row] = 0
        return row

    def _take(self, count: int) -> int:
        """Return the first of some new rows, of any content."""
        row = self.used
        self.used += count
        while self.used > len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
            self.known = np.concatenate([self.known, np.zeros_like(self.known)])
            self.sure = np.concatenate([self.sure, np.zeros_like(self.sure)])
        return row

    def ask_all(self, events: Iterable[Event]) -> int:
        """Find out about every clause for some events, in a new row each, and return the first of these rows."""
        answers = [self._safe_answer(event, self.all) for event in events]
        first = self._take(len(answers))
        new = slice(first, self.used)
        self.rows[new] = self._table([bits for bits, _ in answers])
        self.sure[new] = self._table([bits & sure for bits, sure in answers])
        self.known[new] = self.words(self.all)
        return first

    def _table(self, rows: Sequence[int]) -> NDArray[np.uint64]:
        raw = b"".join(bits.to_bytes(self._size, "little") for bits in rows)
        return np.frombuffer(raw, "<u8").reshape(len(rows), -1)

    def ask(self, row: int, event: Event, wanted: int) -> None:
        """Find out about some clauses, given as bits, and add that to a row."""
        bits, sure = self._safe_answer(event, wanted)
        self.rows[row] |= self.words(bits)
        self.sure[row] |= self.words(bits & sure)
        self.known[row] |= self.words(wanted)

    def _safe_answer(self, event: Event, wanted: int) -> tuple[int, int]:
        try:
            return self._answer(event, wanted)
        except Exception:  # a value that cannot be read rules nothing out; the exact evaluator meets it, and says so
            return wanted, 0
        finally:
            event.part()

    def _answer(self, event: Event, wanted: int) -> tuple[int, int]:
        """Return which of some clauses an event does not rule out, and for which the projection surely holds."""
        context = self._blank.copy()
        context[0] = event
        bits = wanted
        for guard in self._guards:
            value = guard.load(context)
            if value is None:
                bits &= ~guard.guarded
            elif value is not UNKNOWN:
                bits &= ~guard.guarded | guard.allowed.get(value, 0)
        sure = bits
        for test, clauses in self._tests:
            if not bits & clauses:
                continue
            result = test(context)
            if not result:
                sure &= ~clauses
                if result is False:
                    bits &= ~clauses
                    if not bits:
                        break
        return bits, sure

    def missing(self, row: int, wanted: bytes) -> int:
        """Return which of some clauses, given as the bytes of a row, are not known yet, as bits."""
        return int.from_bytes(wanted, "little") & ~int.from_bytes(self.known[row].tobytes(), "little")

    def words(self, bits: int) -> NDArray[np.uint64]:
        """Return bits as a row of words."""
        return np.frombuffer(bits.to_bytes(self._size, "little"), "<u8")

    def clear(self) -> None:
        """Forget all answers, and the room that a flood of them took."""
        self.rows, self.known, self.sure = self._blank_rows(), self._blank_rows(), self._blank_rows()
        self.used = 0
