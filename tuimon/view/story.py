"""Story: what the processes around an alert did, in order of time: programs, files, connections, alerts.

The processes are those of one visit: from the alert's own up to the one that entered the container (on the host: that
began the session), and all below that one. Calls that tell little, such as a library opened for reading, are left out
unless asked for, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tuimon.batch import Batch
from tuimon.before import Frozen
from tuimon.events import Alert, Container, Event, Process
from tuimon.history import History
from tuimon.records import Kind, Slot
from tuimon.syscalls import CALL_OF_NR, event_name
from tuimon.view.columns import detail

MAX_LINES: Final = 20_000
"""Beyond them the story says how many events it leaves out."""
_TICK_NS: Final = 10_000_000
"""Start times read from /proc are cut to ticks."""
_O_WRITES: Final = 0o1 | 0o2 | 0o100 | 0o1000
"""O_WRONLY, O_RDWR, O_CREAT, O_TRUNC."""
_REFUSED: Final = (-1, -13)
"""EPERM and EACCES: somebody tried."""
_OPENS: Final = {"open": 1, "openat": 2}
"""Position of their flags."""
_TELLING_NAMES: Final = """
accept accept4 add_key bind bpf capset chmod chown chroot connect creat delete_module execveat fchmod fchmodat fchown
fchownat finit_module init_module io_uring_setup kexec_load keyctl kill lchown link linkat listen memfd_create mkdir
mkdirat mknod mknodat mount move_mount open_by_handle_at openat2 perf_event_open pidfd_getfd pivot_root
process_vm_readv process_vm_writev ptrace rename renameat renameat2 rmdir sendmsg sendto setgid setns setresgid
setresuid setreuid setuid symlink symlinkat tkill truncate umount umount2 unlink unlinkat unshare userfaultfd
"""
TELLING: Final = frozenset(_TELLING_NAMES.split())
"""Calls that tell a story by themselves; opens do when they are for writing or were refused."""

_NOWHERE: Final = (b"/dev/null", b"/dev/tty")
"""Written to by every shell, and nothing comes of it."""

Key = tuple[int, int]


class Teller(Protocol):
    """What a story asks of an engine."""

    history: History

    def event(self, batch: Batch, row: int) -> Event:
        """Return a row object."""

    def container_of(self, cgroup_id: int) -> Container | None:
        """Return the owner of a cgroup."""


class StoryLine(NamedTuple):
    """One thing that happened, or the same thing several times on end."""

    event: Event
    depth: int
    """Below the first process."""
    times: int
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What happened."""

    root: Process
    lines: tuple[StoryLine, ...]
    processes: int
    left_out: int
    """Events of these processes that are not told, because they tell little or are too many."""
    entry: int
    """Events of the process that entered the container, before it became the first program there, that are not told."""
    complete: bool
    """Whether the history still holds the time when the first process began."""


def key_of(process: Process) -> Key:
    """Return what a process is, whoever told its start."""
    return process.pid, process.start_ns // _TICK_NS


def root_of(process: Process, engine: Teller) -> Process:
    """Return the process that entered the container, or on the host began the session, of a process."""
    owner = engine.container_of(process.cgroup_id)
    root = process
    for above in process.ancestors():
        if owner is None or owner.is_host:
            same = above.cgroup_id == root.cgroup_id and above.pid != 1 and root.sid != root.pid
        else:
            same = getattr(engine.container_of(above.cgroup_id), "id", None) == owner.id
        if not same:
            break
        root = above
    return root


def tell(
    alert: Alert, engine: Teller, alerts: Sequence[Alert], frozen: Frozen | None, *, everything: bool = False
) -> Story | None:
    """Return the story of an alert; None when its process is not known.

    Args:
        alert: Which.
        engine: Whose history is searched.
        alerts: Those that are kept, of any process.
        frozen: What was frozen with it: the events that the history no longer holds are taken from there.
        everything: Tell also what tells little.
    """
    process = alert.event.process
    if process is None:
        return None
    family = _Family(root_of(process, engine))
    alerts_of: dict[int, list[Alert]] = {}
    for one in {alert.num: alert, **{each.num: each for each in alerts}}.values():
        alerts_of.setdefault(one.event.num, []).append(one)
    events, left_out = _events(engine, family, alerts_of, frozen, everything=everything)
    lines = _folded(events, family, alerts_of)
    owner = engine.container_of(family.root.cgroup_id)
    entry = 0
    if not everything and owner is not None and not owner.is_host:
        lines, entry = _without_entry(lines, family.root)
    left_out += sum(line.times for line in lines[:-MAX_LINES])
    first = engine.history.batches()[:1]
    began = bool(first) and int(first[0].head["ts_ns"][0]) <= family.root.start_ns
    return Story(family.root, tuple(lines[-MAX_LINES:]), len(family.keys), left_out, entry, began)


class _Family:
    """The processes below one."""

    def __init__(self, root: Process) -> None:
        self.root = root
        self.keys: set[Key] = {key_of(root)}
        self._depths: dict[int, int | None] = {}

    def depth(self, process: Process) -> int | None:
        """Return how far below the first one a process is, None when it is none of them."""
        number = id(process)
        if number not in self._depths:
            self._depths[number] = self._find(process)
        return self._depths[number]

    def _find(self, process: Process) -> int | None:
        root = key_of(self.root)
        for depth, each in enumerate((process, *process.ancestors())):
            if key_of(each) == root:
                self.keys.add(key_of(process))
                return depth
        return None


