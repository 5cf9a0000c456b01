"""Which events' evt.args may hold one of some words, and which surely do one of some texts, by what it is made of.

Those are the texts of the record (tuimon.rules.args_records), of the process and the name of its parent, the names of
its users, the names of the parameters and those that numbers are shown as (.args_kinds, .args_names); see ``Sought`` in
tuimon.rules.args_checks for the words that can be told in this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tuimon.events import Event, decode
from tuimon.fields.argsource import Bound
from tuimon.fields.who import group_name, user_name
from tuimon.rules.args_checks import Sought
from tuimon.rules.args_kinds import ERRORS, TEXTS, THREAD, AnyOf, Kinds
from tuimon.rules.args_names import shown
from tuimon.rules.args_records import Held, has_relative, held_by_records
from tuimon.rules.grouping import Rows, grouped, groups_of, some_of
from tuimon.rules.numbering import NOT_ASKED
from tuimon.rules.pools import ABSENT, TEXT_POOL, Places
from tuimon.rules.record_parts import Opens
from tuimon.rules.word_groups import words as words_of
from tuimon.rules.words import SETS_NAME, Words

if TYPE_CHECKING:
    from tuimon.batch import Batch
    from tuimon.rules.look import Look

PREPARED_MEMBERS: Final = ("cwd", "exepath", "uid", "gid", "loginuid")
"""Members of processes that are asked about, and that nothing else prepares."""
_MEMBERS: Final = (*TEXTS, "parent.comm")
"""Of a process, which a parameter may show: the parent's name stands beside its pid."""
_MOST_KNOWN: Final = 10_000


class Search:
    """What is looked for by one question, and what does not change from one batch to the next.

    Args:
        sought: By a check.
    """

    def __init__(self, sought: Sought) -> None:
        self.sought = sought
        self.words = AnyOf(sought.words, sought.fold)
        self.literals = AnyOf(tuple(text for text, _ in sought.literals), sought.fold)
        self.likely = Kinds(self.words)
        self.sure = self.likely if self.words == self.literals else Kinds(self.literals)
        self._last: tuple[NDArray[np.void], Held] | None = None
        self._era = (-1, -1)
        self._known: dict[tuple[AnyOf, int, str, int], bool] = {}

    def held(self, batch: Batch) -> Held:
        """Return which ext rows hold what is looked for; neighbours may have them together."""
        if self._last is None or self._last[0] is not batch.ext:
            self._last = batch.ext, held_by_records(batch, self.sought)
        return self._last[1]

    def known(self, look: Look) -> dict[tuple[AnyOf, int, str, int], bool]:
        """Return whether numbers are shown as names that hold what is looked for, by kind of event and parameter."""
        if self._era != look.memory.era or len(self._known) > _MOST_KNOWN:
            self._era = look.memory.era
            self._known.clear()
        return self._known


