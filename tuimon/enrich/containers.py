"""Containers: cgroup id to container, named by the engine that runs it, without ever blocking who asks.

``of_cgroup`` is a look into a dict. What it does not find is handed to a background thread, which finds the cgroup's
path, decides whether it is a container's (tuimon.enrich.resolve), and asks the engines' files and sockets. Cgroups that
are made while tuimon runs are seen by inotify before their first process runs, so that most are known before their
first event.

Containers are immutable; a better known one replaces the old one as a whole and ``revision`` grows. An engine that does
not answer leaves the id alone and one notice: never a guess.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from tuimon.enrich import container_state
from tuimon.enrich.cgroups import Cgroups
from tuimon.enrich.inotify import TreeWatch
from tuimon.enrich.procfs import Procfs
from tuimon.enrich.resolve import UNDECIDED, Found, Resolver
from tuimon.events import HOST, Container

_RETRIES_S: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
"""Waits between attempts to decide or to name; then the last one doubled, up to the cap."""
_RETRY_CAP_S: Final = 30.0
_SCAN_S: Final = 30.0
"""Between scans of the hierarchy, a net below inotify (which loses events when its queue overflows)."""
_MAX_ENDED: Final = 4096
"""Ended containers kept, whatever history says."""
_MAX_GONE: Final = 65_536
"""Cgroups kept that are gone, whatever history says."""
_MAX_ASKED: Final = 65_536
"""Unknown ids remembered so as not to ask about each event's again."""


