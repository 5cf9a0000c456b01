"""Paths of calls that open nothing, as given and made absolute: read from the records without their getters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.events import decode
from tuimon.fields.argsource import bound_of
from tuimon.fields.evtarg import ABSPATH_CALLS, SECOND_PATHS
from tuimon.fields.facts import CALL_KINDS, NO_CALL, OPENS, absolute
from tuimon.fields.fspath import OF_FD, may_name_one
from tuimon.records import Slot
from tuimon.rules.grouping import Rows
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool
from tuimon.syscalls import CALLS

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

_NAMERAW: Final = "fs.path.nameraw"
_PATHS: Final = ("FSPATH", "FSRELPATH")


def given_places(look: LookValues, key: Any, rows: Rows, pool: Pool) -> Places:
    """Return, (k,), the places of the values of a field, given by its key, that is a path as given; else UNSEEN."""
    out = np.full(len(rows), UNSEEN, np.int32)
    codes = look.codes(rows)
    for code in np.unique(codes).tolist():
        shown = _shown(look, key, code)
        if shown is not None:
            mine = np.flatnonzero(codes == code)
            found = _texts(look, rows[mine], pool, shown)
            if key[0] == _NAMERAW:  # a call that failed has none
                found[look.batch.head["ret"][rows[mine]] < 0] = ABSENT
            out[mine] = found
    return out


class _Shown(NamedTuple):
    """How a field shows a path."""

    slot: Slot
    base: Slot | None = None
    """What it starts from; None: it is shown as it stands."""
    keeps_absolute: bool = False
    """Only a relative path is made normal."""


def _shown(look: LookValues, key: Any, code: int) -> _Shown | None:
    """Return how a field shows a path of a kind of event; None when it shows something else."""
    (name, arg, which), type_, kind = key, look.name_of(code), look.kind_of(code)
    if which != "given" or kind not in CALL_KINDS:
        return None
    if name == _NAMERAW:
        is_given = type_ not in OPENS and type_ not in OF_FD and may_name_one(kind, type_)
        return _Shown(Slot.GIVEN) if is_given else None
    if name == "evt.abspath":
        return _of_abspath(type_, arg)
    bound = bound_of(type_, arg or "") if name in ("evt.arg", "evt.rawarg") else None
    slot = None if bound is None else _SLOTS.get(bound.source)
    call = CALLS.get(type_, NO_CALL)
    if bound is None or slot is None or (slot == Slot.GIVEN2 and call.path2 is None):
        return None
    if name == "evt.rawarg" or bound.param.type not in _PATHS:
        return _Shown(slot)
    is_second = bound.param.name in SECOND_PATHS
    if is_second != (slot == Slot.GIVEN2) or type_ == "chdir" or call.text is not None:
        return None  # what it starts from is another one, or not told
    return _Shown(slot, Slot.BASE2 if is_second else Slot.BASE, keeps_absolute=True)


def _of_abspath(type_: str, arg: str | None) -> _Shown | None:
    if type_ not in ABSPATH_CALLS or type_ in OPENS:
        return None
    if type_ == "symlinkat" or arg == "dst":
        return _Shown(Slot.GIVEN2, Slot.BASE2) if CALLS[type_].path2 is not None else None
    return _Shown(Slot.GIVEN, Slot.BASE)


def _texts(look: LookValues, rows: Rows, pool: Pool, shown: _Shown) -> Places:
    """Return, (k,), the places of the texts in a slot; UNSEEN for none."""
    batch, ext_at = look.batch, look.batch.ext_at[rows]
    out, has = np.full(len(rows), UNSEEN, np.int32), np.flatnonzero(ext_at >= 0)
    if not len(has):
        return out
    ends = batch.text_at[ext_at[has]][:, None] + np.cumsum(batch.ext["slot_len"][ext_at[has]], axis=1, dtype=np.int64)
    starts = np.column_stack((batch.text_at[ext_at[has]], ends))
    texts = _cut(batch.arena, starts, shown.slot)
    bases = [b""] * len(texts) if shown.base is None else _cut(batch.arena, starts, shown.base)
    pairs = zip(texts, bases, strict=True)
    out[has] = [pool.place(_path(text, base, shown)) if text else UNSEEN for text, base in pairs]
    return out


def _path(text: bytes, base: bytes, shown: _Shown) -> str:
    if shown.base is None or (shown.keeps_absolute and text[0] == _SLASH):
        return decode(text)
    return absolute(decode(base), decode(text))


def _cut(arena: bytes, starts: NDArray[np.int64], slot: Slot) -> list[bytes]:
    return [arena[start:end] for start, end in starts[:, slot : slot + 2].tolist()]


_SLOTS: Final = {"given": Slot.GIVEN, "given2": Slot.GIVEN2}
"""Sources of paths."""
_SLASH: Final = ord("/")
