"""What one event says, decoded once: the ground that all getters stand on.

``facts(event)`` gives the decoded head at the price of one attribute look-up after the first time; paths and socket
addresses are decoded when somebody asks. Paths follow Falco: as given, made absolute against the directory the kernel
reported, normalised by their text alone.
"""

from __future__ import annotations

import socket
import struct
from posixpath import normpath
from typing import Final, NamedTuple

from tuimon.capture.uring import CARRIED
from tuimon.events import Event, decode
from tuimon.fields.sock import SOCK_BYTES, Sock, guessed_role, ip_text
from tuimon.records import ANON_KINDS, FILE, Flag, Kind, Slot, SockFlag
from tuimon.syscalls import CALLS, PARAMS, Call, event_name

AT_FDCWD: Final = -100
UNKNOWN_DIR: Final = "<UNKNOWN>"
"""What Falco prints for a directory it does not know."""

NO_CALL: Final = Call("")
_NOT_ASKED: Final = object()

OPENS: Final = frozenset({"open", "openat", "openat2", "open_by_handle_at", "creat"})
DIRFD_CALLS: Final = frozenset(
    {"unlinkat", "mkdirat", "mknodat", "fchmodat", "fchownat", "symlinkat", "newfstatat"},
)
"""Calls whose fd.* fields describe the directory they start from, as Falco's do."""

_CREATED_KINDS: Final = {
    "pipe": "pipe",
    "pipe2": "pipe",
    "eventfd": "event",
    "eventfd2": "event",
    "signalfd": "signalfd",
    "signalfd4": "signalfd",
    "epoll_create": "eventpoll",
    "epoll_create1": "eventpoll",
    "inotify_init": "inotify",
    "inotify_init1": "inotify",
    "timerfd_create": "timerfd",
    "userfaultfd": "userfaultfd",
    "io_uring_setup": "io_uring",
    "memfd_create": "memfd",
    "pidfd_open": "pidfd",
    "bpf": "bpf",
    "socketpair": "unix",
}
_NO_FD_IN_FALCO: Final = frozenset({"epoll_wait", "getsockname", "getpeername"})
"""Calls on an fd for which Falco has no fd.* fields."""
ANON_INODE: Final = 0xFFF0
"""From here on fd_type stands for an anonymous inode, whose name is in the slot REAL."""
PIDFD: Final = 0xFFF1
"""A pidfd, which is a file of pidfs on newer kernels and has no name."""
# Sets and plain numbers, because rules ask these questions for every candidate: an enum member costs 50 ns to look up.
_SYSCALL: Final = int(Kind.SYSCALL)
_EXIT: Final = int(Kind.EXIT)
_IO_URING: Final = int(Kind.IO_URING)
_DONE: Final = int(Kind.IO_URING_DONE)
CALL_KINDS: Final = (_SYSCALL, _IO_URING, _DONE)
"""System calls, and requests of io_uring that stand for one."""
_PATHLESS_KINDS: Final = (int(Kind.FORK), _EXIT)
_RETURNING_KINDS: Final = (_SYSCALL, int(Kind.EXEC), int(Kind.FORK), _DONE)
_RETURNING: Final = frozenset(name for name, params in PARAMS.items() if params)
FD_EVENTS: Final = (
    frozenset(
        name
        for name, call in CALLS.items()
        if call.fd is not None or call.returns_fd or name in DIRFD_CALLS or name in _CREATED_KINDS
    )
    - _NO_FD_IN_FALCO
)
"""Calls for which the fd.* fields mean anything."""

_FAMILY_KINDS: Final = {
    int(socket.AF_INET): "ipv4",
    int(socket.AF_INET6): "ipv6",
    int(socket.AF_UNIX): "unix",
    16: "netlink",
}
_MODE_KINDS: Final = {0o040000: "directory", 0o010000: "pipe"}


class File(NamedTuple):
    """Which object an fd leads to, from the kernel's own structures."""

    ino: int
    dev: int
    """As ``new_encode_dev`` packs it (include/linux/kdev_t.h)."""
    flags: int
    """See records.FileFlag."""


_DATA_COPIES: Final = ("vector", "message", "messages")
POLLS: Final = frozenset({"poll", "ppoll"})
_POLLFD: Final = struct.Struct("<ihh")
_FILE: Final = struct.Struct("<QII")
_TOOK_BYTES: Final = 8


