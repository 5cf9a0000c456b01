"""fd.*: names, kinds, sockets and the real path behind a given one."""

from __future__ import annotations

import os
import socket

import numpy as np
import pytest

from tests.builders import (
    AT_FDCWD,
    connect_event,
    container,
    exec_event,
    fork_event,
    open_event,
    sock_slot,
    syscall_event,
)
from tests.fields.test_evt import get
from tuimon import fields
from tuimon.events import Event
from tuimon.fields.facts import absolute, facts
from tuimon.fields.fd import directory_of, filename_of, service_name
from tuimon.fields.registry import UNKNOWN, Value
from tuimon.fields.sock import guessed_role
from tuimon.records import FILE as FILE_RECORD
from tuimon.records import Kind, SockFlag

FILE, DIRECTORY, PIPE, SOCKET, ANON = 0o100000, 0o040000, 0o010000, 0o140000, 0xFFF0


def twin(name: str, event: Event) -> Value:
    info = fields.lookup(name)
    assert info is not None
    getter = fields.real_twin(info)
    assert getter is not None
    return getter(event, None)


@pytest.mark.parametrize(
    ("base", "given", "path"),
    [
        ("/root", "/etc/shadow", "/etc/shadow"),
        ("/root", "a", "/root/a"),
        ("/", "a", "/a"),
        ("/root", "../etc/./shadow", "/etc/shadow"),
        ("/root", "../../../../x", "/x"),
        ("/root", "//etc//shadow/", "/etc/shadow"),
        ("/root", "/", "/"),
        ("/root", ".", "/root"),
        ("/root", "", "/root"),
        ("/root", ".ssh/id", "/root/.ssh/id"),
        ("/root", "/a/..b/...c", "/a/..b/...c"),
        ("", "a", "<UNKNOWN>a"),
        ("/r", "a\udcff\x1b", "/r/a\udcff\x1b"),
    ],
)
def test_paths_are_made_absolute_by_their_text(base: str, given: str, path: str):
    """Symlinks are not followed: upstream rules are written for this."""
    assert absolute(base, given) == path


def test_an_opened_file():
    """The fields most rules about files use."""
    event = open_event("../etc//shadow", cwd="/root", real="/etc/shadow")
    assert get("fd.num", event) == 3
    assert get("fd.type", event) == "file"
    assert get("fd.typechar", event) == "f"
    assert get("fd.name", event) == "/etc/shadow"
    assert get("fd.directory", event) == "/etc"
    assert get("fd.filename", event) == "shadow"
    assert get("fd.nameraw", event) == "../etc/shadow"
    assert get("fd.containername", event) == "host:/etc/shadow"
    assert get("fd.containerdirectory", event) == "host:/etc"
    assert get("fd.uid", event) == "40003"
    assert get("fd.l4proto", event) == "<NA>"
    assert get("fd.sockfamily", event) is None
    assert get("fd.connected", event) is False


def test_the_real_path_of_a_symlink():
    """The kernel's own name of the object, in the twin of each path field."""
    event = open_event("/tmp/link", real="/etc/shadow")
    assert get("fd.name", event) == "/tmp/link"
    assert get("fd.realpath", event) == "/etc/shadow"
    assert twin("fd.name", event) == "/etc/shadow"
    assert twin("fd.directory", event) == "/etc"
    assert twin("fd.filename", event) == "shadow"
    assert twin("fd.nameraw", event) == "/etc/shadow"
    assert twin("fd.containername", event) == "host:/etc/shadow"
    assert twin("fd.containerdirectory", event) == "host:/etc"
    assert twin("fs.path.name", event) == "/etc/shadow"


def test_a_real_path_that_is_the_given_one_is_not_repeated():
    """The flag of the record stands for it."""
    assert get("fd.realpath", open_event("/etc/passwd")) == "/etc/passwd"


def test_a_failed_open_has_a_name_but_no_file():
    """Falco: the name from the arguments, fd.num -1, no type."""
    event = open_event("shadow", cwd="/etc", ret=-13)
    assert get("fd.name", event) == "/etc/shadow"
    assert get("fd.directory", event) == "/etc"
    assert get("fd.num", event) == -1
    assert get("fd.typechar", event) == "f"
    for name in ("fd.type", "fd.filename", "fd.realpath", "fd.ip", "fd.port", "fd.connected", "fd.l4proto"):
        assert get(name, event) is None, name
    assert twin("fd.name", event) is None


