"""ProcessTree: the list behind the tree pane: every process under its parent, folded, filtered, sorted; no screen.

Built from the engine's list of processes as a whole, about once a second and only when it changed: some 30 ms for
10,000 processes (tests/bench/bench_tree.py). A row is told by its process (pid and start), whatever moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from tuimon.events import Container, Process

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
    """The filter's text is in this row itself, not only above or below it; True without a filter."""


class Peopled(Protocol):
    """What the tree asks of an engine."""

    def process_list(self, *, ended: bool = False) -> list[Process]:
        """Return the living processes, and if asked for those that ended."""

    def container_of(self, cgroup_id: int) -> Container | None:
        """Return the owner of a cgroup."""


class ProcessTree:
    """The rows of the tree pane.

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
        """Processes that the filter's text was found in."""
        self._engine = engine
        self._folded: set[Key] = set()
        self._processes: list[Process] = []
        self._signature: list[tuple[int, bool]] = []
        self._owners: dict[int, Container | None] = {}
        self._place: dict[Key, int] = {}

    # Data.

    def sync(self) -> bool:
        """Take the processes as they are now; return whether the rows are others than before."""
        processes = self._engine.process_list(ended=self.ended)
        signature = [(p.index, p.end_ns is None) for p in processes]
        self._owners.clear()
        if signature == self._signature:
            return False
        self._signature, self._processes = signature, processes
        self._build()
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
        return self._place.get(key)

    # Commands.

    def turn_order(self, step: int) -> str:
        """Go to the next (1) or previous (-1) order and return its name."""
        self.order = ORDERS[(ORDERS.index(self.order) + step) % len(ORDERS)]
        self._build()
        return self.order

    def show_ended(self, ended: bool) -> None:
        """Show ended processes too, or only the living."""
        self.ended = ended
        self._signature = []
        self.sync()

    def set_filter(self, text: str) -> None:
        """Keep the processes that hold a text, with all above and below them; empty keeps all.

        Looked at are pid, command line, path, user id and container; capital letters count for nothing.
        """
        self.filter_text = text.strip()
        self._build()

    def fold(self, key: Key, folded: bool | None = None) -> None:
        """Fold or unfold a process's descendants; None: the other way than now."""
        if folded is None:
            folded = key not in self._folded
        (self._folded.add if folded else self._folded.discard)(key)
        self._build()

    def fold_all(self, folded: bool) -> None:
        """Fold every process below the first level, or none."""
        children = _children(self._processes)
        deep = (p for kids in (children.get(key_of(top), ()) for top in children.get(None, ())) for p in kids)
        self._folded = {key_of(p) for p in deep if key_of(p) in children} if folded else set()
        self._build()

    # Building.

    def _build(self) -> None:
        processes = sorted(self._processes, key=_SORT[self.order])
        children = _children(processes)
        kept, matched = self._filtered(processes, children)
        rows: list[TreeRow] = []
        folded = self._folded if kept is None else frozenset[Key]()
        stack: list[tuple[Process, int]] = [(p, 0) for p in reversed(children.get(None, ()))]
        while stack:
            process, depth = stack.pop()
            key = key_of(process)
            if kept is not None and key not in kept:
                continue
            below = children.get(key, ())
            if kept is not None:
                below = [p for p in below if key_of(p) in kept]
            hidden = _count(below, children) if key in folded else 0
            rows.append(TreeRow(process, depth, len(below), hidden, matched is None or key in matched))
            if not hidden:
                stack += [(p, depth + 1) for p in reversed(below)]
        self.rows = tuple(rows)
        self.total = len(processes)
        self.matches = len(processes) if matched is None else len(matched)
        self._place = {key_of(row.process): at for at, row in enumerate(rows)}

    def _filtered(
        self, processes: Sequence[Process], children: dict[Key | None, list[Process]]
    ) -> tuple[set[Key] | None, set[Key] | None]:
        """Return which processes stay and which of them hold the text; None for all."""
        if not self.filter_text:
            return None, None
        needle = self.filter_text.lower()
        matched = {key_of(p) for p in processes if needle in self._text(p)}
        kept = set(matched)
        above = {key_of(child): parent for parent, kids in children.items() if parent is not None for child in kids}
        for key in matched:
            at = above.get(key)
            while at is not None and at not in kept:
                kept.add(at)
                at = above.get(at)
        stack = list(matched)
        while stack:
            for child in children.get(stack.pop(), ()):
                key = key_of(child)
                if key not in matched:
                    kept.add(key)
                    stack.append(key)
        return kept, matched

    def _text(self, process: Process) -> str:
        name = self.container_name(process)
        return f"{process.pid} {process.cmdline} {process.exe} {process.exepath} {name} uid={process.uid}".lower()


def key_of(process: Process) -> Key:
    """Return what tells a process from the others."""
    return process.pid, process.start_ns


_SORT: Final[dict[str, Callable[[Process], tuple[int, int] | tuple[str, int]]]] = {
    "start": lambda p: (p.start_ns, p.pid),
    "pid": lambda p: (p.pid, p.start_ns),
    "name": lambda p: (p.comm.lower(), p.pid),
    "newest": lambda p: (-p.start_ns, -p.pid),
}


def _children(processes: Sequence[Process]) -> dict[Key | None, list[Process]]:
    """Return each process's children in the order given; under None those whose parent is not there."""
    by_pid: dict[int, list[Process]] = {}
    for process in processes:
        by_pid.setdefault(process.pid, []).append(process)
    children: dict[Key | None, list[Process]] = {}
    for process in processes:
        parent = _parent(process, by_pid)
        children.setdefault(None if parent is None else key_of(parent), []).append(process)
    return children


def _parent(process: Process, by_pid: dict[int, list[Process]]) -> Process | None:
    """Return the nearest ancestor that is there; of a pid used twice the process that was there before its child."""
    for at in _above(process):
        for candidate in by_pid.get(at.pid, ()):
            if abs(candidate.start_ns - at.start_ns) < _TICK_NS and candidate is not process:
                return candidate
    for candidate in by_pid.get(process.ppid, ()):
        if candidate.end_ns is None and candidate.start_ns <= process.start_ns + _TICK_NS and candidate is not process:
            return candidate
    return None


def _above(process: Process) -> Iterator[Process]:
    """Yield the parent, and only if asked on the ancestors beyond: nearly always the parent is enough."""
    at = process.parent
    if at is None or at.pid == process.pid:
        return
    yield at
    yield from at.ancestors()


def _count(processes: Sequence[Process], children: dict[Key | None, list[Process]]) -> int:
    """Return how many there are with all their descendants."""
    count, stack = 0, list(processes)
    while stack:
        count += 1
        stack += children.get(key_of(stack.pop()), ())
    return count
