"""The status line: where we are, whether it is live, how much comes in, what was lost, which rules are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tuimon.view.cells import Cell, Line, cut
from tuimon.view.clock import amount, clock, span

if TYPE_CHECKING:
    from tuimon.view.snapshot import Snapshot

_NARROW: Final = 110
_LONG_S: Final = 3
"""A start that takes longer says why."""
_NAME: Final = 8
"""A recording's name takes what the rest of the line leaves, at least this."""
_TINY: Final = 80
"""Below this many columns the node's name is left out: LOST must be on every screen."""


def status_line(
    snapshot: Snapshot | None,
    width: int,
    *,
    paused: bool = False,
    ascii_only: bool = False,
    waited_s: float = 0,
    recording: str = "",
) -> Line:
    """Return the line for a snapshot.

    Args:
        snapshot: None while the capture is starting, or the ``recording`` is being opened, for ``waited_s`` so far.
        width: Columns there are.
        paused: Whether the view stands still.
        ascii_only: Draw without other characters.
        waited_s: See above.
        recording: Name of the recording that is being opened; empty: the live kernel.
    """
    dot = "*" if ascii_only else "●"
    if snapshot is None:
        what = f"opening {recording}..." if recording else "starting capture..."
        cells = [Cell(" tuimon ", "title"), Cell(f" {dot} ", "attention"), Cell(what, "attention")]
        if waited_s >= _LONG_S and not recording:
            cells.append(Cell(f" {waited_s:.0f} s; the kernel checks the programs it is given", "muted"))
        return cells
    narrow = width < _NARROW
    cells = [Cell(" tuimon ", "title")]
    if width >= _TINY:
        cells.append(Cell(f" {snapshot.node} ", "strong"))
    if not narrow and snapshot.live:  # of a recording its name is worth the room; the Health tab tells the kernel
        cells.append(Cell(f" {snapshot.kernel} ", "muted"))
    cells += _mode(snapshot, dot, paused)
    counts, engine = snapshot.counts, round(snapshot.engine_load * 100)
    seen, kept = amount(snapshot.seen_per_s), amount(snapshot.emitted_per_s)
    lost = f" LOST {amount(counts.dropped)} "
    rules = f" rev {snapshot.revision}" if narrow else f" rules {snapshot.rules} rev {snapshot.revision}"
    figures = [
        Cell(f" in {seen}/s ", ""),
        Cell(f" kept {kept}/s ", ""),
        Cell(lost, "lost" if counts.dropped else "muted"),
        Cell(f" eng {engine}% " if narrow else f" engine {engine}% ", "attention" if engine >= 90 else ""),
        Cell(rules, ""),
    ]
    if not snapshot.live and not narrow:
        room = width - sum(len(cell.text) for cell in (*cells, *figures)) - 2
        cells.append(Cell(f" {cut(snapshot.source, max(room, _NAME))} ", "muted"))
    return [*cells, *figures]


def _mode(snapshot: Snapshot, dot: str, paused: bool) -> list[Cell]:
    if snapshot.live:
        word, role, when = "LIVE", "live", span(snapshot.uptime_s)
    else:
        word, role, when = "REPLAY", "replay", clock(snapshot.time_ns) if snapshot.time_ns else ""
        word += " ended" if snapshot.ended else ""
    if paused:
        word, role = "PAUSED", "paused"
    return [Cell(f" {dot} {word} {when} ", role)]
