"""What acts are declared with, and the few things that acts are made of."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pty
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Union

HOST: Final = "host"
"""On the host, in a mount and a network namespace of the agent's own: what is written below /etc, ... goes with it."""
PATIENT: Final = "patient"
"""Like HOST, in an agent of its own: acts that take seconds."""
PLAIN: Final = "plain"
"""In an ordinary container."""
PRIVILEGED: Final = "privileged"
"""In a privileged container."""
POD_NAMESPACE: Final = "payments"
ADDRESS: Final = "203.0.113.9"
"""On the loopback device of each network namespace of the tests; public to every rule (TEST-NET-3, RFC 5737)."""
API_ADDRESS: Final = "203.0.113.10"
POOL_ADDRESS: Final = "203.0.113.11"
METADATA_ADDRESS: Final = "169.254.169.254"
ADDRESSES: Final = (ADDRESS, API_ADDRESS, POOL_ADDRESS, METADATA_ADDRESS)
DAEMON: Final = 1

PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH = 0, 16, 17
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET, CLONE_NEWUSER = 0x20000, 0x4000000, 0x40000000, 0x10000000
_X86: Final = os.uname().machine == "x86_64"
# arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
CALLS: Final = {
    "bpf": 321 if _X86 else 280,
    "execveat": 322 if _X86 else 281,
    "finit_module": 313 if _X86 else 273,
    "init_module": 175 if _X86 else 105,
    "openat2": 437,
    "userfaultfd": 323 if _X86 else 282,
}

Words = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Act:
    """Something small and real, and the rules it must fire."""

    name: str
    where: str
    rules: tuple[str, ...]
    do: Callable[[], object]


ACTS: dict[str, Act] = {}
"""By name, in the order they are performed."""


def act(where: str, *rules: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Declare a function to be an act that fires these rules; none: it must fire nothing at all."""

    def declare(do: Callable[[], object]) -> Callable[[], object]:
        name = do.__name__
        if name in ACTS:
            raise ValueError(f"two acts are called {name}")
        ACTS[name] = Act(name, where, rules, do)
        return do

    return declare


def program(name: str, of: str = "/bin/true") -> str:
    """Return the path of a new symlink with a program's name: the kernel takes comm from the name that was executed."""
    path = os.path.abspath(name)
    if not os.path.lexists(path):
        os.symlink(of, path)
    return path


def python(name: str) -> str:
    """Return the path of Python under another program's name."""
    return program(name, os.path.realpath(sys.executable))


def run(*words: Words, check: bool = False, **more: Any) -> int:
    """Run a program to its end, silently; return its exit status.

    Raises:
        RuntimeError: It failed and was not to.
    """
    done = subprocess.run(
        words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more
    )
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.decode(errors='replace')[-500:]}")
    return int(done.returncode)


def as_python(name: str, code: str, argument: str = "", **more: Any) -> int:
    """Run a few lines of Python in a process with another program's name; ``sys.argv[1]`` is the argument."""
    prelude = "import os, socket, subprocess, sys, time\n"
    return run(python(name), "-I", "-S", "-c", prelude + code, argument, **more)


def write(path: str, text: str = "x\n") -> str:
    """Open a file for writing as a program would (created, emptied), making its folder first."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(path: str) -> str:
    """Read a file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def copy(source: str, to: str) -> str:
    """Copy a program."""
    shutil.copyfile(os.path.realpath(source), to)
    os.chmod(to, 0o755)
    return to


def libc() -> ctypes.CDLL:
    """Return the C library."""
    return ctypes.CDLL(None, use_errno=True)


def syscall(name: str, *args: object) -> int:
    """Make a system call that the C library has no function for; return what it returns, -errno on failure."""
    result: int = libc().syscall(CALLS[name], *args)
    return result if result >= 0 else -ctypes.get_errno()


def unshare(flags: int) -> int:
    """Leave namespaces."""
    result: int = libc().unshare(flags)
    return result


def connect_udp(address: str, port: int) -> None:
    """Connect a datagram socket: an address is set, nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, port))


@contextlib.contextmanager
def connection(address: str, port: int = 0) -> Iterator[socket.socket]:
    """Give the client's end of a TCP connection to a server of our own."""
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen()
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        with accepted:
            yield client


def as_daemon(do: Callable[[], object]) -> None:
    """Run something in a forked process that has dropped to the user daemon for good."""

    def dropped() -> None:
        os.setgid(DAEMON)
        os.setuid(DAEMON)
        do()

    in_child(dropped)


def in_child(do: Callable[[], object]) -> int:
    """Run something in a forked process; return its exit status."""
    pid = os.fork()
    if pid == 0:
        try:
            do()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


def on_terminal(*words: str) -> None:
    """Run a program on a terminal of its own, as the leader of a session, and read what it says."""
    pid, master = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    with contextlib.suppress(OSError):  # EIO when the other end is closed
        while os.read(master, 4096):
            pass
    os.close(master)
    os.waitpid(pid, 0)
