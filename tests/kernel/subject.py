"""A process to look at: opens a file and talks to itself over TCP five times a second, and keeps every fd.

``subject.py [--change | --thread | --each] TOKEN FILE ...``; standard library only, for it also runs in a container.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading
import time

PR_SET_NAME = 15
NOBODY = 65534
FIRST_SHOWN = 500
"""The fds of ``--each`` have this number and those behind it, in the order of ``one_of_each``."""
KEPT: list[object] = []


def main() -> None:
    """Go on until killed, or for two minutes at most."""
    words = sys.argv[1:]
    if "--change" in words:
        change()
    file = next(word for word in words if word.startswith("/"))
    if "--each" in words:
        show_each(file)
    elif "--thread" in words:
        thread = threading.Thread(target=act_for_ever, args=(file,))
        thread.start()
        thread.join()
    else:
        act_for_ever(file)


def change() -> None:
    """Become another than the one that was executed: folder, session, user, name, limit."""
    import resource

    time.sleep(0.3)
    os.chdir("/usr/share")
    resource.setrlimit(resource.RLIMIT_NOFILE, (777, 777))
    if os.getpid() != os.getsid(0):
        os.setsid()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"another name", 0, 0, 0)


def one_of_each(file: str) -> dict[str, int]:
    """Return an fd of every kind, by the name that fd.type has for it; keeps what they belong to."""
    folder = os.path.dirname(file)
    unix, other = socket.socketpair()
    KEPT.extend((unix, other))
    libc = ctypes.CDLL(None)
    return {
        "file": os.open(file, os.O_RDONLY),
        "file (device)": os.open("/dev/null", os.O_WRONLY),
        "directory": os.open(folder, os.O_RDONLY),
        "pipe": os.pipe()[1],
        "unix": unix.fileno(),
        "ipv4": socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),
        "ipv6": socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach(),
        "netlink": socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).detach(),
        "event": os.eventfd(0),
        "eventpoll": libc.epoll_create1(0),
        "inotify": libc.inotify_init1(0),
        "timerfd": libc.timerfd_create(1, 0),
        "signalfd": libc.signalfd(-1, ctypes.create_string_buffer(128), 0),
        "memfd": os.memfd_create("a memfd"),
        "pidfd": os.pidfd_open(os.getpid()),
    }


def show_each(file: str) -> None:
    """Duplicate an fd of every kind to a number of its own, again and again."""
    fds = one_of_each(file)
    for _ in range(60):
        for place, fd in enumerate(fds.values(), FIRST_SHOWN):
            os.dup2(fd, place)
        time.sleep(1)


def act_for_ever(file: str) -> None:
    """Open and connect."""
    server = socket.create_server(("127.0.0.1", 0))
    for _ in range(600):
        KEPT.append(os.open(file, os.O_RDONLY))
        client = socket.create_connection(server.getsockname())
        KEPT.extend((client, server.accept()))
        time.sleep(0.2)


if __name__ == "__main__":
    main()
