"""Conditions asked of whole batches, exactly: what the row-wise evaluator would say, by look-ups.

Each check is asked once for each distinct thing that it can see (tuimon.rules.sides, .numbering), by the rules' own
compiled test, of values that are kept; rows are then put together by numpy. Filters, previews and everything else that
looks back at the history use it.

Truth is a byte: 0 false, 1 not known yet, 2 true, so that ``and`` is the minimum, ``or`` the maximum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.fields.argsource import BOUND, bound_of
from tuimon.fields.facts import has_raw_result
from tuimon.fields.registry import FieldType
from tuimon.records import Kind
from tuimon.rules.args_blind import but_for_digits
from tuimon.rules.args_text import ARGS
from tuimon.rules.asked import NO, PERHAPS, YES, Asked
from tuimon.rules.by_place import by_place
from tuimon.rules.checks import MISSING, Checks
from tuimon.rules.graph import FALSE, Graph
from tuimon.rules.grouping import Rows
from tuimon.rules.loader import compile_expression
from tuimon.rules.look import Look
from tuimon.rules.nodes import Check, Condition, FieldRef, Literal
from tuimon.rules.numbering import Memory
from tuimon.rules.pools import TEXT_POOL
from tuimon.rules.presence import ARGUMENTS, is_of_presence
from tuimon.rules.record_parts import PLAIN_OPENS
from tuimon.rules.sides import SIDES, SideFinder
from tuimon.rules.values import TEXTUAL
from tuimon.rules.versions import EventOf
from tuimon.rules.words import columns_of, lasts, likeness
from tuimon.syscalls import event_name

__all__ = ["NO", "PERHAPS", "YES", "Columns", "Types"]

Types = frozenset[str] | None

_IN_TEXTS: Final = TEXTUAL | {FieldType.DYN}
"""Types of which most values are texts: no number is equal to one."""
_FDS: Final = 1 << 20
_OPENING_BITS: Final = 20
_MOST_TOLD: Final = 200_000
"""Opens whose answers a condition keeps; a million events have 50,000 that differ."""

_NO_LIKENESS: Final = np.empty(0, np.int16)
_NO_KEYS: Final = np.empty(0, np.int64)
_MOST_ARGUMENTS: Final = 64
_OTHER_COLUMNS: Final = 1 << 24


class Columns:
    """Conditions to be asked of batches.

    Args:
        conditions: Resolved.
        event_of: Makes the row object of an event.
        types: The event types each condition can be true for, None: any.
        checks: Compiles the checks.
        memory: What was worked out in earlier questions about the same history.

    Raises:
        RuleError: A condition cannot be compiled.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        event_of: EventOf,
        types: Sequence[Types] | None = None,
        checks: Checks | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.checks = checks or Checks(forgiving=True)
        self.memory = memory or Memory()
        self.event_of = event_of
        self.graph = Graph()
        self.roots = [self.graph.add(each) for each in conditions]
        self.asked = {
            node: self._prepared(inner) for node, (kind, inner) in enumerate(self.graph.keys) if kind == "check"
        }
        self._types = tuple(types) if types is not None else (None,) * len(self.roots)
        self._takes_all = all(each is None for each in self._types)
        self._finder = SideFinder(self.checks)
        self._wanted: NDArray[np.bool_] = np.zeros((0, len(self.roots)), bool)
        self._ranks: dict[int, int] = {}
        self._with_result: NDArray[np.bool_] = np.empty(0, bool)
        self._opens: NDArray[np.bool_] = np.empty(0, bool)
        self._pool_keys: dict[Any, object] = {}
        self._parts: dict[str, Asked] = {}
        self._era = self.memory.era
        self.tails: dict[int, str] = {}
        """See ``tuimon.rules.args_text``."""
        self._word_columns: dict[tuple[int, str, str], tuple[str, ...]] = {}
        self._word_likeness: dict[tuple[str, str], NDArray[np.int16]] = {}
        self._likenesses: dict[object, int] = {}
        self._word_keys: dict[tuple[str, str], NDArray[np.int64]] = {}

    def begin(self) -> None:
        """Prepare for a question; call it with the memory's lock held."""
        self.memory.begin(self.checks.addresses_revision)
        if self._era != self.memory.era or sum(len(each.told) for each in self.asked.values()) > _MOST_TOLD:
            self._era = self.memory.era
            self.tails.clear()
            for each in self.asked.values():
                each.told.clear()

    def wanted(self, codes: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Return, (n, c), whether each condition can be true for rows of these kinds."""
        known = len(self._wanted)
        if known < len(self.memory.code_of):
            names = [self.memory.name_of(code) for code in range(known, len(self.memory.code_of))]
            more = [[types is None or name in types for types in self._types] for name in names]
            self._wanted = np.concatenate([self._wanted, np.array(more, bool).reshape(len(names), len(self.roots))])
        return self._wanted[codes]

    def ask(self, batch: Batch) -> tuple[Rows, NDArray[np.int8], NDArray[np.bool_]]:
        """Return what the conditions say about a batch; call it with the memory's lock held.

        Args:
            batch: Numbered, and with its processes.

        Returns:
            The rows that can matter, (k,); the truth of each condition for them, (k, c); and whether the whole event
            had to be looked at for it, (k, c).
        """
        codes = self.memory.known(batch).codes
        wanted = None if self._takes_all else self.wanted(codes)
        some = np.arange(len(codes)) if wanted is None else np.flatnonzero(wanted.any(axis=1))
        # Written column by column: those lie together.
        truth = np.zeros((len(self.roots), len(some)), np.int8).T
        whole = np.zeros((len(self.roots), len(some)), bool).T
        look = Look(self, batch, codes)
        for at, root in enumerate(self.roots):
            mine = slice(None) if wanted is None or len(self.roots) == 1 else np.flatnonzero(wanted[some, at])
            if root != FALSE and len(some[mine]):
                look.whole[:] = False
                truth[mine, at] = look.truth(root, some[mine])
                if look.whole.any():
                    whole[:, at] = look.whole[some]
        look.close()
        return some, truth, whole

    def know_members(self, batch: Batch, members: Iterable[str]) -> None:
        """Look up members of the processes of a batch, and what execs and forks show; with the memory's lock held."""
        look, first = Look(self, batch, self.memory.known(batch).codes), self.memory.groups(batch, "process").first
        for member in members:
            look.members.places(member, first)
        but_for_digits(look)
        look.close()

    def open_numbers(self, batch: Batch, rows: Rows) -> NDArray[np.int64]:
        """Return, (k,), a number for each plain open of some rows, the same where nothing differs but who did it when.

        -1 for any other event. Call it with the memory's lock held.
        """
        texts, opening = (self.memory.groups(batch, side) for side in ("texts", "opening"))
        plain, ret = self.is_numbered_open(batch, rows), batch.head["ret"][rows]
        both = texts.numbers[texts.of_row[rows]] << _OPENING_BITS | opening.numbers[opening.of_row[rows]]
        return np.where(plain, both * (2 * _FDS) + ret + _FDS, -1)

    def is_numbered_open(self, batch: Batch, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), of which of some rows there is such a number."""
        is_open = self.is_open(self.memory.known(batch).codes[rows])
        return np.asarray(is_open & (np.abs(batch.head["ret"][rows]) < _FDS))

    def pool_key(self, key: Any) -> object:
        """Return what names the pool of a field: texts have one together, for many fields show the same."""
        found = self._pool_keys.get(key)
        if found is None:
            info, _ = self.checks.field(FieldRef(key[0]))
            found = self._pool_keys[key] = TEXT_POOL if info.type in _IN_TEXTS else info.type
        return found

    def has_result(self, codes: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Return, (n,), whether events of these kinds have an evt.rawres."""
        for code in range(len(self._with_result), len(self.memory.code_of)):
            kind, number = divmod(self.memory.code_of[code], 1 << 16)
            self._with_result = np.append(self._with_result, has_raw_result(kind, event_name(kind, number)))
        return self._with_result[codes]

    def is_open(self, codes: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Return, (n,), whether events of these kinds are opens by a path."""
        for code in range(len(self._opens), len(self.memory.code_of)):
            self._opens = np.append(self._opens, self.memory.name_of(code) in PLAIN_OPENS)
        return self._opens[codes]

    def is_named(self, codes: NDArray[np.uint16], name: str) -> NDArray[np.bool_]:
        """Return, (n,), whether events of these kinds have a type."""
        return np.isin(codes, [code for code in range(len(self.memory.code_of)) if self.memory.name_of(code) == name])

    def word_columns(self, code: int, field: str, arg: str) -> tuple[str, ...]:
        """Return the columns that an argument of events of a kind hangs on."""
        key = code, field, arg
        found = self._word_columns.get(key)
        if found is None:
            name = self.memory.name_of(code)
            bound = bound_of(name, arg)
            kind = self.memory.code_of[code] >> 16
            found = () if bound is None else columns_of(bound, kind, name, is_raw=field == "evt.rawarg")
            self._word_columns[key] = found
        return found

    def word_likeness(self, field: str, arg: str) -> NDArray[np.int16]:
        """Return, by number of the kind of event, a number alike for those whose argument is looked up together."""
        found = self._word_likeness.get((field, arg), _NO_LIKENESS)
        if len(found) < len(self.memory.code_of):
            given = self._likenesses
            keys = (
                likeness(self.word_columns(code, field, arg), kind_and_number >> 16, self.memory.name_of(code))
                for code, kind_and_number in enumerate(self.memory.code_of)
            )
            found = np.array([given.setdefault(key, len(given)) for key in keys], np.int16)
            self._word_likeness[field, arg] = found
        return found

    def word_place(self, code: int, field: str, arg: str) -> int:
        """Return the place of an argument among those of events of a kind; of what is no argument 0."""
        bound = bound_of(self.memory.name_of(code), arg) if field in ARGUMENTS else None
        return 0 if bound is None else BOUND[self.memory.name_of(code)].index(bound)

    def word_keys(self, field: str, arg: str) -> NDArray[np.int64]:
        """Return, by number of the kind of event, a number for it and the place of an argument.

        It is another one where an argument hangs on other columns than its text: those mean something else.
        """
        found = self._word_keys.get((field, arg), _NO_KEYS)
        if len(found) < len(self.memory.code_of):
            keys = [
                code * _MOST_ARGUMENTS
                + self.word_place(code, field, arg)
                + _OTHER_COLUMNS * self._is_other(code, field, arg)
                for code in range(len(self.memory.code_of))
            ]
            found = self._word_keys[field, arg] = np.array(keys, np.int64)
        return found

    def _is_other(self, code: int, field: str, arg: str) -> bool:
        return self.word_columns(code, field, arg) != self.word_columns(code, "evt.arg", arg)

    def hangs_on_who(self, kinds: NDArray[np.intp], field: str, arg: str) -> bool:
        """Return whether an argument of events of some kinds hangs on more than their records, which do not change."""
        return not all(lasts(self.word_columns(code, field, arg)) for code in kinds.tolist())

    def is_coarser(self, code: int, field: str, arg: str) -> bool:
        """Return whether an argument of events of a kind hangs on nothing that its text does not hang on."""
        return set(self.word_columns(code, field, arg)) <= set(self.word_columns(code, "evt.arg", arg))

    def rank(self, node: int) -> int:
        """Return about how much of an event has to be looked at for a node, as a place in SIDES: of an open's."""
        known = self._ranks.get(node)
        if known is None:
            asked = self.asked.get(node)
            if asked is not None:
                known = SIDES.index(self._finder.side(asked.check, Kind.SYSCALL, "openat"))
            else:
                known = max((self.rank(child) for child in self.graph.children(node)), default=0)
            self._ranks[node] = known
        return known

    def sides(self, asked: Asked) -> NDArray[np.int8]:
        """Return, by number of the kind of event, what a check sees of it, as a place in SIDES."""
        for code in range(len(asked.sides), len(self.memory.code_of)):
            kind = self.memory.code_of[code] >> 16
            side = SIDES.index(self._finder.side(asked.check, kind, self.memory.name_of(code)))
            asked.sides = np.append(asked.sides, np.int8(side))
        return asked.sides

    def part(self, name: str) -> Asked:
        """Return a field, as it is written, as it is asked for its value."""
        found = self._parts.get(name)
        if found is None:
            check = compile_expression(f"{name} exists")
            assert isinstance(check, Check)
            assert isinstance(check.left, FieldRef)
            info, _ = self.checks.field(check.left)
            if is_of_presence(check, info) or info.name in ARGS:  # whether there is a value hangs on less than it
                check = Check(check.left, "=", Literal(""))
            found = self._parts[name] = self._prepared(check)
        return found

    def _prepared(self, check: Check) -> Asked:
        slots: dict[Any, int] = {}
        test = self.checks.test(check, lambda key: slots.setdefault(key, len(slots) + 1))
        getters = [(at, key, *self.checks.getter_of(key)) for key, at in slots.items()]
        predicate = self.checks.predicate_of(check)
        question = self.memory.question((check, self.checks.plain_falco))
        value_question = self.memory.question(check)
        blank = [MISSING] * (len(slots) + 1)
        asked = Asked(check, test, blank, getters, np.empty(0, np.int8), question, value_question, predicate)
        if predicate is not None and isinstance(check.left, FieldRef):
            info, arg = self.checks.field(check.left)
            asked.by_place, asked.is_of_presence = by_place(check, info, arg), is_of_presence(check, info)
        return asked
