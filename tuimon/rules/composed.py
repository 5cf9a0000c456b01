"""Fields put together from what two others show: a path with its container, a thread with its fd.

Each pair of values is put together once, so that a path that a thousand events name costs no more than one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.rules.numbering import Rows, groups_of
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool

if TYPE_CHECKING:
    from tuimon.rules.look import Look

CONTAINED: Final = {"fd.containername": "fd.name", "fd.containerdirectory": "fd.directory"}
"""Fields of a path behind its container's id, and the field of the path alone."""
THREAD_AND_FD: Final = "fd.uid"
COMPOSED: Final = frozenset((*CONTAINED, THREAD_AND_FD))


def places_of(look: Look, key: Any, rows: Rows, pool: Pool) -> Places:
    """Return, (k,), the place of a composed field's value in a pool; UNSEEN where only the event can tell."""
    name, _, which = key
    if name == THREAD_AND_FD:
        return _threads_and_fds(look, rows, pool)
    owners, ids = look.values("container.id", rows)
    paths, texts = look.values(CONTAINED[name], rows, int(which == "real"))
    groups = groups_of(owners.astype(np.int64), paths.astype(np.int64))
    out = np.empty(len(groups.first), np.int32)
    for at, (owner, path) in enumerate(zip(owners[groups.first].tolist(), paths[groups.first].tolist(), strict=True)):
        if owner < 0 or path < 0:
            out[at] = UNSEEN
        else:
            out[at] = ABSENT if path == ABSENT else pool.place(f"{ids.values[owner]}:{texts.values[path]}")
    return np.asarray(out[groups.of_row])


def _threads_and_fds(look: Look, rows: Rows, pool: Pool) -> Places:
    """fd.uid: both numbers in one word."""
    numbers, has, unknown = look.numbers("fd.num", rows)
    tids: NDArray[np.int64] = look.batch.head["tid"][rows].astype(np.int64)
    groups = groups_of(tids, numbers)
    pairs = zip(tids[groups.first].tolist(), numbers[groups.first].tolist(), strict=True)
    out = pool.places([f"{tid}{number}" for tid, number in pairs])[groups.of_row]
    out[~has] = ABSENT
    if len(unknown):
        out[unknown] = UNSEEN
    return np.asarray(out)
