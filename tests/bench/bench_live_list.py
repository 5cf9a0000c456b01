"""What the live list costs over a million real events: sort, fold, search, the views; in the background, all of it.

    python -m tests.bench.bench_live_list [--json] [--events N]

Sorting finds the history prepared, as the screen's spare time leaves it, and a column that nobody asked for before. The
baseline is what numpy needs to sort as many numbers. A view is counted twice: first everything, then, as at every
later tick, only what came since. The longest step is what a key press may have to share the interpreter with.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator

import numpy as np

from tests.bench import real_mix
from tests.bench.bench_filter import prepared
from tuimon.history import History
from tuimon.view.columns import column_of
from tuimon.view.folded_rows import FoldedRows
from tuimon.view.live_view import LiveView
from tuimon.view.search import Search, Text
from tuimon.view.sorted_rows import SortedRows
from tuimon.view.top import Top
from tuimon.view.top_views import VIEWS

SORTED_BY = (
    "time", "type", "pid", "process", "container", "detail", "fd.name", "fd.directory", "proc.cmdline", "proc.aname",
    "proc.pname", "user.name", "evt.res", "evt.rawres", "fd.sport", "evt.num", "container.image",
)  # fmt: skip


def timed(steps: Iterator[object]) -> tuple[float, float]:
    """Return the whole time and the longest step, in ms."""
    began = last = time.perf_counter()
    longest = 0.0
    for _ in steps:
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return (time.perf_counter() - began) * 1e3, longest * 1e3


def folding(view: LiveView) -> Iterator[None]:
    """Fold until everything is folded, a tick at a time."""
    folded = FoldedRows(view)
    while folded.sync():
        yield


def jobs(events: int) -> Iterator[tuple[str, Callable[[], Iterator[object]]]]:
    """Yield what is measured, by what it is called in the table."""
    mix = real_mix.history(events=events)
    history = History(1 << 40)
    batches, memory, _ = prepared(mix)
    for batch in batches:
        history.append(batch)
    view = LiveView(history)
    view.sync()
    for key in SORTED_BY:
        column = column_of(key)
        assert column is not None
        rows = SortedRows(column, False, view.pieces(), view.batches(), mix.event_of, memory)
        yield f"sort by {key}", rows.work
    yield "fold repeats", lambda: folding(view)
    yield "search, found nowhere", Search(Text("no such text", mix.event_of, memory), view, history.last_num, -1).work
    for name, one in VIEWS.items():
        top = Top(one, view, mix.event_of)
        yield f"view {name}", lambda top=top: top.work(0)
        yield f"view {name}, again", lambda top=top: top.work(0)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    numbers = np.random.default_rng(7).random(args.events)
    began = time.perf_counter()
    np.argsort(numbers, kind="stable")
    baseline = (time.perf_counter() - began) * 1e3
    found = {name: timed(work()) for name, work in jobs(args.events)}
    if args.json:
        results = {
            name: {"ms": whole, "longest_ms": step, "ratio": whole / baseline} for name, (whole, step) in found.items()
        }
        print(json.dumps({"events": args.events, "baseline_ms": baseline, "results": results}, indent=1))
        return
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, Python {platform.python_version()}, load {load:.1f}, {args.events:,} events")
    print(f"{'sort as many numbers':28}{baseline:>10.0f} ms")
    for name, (whole, step) in found.items():
        print(f"{name:28}{whole:>10.0f} ms {whole / baseline:>8.1f} x   longest step {step:>6.0f} ms")


if __name__ == "__main__":
    main()
