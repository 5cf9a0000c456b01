"""The prefilter over columns: which rows of a batch can any rule match?

Every distinct actor (process version, container, user and group) and every distinct detail (the content of a record but
for time and place) is asked once, by the compiled projections, and gets one bit per clause; a row is a candidate when
the bits of its actor and of its detail have one in common. Both kinds of answers are kept between batches, so that on a
machine at work nearly all of it is two table look-ups per row.

Answers about actors are kept for as long as the process and the container are the same objects with the same content;
answers about details hold until a host name gets other addresses, but for the names of users and groups some of them
print, so that all are dropped when there are many or when they are old.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.events import Container, Event, Process
from tuimon.records import Flag, Kind
from tuimon.rules import versions
from tuimon.rules.checks import Checks
from tuimon.rules.evaluate import Program
from tuimon.rules.graph import TRUE, Graph
from tuimon.rules.prefilter import Clauses, Cutter, key_registers
from tuimon.rules.prefilter_bits import Bits, guards_of
from tuimon.rules.text_classes import text_classes

_MAX_DETAILS: Final = 20_000
_LONG_TEXT: Final = 512
_MAX_ACTORS: Final = 25_000
"""Each holds its process, and a place in the tables of every kind of event: a storm of execs must not stay for long."""
_MAX_AGE_S: Final = 120.0
_UNUSED_S: Final = 15.0
"""An actor of which nothing is heard for so long, or up to twice that, is let go: most processes end at once."""
_FLAGS: Final = int(Flag.TRUNCATED | Flag.COMPAT | Flag.USER_MEMORY | Flag.REAL_SAME | Flag.HAS_EXT | Flag.FAULT)


EventOf = Callable[[Batch, int], Event]
"""Makes the row object of an event, with its process and its container as they are now."""


class Actors:
    """Numbers for the actors of batches: the same number for as long as process and container are as they were."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], dict[int, _Actor]] = {}
        """By users and cgroup, of which there are few, and then by process version."""
        self._before: dict[tuple[int, int], dict[int, _Actor]] = {}
        """Those known earlier; who is heard of again is taken over."""
        self._next = 0
        self._began_s = self._turned_s = time.monotonic()
        self.generation = 0  # changes when all numbers given before have lost their meaning

    def number(self, batch: Batch, rows: NDArray[np.intp], event_of: EventOf) -> NDArray[np.int64]:
        """Return the number of each row's actor, (n,); ``generation`` says how long a number means the same."""
        now_s = time.monotonic()
        if self._next > _MAX_ACTORS or now_s - self._began_s > _MAX_AGE_S:
            self._known, self._before = {}, {}
            self._next, self._began_s = 0, now_s
            self.generation += 1
        if now_s - self._turned_s > _UNUSED_S:
            self._known, self._before, self._turned_s = {}, self._known, now_s
        groups = _by_process(batch, rows)
        if groups is None:
            groups = _by_everything(batch, rows)
        first, inverse = groups
        head, users = batch.head, _users(batch, rows[first])
        process_at = _process_at(batch, rows[first])
        cgroups = head["cgroup_id"][rows[first]]
        keys = zip(users.tolist(), cgroups.tolist(), strict=True)
        columns = (keys, process_at.tolist(), rows[first].tolist())
        numbers = [self._number(key, index, event_of(batch, at)) for key, index, at in zip(*columns, strict=True)]
        return np.array(numbers, np.int64)[inverse]

    def _number(self, key: tuple[int, int], index: int, event: Event) -> int:
        process, owner = event.process, event.container
        alike = self._known.setdefault(key, {})
        known = alike.get(index)
        if known is None and key in self._before and (known := self._before[key].get(index)) is not None:
            alike[index] = known
        if known is not None and known.process is process and known.owner is owner and known.is_as_it_was():
            return known.number
        number = self._next
        self._next += 1
        is_settled = process is not None and versions.is_settled(process)
        content = None
        if process is not None and not (is_settled and process.end_ns is not None):
            content = versions.content(process) if is_settled else versions.line(process)
        alike[index] = _Actor(process, owner, is_settled, content, number)
        return number


