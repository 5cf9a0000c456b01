"""The lines of the health tab: what tuimon itself does, costs and loses; and what each rule costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tuimon.records import CLASS_BYTES, SizeClass
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import amount, clock, percent, span
from tuimon.view.container_view import label
from tuimon.view.detail_lines import whole, wrapped
from tuimon.view.health import ORDERS, Health, RuleCost, by_class, class_name
from tuimon.view.severity import short
from tuimon.view.snapshot import ContainerRow, Snapshot

_NAME: Final = 16
_VICTIMS: Final = 20
_FLOODS: Final = 5
_LATE_S: Final = 0.5
WITH_KERNEL: Final = 66
"""Columns from which on there is room for what the kernel keeps of each rule's calls."""
_SILENT_S: Final = 5.0
"""Seconds without tuimon's own calls being seen after which the probes are said to be silent."""


class Pulse:
    """Whether the probes still see: tuimon's own calls are counted by them and must grow. One watcher."""

    def __init__(self) -> None:
        self._calls = -1
        self._grew_s = 0.0

    def silent_s(self, snapshot: Snapshot) -> float:
        """Return for how many seconds the count of tuimon's own calls has stood still."""
        if snapshot.counts.self_calls != self._calls:
            self._calls, self._grew_s = snapshot.counts.self_calls, snapshot.uptime_s
        return snapshot.uptime_s - self._grew_s


def health_lines(snapshot: Snapshot, health: Health, silent_s: float, width: int, *, ascii_only: bool) -> list[Line]:
    """Return the figures in sections.

    Args:
        snapshot: The engine's newest.
        health: What it tells beyond that.
        silent_s: See ``Pulse``.
        width: Columns there are.
        ascii_only: Draw bars without block characters.
    """
    bar = _bar(width, ascii_only)
    lines: list[Line] = []
    if snapshot.notices:
        lines += [_title("notices"), *_notices(snapshot.notices, width), ()]
    lines += [_title("probes"), *_probes(snapshot, health, silent_s), ()]
    lines += [_title(f"engine  {snapshot.engine_load:.1%} of a core, last second"), *_stages(health, bar), ()]
    lines += [_title("events"), *_events(snapshot, health), ()]
    lines += [_title("lost by size class"), *_drops(snapshot), ()]
    lines += [_title("lost by container"), *_drops_by_container(snapshot), ()]
    if health.floods:
        lines += [_title("floods, the last first"), *_floods(health), ()]
    if health.rings:
        lines += [_title("rings, now"), *_rings(health, bar), ()]
    lines += [_title("memory"), *_memory(snapshot, health, bar)]
    if health.facts:
        lines += [(), _title("found at the start"), *(_pair(name, value) for name, value in health.facts)]
    return [row for line in lines for row in (whole(line, width) if _is_pair(line) else [line])]


def _notices(notices: Sequence[str], width: int) -> list[Line]:
    rows = [row for text in notices for row in wrapped(text, width)]
    return [(Cell(f" {row}", "attention", REST),) for row in rows]


def _title(text: str) -> Line:
    return (Cell(f" {text}", "title", REST),)


def _pair(name: str, text: str, role: str = "") -> Line:
    return (Cell(f"  {name}", "muted", _NAME), Cell(text, role, REST))


_BESIDE: Final = 66
"""Columns of a bar's line beside its name and itself, with what a stage does in full."""


def _bar(width: int, ascii_only: bool) -> Callable[[float], str]:
    columns = max(min(width - _NAME - _BESIDE, 30), 6)
    full, empty = ("#", ".") if ascii_only else ("█", "░")

    def drawn(share: float) -> str:
        filled = min(round(share * columns), columns)
        filled = max(filled, 1) if share >= 0.005 else filled
        return full * filled + empty * (columns - filled)

    return drawn


def _probes(snapshot: Snapshot, health: Health, silent_s: float) -> list[Line]:
    if not snapshot.live:
        state = "ended" if snapshot.ended else "playing"
        return [_pair("source", f"recording {snapshot.source}, {state}: no probes are needed")]
    last = health.last_event_s
    ago = "none so far" if last is None else f"{last:.1f} s ago"
    silent = silent_s >= _SILENT_S
    beat = (
        f"SILENT for {span(silent_s)}: the kernel programs no longer report; restart tuimon"
        if silent
        else f"alive: {amount(snapshot.counts.self_calls)} own calls seen"
    )
    return [
        _pair("heartbeat", beat, "lost" if silent else "good"),
        _pair("last event", ago, "attention" if last is None or last > _SILENT_S else ""),
        _pair("running for", span(snapshot.uptime_s)),
    ]


