"""Numbers for what the rows of batches show: rows that are alike in what a check can see get the same number.

A check sees the kind of event, the process, the container, the user, the texts of the record, its numbers, or both. For
each of these *sides* the rows of a batch are put into groups once; a group has a number of its own, the same in every
batch. What a check says of a number, and the value that a field has for it, are kept, so that a million events cost a
look-up each, and an expression only what its new checks cost for each distinct thing they can see.

Batches do not change after they are made, and so do not their groups: they are kept with the batch. Processes and
containers do change while more becomes known of them: their numbers are looked up anew for every question.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Container as Owner
from tuimon.records import FILE, HEAD, SLOTS, Flag, Kind, Slot
from tuimon.rules.grouping import Groups, KeptGroups, Rows, grouped, grouped_runs, pairs, small
from tuimon.rules.kept_values import KeptValues
from tuimon.rules.pools import UNSEEN, Places, Pool
from tuimon.rules.prefilter import MAX_RESULT, key_registers
from tuimon.rules.versions import EventOf, ProcessOf, Versions, grown
from tuimon.syscalls import event_name

Truths = NDArray[np.int8]

NOT_ASKED: Final = -1
_MAX_NUMBERS: Final = 600_000
"""Beyond it all are given anew, as often as answers are at most: those of batches that have gone are never let go."""
_MAX_TABLE_BYTES: Final = 24 * 1024 * 1024
_MAX_VALUE_BYTES: Final = 32 * 1024 * 1024
_LONG_KEY: Final = 48
"""Most texts of a record with what goes with them are longer; a million events have 65,000 of them."""
_MAX_AGE_S: Final = 60.0
"""Answers may hang on names of users, which change."""
_NUMBERED: Final = frozenset(
    ("type", "container", "result", "opening", "process", "user", "actor", "texts", "numbers", "record")
)
"""Sides whose numbers hang on no place in a pool, so that answers about them hold when values move."""
_OF_RECORDS: Final = ("texts", "record")
"""Sides of which each event may have a number of its own: those of events that are gone are let go of."""
_OF_USERS: Final = frozenset(("user", "actor", "named"))
_FLAGS: Final = int(Flag.TRUNCATED | Flag.COMPAT | Flag.USER_MEMORY | Flag.REAL_SAME | Flag.HAS_EXT | Flag.FAULT)
CODES: Final = 1 << 24
"""Kind and call number of a record as one number: ``nr | kind << 16``, as they lie side by side in HEAD."""
_CODE_AT: Final = HEAD.fields["nr"][1] if HEAD.fields is not None else 0
_FILE_FLAGS_AT: Final = FILE.fields["flags"][1] if FILE.fields is not None else 0
_TMPFILE: Final = os.O_TMPFILE & ~os.O_DIRECTORY
_CREAT: Final = -2
_FLAGS_AT: Final = {"open": 1, "openat": 2, "openat2": 2, "open_by_handle_at": 2, "creat": _CREAT}
"""Register of the flags; the mode is in the next, of creat in register 1."""
_OPEN_REGISTERS: Final = {"open": (1,), "openat": (0, 2)}
"""All that the fields of these calls look at, beside the mode."""
_MAX_ERROR: Final = 8191
_NO_USER: Final = np.uint64(0xFFFFFFFF_FFFFFFFE)
"""(u32)-1 is "no user" (chown(2)), so that nobody has it together with this group: stands for a slim record."""


def codes_of(batch: Batch) -> NDArray[np.uint32]:
    """Return kind and call number of each row as one number, (n,): ``nr | kind << 16``."""
    head = batch.head
    if not len(head):
        return np.empty(0, np.uint32)
    # One walk over the column: the two lie side by side, and it is cache misses that this costs.
    both: NDArray[np.uint32] = np.ndarray(len(head), "<u4", head.data, _CODE_AT, head.strides)
    return both & np.uint32(CODES - 1)


class KeptWords(NamedTuple):
    """Rows of some kinds of event grouped by an argument (tuimon.rules.word_groups), in few bytes."""

    kinds: NDArray[np.intp]
    """Of which kinds, ascending, and..."""
    era: tuple[int, int]
    """...while ``Memory.era`` is this, and..."""
    who: bytes
    """...the processes and containers of the batch are as they were; empty when nothing hangs on them."""
    kept: KeptGroups
    """(k,) of the rows of these kinds, ascending."""

    def is_of(self, kinds: NDArray[np.intp]) -> bool:
        """Whether they are of all of some kinds."""
        return bool(np.isin(kinds, self.kinds).all())

    @property
    def groups(self) -> Groups:
        """The groups themselves."""
        return self.kept.groups


@dataclass(slots=True)
class Known:
    """What has been worked out about one batch."""

    owner: Memory
    generation: int
    codes: NDArray[np.uint16]
    """(n,) number of each row's kind of event."""
    counts: NDArray[np.intp] | None = None
    """How many rows there are of each kind."""
    groups: dict[tuple[str, bytes | None], Groups | KeptGroups] = field(default_factory=dict)
    """By side and the kinds of event that it is about, None for all; of sides with many groups in few bytes."""
    words: dict[tuple[str, str], dict[str, KeptWords]] = field(default_factory=dict)
    """By side, groups by an argument, given by its field and its name or place: those that were prepared, and..."""
    last_word: tuple[str, str] | None = None
    """...of the argument asked last: while a filter is typed it is asked again."""
    prepared: int = -1
    """What is asked most often has been asked, while ``Memory.lost`` was this."""


