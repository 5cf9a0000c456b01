"""Arguments that hang on one number: the flags of a clone, the mode of a mkdir, the option of a prctl, ...

Of these there are few different ones, however many events. What is printed of a number is left to the field's getter;
here is only told where the number lies.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.fields.argsource import Bound
from tuimon.fields.facts import OPENS
from tuimon.records import Kind

OF_PROCESS: Final = "process"
_OF_DESCRIPTION: Final = {"clone_flags": "clone_flags"}
"""Source of an argument by the member of PROC that it shows."""
_OF_ACTOR: Final = frozenset(("exe_flags", "tty", "vpgid", "loginuid", "pgid", "cap_inheritable", "cap_permitted"))
"""Sources that show what is known of the process."""
_TYPES: Final = ("FLAGS", "ENUMFLAGS", "MODE", "SIGTYPE", "UINT", "INT")
"""Types whose text hangs on the number and the call; the others name fds, users and processes."""
_ABSENT: Final = np.int64(-(1 << 63))
OF_TIME: Final = {
    "evt.time.s": "evt.rawtime.s",
    "evt.datetime.s": "evt.rawtime.s",
    "evt.latency.human": "evt.latency",
}
"""Fields that show a time of the record as text, and which."""


def source_of(bound: Bound, kind: int, name: str) -> str | None:
    """Return where the number of an argument lies, for ``words``; None when the argument hangs on more than one."""
    if not bound.param.type.startswith(_TYPES):
        return None
    if bound.source in _OF_ACTOR:
        return OF_PROCESS
    if bound.source in _OF_DESCRIPTION:
        return bound.source
    is_register = bound.source.removeprefix("s").isdigit()
    # The flags of an open show what the kernel says of the file, too.
    return bound.source.removeprefix("s") if is_register and kind == Kind.SYSCALL and name not in OPENS else None


def words(source: str, batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return, (n,), the number of each row; one that no number has where the record does not carry it."""
    if source.isdigit():
        return _registers(batch, rows, int(source))
    out = np.full(len(rows), _ABSENT)
    if not len(batch.proc_row):
        return out
    at = np.minimum(np.searchsorted(batch.proc_row, rows), len(batch.proc_row) - 1)
    has = batch.proc_row[at] == rows
    out[has] = batch.proc[_OF_DESCRIPTION[source]][at[has]]
    return out


def _registers(batch: Batch, rows: NDArray[np.intp], at: int) -> NDArray[np.int64]:
    if at < 3:
        return np.asarray(batch.head["arg"][rows, at].view(np.int64))
    out = np.full(len(rows), _ABSENT)
    ext_at = batch.ext_at[rows]
    has = ext_at >= 0
    out[has] = batch.ext["arg"][ext_at[has], at - 3].view(np.int64)
    return out
