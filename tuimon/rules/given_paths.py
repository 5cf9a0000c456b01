"""Paths as calls were given them, of calls that open nothing: read from the records without their getters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tuimon.events import decode
from tuimon.fields.argsource import bound_of
from tuimon.fields.facts import CALL_KINDS, OPENS
from tuimon.fields.fspath import OF_FD, may_name_one
from tuimon.records import Slot
from tuimon.rules.grouping import Rows
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool

if TYPE_CHECKING:
    from tuimon.rules.look_values import LookValues

_NAMERAW: Final = "fs.path.nameraw"
_PATHS: Final = ("FSPATH", "FSRELPATH")


def given_places(look: LookValues, key: Any, rows: Rows, pool: Pool) -> Places:
    """Return, (k,), the places of the values of a field, given by its key, that is a path as given; else UNSEEN."""
    out = np.full(len(rows), UNSEEN, np.int32)
    codes = look.codes(rows)
    for code in np.unique(codes).tolist():
        if _is_given(look, key, code):
            mine = np.flatnonzero(codes == code)
            found = _texts(look, rows[mine], pool, is_path=key[0] == "evt.arg" and _is_path(look, key, code))
            if key[0] == _NAMERAW:  # a call that failed has none
                found[look.batch.head["ret"][rows[mine]] < 0] = ABSENT
            out[mine] = found
    return out


def _is_given(look: LookValues, key: Any, code: int) -> bool:
    (name, arg, which), type_, kind = key, look.name_of(code), look.kind_of(code)
    if which != "given" or kind not in CALL_KINDS:
        return False
    if name == _NAMERAW:
        return type_ not in OPENS and type_ not in OF_FD and may_name_one(kind, type_)
    bound = bound_of(type_, arg or "") if name in ("evt.arg", "evt.rawarg") else None
    return bound is not None and bound.source == "given"


def _is_path(look: LookValues, key: Any, code: int) -> bool:
    bound = bound_of(look.name_of(code), key[1] or "")
    return bound is not None and bound.param.type in _PATHS


def _texts(look: LookValues, rows: Rows, pool: Pool, *, is_path: bool) -> Places:
    """Return, (k,), the places of the given texts; UNSEEN for none, and for a relative path that is shown absolute."""
    batch, ext_at = look.batch, look.batch.ext_at[rows]
    out, has = np.full(len(rows), UNSEEN, np.int32), np.flatnonzero(ext_at >= 0)
    starts = batch.text_at[ext_at[has]]
    ends = starts + batch.ext["slot_len"][ext_at[has], Slot.GIVEN]
    texts = [batch.arena[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    out[has] = [pool.place(decode(text)) if text and (not is_path or text[0] == _SLASH) else UNSEEN for text in texts]
    return out


_SLASH: Final = ord("/")
