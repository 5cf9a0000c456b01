"""How long a filter takes over a million real events until its rows are all found.

    python -m tests.bench.bench_filter [--events N] [--rounds N] [--loud] [--only TEXT] [--json FILE]
    python -m tests.bench.bench_filter --all-fields [--slow FILE] [--show N] [--only TEXT] [--json FILE]

Events are the recorded mix of tests.bench.real_mix. "prepared" is what a person waits for: the screen prepares the
history while there is nothing else to do, and the filter, never seen before, is asked of all of it; "first" is the
first of these rounds, in which its field is asked for the first time, too. "again" is the same
filter once more, as after a choice of another container; "cold" a history that nobody has prepared. The baseline is
the rules' own evaluator on one event after the other, of every 50th batch and multiplied. CPU time of one core, and
wall time for the prepared one; rounds are interleaved, the median counts.

With ``--all-fields`` every field of the registry is asked instead, with every argument that events have: whether it
exists, what it is equal to, what it contains; and some questions of several words and fields. The slowest are printed
first; what takes so long that a sample tells it is multiplied up from every 20th batch. ``--slow FILE`` asks those
again of which a file of --json says that they took 100 ms or longer; the other conditions on these fields are asked as
well, as then, and not shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import real_mix
from tests.every_field import WIDER, conditions, every_field
from tuimon.batch import Batch
from tuimon.compact import compacted
from tuimon.rules.filter import Preparation, compile_filter
from tuimon.rules.numbering import Memory
from tuimon.ui.tuning import tune

FILTERS = (
    "evt.type = execve",
    "container.id != host",
    "proc.name = bash{}",
    "proc.name in (git, tar{}, cp)",
    "proc.cmdline contains json{}",
    "proc.exepath startswith /usr/bin{}",
    "proc.aname = sh{}",
    "user.name = root{}",
    "evt.failed = true",
    "evt.res = ENOENT",
    "evt.rawres > 100{}",
    "fd.name = /etc/passwd{}",
    "evt.type = openat and fd.name startswith /etc{}",
    "fd.name contains shadow{}",
    "fd.name glob '/usr/lib/*.so{}*'",
    "fd.name regex '.*/python3.*/[a-z{}]+[.]py'",
    "fd.directory pmatch (/etc, /usr/share{})",
    "basename(fd.name) = passwd{}",
    "evt.is_open_write = true",
    "fd.num > 5{}",
    "fd.sport = 53{}",
    "evt.arg.flags contains O_TRUNC{}",
    "not proc.name in (git, tar{}, cp)",
    "evt.res != SUCCESS and not fd.name startswith /usr{}",
    "fd.name in ({many})",
    "proc.name in ({many})",
    "fd.name icontains PASSWD{}",
    "fd.name exists and proc.pid > 1{}",
    "fd.filename = passwd{}",
    "fd.directory in (/etc, /root{})",
    "fs.path.name startswith /etc{}",
    "proc.cmdline startswith 'sh -c{}'",
    "proc.cmdline regex '.*(curl|wget).*{}'",
    "proc.aname[2] = sh{}",
    "proc.pname in (sh{}, bash)",
    "user.name != root{}",
    "container.name = mix{}",
    'fd.sip in ("10.0.0.{n}", "127.0.0.1")',
    "fd.snet = 127.0.0.0/8",
    "fd.type = ipv4 and not fd.sip exists",
    "evt.rawres < {n}",
    "evt.rawres in (-2, -13{})",
    "evt.arg.flags contains CLONE_NEW{}",
    "evt.arg.option exists",
    "evt.time.s contains :{n}",
    "evt.reltime > 5{n}00000000",
    "tolower(fd.name) contains readme{}",
    "evt.type in (openat, execve) and proc.aname in (sh{}, bash) and fd.name contains etc",
    "shadow{}",
    "python{}",
)
"""The braces take a number of the round, so that no constant was seen before (``{n}`` from the first round on);
``{many}`` are 200 values."""
MANY = ", ".join(f"/usr/lib/python3/dist-packages/no-such-{{}}-{number}.py" for number in range(200))
EVERY = 50


class Clocks:
    """CPU and wall time of runs."""

    def __init__(self) -> None:
        self.cpu_ms: list[float] = []
        self.wall_ms: list[float] = []

    def take(self, run: Callable[[], int]) -> int:
        """Run once by both clocks."""
        cpu, wall = time.process_time(), time.perf_counter()
        result = run()
        self.cpu_ms.append((time.process_time() - cpu) * 1e3)
        self.wall_ms.append((time.perf_counter() - wall) * 1e3)
        return result

    def medians(self) -> tuple[float, float]:
        """Return the medians, CPU first."""
        return statistics.median(self.cpu_ms), statistics.median(self.wall_ms)


def asked(text: str, batches: Sequence[Batch], mix: real_mix.Mix, memory: Memory) -> int:
    """Return how many rows a filter keeps."""
    keep = compile_filter(text, None, mix.event_of, memory)
    return sum(len(keep.rows(batch)) for batch in batches)


def row_wise(text: str, batches: Sequence[Batch], mix: real_mix.Mix) -> int:
    """Return the same, event by event."""
    keep = compile_filter(text, None, mix.event_of)
    return sum(keep.matches(mix.event_of(batch, row)) for batch in batches for row in range(len(batch)))


def prepared(mix: real_mix.Mix) -> tuple[list[Batch], Memory, float]:
    """Return the batches as the screen's spare time leaves them, and the CPU seconds that takes.

    The collector of garbage is set as the screen sets it.
    """
    memory = Memory(mix.processes.get)
    preparation = Preparation(mix.event_of, memory)
    batches = list(mix.batches)
    began = time.process_time()
    while (batch := preparation.prepare(batches)) is not None:
        at = next(at for at, each in enumerate(batches) if each is batch)
        batches[at] = compacted(batch)
    spent_s = time.process_time() - began
    tune()
    return batches, memory, spent_s


def every_field_asked(mix: real_mix.Mix, only: str, slow: frozenset[str] | None) -> list[tuple[str, float, int]]:
    """Return conditions on every field, with the CPU milliseconds and the rows of each, the slowest first.

    A history is prepared anew when what filters keep has grown: beyond a bound they let go of it.
    """
    batches, memory, _ = prepared(mix)
    held = memory.value_bytes
    out = []
    for name, asked_of_it in (*((name, conditions(info, name)) for info, name in every_field()), *_wider()):
        if only not in name or (slow is not None and slow.isdisjoint(asked_of_it)):
            continue
        if memory.value_bytes > held + _MAY_GROW_BYTES:
            for batch in batches:
                batch.notes = None
            batches, memory, _ = prepared(mix)
        sample = batches[:: len(batches) // SAMPLES + 1]
        for at, text in enumerate(asked_of_it):
            clocks = Clocks()
            rows = clocks.take(lambda: asked(text, sample, mix, memory))  # noqa: B023
            whole_ms = clocks.cpu_ms[0] * len(batches) / len(sample)
            if whole_ms < _TOO_LONG_MS:
                rows = clocks.take(lambda: asked(text, batches, mix, memory))  # noqa: B023
                # What the sample took belongs to the first question about a field.
                whole_ms = clocks.cpu_ms[1] + (0 if at else clocks.cpu_ms[0])
            if slow is None or text in slow:
                out.append((text, whole_ms, rows))
    return sorted(out, key=lambda each: -each[1])


def _wider() -> list[tuple[str, list[str]]]:
    """Return what else is asked, each as a question of its own."""
    return [(text, [text]) for text in WIDER]


def slow_ones(path: str) -> frozenset[str]:
    """Return the conditions that took 100 ms or longer in an earlier run."""
    told = json.loads(Path(path).read_text())["fields"]
    return frozenset(text for text, each in told.items() if each["prepared_ms"] >= 100)


def print_every_field(mix: real_mix.Mix, args: argparse.Namespace) -> None:
    """Measure and print the same."""
    found = every_field_asked(mix, args.only, slow_ones(args.slow) if args.slow else None)
    print(f"{mix.events:,} real events, prepared; {len(found):,} conditions on every field, CPU ms")
    for bound in (10, 30, 100, 300, 1000):
        print(f"{sum(ms < bound for _, ms, _ in found):6,} under {bound} ms")
    for text, ms, rows in found[: args.show]:
        print(f"{text[:69]:70}{rows:9,}{ms:9,.0f}")
    if args.json:
        figures = {text: {"prepared_ms": ms, "rows": rows} for text, ms, rows in found}
        Path(args.json).write_text(json.dumps({"events": mix.events, "fields": figures}, indent=1))


SAMPLES = 5
_TOO_LONG_MS = 3000.0
_MAY_GROW_BYTES = 4_000_000


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=real_mix.EVENTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loud", action="store_true", help="the mix with every call in it")
    parser.add_argument("--only", default="", help="only filters that hold this text")
    parser.add_argument("--cold", action="store_true", help="measure histories that nobody has prepared too")
    parser.add_argument("--all-fields", action="store_true", help="ask every field of the registry instead")
    parser.add_argument("--slow", metavar="FILE", help="with --all-fields: only what took 100 ms or longer there")
    parser.add_argument("--show", type=int, default=40, help="with --all-fields: so many of the slowest")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    mix = real_mix.history(args.events, loud=args.loud)
    if args.all_fields:
        print_every_field(mix, args)
        return 0
    batches, memory, spent_s = prepared(mix)
    some = batches[:: max(len(batches) // (len(batches) // EVERY + 1), 1)]
    share = mix.events / sum(map(len, some))
    print(f"{mix.events:,} real events in {len(batches)} batches, prepared in {spent_s:.1f} s of CPU; ms, medians")
    print(
        f"{'filter':50}{'rows':>9}{'row-wise':>10}{'cold':>7}{'first':>7}{'prepared':>10}{'wall':>7}{'again':>7}"
        f"{'x row-wise':>11}"
    )
    figures: dict[str, object] = {}
    filters = [text for text in FILTERS if args.only in text]
    ways: dict[str, dict[str, Clocks]] = {text: {} for text in filters}
    rows: dict[str, int] = {}
    for number in range(args.rounds):
        for text in filters:
            mine = ways[text]
            said = text.replace("{many}", MANY).replace("{}", str(number or "")).replace("{n}", str(number + 1))
            count = mine.setdefault("prepared", Clocks()).take(lambda: asked(said, batches, mix, memory))  # noqa: B023
            mine.setdefault("again", Clocks()).take(lambda: asked(said, batches, mix, memory))  # noqa: B023
            if not number:
                rows[text] = count
                mine.setdefault("row-wise", Clocks()).take(lambda: row_wise(said, some, mix))  # noqa: B023
                if args.cold:
                    for batch in mix.batches:
                        batch.notes = None
                    anew = Memory(mix.processes.get)
                    mine.setdefault("cold", Clocks()).take(lambda: asked(said, mix.batches, mix, anew))  # noqa: B023
    for text, mine in ways.items():
        base = mine["row-wise"].medians()[0] * share
        cold = mine["cold"].medians()[0] if "cold" in mine else 0.0
        (cpu, wall), again = mine["prepared"].medians(), mine["again"].medians()[0]
        shown = text.replace("{many}", "200 values").replace("{}", "").replace("{n}", "1")
        first = mine["prepared"].cpu_ms[0]
        print(
            f"{shown[:49]:50}{rows[text]:9,}{base:10,.0f}{cold:7,.0f}{first:7.0f}{cpu:10.0f}{wall:7.0f}{again:7.0f}"
            f"{base / cpu:11.0f}",
            flush=True,
        )
        figures[shown] = {
            "row_wise_ms": base,
            "cold_ms": cold,
            "first_ms": first,
            "prepared_ms": cpu,
            "wall_ms": wall,
            "again_ms": again,
        }
    if args.json:
        Path(args.json).write_text(json.dumps({"events": mix.events, "filters": figures}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
