"""What a check can see of an event: the less, the fewer distinct things there are to ask it of.

A field is on a side only if its value hangs on nothing else. Whatever is not known to be on one has to be asked of
every event on its own; that is slow, and never wrong.
"""

from __future__ import annotations

from typing import Final

from tuimon.fields.argsource import bound_of
from tuimon.fields.evt import CLOCKS, WRITES
from tuimon.fields.evtarg import ABSPATH_CALLS
from tuimon.fields.facts import CALL_KINDS, DIRFD_CALLS, FD_EVENTS, NO_CALL, OPENS, POLLS
from tuimon.fields.fspath import may_name_two
from tuimon.fields.registry import FieldInfo, Scope
from tuimon.records import Kind
from tuimon.rules.args_text import ARGS
from tuimon.rules.checks import Checks
from tuimon.rules.composed import COMPOSED
from tuimon.rules.graph import Graph
from tuimon.rules.nodes import Check, FieldRef, Literal, ValueList
from tuimon.rules.number_args import is_number_arg
from tuimon.rules.numbers import has_buffer, has_file, has_latency, is_number
from tuimon.rules.prefilter import Cutter, field_refs
from tuimon.rules.presence import ARGUMENTS, is_of_presence, side_of_presence
from tuimon.rules.words import OF_TIME, OWNER, columns_of
from tuimon.syscalls import CALLS

SIDES: Final = (
    "type", "container", "number", "argument", "result", "opening", "there", "word", "process", "user", "actor",
    "named", "opened", "texts", "numbers", "record", "clock", "moment", "composed", "several", "args", "event",
)  # fmt: skip
"""The cheapest first. ``type``: the kind of event. ``number``: one number that every record has. ``argument``: an
argument that is a number, to be compared (tuimon.rules.number_args). ``result``: the kind, and whether and how it
failed. ``opening``: flags, mode and success of an open. ``there``: whether there is an argument that a process or a
register tells of (tuimon.rules.presence). ``word``: the kind and few other numbers (tuimon.rules.words), ``named`` with
names of users. ``actor``: process, container and user. ``opened``: what an open shows of its fd. ``texts`` and
``numbers``: of the record, ``record`` both. ``clock``: the time to the nanosecond (tuimon.rules.clock). ``moment``:
what is read from /proc (.moment). ``composed``: what two other fields show (.composed). ``several``: what fields of
different sides see (.several). ``args``: all arguments (.args_text). ``event``: anything at all."""