def test_an_opened_directory():
    """Its directory is itself."""
    event = open_event("/etc", fd_type=DIRECTORY)
    assert get("fd.type", event) == "directory"
    assert get("fd.typechar", event) == "d"
    assert get("fd.directory", event) == "/etc"
    assert get("fd.filename", event) is None


@pytest.mark.parametrize(
    ("event", "name", "kind", "char"),
    [
        (syscall_event("read", real="/etc/x", fd_type=FILE), "/etc/x", "file", "f"),
        (syscall_event("read", fd_type=PIPE), "", "pipe", "p"),
        (syscall_event("read", real="/run/fifo", fd_type=PIPE), "/run/fifo", "file", "f"),
        (syscall_event("read", real="/dev/null", fd_type=0o020000), "/dev/null", "file", "f"),
        (syscall_event("read", real="/memfd:x (deleted)", fd_type=FILE), "x", "memfd", "m"),
        (syscall_event("read", real="[eventfd]", fd_type=ANON), "", "event", "e"),
        (syscall_event("ioctl", real="[eventpoll]", fd_type=ANON), "", "eventpoll", "l"),
        (syscall_event("read", real="anon_inode:[timerfd]", fd_type=ANON), "", "timerfd", "t"),
        (syscall_event("ioctl", real="bpf-prog", fd_type=ANON), "", "bpf", "b"),
        (syscall_event("ioctl", real="[something]", fd_type=ANON), None, None, "o"),
        (syscall_event("read", slim=True), None, None, "o"),
        (syscall_event("memfd_create", given="name", ret=4), "name", "memfd", "m"),
        (syscall_event("userfaultfd", ret=4), "", "userfaultfd", "u"),
        (syscall_event("socket", args=(2, 1), ret=4), "", "ipv4", "4"),
        (syscall_event("socket", args=(10, 1), ret=4), "", "ipv6", "6"),
        (syscall_event("socket", args=(16, 3), ret=4), "", "netlink", "n"),
        (syscall_event("socket", args=(2, 1), ret=-1), "", None, "4"),
        (syscall_event("bpf", ret=-22), "", None, "o"),
    ],
)
def test_kinds_of_fds(event: Event, name: str | None, kind: str | None, char: str):
    """Named things have names, others an empty one, unresolved ones none."""
    assert (get("fd.name", event), get("fd.type", event), get("fd.typechar", event)) == (name, kind, char)


@pytest.mark.parametrize("event", [exec_event(), fork_event(), syscall_event("exit", kind=Kind.EXIT),
                                   syscall_event("unlink", given="/x"), syscall_event("rename", given="/x"),
                                   syscall_event("getpid"), syscall_event("kill")])  # fmt: skip
def test_events_without_an_fd_have_no_fd_fields(event: Event):
    """``fd.name != x`` is false for an exec."""
    for info in fields.all_fields():
        if info.group == "fd" and info.get is not None:
            assert info.get(event, None) is None, info.name


def test_calls_from_a_directory_describe_the_directory():
    """unlinkat's fd.name is where it starts, as in Falco."""
    event = syscall_event("unlinkat", args=(4, 0, 0), given="x", base="/opt/d")
    assert get("fd.name", event) == "/opt/d"
    assert get("fd.num", event) == 4
    assert get("fd.typechar", event) == "d"
    cwd = syscall_event("unlinkat", args=(AT_FDCWD, 0, 0), given="x", base="/opt/d")
    assert get("fd.name", cwd) == ""
    assert get("fd.num", cwd) == -100
    assert get("fd.typechar", cwd) == "o"
    assert get("fd.type", cwd) is None


@pytest.mark.parametrize(("path", "directory", "filename"), [("/a/b", "/a", "b"), ("/a", "/", "a"), ("/", "/", "/"),
                                                             ("x", "/", "/"), ("/a/", "/a/", "/a/")])  # fmt: skip
def test_parts_of_a_path(path: str, directory: str, filename: str):
    """As Falco cuts them, its oddities included."""
    assert (directory_of(path), filename_of(path)) == (directory, filename)


# Sockets.

HERE, THERE = b"\x0a\x00\x00\x05", b"\xcb\x00\x71\x09"


