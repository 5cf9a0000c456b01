"""Arguments that are a number of the record or of its process: what their getters would say, for many rows at once.

Nearly each exec and fork has pids of its own, so that a getter, which decodes the record, would be asked once for each.
Where such a number is compared with others (``evt.rawarg``), rows need not even be grouped.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.fields.argsource import Bound, bound_of
from tuimon.fields.evtarg import UNSIGNED_BITS, is_plain_number, number_shown, number_text, unsigned
from tuimon.fields.registry import FieldType
from tuimon.records import Kind
from tuimon.rules.asked import GONE, YES, Asked, joined
from tuimon.rules.by_place import EQUAL
from tuimon.rules.grouping import Rows, some_of
from tuimon.rules.nodes import Check, FieldRef, constants_of
from tuimon.rules.numbering import Truths
from tuimon.rules.numbers import COMPARISONS, compared
from tuimon.rules.record_parts import OF_OPENED, PLAIN_OPENS, opened_numbers
from tuimon.rules.words import SETS_NAME, TEXTS, Words, described, is_pid, registers

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
    if not _is_told(bound.source, kind, look.name_of(code)):
        return None
    say, param = unsigned if name == "evt.rawarg" else number_shown, bound.param
    values, has = (column.tolist() for column in _numbers(look, words, bound.source, rows))
    return [say(param, value) if told else None for value, told in zip(values, has, strict=True)]


def is_number_arg(check: Check, field: str, arg: str, kind: int, name: str) -> bool:
    """Return whether a check of an argument, of events of a kind with ``name`` as their type, compares such numbers.

    ``field`` is evt.arg or evt.rawarg. Of what is shown of numbers that is so of those of opened files, of which each
    has its own, where it is to be equal.
    """
    texts = constants_of(check)
    if texts is None or check.modifier is not None or not isinstance(check.left, FieldRef):
        return False
    bound = bound_of(name, arg)
    if bound is None or bound.get is None or not _is_told(bound.source, kind, name):
        return False
    if field == _SHOWN:
        return check.op in EQUAL and bound.source in OF_OPENED
    is_number = is_plain_number(bound.param) or bound.param.type in _RAW
    return is_number and check.op in COMPARISONS and all(map(_NUMBER.match, texts))


def said_of_number_args(look: LookValues, asked: Asked, rows: Rows) -> Truths:
    """Return, (k,), what a check of which ``is_number_arg`` holds says of some rows."""
    out, codes, arg = np.full(len(rows), GONE, np.int8), look.codes(rows), asked.getters[0][3] or ""
    for code in np.flatnonzero(np.bincount(codes)).tolist():
        bound, mine = bound_of(look.name_of(code), arg), np.flatnonzero(codes == code)
        assert bound is not None
        found, has = _numbers(look, Words(look, code, rows[mine]), bound.source, rows[mine])
        bits = UNSIGNED_BITS.get(bound.param.type)
        found = found if bits is None else found & ((1 << bits) - 1)
        is_shown = asked.getters[0][1][0] == _SHOWN
        said = _are_shown(asked.check, bound, found) if is_shown else compared(asked.check, FieldType.INT64, found)
        out[mine[has]] = said[has] * np.int8(YES)
    assert asked.predicate is not None
    return joined([out], negative=asked.predicate[2])


def _are_shown(check: Check, bound: Bound, found: NDArray[Any]) -> NDArray[np.bool_]:
    """Return, (k,), what a check of what is shown of numbers says: a number is shown in one way alone."""
    style, wanted = bound.param.style, []
    for text in constants_of(check) or ():
        with contextlib.suppress(ValueError):
            number = int(text, _BASES.get(style, 10))
            wanted += [number] if 0 <= number < 1 << 64 and number_text(number, style) == text else []
    are = np.isin(found, np.array(wanted, np.uint64))
    return ~are if check.op == "!=" else are


_SHOWN: Final = "evt.arg"
_BASES: Final = {"x": 16, "o": 8}
_NUMBER: Final = re.compile(r"[+-]?[0-9]+\Z")
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


def _is_told(source: str, kind: int, name: str) -> bool:
    """Return whether ``_numbers`` knows a source of events of a kind, with ``name`` as their type."""
    if is_pid(source, kind) or source in _DESCRIBED:
        return True
    if source in OF_OPENED:
        return name in PLAIN_OPENS
    return kind == Kind.SYSCALL and (source == "prctl_int" or source.isdigit())


def _numbers(look: LookValues, words: Words, source: str, rows: Rows) -> Numbers:
    if source in _DESCRIBED:
        found = described(look.batch, rows, _DESCRIBED[source])
        return found, found >= 0
    if source in OF_OPENED:  # it lies in the texts of the record, of which there are a quarter as many
        texts = some_of(look.memory.groups(look.batch, TEXTS), rows)
        numbers, told = opened_numbers(look.batch, texts.first, source)
        return numbers[texts.of_row], told[texts.of_row]
    if source == "prctl_int":
        option, found = (registers(look.batch, rows, at) for at in (0, 1))
        return np.where(option == SETS_NAME, 0, found), np.ones(len(rows), bool)
    if not source.isdigit():
        return words.pids(source)
    found = registers(look.batch, rows, int(source))
    has = look.batch.ext_at[rows] >= 0 if int(source) > 2 else np.ones(len(rows), bool)
    return found.view(np.uint64), has
