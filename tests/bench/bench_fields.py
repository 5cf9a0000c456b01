"""What asking a field costs: the first question to an event, further ones, and the one-line summary of the live pane.

    python -m tests.bench.bench_fields [--json]

The baseline is making the row object of the event, which whoever asks a field has done before. Rounds are interleaved,
the median counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable

from tests.builders import connect_event, exec_event, open_event
from tuimon import fields
from tuimon.escape import clean
from tuimon.events import Event
from tuimon.fields.registry import Getter
from tuimon.render import summary

ROUNDS = 15
CALLS = 2_000
BASELINE = "make the row object"
OPEN, EXEC, CONNECT = open_event("/etc/shadow"), exec_event("bash", args=["-c", "id"]), connect_event()
ASKED = ("evt.type", "fd.name", "fd.num", "evt.is_open_read", "evt.rawres", "proc.name", "proc.cmdline", "proc.aname",
         "container.id", "user.name", "fd.directory", "evt.args")  # fmt: skip
DIRTY = "/tmp/\x1b]0;owned\x07/\u202egnp.exe"


def fresh(event: Event) -> Event:
    """Return the same row as an object of which nothing is decoded."""
    return Event(event.batch, event.row, event.process, event.container, event.boot_to_epoch_ns)


def getter(name: str) -> Getter:
    """Return the getter of a field."""
    info = fields.lookup(name)
    assert info is not None
    assert info.get is not None
    return info.get


def _repeated(get: Getter) -> Callable[[], object]:
    get(OPEN, None)
    return lambda: get(OPEN, None)


def jobs() -> dict[str, Callable[[], object]]:
    """Return what is measured, by what it is called in the table."""
    name, sip = getter("fd.name"), getter("fd.sip")
    out: dict[str, Callable[[], object]] = {
        BASELINE: lambda: fresh(OPEN),
        "first fd.name of an open": lambda: name(fresh(OPEN), None),
        "first fd.sip of a connect": lambda: sip(fresh(CONNECT), None),
        "first summary of an open": lambda: summary(fresh(OPEN)),
        "first summary of an exec": lambda: summary(fresh(EXEC)),
        "clean, nothing to do": lambda: clean("/usr/lib/x86_64-linux-gnu/libc.so.6 O_RDONLY = 3"),
        "clean, hostile": lambda: clean(DIRTY),
    }
    out.update({f"again {asked}": _repeated(getter(asked)) for asked in ASKED})
    return out


def measure() -> dict[str, float]:
    """Return microseconds per call of each job."""
    work = jobs()
    times: dict[str, list[float]] = {job: [] for job in work}
    for _ in range(ROUNDS):
        for job, run in work.items():
            begin = time.thread_time_ns()
            for _ in range(CALLS):
                run()
            times[job].append((time.thread_time_ns() - begin) / CALLS / 1000)
    return {job: statistics.median(found) for job, found in times.items()}


def main() -> int:
    """Print the table, or the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    args = parser.parse_args()
    found = measure()
    ratios = {job: us / found[BASELINE] for job, us in found.items()}
    if args.json:
        figures = {job: {"us": us, "ratio": ratios[job]} for job, us in found.items()}
        json.dump({"python": platform.python_version(), "baseline": BASELINE, "jobs": figures}, sys.stdout, indent=1)
        return 0
    print(f"Python {platform.python_version()}, {platform.machine()}; CPU time of one core\n")
    for job, us in found.items():
        print(f"{job:<28} {us:8.2f} us  {ratios[job]:6.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