_TYPE_FIELDS: Final = frozenset(
    """
    evt.type evt.type.is syscall.type evt.dir evt.is_io evt.is_io_read evt.is_io_write evt.io_dir evt.is_wait evt.source
    evt.is_async evt.count evt.count.exit evt.hostname thread.exectime thread.totexectime
    """.split()  # noqa: SIM905  a list literal would take a line each
)
_TEXT_FIELDS: Final = frozenset(
    """
    fd.name fd.directory fd.filename fd.nameraw fd.realpath fd.type fd.typechar fs.path.name fs.path.nameraw
    fs.path.source fs.path.sourceraw fs.path.target fs.path.targetraw fd.sip fd.cip fd.sport fd.cport fd.ip fd.port
    fd.net fd.snet fd.cnet fd.l4proto fd.lip fd.rip fd.lport fd.rport fd.lnet fd.rnet fd.proto fd.cproto fd.sproto
    fd.lproto fd.rproto fd.sockfamily fd.is_server fd.connected fd.name_changed fd.dev fd.dev.major fd.dev.minor fd.ino
    fd.is_upper_layer fd.is_lower_layer evt.category evt.buffer evt.is_truncated evt.is_syslog evt.count.error.file
    evt.count.error.net evt.count.error.other evt.count.error.memory evt.abspath fdlist.nums
    """.split()  # noqa: SIM905  as above
)
"""They look at texts, flags, the kind of file, and whether and how the call failed, not at registers; but see
``_REGISTER_CALLS``."""
_RESULT_FIELDS: Final = frozenset(["evt.res", "evt.failed", "evt.count.error"])
_OPEN_FIELDS: Final = frozenset(["evt.is_open_read", "evt.is_open_write", "evt.is_open_exec", "evt.is_open_create"])
_PATHS: Final = frozenset(["FSPATH", "FSRELPATH"])
_REGISTER_CALLS: Final = frozenset(("socket", *DIRFD_CALLS))
"""Calls whose fd fields are told by a register too."""
_PROCESS_FIELDS: Final = frozenset(
    """
    proc.pid.ts proc.ppid.ts proc.pidns_init_start_ts proc.exe_ino.ctime_duration_proc_start
    proc.exe_ino.ctime_duration_pidns_start
    """.split()  # noqa: SIM905  as above
)
"""They count from the epoch, not from the boot; between the two lies the same in all events of a history."""
_NUMBER_OPS: Final = frozenset(("=", "==", "!=", "<", "<=", ">", ">=", "in", "exists"))
_OF_FILE: Final = frozenset(
    ("fd.ino", "fd.dev", "fd.dev.major", "fd.dev.minor", "fd.is_upper_layer", "fd.is_lower_layer")
)
_OF_TWO_PATHS: Final = ("fs.path.source", "fs.path.sourceraw", "fs.path.target", "fs.path.targetraw")
_LATENCIES: Final = frozenset(
    ("evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.wait_latency")
)
_DATA_COPIES: Final = ("vector", "message", "messages")
_FILE_ERRORS: Final = "evt.count.error.file"
_NET_ERRORS: Final = "evt.count.error.net"


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
        if self._is_plain_number(check, kind, name):
            return "number"
        fields = [self._checks.field(ref) for ref in field_refs(check)]
        alone = self._side_alone(check, *fields[0], kind, name) if len(set(fields)) == 1 else None
        if alone is not None:
            return alone
        seen = {_sure_part(info, arg, kind, name) for info, arg in fields}
        if None in seen or (seen & _WORDS and len(set(fields)) > 1):  # of words there is one at a time
            if self._cutter(kind, name).side(check) != "detail":
                return "several" if len(set(fields)) > 1 else "event"
            seen = {_likely_part(info, arg, kind, name) for info, arg in fields}
        return str(seen.pop()) if len(seen) == 1 else "record"

    def _side_alone(self, check: Check, info: FieldInfo, arg: str | None, kind: int, name: str) -> str | None:
        """Return what a check of one field sees, where the field alone does not tell it; None where it does."""
        if info.from_proc:
            polls = name in POLLS and kind == Kind.SYSCALL
            return "moment" if info.group != "fdlist" else "event" if polls else "type"
        if self._checks.predicate_of(check) is None:
            return None
        if is_of_presence(check, info):
            return side_of_presence(info.name, arg or "", kind, name)
        if info.name in ARGUMENTS and is_number_arg(check, info.name, arg or "", kind, name):
            return "argument"
        if info.name in CLOCKS:
            return "clock"
        if info.name in ARGS:
            return "type" if check.op == "exists" and isinstance(check.left, FieldRef) else "args"
        return "composed" if info.name in COMPOSED else None

    def _cutter(self, kind: int, name: str) -> Cutter:
        cutter = self._cutters.get((Kind(kind), name))
        if cutter is None:
            cutter = self._cutters[Kind(kind), name] = Cutter(Graph(), self._checks, Kind(kind), name)
        return cutter

    def _is_plain_number(self, check: Check, kind: int, name: str) -> bool:
        """Whether a check compares one number of the record with constants."""
        if not isinstance(check.left, FieldRef) or check.op not in _NUMBER_OPS or check.modifier is not None:
            return False
        if not isinstance(check.right, Literal | ValueList | None):
            return False
        return is_number(self._checks.field(check.left)[0].name, kind, name)


