"""Fields that are a number of the record, or a simple function of one: compared as columns, without a getter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.fields.evt import WAITS
from tuimon.fields.facts import CALL_KINDS, DIRFD_CALLS, FD_EVENTS, NO_CALL
from tuimon.fields.registry import FieldType
from tuimon.records import FILE, FileFlag, Flag, Kind, Slot
from tuimon.rules.checks import parse_time
from tuimon.rules.nodes import Check, FieldRef, Literal, constants_of
from tuimon.rules.values import parser_for
from tuimon.syscalls import CALLS, event_name

_NS_PER_S: Final = 1_000_000_000
_HEAD_COLUMNS: Final = {"evt.cpu": "cpu", "thread.tid": "tid", "evt.rawres": "ret"}
_TIMES: Final = frozenset(
    f"evt.{clock}{part}" for clock in ("rawtime", "reltime", "deltatime") for part in ("", ".s", ".ns")
)
SINCE: Final = {
    "proc.duration": "proc.pid.ts",
    "proc.ppid.duration": "proc.ppid.ts",
    "container.duration": "container.start_ts",
}
"""Fields that tell how long ago another one, of the process or its container, was."""
ASKED_TOO: Final = frozenset(("evt.buflen", "thread.vtid", "container.duration", *SINCE))
"""Numbers that values of other fields are part of: see ``tuimon.rules.told``."""
AROUND: Final = "evt.around"
_EVERYWHERE: Final = frozenset(
    ("evt.num", "thread.ismain", "evt.is_truncated", AROUND, *_HEAD_COLUMNS, *_TIMES, *(ASKED_TOO - {"evt.buflen"}))
)
_FILE_PARTS: Final[dict[str, tuple[str, Callable[[NDArray[np.int64]], NDArray[Any]]]]] = {
    "fd.ino": ("ino", lambda found: found),
    "fd.dev": ("dev", lambda found: found),
    "fd.dev.major": ("dev", lambda found: found >> 8 & 0xFFF),
    "fd.dev.minor": ("dev", lambda found: found & 0xFF | found >> 12 & 0xFFF00),
    "fd.is_upper_layer": ("flags", lambda found: found & FileFlag.UPPER_LAYER != 0),
    "fd.is_lower_layer": ("flags", lambda found: found & FileFlag.LOWER_LAYER != 0),
}
"""Fields of the object behind an fd: which member of FILE, and what is made of it."""
_LATENCIES: Final = frozenset(("evt.latency", "evt.latency.s", "evt.latency.ns", "evt.wait_latency"))
_TOOK_BYTES: Final = 8
_IO: Final = ("io-read", "io-write")
ORDERS: Final[dict[str, Callable[[Any, Any], NDArray[np.bool_]]]] = {
    "=": np.equal, "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
    ">=": np.greater_equal,
}  # fmt: skip
"""Operators that ask for the order of two numbers."""
COMPARISONS: Final = frozenset((*ORDERS, "in"))
"""Operators that compare a number with others."""
_RETURNED: Final = -1
"""The fd is what the call returned; else it is a register."""


def is_number(name: str, kind: int, type_: str) -> bool:
    """Return whether a field is such a number in events of a kind and type."""
    if name in _FILE_PARTS:
        return has_file(kind, type_)
    if name in _LATENCIES:
        return has_latency(name, kind, type_)
    if name == "evt.buflen":
        return has_buffer(kind, type_)
    return name in _EVERYWHERE or (name == "fd.num" and _fd_at(kind, type_) is not None)


def has_file(kind: int, type_: str) -> bool:
    """Return whether events of a kind and type may say which object they are about (``Facts.file``)."""
    return kind in CALL_KINDS and CALLS.get(type_, NO_CALL).path2 is None


def has_latency(name: str, kind: int, type_: str) -> bool:
    """Return whether events of a kind and type may have a field that says how long the call took."""
    return kind == Kind.SYSCALL and (name != "evt.wait_latency" or type_ in WAITS)


def has_buffer(kind: int, type_: str) -> bool:
    """Return whether events of a kind and type may have an evt.buflen."""
    return kind != Kind.EXIT and CALLS.get(type_, NO_CALL).category in _IO


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
    if name == "evt.is_truncated":
        return (head["flags"][rows] & np.uint8(Flag.TRUNCATED) != 0).astype(np.int64), None
    if name in _FILE_PARTS:
        member, make = _FILE_PARTS[name]
        found, has = file_numbers(batch, rows, member)
        return make(found).astype(np.int64), has
    if name in _LATENCIES:
        took, has = took_ns(batch, rows)
        return _part_of(name, took), has
    times = _times(name, batch, rows, boot_to_epoch_ns)
    is_told = batch.run_ns or name.startswith(("evt.rawtime", AROUND))
    return _part_of(name, times), None if is_told else np.zeros(len(rows), bool)


def _part_of(name: str, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the whole seconds, the rest, or all of some ns, as a field's name says."""
    if name.endswith(".s"):
        return times // _NS_PER_S
    return times % _NS_PER_S if name.endswith(".ns") else times


