"""Checks of several fields that see different things of an event: a path and its process, two names.

Each field is looked up as if it were asked alone. What a check says hangs on the values, so that it is asked once for
each set of them. Of two fields that are compared it hangs on the outcome alone; whether two texts are equal is known
from where they lie in their pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.registry import FieldType
from tuimon.rules.asked import Asked
from tuimon.rules.checks import compare_values
from tuimon.rules.composed import COMPOSED, put_together
from tuimon.rules.grouping import Groups, Rows, grouped, groups_of, pairs
from tuimon.rules.nodes import Check, FieldRef, Transform
from tuimon.rules.numbering import Truths
from tuimon.rules.numbers import ORDERS
from tuimon.rules.pools import ABSENT, UNSEEN, Places, Pool
from tuimon.rules.values import NUMERIC

if TYPE_CHECKING:
    from tuimon.rules.look import Look

_EQUAL: Final = ("=", "==", "!=")
_PLACE_BITS: Final = 32
_FEW: Final = 1000
_ROWS_PER_NUMBER: Final = 4
"""Numbers of which nearly each row has one of its own are not kept: their rows are asked one by one."""


class _Column(NamedTuple):
    """The values of a field of some rows."""

    places: Places
    """(k,) UNSEEN where only events tell."""
    pool: Pool


def said_of_several(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), what a check says of some rows."""
    if _is_of_two(asked.check) and _are_numbers(look, asked):
        return _said_of_numbers(look, asked, rows)
    columns = [_column(look, key, rows) for _, key, *_ in asked.getters]
    late = np.minimum.reduce([column.places for column in columns]) < 0
    out = np.empty(len(rows), np.int8)
    out[late] = look.asked_whole(asked, rows[late])
    known = [column._replace(places=column.places[~late]) for column in columns]
    if len(known[0].places):
        out[~late] = (_said_of_two if _is_of_two(asked.check) else _said)(asked, known)
    return out


def _are_numbers(look: Look, asked: Asked) -> bool:
    """Whether the order of two numbers is asked for, of which nothing needs to be kept."""
    infos = [look.columns.checks.field(FieldRef(key[0]))[0] for _, key, *_ in asked.getters]
    is_plain = all(info.type in NUMERIC and not (info.is_list or info.any_of) for info in infos)
    return is_plain and asked.check.op in ORDERS and len(infos) == 2