def _events(
    engine: Teller, family: _Family, marked: Mapping[int, object], frozen: Frozen | None, *, everything: bool
) -> tuple[list[Event], int]:
    """Return the events of a family that are told, in order, and how many are not."""
    found: list[Event] = []
    left_out = 0
    first_num = engine.history.first_num
    if frozen is not None:
        early = [frozen.event(row) for row in np.flatnonzero(frozen.nums < first_num).tolist()]
        found += [e for e in early if e.process is not None and family.depth(e.process) is not None]
    known: dict[int, bool] = {}
    held: list[Process] = []  # ids are keys while their owner lives
    for batch in engine.history.batches():
        if not len(batch.process_at):
            continue
        rows = _rows_of(batch, engine, family, known, held)
        if not len(rows):
            continue
        told = rows if everything else rows[_telling(batch, rows, marked)]
        left_out += len(rows) - len(told)
        found += [engine.event(batch, row) for row in told[-MAX_LINES:].tolist()]
    told_of = []
    for event in found:
        if everything or _tells(event, marked):
            told_of.append(event)
        else:
            event.part()
    return told_of, left_out + len(found) - len(told_of)


def _rows_of(
    batch: Batch, engine: Teller, family: _Family, known: dict[int, bool], held: list[Process]
) -> NDArray[np.intp]:
    """Return the rows of a batch that a process of the family made."""
    indexes, first = np.unique(batch.process_at, return_index=True)
    for index, row in zip(indexes.tolist(), first.tolist(), strict=True):
        if index >= 0 and index not in known:
            process = engine.event(batch, row).process
            known[index] = process is not None and family.depth(process) is not None
            if process is not None:
                held.append(process)
    mine = [index for index in indexes.tolist() if known.get(index)]
    return np.flatnonzero(np.isin(batch.process_at, mine)) if mine else np.empty(0, np.intp)


def _without_entry(lines: list[StoryLine], root: Process) -> tuple[list[StoryLine], int]:
    """Return a story's lines without what its first process did before it became a program of the container.

    Until then it is the container's runtime, which sets up user, groups and rights. That is told by the exec, not by a
    name that an intruder could take; what an alert is about stays.

    Returns:
        The lines, and how many events are in none of them.
    """
    first = key_of(root)
    own = [line.event.process is not None and key_of(line.event.process) == first for line in lines]
    begins = next((at for at, line in enumerate(lines) if own[at] and line.event.kind is Kind.EXEC), 0)
    before = [line for at, line in enumerate(lines[:begins]) if own[at] and not line.alerts]
    left = set(map(id, before))
    return [line for line in lines if id(line) not in left], sum(line.times for line in before)


_TELLING_NRS: Final = np.array(
    sorted(nr for nr, call in CALL_OF_NR.items() if call.name in TELLING or call.name in _OPENS), np.uint16
)
_OPEN_NRS: Final = {nr: _OPENS[call.name] for nr, call in CALL_OF_NR.items() if call.name in _OPENS}


def _telling(batch: Batch, rows: NDArray[np.intp], marked: Mapping[int, object]) -> NDArray[np.bool_]:
    """Return which rows may tell something, by their columns alone."""
    head = batch.head[rows]
    telling = (head["kind"] != Kind.SYSCALL) & (head["kind"] != Kind.FORK)
    calls = head["kind"] == Kind.SYSCALL
    telling |= calls & np.isin(head["nr"], _TELLING_NRS)
    for nr, position in _OPEN_NRS.items():
        quiet = (head["arg"][:, position] & _O_WRITES == 0) & ~np.isin(head["ret"], _REFUSED)
        telling &= ~(calls & (head["nr"] == nr) & quiet)
    nums = rows + batch.first_num
    telling |= np.isin(nums, np.fromiter(marked, np.int64, len(marked)))
    return telling  # type: ignore[no-any-return]


def _tells(event: Event, marked: Mapping[int, object]) -> bool:
    """Return whether an event tells something; looks into what the columns do not say."""
    if event.num in marked:
        return True
    if event.kind is Kind.EXIT:
        return event.ret != 0
    if event.kind is Kind.FORK:
        return False
    if event.kind is not Kind.SYSCALL:
        return True
    name = event_name(event.kind, event.nr)
    if name in _OPENS:
        if event.slot(Slot.GIVEN) in _NOWHERE:
            return False
        return bool(event.args[_OPENS[name]] & _O_WRITES) or event.ret in _REFUSED
    return name in TELLING and not (name in ("sendto", "sendmsg") and not detail(event))


def _folded(events: Iterable[Event], family: _Family, alerts_of: Mapping[int, Sequence[Alert]]) -> list[StoryLine]:
    """Return the events as lines; the same thing several times on end is one."""
    lines: list[StoryLine] = []
    last: object = None
    for event in events:
        process = event.process
        depth = family.depth(process) if process is not None else None
        if process is None or depth is None:
            continue
        alerts = tuple(alerts_of.get(event.num, ()))
        same = (key_of(process), event.kind, event.nr, event.ret < 0, detail(event))
        event.part()  # a story keeps thousands of events
        if same == last and not alerts and not lines[-1].alerts:
            lines[-1] = lines[-1]._replace(times=lines[-1].times + 1)
            continue
        last = same
        lines.append(StoryLine(event, depth, 1, alerts))
    return lines


def totals(story: Story) -> list[tuple[str, int]]:
    """Return how often each kind of thing happened, the most frequent first."""
    counts: Counter[str] = Counter()
    for line in story.lines:
        counts[event_name(line.event.kind, line.event.nr)] += line.times
    return counts.most_common()
