"""A process to look at: opens a file and talks to itself over TCP five times a second, and keeps every fd.

``subject.py [--change] [--thread] TOKEN FILE ...``; standard library only, for it also runs in a container.
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
KEPT: list[object] = []


def main() -> None:
    """Go on until killed, or for two minutes at most."""
    words = sys.argv[1:]
    if "--change" in words:
        change()
    file = next(word for word in words if word.startswith("/"))
    if "--thread" in words:
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