def test_both_ends_of_a_connection_this_side_began():
    """Local is client, remote is server."""
    event = connect_event("203.0.113.9", 443, local=("10.0.0.5", 40000))
    assert get("fd.name", event) == "10.0.0.5:40000->203.0.113.9:443"
    assert get("fd.cip", event) == get("fd.lip", event) == HERE
    assert get("fd.sip", event) == get("fd.rip", event) == THERE
    assert get("fd.cport", event) == get("fd.lport", event) == 40000
    assert get("fd.sport", event) == get("fd.rport", event) == 443
    assert get("fd.ip", event) == (HERE, THERE)
    assert get("fd.port", event) == (40000, 443)
    assert get("fd.net", event) == (HERE, THERE)
    assert get("fd.snet", event) == THERE
    assert get("fd.proto", event) == (40000, 443)
    assert get("fd.l4proto", event) == "tcp"
    assert get("fd.sockfamily", event) == "ip"
    assert get("fd.is_server", event) is False
    assert get("fd.connected", event) is True
    assert get("fd.name_changed", event) is False


def test_both_ends_of_a_connection_that_came_in():
    """Remote is client, local is server."""
    event = connect_event("203.0.113.9", 5000, local=("10.0.0.5", 22), call="accept", ret=7)
    assert get("fd.num", event) == 7
    assert get("fd.name", event) == "203.0.113.9:5000->10.0.0.5:22"
    assert get("fd.cip", event) == get("fd.rip", event) == THERE
    assert get("fd.sip", event) == get("fd.lip", event) == HERE
    assert get("fd.sport", event) == get("fd.lport", event) == 22
    assert get("fd.is_server", event) is True
    assert get("fd.connected", event) is True


def test_ipv6_and_ipv4_inside_it():
    """A mapped address is IPv4, as in Falco."""
    event = connect_event("2001:db8::1", 443)
    assert get("fd.typechar", event) == "6"
    assert get("fd.name", event) == "2001:db8::5:40000->2001:db8::1:443"
    assert len(get("fd.sip", event)) == 16  # type: ignore[arg-type]
    mapped = connect_event("::ffff:203.0.113.9", 443, local=("::ffff:10.0.0.5", 40000))
    assert get("fd.name", mapped) == "10.0.0.5:40000->203.0.113.9:443"
    assert get("fd.sip", mapped) == THERE
    assert get("fd.type", mapped) == "ipv4"


def test_a_listening_socket_is_a_server_without_a_client():
    """One end only."""
    slot = sock_slot(local=("10.0.0.5", 80), role=SockFlag.LISTEN)
    event = syscall_event("listen", args=(3, 5), sock=slot, fd_type=SOCKET)
    assert get("fd.name", event) == "10.0.0.5:80"
    assert get("fd.sport", event) == 80
    assert get("fd.sip", event) == HERE
    assert get("fd.ip", event) == (HERE,)
    assert get("fd.is_server", event) is True
    for name in ("fd.cip", "fd.cport", "fd.lip", "fd.rip", "fd.lport", "fd.rport"):
        assert get(name, event) is None, name


def test_a_fresh_socket_has_no_ends():
    """It is nobody's server yet."""
    event = syscall_event(54, args=(3, 1, 2), sock=sock_slot(), fd_type=SOCKET)
    assert get("fd.name", event) == ""
    assert get("fd.type", event) == "ipv4"
    for name in ("fd.sip", "fd.sport", "fd.cip", "fd.lip", "fd.rport"):
        assert get(name, event) is None, name


@pytest.mark.parametrize(
    ("lport", "rport", "role"),
    [
        (40000, 443, "client"),
        (22, 50000, "server"),
        (40000, 40001, ""),
        (80, 81, ""),
        (40000, 0, ""),
        (61000, 40000, "server"),
    ],
)
def test_roles_nobody_saw_begin_are_told_by_the_ports(lport: int, rport: int, role: str):
    """As Falco guesses for connections older than itself."""
    assert guessed_role(lport, rport) == role
    slot = sock_slot(local=("10.0.0.5", lport), remote=("203.0.113.9", rport))
    assert facts(syscall_event("read", sock=slot, fd_type=SOCKET)).role() == role


def test_unknown_roles_have_no_client_and_no_server():
    """Local and remote are still known."""
    slot = sock_slot(local=("10.0.0.5", 80), remote=("203.0.113.9", 81))
    event = syscall_event("read", sock=slot, fd_type=SOCKET)
    assert get("fd.sip", event) is None
    assert get("fd.cport", event) is None
    assert get("fd.rip", event) == THERE
    assert get("fd.port", event) == (80, 81)


def test_a_datagram_to_a_new_peer_changes_the_name():
    """What upstream's outbound macro asks of UDP."""
    slot = sock_slot(local=("0.0.0.0", 33883), remote=("203.0.113.9", 53), type=socket.SOCK_DGRAM, protocol=17,
                     role=SockFlag.GIVEN)  # fmt: skip
    event = syscall_event("sendto", args=(3,), ret=9, sock=slot, fd_type=SOCKET)
    assert get("fd.name_changed", event) is True
    assert get("fd.connected", event) is False
    assert get("fd.l4proto", event) == "udp"
    assert get("fd.sip", event) == THERE


