"""Arguments that are a number of the record or of its process: what their getters would say, for many rows at once.

Nearly each exec and fork has pids of its own, so that a getter, which decodes the record, would be asked once for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import Bound, bound_of
from tuimon.fields.evtarg import is_plain_number, number_shown, unsigned
from tuimon.records import Kind
from tuimon.rules.grouping import Rows
from tuimon.rules.words import SETS_NAME, Words, described, is_pid, registers

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

_DESCRIBED: Final = {"vtid": "vtid", "majflt": "major_faults", "minflt": "minor_faults"}
Numbers = tuple[NDArray[Any], NDArray[np.bool_]]
"""(k,) numbers, and which of them are there."""


def number_args(look: LookValues, key: Any, code: int, rows: Rows) -> Sequence[int | str | None] | None:
    """Return the values of an argument, given by the key of its values, of some rows of one kind of event.

    None when it is no such number: then the getter must be asked.
    """
    name, arg, _ = key
    bound = bound_of(look.name_of(code), arg or "") if name in ("evt.arg", "evt.rawarg") else None
    if bound is None or bound.get is None:
        return None
    words, kind = Words(look, code, rows), look.kind_of(code)
    if name == "evt.arg" and bound.param.type == "PID":
        return _processes(look, words, bound, kind)
    if not (is_plain_number(bound.param) or (name == "evt.rawarg" and bound.param.type in _RAW)):
        return None
    found = _numbers(look, words, bound.source, kind, rows)
    if found is None:
        return None
    say, param = unsigned if name == "evt.rawarg" else number_shown, bound.param
    values, has = (column.tolist() for column in found)
    return [say(param, value) if told else None for value, told in zip(values, has, strict=True)]


_RAW: Final = frozenset(("FD", "PID", "UID", "GID"))
"""Types of which only the text hangs on more than the number."""


def _processes(look: LookValues, words: Words, bound: Bound, kind: int) -> Sequence[str | None] | None:
    """Return the names of the processes that pids stand for, and the pids of others."""
    if not is_pid(bound.source, kind):
        return None
    (pids, has), names = words.pids(bound.source), look.members.values
    return [
        names[place] if place else str(pid) if told else None
        for pid, told, place in zip(pids.tolist(), has.tolist(), words.named(bound.source).tolist(), strict=True)
    ]


def _numbers(look: LookValues, words: Words, source: str, kind: int, rows: Rows) -> Numbers | None:
    if is_pid(source, kind):
        return words.pids(source)
    if source in _DESCRIBED:
        found = described(look.batch, rows, _DESCRIBED[source])
        return found, found >= 0
    if source == "prctl_int" and kind == Kind.SYSCALL:
        option, found = (registers(look.batch, rows, at) for at in (0, 1))
        return np.where(option == SETS_NAME, 0, found), np.ones(len(rows), bool)
    if source.isdigit() and kind == Kind.SYSCALL:
        found = registers(look.batch, rows, int(source))
        has = look.batch.ext_at[rows] >= 0 if int(source) > 2 else np.ones(len(rows), bool)
        return found.view(np.uint64), has
    return None