class ArgsWords:
    """What is looked for in evt.args of the rows of a batch.

    Args:
        look: The batch.
        search: What is looked for.
    """

    def __init__(self, look: Look, search: Search) -> None:
        self._look = look
        self._search = search
        self._held = search.held(look.batch)
        search.likely.grow(look)
        search.sure.grow(look)

    def likely(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of some rows may hold one of the words."""
        kinds, look = self._search.likely, self._look
        codes = look.codes(rows)
        out = self._of_records(rows, self._held.anywhere) & kinds.are("has_text")[codes]
        present = look.memory.present(look.batch)
        if kinds.are("is_always")[present].any():
            out |= kinds.are("is_always")[codes]
        self._add_shown(kinds, self._search.words, codes, rows, out)
        mine = np.flatnonzero(kinds.are("is_of_who")[codes] & ~out)
        out[mine] = self._of_who(codes[mine], rows[mine])
        return out

    def _of_who(self, codes: NDArray[np.uint16], rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether a text of each row's process, thread or users may hold one of the words."""
        kinds, out = self._search.likely, np.zeros(len(rows), bool)
        for what, holds in (("of_process", self._of_processes), (THREAD, self._of_threads), ("has_ids", self._named)):
            mine = np.flatnonzero(kinds.are(what)[codes] & ~out)
            if len(mine):
                out[mine] = holds(self._search.words, rows[mine])
        return out

    def likely_of_processes(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of some rows of ``args_blind.is_of_process`` may hold one of the literals, not surely.

        Of literals that lie in one part alone, or where a path starts from a folder.
        """
        any_of, look = self._search.literals, self._look
        out = self._of_records(rows, self._held.literal) | has_relative(look.batch, rows)
        out |= self._of_processes(any_of, rows) | self._named(any_of, rows)
        paths, of_row = np.unique(look.members.places("exepath", rows), return_inverse=True)
        texts = (look.members.values[at] for at in paths.tolist())
        out |= np.array([bool(text) and text[0] != "/" for text in texts], bool)[of_row]
        return out

    def shown_by_opens(self, opens: Opens, rows: Rows) -> NDArray[np.bool_]:
        """Return, (m,), the same for opens among some rows: of texts they show the path as given, and made absolute.

        Where all literals are those of paths, whether they hold one of them.
        """
        search, rows_of = self._search, rows[opens.at]
        of_paths = search.sought.are_of_paths
        kinds, any_of = (search.sure, search.literals) if of_paths else (search.likely, search.words)
        codes = self._look.codes(rows_of)
        out = kinds.are("in_names")[codes] | self._of_opens(any_of, opens, rows)
        self._add_shown(kinds, any_of, codes, rows_of, out)
        return out

    def sure(self, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), which of some rows surely hold one of the literals; of others nothing is said."""
        kinds, any_of, held = self._search.sure, self._search.literals, self._held
        codes = self._look.codes(rows)
        out = kinds.are("in_names")[codes]
        self._add_shown(kinds, any_of, codes, rows, out)
        for source, column in (("given", held.given), ("env", held.env), ("argv", held.argv)):
            if column.any():
                out |= kinds.are(source)[codes] & self._of_records(rows, column)
        mine = np.flatnonzero(kinds.are("is_of_who")[codes] & ~out)
        out[mine] = self._sure_of_who(codes[mine], rows[mine])
        if self._search.sought.are_of_paths or kinds is self._search.likely:
            mine = np.flatnonzero(self._look.columns.is_open(codes) & ~out)
            opens = self._look.opens(rows[mine])
            out[mine[opens.at]] |= self._of_opens(any_of, opens, rows[mine])
        self._add_named(codes, rows, out)
        return out

    def _sure_of_who(self, codes: NDArray[np.uint16], rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether a text of each row's process or thread that it shows holds one of the literals."""
        kinds, any_of, out = self._search.sure, self._search.literals, np.zeros(len(rows), bool)
        for member in TEXTS:
            mine = np.flatnonzero(kinds.are(member)[codes] & ~out)
            if len(mine):
                out[mine] = self._is_in(any_of, self._look.members.places(member, rows[mine]))
        mine = np.flatnonzero(kinds.are(THREAD)[codes])
        if len(mine):
            head = self._look.batch.head
            mine = mine[(head["arg"][rows[mine], 0] == SETS_NAME) & (head["ret"][rows[mine]] >= 0)]
            out[mine] = self._of_threads(any_of, rows[mine])
        return out

    def _add_named(self, codes: NDArray[np.uint16], rows: Rows, out: NDArray[np.bool_]) -> None:
        """Say yes of rows that show the name of a process, or of their own file, which holds a literal."""
        kinds, any_of = self._search.sure, self._search.literals
        left = np.flatnonzero(kinds.are("named")[codes] & ~out)
        if not len(left):
            return
        # A process is shown by its own name or by that of its parent.
        may_be = np.zeros(len(out), bool)
        for member in ("comm", "parent.comm"):
            may_be[left] |= self._is_in(any_of, self._look.members.places(member, rows[left]))
        for code in np.unique(codes[left]).tolist():
            of_code = left[codes[left] == code]
            for bound in kinds[code].named:
                is_file = bound.param.type == "FD"
                mine = of_code[~out[of_code] if is_file else may_be[of_code] & ~out[of_code]]
                if not len(mine):
                    continue
                if is_file:
                    out[mine] = self._of_files(any_of, rows[mine])
                else:
                    out[mine] = self._is_in(any_of, Words(self._look, code, rows[mine]).named(bound.source))

    def _add_shown(
        self, kinds: Kinds, any_of: AnyOf, codes: NDArray[np.uint16], rows: Rows, out: NDArray[np.bool_]
    ) -> None:
        """Say yes of rows that show a name that holds what is looked for, of a flag or an error."""
        for type_, name_of in ERRORS.items():
            if not kinds.are(type_).any():
                continue
            mine = np.flatnonzero(kinds.are(type_)[codes] & ~out)
            ret = self._look.batch.head["ret"][rows[mine]]
            each, of_row = np.unique(ret[ret < 0], return_inverse=True)
            holds = np.array([any_of.is_in(name_of(error)) for error in each.tolist()], bool)
            out[mine[ret < 0]] = holds[of_row]
        for code in np.flatnonzero(kinds.are("shown")).tolist():
            mine = np.flatnonzero((codes == code) & ~out)
            for bound in kinds[code].shown if len(mine) else ():
                out[mine] |= self._shown(any_of, bound, rows[mine])

    def _shown(self, any_of: AnyOf, bound: Bound, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether a parameter of events of one kind shows such a name; each number is asked once."""
        look, known = self._look, self._search.known(self._look)
        numbers = words_of(look, "evt.rawarg", bound.param.name, rows)
        groups, code = grouped(numbers), int(look.codes(rows[:1])[0])
        found = []
        for number, row in zip(numbers[groups.first].tolist(), rows[groups.first].tolist(), strict=True):
            key = any_of, code, bound.param.name, number
            if key not in known:
                known[key] = any_of.is_in(shown(look.event(row), bound))
            found.append(known[key])
        return np.asarray(np.array(found, bool)[groups.of_row])

    def _of_opens(self, any_of: AnyOf, opens: Opens, rows: Rows) -> NDArray[np.bool_]:
        """Return, of each open among some rows, whether a path that it shows holds what is looked for."""
        paths = opens.paths
        given, raw, shown_ = self._of_paths(any_of, np.stack((paths.given, paths.raw, paths.shown)))
        given &= self._look.batch.head["ret"][rows[opens.at]] >= 0  # it stands behind the fd
        return np.asarray(given | raw | shown_)

    def _of_files(self, any_of: AnyOf, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether the name of the fd that each event is about holds it, and is shown."""
        if not len(rows):
            return np.zeros(0, bool)
        look = self._look
        names, _ = look.values("fd.name", rows)
        out = self._of_paths(any_of, np.maximum(names, ABSENT))
        if out.any():
            (kinds, _), fds = look.values("fd.type", rows[out]), look.numbers("fd.num", rows[out])
            out[out] = (kinds > ABSENT) & fds.has & (fds.found >= 0)
        return out

    def _of_paths(self, any_of: AnyOf, places: Places) -> NDArray[np.bool_]:
        """Return whether texts at places hold it; each is asked once and for all."""
        return self._asked_once(any_of, self._look.memory.pool(TEXT_POOL).values, "held by a text", places)

    def _is_in(self, any_of: AnyOf, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return the same for members of processes."""
        return self._asked_once(any_of, self._look.members.values, "held by a member", places)

    def _asked_once(self, any_of: AnyOf, values: list[Any], what: str, places: NDArray[Any]) -> NDArray[np.bool_]:
        table = self._look.memory.table("value", (what, any_of), len(values))
        found = table[places]
        new = np.unique(places[found == NOT_ASKED])
        if len(new):
            table[new] = [any_of.is_in(values[at]) for at in new.tolist()]
            found = table[places]
        return np.asarray(found > 0)

    def _of_threads(self, any_of: AnyOf, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether the name of each row's thread holds it."""
        batch, ext_at = self._look.batch, self._look.batch.ext_at[rows]
        out = ext_at >= 0
        names, of_row = np.unique(batch.ext["comm"][ext_at[out]], return_inverse=True)
        out[out] = np.array([any_of.is_in(decode(name)) for name in names.tolist()], bool)[of_row]
        return out

    def _of_records(self, rows: Rows, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(np.append(held, False)[self._look.batch.ext_at[rows]])  # row -1: no ext

    def _of_processes(self, any_of: AnyOf, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether a text of each row's process holds it; each process is looked at once."""
        if not len(rows):
            return np.zeros(0, bool)
        look = self._look
        groups = some_of(look.memory.groups(look.batch, "process"), rows)
        places = np.stack([look.members.places(member, groups.first) for member in _MEMBERS])
        holds = np.logical_or.reduce(self._is_in(any_of, places))
        return np.asarray(holds[groups.of_row])

    def _named(self, any_of: AnyOf, rows: Rows) -> NDArray[np.bool_]:
        """Return, (k,), whether the name of a user or group of each row's process may hold it, each asked once."""
        look = self._look
        sides = (look.memory.groups(look.batch, side) for side in ("process", "container"))
        groups = groups_of(*(side.of_row[rows].astype(np.int64) for side in sides))
        first = rows[groups.first]
        members = (look.members.places(member, first) for member in ("uid", "gid", "loginuid"))
        key = np.stack((look.at("container", first, -1), *members), axis=1)
        keys = np.ascontiguousarray(key).view(f"V{key.shape[1] * 8}")[:, 0].tolist()
        numbers = look.memory.bytes_numbered("names", keys, len(first))
        table = look.memory.table("named", ("held by a name", any_of), int(numbers.max()) + 1)
        found = table[numbers]
        for at in np.flatnonzero(found == NOT_ASKED).tolist():
            said = self._is_named(any_of, look.event(int(first[at])))
            if said is not None:  # else it is not known yet
                found[at] = table[numbers[at]] = said
        return np.asarray((found != 0)[groups.of_row])

    def _is_named(self, any_of: AnyOf, event: Event) -> bool | None:
        """Return whether a name of the process's user and groups holds it; None: some are not known yet."""
        process = event.process
        if process is None:
            return False
        names = user_name(event, process.uid), user_name(event, process.loginuid), group_name(event, process.gid)
        known = [any_of.is_in(name) for name in names if isinstance(name, str)]
        return True if any(known) else None if len(known) < len(names) else False
