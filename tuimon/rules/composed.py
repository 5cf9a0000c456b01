"""Fields put together from what two others show: a path with its container, a thread with its fd.

Each pair of values is put together once for a check, so that a path that a thousand events name costs no more than one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.rules.asked import GONE, PERHAPS, YES, Asked, of_values
from tuimon.rules.grouping import Groups, Rows, grouped, groups_of
from tuimon.rules.numbering import NOT_ASKED, Truths
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool

if TYPE_CHECKING:
    from tuimon.rules.look import Look

CONTAINED: Final = {"fd.containername": "fd.name", "fd.containerdirectory": "fd.directory"}
"""Fields of a path behind its container's id, and the field of the path alone."""
THREAD_AND_FD: Final = "fd.uid"
COMPOSED: Final = frozenset((*CONTAINED, THREAD_AND_FD))


def said_of(look: Look, asked: Asked, key: Any, rows: Rows) -> Truths:
    """Return, (k,), what a check says of the value of a composed field of each row; PERHAPS where only events tell."""
    assert asked.predicate is not None
    if key[0] == THREAD_AND_FD:
        if asked.by_place is not None and asked.by_place.constants is None:
            fds = look.numbers("fd.num", rows)
            told: Truths = np.where(fds.has, np.int8(YES), np.int8(GONE))
            told[np.flatnonzero(fds.unknown)] = PERHAPS
            return told
        words, of_row, has, unknown = _threads_and_fds(look, rows)
        # Nearly as many values as rows: keeping them would cost more than it saves.
        out: Truths = np.array(of_values(words, asked.predicate), np.int8)[of_row]
        out[~has] = GONE
        out[unknown] = PERHAPS
        return out
    known = look.alike
    if known is None or known[0] is not rows:
        known = look.alike = rows, _alike(look, CONTAINED[key[0]], rows)
    groups = known[1]
    first = np.sort(rows[groups.first])
    owners, ids = look.values("container.id", first)
    paths, texts = look.values(CONTAINED[key[0]], first, int(key[2] == "real"))
    out = np.full(len(first), GONE, np.int8)
    for owner in np.unique(owners[owners > ABSENT]).tolist():
        mine = np.flatnonzero((owners == owner) & (paths > ABSENT))
        if asked.by_place is not None:
            out[mine] = asked.by_place.behind(f"{ids.values[owner]}:").said(texts, paths[mine])
            continue
        table = look.memory.table("value", (asked.value_question, owner), len(texts))
        new = np.unique(paths[mine[table[paths[mine]] == NOT_ASKED]])
        table[new] = of_values((f"{ids.values[owner]}:{texts.values[at]}" for at in new.tolist()), asked.predicate)
        out[mine] = table[paths[mine]]
    out[(owners < 0) | (paths < 0)] = PERHAPS
    of_group = out[np.searchsorted(first, rows[groups.first])]
    return np.asarray(of_group[groups.of_row])


def _alike(look: Look, path: str, rows: Rows) -> Groups:
    """Return some rows grouped by what tells their container and a path of theirs, a field."""
    texts, owners = (look.memory.groups(look.batch, side) for side in ("texts", "container"))
    keys = texts.of_row[rows].astype(np.int64)
    by_kind, by_texts = look.sees(path, rows, "type"), look.sees(path, rows, "texts")
    keys[by_kind] = len(texts.first) + look.codes(rows[by_kind])
    alone = np.flatnonzero(~(by_kind | by_texts))  # it hangs on more
    keys[alone] = len(texts.first) + len(look.memory.code_of) + np.arange(len(alone))
    return grouped(keys * len(owners.first) + owners.of_row[rows])


def put_together(look: Look, key: Any, rows: Rows, pool: Pool) -> Places:
    """Return, (k,), the places in a pool of a composed field's values; UNSEEN where only events tell."""
    if key[0] == THREAD_AND_FD:
        values, of_row, has, unknown = _threads_and_fds(look, rows)
        found = pool.places(values)[of_row]
        found[~has] = ABSENT
        found[unknown] = UNSEEN
        return np.asarray(found)
    owners, ids = look.values("container.id", rows)
    paths, texts = look.values(CONTAINED[key[0]], rows, int(key[2] == "real"))
    groups = groups_of(owners.astype(np.int64), paths.astype(np.int64))
    owners, paths = owners[groups.first], paths[groups.first]
    both = zip(owners.tolist(), paths.tolist(), strict=True)
    out = pool.places(_contained(ids, owner, texts, path) for owner, path in both)
    out[(owners < 0) | (paths < 0)] = UNSEEN
    return np.asarray(out[groups.of_row])


def _contained(ids: Pool, owner: int, texts: Pool, path: int) -> str | None:
    return None if owner <= ABSENT or path <= ABSENT else f"{ids.values[owner]}:{texts.values[path]}"


def _threads_and_fds(
    look: Look, rows: Rows
) -> tuple[list[str], NDArray[np.unsignedinteger[Any]], NDArray[np.bool_], NDArray[np.intp]]:
    """fd.uid: both numbers in one word. Return distinct texts, each row's, which have one, and which are not known."""
    numbers, has, unknown = look.numbers("fd.num", rows)
    tids: NDArray[np.int64] = look.batch.head["tid"][rows].astype(np.int64)
    groups = groups_of(tids, numbers)
    pairs = zip(tids[groups.first].tolist(), numbers[groups.first].tolist(), strict=True)
    return [f"{tid}{number}" for tid, number in pairs], groups.of_row, has, np.flatnonzero(unknown)