def file_numbers(batch: Batch, rows: NDArray[np.intp], member: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return, (n,), a member of FILE and whether the record has one; rows of calls with one path only."""
    if not len(batch.ext):
        return np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    ext_at = batch.ext_at[rows]
    ext_at = np.where(ext_at < 0, len(batch.ext), ext_at)
    # Each ext row once: neighbours have them together, and opens of a file share one.
    distinct, of_row = _distinct(ext_at, len(batch.ext) + 1)
    real = distinct[: -1 if len(distinct) and distinct[-1] == len(batch.ext) else None]
    found, has = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), bool)
    lengths = batch.ext["slot_len"][real]
    known = np.flatnonzero(lengths[:, Slot.BASE2] == FILE.itemsize)
    at = batch.text_at[real[known]] + lengths[known, : Slot.BASE2].sum(axis=1, dtype=np.int64)
    assert FILE.fields is not None
    dtype, offset = FILE.fields[member][:2]
    found[known] = numbers_at(batch.arena, at + offset, dtype.itemsize)
    has[known] = True
    return found[of_row], has[of_row]


def took_ns(batch: Batch, rows: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return, (n,), how long calls took and whether the record says so: it follows the last slot."""
    found, has = np.zeros(len(rows), np.int64), batch.ext_at[rows] >= 0
    ext_at = batch.ext_at[rows[has]]
    rest = batch.text_at[ext_at + 1] - batch.text_at[ext_at]
    rest -= batch.ext["slot_len"][ext_at].sum(axis=1, dtype=np.int64)
    has[has] = rest == _TOOK_BYTES
    found[has] = numbers_at(batch.arena, batch.text_at[batch.ext_at[rows[has]] + 1] - _TOOK_BYTES, _TOOK_BYTES)
    return found, has


def _distinct(values: NDArray[np.int32], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct ones of small numbers, ascending, and the place of each among them."""
    seen = np.zeros(size, bool)
    seen[values] = True
    place = np.cumsum(seen) - 1
    return np.flatnonzero(seen), place[values]


def numbers_at(text: bytes, at: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the little-endian numbers of so many bytes at some places."""
    arena = np.frombuffer(text, np.uint8)
    found = np.zeros(len(at), np.uint64)
    for byte in range(size):
        found |= arena[at + byte].astype(np.uint64) << np.uint64(8 * byte)
    return found.view(np.int64)


def compared(check: Check, type_: FieldType, found: NDArray[Any]) -> NDArray[np.bool_]:
    """Return, (n,), what a check says of numbers of 64 bits."""
    if check.op == "exists":
        return np.ones(len(found), bool)
    if isinstance(check.left, FieldRef) and check.left.name == AROUND:
        return _around(check, found)
    parse = parser_for(type_)
    wanted = [int(parse(text)) for text in constants_of(check) or ()]  # type: ignore[arg-type]
    if check.op == "in":
        bounds = np.iinfo(found.dtype)
        return np.isin(found, np.array([each for each in wanted if bounds.min <= each <= bounds.max], found.dtype))
    return ORDERS[check.op](found, wanted[0])


def _around(check: Check, found: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether times since the epoch are near the moment that evt.around names."""
    assert isinstance(check.left, FieldRef)
    assert isinstance(check.right, Literal)
    moment, within_ns = parse_time(check.left.arg), parse_time(check.right.text) * 1_000_000
    low, high = (max(-_FARTHEST, min(at, _FARTHEST)) for at in (moment - within_ns, moment + within_ns))
    return (found >= low) & (found <= high)


_FARTHEST: Final = (1 << 63) - 1


def _picked(column: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[Any]:
    return column if len(rows) == len(column) else column[rows]


def _times(name: str, batch: Batch, rows: NDArray[np.intp], boot_to_epoch_ns: int) -> NDArray[np.int64]:
    at_ns = batch.head["ts_ns"].astype(np.int64)
    if name.startswith("evt.rawtime") or name == AROUND:
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
    numbers = _picked(head["nr"], rows)
    at = _FD_AT[numbers]
    if (at == _NOT_ASKED).any():
        for number in np.unique(numbers[at == _NOT_ASKED]).tolist():
            found = _fd_at(Kind.SYSCALL, event_name(Kind.SYSCALL, number))
            _FD_AT[number] = _RETURNED if found is None else found
        at = _FD_AT[numbers]
    out: NDArray[np.int64] = np.maximum(_picked(head["ret"], rows), -1).astype(np.int64)
    mine = np.flatnonzero(at != _RETURNED)
    out[mine] = head["arg"][rows[mine], at[mine]].astype(np.uint32).view(np.int32)
    return out


_NOT_ASKED: Final = -2
_FD_AT: Final = np.full(1 << 16, _NOT_ASKED, np.int8)
"""What ``_fd_at`` says by number of the call, as far as there were any."""
