"""The lines of the replay tab: the state, the timeline's picture, and the alerts on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tuimon.view.alert_lines import container_of
from tuimon.view.cells import NAME_TAIL, REST, Cell, Line, severity_role
from tuimon.view.clock import amount, clock, day, span
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
    first_ns, last_ns = timeline.first_ns + view.offset_ns, timeline.last_ns + view.offset_ns
    first, last = clock(first_ns, 1), clock(last_ns, 1)
    if view.source is not None:  # of a recording it is not to be seen which day it is from
        first = f"{day(first_ns)[:10]} {first}"
        last = f"{day(last_ns)[:10]} {last}" if day(first_ns) != day(last_ns) else last
    return Cell(f" {first}", "muted", REST), Cell(f"{last} ", "muted", 24, right=True)


class MarkLines:
    """The alerts on the timeline as a list's source, in order of time; repeats are one row, in the place of the first.

    Args:
        view: Says which.
    """

    first = 0

    def __init__(self, view: ReplayView) -> None:
        self._view = view
        self._folded = True
        self._made_of: list[Mark] | None = None
        self._rows: list[list[Mark]] = []
        self._place: dict[int, int] = {}
        """Row of each alert, by its number."""

    @property
    def folded(self) -> bool:
        """Whether repeats of one rule in one container are one row, as in the list of alerts."""
        return self._folded

    def turn_folded(self) -> None:
        """Fold repeats, or show every alert."""
        self._folded = not self._folded
        self._made_of = None

    def _made(self) -> list[list[Mark]]:
        """Return the rows, made afresh when the alerts are others."""
        marks = self._view.marks
        if marks is not self._made_of:
            groups: dict[object, list[Mark]] = {}
            for mark in marks:
                key = (mark.alert.rule, mark.alert.container_id) if self._folded else mark.num
                groups.setdefault(key, []).append(mark)
            self._rows, self._made_of = list(groups.values()), marks
            self._place = {mark.num: at for at, row in enumerate(self._rows) for mark in row}
        return self._rows

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._made())

    def row(self, seq: int) -> Sequence[Mark]:
        """Return the alerts of a row, in order of time; empty when there is none at the position."""
        rows = self._made()
        return rows[seq] if 0 <= seq < len(rows) else ()

    def position(self, mark: Mark) -> int | None:
        """Return in which row an alert is now, None when it is not shown."""
        rows, at = self._made(), self._place.get(mark.num)
        return at if at is not None and mark in rows[at] else None

    def target(self, seq: int, here_ns: int) -> Mark | None:
        """Return the alert of a row to go to from a time: the next one behind it, after the last the first again."""
        row = self.row(seq)
        return next((mark for mark in row if mark.time_ns > here_ns), row[0] if row else None)

    def line(self, seq: int, width: int) -> Line:
        """Return one row; what was not reached yet is dimmer."""
        row = self.row(seq)
        if not row:
            return ()
        view, mark = self._view, row[0]
        alert = mark.alert
        past = sum(each.time_ns <= view.position_ns for each in row)
        reached = past > 0
        some = f" {amount(past)}/{amount(len(row))}" if 0 < past < len(row) else ""
        since = (mark.time_ns - view.timeline.first_ns) / 1e9
        role, wide = severity_role(alert.priority), width >= 100
        cells = [
            Cell(some or (" " if reached else " ahead"), "muted", 8),
            Cell(clock(alert.time_ns, 3 if wide else 0), "" if reached else "muted", 13 if wide else 9),
            Cell(f"+{span(since)}", "muted", 9),
            Cell(amount(len(row)), "strong" if len(row) > 1 else "muted", 5, right=True),
            Cell(" "),
            Cell(short(alert.priority), role, 5),
            Cell(alert.rule, role if reached else "muted", 42 if width >= 100 else REST),
            Cell(f" {container_of(alert)}", "" if reached else "muted", 15, tail=NAME_TAIL),
        ]
        return [*cells, Cell(f" {alert.output}", "muted", REST)] if width >= 100 else cells


def mark_header(width: int) -> Line:
    """Return the names over the columns of ``MarkLines``."""
    cells = [
        Cell("", "", 8),
        Cell("time", "muted", 13 if width >= 100 else 9),
        Cell("since", "muted", 9),
        Cell("n", "muted", 5, right=True),
        Cell(" "),
        Cell("prio", "muted", 5),
        Cell("rule", "muted", 42 if width >= 100 else REST),
        Cell(" container", "muted", 15),
    ]
    return [*cells, Cell(" output", "muted", REST)] if width >= 100 else cells
