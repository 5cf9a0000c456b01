"""Conditions asked of columns: each check once for each distinct value that it can see, then put together by numpy.

A check sees the actor of an event, the texts of its record, the numbers of its record, both, or the whole event. Rows
that are alike in what a check sees share one answer, and answers are kept from one look at the history to the next:
after an edit of a rule only the checks that are new are asked at all.

Truth is a byte: 0 false, 1 not known yet, 2 true, so that ``and`` is the minimum, ``or`` the maximum.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Event, decode
from tuimon.fields.facts import DIRFD_CALLS
from tuimon.fields.registry import FieldInfo
from tuimon.records import SLOTS, Flag, Kind
from tuimon.rules.checks import MISSING, Checks, Context, Test
from tuimon.rules.graph import FALSE, Graph
from tuimon.rules.nodes import Check, Condition
from tuimon.rules.prefilter import MAX_RESULT, Cutter, field_refs, key_registers
from tuimon.rules.prefilter_numpy import Actors, EventOf
from tuimon.syscalls import event_name
from tuimon.workbench.made_events import place_of

Rows = NDArray[np.intp]
Truths = NDArray[np.int8]

NO: Final = 0
PERHAPS: Final = 1
YES: Final = 2
_NOT_ASKED: Final = -1
_SIDES: Final = ("actor", "numbers", "texts", "record", "event")
"""What a check can see, the cheapest first."""
_MAX_KEYS: Final = 400_000
_MAX_TABLES: Final = 3_000
_MAX_AGE_S: Final = 60.0
"""Answers may hang on names of users, which change."""
_FLAGS: Final = int(Flag.TRUNCATED | Flag.COMPAT | Flag.USER_MEMORY | Flag.REAL_SAME | Flag.HAS_EXT | Flag.FAULT)
_TEXT_FIELDS: Final = frozenset(
    """
    fd.name fd.directory fd.filename fd.nameraw fd.realpath fd.type fd.typechar fs.path.name fs.path.nameraw
    fs.path.source fs.path.sourceraw fs.path.target fs.path.targetraw fd.sip fd.cip fd.rip fd.sport fd.cport fd.rport
    fd.ip fd.port fd.net fd.snet fd.cnet fd.l4proto
    """.split()  # noqa: SIM905  a list literal would take a line each
)
"""Fields that look at texts, flags, the kind of file and whether the call failed how, not at registers; but see
``_side``."""
_NUMBER_FIELDS: Final = frozenset(
    """
    evt.is_open_read evt.is_open_write evt.is_open_exec evt.is_open_create evt.rawres evt.res evt.failed fd.num
    """.split()  # noqa: SIM905  as above
)
_PLAIN_OPENS: Final = frozenset(("open", "openat", "openat2"))
_GIVEN: Final = ("fd.name", None, "given")
_REAL: Final = ("fd.name", None, "real")
"""Keys under which compiled checks share the two truths of ``fd.name``."""
_REGISTER_KINDS: Final = frozenset(("socket", *DIRFD_CALLS))
"""Calls whose fd fields are told by a register."""


@dataclass(slots=True)
class _Known:
    """What was worked out of one batch for one kind of event."""

    rows: Rows
    place: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    """Of each side but the actor the number of what each of ``rows`` shows of it."""


class Memory:
    """What looks at one history share: numbers of what records show, and the answers about them.

    Used by one thread at a time. Holds nothing of a batch that has left the history (see ``keep``).
    """

    def __init__(self) -> None:
        self.actors = Actors()
        self._generation = self.actors.generation
        self._batches: dict[int, tuple[Batch, dict[int, _Known]]] = {}
        self._keys: dict[tuple[int, str], dict[Any, int]] = {}
        self._tables: dict[tuple[int, Check], Truths] = {}
        self._began_s = time.monotonic()
        self._meaning: tuple[object, ...] = ()

    def begin(self, batches: Iterable[Batch], checks: Checks) -> None:
        """Prepare for a look: let go what has left the history, and answers that may not hold any more."""
        kept = {id(batch) for batch in batches}
        for key in [key for key in self._batches if key not in kept]:
            del self._batches[key]
        meaning = (checks.plain_falco, checks.addresses_revision)
        now_s = time.monotonic()
        if meaning != self._meaning or now_s - self._began_s > _MAX_AGE_S or len(self._tables) > _MAX_TABLES:
            self._tables.clear()
            self._meaning, self._began_s = meaning, now_s
        if sum(map(len, self._keys.values())) > _MAX_KEYS:
            self._keys.clear()
            self._tables.clear()
            self._batches.clear()

    def known(self, batch: Batch, code: int, rows: Rows) -> _Known:
        """Return what is known of the rows of one kind of event of a batch."""
        _, codes = self._batches.setdefault(id(batch), (batch, {}))
        found = codes.get(code)
        if found is None:
            found = codes[code] = _Known(rows)
        return found

    def number_actors(self, batch: Batch, rows: Rows, event_of: EventOf) -> NDArray[np.int64]:
        """Return the number of each row's actor."""
        numbers = self.actors.number(batch, rows, event_of)
        if self.actors.generation != self._generation:
            self._generation = self.actors.generation
            self._tables.clear()
        return numbers

    def keys(self, code: int, side: str) -> dict[Any, int]:
        """Return the numbers given to what records of a kind show of a side."""
        return self._keys.setdefault((code, side), {})

    def table(self, code: int, check: Check, size: int) -> Truths:
        """Return the answers to a check by number, with room for so many."""
        found = self._tables.get((code, check))
        if found is None or len(found) < size:
            grown = np.full(max(size, 256) * 2, _NOT_ASKED, np.int8)
            if found is not None:
                grown[: len(found)] = found
            found = self._tables[code, check] = grown
        return found


