"""Whether an event has an argument: told by the shape of its record, not by the value.

A record has a path or none, says which file was opened or does not; a process is known or not. Of these shapes there
are a few dozen, while the values behind them are as many as there are paths, pids and environments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import Bound, bound_of
from tuimon.fields.evtarg import ABSPATH_CALLS
from tuimon.fields.facts import FD_EVENTS
from tuimon.fields.registry import FieldInfo
from tuimon.records import FILE, SLOTS, Flag, Kind, Slot
from tuimon.rules.asked import Asked
from tuimon.rules.grouping import Rows, groups_of
from tuimon.rules.members import NO_PID
from tuimon.rules.nodes import Check, FieldRef
from tuimon.rules.numbering import NOT_ASKED, Truths
from tuimon.rules.numbers import is_number
from tuimon.rules.pools import ABSENT
from tuimon.rules.words import MEMBERS, SETS_NAME, TEXTS, registers

if TYPE_CHECKING:
    from tuimon.batch import Batch
    from tuimon.rules.look import Look

ARGUMENTS: Final = ("evt.arg", "evt.rawarg")
ABSPATH: Final = "evt.abspath"
_ALWAYS: Final = frozenset(("none", "ret", "exit_code", "exit_signal", "exit_core", "tid", "tgid", "data"))
"""Sources (tuimon.fields.argsource) that each record has: its head says them, or it is empty rather than absent."""
_BY_SHAPE: Final = frozenset(
    """
    given given2 got_given dev ino creat_flags env control image new0 new8 old0 old8 mem0 mem4 mem8
    """.split()  # noqa: SIM905  a list literal would take a line each
)
_COPIED: Final = frozenset("string timespec optval fds cap0 cap4 cap8".split())  # noqa: SIM905
"""Parts of what an argument points to, beside those of a struct."""
_ADDRESSES: Final = frozenset(("tuple", "local", "remote"))
_DESCRIBED: Final = frozenset(("majflt", "minflt", "vtid", "clone_flags", "vm_kb"))
_MAY_BE_NONE: Final = frozenset(("cap_inheritable", "cap_permitted", "cap_effective"))
_OF_PROCESS: Final = frozenset((*MEMBERS, "loginuid", "exe_flags")) - _MAY_BE_NONE
_SHAPE: Final = "shape"
_COPY: Final = "copy"
_OPTION: Final = "option"
_RESULT: Final = "result "
"""And the number of a register."""
_PROCESS: Final = "process"
_DESCRIPTION: Final = "description"
_NO_RESULT: Final = -1


def hangs_on(source: str, kind: int, name: str) -> str | None:
    """Return what tells whether events of a kind, with ``name`` as their type, have a value from a source.

    Empty when the kind does; else what ``_columns_of`` knows; None when it hangs on more.
    """
    if source in _ALWAYS or (source == "args" and kind == Kind.EXEC):
        return ""
    if source in ("fd", "io_size", "prctl_int"):
        is_sure = source != "fd" or name not in FD_EVENTS or is_number("fd.num", kind, name)
        return "" if is_sure and kind == Kind.SYSCALL else _SHAPE
    if source.lstrip("sS").isdigit():
        return "" if kind == Kind.SYSCALL and int(source.lstrip("sS")) < 3 else _SHAPE
    if source in _BY_SHAPE:
        return _SHAPE
    if source in _COPIED or (source[0] in "cC" and source[1:-1].isdigit()):
        return _COPY
    if source in _ADDRESSES:
        return _COPY if name in FD_EVENTS else None
    if source[0] in "rR" and source[1:].isdigit():
        return _RESULT + source[1:]
    if source == "prctl_name":
        return _OPTION
    if source in _DESCRIBED:
        return _DESCRIPTION
    if source in _MAY_BE_NONE:
        return source
    return _PROCESS if source in _OF_PROCESS else None


def presence_of(field: str, arg: str, kind: int, name: str) -> str | None:
    """Return the same for a field with its argument; None for fields of which nothing is known here."""
    if field in ARGUMENTS:
        bound = bound_of(name, arg)
        if bound is None or bound.get is None:
            return ""
        return None if field == "evt.arg" and _is_name(bound) else hangs_on(bound.source, kind, name)
    if field != ABSPATH or name == "open_by_handle_at":
        return None
    return _SHAPE if name in ABSPATH_CALLS else ""


def _is_name(bound: Bound) -> bool:
    """Whether what it is called may not be known yet."""
    return bound.param.type in ("UID", "GID")


def side_of_presence(field: str, arg: str, kind: int, name: str) -> str | None:
    """Return what whether there is a value hangs on, as a side (tuimon.rules.sides); None: it hangs on more."""
    tells = presence_of(field, arg, kind, name)
    if tells is None or not tells:
        return None if tells is None else "type"
    return TEXTS if tells in (_SHAPE, _COPY) else "there"


def is_of_presence(check: Check, info: FieldInfo) -> bool:
    """Return whether a check asks whether there is a value of one of the fields that are known here."""
    return check.op == "exists" and isinstance(check.left, FieldRef) and info.name in (*ARGUMENTS, ABSPATH)


def said_of_shapes(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), whether rows have a value, by the shape of their records; NOT_ASKED where it hangs on more."""
    out = np.full(len(rows), NOT_ASKED, np.int8)
    shapes = shapes_of(look.batch, rows)
    for tell, mine in _tells(look, asked, rows):
        if tell == _COPY:
            shapes[mine] |= _copies_of(look.batch, rows[mine]) << _SHAPE_BITS
        if tell in (_SHAPE, _COPY):
            out[mine] = _answers(look, asked, tell, shapes[mine], rows[mine])
    return out