class Containers:
    """All containers seen.

    Args:
        procfs: For second signs and for finding engines; /proc when not given.
        cgroups: The hierarchy that events are keyed by; this machine's when not given.
        resolver: What decides and names; made from the other two when not given.
        live: False for a recording's containers: ``start`` then does nothing.

    Nothing on this machine is looked at before ``start``.
    """

    def __init__(
        self,
        procfs: Procfs | None = None,
        cgroups: Cgroups | None = None,
        resolver: Resolver | None = None,
        *,
        live: bool = True,
    ) -> None:
        self.revision = 0
        """Grows whenever something became known, changed or ended."""
        self.changed: Callable[[], None] | None = None
        """Called when it has grown, in any thread, the tables locked: must be quick."""
        self._given = procfs, cgroups
        self._live = live
        self._cgroups: Cgroups | None = None
        self._resolver = resolver
        self._by_cgroup: dict[int, Container] = {}
        self._containers: dict[str, Container] = {HOST.full_id: HOST}
        self._members: dict[str, set[int]] = {HOST.full_id: set()}
        self._ended_ns: dict[str, int] = {}
        self._gone: deque[tuple[int, int]] = deque()
        """(when, since boot; cgroup id) of cgroups that are gone, oldest first."""
        self._entries: dict[int, _Entry] = {}
        self._asked: set[int] = set()
        self._questions: deque[int] = deque()
        """Ids to look at, put there by whoever asked."""
        self._trouble = ""
        self._unseen = ""
        self._lock = threading.Lock()
        """Held for writing the tables; readers of one key need none."""
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wake_fds: tuple[int, int] | None = None
        self._wake_lock = threading.Lock()

    def start(self) -> None:
        """Look at every cgroup there is and go on watching, in a thread of its own."""
        if self._thread is not None or not self._live:
            return
        procfs, cgroups = self._given
        procfs = procfs or Procfs()
        self._cgroups = cgroups or Cgroups(procfs=procfs)
        self._resolver = self._resolver or Resolver(procfs, self._cgroups)
        self._stop.clear()
        self._wake_fds = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="tuimon-containers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; what is known stays. May be called more than once."""
        self._stop.set()
        if self._thread is not None:
            self._wake()
            self._thread.join()
            self._thread = None
        with self._wake_lock:
            fds, self._wake_fds = self._wake_fds or (), None
            for fd in fds:
                os.close(fd)

    def of_cgroup(self, cgroup_id: int) -> Container | None:
        """Return the container of a cgroup, HOST for the host's, None while it is not known which; never blocks.

        A container with ``known`` False is one whose engine has not told its name yet.
        """
        container = self._by_cgroup.get(cgroup_id)
        if container is None and self._thread is not None and cgroup_id and cgroup_id not in self._asked:
            self._asked.add(cgroup_id)
            self._questions.append(cgroup_id)
            self._wake()
        return container

    def list(self) -> tuple[Container, ...]:
        """Return the host and every container kept, in the order they were seen; any thread."""
        with self._lock:
            return tuple(self._containers.values())

    def by_cgroup(self) -> dict[int, Container]:
        """Return what is known of every cgroup kept; any thread."""
        with self._lock:
            return dict(self._by_cgroup)

    def by_id(self, full_id: str) -> Container | None:
        """Return a container by its full id; any thread."""
        return self._containers.get(full_id)

    def cgroups_of(self, full_id: str) -> frozenset[int]:
        """Return the ids of all cgroups of a container, those made inside it too; any thread."""
        with self._lock:
            return frozenset(self._members.get(full_id, ()))

    def notices(self) -> Sequence[str]:
        """Return sentences that the user should read: engines that do not answer; any thread."""
        said = self._resolver.notices() if self._resolver is not None else ()
        return tuple(sentence for sentence in (*said, self._unseen, self._trouble) if sentence)

    def retire(self, oldest_kept_ns: int) -> int:
        """Drop the containers that ended before the oldest kept event; return how many.

        Args:
            oldest_kept_ns: ``ts_ns`` (since boot) of the oldest event that anybody may still ask about.
        """
        gone = [i for i, end_ns in tuple(self._ended_ns.items()) if end_ns < oldest_kept_ns]
        for full_id in gone:
            self._drop(full_id)
        while self._gone and self._gone[0][0] < oldest_kept_ns:
            self._forget_gone()
        return len(gone)

    def to_state(self) -> dict[str, Any]:
        """Return what is known as a dict that JSON can hold; any thread."""
        with self._lock:
            return container_state.dump(self._containers, self._members)

    @classmethod
    def from_state(cls, state: object) -> Containers:
        """Return containers as they were saved, for a recording: they never look at this machine.

        Raises:
            RecordingError: The state is not what ``to_state`` returns.
        """
        containers = cls(live=False)
        for container, members in container_state.load(state):
            containers._containers[container.full_id] = container
            containers._members.setdefault(container.full_id, set()).update(members)
            for cgroup_id in members:
                containers._by_cgroup[cgroup_id] = container
        return containers

    # --- the thread

    def _run(self) -> None:
        assert self._cgroups is not None
        watch: TreeWatch | None = None
        try:
            watch = TreeWatch(os.fspath(self._cgroups.base))
        except OSError:
            watch = None
        try:
            scan_at = 0.0
            while not self._stop.is_set():
                if time.monotonic() >= scan_at:
                    self._scan()
                    scan_at = time.monotonic() + (_SCAN_S if watch is not None else 1.0)
                self._answer()
                self._retry()
                if self._wait(watch, self._pause(scan_at)):
                    scan_at = 0.0
        finally:
            if watch is not None:
                watch.close()
            self._cgroups.close()

    def _wait(self, watch: TreeWatch | None, timeout_s: float) -> bool:
        """Wait for something to do; tell whether a scan is needed because events were lost."""
        assert self._wake_fds is not None
        assert self._cgroups is not None
        readers: list[Any] = [self._wake_fds[0]]
        if watch is not None:
            readers.append(watch)
        ready, _, _ = select.select(readers, [], [], timeout_s)
        if self._wake_fds[0] in ready:
            os.read(self._wake_fds[0], 4096)
        if watch is None or watch not in ready:
            return False
        made, removed, lost = watch.read()
        base = len(os.fspath(self._cgroups.base))
        for folder in made:
            cgroup_id = self._cgroups.id_of(folder[base:] or "/")
            if cgroup_id:
                self._look_at(cgroup_id, folder[base:] or "/")
        gone = {folder[base:] for folder in removed}
        for entry in [e for e in self._entries.values() if e.path in gone]:
            self._end(entry)
        return lost

    def _pause(self, scan_at: float) -> float:
        if self._questions:
            return 0.0
        due = min((e.due for e in self._entries.values()), default=scan_at)
        return min(max(min(due, scan_at) - time.monotonic(), 0.0), 1.0)

    def _wake(self) -> None:
        # Locked, or the byte could go into a file that got the number of a pipe just closed.
        with self._wake_lock:
            if self._wake_fds is not None:
                with contextlib.suppress(BlockingIOError):
                    os.write(self._wake_fds[1], b"x")

    def _scan(self) -> None:
        """Look at every cgroup; end those that are gone."""
        assert self._cgroups is not None
        there = self._cgroups.scan()
        unseen = len(self._cgroups.missing_from_v2())
        self._unseen = (
            f"{unseen} containers are in no cgroup of version 2: their events count as the host's." if unseen else ""
        )
        for entry in [e for i, e in self._entries.items() if i not in there]:
            self._end(entry)
        for cgroup_id, path in there.items():
            if cgroup_id not in self._entries:
                self._look_at(cgroup_id, path)

    def _answer(self) -> None:
        """Look at the cgroups that somebody asked about."""
        assert self._cgroups is not None
        while self._questions:
            cgroup_id = self._questions.popleft()
            if cgroup_id in self._by_cgroup:
                continue
            entry = self._entries.get(cgroup_id)
            if entry is None:
                path = self._cgroups.path_of(cgroup_id)
                if path is not None:
                    self._look_at(cgroup_id, path)
            elif entry.due > time.monotonic() + _RETRIES_S[0]:
                # It has processes now: look sooner than an idle one would be.
                entry.attempt = min(entry.attempt, 1)
                self._try(entry)
            if cgroup_id in self._entries:
                # There, and may be asked about again. What is not there was gone before anybody could look, or is no
                # cgroup of ours: ids do not come back, so that one is not asked about again.
                self._asked.discard(cgroup_id)
        if len(self._asked) > _MAX_ASKED:
            self._asked.clear()

    def _look_at(self, cgroup_id: int, path: str) -> None:
        entry = self._entries.get(cgroup_id)
        if entry is None:
            entry = self._entries[cgroup_id] = _Entry(cgroup_id, path)
            self._try(entry)

    def _retry(self) -> None:
        """Look again at what is due; stop early for new questions, since an engine's answer can take a while."""
        now = time.monotonic()
        for entry in sorted((e for e in self._entries.values() if e.due <= now), key=lambda e: e.due):
            self._try(entry)
            if self._questions or self._stop.is_set():
                return

    def _try(self, entry: _Entry) -> None:
        assert self._resolver is not None
        try:
            found = self._resolver.resolve(entry.path, entry.attempt)
        except Exception as error:  # an engine's odd answer about one container must not leave all others nameless
            self._trouble = f"Looking at the cgroup {entry.path} failed: {error!r}."
            found = UNDECIDED
        self._take(entry, found)
        entry.attempt += 1
        if found.settled:
            wait_s = found.again_s
        else:
            wait_s = _RETRIES_S[min(entry.attempt, len(_RETRIES_S)) - 1]
            late = max(entry.attempt - len(_RETRIES_S), 0)
            wait_s = min(wait_s * 2.0 ** min(late, 8), _RETRY_CAP_S)
        entry.due = time.monotonic() + wait_s

    def _take(self, entry: _Entry, found: Found) -> None:
        container = found.container
        if container is None:
            return
        with self._lock:
            before = self._containers.get(container.full_id)
            if before is not None and before.known and not container.known:
                container = replace(before, ended=False)
            if before == container and self._by_cgroup.get(entry.cgroup_id) is before:
                return
            if before is None or before != container:
                self._containers[container.full_id] = container
                self._ended_ns.pop(container.full_id, None)
            else:
                container = before
            members = self._members.setdefault(container.full_id, set())
            members.add(entry.cgroup_id)
            entry.full_id, entry.is_own = container.full_id, found.is_own
            for cgroup_id in members:
                self._by_cgroup[cgroup_id] = container
            self._grow()

    def _end(self, entry: _Entry) -> None:
        """A cgroup is gone: its container has ended when it was the container's own."""
        assert self._cgroups is not None
        assert self._resolver is not None
        self._entries.pop(entry.cgroup_id, None)
        self._cgroups.forget(entry.cgroup_id)
        self._resolver.forget(entry.path)
        self._gone.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME), entry.cgroup_id))
        if len(self._gone) > _MAX_GONE:
            self._forget_gone()
        if not entry.is_own:
            return
        with self._lock:
            container = self._containers.get(entry.full_id)
            if container is None or container.is_host or container.ended:
                return
            ended = replace(container, ended=True)
            self._containers[entry.full_id] = ended
            for cgroup_id in self._members.get(entry.full_id, ()):
                self._by_cgroup[cgroup_id] = ended
            self._ended_ns[entry.full_id] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            self._grow()
            surplus = len(self._ended_ns) - _MAX_ENDED
            oldest = list(self._ended_ns)[: max(surplus, 0)]
        for full_id in oldest:
            self._drop(full_id)

    def _grow(self) -> None:
        self.revision += 1
        if self.changed is not None:
            self.changed()

    def _forget_gone(self) -> None:
        """Drop the oldest cgroup that is gone."""
        with self._lock:
            if not self._gone:
                return
            _, cgroup_id = self._gone.popleft()
            container = self._by_cgroup.pop(cgroup_id, None)
            self._asked.discard(cgroup_id)
            if container is not None:
                self._members.get(container.full_id, set()).discard(cgroup_id)

    def _drop(self, full_id: str) -> None:
        with self._lock:
            if self._ended_ns.pop(full_id, None) is None:
                return
            self._containers.pop(full_id, None)
            for cgroup_id in self._members.pop(full_id, ()):
                self._by_cgroup.pop(cgroup_id, None)
                self._asked.discard(cgroup_id)
            self._grow()


class _Entry:
    """A cgroup that is there, as the thread keeps it."""

    __slots__ = ("attempt", "cgroup_id", "due", "full_id", "is_own", "path")

    def __init__(self, cgroup_id: int, path: str) -> None:
        self.cgroup_id = cgroup_id
        self.path = path
        self.attempt = 0
        self.due = 0.0
        self.full_id = ""
        self.is_own = False
        """Whether it is the container's own cgroup, not one made inside it."""