@dataclass(slots=True)
class _Asked:
    """A check as it is asked."""

    check: Check
    side: str
    test: Test
    blank: Context
    paths: tuple[int, ...] | None
    """Places in the context of ``fd.name`` as given and real, when it needs nothing else (0: not asked for)."""


class Columns:
    """The conditions for one kind of event.

    Args:
        conditions: Each condition, None where it cannot be true for this kind.
        code: Kind and call number.
        checks: Compiles the checks.
        memory: Where numbers and answers are kept.
        event_of: Makes the row object of an event.
    """

    def __init__(
        self, conditions: Sequence[Condition | None], code: int, checks: Checks, memory: Memory, event_of: EventOf
    ) -> None:
        kind, number = Kind(code >> 16), code & 0xFFFF
        self._name = event_name(kind, number)
        self._code = code
        self._checks = checks
        self._memory = memory
        self._event_of = event_of
        self._graph = Graph()
        self._cutter = Cutter(self._graph, checks, kind, self._name)
        self.roots = [FALSE if each is None else self._graph.add(each, self._name) for each in conditions]
        self._asked = {
            node: self._prepared(inner) for node, (kind_, inner) in enumerate(self._graph.keys) if kind_ == "check"
        }
        self._ranks: dict[int, int] = {}
        self._registers = key_registers(self._name)

    def ask(self, batch: Batch, rows: Rows) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """Return, (n, c), the truth of each condition, and whether the whole event had to be looked at for it."""
        look = _Look(self, batch, rows)
        truth = np.zeros((len(rows), len(self.roots)), np.int8)
        whole = np.zeros((len(rows), len(self.roots)), bool)
        everything = np.arange(len(rows))
        for at, root in enumerate(self.roots):
            if root != FALSE:
                look.whole[:] = False
                truth[:, at] = look.truth(root, everything)
                whole[:, at] = look.whole
        return truth, whole

    def rank(self, node: int) -> int:
        """Return how much of an event has to be looked at for a node, as a place in ``_SIDES``."""
        known = self._ranks.get(node)
        if known is None:
            if node in self._asked:
                known = _SIDES.index(self._asked[node].side)
            else:
                known = max((self.rank(child) for child in self._graph.children(node)), default=0)
            self._ranks[node] = known
        return known

    def _prepared(self, check: Check) -> _Asked:
        slots: dict[object, int] = {}
        test = self._checks.test(check, lambda key: slots.setdefault(key, len(slots) + 1))
        paths = None
        if self._name in _PLAIN_OPENS and slots and slots.keys() <= {_GIVEN, _REAL}:
            paths = slots.get(_GIVEN, 0), slots.get(_REAL, 0)
        return _Asked(check, self._side(check), test, [MISSING] * (len(slots) + 1), paths)

    def _side(self, check: Check) -> str:
        """Return what a check sees."""
        side = self._cutter.side(check)
        if side != "detail":
            return "actor" if side == "actor" else "event"
        seen = {self._part_of_record(*self._checks.field(ref)) for ref in field_refs(check)}
        return seen.pop() if len(seen) == 1 else "record"

    def _part_of_record(self, info: FieldInfo, arg: str | None) -> str:
        if info.name == "evt.arg" and arg is not None:
            place = place_of(self._name, arg)
            return {"slot": "texts", "register": "numbers"}[place[0]] if place is not None else "record"
        if info.name in _TEXT_FIELDS and self._name not in _REGISTER_KINDS:
            return "texts"
        return "numbers" if info.name in _NUMBER_FIELDS and self._name not in _REGISTER_KINDS else "record"