def _stages(health: Health, bar: Callable[[float], str]) -> list[Line]:
    if not health.stages:
        return [_pair("", "not measured here", "muted")]
    return [
        (
            Cell(f"  {stage.name}", "muted", _NAME),
            Cell(f"{stage.share:6.1%} ", "strong" if stage.share >= 0.1 else "", 8, right=True),
            Cell(bar(stage.share), "spark"),
            Cell(f" {stage.total_s:.1f} s ", "muted", 10, right=True),
            Cell(f" {stage.what}", "muted", REST),
        )
        for stage in health.stages
    ]


def _events(snapshot: Snapshot, health: Health) -> list[Line]:
    counts = snapshot.counts
    adds_up = counts.emitted + counts.filtered + counts.dropped
    odd = counts.seen - adds_up
    sum_up = "seen = kept + filtered + lost" if not odd else f"{abs(odd):,} on their way between the counters"
    lines = [
        _pair("seen", f"{counts.seen:,}   {amount(snapshot.seen_per_s)}/s"),
        _pair("kept", f"{counts.emitted:,}   {amount(snapshot.emitted_per_s)}/s"),
        _pair("filtered", f"{counts.filtered:,}   in the kernel: no rule and no view asked for them"),
        _pair("lost", f"{counts.dropped:,}", "lost" if counts.dropped else "good"),
        _pair("", sum_up, "muted"),
    ]
    if counts.shed:
        what = "of the filtered: a view asked for them, no rule did, and there was too much"
        lines.insert(3, _pair("given up", f"{counts.shed:,}   {what}", "attention"))
    if health.lag_s >= _LATE_S:
        lines.append(_pair("behind", f"{health.lag_s:.1f} s: more comes than can be judged at once", "attention"))
    return lines


def _drops(snapshot: Snapshot) -> list[Line]:
    lost = snapshot.counts.dropped_by_class
    if not any(lost):
        return [_pair("none", "no record found its ring full", "good")]
    names = zip(SizeClass, lost, strict=False)
    return [_pair(class_name(name), f"{n:,} records of {CLASS_BYTES[name]:,} bytes", "lost") for name, n in names if n]


def _drops_by_container(snapshot: Snapshot) -> list[Line]:
    rows = (*snapshot.containers, *((snapshot.other,) if snapshot.other is not None else ()))
    victims = sorted((row for row in rows if row.dropped), key=lambda row: -row.dropped)
    if not victims:
        return [_pair("none", "every container's records were kept", "good")]
    return [_pair(label(row), _lost(row), "lost") for row in victims[:_VICTIMS]]


def _lost(row: ContainerRow) -> str:
    classes = by_class(row.dropped_by_class)
    return f"{row.dropped:,} records lost{f': {classes}' if classes else ''}"


def _floods(health: Health) -> list[Line]:
    lines = []
    for flood in reversed(health.floods[-_FLOODS:]):
        ended_s = health.now_s if flood.ended_s is None else flood.ended_s
        said = f"{flood.in_words()} lost" if flood.lost else "nothing lost"
        if flood.given_up:
            said += f", {flood.given_up:,} given up"
        when = "goes on" if flood.ended_s is None else f"{span(health.now_s - ended_s)} ago"
        took = f"for {span(ended_s - flood.began_s)}: {said}"
        lines.append(_pair(when, took, "lost" if flood.lost else "attention"))
    return lines


def _rings(health: Health, bar: Callable[[float], str]) -> list[Line]:
    return [
        (
            Cell(f"  {name}", "muted", _NAME),
            Cell(f"{used / max(size, 1):6.1%} ", "attention" if used > size / 2 else "", 8, right=True),
            Cell(bar(used / max(size, 1)), "spark"),
            Cell(f" of {_bytes(size)}", "muted", REST),
        )
        for name, used, size in health.rings
    ]


