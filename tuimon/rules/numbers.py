"""Fields that are a number of the record, or a simple function of one: compared as columns, without a getter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.fields.facts import DIRFD_CALLS, FD_EVENTS
from tuimon.fields.registry import FieldType
from tuimon.records import Kind
from tuimon.rules.nodes import Check, Literal, ValueList
from tuimon.rules.values import parser_for
from tuimon.syscalls import CALLS, event_name

_NS_PER_S: Final = 1_000_000_000
_HEAD_COLUMNS: Final = {"evt.cpu": "cpu", "thread.tid": "tid", "evt.rawres": "ret"}
_TIMES: Final = frozenset(
    f"evt.{clock}{part}" for clock in ("rawtime", "reltime", "deltatime") for part in ("", ".s", ".ns")
)
SINCE: Final = {"proc.duration": "proc.pid.ts", "proc.ppid.duration": "proc.ppid.ts"}
"""Fields that tell how long ago another one, of the process, was; a number for ``tuimon.rules.columns`` alone."""
_EVERYWHERE: Final = frozenset(("evt.num", "thread.ismain", *_HEAD_COLUMNS, *_TIMES, *SINCE))
_ORDERS: Final[dict[str, Callable[[Any, Any], NDArray[np.bool_]]]] = {
    "=": np.equal, "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
    ">=": np.greater_equal,
}  # fmt: skip
_RETURNED: Final = -1
"""The fd is what the call returned; else it is a register."""


def is_number(name: str, kind: int, type_: str) -> bool:
    """Return whether a field is such a number in events of a kind and type."""
    return name in _EVERYWHERE or (name == "fd.num" and _fd_at(kind, type_) is not None)


def numbers_of(
    name: str, batch: Batch, rows: NDArray[np.intp], boot_to_epoch_ns: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Return, (n,), the numbers that some rows have for a field, and which of them have one; None: all."""
    head = batch.head
    if name == "evt.num":
        return rows.astype(np.int64) + batch.first_num, None
    if name in _HEAD_COLUMNS:
        return _picked(head[_HEAD_COLUMNS[name]], rows).astype(np.int64), None
    if name == "thread.ismain":
        return (head["tid"][rows] == head["tgid"][rows]).astype(np.int64), None
    if name == "fd.num":
        return _fd_numbers(batch, rows), None
    times = _times(name, batch, rows, boot_to_epoch_ns)
    if name.endswith(".s"):
        times //= _NS_PER_S
    elif name.endswith(".ns"):
        times %= _NS_PER_S
    return times, None if name.startswith("evt.rawtime") or batch.run_ns else np.zeros(len(rows), bool)


def compared(check: Check, type_: FieldType, found: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return, (n,), what a check says of numbers."""
    if check.op == "exists":
        return np.ones(len(found), bool)
    parse = parser_for(type_)
    texts = check.right.items if isinstance(check.right, ValueList) else (check.right,)
    wanted = [int(parse(each.text)) for each in texts if isinstance(each, Literal)]  # type: ignore[arg-type]
    if check.op == "in":
        return np.isin(found, [each for each in wanted if -(1 << 63) <= each < 1 << 63])
    return _ORDERS[check.op](found, wanted[0])


def _picked(column: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[Any]:
    return column if len(rows) == len(column) else column[rows]


def _times(name: str, batch: Batch, rows: NDArray[np.intp], boot_to_epoch_ns: int) -> NDArray[np.int64]:
    at_ns = batch.head["ts_ns"].astype(np.int64)
    if name.startswith("evt.rawtime"):
        return np.asarray(at_ns[rows] + boot_to_epoch_ns)
    if name.startswith("evt.reltime"):
        return np.asarray(at_ns[rows] - batch.run_ns)
    is_cut = len(batch.prior_ns) > 0
    before = batch.prior_ns.astype(np.int64) if is_cut else np.concatenate(([batch.before_ns], at_ns[:-1]))
    # Rings are read one after the other: an event may come out behind a younger one.
    return np.where(before[rows] != 0, np.maximum(at_ns[rows] - before[rows], 0), 0)


def _fd_at(kind: int, type_: str) -> int | None:
    """Return the register of an event's fd or _RETURNED, None when it is neither or beyond the head."""
    if kind != Kind.SYSCALL or type_ not in FD_EVENTS:
        return None
    call = CALLS[type_]
    if call.returns_fd:
        return _RETURNED
    at = call.fd
    if type_ in DIRFD_CALLS:
        at = call.dirfd if call.dirfd is not None else call.dirfd2
    return at if at is not None and at < 3 else None


def _fd_numbers(batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return, (n,), the fd of each row, -1 when the call that should have made it failed."""
    head = batch.head
    ret = head["ret"][rows]
    out = np.maximum(ret, -1)
    numbers = head["nr"][rows]
    for number in np.unique(numbers).tolist():
        at = _fd_at(Kind.SYSCALL, event_name(Kind.SYSCALL, number))
        if at is not None and at != _RETURNED:
            mine = np.flatnonzero(numbers == number)
            out[mine] = head["arg"][rows[mine], at].astype(np.uint32).view(np.int32)
    return np.asarray(out, np.int64)
