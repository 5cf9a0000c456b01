"""BoardView: containers against the tactics of ATT&CK: how many alerts, and the worst; without a screen.

A rule says its tactics with tags, ``mitre_initial_access`` and the like (Falco's "Default and Local Rules Files" style
guide). An alert counts in the column of each of its tactics; one whose rule names none counts in a column of its own,
so that the board hides no alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from tuimon.events import Alert
from tuimon.rules.matching import Rule
from tuimon.view.container_view import label
from tuimon.view.ended import Ended, folded
from tuimon.view.severity import worse
from tuimon.view.snapshot import ContainerRow


class Tactic(NamedTuple):
    """A column of the board."""

    tag: str
    """What follows ``mitre_`` in the tag."""
    name: str
    short: str
    """Three letters."""
    medium: str
    """At most seven."""


TACTICS: Final = (
    Tactic("reconnaissance", "Reconnaissance", "Rec", "Recon"),
    Tactic("resource_development", "Resource Development", "Res", "ResDev"),
    Tactic("initial_access", "Initial Access", "Ini", "Initial"),
    Tactic("execution", "Execution", "Exe", "Execut"),
    Tactic("persistence", "Persistence", "Per", "Persist"),
    Tactic("privilege_escalation", "Privilege Escalation", "Prv", "PrivEsc"),
    Tactic("defense_evasion", "Defense Evasion", "Evd", "Evasion"),
    Tactic("credential_access", "Credential Access", "Crd", "Credent"),
    Tactic("discovery", "Discovery", "Dsc", "Discov"),
    Tactic("lateral_movement", "Lateral Movement", "Lat", "Lateral"),
    Tactic("collection", "Collection", "Col", "Collect"),
    Tactic("command_and_control", "Command and Control", "C2", "C2"),
    Tactic("exfiltration", "Exfiltration", "Exf", "Exfiltr"),
    Tactic("impact", "Impact", "Imp", "Impact"),
)
"""In the order of the matrix (attack.mitre.org/tactics/enterprise)."""
NO_TACTIC: Final = Tactic("", "no tactic named", "non", "none")
COLUMNS: Final = (*TACTICS, NO_TACTIC)
_COLUMN_OF: Final = {tactic.tag: at for at, tactic in enumerate(TACTICS)}
_PREFIX: Final = "mitre_"


def columns_of(tags: Iterable[str]) -> tuple[int, ...]:
    """Return the columns of a rule's tags, ascending; the last column alone when they name no tactic."""
    found = set()
    for tag in tags:
        name = tag.lower().replace("-", "_")
        if name.startswith(_PREFIX) and (at := _COLUMN_OF.get(name[len(_PREFIX) :])) is not None:
            found.add(at)
    return tuple(sorted(found)) or (len(TACTICS),)


@dataclass(frozen=True, slots=True)
class BoardCell:
    """The alerts of one tactic in one container."""

    count: int
    worst: str
    """Priority."""


