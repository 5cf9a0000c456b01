"""ProcessTree: the list behind the tree pane: every process under its parent, folded, filtered, sorted; no screen.

Built from the engine's list of processes as a whole, about once a second and only when it changed; what that costs at
10,000 processes is measured by tests/bench/bench_tree.py. A row is told by its process (pid and start), whatever moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tuimon.errors import RuleError
from tuimon.events import Container, Process
from tuimon.rules.filter import plain_text

if TYPE_CHECKING:
    from tuimon.batch import Batch
    from tuimon.view.scan import RowFilter

Key = tuple[int, int]
"""pid and start time: what a process is."""
ORDERS: Final = ("start", "pid", "name", "newest")
"""How children of one parent can be ordered."""
_TICK_NS: Final = 10_000_000
"""Start times from /proc are cut to ticks of this length, those of events are not."""


class TreeRow(NamedTuple):
    """One line of the tree."""

    process: Process
    depth: int
    """0 for a process without a parent here."""
    children: int
    """Direct ones that the filter keeps."""
    hidden: int
    """Descendants not shown because this row is folded; 0 when it is not."""
    matched: bool
    """The filter keeps this row itself, not only what is above or below it; True without a filter."""


class Peopled(Protocol):
    """What the tree asks of an engine."""

    def process_list(self, *, ended: bool = False) -> list[Process]:
        """Return the living processes, and if asked for those that ended."""

    def container_of(self, cgroup_id: int) -> Container | None:
        """Return the owner of a cgroup."""

    def filter(self, text: str) -> RowFilter:
        """Compile a filter expression; raises RuleError."""


class ProcessTree:
    """The rows of the tree pane.

    Inside, a process is told by its ``id()``, its own as long as this holds it: a cheaper key than pid and start.

    Args:
        engine: Gives processes and their containers.
    """

    def __init__(self, engine: Peopled) -> None:
        self.rows: tuple[TreeRow, ...] = ()
        """What the list shows now; replaced as a whole."""
        self.order = ORDERS[0]
        self.ended = False
        """Whether ended processes that are still kept are shown too."""
        self.filter_text = ""
        self.total = 0
        """Processes there are, shown or not."""
        self.matches = 0
        """Processes that the filter itself keeps."""
        self._engine = engine
        self._condition: RowFilter | None = None
        """The filter, when it is a condition and no plain text."""
        self._asked: Batch | None = None
        """The processes as a condition is asked of them; None: they are others since."""
        self._folded: set[Key] = set()
        self._processes: list[Process] = []
        self._signature: list[tuple[int, bool]] = []
        self._owners: dict[int, Container | None] = {}
        self._by_pid: dict[int, list[Process]] = {}
        self._children: Children = {}
        self._above: dict[int, int] = {}
        """Parent of each process that has one here."""
        self._texts: dict[int, tuple[Process, str]] = {}
        """What a filter looks at, of the processes that one has looked at; holds them, so that no id is used again."""
        self._place: dict[int, int] | None = None
        self._matched_last: set[int] = set()

    # Data.

    def sync(self) -> bool:
        """Take the processes as they are now; return whether the rows are others than before."""
        processes = self._engine.process_list(ended=self.ended)
        signature = [(id(p), p.end_ns is None) for p in processes]
        self._owners.clear()
        if signature == self._signature:
            return self._answers_changed()
        self._signature, self._processes, self._asked = signature, processes, None
        if self._texts:
            alive = set(map(id, processes))
            self._texts = {number: text for number, text in self._texts.items() if number in alive}
        self._link()
        self._flatten()
        return True

    def _answers_changed(self) -> bool:
        """Ask a condition again, of the same processes: what their containers are called becomes known later."""
        if self._condition is None or self._satisfying(self._condition) == self._matched_last:
            return False
        self._flatten()
        return True

    def owner(self, process: Process) -> Container | None:
        """Return the container of a process, the host, or None while it is not known."""
        cgroup = process.cgroup_id
        if cgroup not in self._owners:
            self._owners[cgroup] = self._engine.container_of(cgroup) if cgroup else None
        return self._owners[cgroup]

    def container_name(self, process: Process) -> str:
        """Return the name of a process's container, empty on the host, "?" while not known."""
        owner = self.owner(process)
        return "?" if owner is None else "" if owner.is_host else owner.name or owner.pod_name or owner.id

    def position(self, key: Key) -> int | None:
        """Return where a process is now, None when it is not shown."""
        if self._place is None:
            self._place = {id(row.process): at for at, row in enumerate(self.rows)}
        process = self._find(key)
        return None if process is None else self._place.get(id(process))

    def _find(self, key: Key) -> Process | None:
        return next((p for p in self._by_pid.get(key[0], ()) if p.start_ns == key[1]), None)

    # Commands.

    def turn_order(self, step: int) -> str:
        """Go to the next (1) or previous (-1) order and return its name."""
        self.order = ORDERS[(ORDERS.index(self.order) + step) % len(ORDERS)]
        self._link()
        self._flatten()
        return self.order

    def show_ended(self, ended: bool) -> None:
        """Show ended processes too, or only the living."""
        self.ended = ended
        self._signature = []
        self.sync()

    def set_filter(self, text: str) -> None:
        """Keep the processes that a condition holds for or that hold a text, with all above and below; empty keeps all.

        A text is looked for in pid, command line, path, user id and container; capital letters count for nothing.

        Raises:
            RuleError: It is a condition and wrong; says where. The last filter stays.
        """
        from tuimon.view.process_filter import condition_of

        text = text.strip()
        self._condition = condition_of(text, self._engine.filter) if text else None
        self.filter_text = text
        self._flatten()

    def keep_filter(self, before: ProcessTree) -> None:
        """Filter as another tree does, once the processes are there: it was right when it was written."""
        with suppress(RuleError):  # of another engine the macros may be others
            self.set_filter(before.filter_text)

    def fold(self, key: Key, folded: bool | None = None) -> None:
        """Fold or unfold a process's descendants; None: the other way than now."""
        if folded is None:
            folded = key not in self._folded
        (self._folded.add if folded else self._folded.discard)(key)
        self._flatten()

    def fold_all(self, folded: bool) -> None:
        """Fold every process below the first level, or none."""
        children = self._children
        deep = (p for top in children.get(None, ()) for p in children.get(id(top), ()))
        self._folded = {key_of(p) for p in deep if id(p) in children} if folded else set()
        self._flatten()

    # Building.

    def _link(self) -> None:
        """Find every process's parent, and its children in order."""
        by_pid: dict[int, list[Process]] = {}
        for process in self._processes:
            by_pid.setdefault(process.pid, []).append(process)
        children: Children = {}
        above: dict[int, int] = {}
        for process in sorted(self._processes, key=_SORT[self.order]):
            parent = _parent(process, by_pid)
            if parent is None:
                children.setdefault(None, []).append(process)
            else:
                children.setdefault(id(parent), []).append(process)
                above[id(process)] = id(parent)
        self._by_pid, self._children, self._above = by_pid, children, above
        self._cut_loops()

    def _cut_loops(self) -> None:
        """Make a root of one process of each loop of parents, which only a damaged recording can hold."""
        reached: set[int] = set()
        self._reach(self._children.get(None, []), reached)
        if len(reached) == len(self._processes):
            return
        for process in self._processes:
            if id(process) not in reached:
                self._children[self._above.pop(id(process))].remove(process)
                self._children.setdefault(None, []).append(process)
                self._reach([process], reached)

    def _reach(self, roots: Sequence[Process], reached: set[int]) -> None:
        stack = list(roots)
        while stack:
            process = stack.pop()
            reached.add(id(process))
            stack += self._children.get(id(process), ())

    def _flatten(self) -> None:
        """Make the rows: depth first, without what is folded or filtered."""
        children = self._children
        kept, matched = self._filtered()
        folded = self._folded_indexes() if kept is None else frozenset[int]()
        rows: list[TreeRow] = []
        none: list[Process] = []
        stack = [(p, 0) for p in reversed(children.get(None, none)) if kept is None or id(p) in kept]
        while stack:
            process, depth = stack.pop()
            index = id(process)
            below = children.get(index, none)
            if kept is not None and below:
                below = [p for p in below if id(p) in kept]
            hidden = self._count(below) if index in folded else 0
            rows.append(TreeRow(process, depth, len(below), hidden, matched is None or index in matched))
            if below and not hidden:
                stack += [(p, depth + 1) for p in reversed(below)]
        self.rows = tuple(rows)
        self.total = len(self._processes)
        self.matches = self.total if matched is None else len(matched)
        self._place = None

    def _folded_indexes(self) -> set[int]:
        found = (self._find(key) for key in self._folded)
        return {id(p) for p in found if p is not None}

    def _count(self, processes: Sequence[Process]) -> int:
        """Return how many there are with all their descendants."""
        count, stack = 0, list(processes)
        while stack:
            count += 1
            stack += self._children.get(id(stack.pop()), ())
        return count

    def _filtered(self) -> tuple[set[int] | None, set[int] | None]:
        """Return which processes stay and which of them the filter itself keeps; None for all."""
        if not self.filter_text:
            return None, None
        if self._condition is not None:
            matched = self._satisfying(self._condition)
        else:
            wanted = plain_text(self.filter_text)
            matched = self._matched((self.filter_text if wanted is None else wanted).lower())
        self._matched_last = matched
        kept = set(matched)
        for index in matched:
            at = self._above.get(index)
            while at is not None and at not in kept:
                kept.add(at)
                at = self._above.get(at)
        stack = list(matched)
        while stack:
            for child in self._children.get(stack.pop(), ()):
                if id(child) not in matched:
                    kept.add(id(child))
                    stack.append(id(child))
        return kept, matched

    def _satisfying(self, condition: RowFilter) -> set[int]:
        """Return the processes that a condition holds for."""
        from tuimon.view.process_filter import rows_of

        if self._asked is None:
            self._asked = rows_of(self._processes)
        return {id(self._processes[row]) for row in condition.rows(self._asked).tolist()}

    def _matched(self, needle: str) -> set[int]:
        """Return the processes that hold a text in small letters."""
        one_of_each = {p.cgroup_id: p for p in self._processes}.values()
        cgroups = {p.cgroup_id for p in one_of_each if needle in self.container_name(p).lower()}
        texts = self._texts
        matched = set()
        for process in self._processes:
            known = texts.get(id(process))
            if known is None:
                known = texts[id(process)] = process, _text(process)
            if needle in known[1] or process.cgroup_id in cgroups:
                matched.add(id(process))
        return matched


