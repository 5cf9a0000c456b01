"""What opens show of the fd that they return: the path behind a mark, or the error. Asked of paths, not of such texts.

A million events have some 40,000 paths of files; writing each with its mark would cost more than asking it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import bound_of
from tuimon.fields.evtarg import fd_error
from tuimon.rules.asked import NO, YES, Asked, of_value, of_values
from tuimon.rules.grouping import Rows
from tuimon.rules.numbering import NOT_ASKED, Truths
from tuimon.rules.pools import TEXT_POOL, Places
from tuimon.rules.words import OPENED, columns_of

if TYPE_CHECKING:
    from tuimon.rules.look import Look

_FILE: Final = "<f>"
_FOLDER: Final = "<d>"


def said_of_opened(look: Look, asked: Asked, numbers: NDArray[np.int64], rows: Rows) -> Truths:
    """Return, (k,), what a check says of the fds that some rows show.

    Args:
        look: The batch.
        asked: A check of one argument, with a predicate.
        numbers: (k,) of the records' texts.
        rows: (k,) where.

    Returns:
        NOT_ASKED for rows that are no opens by a path, and of which the argument is another one.
    """
    out = np.full(len(rows), NOT_ASKED, np.int8)
    codes = look.codes(rows)
    shows = [code for code in np.unique(codes).tolist() if _shows_opened(look, asked, code)]
    if not shows:
        return out
    opens = look.opens(rows, np.isin(codes, shows), numbers)
    found = np.empty(len(opens.at), np.int8)
    ret = look.batch.head["ret"][rows[opens.at]]
    failed, folder = ret < 0, opens.is_folder
    for error in np.unique(ret[failed]).tolist():
        found[ret == error] = _said(asked, fd_error(error) or str(error))
    for mark, mine in ((_FILE, ~failed & ~folder), (_FOLDER, ~failed & folder)):
        found[mine] = _of_paths(look, asked, mark, opens.paths.given[mine])
    out[opens.at] = found
    return out


def _shows_opened(look: Look, asked: Asked, code: int) -> bool:
    key = asked.getters[0][1]
    bound = bound_of(look.name_of(code), key[1] or "")
    if bound is None or bound.get is None:
        return False
    return columns_of(bound, look.kind_of(code), look.name_of(code), is_raw=key[0] == "evt.rawarg") == (OPENED,)


def _of_paths(look: Look, asked: Asked, mark: str, paths: Places) -> Truths:
    """Return what a check says of marked paths at places in the pool of texts; each is asked once and for all."""
    pool = look.memory.pool(TEXT_POOL)
    if asked.by_place is not None:
        return asked.by_place.behind(mark).said(pool, paths)
    table = look.memory.table("value", (asked.value_question, mark), len(pool))
    new = np.unique(paths[table[paths] == NOT_ASKED])
    assert asked.predicate is not None
    said_of_new = of_values((mark + pool.values[at] for at in new.tolist()), asked.predicate)
    table[new] = np.where(np.array(said_of_new, np.int8) == YES, np.int8(YES), np.int8(NO))
    said: Truths = table[paths]
    return said


def _said(asked: Asked, text: Any) -> int:
    assert asked.predicate is not None
    made, test, _ = asked.predicate
    return YES if of_value(made(text), test) == YES else NO
