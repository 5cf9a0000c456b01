"""evt.args of many events: what is alike is written out once, and opens, nearly all there is, without a getter.

The texts are long and nearly as many as the records, so that none of them is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.events import Event
from tuimon.fields.argsource import BOUND, BOUND_BY_NAME
from tuimon.fields.evtarg import fd_error, number_text, param_text
from tuimon.fields.facts import AT_FDCWD, facts
from tuimon.records import Kind
from tuimon.rules.grouping import Groups, Rows, groups_of
from tuimon.rules.numbers import file_numbers
from tuimon.rules.words import Words, columns_of

if TYPE_CHECKING:
    from tuimon.rules.look import Look

ARGS: Final = frozenset(("evt.args", "evt.info"))
UNLIKE: Final = (Kind.EXEC, Kind.FORK)
"""Kinds of event that tell of a process each: no two are alike."""


def is_written(look: Look, rows: Rows) -> NDArray[np.bool_]:
    """Return, (k,), which of some rows are opens from the working directory by a path: ``open_texts`` knows them."""
    out, mine = np.zeros(len(rows), bool), may_be_written(look, rows)
    out[mine[look.opens(rows[mine]).at]] = True
    return out


def may_be_written(look: Look, rows: Rows) -> NDArray[np.intp]:
    """Return which of some rows may be such opens; of all that have the same texts all are, or none."""
    maybe = np.flatnonzero(look.columns.is_numbered_open(look.batch, rows))
    codes = look.codes(rows[maybe])
    mine = np.ones(len(maybe), bool)
    for code in np.unique(codes).tolist():
        of_code = codes == code
        if look.name_of(code) == "openat":
            dirfd = look.batch.head["arg"][rows[maybe[of_code]], 0].astype(np.uint32).view(np.int32)
            mine[of_code] = dirfd == AT_FDCWD
        elif look.name_of(code) != "open":
            mine[of_code] = False
    return maybe[mine]


def open_texts(look: Look, rows: Rows, tails: dict[int, str], openings: NDArray[np.int64]) -> list[str]:
    """Return evt.args of opens.

    Args:
        look: The batch.
        rows: Of which ``is_written`` holds, ascending.
        tails: The texts of flags and mode by number of the opening, as far as known; added to.
        openings: (k,) those numbers.
    """
    raws, paths, folders = look.open_paths(rows)
    batch = look.batch
    dirfds = {
        code: " dirfd=-100(AT_FDCWD)" if look.name_of(code) == "openat" else ""
        for code in set(look.codes(rows).tolist())
    }
    columns = [look.codes(rows).tolist(), batch.head["ret"][rows].tolist(), openings.tolist(), rows.tolist()]
    (devs, has), (inos, _) = (file_numbers(batch, rows, member) for member in ("dev", "ino"))
    dev, ino = (BOUND_BY_NAME["openat"][name].param.style for name in ("dev", "ino"))
    files = [
        f" dev={number_text(one, dev)} ino={number_text(other, ino)}" if told else None
        for one, other, told in zip(devs.tolist(), inos.view(np.uint64).tolist(), has.tolist(), strict=True)
    ]
    out = []
    for code, ret, opening, row, raw, path, folder, file in zip(*columns, raws, paths, folders, files, strict=True):
        tail = tails.get(opening)
        if tail is None:
            tail = tails[opening] = _tail(look.event(row))
        if ret < 0:
            error = fd_error(ret)
            shown = f"fd={ret}({error})" if error else f"fd={ret}"
        else:
            shown = f"fd={ret}(<{'d' if folder else 'f'}>{path})"
        name = raw if raw[:1] == "/" else f"{raw}({path})"
        end = file or (" dev=0 ino=0" if ret < 0 else " dev=<NA> ino=<NA>")
        out.append(f"{shown}{dirfds[code]} name={name}{tail}{end}")
    return out


def _tail(event: Event) -> str:
    """Return what an open shows of its flags and its mode."""
    f = facts(event)
    return "".join(f" {param_text(f, BOUND_BY_NAME[f.name][name])}" for name in ("flags", "mode"))


def alike(look: Look, code: int, rows: Rows) -> Groups | None:
    """Return rows of one kind of event grouped by what evt.args shows of them; None when each stands alone."""
    columns = columns_of_args(look.kind_of(code), look.name_of(code))
    if columns is None:
        return None
    words = Words(look, code, rows)
    found = np.zeros(len(rows), np.int64)
    groups = groups_of(found, found)
    for which in columns:
        groups = groups_of(groups.of_row.astype(np.int64), words.column(which, None))
    return groups


def columns_of_args(kind: int, name: str) -> tuple[str, ...] | None:
    """Return the columns that evt.args of a kind of event hangs on, for ``Words``; None when no two are alike."""
    if kind in UNLIKE:
        return None
    columns = (
        column
        for bound in BOUND.get(name, ())
        if bound.get is not None
        for is_raw in (True, False)
        for column in columns_of(bound, kind, name, is_raw=is_raw)
    )
    return tuple(dict.fromkeys(columns))
