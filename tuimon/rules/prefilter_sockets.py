"""What the kernel can judge about the socket of a call: its family, protocol, addresses and ports.

The kernel's family of an IPv4 connection over an IPv6 socket is AF_INET6; fields show it as IPv4. Checks that depend on
which end is the server's are widened to both ends.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final

from tuimon.rules.prefilter_ir import MAYBE, Compare, Expression, Member, Socket, every, some
from tuimon.rules.values import Network, parse_address, parse_network, parse_port

ON_SOCKETS: Final = frozenset(
    "connect accept accept4 listen sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg".split()  # noqa: SIM905
)
"""Calls whose record shows the socket they are about."""
_IP4, _IP6, _UNIX = int(socket.AF_INET), int(socket.AF_INET6), int(socket.AF_UNIX)
_FAMILIES: Final = {
    "ipv4": (_IP4, _IP6), "4": (_IP4, _IP6), "ipv6": (_IP6,), "6": (_IP6,), "ip": (_IP4, _IP6), "unix": (_UNIX,),
    "u": (_UNIX,),
}  # fmt: skip
_KINDS: Final = frozenset(("fd.type", "fd.typechar", "fd.sockfamily"))
_PROTOCOLS: Final = {
    "tcp": (int(socket.IPPROTO_TCP), int(socket.SOCK_STREAM)),
    "udp": (int(socket.IPPROTO_UDP), int(socket.SOCK_DGRAM)),
}
_ADDRESSES: Final = frozenset(
    f"fd.{part}" for part in ("ip", "cip", "sip", "lip", "rip", "net", "cnet", "snet", "lnet", "rnet")
)
_PORTS: Final = frozenset(f"fd.{part}" for part in ("port", "cport", "sport", "lport", "rport"))
_EITHER: Final = frozenset(("fd.ip", "fd.net"))
_EQUAL: Final = frozenset(("=", "==", "in", "intersects"))


def socket_expression(field: str, name: str, op: str, texts: Sequence[str], negated: bool) -> Expression | None:
    """Return what a check of a socket's field asks of the record, None when it is no such field.

    Args:
        field: Its name.
        name: Of the call, one of ON_SOCKETS.
        op: The operator.
        texts: The constants.
        negated: The check stands under a ``not``.

    Raises:
        RuleError: A constant is no value of the field.
    """
    if field in _EITHER and (negated, op) in ((True, "="), (True, "=="), (False, "!=")):
        return every([_no_end(network) for network in _networks(field, texts[:1])])
    if negated or op not in _EQUAL:
        return MAYBE if field in _KINDS | _ADDRESSES | _PORTS | {"fd.l4proto"} else None
    if field in _KINDS:
        return _kind(field, name, texts)
    if field == "fd.l4proto":
        return _protocol(texts)
    if field in _ADDRESSES:
        return some([_an_end(network) for network in _networks(field, texts)])
    if field in _PORTS:
        ports = tuple(sorted({parse_port(text) for text in texts}))
        return some([Socket("lport", ports), Socket("rport", ports)])
    return None


def _kind(field: str, name: str, texts: Sequence[str]) -> Expression:
    if not _FAMILIES.keys() >= set(texts):
        return MAYBE
    families = tuple(sorted({family for text in texts for family in _FAMILIES[text]}))
    if field == "fd.typechar" and name.startswith("accept"):
        return some([Socket("family", families), Compare("ret", "<", 0)])  # a failed one counts as 4
    return Socket("family", families)


def _protocol(texts: Sequence[str]) -> Expression:
    """Where the protocol says nothing, the type does."""
    if not _PROTOCOLS.keys() >= set(texts):
        return MAYBE
    protocols = tuple(sorted({_PROTOCOLS[text][0] for text in texts}))
    types = tuple(sorted({_PROTOCOLS[text][1] for text in texts}))
    return some([Socket("protocol", protocols), Socket("type", types)])


def _networks(field: str, texts: Sequence[str]) -> list[Network]:
    if field.endswith("net"):
        return [parse_network(text) for text in texts]
    packed = [parse_address(text) for text in texts]
    return [Network(len(each), (1 << 8 * len(each)) - 1, int.from_bytes(each, "big")) for each in packed]


def _reversed(number: int) -> int:
    """Return a number of four bytes as a little-endian machine reads it from the network's order."""
    return int.from_bytes(number.to_bytes(4, "big"), "little")


def _end(member: Member, network: Network, *, negated: bool) -> Expression:
    return Socket(member, (_reversed(network.base),), _reversed(network.mask), negated)


def _an_end(network: Network) -> Expression:
    """Return whether an end may lie in a network."""
    if network.size != 4:
        return Socket("family", (_IP6,))
    ends: tuple[Member, Member] = ("laddr", "raddr")
    return some([Socket("family", (_IP6,)), *(_end(each, network, negated=False) for each in ends)])


def _no_end(network: Network) -> Expression:
    """Return whether it may be that no end lies in a network; an end of zeros may be none at all."""
    if network.size != 4:
        return MAYBE
    other = Socket("family", (_IP4,), negated=True)
    local = some([other, _end("laddr", network, negated=True)])
    return local if network.base == 0 else every([local, some([other, _end("raddr", network, negated=True)])])
