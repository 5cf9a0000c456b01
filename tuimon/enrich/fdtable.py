"""The open fds of a process, from /proc: what kind each is of, and what it is called.

Events name their own fd from the kernel's objects; this is for the fields that ask about all the others (standard
input, the fds given to poll, the kinds of all). Sockets are told from the tables of the process's own network
namespace (proc_net(5)), which are read once for all its sockets.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from tuimon.enrich.procfs import Procfs
from tuimon.records import ANON_KINDS

MAX_FDS: Final = 4096
"""Looked at; the kinds of more are not told."""
_AT_FDCWD: Final = -100
_DONT_SYNC: Final = 0x4000 | 0x800
"""AT_STATX_DONT_SYNC and AT_NO_AUTOMOUNT: a file system that does not answer cannot make the reader wait."""
_STATX_TYPE: Final = 1
_LISTEN: Final = "0A"


class OpenFd(NamedTuple):
    """One open fd."""

    kind: str
    """As fd.type has it; empty when it is not known."""
    name: str
    """Path, or path of a unix socket; empty for an IP socket, whose ends are below."""
    local: tuple[bytes, int] | None = None
    """Packed address and port."""
    remote: tuple[bytes, int] | None = None
    """None for a socket without an other end."""


def open_fds(procfs: Procfs, pid: int) -> dict[int, OpenFd] | None:
    """Return the open fds of a process by number, None when it is gone or cannot be looked into."""
    links = procfs.fds(pid)
    if not links and not procfs.comm(pid):
        return None
    inodes = {number: link[8:-1] for number, link in links.items() if link.startswith("socket:[")}
    sockets = _sockets(procfs, pid) if inodes else {}
    found = {}
    for number, link in sorted(links.items())[:MAX_FDS]:
        inode = inodes.get(number)
        found[number] = sockets.get(inode, OpenFd("", link)) if inode is not None else _plain(procfs, pid, number, link)
    return found


def _plain(procfs: Procfs, pid: int, number: int, link: str) -> OpenFd:
    if link.startswith("pipe:["):
        return OpenFd("pipe", link)
    if link.startswith("anon_inode:"):
        name = link.removeprefix("anon_inode:")
        return OpenFd("bpf" if name.startswith(("bpf", "[bpf")) else ANON_KINDS.get(name, ""), link)
    if link.startswith("/memfd:"):
        return OpenFd("memfd", link.removeprefix("/memfd:").removesuffix(" (deleted)"))
    if link.startswith("pidfd:"):
        return OpenFd("pidfd", link)
    if not link.startswith("/"):
        return OpenFd("", link)
    return OpenFd("directory" if _is_directory(f"{procfs.root}/{pid}/fd/{number}") else "file", link)


def _is_directory(path: str) -> bool:
    """Ask for the type alone, without waiting for a file system that lies across a network or in a process."""
    room = ctypes.create_string_buffer(256)
    if _LIBC.statx(_AT_FDCWD, os.fsencode(path), _DONT_SYNC, _STATX_TYPE, room):
        return False
    (mode,) = struct.unpack_from("<H", room, 28)
    return stat.S_ISDIR(mode)


_LIBC: Final = ctypes.CDLL(None, use_errno=True)


# Sockets.


def _sockets(procfs: Procfs, pid: int) -> dict[str, OpenFd]:
    """Return the sockets of a process's network namespace by inode number."""
    found: dict[str, OpenFd] = {}
    for table in ("tcp", "udp", "udplite", "raw", "icmp"):
        for suffix, kind in (("", "ipv4"), ("6", "ipv6")):
            found.update(_inet(procfs.net_table(pid, table + suffix), kind))
    found.update(_unix(procfs.net_table(pid, "unix")))
    for line in procfs.net_table(pid, "netlink"):
        found[line.split()[-1]] = OpenFd("netlink", "")
    return found


def _inet(lines: Iterable[str], kind: str) -> dict[str, OpenFd]:
    """Read /proc/net/tcp and its like: ``sl local rem st tx:rx tr:tm retrnsmt uid timeout inode``."""
    found = {}
    for line in lines:
        words = line.split()
        if len(words) > 9:
            local, remote = _end(words[1]), _end(words[2])
            has_peer = words[3] != _LISTEN and bool(remote[1] or any(remote[0]))
            family = "ipv4" if len(local[0]) == 4 else kind
            found[words[9]] = OpenFd(family, "", local, remote if has_peer else None)
    return found


def _end(text: str) -> tuple[bytes, int]:
    """Read ADDRESS:PORT, words of the address in the machine's byte order; an IPv4 address within IPv6 is IPv4."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 16 and packed[:12] == bytes(10) + b"\xff\xff":
        packed = packed[12:]
    return packed, int(port or "0", 16)


def _unix(lines: Iterable[str]) -> dict[str, OpenFd]:
    """Read /proc/net/unix: ``Num RefCount Protocol Flags Type St Inode Path``; a socket without a path has no name."""
    found = {}
    for line in lines:
        words = line.split(None, 7)
        if len(words) > 6:
            found[words[6]] = OpenFd("unix", words[7] if len(words) > 7 else "")
    return found