def _process_at(batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    if not len(batch.process_at):
        return np.full(len(rows), -1, np.int64)
    return batch.process_at[rows].astype(np.int64)


def _by_process(batch: Batch, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Group rows by process, without sorting; None when a process shows up with several users or cgroups.

    Returns:
        A place in ``rows`` for each group, and each row's group, (n,).
    """
    has_ext = batch.ext_at[rows] >= 0
    key = (_process_at(batch, rows) + 1) * 2 + has_ext
    size = int(key.max(initial=0)) + 1
    if size > 8 * len(rows) + 65536:
        return None
    first_of = np.full(size, -1, np.intp)
    first_of[key[::-1]] = np.arange(len(rows) - 1, -1, -1)
    leader = first_of[key]
    for column in (batch.head["cgroup_id"][rows], _users(batch, rows)):
        if (column != column[leader]).any():
            return None
    present = np.flatnonzero(first_of >= 0)
    group_of = np.empty(size, np.intp)
    group_of[present] = np.arange(len(present))
    return first_of[present], group_of[key]


def _by_everything(batch: Batch, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Group rows by process, user and cgroup; returns what ``_by_process`` does."""
    cgroups, cgroup_at = np.unique(batch.head["cgroup_id"][rows], return_inverse=True)
    users, user_at = np.unique(_users(batch, rows), return_inverse=True)
    key = ((_process_at(batch, rows) + 1) * len(users) + user_at) * len(cgroups) + cgroup_at
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first, inverse


def _users(batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.uint64]:
    """Return the user and group that each row's record carries, as one number; for a slim record one of its own."""
    if not len(batch.ext):
        return np.zeros(len(rows), np.uint64)
    ext_at = batch.ext_at[rows]
    ext = batch.ext[np.maximum(ext_at, 0)]
    both = ext["uid"].astype(np.uint64) << np.uint64(32) | ext["gid"].astype(np.uint64)
    # (u32)-1 is "no user" (chown(2)), so that nobody has it together with this group.
    return np.where(ext_at >= 0, both, np.uint64(0xFFFFFFFF_FFFFFFFE))


@dataclass(slots=True)
class _Actor:
    """An actor as it was when it got its number."""

    process: Process | None
    owner: Container | None
    is_settled: bool
    """Nothing of its ancestors will be filled in any more; only its own content needs comparing."""
    content: tuple[object, ...] | None
    """None when nothing will be filled in any more, as of one that had ended already."""
    number: int

    def is_as_it_was(self) -> bool:
        """Whether nothing was filled in since."""
        if self.process is None or self.content is None:
            return True
        return self.content == (versions.content(self.process) if self.is_settled else versions.line(self.process))


class Kept(NamedTuple):
    """What a mask leaves of some rows."""

    rows: NDArray[np.intp]
    """(k,) in their order."""
    bits: NDArray[np.uint64]
    """(k, words) the clauses that may hold."""
    sure: NDArray[np.bool_]
    """(k,) whether some clause surely holds, so that the exact evaluator would say True."""


class Mask:
    """The prefilter of one kind of event.

    Args:
        graph: The conditions' graph.
        roots: The condition of each rule.
        checks: Compiles the checks.
        kind: Of the events.
        name: Their ``evt.type``.
    """

    def __init__(self, graph: Graph, roots: Sequence[int], checks: Checks, kind: Kind, name: str) -> None:
        self.clauses: Clauses = Cutter(graph, checks, kind, name).cut(roots)
        self._actors = self._bits(graph, checks, [clause.actor for clause in self.clauses.items])
        self._details = self._bits(graph, checks, [clause.detail for clause in self.clauses.items])
        self._registers = key_registers(name)
        asked = {check for clause in self.clauses.items for check in graph.checks(clause.detail)}
        self._texts = text_classes(asked, checks, kind, name)
        if self._texts is not None:
            self._registers = self._texts.registers
        self._row_of_actor = np.full(256, -1, np.int32)
        self._row_of_detail: dict[bytes, int] = {}
        self._began_s = time.monotonic()
        self._generation = -1
        self._whole = self._words_of(at for at, clause in enumerate(self.clauses.items) if clause.is_whole)
        self._checks = checks
        self._revision = checks.addresses_revision

    def _bits(self, graph: Graph, checks: Checks, nodes: Sequence[int]) -> Bits:
        """Return the table of answers for one projection of all clauses."""
        clauses: dict[int, int] = {}
        for at, node in enumerate(nodes):
            if node != TRUE:
                clauses[node] = clauses.get(node, 0) | 1 << at
        program = Program(checks, graph)
        tests = program.print(list(clauses))
        guards = guards_of(program, checks, clauses)
        return Bits(list(zip(tests, clauses.values(), strict=True)), program.blank(), len(nodes), guards)

    def keep(
        self, batch: Batch, rows: NDArray[np.intp], actors: NDArray[np.int64], generation: int, event_of: EventOf
    ) -> Kept:
        """Return those of some rows of a batch, all of this kind, that some rule may match.

        Args:
            batch: The batch.
            rows: Its rows.
            actors: (n,) the number of each row's actor.
            generation: Of these numbers.
            event_of: Makes the row object of an event.
        """
        actor_rows = self._actor_rows(batch, rows, actors, generation, event_of)
        alive = np.flatnonzero(self._actors.rows[actor_rows].any(axis=1))
        rows, actor_rows = rows[alive], actor_rows[alive]
        bits = self._actors.rows[actor_rows]
        if not len(rows):
            return Kept(rows, bits, np.empty(0, bool))
        if not self._details.asks:
            sure = self._actors.sure[actor_rows] & self._whole
            return Kept(rows, bits, np.asarray(sure.any(axis=1), bool))
        detail_rows = self._detail_rows(batch, rows, bits)  # may replace the table of answers: before it is looked at
        bits &= self._details.rows[detail_rows]
        alive = np.flatnonzero(bits.any(axis=1))
        sure = self._actors.sure[actor_rows[alive]] & self._details.sure[detail_rows[alive]] & self._whole
        return Kept(rows[alive], bits[alive], np.asarray(sure.any(axis=1), bool))

    def rules_of(self, bits: bytes) -> tuple[int, ...]:
        """Return the places of the rules that own some clauses, given as the bytes of a row of words."""
        number = int.from_bytes(bits, "little")
        return tuple(dict.fromkeys(clause.rule for at, clause in enumerate(self.clauses.items) if number >> at & 1))

    def _words_of(self, places: Iterable[int]) -> NDArray[np.uint64]:
        """Return the row of words with these bits set."""
        return self._actors.words(sum(1 << at for at in places))

    def _actor_rows(
        self, batch: Batch, rows: NDArray[np.intp], actors: NDArray[np.int64], generation: int, event_of: EventOf
    ) -> NDArray[np.int32]:
        """Return where the answers about the rows' actors are, asking those not yet known."""
        if generation != self._generation:
            self._generation = generation
            self._row_of_actor = np.full(256, -1, np.int32)
            self._actors.clear()
        largest = int(actors.max(initial=0))
        if largest >= len(self._row_of_actor):
            grown = np.full(2 * largest + 1, -1, np.int32)
            grown[: len(self._row_of_actor)] = self._row_of_actor
            self._row_of_actor = grown
        found = self._row_of_actor[actors]
        missing = np.flatnonzero(found < 0)
        if len(missing):
            new, first = np.unique(actors[missing], return_index=True)
            begin = self._actors.ask_all(event_of(batch, row) for row in rows[missing[first]].tolist())
            self._row_of_actor[new] = np.arange(begin, begin + len(new))
            found = self._row_of_actor[actors]
        return found

    def _detail_rows(self, batch: Batch, rows: NDArray[np.intp], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return where the answers about the rows' details are, asking what is not yet known of the wanted clauses."""
        self._forget_old_details()
        known, details = self._row_of_detail, self._details
        keys = self._keys(batch, rows)
        out = np.array([known.get(key, -1) for key in keys], np.int64)
        for at in np.flatnonzero(out < 0).tolist():
            row = known.get(keys[at])
            if row is None:
                row = known[keys[at]] = details.new_row()
            out[at] = row
        open_ = np.flatnonzero((wanted & ~details.known[out]).any(axis=1))
        for at, row in zip(open_.tolist(), out[open_].tolist(), strict=True):
            missing = details.missing(row, wanted[at].tobytes())
            if missing:
                details.ask(row, Event(batch, int(rows[at]), None, None, 0), missing)
        return out

    def _forget_old_details(self) -> None:
        now_s = time.monotonic()
        revision = self._checks.addresses_revision
        if len(self._row_of_detail) > _MAX_DETAILS or now_s - self._began_s > _MAX_AGE_S or revision != self._revision:
            self._row_of_detail.clear()
            self._details.clear()
            self._began_s, self._revision = now_s, revision

    def _keys(self, batch: Batch, rows: NDArray[np.intp]) -> list[bytes]:
        """Return what tells details apart: result up to the bound, flags, arguments, kind of file, lengths, texts."""
        head = batch.head[rows]
        ext_at = batch.ext_at[rows]
        has_ext = ext_at >= 0
        at = np.where(has_ext, ext_at, 0)
        fixed = np.zeros(len(rows), _key_dtype(len(self._registers)))
        fixed["ret"] = np.minimum(head["ret"], self.clauses.result_bound + 1)
        fixed["flags"] = head["flags"] & _FLAGS
        fixed["has_ext"] = has_ext
        low = [register for register in self._registers if register < 3]
        fixed["arg"][:, : len(low)] = head["arg"][:, low]
        if not len(batch.ext):
            return _rows_as_bytes(fixed)
        high = [register - 3 for register in self._registers if register >= 3]
        ext = batch.ext[at]
        fixed["arg"][:, len(low) :] = np.where(has_ext[:, None], ext["arg"][:, high], 0)
        fixed["fd_type"] = np.where(has_ext, ext["fd_type"], 0)
        lengths = np.where(has_ext[:, None], ext["slot_len"], 0).astype("<u2")
        if self._texts is None:
            fixed["slot_len"] = lengths
        starts = np.where(has_ext, batch.text_at[at], 0).tolist()
        ends = np.where(has_ext, batch.text_at[at + 1], 0).tolist()
        arena = batch.arena
        if self._texts is not None:
            class_of = self._texts.key
            parts = zip(_rows_as_bytes(fixed), _rows_as_bytes(lengths), starts, ends, strict=True)
            return [head_bytes + class_of(sizes, arena[start:end]) for head_bytes, sizes, start, end in parts]
        return [
            head_bytes + arena[start:end] if end - start < _LONG_TEXT else _digest(head_bytes + arena[start:end])
            for head_bytes, start, end in zip(_rows_as_bytes(fixed), starts, ends, strict=True)
        ]


def _digest(key: bytes) -> bytes:
    """Return a short stand-in for a long key that nobody can make a second key for."""
    return hashlib.blake2b(key, digest_size=20).digest()


def _key_dtype(registers: int) -> np.dtype[np.void]:
    texts = [("slot_len", "<u2", (6,)), ("arg", "<u8", (registers,))]
    return np.dtype([("ret", "<i8"), ("flags", "u1"), ("has_ext", "?"), ("fd_type", "<u2"), *texts])


def _rows_as_bytes(fixed: NDArray[Any]) -> list[bytes]:
    """Return each row of an array as bytes of one length."""
    raw = fixed.tobytes()
    size = len(raw) // max(len(fixed), 1) or 1
    return [raw[at : at + size] for at in range(0, len(raw), size)]
