"""Both ends of sockets, on the live kernel."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from tests.kernel.live import (
    events_of,
    interest,
    python,
    talk,
)
from tuimon.capture.kernel import KernelSource
from tuimon.capture.source import Want
from tuimon.records import Slot, SockFlag

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_both_ends_of_an_internet_connection(source: KernelSource, family: socket.AddressFamily, host: str) -> None:
    calls, _ = talk(source, family, (host, 0))
    packed = socket.inet_pton(family, host)
    connect, accept, bound = calls["connect"].sock, calls["accept"].sock, calls["bind"].sock
    for end in (connect, accept):
        assert int(end["family"]) == family
        assert int(end["type"]) == socket.SOCK_STREAM
        assert int(end["protocol"]) == socket.IPPROTO_TCP
        assert end["laddr"].tobytes()[: len(packed)] == packed
        assert end["raddr"].tobytes()[: len(packed)] == packed
    assert (int(connect["lport"]), int(connect["rport"])) == (int(accept["rport"]), int(accept["lport"]))
    assert int(bound["lport"]) == int(connect["rport"]) > 0
    assert bound["laddr"].tobytes()[: len(packed)] == packed
    assert SockFlag(int(connect["flags"])) == SockFlag.CLIENT
    assert SockFlag(int(accept["flags"])) == SockFlag.SERVER
    assert SockFlag.LISTEN in SockFlag(int(calls["listen"].sock["flags"]))
    assert stat.S_ISSOCK(calls["socket"].fd_type)
    assert calls["accept"].ret >= 0


def test_unix_sockets_carry_their_path(source: KernelSource, tmp_path: Path) -> None:
    path = str(tmp_path / "talk.sock")
    calls, _ = talk(source, socket.AF_UNIX, path)
    assert {name: calls[name].sock_path.rstrip(b"\0") for name in ("bind", "connect", "accept")} == dict.fromkeys(
        ("bind", "connect", "accept"), path.encode()
    )
    assert int(calls["connect"].sock["family"]) == socket.AF_UNIX


def test_a_refused_connection_says_where_it_was_meant_to_go(source: KernelSource) -> None:
    code = "import socket\ns = socket.socket()\ns.connect_ex(('127.0.0.1', 1))"
    found = [r for r in events_of(source, python(code), interest("connect")) if r.name == "connect"]
    assert [(int(r.sock["rport"]), r.sock["raddr"].tobytes()[:4], r.ret) for r in found] == [
        (1, bytes([127, 0, 0, 1]), -111)
    ]


def test_an_unconnected_datagram_says_where_it_went(source: KernelSource) -> None:
    code = "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\ns.sendto(b'hello tuimon', ('127.0.0.1', 9))"
    asked = interest("sendto", want=Want.RULES | Want.PATHS | Want.DATA)
    (sent,) = [r for r in events_of(source, python(code), asked) if r.name == "sendto"]
    assert (int(sent.sock["rport"]), int(sent.sock["type"])) == (9, socket.SOCK_DGRAM)
    assert SockFlag.GIVEN in SockFlag(int(sent.sock["flags"]))
    assert sent.slots[Slot.GIVEN2] == b"hello tuimon"


def test_a_shell_redirected_to_a_socket_shows_the_socket_on_dup2(source: KernelSource) -> None:
    """The reverse shell rules look at the type of dup's new fd."""
    code = (
        "import os, socket\na, b = socket.socketpair()\nos.dup2(a.fileno(), 40, False)\n"
        "os.dup2(os.open('/etc/passwd', 0), 41, False)"
    )
    found = [r for r in events_of(source, python(code), interest("dup2", "dup3")) if r.name in ("dup2", "dup3")]
    assert stat.S_ISSOCK(found[0].fd_type)
    assert int(found[0].sock["family"]) == socket.AF_UNIX
    assert (found[1].real, found[1].ret) == (b"/etc/passwd", 41)
