"""A million real events, recorded once by the real capture and read from a file ever after.

    python -m tests.bench.real_mix [--events N] [--loud] [--again]

What happens meanwhile is what a machine at work does: files are searched, packed and read, programs compiled and
started, a repository asked, a web server answers, and in a container (when podman is there) shells do the same. The
interest is that of the screen with the shipped rules in force; ``--loud`` asks for every call, reads and writes too.
The first use needs root and takes a minute or two; the file lies in ``$TUIMON_BENCH_CACHE`` or in
``~/.cache/tuimon-bench``.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuimon.batch import Batch, concat, take
from tuimon.enrich.processes import ProcessTable
from tuimon.events import Event

EVENTS = 1_000_000
BATCH = 16_384
"""Events the engine lets into the history at once on a busy machine."""
TIMEOUT_S = 400.0
ROOT = Path(__file__).resolve().parents[2]

SHELL_WORK = (
    "while :; do find /usr /etc -type f -name '*.[pcsh]*' -exec cat {} + | wc -c; done",
    "while :; do for f in /etc/*.conf /etc/*/*.conf; do grep -c . $f; sed -n 1p $f; done; id; ls -lR /etc; done",
    "while :; do git log --stat -n 20 | tail -1; git status --short | wc -l; git grep -c import | tail -1; done",
    "while :; do tar cf - tuimon tests/view | gzip -1 | wc -c; mkdir -p $W/x; cp -r tuimon $W/x/; rm -r $W/x; done",
    "while :; do $P -c 'import json, email.message, http.client, sqlite3'; $P -m compileall -q $W; done",
    "while :; do echo 'int main(void){return 0;}' > $W/a.c; cc -o $W/a $W/a.c && $W/a; done",
    "while :; do curl -s http://127.0.0.1:$PORT/README.md | wc -c; sleep 0.02; done",
)
CONTAINER_WORK = "while :; do ls -lR /bin /etc | wc -l; cat /etc/passwd; sh -c id; touch /tmp/x; rm /tmp/x; done"
PORT = 18471


@dataclass(frozen=True, slots=True)
class Mix:
    """A history of real events."""

    batches: list[Batch]
    """Numbered, with ``process_at``, of BATCH events each but the last."""
    event_of: Callable[[Batch, int], Event]
    processes: ProcessTable
    containers: object
    path: Path
    """The recording."""

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(map(len, self.batches))


def cache() -> Path:
    """Return the folder of the recordings."""
    found = os.environ.get("TUIMON_BENCH_CACHE")
    return Path(found) if found else Path.home() / ".cache" / "tuimon-bench"


@functools.cache
def history(events: int = EVENTS, *, loud: bool = False) -> Mix:
    """Return real events as the history would hold them, recorded now if they were not yet (as root)."""
    path = recording(events, loud=loud)
    from tuimon.workbench.replay import Replay

    replay = Replay(path)
    batches, fresh, num = [], [], 0
    for batch in replay.batches():
        fresh.append(batch)
        num += len(batch)
        if num >= BATCH:
            joined = concat(fresh)
            whole = len(joined) // BATCH * BATCH
            batches += [_part(joined, at, at + BATCH) for at in range(0, whole, BATCH)]
            fresh = [_part(joined, whole, len(joined))] if whole < len(joined) else []
            num = len(joined) - whole
    batches += [concat(fresh)] if fresh else []
    kept = batches[: -(-events // BATCH)]
    return Mix(kept, replay.event, replay.processes, replay.containers, path)


def _part(batch: Batch, start: int, stop: int) -> Batch:
    part = take(batch, np.arange(start, stop))
    part.first_num = batch.first_num + start
    return part


def recording(events: int = EVENTS, *, loud: bool = False) -> Path:
    """Return the recording, made now if it is not there yet (as root)."""
    path = cache() / f"real-mix-{'loud-' if loud else ''}{events}.tuimon"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part")
        half.unlink(missing_ok=True)
        record(half, events, loud=loud)
        half.rename(path)
    return path


def record(path: Path, events: int, *, loud: bool) -> None:
    """Record so many events of a machine at work."""
    from tuimon.capture.kernel import KernelSource
    from tuimon.engine import build_engine
    from tuimon.headless.record import Recorder
    from tuimon.rulefiles import rule_files
    from tuimon.settings import Settings

    engine = build_engine(Settings(history_mb=16), KernelSource())
    engine.watch(None, everything=loud)
    engine.apply_rules(rule_files(Settings(), Path("/nonexistent")))
    engine.start()
    assert engine.wait_started(60), engine.error()
    recorder = Recorder(engine, path)
    print(f"recording {events:,} events into {path.parent}", file=sys.stderr)
    try:
        with at_work():
            deadline = time.monotonic() + TIMEOUT_S
            while recorder.events < events and time.monotonic() < deadline:
                time.sleep(0.2)
    finally:
        engine.halt()
        recorder.close()
        engine.stop()
    assert recorder.events >= events, f"only {recorder.events:,} events in {TIMEOUT_S:.0f} s"


@contextlib.contextmanager
def at_work() -> Iterator[None]:
    """Keep this machine busy meanwhile; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tuimon-mix-"))
    # Shell work reads the machine and the checkout, and writes below the folder only.
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "W": str(folder), "P": sys.executable, "PORT": str(PORT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT, "start_new_session": True}
    server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(PORT)]
    commands = [server, *(["/bin/sh", "-c", work] for work in SHELL_WORK)]
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_container(folder))
        for command in commands:
            process = subprocess.Popen(command, env=env, **quiet)  # type: ignore[call-overload]
            stack.callback(_end, process)
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def _container(folder: Path) -> Iterator[None]:
    """Run the work of a container where there is podman, and nothing where there is none."""
    if shutil.which("podman") is None or shutil.which("busybox") is None:
        yield
        return
    from tests.containers import IMAGE, podman_engine

    with podman_engine(folder) as podman:
        podman.run("mix", IMAGE, "/bin/sh", "-c", CONTAINER_WORK)
        try:
            yield
        finally:
            podman.remove("mix")


def main() -> int:
    """Record if need be, and print what the mix is made of."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--loud", action="store_true", help="every call, reads and writes too")
    parser.add_argument("--again", action="store_true", help="record anew")
    args = parser.parse_args()
    if args.again:
        (cache() / f"real-mix-{'loud-' if args.loud else ''}{args.events}.tuimon").unlink(missing_ok=True)
    mix = history(args.events, loud=args.loud)
    from tuimon.syscalls import event_name

    types: Counter[str] = Counter()
    for batch in mix.batches:
        codes, counts = np.unique(batch.head["kind"].astype(np.int64) << 16 | batch.head["nr"], return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            types[event_name(code >> 16, code & 0xFFFF)] += count
    size = sum(batch.nbytes for batch in mix.batches)
    print(f"{mix.path}: {mix.events:,} events, {size / mix.events:.0f} bytes each as columns")
    for name, count in types.most_common(25):
        print(f"{name:20}{count:10,}{count / mix.events:7.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
