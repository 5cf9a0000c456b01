"""A mixed load, moderate and for as long as one likes: programs started, files opened, connections, bursts of reads.

    python -m tests.bench.mixed_load MARKS [--containers FOLDER] [--every S]

Once a second, or as often as S says, it also opens a file of a name of its own below MARKS and prints its number:
whoever watches must see each exactly once. With ``--containers`` a podman container starts and ends every tenth time.
It runs at nice 10 and ends at SIGTERM, or when the one who started it has gone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

NICE = 10
EXECS = "i=0; while [ $i -lt 23 ]; do /bin/true; i=$((i+1)); done"
OPENS = 211
CONNECTS = 53
READS = 20_011
CONTAINER_EVERY = 10


def started() -> None:
    """Start some programs that end at once."""
    subprocess.run(["/bin/sh", "-c", EXECS], check=False)


def opened() -> None:
    """Open some files, every third of them none that exists."""
    for number in range(OPENS):
        with contextlib.suppress(OSError):
            os.close(os.open("/nonexistent" if number % 3 == 0 else "/etc/hostname", os.O_RDONLY))


def connected(server: socket.socket) -> None:
    """Connect to ourselves, and hang up."""
    for _ in range(CONNECTS):
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()


def read() -> None:
    """Read and write a byte at a time."""
    quiet = subprocess.DEVNULL
    subprocess.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={READS}"], stderr=quiet, check=False)


def beat(number: int, marks: Path, server: socket.socket) -> None:
    """Do the work of one time."""
    started()
    opened()
    connected(server)
    read()
    with contextlib.suppress(OSError):
        os.close(os.open(marks / str(number), os.O_RDONLY))
    print(number, flush=True)


def go_on(marks: Path, every_s: float, contain: Callable[[int], None]) -> None:
    """Work until somebody stops us."""
    parent = os.getppid()
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = 0
        while os.getppid() == parent:
            began = time.monotonic()
            beat(number, marks, server)
            if number % CONTAINER_EVERY == 0:
                contain(number)
            number += 1
            time.sleep(max(0.0, every_s - (time.monotonic() - began)))


def stop(number: int, _frame: FrameType | None) -> None:
    """Leave through every ``with``."""
    raise SystemExit(0)


def main() -> None:
    """Work as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("marks", type=Path)
    parser.add_argument("--containers", type=Path)
    parser.add_argument("--every", type=float, default=1.0, metavar="S")
    args = parser.parse_args()
    os.nice(NICE)
    signal.signal(signal.SIGTERM, stop)
    if args.containers is None:
        go_on(args.marks, args.every, lambda _: None)
        return
    from tests.containers import IMAGE, podman_engine

    with podman_engine(args.containers) as podman:
        run = ("run", "--rm", IMAGE, "/bin/true")
        go_on(args.marks, args.every, lambda _: print(podman.call(*run, check=False), file=sys.stderr))


if __name__ == "__main__":
    main()
