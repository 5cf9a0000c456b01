"""fd.* and fdlist.*: the file, socket or other object an event opens, uses or closes.

``fd.name`` is the path as the program gave it, absolute and normalised; ``fd.realpath`` is the kernel's own name of the
object it got. A path test of a rule looks at both: ``REAL_TWINS`` says which getter is the second look of which field.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Final

from tuimon.events import Event
from tuimon.fields.evtarg import TYPECHARS
from tuimon.fields.facts import OPENS, Facts, facts
from tuimon.fields.registry import UNKNOWN, Getter, Value, add
from tuimon.fields.registry import FieldType as T
from tuimon.fields.sock import Sock
from tuimon.records import FileFlag, Kind, SockFlag

_PROTOCOLS: Final = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp", 255: "raw"}
_TYPES: Final = {int(socket.SOCK_STREAM): "tcp", int(socket.SOCK_DGRAM): "udp", int(socket.SOCK_RAW): "raw"}
_ESTABLISHED: Final = 1
_DATAGRAMS: Final = frozenset({"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg"})
_IO_URING: Final = (int(Kind.IO_URING), int(Kind.IO_URING_DONE))
_GUESSED_CHARS: Final = {
    "openat": "f",
    "openat2": "f",
    "creat": "f",
    "socket": "4",
    "accept": "4",
    "accept4": "4",
}


def _num(event: Event, _: str | None) -> Value:
    return facts(event).fd_num()


def _type(event: Event, _: str | None) -> Value:
    return facts(event).fd_kind()


def _typechar(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not f.is_fd_event:
        return None
    kind = f.fd_kind()
    return _GUESSED_CHARS.get(f.name, "o") if kind is None else TYPECHARS.get(kind, "o")


def _name(event: Event, _: str | None) -> Value:
    return facts(event).fd_name()


def directory_of(path: str) -> str:
    """Return the directory part of a path as Falco cuts it.

    >>> directory_of("/etc/shadow"), directory_of("/etc"), directory_of("/etc/")
    ('/etc', '/', '/etc/')
    """
    at = path.rfind("/")
    if at <= 0:
        return "/"
    return path if at == len(path) - 1 else path[:at]


def filename_of(path: str) -> str:
    """Return the last part of a path as Falco cuts it.

    >>> filename_of("/etc/shadow"), filename_of("noslash")
    ('shadow', '/')
    """
    at = path.rfind("/")
    if at < 0:
        return "/"
    return path if at == len(path) - 1 else path[at + 1 :]


def _directory_from(f: Facts, path: str | None) -> str | None:
    kind = f.fd_kind()
    if path is None or kind not in ("file", "directory", None):
        return None
    if kind is None and f.name not in OPENS:
        return None
    return path if kind == "directory" else directory_of(path)


def _directory(event: Event, _: str | None) -> Value:
    f = facts(event)
    return _directory_from(f, f.fd_name())


def _filename(event: Event, _: str | None) -> Value:
    f = facts(event)
    name = f.fd_name()
    return None if name is None or f.fd_kind() != "file" else filename_of(name)


def _nameraw(event: Event, _: str | None) -> Value:
    f = facts(event)
    if not f.is_fd_event:
        return None
    if f.name in OPENS and f.name != "open_by_handle_at":
        given = f.given()
        return None if given is None else single_slashes(given)
    return f.fd_name()


def single_slashes(path: str) -> str:
    """Return a path with each run of slashes as one, as Falco shows what a program gave."""
    while "//" in path:
        path = path.replace("//", "/")
    return path


# The real path.


def _has_real(f: Facts) -> bool:
    return f.is_fd_event and f.fd_kind() in ("file", "directory", "memfd")


def _realpath(event: Event, _: str | None) -> Value:
    f = facts(event)
    return f.real() if _has_real(f) else None


def _real_directory(event: Event, _: str | None) -> Value:
    f = facts(event)
    return _directory_from(f, f.real()) if _has_real(f) else None


def _real_filename(event: Event, _: str | None) -> Value:
    f = facts(event)
    real = f.real() if f.fd_kind() == "file" else None
    return None if real is None else filename_of(real)


def _real_path_of_call(event: Event, _: str | None) -> Value:
    f = facts(event)
    return f.real() if f.ret >= 0 and f.call.path2 is None else None


def _contained(event: Event, text: Value) -> Value:
    container = event.container
    if container is None:
        return UNKNOWN
    return None if text is None else f"{container.id}:{text!s}"


def _containername(event: Event, _: str | None) -> Value:
    return _contained(event, _name(event, None))


def _containerdirectory(event: Event, _: str | None) -> Value:
    return _contained(event, _directory(event, None))


def _real_containername(event: Event, _: str | None) -> Value:
    return _contained(event, _realpath(event, None))


def _real_containerdirectory(event: Event, _: str | None) -> Value:
    return _contained(event, _real_directory(event, None))


# Sockets.


def _ip_sock(f: Facts) -> Sock | None:
    if not f.is_fd_event:
        return None
    sock = f.sock()
    return sock if sock is not None and sock.is_ip else None


def _end(event: Event, side: str) -> tuple[bytes, int] | None:
    """Return (address, port) of one end: client, server, local or remote; None when it is not known."""
    f = facts(event)
    sock = _ip_sock(f)
    if sock is None:
        return None
    if sock.bound_only:
        is_bound = bool(sock.lport) or any(sock.laddr)
        return (sock.laddr, sock.lport) if side == "server" and is_bound else None
    if side in ("client", "server"):
        role = f.role()
        if not role:
            return None
        side = "local" if side == role else "remote"
    return (sock.laddr, sock.lport) if side == "local" else (sock.raddr, sock.rport)


def _ip(side: str) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        end = _end(event, side)
        return None if end is None else end[0]

    return get


def _port(side: str) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        end = _end(event, side)
        return None if end is None else end[1]

    return get


def service_name(port: int, protocol: str) -> str:
    """Return the name of a port in /etc/services, its number when it has none."""
    key = (port, protocol)
    if key not in _SERVICES:
        try:
            _SERVICES[key] = socket.getservbyport(port, protocol) if protocol in ("tcp", "udp") else str(port)
        except OSError:
            _SERVICES[key] = str(port)
    return _SERVICES[key]


_SERVICES: Final[dict[tuple[int, str], str]] = {}


def _service(side: str) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        end = _end(event, side)
        return None if end is None else service_name(end[1], str(_l4proto(event, None)))

    return get


def _both(event: Event, part: int) -> Value:
    f = facts(event)
    if not f.is_fd_event or (f.fd_kind() is None and f.sock() is None):
        return None
    sock = _ip_sock(f)
    if sock is None:
        return ()
    local, remote = (sock.laddr, sock.lport), (sock.raddr, sock.rport)
    if f.kind in _IO_URING and not sock.lport and not any(sock.laddr):
        # Told before the kernel has chosen an address for this end: there is none to compare with.
        return (remote[part],)
    return (local[part],) if sock.bound_only else (local[part], remote[part])


def _ips(event: Event, _: str | None) -> Value:
    return _both(event, 0)


def _ports(event: Event, _: str | None) -> Value:
    return _both(event, 1)


def _l4proto(event: Event, _: str | None) -> Value:
    f = facts(event)
    if f.name == "socket" and f.fd_kind() in ("ipv4", "ipv6"):
        return _TYPES.get(f.regs[1] & 0xF)
    if f.fd_kind() is None:
        return None
    sock = _ip_sock(f)
    if sock is None:
        return "<NA>"
    return _PROTOCOLS.get(sock.protocol) or _TYPES.get(sock.type, "<NA>")


def _sockfamily(event: Event, _: str | None) -> Value:
    kind = facts(event).fd_kind()
    if kind in ("ipv4", "ipv6"):
        return "ip"
    return "unix" if kind == "unix" else None


def _is_server(event: Event, _: str | None) -> Value:
    f = facts(event)
    if f.fd_kind() is None:
        return None
    sock = _ip_sock(f)
    return sock is not None and (f.role() == "server" or bool(sock.flags & SockFlag.LISTEN))


def _connected(event: Event, _: str | None) -> Value:
    f = facts(event)
    if f.fd_kind() is None:
        return None
    sock = f.sock()
    if sock is None:
        return False
    if f.name in ("connect", "accept", "accept4"):
        return f.ret >= 0
    return sock.state == _ESTABLISHED and not sock.flags & SockFlag.GIVEN


def _name_changed(event: Event, _: str | None) -> Value:
    f = facts(event)
    if f.fd_kind() is None:
        return None
    sock = f.sock()
    return sock is not None and f.name in _DATAGRAMS and bool(sock.flags & SockFlag.GIVEN)


# The object behind it.


def _ino(event: Event, _: str | None) -> Value:
    file = facts(event).file()
    return None if file is None else file.ino


def _dev(event: Event, _: str | None) -> Value:
    file = facts(event).file()
    return None if file is None else file.dev


def _dev_major(event: Event, _: str | None) -> Value:
    file = facts(event).file()
    return None if file is None else file.dev >> 8 & 0xFFF


def _dev_minor(event: Event, _: str | None) -> Value:
    file = facts(event).file()
    return None if file is None else file.dev & 0xFF | file.dev >> 12 & 0xFFF00


def _layer(flag: FileFlag) -> Getter:
    def get(event: Event, _: str | None) -> Value:
        file = facts(event).file()
        return None if file is None else bool(file.flags & flag)

    return get


def _uid(event: Event, _: str | None) -> Value:
    f = facts(event)
    number = f.fd_num()
    return None if number is None else f"{f.tid}{number}"


_TWO_ENDS: Final[dict[str, Any]] = {"filter_only": True, "no_rhs": True, "no_transformer": True}
_BOTH_ENDS: Final[dict[str, Any]] = {**_TWO_ENDS, "any_of": True}

add("fd", "fd.num", T.INT64, "number of the fd; -1 when the call that should have made it failed", _num)
add("fd", "fd.type", T.CHARBUF, "kind of fd: file, directory, ipv4, ipv6, unix, pipe, event, memfd, ...", _type)
add(
    "fd", "fd.typechar", T.CHARBUF, "kind of fd as one letter: f, d, 4, 6, u, p, ...; o when it is not known", _typechar
)
add("fd", "fd.name", T.CHARBUF, "path as given, made absolute; or CLIENT->SERVER of a socket", _name, is_path=True)
add("fd", "fd.directory", T.CHARBUF, "directory part of fd.name, for files", _directory, is_path=True)
add("fd", "fd.filename", T.CHARBUF, "last part of fd.name, for files", _filename, is_path=True)
add("fd", "fd.ip", T.IPADDR, "address of either end of a socket", _ips, **_BOTH_ENDS)
add("fd", "fd.cip", T.IPADDR, "address of the client", _ip("client"))
add("fd", "fd.sip", T.IPADDR, "address of the server", _ip("server"))
add("fd", "fd.lip", T.IPADDR, "address of this machine's end", _ip("local"))
add("fd", "fd.rip", T.IPADDR, "address of the other end", _ip("remote"))
add("fd", "fd.port", T.PORT, "port of either end of a socket", _ports, **_BOTH_ENDS)
add("fd", "fd.cport", T.PORT, "port of the client", _port("client"))
add("fd", "fd.sport", T.PORT, "port of the server", _port("server"))
add("fd", "fd.lport", T.PORT, "port of this machine's end", _port("local"))
add("fd", "fd.rport", T.PORT, "port of the other end", _port("remote"))
add("fd", "fd.l4proto", T.CHARBUF, "protocol of a socket: tcp, udp, icmp or raw", _l4proto)
add("fd", "fd.sockfamily", T.CHARBUF, "ip or unix, for sockets of these families", _sockfamily)
add("fd", "fd.is_server", T.BOOL, "whether this process is the server of the connection", _is_server)
add("fd", "fd.uid", T.CHARBUF, "thread id and fd number in one word", _uid)
add("fd", "fd.containername", T.CHARBUF, "container id, a colon and fd.name", _containername, is_path=True)
add(
    "fd",
    "fd.containerdirectory",
    T.CHARBUF,
    "container id, a colon and fd.directory",
    _containerdirectory,
    is_path=True,
)
add("fd", "fd.proto", T.PORT, "service of either end of a socket", _ports, **_BOTH_ENDS)
add("fd", "fd.cproto", T.CHARBUF, "service name of the client's port", _service("client"))
add("fd", "fd.sproto", T.CHARBUF, "service name of the server's port", _service("server"))
add("fd", "fd.lproto", T.CHARBUF, "service name of the port of this machine's end", _service("local"))
add("fd", "fd.rproto", T.CHARBUF, "service name of the port of the other end", _service("remote"))
add("fd", "fd.net", T.IPNET, "network that either end of a socket lies in", _ips, **_BOTH_ENDS)
add("fd", "fd.cnet", T.IPNET, "network that the client lies in", _ip("client"), **_TWO_ENDS)
add("fd", "fd.snet", T.IPNET, "network that the server lies in", _ip("server"), **_TWO_ENDS)
add("fd", "fd.lnet", T.IPNET, "network that this machine's end lies in", _ip("local"), **_TWO_ENDS)
add("fd", "fd.rnet", T.IPNET, "network that the other end lies in", _ip("remote"), **_TWO_ENDS)
add("fd", "fd.connected", T.BOOL, "whether the socket is connected", _connected)
add(
    "fd",
    "fd.name_changed",
    T.BOOL,
    "whether this event gave the fd another name, as a datagram to a new peer does",
    _name_changed,
)
for _side in ("client", "server", "local", "remote"):
    add(
        "fd",
        f"fd.{_side[0]}ip.name",
        T.CHARBUF,
        f"domain name of the address of the {_side} end",
        compared_only=True,
        no_rhs=True,
        no_transformer=True,
    )
add("fd", "fd.dev", T.INT32, "device of the file system that the fd's object lies on", _dev)
add("fd", "fd.dev.major", T.INT32, "major number of fd.dev", _dev_major)
add("fd", "fd.dev.minor", T.INT32, "minor number of fd.dev", _dev_minor)
add("fd", "fd.ino", T.INT64, "inode number of the file, pipe or socket behind the fd", _ino)
add("fd", "fd.nameraw", T.CHARBUF, "path exactly as the program gave it", _nameraw, is_path=True)
add(
    "fd",
    "fd.is_upper_layer",
    T.BOOL,
    "whether the file lies in the writable layer of an overlay",
    _layer(FileFlag.UPPER_LAYER),
)
add(
    "fd",
    "fd.is_lower_layer",
    T.BOOL,
    "whether the file lies in a read-only layer of an overlay",
    _layer(FileFlag.LOWER_LAYER),
)
add(
    "fd",
    "fd.realpath",
    T.CHARBUF,
    "tuimon: path of the object that the kernel gave, with no symlink left in it",
    _realpath,
)
REAL_TWINS: Final[Mapping[str, Getter]] = {
    "fd.name": _realpath,
    "fd.nameraw": _realpath,
    "fd.directory": _real_directory,
    "fd.filename": _real_filename,
    "fd.containername": _real_containername,
    "fd.containerdirectory": _real_containerdirectory,
    "fs.path.name": _real_path_of_call,
    "fs.path.nameraw": _real_path_of_call,
}
"""Path field to the getter of the same part of the real path."""
