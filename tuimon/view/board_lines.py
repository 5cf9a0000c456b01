"""The lines of the board: what the rules cover, then one line for each container; and the lines of its dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tuimon.events import Alert
from tuimon.rules.matching import Rule
from tuimon.view.alert_lines import container_of
from tuimon.view.board import COLUMNS, TACTICS, BoardCell, BoardRow, BoardView, Tactic
from tuimon.view.cells import NAME_TAIL, REST, Cell, Line, severity_role
from tuimon.view.clock import amount, clock
from tuimon.view.ended import KEY, Ended
from tuimon.view.severity import LETTERS, short

_TOTAL: Final = 6
_NAME_MIN: Final = 11
_WORDS: Final = 9
"""Columns of a cell from which on the priority is a word and the tactic's name is longer."""


_LETTERS: Final = ("Rc", "Rd", "Ia", "Ex", "Ps", "Pv", "Ev", "Cr", "Ds", "La", "Co", "C2", "Xf", "Im", "no")
"""Names of ``COLUMNS`` where there is no room for a blank beside three letters; the foot tells the cursor's in full."""
_WIDE: Final = 110
"""Columns from which on tactics without a rule are named in words."""


def cell_width(width: int) -> int:
    """Return how wide a tactic's column is in a board ``width`` columns wide."""
    return min(max((width - _NAME_MIN - _TOTAL) // len(COLUMNS), 3), 11)


class BoardLines:
    """What the board shows: row 0 says what the rules cover, the others are containers.

    Args:
        view: Says which containers.
        ascii_only: Draw without any character beyond ASCII.
    """

    first = 0

    def __init__(self, view: BoardView, *, ascii_only: bool = False) -> None:
        self._view = view
        self._ascii = ascii_only
        self.column = 0
        """The column of the cursor."""
        self.cursor: int | None = None
        """The row of the cursor: its cell is marked."""

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self._view.shown) + 1

    def row(self, seq: int) -> BoardRow | None:
        """Return the container at a position; None for the rules, and for the line of those that ended."""
        row = self._at(seq)
        return None if isinstance(row, Ended) else row

    def key(self, seq: int) -> str | None:
        """Return what a row is known by; None: the row of the rules."""
        row = self._at(seq)
        return KEY if isinstance(row, Ended) else row.container_id if row is not None else None

    def _at(self, seq: int) -> BoardRow | Ended | None:
        rows = self._view.shown
        return rows[seq - 1] if 1 <= seq <= len(rows) else None

    def line(self, seq: int, width: int) -> Line:
        """Return one row."""
        size = cell_width(width)
        if seq == 0:
            texts = [(str(len(rules)) if rules else "-", "good" if rules else "attention") for rules in self._covered]
            return [
                Cell(" rules" if size < 5 else " rules in force", "muted", REST),
                *(self._cell(at, seq, text, role, size) for at, (text, role) in enumerate(texts)),
                Cell("", "", _TOTAL),
            ]
        row = self._at(seq)
        if row is None:
            return ()
        if isinstance(row, Ended):
            return [Cell(" ", ""), *row.line(ascii_only=self._ascii)]
        role = "muted" if row.ended else "strong" if row.total else ""
        return [
            Cell(f" {row.name}", role, REST, tail=NAME_TAIL),
            *(self._cell(at, seq, *_shown(cell, size), size) for at, cell in enumerate(row.cells)),
            Cell(amount(row.total) if row.total else ".", "strong" if row.total else "muted", _TOTAL - 1, right=True),
            Cell(" ", "", 1),
        ]

    @property
    def _covered(self) -> tuple[tuple[Rule, ...], ...]:
        return self._view.coverage

    def _cell(self, column: int, seq: int, text: str, role: str, size: int) -> Cell:
        if seq == self.cursor and column == self.column:
            return Cell(f"[{text}]".rjust(size), "chosen", size, right=True)
        return Cell(f"{text} " if size > 4 else text, role, size, right=True)


def _shown(cell: BoardCell | None, size: int) -> tuple[str, str]:
    """Return a cell's text, as long as there is room for, and its role."""
    if cell is None:
        return ".", "muted"
    role = severity_role(cell.worst)
    if size >= _WORDS:
        return f"{amount(cell.count)} {short(cell.worst)}", role
    count = amount(cell.count)
    if len(count) > size - 2:
        count = amount(cell.count // 1000 * 1000).replace(".0", "") if cell.count >= 1000 else count
        count = count if len(count) <= size - 1 else "++"
    return count + LETTERS.get(cell.worst, "?"), role


def column_at(x: int, width: int) -> int | None:
    """Return the column of the board under a position of a line, None beside them."""
    size = cell_width(width)
    at = (x - (width - _TOTAL - size * len(COLUMNS))) // size
    return at if 0 <= at < len(COLUMNS) else None


def board_header(width: int, column: int) -> Line:
    """Return the names over the columns; the cursor's column stands out."""
    size = cell_width(width)
    names = [tactic.medium if size >= _WORDS else tactic.short for tactic in COLUMNS] if size > 3 else _LETTERS
    return [
        Cell(" container", "muted", REST),
        *(
            Cell(f"{name} " if size > 4 else name, "title" if at == column else "muted", size, right=True)
            for at, name in enumerate(names)
        ),
        Cell("all", "muted", _TOTAL - 1, right=True),
        Cell(" ", "", 1),
    ]


def board_foot(view: BoardView, lines: BoardLines, width: int) -> list[Line]:
    """Return what is said under the board: the cell under the cursor, what no rule covers, what the letters mean."""
    tactic = COLUMNS[lines.column]
    row = lines.row(lines.cursor or 0)
    rules = len(view.coverage[lines.column])
    said = f"{rules} rules in force name it" if rules != 1 else "1 rule in force names it"
    cell = row.cells[lines.column] if row is not None else None
    here: list[Cell] = [Cell(f" {tactic.name}", "title"), Cell(f"  {said}", "" if rules else "attention")]
    if row is not None:
        here.append(Cell(f"  {row.name}: ", "muted"))
        text = f"{cell.count:,} alerts, worst {cell.worst}" if cell else "no alert"
        here.append(Cell(text, severity_role(cell.worst) if cell else "muted"))
    letters = [(f" {letter} ", name) for name, letter in LETTERS.items()]
    key: list[Cell] = []
    for letter, name in letters:
        key += [Cell(letter, severity_role(name)), Cell(name.lower() if width >= 100 else short(name), "muted")]
    return [here, _gap(view.uncovered, width), key]


def _gap(missing: Sequence[Tactic], width: int) -> Line:
    """Return which tactics no rule covers, by the longest of their names that have room."""
    if not missing:
        return (Cell(" the rules in force cover every tactic", "good", REST),)
    narrow = width < _WIDE
    what = f"{' no rule for' if narrow else ' no rule in force for'} {len(missing)} of {len(TACTICS)}: "
    names = " ".join(tactic.short for tactic in missing)
    longer = () if narrow else ([tactic.name for tactic in missing], [tactic.medium for tactic in missing])
    fits = (joined for each in longer if len(what) + len(joined := ", ".join(each)) <= width)
    return (Cell(what, "muted"), Cell(next(fits, names), "attention", REST))


class AlertChoice:
    """The alerts behind a cell as a list's source, newest first.

    Args:
        alerts: What to show.
    """

    first = 0

    def __init__(self, alerts: Sequence[Alert]) -> None:
        self.alerts = alerts

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self.alerts)

    def line(self, seq: int, width: int) -> Line:
        """Return one alert."""
        alert = self.alerts[seq]
        wide = width >= 100
        cells = [
            Cell(f" {short(alert.priority)}", severity_role(alert.priority), 6),
            Cell(f" {clock(alert.time_ns, 3)}", "muted", 14),
            Cell(alert.rule, severity_role(alert.priority), 40 if wide else REST),
            Cell(f" {container_of(alert)}", "", 16, tail=NAME_TAIL),
        ]
        return [*cells, Cell(f" {alert.output}", "muted", REST)] if wide else cells


class RuleChoice:
    """The rules behind a tactic as a list's source.

    Args:
        rules: What to show.
    """

    first = 0

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules

    @property
    def end(self) -> int:
        """One past the last row."""
        return len(self.rules)

    def line(self, seq: int, width: int) -> Line:  # noqa: ARG002
        """Return one rule."""
        rule = self.rules[seq]
        return [
            Cell(f" {short(rule.priority)}", severity_role(rule.priority), 6),
            Cell(f" {rule.name}", "strong", REST),
            Cell(f"{amount(rule.counter.matched)} alerts", "muted", 14, right=True),
            Cell(" ", "", 1),
        ]
