"""The one registry of fields: name, type, meaning and how to get the value from an Event.

It feeds the rule compilers, completion, table columns, help, ``tuimon fields`` and the reference page. A field is
declared where its getter is written (tuimon.fields.evt, .proc, .fd, ...), once, with ``add``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Literal

from tuimon.events import Event


class _Unknown(Enum):
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown.UNKNOWN
"""A value that is not known *yet* (container metadata on its way). Not the same as None, which is: there is none."""

Scalar = str | int | float | bool | bytes
Value = Scalar | tuple[Scalar, ...] | _Unknown | None
"""What a getter returns. None: absent. CHARBUF and paths: str. Numbers, pids, ports, times: int (DOUBLE: float).
BOOL: bool. BYTEBUF: bytes. IPADDR: packed bytes, 4 or 16 long. IPNET: packed bytes of the address. Lists: tuples."""

Getter = Callable[[Event, str | None], Value]


class FieldType(StrEnum):
    """Falco's field types (libs ppm_param_type), as far as filters and outputs can tell them apart."""

    CHARBUF = "CHARBUF"
    FSPATH = "FSPATH"
    FSRELPATH = "FSRELPATH"
    BYTEBUF = "BYTEBUF"
    BOOL = "BOOL"
    DOUBLE = "DOUBLE"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    PID = "PID"
    PORT = "PORT"
    FD = "FD"
    ERRNO = "ERRNO"
    RELTIME = "RELTIME"
    ABSTIME = "ABSTIME"
    IPADDR = "IPADDR"
    IPNET = "IPNET"
    DYN = "DYN"
    """Takes the type of its argument (evt.rawarg.NAME)."""


class Scope(StrEnum):
    """What a value depends on; a prefilter asks once per process or container where it can, not once per event."""

    EVENT = "event"
    PROCESS = "process"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field."""

    name: str
    type: FieldType
    doc: str
    """One sentence, lower case start as Falco's, no full stop needed."""
    get: Getter | None
    """None: known and typed, but this build cannot fill it; a rule that uses it gets a warning at load."""
    group: str
    """evt, proc, thread, user, group, fd, fs.path, fdlist, container, k8s: Falco's field class."""
    scope: Scope = Scope.EVENT
    is_list: bool = False
    arg: Literal["no", "optional", "required"] = "no"
    filter_only: bool = False
    """Has no value of its own to print (fd.ip, fd.port, fd.net, fd.proto, evt.around)."""
    print_only: bool = False
    """Cannot stand in a condition (Falco's TABLE_ONLY and PRINT_ONLY)."""
    is_path: bool = False
    """A path test on it also looks at the real path (see tuimon.fields.fd.real_twin)."""
    deprecated: str = ""
    """Why not to use it any more; empty when it is fine."""
    compared_only: bool = False
    """Conditions resolve what it is compared with; it has no value that an output could print (fd.sip.name)."""
    from_proc: bool = False
    """Read from /proc when a rule asks, within a second of the event, unless the record says it; UNKNOWN until then."""
    no_rhs: bool = False
    no_transformer: bool = False
    suggested_output: bool = False
    any_of: bool = False
    """Without an argument the value is a tuple of alternatives, not a list: a check holds when any of them satisfies it
    (proc.aname: some ancestor; fd.ip: either end; ``!=`` on the fd.* ones holds when neither end is equal). An empty
    tuple exists and satisfies nothing."""


_FIELDS: dict[str, FieldInfo] = {}


def add(
    group: str,
    name: str,
    type: FieldType,
    doc: str,
    get: Getter | None = None,
    scope: Scope = Scope.EVENT,
    **more: Any,
) -> None:
    """Declare a field in one line; ``more`` are the other attributes of FieldInfo."""
    declare(FieldInfo(name=name, type=type, doc=doc, get=get, group=group, scope=scope, **more))


def declare(info: FieldInfo) -> None:
    """Add a field. A second declaration of the same name is a programming error."""
    if info.name in _FIELDS:
        raise ValueError(f"field {info.name} is declared twice")
    _FIELDS[info.name] = info