@dataclass(slots=True)
class _Tally:
    """The running figures of one container."""

    name: str
    total: int = 0
    cells: dict[int, BoardCell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line of the board."""

    container_id: str
    """Empty for alerts whose container was not known."""
    name: str
    ended: bool
    total: int
    """Alerts, each counted once."""
    cells: tuple[BoardCell | None, ...]
    """One for each of ``COLUMNS``."""


class Judged(Protocol):
    """What the board asks of an engine."""

    def alerts_since(self, num: int) -> Sequence[Alert]:
        """Return the newer alerts, oldest first."""

    def rules_in_force(self) -> tuple[Rule, ...]:
        """Return the rules."""


class BoardView:
    """The rows of the board.

    Args:
        engine: Gives alerts and rules.
    """

    def __init__(self, engine: Judged) -> None:
        self.rows: tuple[BoardRow, ...] = ()
        """The containers there are, in the order they are given, then those only alerts remember."""
        self.ended_open = False
        """Whether ended containers without alerts are listed one by one."""
        self.coverage: tuple[tuple[Rule, ...], ...] = ((),) * len(COLUMNS)
        """For each of ``COLUMNS`` the rules in force that name it."""
        self._engine = engine
        self._last_num = 0
        self._tallies: dict[str, _Tally] = {}
        self._rules: tuple[Rule, ...] | None = None
        self._known: tuple[tuple[str, str, bool], ...] = ()
        self._shown: tuple[BoardRow | Ended, ...] = ()
        self._shown_of: tuple[object, ...] = ()

    @property
    def shown(self) -> tuple[BoardRow | Ended, ...]:
        """The rows as they are listed: ended containers without alerts are one line."""
        if self._shown_of != (self.ended_open, self.rows):
            shown = folded(self.rows, _is_dull, lambda row: row.name, opened=self.ended_open)
            self._shown, self._shown_of = shown, (self.ended_open, self.rows)
        return self._shown

    @property
    def uncovered(self) -> tuple[Tactic, ...]:
        """The tactics that no rule in force names."""
        return tuple(tactic for tactic, rules in zip(TACTICS, self.coverage, strict=False) if not rules)

    def sync(self, containers: Sequence[ContainerRow]) -> bool:
        """Take new alerts, rules and containers; return whether the board looks different now."""
        new = self._engine.alerts_since(self._last_num)
        for alert in new:
            self._add(alert)
        rules = self._engine.rules_in_force()
        covered = rules is not self._rules
        if covered:
            self._rules = rules
            self.coverage = _coverage(rules)
        known = tuple((row.container.id, label(row), row.ended) for row in containers)
        if not new and not covered and known == self._known:
            return False
        self._known = known
        self.rows = self._ordered()
        return True

    def alerts(self, container_id: str, column: int | None) -> tuple[list[Alert], int]:
        """Return the alerts behind a cell, or (column None) behind a row.

        Returns:
            Those still kept, newest first, and how many there were.
        """
        kept = [
            alert
            for alert in reversed(self._engine.alerts_since(0))
            if alert.container_id == container_id and (column is None or column in columns_of(alert.tags))
        ]
        tally = self._tallies.get(container_id)
        if tally is None:
            return kept, len(kept)
        cell = tally.cells.get(column) if column is not None else None
        return kept, tally.total if column is None else cell.count if cell else 0

    def _add(self, alert: Alert) -> None:
        self._last_num = alert.num
        owner = alert.event.container
        tally = self._tallies.setdefault(alert.container_id, _Tally("not known yet"))
        if owner is not None:
            tally.name = owner.name or owner.pod_name or owner.id
        tally.total += 1
        for column in columns_of(alert.tags):
            old = tally.cells.get(column)
            tally.cells[column] = (
                BoardCell(1, alert.priority)
                if old is None
                else BoardCell(old.count + 1, worse(old.worst, alert.priority) or alert.priority)
            )

    def _ordered(self) -> tuple[BoardRow, ...]:
        rows = [self._row(key, name, ended) for key, name, ended in self._known]
        known = {row.container_id for row in rows}
        rows += [self._row(key, tally.name, bool(key)) for key, tally in self._tallies.items() if key not in known]
        return tuple(rows)

    def _row(self, key: str, name: str, ended: bool) -> BoardRow:
        tally = self._tallies.get(key)
        if tally is None:
            return BoardRow(key, name, ended, 0, (None,) * len(COLUMNS))
        return BoardRow(key, name, ended, tally.total, tuple(tally.cells.get(at) for at in range(len(COLUMNS))))


def _is_dull(row: BoardRow) -> bool:
    return row.ended and not row.total


def _coverage(rules: Sequence[Rule]) -> tuple[tuple[Rule, ...], ...]:
    found: list[list[Rule]] = [[] for _ in COLUMNS]
    for rule in rules:
        for column in columns_of(rule.tags):
            found[column].append(rule)
    return tuple(map(tuple, found))
