"""The socket slot of a record decoded: family, both ends, and which of them is the server."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv6Address
from typing import Final

from tuimon.records import SockFlag

_SOCK = struct.Struct("<HHHHHBBI16s16s")
SOCK_BYTES: Final = _SOCK.size
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Sock:
    """The socket slot: both ends, as Falco sees them (an IPv4 address mapped into IPv6 is IPv4)."""

    __slots__ = (
        "bound_only",
        "family",
        "flags",
        "laddr",
        "lport",
        "path",
        "protocol",
        "raddr",
        "rport",
        "state",
        "type",
    )

    def __init__(self, raw: bytes) -> None:
        values = _SOCK.unpack_from(raw)
        self.family, self.type, self.protocol, self.lport, self.rport, self.state, self.flags, _, laddr, raddr = values
        self.path = raw[_SOCK.size :]
        if self.family == socket.AF_INET6:
            mapped = [end.startswith(_MAPPED) for end in (laddr, raddr)]
            empty = [not any(end) for end in (laddr, raddr)]
            if any(mapped) and all(m or e for m, e in zip(mapped, empty, strict=True)):
                self.family = int(socket.AF_INET)
                laddr, raddr = laddr[12:], raddr[12:]
        if self.family == socket.AF_INET:
            laddr, raddr = laddr[:4], raddr[:4]
        self.laddr: bytes = laddr
        self.raddr: bytes = raddr
        self.bound_only = not self.rport and not any(raddr)
        """It has no remote end: listening, bound, or fresh."""

    def take_bind(self, *, failed: bool) -> None:
        """Read the address given to bind(2), which stands where others have their peer, as the local end."""
        if self.flags & SockFlag.GIVEN and self.is_ip:
            if failed or not self.lport:
                self.laddr, self.lport = self.raddr, self.rport
            self.raddr, self.rport = bytes(len(self.raddr)), 0
            self.bound_only = True

    @property
    def is_ip(self) -> bool:
        """Whether it has IP addresses."""
        return self.family in (socket.AF_INET, socket.AF_INET6)


EPHEMERAL: Final = range(32768, 61000)
"""Ports that Linux gives to clients (net.ipv4.ip_local_port_range as it comes)."""


def guessed_role(lport: int, rport: int) -> str:
    """Return which side a socket is on by its ports, as Falco does for a connection whose start it has not seen.

    One end in the range that clients get their ports from and the other outside it tells the roles; else nothing does.
    """
    if (lport in EPHEMERAL) == (rport in EPHEMERAL) or not rport:
        return ""
    return "client" if lport in EPHEMERAL else "server"


def ip_text(packed: bytes) -> str:
    """Return the text of a packed address, 4 or 16 bytes."""
    if len(packed) == 4:
        return ".".join(map(str, packed))
    return IPv6Address(packed).compressed
