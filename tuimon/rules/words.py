"""Arguments that hang on few numbers: the flags of a clone, the mode of a mkdir, a result, a process and its record.

Of these there are few different ones, however many events. What is printed of them is left to the field's getter; here
is only told on which columns it hangs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.fields.argsource import Bound
from tuimon.fields.evtarg import PAIRS
from tuimon.fields.facts import DIRFD_CALLS, FD_EVENTS, OPENS
from tuimon.records import Kind, Slot
from tuimon.rules.members import NO_PID, PID_MEMBERS
from tuimon.rules.numbers import file_numbers, is_number
from tuimon.rules.pools import ABSENT
from tuimon.rules.record_parts import PLAIN_OPENS, has_socket

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

OF_PROCESS: Final = "process"
TEXTS: Final = "texts"
OWNER: Final = "container"
"""The container as it is known now, which tells what users are called."""
_MEMBER: Final = "process "
_PID: Final = "pid "
"""The name of a process that a pid stands for, if it is at hand, else the pid; by where the pid comes from."""
_BASE: Final = "base of "
"""What a relative path that is a member of the process starts from."""
_SLOT: Final = "slot "
_RET: Final = "ret"
_FAILED: Final = "failed"
_OWN: Final = "own"
"""Whether an fd is the one that the event is about, and what is told of that one then."""
_OPENING: Final = "opening"
OPENED: Final = "opened"
_WHOLE: Final = ("record", _RET)
"""All that a record says."""
_OF_DESCRIPTION: Final = {
    "clone_flags": ("clone_flags",),
    "majflt": ("major_faults",),
    "minflt": ("minor_faults",),
    "vtid": ("vtid",),
    "vm_kb": ("vm_pages",),
    "rss_kb": ("vm_pages", "rss_pages"),
    "swap_kb": ("vm_pages", "rss_pages", "swap_pages"),
}
"""Members of PROC that an argument shows."""
MEMBERS: Final = {
    **{
        name: name
        for name in """
        exe exepath cwd comm ppid tty pgid vpgid vpid exe_ino cap_inheritable cap_permitted cap_effective exe_flags
        loginuid args
        """.split()  # noqa: SIM905  a list literal would take a line each
    },
    "exe_ctime": "exe_ctime_ns",
    "exe_mtime": "exe_mtime_ns",
    "euid": "uid",
    "egid": "gid",
    "fdlimit": "fd_limit",
    "pidns_start": "pidns_start_ns",
}
"""Sources that show what is known of the process, and which member of it."""
_IN_TEXTS: Final = frozenset(
    """
    given given2 real got_given tuple local remote data env string timespec optval fds control image cap0 cap4 cap8
    new0 new8 old0 old8 mem0 mem4 mem8
    """.split()  # noqa: SIM905  as above
)
"""Sources that lie in the texts of a record, and whether and how the call failed."""
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "none": (),
    "ret": (_RET,),
    "exit_code": (_RET,),
    "exit_signal": (_RET,),
    "exit_core": (_RET,),
    "tid": ("tid",),
    "tgid": ("tgid",),
    "io_size": (_RET, "2"),
    "prctl_int": ("0", "1"),
    "prctl_name": ("0", _FAILED, "comm"),
    "offset_halves": ("1", "2"),
    "queue_pct": ("4", "5"),
    "dev": (TEXTS,),
    "ino": (TEXTS,),
    "creat_flags": (TEXTS,),
}
SETS_NAME: Final = 15
"""PR_SET_NAME (linux/prctl.h), whose argument is a text."""
_PATHS: Final = ("FSPATH", "FSRELPATH")
_ABSENT: Final = np.int64(-(1 << 63))
OF_TIME: Final = {
    "evt.time.s": "evt.rawtime.s",
    "evt.datetime.s": "evt.rawtime.s",
    "evt.latency.human": "evt.latency",
}
"""Fields that show a time of the record as text, and which."""


def columns_of(bound: Bound, kind: int, name: str, *, is_raw: bool) -> tuple[str, ...]:
    """Return the columns that an argument of a kind of event hangs on, for ``Words``.

    Args:
        bound: The argument.
        kind: Of the event, with ``name`` as its type.
        name: See ``kind``.
        is_raw: The number it is, not its text.
    """
    type_ = bound.param.type
    columns = _value_columns(bound.source, kind, name)
    if type_.startswith(("FLAGS", "ENUMFLAGS")) and name in OPENS and bound.param.name == "flags":
        columns = (_OPENING,) if kind == Kind.SYSCALL else (*columns, "file flags")
    if is_raw:
        return columns
    if type_ == "FD" and bound.source == _RET and name in PLAIN_OPENS and kind == Kind.SYSCALL:
        return (OPENED,)  # it shows the path, or the error
    if type_ == "PID" and is_pid(bound.source, kind):
        return (_PID + bound.source,)
    if type_ in _PATHS:
        columns += (_BASE + MEMBERS[bound.source],) if bound.source in MEMBERS else (TEXTS,)
    elif type_ == "FD":
        columns += (_OWN,)
    elif type_ == "PID":
        columns += (OF_PROCESS, "tid", *((_RET,) if kind == Kind.FORK else ()))
    elif type_ in ("UID", "GID"):
        columns += (OWNER,)
    return tuple(dict.fromkeys(columns))


def _value_columns(source: str, kind: int, name: str) -> tuple[str, ...]:
    if source in _COLUMNS:
        return _COLUMNS[source]
    if source == "args" and kind == Kind.EXEC:
        return (f"{_SLOT}{Slot.ARGV:d}",)
    if source == "env" and kind == Kind.EXEC:
        return (f"{_SLOT}{Slot.ENV:d}",)
    if source in MEMBERS:
        return (_MEMBER + MEMBERS[source],)
    if source in _OF_DESCRIPTION:
        return tuple(f"proc {member}" for member in _OF_DESCRIPTION[source])
    if source == "open_mode":
        return (_OPENING,) if kind == Kind.SYSCALL else ("0", "1", "2", "3")
    if source == "fd":
        return ("fd",) if name in FD_EVENTS and kind == Kind.SYSCALL else _WHOLE
    if source in _IN_TEXTS or (source[:1] in ("c", "C") and source[1:-1].isdigit()):
        return (TEXTS,)
    if source.isdigit() or (source[:1] in ("s", "S") and source[1:].isdigit()):
        return (source.lstrip("sS"),)
    if source[:1] in ("r", "R") and source[1:].isdigit():
        return (source[1:], _FAILED)
    return _WHOLE


def is_pid(source: str, kind: int) -> bool:
    """Return whether it is told by columns alone which process a pid of such a source stands for."""
    if source.startswith("s"):
        return source[1:].isdigit() and kind == Kind.SYSCALL
    return source in (_RET, "tid", "tgid", "vtid") or MEMBERS.get(source) in PID_MEMBERS


def lasts(columns: Iterable[str]) -> bool:
    """Return whether the numbers of some columns never change, whatever becomes known of processes and containers."""
    return not any(each in (OF_PROCESS, OWNER) or each.startswith((_MEMBER, _PID, _BASE)) for each in columns)


def likeness(columns: tuple[str, ...], kind: int, name: str) -> object:
    """Return what kinds of event must have in common for ``Words`` to tell columns of them all together.

    Args:
        columns: That an argument hangs on, as ``columns_of`` names them.
        kind: Of the event, with ``name`` as its type.
        name: See ``kind``.
    """
    if "record" in columns:
        return columns, kind, name
    if _OWN not in columns and "fd" not in columns and not any(each.startswith(_PID) for each in columns):
        return columns
    return columns, is_number("fd.num", kind, name), name in PAIRS, kind == Kind.FORK, name in (*DIRFD_CALLS, "socket")


class Words:
    """The columns of some rows of one kind of event, or of several that are alike (``likeness``).

    Args:
        look: The batch being asked.
        code: Number of the kind of event, or one of them.
        rows: Of these kinds.
    """

    def __init__(self, look: LookValues, code: int, rows: NDArray[np.intp]) -> None:
        self._look = look
        self._code = code
        self._rows = rows
        self._name = look.name_of(code)

    def column(self, which: str, first: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Return, (n,), the number of each row in a column, the same in every batch.

        Args:
            which: As ``columns_of`` names it.
            first: The column before it, None when it is the first.
        """
        look, rows, batch = self._look, self._rows, self._look.batch
        if which.isdigit():
            return registers(batch, rows, int(which))
        if which == _RET:
            return np.asarray(batch.head["ret"][rows], np.int64)
        if which == _FAILED:
            return np.asarray(batch.head["ret"][rows] < 0, np.int64)
        if which in ("tid", "tgid"):
            return batch.head[which][rows].astype(np.int64)
        if which.startswith("file "):
            found, has = file_numbers(batch, rows, which.removeprefix("file "))
            return np.where(has, found, np.where(batch.head["ret"][rows] < 0, _ABSENT + 1, _ABSENT))
        if which.startswith("proc "):
            return described(batch, rows, which.removeprefix("proc "))
        if which.startswith(_MEMBER):
            return look.members.places(which.removeprefix(_MEMBER), rows)
        if which.startswith(_PID):
            return self._processes(which.removeprefix(_PID))
        if which.startswith(_BASE):
            return self._bases(which.removeprefix(_BASE))
        if which.startswith(_SLOT):
            return self._slots(int(which.removeprefix(_SLOT)))
        if which == "comm":
            return self._comms()
        if which == "fd":
            told = look.numbers("fd.num", rows)
            return np.where(told.has, told.found, _ABSENT)
        if which == OPENED:
            return self._opened()
        if which == _OWN:
            return self._own(first)
        return look.at(which, rows, self._code)

    def pids(self, source: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return, (n,), the numbers that a source of pids has, see ``is_pid``, and which rows have one."""
        batch, rows = self._look.batch, self._rows
        if source in MEMBERS:
            found = self._look.members.pids(MEMBERS[source], rows)
            return found, found != NO_PID
        if source == "vtid":
            found = described(batch, rows, "vtid")
            return found, found != _ABSENT
        if source.startswith("s"):
            found = registers(batch, rows, int(source[1:]))
            return as_int(found).astype(np.int64), found != _ABSENT
        return batch.head[source][rows].astype(np.int64), np.ones(len(rows), bool)

    def _processes(self, source: str) -> NDArray[np.int64]:
        """Return a number for what each pid of a source is shown as."""
        pids, has = self.pids(source)
        names = self.named(source)
        out = self._look.numbered("pids", names, np.where(names == ABSENT, pids, 0))
        out[~has] = _ABSENT
        return out

    def named(self, source: str) -> NDArray[np.int64]:
        """Return, (n,), the place of the name that a pid is shown as (``tuimon.fields.evtarg``), ABSENT for none."""
        members, batch, rows = self._look.members, self._look.batch, self._rows
        pids, has = self.pids(source)
        own, above = members.pids("pid", rows), members.pids("parent.pid", rows)
        is_own = (pids == own) | (pids == batch.head["tid"][rows])
        if self._look.kind_of(self._code) == Kind.FORK:
            is_own |= pids == batch.head["ret"][rows]
        named = has & (pids > 0) & (own != NO_PID)
        names = np.where(is_own, members.places("comm", rows), members.places("parent.comm", rows))
        names[~named | ~(is_own | (pids == above)) | (names == members.place(""))] = ABSENT
        return names

    def _bases(self, member: str) -> NDArray[np.int64]:
        """Return the number of the texts of a record, which a relative path starts from; -1 for all other paths."""
        places = self._look.members.places(member, self._rows)
        distinct, of_row = np.unique(places, return_inverse=True)
        paths = [self._look.members.values[at] or "" for at in distinct.tolist()]
        is_relative = np.array([path != "" and not path.startswith("/") for path in paths], bool)[of_row]
        out = np.full(len(places), -1, np.int64)
        if is_relative.any():
            out[is_relative] = self._look.at(TEXTS, self._rows[is_relative], self._code)
        return out

    def _slots(self, slot: int) -> NDArray[np.int64]:
        """Return a number for the bytes of one slot."""
        batch, ext_at = self._look.batch, self._look.batch.ext_at[self._rows]
        out, has = np.full(len(ext_at), -1, np.int64), np.flatnonzero(ext_at >= 0)
        lengths = batch.ext["slot_len"][ext_at[has]].astype(np.int64)
        starts = batch.text_at[ext_at[has]] + lengths[:, :slot].sum(axis=1)
        ends = starts + lengths[:, slot]
        texts = map(batch.arena.__getitem__, map(slice, starts.tolist(), ends.tolist()))
        out[has] = self._look.memory.bytes_numbered("slots", texts, len(has))
        return out

    def _comms(self) -> NDArray[np.int64]:
        """Return a number for the name of each row's thread."""
        batch, ext_at = self._look.batch, self._look.batch.ext_at[self._rows]
        out, has = np.full(len(ext_at), _ABSENT), ext_at >= 0
        halves = np.ascontiguousarray(batch.ext["comm"][ext_at[has]]).view(np.int64).reshape(-1, 2)
        out[has] = self._look.numbered("comm", halves[:, 0], halves[:, 1])
        return out

    def _opened(self) -> NDArray[np.int64]:
        """Return the number of the texts of opens: those show the fd as well, but where there is no path to show."""
        look, batch, ext_at = self._look, self._look.batch, self._look.batch.ext_at[self._rows]
        out = look.at(TEXTS, self._rows, self._code)
        has = ext_at >= 0
        has[has] = batch.ext["slot_len"][ext_at[has], Slot.GIVEN] > 0
        bare = np.flatnonzero(~has)
        if len(bare):
            out[bare] = -2 - look.numbered("opened", out[bare], batch.head["ret"][self._rows[bare]].astype(np.int64))
        return out

    def _own(self, value: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Return a number for what is told of the event's own fd, -1 where an argument is another one."""
        if value is None or self._name in PAIRS:
            return self._files(np.arange(len(self._rows)))
        out = np.full(len(self._rows), -1, np.int64)
        maybe = np.flatnonzero(as_int(value) >= 0)  # below it is the working directory, or an error
        told = self._look.numbers("fd.num", self._rows[maybe])
        is_sure = told.has.copy()
        is_sure[np.flatnonzero(told.unknown)] = False
        own = maybe[~is_sure | (as_int(value[maybe]) == as_int(told.found))]
        if len(own):
            out[own] = self._files(own)
        return out

    def _files(self, which: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return, (k,), a number for the name and the kind of the event's own fd of some of the rows.

        Of a socket it is a number of the record's texts, and of what else tells it: which protocol it speaks is shown
        as well.
        """
        look, rows = self._look, self._rows[which]
        if self._name in (*DIRFD_CALLS, "socket"):
            # A folder is told by the fd as well, which may be none; a new socket by its family.
            families = look.batch.head["arg"][rows, 0].view(np.int64)
            fds = look.numbers("fd.num", rows).found
            more = np.where(look.columns.is_named(look.codes(rows), "socket"), families, fds)
            return 2 * look.numbered("own files", look.at(TEXTS, rows, self._code), more) + 1
        (names, _), (kinds, _) = look.values("fd.name", rows), look.values("fd.type", rows)
        sure = (names >= 0) & (kinds >= 0) & ~has_socket(look.batch, rows)
        out = np.empty(len(rows), np.int64)
        out[sure] = 4 * look.numbered("files", names[sure].astype(np.int64), kinds[sure].astype(np.int64))
        if not sure.all():
            out[~sure] = 4 * look.at(TEXTS, rows[~sure], self._code) + 2
        return out


def as_int(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return what the kernel takes registers for where a call takes an int."""
    return values.astype(np.uint64).astype(np.uint32).view(np.int32)


def described(batch: Batch, rows: NDArray[np.intp], member: str) -> NDArray[np.int64]:
    """Return, (n,), a member of PROC, and a number that nothing has where a record describes no process."""
    out = np.full(len(rows), _ABSENT)
    if not len(batch.proc_row):
        return out
    at = np.minimum(np.searchsorted(batch.proc_row, rows), len(batch.proc_row) - 1)
    has = batch.proc_row[at] == rows
    out[has] = batch.proc[member][at[has]]
    return out


def registers(batch: Batch, rows: NDArray[np.intp], at: int) -> NDArray[np.int64]:
    """Return, (n,), a register argument, and a number that nearly nothing has where a record does not carry it."""
    if at < 3:
        return np.asarray(batch.head["arg"][rows, at].view(np.int64))
    out = np.full(len(rows), _ABSENT)
    ext_at = batch.ext_at[rows]
    has = ext_at >= 0
    out[has] = batch.ext["arg"][ext_at[has], at - 3].view(np.int64)
    return out
