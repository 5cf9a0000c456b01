"""Process: one version of a process, in few bytes, because the history keeps tens of thousands of them.

What tells one version from the next (who, when, its name, its folder) lies in the object itself. The rest is in three
tuples that versions share: a child has its parent's program, and of the programs that a script starts nearly all run as
the same user in the same namespaces and session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

UNSET_ID: Final = 0xFFFFFFFF
"""(u32)-1: a loginuid that was never set."""
PROCESS_BYTES: Final = 400
"""About what a version of a process holds in memory that is its own, on a machine at work."""


class Image(NamedTuple):
    """The program that a process executes, and how it was called."""

    exe: str = ""
    """argv[0]."""
    args: tuple[str, ...] = ()
    """The arguments after argv[0]."""
    env: tuple[str, ...] | None = None
    """NAME=value; None when not captured."""
    exepath: str = ""
    """Real path of the executable, as the process's own root shows it."""
    exe_flags: int = 0
    exe_ino: int = 0
    exe_ctime_ns: int = 0
    exe_mtime_ns: int = 0


class Standing(NamedTuple):
    """As whom and where a process runs, and what it may do."""

    uid: int = UNSET_ID
    gid: int = UNSET_ID
    loginuid: int = UNSET_ID
    tty: int = 0
    mnt_ns: int = 0
    pid_ns: int = 0
    pid_ns_level: int = 0
    pidns_start_ns: int = 0
    cap_permitted: int | None = None
    cap_effective: int | None = None
    cap_inheritable: int | None = None
    fd_limit: int = 0
    cgroup_id: int = 0


class Session(NamedTuple):
    """To whom a process belongs."""

    ppid: int = 0
    sid: int = 0
    pgid: int = 0
    vpgid: int = 0
    vsid: int = 0


_NO_IMAGE: Final = Image()
_NO_STANDING: Final = Standing()
_NO_SESSION: Final = Session()

# Equal ones are one object, and are compared as quickly as one. Sessions are nearly all of one process each, and are
# the same from its fork to its exec; few last longer.


@lru_cache(maxsize=2048)
def shared_image(*parts: Any) -> Image:
    """Return the image of these members; for short ones, they stay for a while."""
    return Image(*parts)


@lru_cache(maxsize=512)
def shared_standing(*parts: int | None) -> Standing:
    """Return the standing of these members."""
    return Standing(*parts)  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def shared_session(*parts: int) -> Session:
    """Return the session of these members."""
    return Session(*parts)


class _Member(Protocol[T]):
    """A member of a process that lies in one of the shared tuples, as type checkers see it."""

    def __get__(self, process: Process, owner: type[Process]) -> T: ...
    def __set__(self, process: Process, value: T) -> None: ...


def _of(group: str, name: str, share: Callable[..., Any]) -> Any:
    """Return a property for a member of one of the shared tuples; it is read in C."""

    def put(process: Process, value: object) -> None:
        setattr(process, group, share(*getattr(process, group)._replace(**{name: value})))

    return property(attrgetter(f"{group}.{name}"), put)