def absolute(base: str, given: str) -> str:
    """Return a path joined to its directory and normalised by its text, symlinks not followed.

    >>> absolute("/etc", "../x//y/")
    '/x/y'
    """
    if not given.startswith("/"):
        if not base:
            return UNKNOWN_DIR + given
        given = f"{base}/{given}"
    if "//" not in given and "/." not in given and (not given.endswith("/") or given == "/"):
        return given
    return normpath("/" + given.lstrip("/"))


def has_result(kind: int, name: str) -> bool:
    """Return whether events of a kind and type have a return value; see ``Facts.has_result``."""
    return kind in _RETURNING_KINDS and name in _RETURNING


def has_raw_result(kind: int, name: str) -> bool:
    """Return whether events of a kind and type have an evt.rawres.

    An io_uring request whose outcome did not come with it has 0 for one. It is taken for one that succeeds: rules that
    ask for success would else let pass whoever opens and connects that way.
    """
    return has_result(kind, name) or (kind == _IO_URING and name in _RETURNING)


class Facts:
    """One decoded event."""

    __slots__ = (
        "_fd_kind",
        "_fd_name",
        "_path",
        "_path2",
        "_real",
        "_role",
        "_slots",
        "_sock",
        "call",
        "event",
        "flags",
        "kind",
        "name",
        "nr",
        "regs",
        "ret",
        "tgid",
        "tid",
        "ts_ns",
    )

    def __init__(self, event: Event) -> None:
        batch, row = event.batch, event.row
        self.event = event
        self.ts_ns: int
        self.ret: int
        self.ts_ns, _, self.ret, self.tid, self.tgid, self.nr, self.kind, self.flags, _, _, low = batch.head[row].item()
        at = int(batch.ext_at[row])
        self.regs: list[int] = low.tolist() if at < 0 else low.tolist() + batch.ext["arg"][at].tolist()
        self.name = event_name(self.kind, self.nr)
        self.call = CALLS.get(self.name, NO_CALL) if self.kind != _EXIT else NO_CALL
        self._slots: list[bytes] | None = None
        self._path: str | object | None = _NOT_ASKED
        self._path2: str | object | None = _NOT_ASKED
        self._real: str | object | None = _NOT_ASKED
        self._sock: Sock | object | None = _NOT_ASKED
        self._fd_name: str | object | None = _NOT_ASKED
        self._fd_kind: str | object | None = _NOT_ASKED
        self._role: str | object = _NOT_ASKED

    def slot(self, slot: Slot) -> bytes:
        """Return one text slot, empty without one."""
        slots = self._slots
        if slots is None:
            self._slots = slots = self.event.batch.slots(self.event.row)
        return slots[slot]

    @property
    def has_result(self) -> bool:
        """Whether Falco gives it a return value: calls that it looks into, with their exit seen."""
        return has_result(self.kind, self.name)

    def reg(self, at: int | None) -> int | None:
        """Return a register argument as passed (unsigned), None when the record does not carry it."""
        if at is None or at >= len(self.regs) or self.kind not in CALL_KINDS:
            return None
        if self.kind != _SYSCALL and at not in CARRIED.get(self.name, ()):
            return None
        return self.regs[at]

    def fd_reg(self, at: int | None) -> int | None:
        """Return a register argument read as an fd (signed 32 bits)."""
        value = self.reg(at)
        if value is None:
            return None
        value &= 0xFFFFFFFF
        return value - (1 << 32) if value & 0x80000000 else value

    # Paths.

    def given(self) -> str | None:
        """Return the first path as the program gave it, None when the record carries none."""
        if self.kind in _PATHLESS_KINDS:
            return None
        raw = self.slot(Slot.GIVEN)
        if not raw and not self._may_be_empty(Slot.BASE):
            return None
        return decode(raw)

    def given2(self) -> str | None:
        """Return the second path as given, None when the record carries none."""
        if self.call.path2 is None:
            return None
        raw = self.slot(Slot.GIVEN2)
        if not raw and not self._may_be_empty(Slot.BASE2):
            return None
        return decode(raw)

    def _may_be_empty(self, base: Slot) -> bool:
        # An empty path (AT_EMPTY_PATH) is told from "no path" by its directory.
        return self.call.path is not None and bool(self.slot(base)) and not self.flags & Flag.FAULT

    def path(self) -> str | None:
        """Return the first path, absolute and normalised; None without one."""
        if self._path is _NOT_ASKED:
            given = self.given()
            if given is None or self.call.text is not None:
                self._path = given
            elif self.name == "chdir" and not given.startswith("/") and self.ret >= 0:
                # The record has the directory it led to, not the one it started from.
                self._path = decode(self.slot(Slot.REAL)) or None
            else:
                self._path = absolute(decode(self.slot(Slot.BASE)), given)
        return self._path  # type: ignore[return-value]

    def path2(self) -> str | None:
        """Return the second path, absolute and normalised; None without one."""
        if self._path2 is _NOT_ASKED:
            given = self.given2()
            self._path2 = None if given is None else absolute(decode(self.slot(Slot.BASE2)), given)
        return self._path2  # type: ignore[return-value]

    def real(self) -> str | None:
        """Return the path of the kernel's object, None when the record has none."""
        if self._real is _NOT_ASKED:
            if self.flags & Flag.REAL_SAME:
                self._real = self.path()
            else:
                raw = self.slot(Slot.REAL)
                self._real = decode(raw) if raw else None
        return self._real  # type: ignore[return-value]

    # The file descriptor that the event is about.

    @property
    def is_fd_event(self) -> bool:
        """Whether the fd.* fields mean anything here."""
        return self.name in FD_EVENTS and self.kind in CALL_KINDS

    def fd_num(self) -> int | None:
        """Return the number of the event's fd: -1 when the call that should have made one failed."""
        if not self.is_fd_event:
            return None
        call = self.call
        if call.returns_fd:
            return self.ret if self.ret >= 0 else -1
        if self.name in DIRFD_CALLS:
            return self.fd_reg(call.dirfd if call.dirfd is not None else call.dirfd2)
        return self.fd_reg(call.fd)

    def sock(self) -> Sock | None:
        """Return the decoded socket slot, None without one."""
        if self._sock is _NOT_ASKED:
            raw = self.slot(Slot.SOCK)
            # Data bytes of an I/O call share the slot; a socket there is told by the call or the type of the fd.
            by_name = self.call.category == "net" and self.call.copied is None
            is_sock = len(raw) >= SOCK_BYTES and (by_name or self._is_sock_mode)
            self._sock = Sock(raw) if is_sock else None
            if is_sock and self.name == "bind":
                self._sock.take_bind(failed=self.ret < 0)  # type: ignore[union-attr]
        return self._sock  # type: ignore[return-value]

    @property
    def _is_sock_mode(self) -> bool:
        mode = self.event.fd_type
        return mode & 0o170000 == 0o140000 and mode < ANON_INODE

    def file(self) -> File | None:
        """Return which object the event's fd leads to, None when the record does not say."""
        if self.kind not in CALL_KINDS or self.call.path2 is not None:
            return None
        raw = self.slot(Slot.BASE2)
        return File._make(_FILE.unpack(raw)) if len(raw) == FILE.itemsize else None

    def data(self) -> bytes | None:
        """Return the first bytes that the call read or wrote, None when the record carries none."""
        if self.call.data is None and self.call.copy not in _DATA_COPIES:
            return None
        return self.slot(Slot.SOCK if self.sock() is None else Slot.GIVEN2) or None

    def copied(self) -> bytes:
        """Return the struct or string that an argument points to, empty when the record carries none."""
        if self.call.copied is None or self.call.copy in _DATA_COPIES or self.kind != _SYSCALL:
            return b""
        return self.slot(Slot.SOCK if self.sock() is None else Slot.GIVEN2)

    def took_ns(self) -> int | None:
        """Return how long the call took, None when the record does not say: it follows the last slot."""
        batch, at = self.event.batch, int(self.event.batch.ext_at[self.event.row])
        if at < 0 or self.kind != _SYSCALL:
            return None
        begin, end = batch.text_at[at : at + 2].tolist()
        rest = batch.arena[begin + int(batch.ext["slot_len"][at].sum()) : end]
        return int.from_bytes(rest, "little") if len(rest) == _TOOK_BYTES else None

    def polled(self) -> list[int] | None:
        """Return the fds given to poll or ppoll, None when the record carries none."""
        if self.name not in POLLS or self.kind != _SYSCALL:
            return None
        if self.event.ext is None:
            return None
        raw = self.copied()
        return [fd for fd, _, _ in _POLLFD.iter_unpack(raw[: len(raw) // _POLLFD.size * _POLLFD.size])]

    def role(self) -> str:
        """Return ``client``, ``server`` or, when nobody knows, an empty string."""
        if self._role is _NOT_ASKED:
            self._role = self._find_role()
        return self._role  # type: ignore[return-value]

    def _find_role(self) -> str:
        sock = self.sock()
        if sock is None or not sock.is_ip:
            return ""
        if sock.flags & (SockFlag.SERVER | SockFlag.LISTEN) or self.name in ("accept", "accept4"):
            return "server"
        if sock.flags & SockFlag.CLIENT or self.name == "connect":
            return "client"
        if sock.flags & SockFlag.GIVEN:
            return "server" if self.call.category == "io-read" else "client"
        return guessed_role(sock.lport, sock.rport)

    def fd_kind(self) -> str | None:
        """Return Falco's fd.type: file, directory, ipv4, unix, pipe, ...; None when it is not known."""
        if self._fd_kind is _NOT_ASKED:
            self._fd_kind = self._find_fd_kind() if self.is_fd_event else None
        return self._fd_kind  # type: ignore[return-value]

    def _find_fd_kind(self) -> str | None:
        name = self.name
        if self.call.returns_fd and self.ret < 0:
            return None
        if name in _CREATED_KINDS:
            return _CREATED_KINDS[name]
        if name == "socket":
            return _FAMILY_KINDS.get(self.regs[0])
        sock = self.sock()
        if sock is not None:
            return _FAMILY_KINDS.get(sock.family)
        mode = self.event.fd_type
        if name in DIRFD_CALLS:
            return "directory" if self.slot(Slot.BASE) and (self.fd_num() or 0) >= 0 else None
        if name in OPENS:
            return "directory" if mode & 0o170000 == 0o040000 else "file"
        return _kind_of_file(mode, self.real())

    def fd_name(self) -> str | None:
        """Return Falco's fd.name: a path, a socket tuple, or an empty text for what has no name."""
        if self._fd_name is _NOT_ASKED:
            self._fd_name = self._find_fd_name() if self.is_fd_event else None
        return self._fd_name  # type: ignore[return-value]

    def _find_fd_name(self) -> str | None:
        name = self.name
        if name in OPENS:
            return self.real() if name == "open_by_handle_at" else self.path()
        if self.call.text is not None:
            return self.given()
        if name == "socket":
            return ""
        if name in DIRFD_CALLS:
            return decode(self.slot(Slot.BASE)) if (self.fd_num() or 0) >= 0 else ""
        sock = self.sock()
        if sock is not None:
            return self._sock_name(sock)
        kind = self.fd_kind()
        if kind in ("file", "directory", "memfd"):
            real = self.real()
            return memfd_name(real) if real is not None and kind == "memfd" else real
        return None if kind is None and name not in _CREATED_KINDS else ""

    def _sock_name(self, sock: Sock) -> str:
        if not sock.is_ip:
            path = decode(sock.path)
            return "@" + path[1:] if path.startswith("\0") else path.rstrip("\0")
        return self.tuple_text(sock)

    def tuple_text(self, sock: Sock) -> str:
        """Return ``client->server`` (``local->remote`` when the roles are unknown), or the bound end alone."""
        local = f"{ip_text(sock.laddr)}:{sock.lport}"
        if sock.bound_only:
            return local if sock.lport or any(sock.laddr) else ""
        remote = f"{ip_text(sock.raddr)}:{sock.rport}"
        return f"{remote}->{local}" if self.role() == "server" else f"{local}->{remote}"


MEMFD: Final = "/memfd:"


def memfd_name(real: str) -> str:
    """Return the name given to memfd_create, from the kernel's path of the file."""
    return real.removeprefix(MEMFD).removesuffix(" (deleted)")


def _kind_of_file(mode: int, real: str | None) -> str | None:
    """Return the kind of an open file by its mode and the kernel's name of it."""
    if mode == PIDFD:
        return "pidfd"
    if mode >= ANON_INODE:
        anon = (real or "").removeprefix("anon_inode:")
        return "bpf" if anon.startswith("bpf") else ANON_KINDS.get(anon)
    if real is not None and real.startswith(MEMFD):
        return "memfd"
    if mode == 0:
        return "file" if real is not None and real.startswith("/") else None
    kind = _MODE_KINDS.get(mode & 0o170000)
    if kind == "pipe" and real is not None and real.startswith("/"):
        return "file"
    return kind or "file"


def facts(event: Event) -> Facts:
    """Return the decoded event, decoding it at the first call."""
    known: Facts | None = event.facts
    if known is None:
        known = event.facts = Facts(event)
    return known