class _Look:
    """One batch being asked."""

    def __init__(self, columns: Columns, batch: Batch, rows: Rows) -> None:
        self._columns = columns
        self._batch = batch
        self._rows = rows
        self._known = columns._memory.known(batch, columns._code, rows)
        self._actors: NDArray[np.int64] | None = None
        self._bare: dict[int, Event] = {}
        self._full: dict[int, Event] = {}
        self.whole = np.zeros(len(rows), bool)

    def truth(self, node: int, at: Rows) -> Truths:
        """Return the truth of a node for some of the rows, given by their places."""
        kind, inner = self._columns._graph.keys[node]
        if kind == "const":
            return np.full(len(at), YES if inner else NO, np.int8)
        if kind == "not":
            return np.int8(YES) - self.truth(inner, at)
        if kind == "check":
            return self._check(self._columns._asked[node], at)
        return self._junction(inner, at, NO if kind == "and" else YES)

    def _junction(self, inner: Sequence[int], at: Rows, final: int) -> Truths:
        """Ask the parts one after the other, the cheapest first, each only of rows that are not decided."""
        out = np.full(len(at), YES - final, np.int8)
        open_ = np.arange(len(at))
        for child in sorted(inner, key=self._columns.rank):
            if not len(open_):
                break
            part = self.truth(child, at[open_])
            out[open_] = np.minimum(out[open_], part) if final == NO else np.maximum(out[open_], part)
            open_ = open_[part != final]
        return out

    def _check(self, asked: _Asked, at: Rows) -> Truths:
        if asked.side == "event":
            self.whole[at] = True
            return np.array([self._answer(asked, self._event(place)) for place in at.tolist()], np.int8)
        numbers = self._numbers(asked.side)[at]
        size = int(numbers.max(initial=-1)) + 1
        table = self._columns._memory.table(self._columns._code, asked.check, size)
        found = table[numbers]
        missing = np.flatnonzero(found == _NOT_ASKED)
        if len(missing):
            new, first = np.unique(numbers[missing], return_index=True)
            places = at[missing[first]]
            if asked.paths is not None:
                table[new] = self._answers_of_paths(asked, asked.paths, places)
            else:
                make = self._event if asked.side == "actor" else self._record
                table[new] = [self._answer(asked, make(place)) for place in places.tolist()]
            found = table[numbers]
            # What is not known yet may be known at the next look.
            table[new[table[new] == PERHAPS]] = _NOT_ASKED
        return np.asarray(found, np.int8)

    def _answer(self, asked: _Asked, event: Event) -> int:
        context = asked.blank.copy()
        context[0] = event
        result = asked.test(context)
        return YES if result else PERHAPS if result is None else NO

    def _answers_of_paths(self, asked: _Asked, slots: tuple[int, ...], places: Rows) -> list[int]:
        """Answer a check of ``fd.name`` for opens from plain paths: what the field would say, at a tenth of the cost.

        Plain: absolute and normal as given, and the kernel's object lies under that very path, or there is none.
        Anything else is left to the field itself.
        """
        batch, rows, given_at, real_at = self._batch, self._rows[places], *slots
        failed = batch.head["ret"][rows] < 0
        ext_at = batch.ext_at[rows]
        usable = (ext_at >= 0) & (failed | (batch.head["flags"][rows] & np.uint8(Flag.REAL_SAME) != 0))
        at = np.where(usable, ext_at, 0)
        starts = batch.text_at[at]
        ends = starts + batch.ext["slot_len"][at, 0] if len(batch.ext) else starts
        arena, blank, test = batch.arena, asked.blank, asked.test
        columns = (places.tolist(), usable.tolist(), failed.tolist(), starts.tolist(), ends.tolist())
        answers = []
        for place, is_usable, has_failed, start, end in zip(*columns, strict=True):
            raw = arena[start:end]
            if not is_usable or raw[:1] != b"/" or b"//" in raw or b"/." in raw or raw[-1:] == b"/":
                answers.append(self._answer(asked, self._record(place)))
                continue
            context = blank.copy()
            path = decode(raw)
            if given_at:
                context[given_at] = path
            if real_at:
                context[real_at] = None if has_failed else path
            result = test(context)
            answers.append(YES if result else PERHAPS if result is None else NO)
        return answers

    def _event(self, place: int) -> Event:
        event = self._full.get(place)
        if event is None:
            event = self._full[place] = self._columns._event_of(self._batch, int(self._rows[place]))
        return event

    def _record(self, place: int) -> Event:
        event = self._bare.get(place)
        if event is None:
            event = self._bare[place] = Event(self._batch, int(self._rows[place]), None, None, 0)
        return event

    # Numbers

    def _numbers(self, side: str) -> NDArray[Any]:
        if side == "actor":
            if self._actors is None:
                columns = self._columns
                self._actors = columns._memory.number_actors(self._batch, self._rows, columns._event_of)
            return self._actors
        found = self._known.place.get(side)
        if found is None:
            make = {"texts": self._texts, "numbers": self._registers, "record": self._both}[side]
            found = self._known.place[side] = np.array(make(), np.int32)
        return found

    def _texts(self) -> list[int]:
        """Number what records show of texts, with flags, kind of file and error."""
        batch, rows = self._batch, self._rows
        fixed, at, has_ext = self._fixed(rows, [("slot_len", "<u2", (SLOTS,))])
        known = self._columns._memory.keys(self._columns._code, "texts")
        fixed["ret"] = np.minimum(batch.head["ret"][rows], 0)
        if not len(batch.ext):
            return _numbered(known, _as_bytes(fixed))
        fixed["slot_len"] = np.where(has_ext[:, None], batch.ext["slot_len"][at], 0)
        starts = np.where(has_ext, batch.text_at[at], 0).tolist()
        ends = np.where(has_ext, batch.text_at[at + 1], 0).tolist()
        arena, number = batch.arena, known.setdefault
        return [
            number(head + arena[start:end], len(known))
            for head, start, end in zip(_as_bytes(fixed), starts, ends, strict=True)
        ]

    def _registers(self) -> list[int]:
        """Number what records show of registers and results, with flags, kind of file."""
        batch, rows, registers = self._batch, self._rows, self._columns._registers
        fixed, at, has_ext = self._fixed(rows, [("arg", "<u8", (len(registers),))])
        fixed["ret"] = np.minimum(batch.head["ret"][rows], MAX_RESULT + 1)
        low = [register for register in registers if register < 3]
        fixed["arg"][:, : len(low)] = batch.head["arg"][rows][:, low]
        if len(batch.ext):
            high = [register - 3 for register in registers if register >= 3]
            fixed["arg"][:, len(low) :] = np.where(has_ext[:, None], batch.ext["arg"][at][:, high], 0)
        return _numbered(self._columns._memory.keys(self._columns._code, "numbers"), _as_bytes(fixed))

    def _both(self) -> list[int]:
        """Number the pairs of the two."""
        pairs = self._numbers("texts").astype(np.int64) << 32 | self._numbers("numbers")
        return _numbered(self._columns._memory.keys(self._columns._code, "record"), pairs.tolist())

    def _fixed(self, rows: Rows, more: list[Any]) -> tuple[NDArray[np.void], Rows, NDArray[np.bool_]]:
        """Return an array for the fixed part of keys, with what all of them have; the ext rows; and which have one."""
        batch = self._batch
        ext_at = batch.ext_at[rows]
        has_ext = ext_at >= 0
        at = np.where(has_ext, ext_at, 0).astype(np.intp)
        fixed = np.zeros(len(rows), np.dtype([("ret", "<i8"), ("flags", "u1"), ("has", "?"), ("type", "<u2"), *more]))
        fixed["flags"] = batch.head["flags"][rows] & _FLAGS
        fixed["has"] = has_ext
        if len(batch.ext):
            fixed["type"] = np.where(has_ext, batch.ext["fd_type"][at], 0)
        return fixed, at, has_ext


def _numbered(known: dict[Any, int], keys: Iterable[Any]) -> list[int]:
    number = known.setdefault
    return [number(key, len(known)) for key in keys]


def _as_bytes(fixed: NDArray[np.void]) -> list[bytes]:
    """Return each row of an array as bytes of one length."""
    size = fixed.dtype.itemsize
    raw = fixed.tobytes()
    return [raw[at : at + size] for at in range(0, len(raw), size)]