def _said_of_numbers(look: Look, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), what a check that compares two numbers says of some rows."""
    one, other = (look.numbers(_written(key), rows) for _, key, *_ in asked.getters)
    late = np.zeros(len(rows), bool)
    for each in (one, other):
        late[np.flatnonzero(each.unknown)] = True
    holds = ORDERS[asked.check.op](one.found, other.found)
    groups = grouped((one.has * np.int64(2) + other.has) * 2 + holds)
    at = [at for at, *_ in asked.getters]
    sets = [[int(each.found[row]) if each.has[row] else None for each in (one, other)] for row in groups.first.tolist()]
    out: Truths = np.array([asked.say(at, values) for values in sets], np.int8)[groups.of_row]
    out[late] = look.asked_whole(asked, rows[late])
    return out


def _written(key: Any) -> str:
    """Return a field as it is written, given by the key of its values."""
    name, arg, _ = key
    return str(name) if arg is None else f"{name}[{arg}]"


def _column(look: Look, key: Any, rows: Rows) -> _Column:
    """Return the values of a field, given by the key of its values."""
    name, _, which = key
    if name in COMPOSED:
        pool = look.memory.pool(look.columns.pool_key(key))
        return _Column(put_together(look, key, rows, pool), pool)
    written = _written(key)
    places, pool = look.values(written, rows, int(which == "real"))
    mine = np.flatnonzero(look.sees(written, rows, "number"))
    if len(mine):
        places[mine] = _numbers(look, name, written, rows[mine], pool)
    return _Column(places, pool)


def _numbers(look: Look, name: str, written: str, rows: Rows, pool: Pool) -> Places:
    """Return the places of a field that is a number of the record."""
    info, _ = look.columns.checks.field(FieldRef(name))
    told = look.numbers(written, rows)
    distinct, of_row = np.unique(told.found, return_inverse=True)
    is_own = len(distinct) > max(_FEW, len(rows) // _ROWS_PER_NUMBER)
    if is_own or not (info.type in NUMERIC or info.type is FieldType.BOOL):
        return np.full(len(rows), UNSEEN, np.int32)
    values = distinct.astype(bool).tolist() if info.type is FieldType.BOOL else distinct.tolist()
    found: Places = pool.places(values)[of_row]
    found[~told.has] = ABSENT
    found[np.flatnonzero(told.unknown)] = UNSEEN
    return found


def _is_of_two(check: Check) -> bool:
    """Whether a check compares one field with another, as they are."""
    right = check.right
    is_field = isinstance(right, Transform) and right.name == "val" and isinstance(right.args[0], FieldRef)
    return is_field and isinstance(check.left, FieldRef)


def _said_of_two(asked: Asked, columns: list[_Column]) -> Truths:
    """Return the same: one row is asked for all of which the same comparisons hold, and the same values are there."""
    *lefts, right = columns
    pattern = (right.places == ABSENT).astype(np.int64)
    for left in lefts:
        pattern = pattern * 4 + (left.places == ABSENT) * 2 + _holds(asked, left, right)
    groups = grouped(pattern)
    return np.asarray(_asked_of(asked, columns, groups.first)[groups.of_row])


def _holds(asked: Asked, left: _Column, right: _Column) -> NDArray[np.bool_]:
    """Return, (k,), whether the operator holds of two values, where both are there; each two are compared once."""
    op, told = asked.check.op, asked.told
    if op in _EQUAL and left.pool is right.pool:
        return np.asarray(left.places == right.places)
    out = np.zeros(len(left.places), bool)
    both = np.flatnonzero((left.places > ABSENT) & (right.places > ABSENT))
    groups = groups_of(*(column.places[both].astype(np.int64) for column in (left, right)))
    ones, others = (column.places[both[groups.first]].tolist() for column in (left, right))
    keys = [one << _PLACE_BITS | other for one, other in zip(ones, others, strict=True)]
    for key, one, other in zip(keys, ones, others, strict=True):
        if key not in told:
            told[key] = compare_values(op, left.pool.values[one], right.pool.values[other])
    out[both] = np.fromiter(map(told.__getitem__, keys), bool, len(keys))[groups.of_row]
    return out


def _said(asked: Asked, columns: list[_Column]) -> Truths:
    """Return the same: each set of values is asked once, and remembered for as long as the filter lives."""
    groups = _sets(columns)
    sets = list(zip(*(column.places[groups.first].tolist() for column in columns), strict=True))
    new = [at for at, places in enumerate(sets) if places not in asked.told]
    said = _asked_of(asked, columns, groups.first[new]).tolist()
    asked.told.update(zip((sets[at] for at in new), said, strict=True))
    return np.asarray(np.array(list(map(asked.told.__getitem__, sets)), np.int8)[groups.of_row])


def _sets(columns: list[_Column]) -> Groups:
    groups = grouped(columns[0].places.astype(np.int64))
    for column in columns[1:]:
        groups = pairs(groups, grouped(column.places.astype(np.int64)))
    return groups


def _asked_of(asked: Asked, columns: list[_Column], which: NDArray[np.intp]) -> Truths:
    """Return what a check says of the values that some of the rows have."""
    at = [at for at, *_ in asked.getters]
    sets = zip(*(column.places[which].tolist() for column in columns), strict=True)
    pools = [column.pool.values for column in columns]
    said = (asked.say(at, [pool[place] for pool, place in zip(pools, places, strict=True)]) for places in sets)
    return np.fromiter(said, np.int8, len(which))
