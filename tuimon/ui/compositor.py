"""Compositor: paints of the screen what has changed and nothing else.

Textual's asks every widget between the first and the last line that changed for all its lines. On a calm machine that
is the screen itself: the time in its first line changes, a list at its bottom, and everything in between is rendered,
cut up and thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region

if TYPE_CHECKING:
    from textual.strip import Strip
    from textual.widget import Widget

Span = tuple[int, int, int]
"""A line of the screen, and the columns from which and up to which it changed."""


class SparseCompositor(Compositor):
    """Textual's compositor with partial updates of its own; they write the same characters to the same places.

    A line is cut wherever a widget begins or ends on it. Of each dirty line the pieces that the change touches are
    asked for, from the front to the back, of the first widget that covers them.
    """

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return what changed since the last update, None if nothing did."""
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        if not regions:
            return None
        spans = list(self._regions_to_spans(regions))
        return ChopsUpdate(self._pieces(spans), spans, [cuts[1:] for cuts in self.cuts])

    def _pieces(self, spans: list[Span]) -> list[dict[int, Strip | None]]:
        """Return for each line of the screen its pieces by the column they begin at; None for what is not needed."""
        pieces: list[dict[int, Strip | None]] = [{} for _ in self.cuts]
        missing = self._touched(spans)
        for y in missing:
            pieces[y] = dict.fromkeys(self.cuts[y][:-1])
        for widget, (region, clip) in self.visible_widgets.items():
            if not missing:
                break
            seen = region.intersection(clip)
            for lines in _runs(_lacking(missing, seen)):
                strips = _rendered(widget, region, seen, lines)
                for y, strip in zip(lines, strips, strict=False):
                    self._fill(pieces[y], missing, y, seen, strip)
        return pieces

    def _touched(self, spans: Iterable[Span]) -> dict[int, set[int]]:
        """Return for each dirty line the columns at which the pieces begin that a change touches."""
        touched: dict[int, set[int]] = {}
        for y, x1, x2 in spans:
            found = {start for start, end in pairwise(self.cuts[y]) if start < x2 and end > x1}
            if found:
                touched[y] = touched[y] | found if y in touched else found
        return touched

    def _fill(
        self, pieces: dict[int, Strip | None], missing: dict[int, set[int]], y: int, seen: Region, strip: Strip
    ) -> None:
        """Put a widget's line into the pieces of a line that nothing in front of it has filled.

        A line that is shorter than its widget leaves the rest to what is behind.
        """
        cuts = [cut for cut in self.cuts[y] if seen.x <= cut <= seen.right]
        for start, part in zip(cuts, strip.divide([cut - seen.x for cut in cuts[1:]]), strict=False):
            if pieces[start] is None:
                pieces[start] = part
            missing[y].discard(start)
        if not missing[y]:
            del missing[y]


def _lacking(missing: dict[int, set[int]], seen: Region) -> list[int]:
    """Return the lines of which a widget that is seen there covers a missing piece."""
    x1, x2 = seen.column_span
    y1, y2 = seen.y, seen.bottom
    return [y for y, starts in missing.items() if y1 <= y < y2 and any(x1 <= start < x2 for start in starts)]


def _runs(lines: list[int]) -> Iterator[range]:
    """Return ascending numbers in runs without a gap."""
    begin = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or lines[at] != lines[at - 1] + 1:
            yield range(lines[begin], lines[at - 1] + 1)
            begin = at


def _rendered(widget: Widget, region: Region, seen: Region, lines: range) -> list[Strip]:
    """Return some lines of the screen as a widget shows them."""
    return widget.render_lines(Region(seen.x - region.x, lines.start - region.y, seen.width, len(lines)))
