"""Which events' evt.args may hold a word, and which surely do, by the texts that it is put together from.

Those are the texts of the record, of the process and the name of its parent, the names of its users, the names of the
parameters and those that numbers are shown as (tuimon.rules.args_names); see ``needed`` in tuimon.rules.args_text for
the words that can be told in this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuimon.events import Event
from tuimon.fields.argsource import BOUND, Bound
from tuimon.fields.evtarg import OWN_FDS
from tuimon.fields.facts import CALL_KINDS, DIRFD_CALLS, NO_CALL
from tuimon.fields.who import group_name, user_name
from tuimon.records import Kind, Slot
from tuimon.rules.args_names import folded, may_show, shown
from tuimon.rules.grouping import Rows, grouped, groups_of
from tuimon.rules.numbering import NOT_ASKED
from tuimon.rules.occurrences import occurrences
from tuimon.rules.pools import ABSENT, TEXT_POOL, Places
from tuimon.rules.predicates import to_bytes
from tuimon.rules.record_parts import Opens
from tuimon.rules.word_groups import words as words_of
from tuimon.rules.words import Words, is_pid
from tuimon.syscalls import CALLS

if TYPE_CHECKING:
    from tuimon.batch import Batch
    from tuimon.rules.look import Look

PREPARED_MEMBERS: Final = ("cwd", "exepath", "uid", "gid", "loginuid")
"""Members of processes that are asked about, and that nothing else prepares."""
_MEMBERS: Final = ("comm", "exe", "args", "exepath", "cwd", "parent.comm")
"""Of a process; the texts among them that a parameter shows may be any, but for the parent's name."""
_TEXTS: Final = frozenset(("comm", "exe", "args", "exepath", "cwd"))
"""Sources that are a text of the process, and its members."""
_IDS: Final = ("UID", "GID")
_ID_MEMBERS: Final = {"euid": "uid", "egid": "gid", "loginuid": "loginuid"}
"""Sources of ids that are the process's, and which member of it."""


class Held(NamedTuple):
    """Of each ext row, (m,)."""

    anywhere: NDArray[np.bool_]
    """A text of it, or the name of its thread, may hold the word."""
    given: NDArray[np.bool_]
    """The path as given surely does."""
    argv: NDArray[np.bool_]
    """So does an argument or the name of an executed program, or..."""
    env: NDArray[np.bool_]
    """...its environment; of other records nothing is said."""


class Plan(NamedTuple):
    """By number of the kind of event, what may hold a word beside its record."""

    has_text: NDArray[np.bool_]
    """It has parameters at all."""
    is_always: NDArray[np.bool_]
    """The name of a parameter, or one that is not told here."""
    may_show: NDArray[np.bool_]
    """The name of a flag or an error."""
    has_ids: NDArray[np.bool_]
    """The name of a user or group."""
    of_process: NDArray[np.bool_]
    """A text of the process."""


