"""The prefilter: what cheap facts say about a rule, as a sound over-approximation. It may say yes too often, never no.

A condition is cut into *clauses* (their disjunction is the condition). Each clause is projected three times, onto the
checks that need only

- the **actor**: the process, the container and the user of an event, asked once for each that occurs;
- the **detail**: what the record itself says (texts, flags, arguments, sign of the result), asked once for each
  distinct record;
- the **record head**: what the kernel can judge with a few comparisons (tuimon.rules.prefilter_kernel).

Everything else counts as *maybe*. An event can match a rule only if all projections of one of its clauses hold, or are
unknown. tuimon.rules.prefilter_numpy asks actors and details with vector operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tuimon.fields.registry import FieldType, Scope
from tuimon.records import Kind
from tuimon.rules.checks import Checks
from tuimon.rules.graph import FALSE, Graph
from tuimon.rules.nodes import Check, FieldRef, Literal, Operand, OperandList, Transform, ValueList
from tuimon.syscalls import CALLS, Call

MAX_CLAUSES: Final = 12
"""Clauses of one rule for one event type; a rule that would need more is filtered less sharply."""

_DETAIL_GROUPS: Final = frozenset(("evt", "fd", "fs.path"))
_NOT_DETAIL: Final = frozenset(
    """
    evt.num evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.rawtime evt.rawtime.s evt.rawtime.ns
    evt.reltime evt.reltime.s evt.reltime.ns evt.latency evt.latency.s evt.latency.ns evt.latency.human evt.wait_latency
    evt.deltatime evt.deltatime.s evt.deltatime.ns evt.outputtime evt.cpu evt.around evt.args evt.info evt.rawarg
    evt.buflen evt.abspath evt.hostname fd.uid fd.containername fd.containerdirectory fd.lip fd.rip fd.lport fd.rport
    fd.lproto fd.rproto fd.lnet fd.rnet fd.lip.name fd.rip.name fd.types
    """.split()  # noqa: SIM905  a list literal would take a line each
)
"""Fields of the detail's groups that depend on more than the record's content: time, place in the stream, the
process's memory of its files, the machine's interfaces, name resolution."""
_RESULT_FIELDS: Final = frozenset(("evt.rawres", "fd.num"))
"""Fields that show the exact result of a call; a detail knows results only up to a bound."""
_PURE_ARGS: Final = frozenset(
    """
    name path filename pathname oldpath newpath target linkpath flags mode cmd request domain type proto nstype level
    optname how resource advice prot sig special dev dir tuple
    """.split()  # noqa: SIM905  as above
)
"""Arguments (evt.arg.NAME) of plain system calls that come from registers or texts alone."""
MAX_RESULT: Final = 1024


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a rule: node numbers of its two projections."""

    rule: int
    """Place of its rule among those that were cut."""
    actor: int
    detail: int
    is_whole: bool
    """The two projections together are the clause: nothing of it was taken as maybe."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of all rules for one kind of event."""

    items: tuple[Clause, ...]
    result_bound: int
    """Results above it are all the same to the details."""


class Cutter:
    """Cuts the conditions for one kind of event into clauses.

    Args:
        graph: Holds the conditions and takes the projections.
        checks: Knows the fields.
        kind: Of the events, with ``name`` as their ``evt.type``.
        name: See ``kind``.
    """

    def __init__(self, graph: Graph, checks: Checks, kind: Kind, name: str) -> None:
        self.graph = graph
        self.checks = checks
        self.kind = kind
        self.name = name
        self.result_bound = 0
        self._sides: dict[Check, str] = {}

    def cut(self, roots: Sequence[int]) -> Clauses:
        """Return the clauses of conditions given as nodes of the graph."""
        items = []
        for rule, root in enumerate(roots):
            for clause in self.graph.clauses(root, self._is_mixed, MAX_CLAUSES):
                actor = self.graph.project(clause, lambda check: self.side(check) == "actor")
                detail = self.graph.project(clause, lambda check: self.side(check) == "detail")
                if FALSE not in (actor, detail):
                    is_whole = self.graph.junction("and", (actor, detail)) == self._sorted(clause)
                    items.append(Clause(rule, actor, detail, is_whole))
        return Clauses(tuple(items), self.result_bound)

    def _sorted(self, node: int) -> int:
        """Return a conjunction with what the actor decides first, as two projections put together would have it."""
        kind, inner = self.graph.keys[node]
        if kind != "and":
            return node
        pure = {part: {self.side(check) for check in self.graph.checks(part)} for part in inner}
        return self.graph.junction("and", sorted(inner, key=lambda part: pure[part] != {"actor"}))

    def _is_mixed(self, node: int) -> bool:
        return len({self.side(check) for check in self.graph.checks(node)}) > 1

    def side(self, check: Check) -> str:
        """Return what a check depends on: ``actor``, ``detail``, or ``other``."""
        known = self._sides.get(check)
        if known is None:
            known = self._sides[check] = self._find_side(check)
        return known

    def _find_side(self, check: Check) -> str:
        sides = {self._field_side(ref, check) for ref in field_refs(check)}
        return sides.pop() if len(sides) == 1 else "other"

    def _field_side(self, ref: FieldRef, check: Check) -> str:
        info, arg = self.checks.field(ref)
        if info.scope in (Scope.PROCESS, Scope.CONTAINER) or info.group in ("user", "group"):
            return "actor"
        if info.group not in _DETAIL_GROUPS or info.name in _NOT_DETAIL or info.type is FieldType.DYN:
            return "other"
        if info.name in _RESULT_FIELDS:
            return "detail" if self._is_bounded(check) else "other"
        if info.name == "evt.arg":
            return "detail" if self.kind is Kind.SYSCALL and arg in _PURE_ARGS else "other"
        return "detail"

    def _is_bounded(self, check: Check) -> bool:
        """Whether a check on a result asks nothing beyond the bound; raises the bound as needed."""
        if check.op == "exists":
            return True
        if not isinstance(check.left, FieldRef) or not isinstance(check.right, Literal | ValueList):
            return False
        items = (check.right,) if isinstance(check.right, Literal) else check.right.items
        try:
            largest = max((int(item.text) for item in items), default=0)
        except ValueError:
            return False
        if largest > MAX_RESULT:
            return False
        self.result_bound = max(self.result_bound, largest)
        return True


def field_refs(check: Check) -> Iterable[FieldRef]:
    """Yield every field of a check, inside transformers too."""
    stack: list[Operand | None] = [check.left, check.right]
    while stack:
        match stack.pop():
            case FieldRef() as ref:
                yield ref
            case Transform(_, args):
                stack.extend(args)
            case OperandList(operands):
                stack.extend(operands)
            case _:
                pass


def key_registers(name: str) -> tuple[int, ...]:
    """Return the register arguments that tell two records of a call apart: those that are no pointers."""
    call = CALLS.get(name, Call(""))
    pointers = {call.path, call.path2, call.sockaddr, call.text, call.data, call.copied}
    return tuple(at for at in range(6) if at not in pointers)
