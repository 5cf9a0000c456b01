"""A process that was there before: it has fds of every kind, and uses each of them once when it is told to.

``start_subject.py FOLDER TOKEN``; prints the fds it holds as JSON, waits for a line, writes to each, closes each.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def listening_below_the_clients() -> socket.socket:
    """Listen on a port that no client is given: which side is which is told by that, where nobody saw the start."""
    for port in range(20_000, 32_000):
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
    raise OSError("no port is free")


def held(folder: str) -> dict[str, int]:
    """Return fds by what they are; what they belong to stays open."""
    server = listening_below_the_clients()
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/bound.sock")
    listening.listen()
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(f"{folder}/bound.sock")
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.connect(server.getsockname())
    pair, other = socket.socketpair()
    reader, writer = os.pipe()
    os.mkfifo(f"{folder}/fifo")
    gone = os.open(f"{folder}/gone", os.O_CREAT | os.O_WRONLY)
    os.unlink(f"{folder}/gone")
    KEPT.extend((server, client, accepted, listening, connected, datagrams, pair, other, reader))
    return {
        "tcp server": accepted.fileno(),
        "tcp client": client.fileno(),
        "udp": datagrams.fileno(),
        "unix": connected.fileno(),
        "unix pair": pair.fileno(),
        "pipe": writer,
        "fifo": os.open(f"{folder}/fifo", os.O_RDWR),
        "file": os.open(f"{folder}/file", os.O_CREAT | os.O_WRONLY),
        "deleted": gone,
        "memfd": os.memfd_create("in memory"),
        "device": os.open("/dev/null", os.O_WRONLY),
        "eventfd": os.eventfd(0),
    }


KEPT: list[object] = []

if __name__ == "__main__":
    fds = held(sys.argv[1])
    print(json.dumps(fds), flush=True)
    sys.stdin.readline()
    for number in fds.values():
        os.write(number, (1).to_bytes(8, "little"))
    for end in ("tcp server", "tcp client"):
        os.read(fds[end], 8)  # else the close of one resets the other, which then has no port any more
    for number in fds.values():
        os.close(number)
    sys.stdin.readline()