def said_of_presence(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), whether rows have a value, where it is the process or a register that tells."""
    out = np.empty(len(rows), np.int8)
    for tell, mine in _tells(look, asked, rows):
        out[mine] = _answers(look, asked, tell, _columns_of(look, tell, rows[mine]), rows[mine])
    return out


def _tells(look: Look, asked: Asked, rows: Rows) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield what tells whether there is a value, and of which of some rows."""
    _, key, _, arg = asked.getters[0]
    codes = look.codes(rows)
    kinds = np.flatnonzero(np.bincount(codes)).tolist()
    tells = {code: presence_of(key[0], arg or "", look.kind_of(code), look.name_of(code)) for code in kinds}
    for tell in set(tells.values()) - {None}:
        yield str(tell), look.which([code for code in kinds if tells[code] == tell], rows)


def _columns_of(look: Look, tell: str, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number for what tells whether some rows have a value."""
    out = np.zeros(len(rows), np.int64)
    if tell == _DESCRIPTION:
        out[look.described(rows)[0]] = 1
    elif tell == _PROCESS:
        out += look.members.pids("pid", rows) != NO_PID
    elif tell == _OPTION:
        out = shapes_of(look.batch, rows) * 2 + (registers(look.batch, rows, 0) == SETS_NAME)
    elif tell.startswith(_RESULT):
        found = registers(look.batch, rows, int(tell.removeprefix(_RESULT)))
        out = shapes_of(look.batch, rows) * 2 + (found == _NO_RESULT)
    else:
        out += look.members.places(MEMBERS[tell], rows) != ABSENT
    return out


def _answers(look: Look, asked: Asked, tell: str, column: NDArray[np.int64], rows: Rows) -> Truths:
    codes = look.codes(rows).astype(np.int64)
    groups = groups_of(codes, column)
    numbers = look.memory.numbered("there " + tell, codes[groups.first], column[groups.first])
    side = "there " + tell
    return np.asarray(look.answers(asked, side, numbers, rows[groups.first])[groups.of_row])


def shapes_of(batch: Batch, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number for the shape of each record: which texts it has, whether it failed, and the like."""
    out = (batch.head["ret"][rows] < 0) * np.int64(1)
    out |= (batch.head["flags"][rows] & np.uint8(Flag.FAULT) != 0) * np.int64(2)
    ext_at = batch.ext_at[rows]
    has = np.flatnonzero(ext_at >= 0)
    if not len(has):
        return out
    lengths = batch.ext["slot_len"][ext_at[has]]
    shape = (lengths[:, Slot.BASE2] == FILE.itemsize) * np.int64(8) + 4
    shape |= np.minimum(lengths[:, Slot.BASE], _LONGEST).astype(np.int64) << 4
    shape |= (lengths > 0) @ (np.int64(_LONGEST + 1) * 16 << np.arange(SLOTS, dtype=np.int64))
    out[has] |= shape
    return out


_LONGEST: Final = 15
"""The base of calls that tell of memory is a struct of three numbers."""
_SHAPE_BITS: Final = 8 + SLOTS


def _copies_of(batch: Batch, rows: Rows) -> NDArray[np.int64]:
    """Return, (k,), a number for how long what an argument points to is, and whether it is that or a socket."""
    out, ext_at = np.zeros(len(rows), np.int64), batch.ext_at[rows]
    has = np.flatnonzero(ext_at >= 0)
    if len(has):
        lengths = batch.ext["slot_len"][ext_at[has]].astype(np.int64)
        types = batch.ext["fd_type"][ext_at[has]].astype(np.int64)
        out[has] = types << 32 | lengths[:, Slot.SOCK] << 16 | lengths[:, Slot.GIVEN2]
    return out
