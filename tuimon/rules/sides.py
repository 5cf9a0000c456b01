"""What a check can see of an event: the less, the fewer distinct things there are to ask it of.

A field is on a side only if its value hangs on nothing else. Whatever is not known to be on one has to be asked of
every event on its own; that is slow, and never wrong.
"""

from __future__ import annotations

from typing import Final

from tuimon.fields.argsource import BOUND_BY_NAME
from tuimon.fields.facts import DIRFD_CALLS, FD_EVENTS, OPENS
from tuimon.fields.registry import FieldInfo, Scope
from tuimon.records import Kind
from tuimon.rules.checks import Checks
from tuimon.rules.graph import Graph
from tuimon.rules.nodes import Check, FieldRef, Literal, ValueList
from tuimon.rules.prefilter import Cutter, field_refs

SIDES: Final = (
    "type", "container", "number", "result", "opening", "process", "user", "actor", "texts", "numbers", "record",
    "event",
)  # fmt: skip
"""The cheapest first. ``type``: the kind of event. ``number``: one number that every record has. ``result``: the kind,
and whether and how it failed. ``opening``: flags, mode and success of an open. ``actor``: process, container and user.
``texts`` and ``numbers``: of the record, ``record`` both. ``event``: anything at all."""

_TYPE_FIELDS: Final = frozenset(
    """
    evt.type evt.type.is syscall.type evt.dir evt.is_io evt.is_io_read evt.is_io_write evt.io_dir evt.is_wait evt.source
    evt.is_async evt.count evt.hostname
    """.split()  # noqa: SIM905  a list literal would take a line each
)
_TEXT_FIELDS: Final = frozenset(
    """
    fd.name fd.directory fd.filename fd.nameraw fd.realpath fd.type fd.typechar fs.path.name fs.path.nameraw
    fs.path.source fs.path.sourceraw fs.path.target fs.path.targetraw fd.sip fd.cip fd.sport fd.cport fd.ip fd.port
    fd.net fd.snet fd.cnet fd.l4proto
    """.split()  # noqa: SIM905  as above
)
"""They look at texts, flags, the kind of file, and whether and how the call failed, not at registers; but see
``_REGISTER_CALLS``."""
_RESULT_FIELDS: Final = frozenset(["evt.res", "evt.failed", "evt.count.error"])
_OPEN_FIELDS: Final = frozenset(["evt.is_open_read", "evt.is_open_write", "evt.is_open_exec", "evt.is_open_create"])
_PATHS: Final = frozenset(["FSPATH", "FSRELPATH"])
_REGISTER_CALLS: Final = frozenset(("socket", *DIRFD_CALLS))
"""Calls whose fd fields are told by a register too."""
PLAIN_NUMBERS: Final = frozenset(
    ["evt.num", "evt.rawtime", "evt.rawtime.s", "evt.rawtime.ns", "evt.cpu", "thread.tid", "evt.rawres"]
)
"""Fields that are a number of the record's head, or a simple function of one."""
NUMBER_OPS: Final = frozenset(("=", "==", "!=", "<", "<=", ">", ">=", "in"))


class SideFinder:
    """Says what checks see.

    Args:
        checks: Knows the fields.
    """

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._everywhere: dict[Check, str | None] = {}
        self._cutters: dict[tuple[Kind, str], Cutter] = {}

    def side(self, check: Check, kind: int, name: str) -> str:
        """Return what a check sees of one kind of event."""
        if check not in self._everywhere:
            self._everywhere[check] = self._side_everywhere(check)
        return self._everywhere[check] or self._side_there(check, kind, name)

    def _side_everywhere(self, check: Check) -> str | None:
        """Return what a check sees of any event, None when that depends on its kind."""
        fields = [self._checks.field(ref)[0] for ref in field_refs(check)]
        sides = {_fixed_side(info) for info in fields}
        if sides <= {"container", "process", "user", "actor"} and sides:
            return sides.pop() if len(sides) == 1 else "actor"
        return "type" if sides == {"type"} else None

    def _side_there(self, check: Check, kind: int, name: str) -> str:
        if kind not in _KINDS:
            return "event"
        cutter = self._cutters.get((Kind(kind), name))
        if cutter is None:
            cutter = self._cutters[Kind(kind), name] = Cutter(Graph(), self._checks, Kind(kind), name)
        if self._is_plain_number(check):
            return "number"
        if cutter.side(check) != "detail":
            return "event"
        seen = {_part_of_record(*self._checks.field(ref), name) for ref in field_refs(check)}
        return seen.pop() if len(seen) == 1 else "record"

    def _is_plain_number(self, check: Check) -> bool:
        """Whether a check compares one number of the head with constants."""
        if not isinstance(check.left, FieldRef) or check.op not in NUMBER_OPS or check.modifier is not None:
            return False
        if not isinstance(check.right, Literal | ValueList):
            return False
        return self._checks.field(check.left)[0].name in PLAIN_NUMBERS


_KINDS: Final = frozenset(kind.value for kind in Kind)


def _fixed_side(info: FieldInfo) -> str | None:
    if info.name in _TYPE_FIELDS:
        return "type"
    if info.name == "user.loginname":
        return "actor"  # names of users change
    if info.scope is Scope.PROCESS:
        return "process"
    if info.scope is Scope.CONTAINER:
        return "container"
    return "user" if info.group in ("user", "group") else None


def _part_of_record(info: FieldInfo, arg: str | None, name: str) -> str:
    if info.name == "evt.arg" and arg is not None and not arg.isdigit():
        return _part_of_argument(arg, name)
    if info.name in _RESULT_FIELDS:
        return "result"
    if info.name in _OPEN_FIELDS:
        return "opening" if name in OPENS else "type"
    if info.name in _TEXT_FIELDS:
        if info.group == "fd" and name not in FD_EVENTS:
            return "type"  # they have none
        return "record" if name in _REGISTER_CALLS else "texts"
    return "numbers" if info.name == "fd.num" else "record"


def _part_of_argument(arg: str, name: str) -> str:
    bound = BOUND_BY_NAME.get(name, {}).get(arg)
    if bound is None or bound.get is None:
        return "type"  # they have none
    if bound.param.type in _PATHS:
        return "texts"
    return "opening" if name in OPENS and arg in ("flags", "mode") else "record"