_WORDS: Final = frozenset(("word", "named", "opened"))
_ALONE: Final = (("texts",), ("opening",), ("opened",))
"""Columns of arguments that are a side."""
_KINDS: Final = frozenset(kind.value for kind in Kind)
_WITHOUT_FD: Final = frozenset(
    """
    fd.ino fd.dev fd.dev.major fd.dev.minor fd.is_upper_layer fd.is_lower_layer fd.containername fd.containerdirectory
    """.split()  # noqa: SIM905  as above
)
"""Fields of files that calls without an fd may have too, and those that wait for the container."""


def _fixed_side(info: FieldInfo) -> str | None:
    if info.name in _TYPE_FIELDS or info.get is None:
        return "type"
    if info.name in ("user.loginname", "container.start_ts"):
        return "actor"  # names of users change; a container may have begun when its first process did
    if info.scope is Scope.PROCESS or info.name in _PROCESS_FIELDS:
        return "process"
    if info.scope is Scope.CONTAINER:
        return "container"
    return "user" if info.group in ("user", "group") else None


def _sure_part(info: FieldInfo, arg: str | None, kind: int, name: str) -> str | None:
    """Return what a field sees of one kind of event; None when it may be more than what its record says."""
    if info.name in ARGUMENTS:
        bound = bound_of(name, arg or "")
        if bound is None or bound.get is None:
            return "type"  # they have none
        columns = columns_of(bound, kind, name, is_raw=info.name == "evt.rawarg")
        if not columns:
            return "type"
        return columns[0] if columns in _ALONE else "named" if OWNER in columns else "word"
    if info.name in OF_TIME:
        return "word"
    if info.name in _RESULT_FIELDS:
        return "result"
    if info.name in _OPEN_FIELDS:
        return "opening" if name in OPENS else "type"
    if info.name == "evt.category" and not CALLS.get(name, NO_CALL).category.startswith("io-"):
        return "type"
    absent = _always_absent(info.name, kind, name)
    if absent is not None:
        return absent
    has_fd = name in FD_EVENTS and kind in CALL_KINDS
    if not has_fd and info.group == "fd" and info.name not in _WITHOUT_FD:
        return "type"  # they have none
    if info.name in _TEXT_FIELDS:
        return "record" if name in _REGISTER_CALLS else "texts"
    return None


def _always_absent(field: str, kind: int, name: str) -> str | None:
    """Return what a field sees of a kind of event that never has it, or has it whatever it is about; else None."""
    call = CALLS.get(name, NO_CALL) if kind != Kind.EXIT else NO_CALL
    may_have = {
        "evt.buffer": call.data is not None or call.copy in _DATA_COPIES,
        "evt.buflen": has_buffer(kind, name),
        "evt.is_syslog": name in WRITES,
        "evt.abspath": name in ABSPATH_CALLS,
        "fdlist.nums": name in POLLS and kind == Kind.SYSCALL,
        "evt.count.error.memory": call.category == "memory",
        _NET_ERRORS: name not in OPENS,
        "evt.count.error.other": name not in OPENS,
        **dict.fromkeys(_OF_TWO_PATHS, may_name_two(kind, name)),
        **dict.fromkeys(_OF_FILE, has_file(kind, name)),
        **dict.fromkeys(_LATENCIES, has_latency(field, kind, name)),
    }
    if not may_have.get(field, True):
        return "type"
    if field == "evt.count.error.memory" or (field == _FILE_ERRORS and name in OPENS):
        return "result"
    return None


def _likely_part(info: FieldInfo, arg: str | None, kind: int, name: str) -> str:
    """Return what a field sees that is known to hang on the record alone, as the prefilter tells records apart."""
    sure = _sure_part(info, arg, kind, name)
    if sure is not None:
        return "record" if sure in _WORDS else sure
    if info.name == "fd.num":
        return "numbers"
    bound = bound_of(name, arg or "") if info.name == "evt.arg" else None
    if bound is not None and bound.param.type in _PATHS:
        return "texts"
    return "opening" if bound is not None and name in OPENS and arg in ("flags", "mode") else "record"