Children = dict[int | None, list[Process]]
"""The children of each process, by its id; under None those whose parent is not there."""


def key_of(process: Process) -> Key:
    """Return what tells a process from the others."""
    return process.pid, process.start_ns


_SORT: Final[dict[str, Callable[[Process], tuple[int, int] | tuple[str, int]]]] = {
    "start": lambda p: (p.start_ns, p.pid),
    "pid": lambda p: (p.pid, p.start_ns),
    "name": lambda p: (p.comm.lower(), p.pid),
    "newest": lambda p: (-p.start_ns, -p.pid),
}


def _text(process: Process) -> str:
    return f"{process.pid} {process.cmdline} {process.exe} {process.exepath} uid={process.uid}".lower()


def _parent(process: Process, by_pid: dict[int, list[Process]]) -> Process | None:
    """Return the nearest ancestor that is there; of a pid used twice the process that was there before its child."""
    parent = process.parent
    if parent is not None:
        # Nearly always the parent itself is enough.
        for at in (parent, *(() if parent.pid in by_pid else parent.ancestors())):
            for candidate in by_pid.get(at.pid, ()):
                if abs(candidate.start_ns - at.start_ns) < _TICK_NS and candidate.pid != process.pid:
                    return candidate
    for candidate in by_pid.get(process.ppid, ()):
        if candidate.end_ns is None and candidate.start_ns <= process.start_ns + _TICK_NS and candidate is not process:
            return candidate
    return None