@pytest.mark.parametrize(("ret", "connected"), [(0, True), (-115, False), (-111, False)])
def test_a_connect_that_is_on_its_way_is_not_connected(ret: int, connected: bool):
    """EINPROGRESS is not yet a connection."""
    event = connect_event(ret=ret)
    assert get("fd.connected", event) is connected
    assert get("fd.name", event) == "10.0.0.5:40000->93.184.216.34:443"


@pytest.mark.parametrize(("raw", "name"), [(b"/run/docker.sock", "/run/docker.sock"), (b"/x\0\0", "/x"),
                                           (b"\0abstract", "@abstract"), (b"", "")])  # fmt: skip
def test_unix_sockets_are_named_by_their_path(raw: bytes, name: str):
    """Abstract names begin with @, as ss(8) shows them."""
    event = syscall_event("connect", args=(3,), sock=sock_slot(family=1, unix_path=raw), fd_type=SOCKET)
    assert get("fd.name", event) == name
    assert get("fd.typechar", event) == "u"
    assert get("fd.sockfamily", event) == "unix"
    assert get("fd.ip", event) == ()
    assert get("fd.sip", event) is None


def test_both_end_fields_exist_for_every_known_fd():
    """Falco: ``fd.port exists`` is true for a file; nothing else about it holds."""
    assert get("fd.port", open_event("/x")) == ()
    assert get("fd.ip", syscall_event("read", fd_type=PIPE)) == ()
    assert get("fd.ip", syscall_event("read", slim=True)) is None


def test_data_that_looks_like_a_socket_is_not_one():
    """Data of a file lies in the same slot."""
    event = syscall_event("read", args=(3,), ret=80, real="/x", fd_type=FILE, sock=bytes(range(80)))
    assert get("fd.name", event) == "/x"
    assert get("fd.ip", event) == ()


def test_service_names():
    """From /etc/services, the number when it is not there."""
    assert service_name(1, "raw") == "1"
    assert service_name(60999, "tcp") == "60999"
    event = connect_event("203.0.113.9", 443)
    assert get("fd.sproto", event) == service_name(443, "tcp")
    assert get("fd.cproto", event) == "40000"


def test_names_wait_for_the_container():
    """Unknown is not absent."""
    assert get("fd.containername", open_event("/x", container=None)) is UNKNOWN
    assert get("fd.containername", open_event("/x", container=container())) == "3ad7b26ded6d:/x"


def test_a_directory_flag_alone_does_not_make_a_directory():
    """The kernel's own mode decides."""
    event = open_event("/etc", flags=os.O_DIRECTORY, fd_type=DIRECTORY)
    assert get("fd.type", event) == "directory"


def file_slot(ino: int, dev: int, flags: int) -> bytes:
    return np.array([(ino, dev, flags)], FILE_RECORD).tobytes()


def test_the_object_behind_an_fd():
    """Inode, device in Falco's packing, layer and birth come from the kernel's own structures."""
    event = open_event(
        "/x", flags=os.O_CREAT | os.O_WRONLY, base2=file_slot(1234, (0x1FE << 8) | 0x34 | (0x5 << 20), 0x85)
    )
    assert get("fd.ino", event) == 1234
    assert get("fd.dev.major", event) == 0x1FE
    assert get("fd.dev.minor", event) == 0x534
    assert get("fd.is_upper_layer", event) is True
    assert get("fd.is_lower_layer", event) is False
    assert get("evt.is_open_create", event) is True
    assert "O_F_CREATED|FD_UPPER_LAYER" in str(get("evt.arg", event, "flags"))
    assert get("evt.arg", event, "ino") == "1234"


def test_a_file_that_was_there_is_not_created():
    """O_CREAT alone says nothing; the kernel does."""
    event = open_event("/x", flags=os.O_CREAT | os.O_WRONLY, base2=file_slot(1, 0xFE00, 0))
    assert get("evt.is_open_create", event) is False
    assert get("evt.arg", event, "flags") == "O_CREAT|O_WRONLY"


@pytest.mark.parametrize("event", [exec_event(environ=["x" * 16]), open_event("/x")])
def test_no_object_no_inode(event: Event):
    """The environment of an exec lies in the same slot."""
    assert [get(f"fd.{name}", event) for name in ("ino", "dev", "dev.major", "is_upper_layer")] == [None] * 4