class ArgsWords:
    """A word looked for in evt.args of the rows of a batch.

    Args:
        look: The batch.
        word: Letters, digits and underscores; in lower case if ``fold``. Or the end of a line: what may hold that is
            told as well. Of any other text ``sure`` alone means anything.
        fold: The case of letters does not matter.
        surely: ``sure`` and ``shown_by_opens`` alone will be asked.
    """

    def __init__(self, look: Look, word: bytes, *, fold: bool = False, surely: bool = False) -> None:
        self._look = look
        self._word = word
        self._text = word.decode()
        self._fold = fold
        self._held = _held(look, word, fold=fold, surely=surely)
        self._present = np.zeros(len(look.memory.code_of), bool)
        self._present[look.memory.present(look.batch)] = True

    def likely(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of some rows may hold it."""
        out, codes = self._of_records(rows, self._held.anywhere), self._look.codes(rows)
        plan = self._plan()
        out &= plan.has_text[codes]
        out |= plan.is_always[codes]
        for code in np.flatnonzero(plan.may_show & self._present).tolist():
            mine = np.flatnonzero(codes == code)
            out[mine] |= self._shown(code, rows[mine])
        named = np.flatnonzero(plan.has_ids[codes] & ~out)
        if len(named):
            out[named] = self._named(rows[named])
        for member in _MEMBERS:
            mine = np.flatnonzero(plan.of_process[codes] & ~out)
            out[mine] = self._of_member(member, rows[mine])
        return out

    def _plan(self) -> Plan:
        """Return what is to be looked at of each kind of event."""
        look, key = self._look, (self._word, self._fold)
        plan = look.columns.args_plans.get(key)
        if plan is None or len(plan.has_text) < len(look.memory.code_of):
            kinds = [self._plan_of(look.name_of(code)) for code in range(len(look.memory.code_of))]
            plan = look.columns.args_plans[key] = Plan(*np.array(kinds, bool).T)
        return plan

    def _plan_of(self, name: str) -> tuple[bool, ...]:
        bounds = BOUND.get(name, ())
        ids = {bound.source for bound in bounds if bound.param.type in _IDS}
        is_always = self._names_hold(name) or bool(ids - set(_ID_MEMBERS))
        shows = any(self._may_show(name, bound) for bound in bounds)
        of_process = any(bound.param.type == "PID" or bound.source in _TEXTS for bound in bounds)
        return bool(bounds), is_always, shows, bool(ids), of_process

    def _may_show(self, name: str, bound: Bound) -> bool:
        return bound.get is not None and may_show(name, bound.param, self._text, fold=self._fold)

    def shown_by_opens(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), the same for opens by a path: of texts they show that as given and made absolute alone."""
        if not len(rows) or self._names_hold("open") or self._names_hold("openat"):
            return np.ones(len(rows), bool)
        opens, out, codes = self._look.opens(rows), np.ones(len(rows), bool), self._look.codes(rows)
        out[opens.at] = self._of_opens(opens, rows)
        for code in np.unique(codes).tolist():
            mine = np.flatnonzero((codes == code) & ~out)
            out[mine] |= self._shown(code, rows[mine])
        return out

    def sure(self, code: int, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of some rows of one kind of event surely hold it; of others nothing is said."""
        look, name = self._look, self._look.name_of(code)
        kind, out = look.kind_of(code), np.zeros(len(rows), bool)
        if self._names_hold(name):
            return ~out
        words = Words(look, code, rows)
        out |= self._shown(code, rows)
        # What a process is called is dearest.
        for bound in sorted(BOUND.get(name, ()), key=lambda bound: bound.param.type in ("PID", "FD")):
            if bound.get is None or out.all():
                continue
            if bound.source == "given" and kind in CALL_KINDS:
                out |= self._of_records(rows, self._held.given)
            elif bound.source == "args" and kind == Kind.EXEC:
                maybe = np.flatnonzero(~out & self._of_records(rows, self._held.argv))
                out[maybe] = self._of_arguments(rows[maybe])
            elif bound.source == "env" and kind == Kind.EXEC:
                out |= self._of_records(rows, self._held.env)
            elif bound.source in _TEXTS:
                out |= self._of_member(bound.source, rows)
            elif bound.param.type == "PID" and is_pid(bound.source, kind):
                out |= self._is_in(words.named(bound.source))
            elif bound.param.type == "FD" and _is_own(bound, name, kind):
                out[~out] = self._of_files(rows[~out])
        if look.columns.is_open(np.array([code]))[0]:
            opens = look.opens(rows)
            out[opens.at] |= self._of_opens(opens, rows)
        return out

    def _of_opens(self, opens: Opens, rows: Rows) -> NDArray[np.bool_]:
        """Return, of each open among some rows, whether a path that it shows holds it."""
        paths = opens.paths
        given = self._of_paths(paths.given) & (self._look.batch.head["ret"][rows[opens.at]] >= 0)  # behind the fd
        return np.asarray(given | self._of_paths(paths.raw) | self._of_paths(paths.shown))

    def _names_hold(self, name: str) -> bool:
        return any(self._text in folded(bound.param.name, fold=self._fold) for bound in BOUND.get(name, ()))

    def _shown(self, code: int, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of some rows of one kind of event show a name that holds it, of a flag or an error."""
        look, out, name = self._look, np.zeros(len(rows), bool), self._look.name_of(code)
        for bound in BOUND.get(name, ()):
            if not self._may_show(name, bound):
                continue
            numbers = words_of(look, "evt.rawarg", bound.param.name, rows)
            groups = groups_of(numbers, np.zeros_like(numbers))
            found = [self._in(shown(look.event(row), bound)) for row in rows[groups.first].tolist()]
            out |= np.array(found, bool)[groups.of_row]
        return out

    def _of_files(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether the name of the fd that each event is about holds it, and is shown."""
        look = self._look
        (names, _), (kinds, _), fds = (
            look.values("fd.name", rows),
            look.values("fd.type", rows),
            look.numbers("fd.num", rows),
        )
        return np.asarray(self._of_paths(np.maximum(names, ABSENT)) & (kinds > ABSENT) & fds.has & (fds.found >= 0))

    def _of_paths(self, places: Places) -> NDArray[np.bool_]:
        """Return, (k,), whether texts at places hold it; each is asked once and for all."""
        values = self._look.memory.pool(TEXT_POOL).values
        table = self._look.memory.table("value", ("held by a text", self._word, self._fold), len(values))
        new = np.unique(places[table[places] == NOT_ASKED])
        table[new] = [self._in(values[at]) for at in new.tolist()]
        return np.asarray(table[places] > 0)

    def _of_arguments(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether the arguments behind argv[0] of executed programs hold it."""
        slots = [self._look.batch.slot(row, Slot.ARGV) for row in rows.tolist()]
        found = (self._word in (argv.lower() if self._fold else argv).partition(b"\0")[2] for argv in slots)
        return np.fromiter(found, bool, len(rows))

    def _of_records(self, rows: Rows, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(np.append(held, False)[self._look.batch.ext_at[rows]])  # row -1: no ext

    def _of_member(self, member: str, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether a text of each row's process holds it; each distinct one is asked once and for all."""
        return self._is_in(self._look.members.places(member, rows))

    def _is_in(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return, (k,), whether members of processes at places hold it."""
        values = self._look.members.values
        table = self._look.memory.table("value", ("held by a member", self._word, self._fold), len(values))
        new = np.unique(places[table[places] == NOT_ASKED])
        table[new] = [self._in(values[at]) for at in new.tolist()]
        return np.asarray(table[places] > 0)

    def _in(self, value: Any) -> bool:
        if isinstance(value, tuple):
            return any(map(self._in, value))
        if not isinstance(value, str):
            return False
        return self._word in to_bytes(value).lower() if self._fold else self._text in value

    def _named(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether the name of a user or group of each row's process may hold it; asked once for each."""
        look = self._look
        numbers = look.at("container", rows, -1)
        for member in ("uid", "gid", "loginuid"):
            numbers = look.numbered("names", numbers, look.members.places(member, rows))
        groups = grouped(numbers)
        table = look.memory.table("named", ("held by a name", self._word, self._fold), int(numbers.max()) + 1)
        found = table[groups.numbers]
        for at in np.flatnonzero(found == NOT_ASKED).tolist():
            said = self._is_named(look.event(int(rows[groups.first[at]])))
            if said is not None:  # else it is not known yet
                found[at] = table[groups.numbers[at]] = said
        return np.asarray((found != 0)[groups.of_row])

    def _is_named(self, event: Event) -> bool | None:
        """Return whether a name of the process's user and groups holds it; None: some are not known yet."""
        process = event.process
        if process is None:
            return False
        names = user_name(event, process.uid), user_name(event, process.loginuid), group_name(event, process.gid)
        known = [self._in(name) for name in names if isinstance(name, str)]
        return True if any(known) else None if len(known) < len(names) else False


def _is_own(bound: Bound, name: str, kind: int) -> bool:
    """Whether a parameter is the fd that events of a kind are about, and shows its name."""
    call = CALLS.get(name, NO_CALL)
    if kind != Kind.SYSCALL or bound.param.name not in OWN_FDS:
        return False
    at = (call.dirfd if call.dirfd is not None else call.dirfd2) if name in DIRFD_CALLS else call.fd
    return bound.source == "fd" or (bound.source == f"s{at}" and not call.returns_fd)


def _held(look: Look, word: bytes, *, fold: bool, surely: bool) -> Held:
    """Return which ext rows hold a word; neighbours may have them together."""
    known, ext, key = look.columns.held, look.batch.ext, (word, fold, surely)
    last = known.get(key)
    if last is None or last[0] is not ext:
        last = known[key] = ext, _held_by_records(look.batch, word, fold=fold, surely=surely)
    return last[1]


def _held_by_records(batch: Batch, word: bytes, *, fold: bool, surely: bool) -> Held:
    held = Held(*(np.zeros(len(batch.ext), bool) for _ in Held._fields))
    arena = batch.arena.lower() if fold else batch.arena
    if not len(batch.ext):
        return held
    starts = occurrences(arena, word)
    rows = np.searchsorted(batch.text_at, starts, side="right") - 1
    ends = starts + len(word)
    inside = ends <= batch.text_at[rows + 1]
    held.anywhere[rows[inside]] = True
    limits = batch.text_at[rows][:, None] + np.cumsum(batch.ext["slot_len"][rows], axis=1, dtype=np.int64)
    held.given[rows[ends <= limits[:, Slot.GIVEN]]] = True
    for column, slot in ((held.argv, Slot.ARGV), (held.env, Slot.ENV)):
        column[rows[(starts >= limits[:, slot - 1]) & (ends <= limits[:, slot])]] = True
    if surely:
        return held
    across = np.flatnonzero(~inside)  # the seam of records; another one may begin within
    last = np.searchsorted(batch.text_at, ends[across] - 1, side="right") - 1
    for first, end in zip(rows[across].tolist(), (last + 1).tolist(), strict=True):
        for row in range(first, end):
            held.anywhere[row] |= word in arena[batch.text_at[row] : batch.text_at[row + 1]]
    comms = np.ascontiguousarray(batch.ext["comm"]).view(np.uint8).reshape(len(batch.ext), -1)
    apart = np.pad(comms, ((0, 0), (0, 1)))  # so that no word lies in two of them
    names = apart.tobytes()
    held.anywhere[occurrences(names.lower() if fold else names, word) // apart.shape[1]] = True
    return held