def _memory(snapshot: Snapshot, health: Health, bar: Callable[[float], str]) -> list[Line]:
    share = snapshot.history_bytes / max(snapshot.history_max_bytes, 1)
    window = (snapshot.time_ns - snapshot.history_first_time_ns) / 1e9 if snapshot.history_first_time_ns else 0.0
    reach = f"{span(window)}, since {clock(snapshot.history_first_time_ns)}" if window > 0 else "nothing yet"
    waiting = f"{health.waiting:,}"
    if health.released_early:
        waiting += f"; {health.released_early:,} let go unconfirmed for want of room"
    lines: list[Line] = [
        _pair("this process", _bytes(health.memory_bytes) if health.memory_bytes else "not known"),
        (
            Cell("  history", "muted", _NAME),
            Cell(f"{share:6.1%} ", "", 8, right=True),
            Cell(bar(share), "spark"),
            Cell(f" {_bytes(snapshot.history_bytes)} of {_bytes(snapshot.history_max_bytes)}", "muted", REST),
        ),
        _pair("it holds", f"{snapshot.history_events:,} events, {reach}"),
        _pair("processes", f"{health.processes:,} versions kept"),
        _pair("undecided", f"{waiting} hits wait for a value to become known"),
        _pair("alerts", f"{snapshot.alerts:,}, {snapshot.alerts_forgotten:,} of them no longer kept"),
    ]
    if health.unjudged:
        lines.append(_pair("not judged", f"{health.unjudged:,} events, a bug of tuimon", "bad"))
    return lines


def _is_pair(line: Line) -> bool:
    return len(line) == 2 and line[1].width == REST


def _bytes(value: float) -> str:
    """Return a size in the unit that reads best."""
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


class RuleCostLines:
    """What each rule costs, as a list's source; sequence numbers are positions from the top.

    ``rows`` is replaced by ``renew`` only, so the list stands still while it is read.
    """

    first = 0

    def __init__(self) -> None:
        self.rows: tuple[RuleCost, ...] = ()
        self.order = ORDERS[0]
        self.kept: Mapping[str, float] = {}
        """Share of its calls that the kernel would keep for a rule alone, by its name; see workbench.kept_back."""

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self.rows)

    def renew(self, rules: tuple[RuleCost, ...]) -> None:
        """Show these costs."""
        self.rows = rules

    def turn_order(self, step: int) -> str:
        """Go to the next (1) or previous (-1) order and return its name."""
        self.order = ORDERS[(ORDERS.index(self.order) + step) % len(ORDERS)]
        return self.order

    def row(self, seq: int) -> RuleCost | None:
        """Return the row at a position."""
        return self.rows[seq] if 0 <= seq < len(self.rows) else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self.row(seq)
        if row is None:
            return ()
        idle = not row.evaluated
        cells = [
            Cell(f" {short(row.priority)}", severity_role(row.priority), 6),
            Cell(row.name, "muted" if idle else "strong", REST),
            Cell(f"{row.share:5.1%}" if row.mean_ns else "-", "attention" if row.share >= 0.25 else "", 7, right=True),
            Cell(f"{row.mean_ns / 1000:.1f}" if row.mean_ns else "-", "", 8, right=True),
            Cell(amount(row.evaluated), "muted" if idle else "", 7, right=True),
            Cell(amount(row.matched), "strong" if row.matched else "muted", 7, right=True),
        ]
        if width >= WITH_KERNEL:
            cells.insert(2, self._kernel(row.name))
        return [*cells, Cell(" ", "", 1)]

    def _kernel(self, name: str) -> Cell:
        share = self.kept.get(name)
        if share is None:
            return Cell("-", "muted", 8, right=True)
        return Cell(percent(share), "attention" if share < 0.5 else "good", 8, right=True)


def rule_cost_header(order: str, width: int) -> Line:
    """Return the names over the columns of ``RuleCostLines``; the one it is ordered by stands out."""

    def role(name: str) -> str:
        return "title" if name == order else "muted"

    return [
        Cell(" prio", "muted", 6),
        Cell("rule", role("name"), REST),
        *([Cell("kernel", "muted", 8, right=True)] if width >= WITH_KERNEL else []),
        Cell("share", role("cost"), 7, right=True),
        Cell("us each", role("mean"), 8, right=True),
        Cell("looked", role("evaluated"), 7, right=True),
        Cell("alerts", role("matched"), 7, right=True),
        Cell(" ", "", 1),
    ]


def rule_cost_foot(width: int) -> Line:
    """Return what the columns mean."""
    kernel = "kernel: share kept there, estimated  " if width >= WITH_KERNEL else ""
    return (Cell(f" {kernel}looked: past the prefilter  us: sampled", "muted", REST),)
