"""The lines of the replay tab: the state, the timeline's picture, and the alerts on it."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from tuimon.view.alert_lines import container_of
from tuimon.view.cells import REST, Cell, Line, severity_role
from tuimon.view.clock import amount, clock, span
from tuimon.view.replay_view import Mark, ReplayView, speed_text
from tuimon.view.severity import LETTERS, short

ROWS: Final = 3
"""Of the picture of the density."""
HEIGHT: Final = ROWS + 4
"""State, density, alerts, pointer, times."""
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_ASCII: Final = " .:-=+*%#"


def timeline_lines(view: ReplayView, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Return the picture: state, density, the worst alert of each column, where we are, the times at both ends."""
    inner = max(width - 2, 1)
    here = view.timeline.column_of(view.position_ns, inner)
    return [
        _state(view, width, ascii_only),
        *_density(view, inner, here, ascii_only),
        _marks(view, inner, ascii_only),
        (Cell(" "), Cell(" " * here), Cell("^" if ascii_only else "▲", "key"), Cell("", "", REST)),
        _ends(view),
    ]


def _state(view: ReplayView, width: int, ascii_only: bool) -> Line:
    timeline, source = view.timeline, view.source
    where = clock(view.position_ns + view.offset_ns, 3) if view.position_ns else "-"
    if source is None:
        cells = [Cell(" LIVE ", "live"), Cell(f" history of {span(timeline.span_ns / 1e9)}", "")]
        return [*cells, Cell(f"  {amount(timeline.events)} events  {len(view.marks):,} alerts in it", "muted", REST)]
    if source.ended:
        word, role = "ENDED", "paused"
    elif view.skipping:
        word, role = "SKIPPING", "attention"
    elif source.paused:
        word, role = "PAUSED", "paused"
    else:
        word, role = "PLAYING", "live"
    mark = {"PAUSED": "||", "PLAYING": ">"} if ascii_only else {"PAUSED": "⏸", "PLAYING": "▶"}
    passed = max(view.position_ns - timeline.first_ns, 0) / 1e9
    reached = f"{span(passed)} of {_whole(view, passed)}" if timeline.events or view.progress == 1 else "? of ?"
    cells = [
        Cell(f" {mark.get(word, '')} {word} ", role),
        Cell(f" {speed_text(source.speed)} ", "strong"),
        Cell(f" {where} ", "strong"),
        Cell(f" {reached}", ""),
    ]
    if view.error:
        return [*cells, Cell(f"  {view.error}", "bad", REST)]
    if view.progress < 1:
        return [*cells, Cell(f"  reading ahead {view.progress:.0%}", "attention", REST)]
    if view.notice:
        return [*cells, Cell(f"  {view.notice}", "bad", REST)]
    if width >= 100:
        cells.append(Cell(f"  {amount(timeline.events)} events, {len(view.marks):,} alerts", "muted", REST))
    return cells


def _whole(view: ReplayView, passed_s: float) -> str:
    """Return how long the recording is and which share has passed; not known where it is played before it is read."""
    if view.progress < 1 and passed_s * 1e9 > view.timeline.span_ns:
        return "?"
    share = passed_s * 1e9 / max(view.timeline.span_ns, 1)
    return f"{span(view.timeline.span_ns / 1e9)} ({min(max(share, 0), 1):.0%})"


def _density(view: ReplayView, width: int, here: int, ascii_only: bool) -> list[Line]:
    """Return the density as rows of blocks; what lies ahead of us is dimmer."""
    counts = view.timeline.columns(width)
    top = max(int(counts.max(initial=0)), 1)
    blocks = _ASCII if ascii_only else _BLOCKS
    steps = len(blocks) - 1
    levels = [-(-int(n) * ROWS * steps // top) for n in counts]
    lines: list[Line] = []
    for row in range(ROWS - 1, -1, -1):
        text = "".join(blocks[min(max(level - row * steps, 0), steps)] for level in levels)
        lines.append((Cell(" "), Cell(text[: here + 1], "spark"), Cell(text[here + 1 :], "muted"), Cell("", "", REST)))
    return lines


def _marks(view: ReplayView, width: int, ascii_only: bool) -> Line:
    """Return the letter of the worst alert of each column, neighbours of one kind joined."""
    cells: list[Cell] = [Cell(" ")]
    for priority in view.worst(width):
        letter = LETTERS.get(priority or "", "." if ascii_only else "·")
        role = severity_role(priority) if priority else "muted"
        if cells[-1].role == role and len(cells) > 1:
            cells[-1] = Cell(cells[-1].text + letter, role)
        else:
            cells.append(Cell(letter, role))
    return [*cells, Cell("", "", REST)]


def _ends(view: ReplayView) -> Line:
    timeline = view.timeline
    if not timeline.events:
        return (Cell(" no event so far", "muted", REST),)
    return (
        Cell(f" {clock(timeline.first_ns + view.offset_ns, 1)}", "muted", REST),
        Cell(f"{clock(timeline.last_ns + view.offset_ns, 1)} ", "muted", 12, right=True),
    )


class MarkLines:
    """The alerts on the timeline as a list's source, in order of time.

    Args:
        view: Says which.
    """

    first = 0

    def __init__(self, view: ReplayView) -> None:
        self._view = view

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._view.marks)

    def row(self, seq: int) -> Mark | None:
        """Return the alert at a position."""
        marks = self._view.marks
        return marks[seq] if 0 <= seq < len(marks) else None

    def position(self, mark: Mark) -> int | None:
        """Return where an alert is now, None when it is not shown."""
        marks = self._view.marks
        at = bisect_left(marks, (mark.time_ns, mark.num), key=lambda each: (each.time_ns, each.num))
        return at if at < len(marks) and marks[at].num == mark.num else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row; what was not reached yet is dimmer."""
        mark = self.row(seq)
        if mark is None:
            return ()
        view, alert = self._view, mark.alert
        reached = mark.time_ns <= view.position_ns
        since = (mark.time_ns - view.timeline.first_ns) / 1e9
        role = severity_role(alert.priority)
        cells = [
            Cell(" " if reached else " ahead", "muted", 7),
            Cell(clock(alert.time_ns, 3), "" if reached else "muted", 13),
            Cell(f"+{span(since)}", "muted", 9),
            Cell(short(alert.priority), role, 5),
            Cell(alert.rule, role if reached else "muted", 42 if width >= 100 else REST),
            Cell(f" {container_of(alert)}", "" if reached else "muted", 15),
        ]
        return [*cells, Cell(f" {alert.output}", "muted", REST)] if width >= 100 else cells


def mark_header(width: int) -> Line:
    """Return the names over the columns of ``MarkLines``."""
    cells = [
        Cell("", "", 7),
        Cell("time", "muted", 13),
        Cell("since", "muted", 9),
        Cell("prio", "muted", 5),
        Cell("rule", "muted", 42 if width >= 100 else REST),
        Cell(" container", "muted", 15),
    ]
    return [*cells, Cell(" output", "muted", REST)] if width >= 100 else cells
