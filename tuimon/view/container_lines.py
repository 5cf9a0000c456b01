"""The lines of the containers pane, and of the details under it."""

from __future__ import annotations

from typing import Final

from tuimon.view.board import TACTICS
from tuimon.view.cells import NAME_TAIL, REST, Cell, Line, severity_role, sparkline
from tuimon.view.clock import amount
from tuimon.view.columns import fit_path
from tuimon.view.container_view import ContainerView, label
from tuimon.view.detail_lines import whole
from tuimon.view.ended import KEY, Ended
from tuimon.view.severity import short
from tuimon.view.snapshot import ContainerRow

_WIDE: Final = 50
"""Columns from which on the image and the tactics have columns of their own."""
_SPARKS: Final = 34
"""Columns from which on there is room for the rates of the last minute beside the name."""
_NAME: Final = 16
"""At least, beside an image; a wide list gives the name three fifths of what the other columns leave."""
_OTHERS: Final = 31
_SPARK: Final = 7
_TACTICS: Final = 8


class ContainerLines:
    """What the containers list shows; sequence numbers are positions from the top.

    Args:
        view: Says which containers.
        ascii_only: Draw sparklines without block characters.
    """

    first = 0

    def __init__(self, view: ContainerView, *, ascii_only: bool = False) -> None:
        self._view = view
        self._ascii = ascii_only

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._view.shown)

    def row(self, seq: int) -> ContainerRow | None:
        """Return the container at a position; None: there is none, or the line that stands for those that ended."""
        row = self._at(seq)
        return None if isinstance(row, Ended) else row

    def key(self, seq: int) -> str | None:
        """Return what a row is known by."""
        row = self._at(seq)
        return KEY if isinstance(row, Ended) else row.container.id if row is not None else None

    def _at(self, seq: int) -> ContainerRow | Ended | None:
        rows = self._view.shown
        return rows[seq] if 0 <= seq < len(rows) else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        row = self._at(seq)
        if row is None:
            return ()
        if isinstance(row, Ended):
            return row.line(ascii_only=self._ascii)
        chosen = row.container.id in self._view.chosen_ids
        name = label(row)
        role = "chosen" if chosen else "muted" if row.ended else "strong"
        wide = width >= _WIDE
        cells = [
            Cell(("*" if self._ascii else "●") if chosen else " ", "chosen", 1),
            Cell(name, role, _name_width(width), tail=NAME_TAIL),
            Cell(" ", "", 1),
        ]
        if wide:
            cells += [Cell(_fit_image(row.container.image or "", width), "muted", REST), Cell(" ", "", 1)]
        cells += [Cell("ended" if row.ended else amount(row.calls_per_s), "", 5, right=True), Cell(" ", "", 1)]
        if width >= _SPARKS:
            cells.append(Cell(sparkline(row.spark, _SPARK, ascii_only=self._ascii), "spark", _SPARK, right=True))
        cells.append(
            Cell(amount(row.alerts), severity_role(row.worst_priority) or "muted", _alerts_width(width), right=True)
        )
        if wide:
            cells += [Cell(" ", "", 1), Cell(self._tactics(row), "attention", _TACTICS)]
        drifted = len(self._view.drift.get(row.container.id, ()))
        return [*cells, Cell("+" if drifted else " ", "attention", 1)]

    def _tactics(self, row: ContainerRow) -> str:
        """Return the tactics of a container's alerts: their names, or as many of their first letters as fit."""
        names = self._view.tactics.get(row.container.id, set())
        shorts = [tactic.short for tactic in TACTICS if tactic.name in names]
        return " ".join(shorts) if len(shorts) * 4 <= _TACTICS + 1 else "".join(short[0] for short in shorts)


def _name_width(width: int) -> int:
    return max(_NAME, (width - _OTHERS) * 3 // 5) if width >= _WIDE else REST


def _alerts_width(width: int) -> int:
    """Return it with the blank before it that only the sparkline needs."""
    return 6 if width >= _SPARKS else 5


def short_image(image: str) -> str:
    """Return an image's reference without what goes without saying."""
    return image.removeprefix("docker.io/").removeprefix("library/")


def _fit_image(image: str, width: int) -> str:
    """Return an image in what a list leaves to it, cut from its front: what tells images apart is their name."""
    shown, room = short_image(image), width - _name_width(width) - _OTHERS - 1
    return shown if len(shown) <= room else fit_path(f"/{shown}", room)


def container_header(width: int) -> Line:
    """Return the names over the columns of ``ContainerLines``."""
    wide = width >= _WIDE
    cells = [Cell(" ", "", 1), Cell("name", "muted", _name_width(width)), Cell(" ", "", 1)]
    if wide:
        cells += [Cell("image", "muted", REST), Cell(" ", "", 1)]
    cells += [Cell("/s", "muted", 5, right=True), Cell(" ", "", 1)]
    if width >= _SPARKS:
        cells.append(Cell("60 s", "muted", _SPARK, right=True))
    cells.append(Cell("alert", "muted", _alerts_width(width), right=True))
    if wide:
        cells += [Cell(" ", "", 1), Cell("tactics", "muted", _TACTICS)]
    return [*cells, Cell(" ", "", 1)]


def container_details(
    row: ContainerRow | None, width: int, view: ContainerView | None = None, *, ascii_only: bool = False
) -> list[Line]:
    """Return what is known of a container, one thing a line; ``view`` knows its tactics and its drift."""
    if row is None:
        return [(Cell(" enter chooses a container", "muted", REST),)]
    container = row.container
    pairs: list[tuple[str, str, str]] = [("name", label(row), "strong")]
    if container.pod_name:
        pairs.append(("pod", f"{container.pod_namespace or '?'}/{container.pod_name}", ""))
    if container.is_host:
        pairs.append(("what", "outside containers", ""))
    else:
        known = container.known
        pairs += [
            ("image", short_image(container.image or "") or ("none" if known else "not known yet"), ""),
            ("id", container.id, ""),
            ("engine", container.engine or "not known yet", ""),
        ]
        if container.privileged:
            pairs.append(("flag", "privileged", "attention"))
    pairs += [
        ("calls", f"{amount(row.calls)}, {amount(row.errors)} failed", ""),
        ("lost", amount(row.dropped), "lost" if row.dropped else "muted"),
    ]
    tactics = view.tactics.get(container.id, set()) if view is not None else set()
    drift = view.drift.get(container.id, ()) if view is not None else ()
    if drift:
        pairs.append(("drift", f"{len(drift)} new: {', '.join(drift)}", "attention"))
    if row.alerts:
        pairs.append(("alerts", f"{row.alerts}, worst {short(row.worst_priority)}", severity_role(row.worst_priority)))
    if tactics:
        pairs.append(("tactics", ", ".join(sorted(tactics)), "attention"))
    lines = [
        line
        for name, text, role in pairs
        for line in whole((Cell(f" {name}", "muted", 9), Cell(text, role, REST)), width)
    ]
    peak = max(row.spark, default=0.0)
    spark = sparkline(row.spark, max(min(width - 9, 60), 8), ascii_only=ascii_only)
    lines.append((Cell(" 60 s", "muted", 9), Cell(spark, "spark", REST)))
    lines.append((Cell(" peak", "muted", 9), Cell(f"{amount(peak)} calls/s", "", REST)))
    return lines