class Process:
    """One version of a process: from a fork or an exec until the next exec or the end.

    Written only by tuimon.enrich.processes. A process is (pid, start time), never a bare pid; every exec makes a new
    version, so that an old event keeps showing the program that made it.
    """

    __slots__ = (
        "comm", "cwd", "end_ns", "exec_ns", "from_procfs", "image", "index", "parent", "pid", "session", "standing",
        "start_ns", "vpid",
    )  # fmt: skip

    pid: int
    start_ns: int
    """Since boot."""
    index: int
    """Place in the process table; ``Batch.process_at`` refers to it."""
    parent: Process | None
    """None when unknown, or for pid 1 and kernel threads."""
    comm: str
    cwd: str
    """Without the closing slash that Falco's proc.cwd adds."""
    vpid: int
    exec_ns: int
    """When this version began, since boot."""
    end_ns: int | None
    """When the process ended, None while it lives."""
    from_procfs: bool
    """Read from /proc at start or on demand, not seen being made."""
    image: Image
    standing: Standing
    session: Session

    exe: _Member[str] = _of("image", "exe", Image)
    args: _Member[tuple[str, ...]] = _of("image", "args", Image)
    env: _Member[tuple[str, ...] | None] = _of("image", "env", Image)
    exepath: _Member[str] = _of("image", "exepath", Image)
    exe_flags: _Member[int] = _of("image", "exe_flags", Image)
    exe_ino: _Member[int] = _of("image", "exe_ino", Image)
    exe_ctime_ns: _Member[int] = _of("image", "exe_ctime_ns", Image)
    exe_mtime_ns: _Member[int] = _of("image", "exe_mtime_ns", Image)
    uid: _Member[int] = _of("standing", "uid", shared_standing)
    gid: _Member[int] = _of("standing", "gid", shared_standing)
    loginuid: _Member[int] = _of("standing", "loginuid", shared_standing)
    tty: _Member[int] = _of("standing", "tty", shared_standing)
    mnt_ns: _Member[int] = _of("standing", "mnt_ns", shared_standing)
    pid_ns: _Member[int] = _of("standing", "pid_ns", shared_standing)
    pid_ns_level: _Member[int] = _of("standing", "pid_ns_level", shared_standing)
    pidns_start_ns: _Member[int] = _of("standing", "pidns_start_ns", shared_standing)
    cap_permitted: _Member[int | None] = _of("standing", "cap_permitted", shared_standing)
    cap_effective: _Member[int | None] = _of("standing", "cap_effective", shared_standing)
    cap_inheritable: _Member[int | None] = _of("standing", "cap_inheritable", shared_standing)
    fd_limit: _Member[int] = _of("standing", "fd_limit", shared_standing)
    cgroup_id: _Member[int] = _of("standing", "cgroup_id", shared_standing)
    ppid: _Member[int] = _of("session", "ppid", shared_session)
    sid: _Member[int] = _of("session", "sid", shared_session)
    pgid: _Member[int] = _of("session", "pgid", shared_session)
    vpgid: _Member[int] = _of("session", "vpgid", shared_session)
    vsid: _Member[int] = _of("session", "vsid", shared_session)

    def __init__(
        self,
        pid: int,
        start_ns: int,
        index: int = -1,
        parent: Process | None = None,
        comm: str = "",
        cwd: str = "",
        *,
        vpid: int = 0,
        exec_ns: int = 0,
        end_ns: int | None = None,
        from_procfs: bool = False,
        image: Image = _NO_IMAGE,
        standing: Standing = _NO_STANDING,
        session: Session = _NO_SESSION,
        **members: Any,
    ) -> None:
        """Make a version; ``members`` are those of image, standing and session, by name."""
        self.pid = pid
        self.start_ns = start_ns
        self.index = index
        self.parent = parent
        self.comm = comm
        self.cwd = cwd
        self.vpid = vpid
        self.exec_ns = exec_ns
        self.end_ns = end_ns
        self.from_procfs = from_procfs
        self.image = image
        self.standing = standing
        self.session = session
        for name, value in members.items():
            if name not in _SHARED:
                raise TypeError(f"a process has no {name}")
            setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Process) and _members(self) == _members(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Process({', '.join(f'{name}={getattr(self, name)!r}' for name in MEMBERS if name != 'parent')})"

    def copy(self) -> Process:
        """Return a copy without an index; it shares what it can."""
        copy = Process.__new__(Process)
        for name in Process.__slots__:
            setattr(copy, name, getattr(self, name))
        copy.index = -1
        return copy

    @property
    def cmdline(self) -> str:
        """Falco's proc.cmdline: comm and the arguments."""
        return " ".join((self.comm, *self.args))

    def ancestors(self) -> Iterator[Process]:
        """Yield parent, grandparent and so on; stops at the top and at a loop."""
        seen = {self.pid}
        at = self.parent
        while at is not None and at.pid not in seen:
            yield at
            seen.add(at.pid)
            at = at.parent


_SHARED: Final = frozenset((*Image._fields, *Standing._fields, *Session._fields))
_OWN: Final = tuple(name for name in Process.__slots__ if name not in ("image", "standing", "session"))
MEMBERS: Final = (*_OWN, *Image._fields, *Standing._fields, *Session._fields)
"""All that a version says."""
_members: Final = attrgetter(*MEMBERS)
