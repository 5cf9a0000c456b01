"""Perform acts by name, each in a process and a folder of its own.

``start.py PLACE FOLDER`` reads names and answers lines of JSON. On the host it first gives itself to pid 1, so that the
ancestors of what it does are the same wherever the tests are started from, and moves into a mount and a network
namespace of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

from . import kit

PR_SET_CHILD_SUBREAPER = 36
OVERLAID = ("/etc", "/home", "/opt", "/root", "/usr", "/var")
MODULES = ("stable_acts", "incubating_acts", "sandbox_acts", "own_acts", "evasion_acts", "quiet_acts")


def load_acts() -> None:
    """Import every module that declares acts."""
    for module in MODULES:
        importlib.import_module(f".{module}", __package__)


def main() -> None:
    """Serve until standard input ends."""
    place, folder = sys.argv[1], sys.argv[2]
    load_acts()
    if place in (kit.HOST, kit.PATIENT):
        _move_out(folder)
    with os.fdopen(os.dup(1), "w") as answers, os.fdopen(os.dup(0)) as names:
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        answers.write(json.dumps({"pid": os.getpid()}) + "\n")
        answers.flush()
        for line in names:
            answers.write(json.dumps(perform(line.strip(), folder)) + "\n")
            answers.flush()


def perform(name: str, folder: str) -> dict[str, object]:
    """Perform one act; return when it began and ended (nanoseconds since boot), why it failed, and what it returned."""
    here = os.path.join(folder, name)
    os.makedirs(here, exist_ok=True)
    began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        trouble, count = "", None
        try:
            os.chdir(here)
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            count = kit.ACTS[name].do()
            _wait_for_all()
        except BaseException:
            trouble = traceback.format_exc()
        os.write(writing, json.dumps({"trouble": trouble[-4000:], "count": count}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said: dict[str, object] = json.loads(pipe.read() or '{"trouble": "the process of the act was killed"}')
    os.waitpid(pid, 0)
    return {"began": began, "ended": time.clock_gettime_ns(time.CLOCK_BOOTTIME), **said}


def _wait_for_all() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _move_out(folder: str) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    if kit.unshare(kit.CLONE_NEWNS | kit.CLONE_NEWNET):
        raise OSError("unshare of mount and network namespaces failed")
    run(["mount", "--make-rprivate", "/"])
    layers = os.path.join(folder, "layers")
    os.makedirs(layers, exist_ok=True)
    # An overlay's upper folder may not lie on an overlay; a tmpfs always will do.
    run(["mount", "-t", "tmpfs", "tmpfs", layers])
    for place in OVERLAID:
        upper, work = (f"{layers}/{part}{place.replace('/', '-')}" for part in ("upper", "work"))
        os.mkdir(upper)
        os.mkdir(work)
        run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={place},upperdir={upper},workdir={work}", place])
    run(["ip", "link", "set", "lo", "up"])
    for address in kit.ADDRESSES:
        run(["ip", "address", "add", f"{address}/32", "dev", "lo"])


def run(command: list[str]) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def package_folder() -> Path:
    """Return the folder that holds this package."""
    return Path(__file__).resolve().parent