def is_prepared(batch: Batch) -> bool:
    """Whether what is asked most often of a batch has been asked, and is still known; any thread."""
    return isinstance(batch.notes, Known) and batch.notes.prepared == batch.notes.owner.lost


class Memory:
    """What all questions about one history share. Any thread, one at a time: hold ``lock``.

    Args:
        process_of: Finds process versions by their place in the process table; None: only events tell them, which
            costs a few times more.
    """

    def __init__(self, process_of: ProcessOf | None = None) -> None:
        self.lock = threading.RLock()
        self.process_of = process_of
        self.versions = Versions()
        self._generation = self._forgotten = 0
        self._codes = np.zeros(CODES, np.uint16)  # mapped where it is touched: a few pages
        self.code_of: list[int] = []
        """Kind and call number by number."""
        self._masks: list[NDArray[np.uint64]] = []
        self._flags_at: list[int] = []
        self._numbers: dict[str, dict[Any, int]] = {}
        self._tables: dict[tuple[str, object], Truths] = {}
        self._values = KeptValues()
        self._settled_bytes = 0
        """What the values took when some were let go of last."""
        self._pids: dict[object, NDArray[np.int64]] = {}
        self._questions: dict[object, int] = {}
        self._asked = itertools.count()
        self._owners: dict[int, tuple[int, Owner | None]] = {}
        self._began_s = self._cleared_s = self._forgot_s = time.monotonic()
        self._revision = 0

    def begin(self, revision: int = 0) -> None:
        """Prepare for a question: let go of answers that may not hold any more.

        Args:
            revision: Of what host names are known to mean (``Checks.addresses_revision``), 0 when it does not matter.
        """
        now_s = time.monotonic()
        if revision and revision != self._revision:
            self._forget_answers()
            self._revision = revision
        if now_s - self._began_s > _MAX_AGE_S:
            self._began_s = now_s
            self._forget_answers(_OF_USERS)
        if sum(table.nbytes for table in self._tables.values()) > _MAX_TABLE_BYTES:
            self._tables.clear()
            self._questions.clear()
        most = max(_MAX_VALUE_BYTES * 5 // 4, self._settled_bytes + _MAX_VALUE_BYTES // 2)
        if self.value_bytes > most and now_s - self._forgot_s > _MAX_AGE_S:
            self._forgot_s = now_s
            self._forget_answers()
        count = sum(map(len, self._numbers.values())) + len(self.versions)
        if count > _MAX_NUMBERS and now_s - self._cleared_s > _MAX_AGE_S:
            self._cleared_s = now_s
            self._forget_answers()
            self._owners.clear()
            self._numbers.clear()
            self.versions.clear()
            self._generation += 1

    @property
    def generation(self) -> int:
        """Changes when numbers are given anew: those from before mean something else, or nothing."""
        return self._generation

    @property
    def era(self) -> tuple[int, int]:
        """Changes when numbers are given anew, or places in pools."""
        return self._generation, self._forgotten

    @property
    def value_bytes(self) -> int:
        """About how much memory the values of fields take."""
        return self._values.nbytes + sum(table.nbytes for table in self._pids.values())

    @property
    def lost(self) -> int:
        """Grows whenever all values are let go of: what was prepared is to be prepared again."""
        return self._values.lost

    @contextlib.contextmanager
    def preparing(self) -> Iterator[None]:
        """What is asked meanwhile is kept for as long as the history shows it."""
        self._values.is_preparing = True
        try:
            yield
        finally:
            self._values.is_preparing = False

    def keep_words(self, batch: Batch, argument: tuple[str, str], side: str, words: KeptWords) -> None:
        """Keep the groups by an argument: of those that are prepared all, of the others the last."""
        known = self.known(batch)
        is_new = argument not in known.words
        if is_new and not self._values.is_preparing:
            if known.last_word is not None:
                known.words.pop(known.last_word, None)
            known.last_word = argument
        known.words.setdefault(argument, {})[side] = words

    def tidy(self, batches: Iterable[Batch]) -> None:
        """When values are many, let go of those asked least recently, and of those that no batch shows any more.

        Args:
            batches: All there are.
        """
        if self.value_bytes <= max(_MAX_VALUE_BYTES, self._settled_bytes * 5 // 4):
            return
        self._forgotten += 1
        self._tables = {key: kept for key, kept in self._tables.items() if key[0] in _NUMBERED}
        self._values.shrink(_MAX_VALUE_BYTES // 4, {side: self._in_use(side, batches) for side in _OF_RECORDS})
        self._settled_bytes = self.value_bytes

    def _in_use(self, side: str, batches: Iterable[Batch]) -> NDArray[np.bool_]:
        """Return, by number of a side, whether some batches have it."""
        used = np.zeros(len(self._numbers.get(side, ())), bool)
        for batch in batches:
            for (of, _), groups in self.known(batch).groups.items():
                if of == side:
                    used[groups.numbers] = True
        return used

    def _forget_answers(self, sides: Collection[str] | None = None) -> None:
        if sides is None:
            self._forgotten += 1
            self._tables, self._pids, self._questions, self._settled_bytes = {}, {}, {}, 0
            self._values.clear()
            return
        self._tables = {key: kept for key, kept in self._tables.items() if key[0] not in sides}
        self._values.forget(sides)

    def known(self, batch: Batch) -> Known:
        """Return what is known of a batch."""
        known = batch.notes
        if not isinstance(known, Known) or known.owner is not self or known.generation != self._generation:
            known = batch.notes = Known(self, self._generation, self._code_numbers(batch))
        return known

    def counts(self, batch: Batch) -> NDArray[np.intp]:
        """Return how many rows of each kind of event a batch has."""
        known = self.known(batch)
        if known.counts is None:
            known.counts = np.bincount(known.codes)
        return known.counts

    def present(self, batch: Batch) -> NDArray[np.intp]:
        """Return the kinds of event in a batch, ascending."""
        return np.flatnonzero(self.counts(batch))

    def count(self, batch: Batch, kinds: NDArray[np.intp]) -> int:
        """Return how many rows of some kinds, which occur in it, a batch has."""
        return int(self.counts(batch)[kinds].sum())

    def name_of(self, code: int) -> str:
        """Return the event type of a number."""
        return event_name(self.code_of[code] >> 16, self.code_of[code] & 0xFFFF)

    def _code_numbers(self, batch: Batch) -> NDArray[np.uint16]:
        codes = codes_of(batch)
        found = self._codes[codes]
        if not found.all():
            for code in np.unique(codes[found == 0]).tolist():
                self.code_of.append(code)
                name = event_name(code >> 16, code & 0xFFFF)
                self._masks.append(_register_mask(name))
                self._flags_at.append(_FLAGS_AT.get(name, -1) if code >> 16 == Kind.SYSCALL else -1)
                self._codes[code] = len(self.code_of)
            found = self._codes[codes]
        return found - np.uint16(1)

    # Groups

    def groups(self, batch: Batch, side: str, codes: NDArray[np.integer[Any]] | None = None) -> Groups:
        """Return the rows of a batch grouped by what they show of a side.

        Args:
            batch: Numbered, and with its processes.
            side: One of sides.SIDES, but for ``number`` and ``event``.
            codes: Rows of these kinds are enough; of the others nothing is said.
        """
        known = self.known(batch)
        key = (side, None if codes is None else codes.tobytes())
        found = known.groups.get(key)
        if found is None:
            found = self._grouped(batch, known, side, codes)
            known.groups[key] = KeptGroups.of(found) if side in _OF_RECORDS else found
        return found.groups if isinstance(found, KeptGroups) else found

    def has_groups(self, batch: Batch, side: str, codes: NDArray[np.integer[Any]] | None = None) -> bool:
        """Whether the rows of a batch are grouped by a side already."""
        return (side, None if codes is None else codes.tobytes()) in self.known(batch).groups

    def _grouped(self, batch: Batch, known: Known, side: str, codes: NDArray[np.integer[Any]] | None) -> Groups:
        if side == "type":
            return grouped(known.codes.astype(np.int64))
        if side == "container":
            return grouped_runs(batch.head["cgroup_id"])
        if side == "process":
            return grouped(process_of(batch))
        if side == "user":
            return self._by_user(batch)
        if side == "actor":
            return pairs(self.groups(batch, "process"), self.groups(batch, "user"))
        if side == "result":
            return self._by_result(batch, known)
        if side == "opening":
            return self._by_opening(batch, known)
        rows = np.arange(len(batch)) if codes is None else np.flatnonzero(np.isin(known.codes, codes))
        make = {"texts": self._by_texts, "numbers": self._by_numbers, "record": self._by_record}[side]
        groups = make(batch, known, rows)
        if codes is None:
            return groups
        of_row = np.zeros(len(batch), groups.of_row.dtype)
        of_row[rows] = groups.of_row
        return Groups(of_row, rows[groups.first], groups.numbers)

    def _by_user(self, batch: Batch) -> Groups:
        """A record with an ext says its user itself; of a slim one the process tells it."""
        users = users_of(batch)
        process = np.where(users == _NO_USER, process_of(batch) + 1, 0)
        both = pairs(grouped_runs(users), grouped(process))
        keys = zip(users[both.first].tolist(), process[both.first].tolist(), strict=True)
        given = self._numbers.setdefault("user", {})
        # The last bit says that it is the process that tells the user.
        numbers = np.array([given.setdefault(key, len(given)) * 2 + (key[1] > 0) for key in keys], np.int64)
        whole = pairs(both, self.groups(batch, "container"))
        return Groups(whole.of_row, whole.first, numbers[both.of_row[whole.first]])

    def _by_result(self, batch: Batch, known: Known) -> Groups:
        error = np.clip(-batch.head["ret"], 0, _MAX_ERROR)
        groups = grouped(known.codes.astype(np.int64) * (_MAX_ERROR + 1) + error)
        return groups._replace(numbers=self.numbered("result", groups.numbers))

    def _by_opening(self, batch: Batch, known: Known) -> Groups:
        flags, mode = _opening(batch, known, np.arange(len(batch)), np.array(self._flags_at, np.int8))
        key = known.codes.astype(np.int64) << 48 | flags.astype(np.int64) << 16 | mode.astype(np.int64)
        found = _file_flags(batch) * 2 + (batch.head["ret"] < 0)
        both = pairs(grouped_runs(key), grouped(found))
        return both._replace(numbers=self.numbered("opening", key[both.first], found[both.first]))

    def _by_texts(self, batch: Batch, known: Known, rows: Rows) -> Groups:
        fixed, at, has_ext = _fixed(batch, known, rows, [("slot_len", "<u2", (SLOTS,))])
        fixed["ret"] = np.minimum(batch.head["ret"][rows], 0)
        if not len(batch.ext):
            return self._by_bytes("texts", fixed, ())
        fixed["slot_len"] = np.where(has_ext[:, None], batch.ext["slot_len"][at], 0)
        starts = np.where(has_ext, batch.text_at[at], 0).tolist()
        ends = np.where(has_ext, batch.text_at[at + 1], 0).tolist()
        return self._by_bytes("texts", fixed, map(batch.arena.__getitem__, map(slice, starts, ends)))

    def _by_numbers(self, batch: Batch, known: Known, rows: Rows) -> Groups:
        fixed, at, has_ext = _fixed(batch, known, rows, [("arg", "<u8", (6,)), ("mode", "<u2")])
        masks = np.array(self._masks, np.uint64).reshape(-1, 6)[known.codes[rows]]
        fixed["ret"] = np.minimum(batch.head["ret"][rows], MAX_RESULT + 1)
        fixed["arg"][:, :3] = batch.head["arg"][rows] & masks[:, :3]
        if len(batch.ext):
            fixed["arg"][:, 3:] = np.where(has_ext[:, None], batch.ext["arg"][at] & masks[:, 3:], np.uint64(0))
        _, fixed["mode"] = _opening(batch, known, rows, np.array(self._flags_at, np.int8))
        return self._by_bytes("numbers", fixed, ())

    def _by_record(self, batch: Batch, known: Known, rows: Rows) -> Groups:
        numbers = self._by_numbers(batch, known, rows)
        texts = self.groups(batch, "texts")
        both = pairs(grouped(texts.of_row[rows].astype(np.int64)), numbers)
        of_text = texts.numbers[texts.of_row[rows[both.first]]]
        found = self.numbered("record", of_text, numbers.numbers[numbers.of_row[both.first]])
        return Groups(both.of_row, both.first, found)

    def _by_bytes(self, side: str, fixed: NDArray[np.void], more: Iterable[bytes]) -> Groups:
        """Group rows by bytes: those of an array, and more behind them. The loops run in C: there are many rows."""
        keys: list[bytes] = fixed.view(f"V{fixed.dtype.itemsize}").tolist()
        keys = list(map(bytes.__add__, keys, more)) or keys
        distinct = list(dict.fromkeys(keys))
        place = dict(zip(distinct, range(len(distinct)), strict=True))
        of_row = np.fromiter(map(place.__getitem__, keys), small(len(distinct)), len(keys))
        given = self._numbers.setdefault(side, {})
        numbers = np.array([given.setdefault(key, len(given)) for key in map(_short, distinct)], np.int64)
        first = np.empty(len(distinct), np.intp)
        first[of_row[::-1]] = np.arange(len(keys) - 1, -1, -1)
        return Groups(of_row, first, numbers)

    # Numbers of what changes

    def container_numbers(self, batch: Batch, groups: Groups, event_of: EventOf) -> NDArray[np.int64]:
        """Return, (g,), the number of each group's container as it is now."""
        return np.array([self._owner(event_of(batch, row).container) for row in groups.first.tolist()], np.int64)

    def _owner(self, container: Owner | None) -> int:
        known = self._owners.get(id(container))
        if known is None:
            known = self._owners[id(container)] = (len(self._owners), container)
        return known[0]

    def process_numbers(self, batch: Batch, groups: Groups, event_of: EventOf) -> NDArray[np.int64]:
        """Return, (g,), the number of each group's process version as it is now."""
        return self.versions.number(groups.numbers, groups.first, batch, event_of, self.process_of)

    def numbered(self, side: str, *columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, (g,), a number for each tuple of some columns, the same in every batch."""
        given = self._numbers.setdefault(side, {})
        return np.array([given.setdefault(key, len(given)) for key in _keys_of(columns)], np.int64)

    def bytes_numbered(self, side: str, keys: Iterable[bytes], count: int) -> NDArray[np.int64]:
        """Return, (count,), a number for each of some bytes, the same in every batch."""
        given = self._numbers.setdefault(side, {})
        keys = list(keys)
        known = {key: given.setdefault(_short(key), len(given)) for key in dict.fromkeys(keys)}
        return np.fromiter(map(known.__getitem__, keys), np.int64, count)

    # Answers and values

    def question(self, asked: object) -> int:
        """Return a number for a question, for a check is slow to look up; no number is given twice."""
        return self._questions.setdefault(asked, next(self._asked))

    def table(self, side: str, question: object, size: int) -> Truths:
        """Return the answers to a question by number, with room for so many."""
        found = self._tables.get((side, question), _NO_TRUTHS)
        if len(found) < size:
            found = self._tables[side, question] = grown(found, _roomy(size), NOT_ASKED)
        return found

    def pool(self, key: object) -> Pool:
        """Return the distinct values that fields have in common."""
        return self._values.pool(key)

    def pids(self, key: object, size: int) -> NDArray[np.int64]:
        """Return a pid by number of the process version, with room for so many; UNSEEN at first."""
        found = self._pids.get(key, _NO_PIDS)
        if len(found) < size:
            found = self._pids[key] = grown(found, _roomy(size), UNSEEN)
        return found

    def places(self, side: str, key: object, size: int, of: object) -> Places:
        """See ``KeptValues.places``."""
        return self._values.places(side, key, size, of)


_NO_TRUTHS: Final = np.empty(0, np.int8)
_NO_PLACES: Final = np.empty(0, np.int32)
_NO_PIDS: Final = np.empty(0, np.int64)


def _roomy(size: int) -> int:
    return max(size, 256) * 5 // 4


def _keys_of(columns: Sequence[NDArray[np.int64]]) -> Iterable[Any]:
    """Return, (g,), the tuple at each place of some columns; of two columns of small numbers as one number.

    Those take a third of the memory. A pair seen now among small ones and now among others would get two numbers; that
    costs a question more, and no answer.
    """
    if len(columns) == 2 and all(_is_small(column) for column in columns):
        one, other = columns
        packed: list[int] = ((one << 32) + other).tolist()
        return packed
    return zip(*(column.tolist() for column in columns), strict=True)


def _is_small(column: NDArray[np.int64]) -> bool:
    return bool(column.min(initial=0) > -(1 << 31) and column.max(initial=0) < 1 << 31)


def process_of(batch: Batch) -> NDArray[np.int64]:
    """Return, (n,), the index of each row's process version, -1 where it is not known."""
    if not len(batch.process_at):
        return np.full(len(batch), -1, np.int64)
    return batch.process_at.astype(np.int64)


def users_of(batch: Batch) -> NDArray[np.uint64]:
    """Return the user and group that each row's record carries as one number; for a slim record one of its own."""
    if not len(batch.ext):
        return np.full(len(batch), _NO_USER)
    both = batch.ext["uid"].astype(np.uint64) << np.uint64(32) | batch.ext["gid"].astype(np.uint64)
    return np.where(batch.ext_at >= 0, both[np.maximum(batch.ext_at, 0)], _NO_USER)


def _register_mask(name: str) -> NDArray[np.uint64]:
    """Return, (6,), all ones for the registers that tell two records of a call apart, else zero."""
    mask = np.zeros(6, np.uint64)
    mask[list(_OPEN_REGISTERS.get(name) or key_registers(name))] = np.uint64(0xFFFFFFFF_FFFFFFFF)
    return mask


def _opening(
    batch: Batch, known: Known, rows: Rows, flags_at: NDArray[np.int8]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return, (n,), the low half of the flags of opens, and the mode of those that may make a file; else 0.

    Without one of the two flags the register of the mode holds whatever was there before (open(2)).
    """
    places = flags_at[known.codes[rows]]
    flags, mode = np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.uint64)
    for at in np.unique(places[places >= 0]).tolist():
        mine = np.flatnonzero(places == at)
        flags[mine] = _register(batch, rows[mine], at) & np.uint64(0xFFFFFFFF)
        mode[mine] = _register(batch, rows[mine], at + 1) & np.uint64(0xFFFF)
    mode[flags & np.uint64(os.O_CREAT | _TMPFILE) == 0] = 0
    creates = np.flatnonzero(places == _CREAT)
    mode[creates] = _register(batch, rows[creates], 1) & np.uint64(0xFFFF)
    return flags, mode


def _file_flags(batch: Batch) -> NDArray[np.int64]:
    """Return, (n,), what the kernel says of the opened file (records.FileFlag), -1 where it says nothing."""
    out = np.full(len(batch.ext) + 1, -1, np.int64)
    if len(batch.ext):
        lengths = batch.ext["slot_len"]
        known = np.flatnonzero(lengths[:, Slot.BASE2] == FILE.itemsize)
        at = batch.text_at[known] + lengths[known, : Slot.BASE2].sum(axis=1, dtype=np.int64) + _FILE_FLAGS_AT
        arena = np.frombuffer(batch.arena, np.uint8)
        out[known] = sum(arena[at + byte].astype(np.int64) << 8 * byte for byte in range(4))
    return out[batch.ext_at]  # row -1: no ext


def _register(batch: Batch, rows: Rows, at: int) -> NDArray[np.uint64]:
    """Return, (n,), a register argument, 0 where the record does not carry it."""
    if at < 3:
        return np.asarray(batch.head["arg"][rows, at])
    ext_at = batch.ext_at[rows]
    if not len(batch.ext):
        return np.zeros(len(rows), np.uint64)
    return np.where(ext_at >= 0, batch.ext["arg"][np.maximum(ext_at, 0), at - 3], np.uint64(0))


def _short(key: bytes) -> bytes:
    """Return what stands for a key: the key, or 16 bytes that nobody can make a second key for."""
    return key if len(key) <= _LONG_KEY else blake2b(key, digest_size=16).digest()


def _fixed(batch: Batch, known: Known, rows: Rows, more: list[Any]) -> tuple[NDArray[np.void], Rows, NDArray[np.bool_]]:
    """Return an array for the fixed part of keys, with what all of them have; the ext rows; and which have one."""
    ext_at = batch.ext_at[rows]
    has_ext = ext_at >= 0
    at = np.where(has_ext, ext_at, 0).astype(np.intp)
    shape = [("ret", "<i8"), ("code", "<u2"), ("flags", "u1"), ("has", "?"), ("type", "<u2"), *more]
    fixed = np.zeros(len(rows), np.dtype(shape))
    fixed["code"] = known.codes[rows]
    fixed["flags"] = batch.head["flags"][rows] & _FLAGS
    fixed["has"] = has_ext
    if len(batch.ext):
        fixed["type"] = np.where(has_ext, batch.ext["fd_type"][at], 0)
    return fixed, at, has_ext
