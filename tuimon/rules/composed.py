"""Fields put together from what two others show: a path with its container, a thread with its fd.

Each pair of values is put together once for a check, so that a path that a thousand events name costs no more than one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.rules.asked import GONE, PERHAPS, Asked, of_value
from tuimon.rules.numbering import Rows, Truths, groups_of
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool

if TYPE_CHECKING:
    from tuimon.rules.look import Look

CONTAINED: Final = {"fd.containername": "fd.name", "fd.containerdirectory": "fd.directory"}
"""Fields of a path behind its container's id, and the field of the path alone."""
THREAD_AND_FD: Final = "fd.uid"
COMPOSED: Final = frozenset((*CONTAINED, THREAD_AND_FD))
_PATH: Final = (1 << 32) - 1
"""The half of a pair that is the place of a path; in the other is that of the container's id."""


def said_of(look: Look, asked: Asked, key: Any, rows: Rows) -> Truths:
    """Return, (k,), what a check says of the value of a composed field of each row; PERHAPS where only events tell."""
    assert asked.predicate is not None
    made, test, _ = asked.predicate
    if key[0] == THREAD_AND_FD:
        pool = Pool()  # nearly as many values as rows: keeping them would cost more than it saves
        places = _threads_and_fds(look, rows, pool)
        table = np.array([of_value(made(value), test) for value in pool.values], np.int8)
        table[ABSENT] = GONE
        return np.where(places < 0, np.int8(PERHAPS), table[np.maximum(places, ABSENT)])
    owners, ids = look.values("container.id", rows)
    paths, texts = look.values(CONTAINED[key[0]], rows, int(key[2] == "real"))
    groups = groups_of(owners.astype(np.int64), paths.astype(np.int64))
    owners, paths = owners[groups.first], paths[groups.first]
    pairs: list[int] = (owners.astype(np.int64) << 32 | paths).tolist()
    told = asked.told
    for pair in {pair for pair in pairs if pair > 0 and pair & _PATH}.difference(told):
        value = f"{ids.values[pair >> 32]}:{texts.values[pair & _PATH]}"
        told[pair] = of_value(made(value), test)
    out = np.array([told.get(pair, GONE) for pair in pairs], np.int8)
    out[(owners < 0) | (paths < 0)] = PERHAPS
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
