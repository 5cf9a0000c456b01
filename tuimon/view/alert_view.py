"""AlertView: the list behind the alerts pane. Repeats are folded by rule and container; without a screen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tuimon.events import Alert
from tuimon.view.severity import rank, worse

KEPT: Final = 20_000
"""Single alerts kept for the list; groups go on counting what fell off."""


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """The alerts of one rule in one container; one line of the list."""

    rule: str
    container_id: str
    """Empty while unknown."""
    priority: str
    """The worst seen."""
    count: int
    first_time_ns: int
    last_time_ns: int
    newest: Alert


class AlertView:
    """The rows of the alerts pane, newest first.

    Args:
        since: The engine's ``alerts_since``: the alerts with a number greater than the one given, oldest first.
    """

    def __init__(self, since: Callable[[int], Sequence[Alert]]) -> None:
        self.grouped = True
        self.by_severity = False
        """Worst first instead of newest first."""
        self.total = 0
        """All alerts since the start, shown or not."""
        self._since = since
        self._last_num = 0
        self._container: str | None = None
        self._alerts: list[Alert] = []
        self._groups: OrderedDict[tuple[str, str], AlertGroup] = OrderedDict()
        self._rows: tuple[AlertGroup | Alert, ...] = ()

    @property
    def rows(self) -> tuple[AlertGroup | Alert, ...]:
        """What the list shows now; replaced as a whole by ``sync`` and the commands."""
        return self._rows

    @property
    def container(self) -> str | None:
        """The container shown alone, None for all."""
        return self._container

    @property
    def hidden(self) -> int:
        """Rows that the chosen container keeps out of the list."""
        everything = len(self._groups) if self.grouped else len(self._alerts)
        return everything - len(self._rows)

    def sync(self) -> Sequence[Alert]:
        """Take the new alerts and return them."""
        new = self._since(self._last_num)
        if not new:
            return ()
        self._last_num = new[-1].num
        self.total += len(new)
        for alert in new:
            self._add(alert)
        self._alerts.extend(new)
        del self._alerts[:-KEPT]
        self._refresh()
        return new

    def show(self, *, container: str | None) -> None:
        """Show the alerts of one container, or (None) of all."""
        self._container = container
        self._refresh()

    def toggle_grouped(self) -> None:
        """Fold repeats, or show every alert."""
        self.grouped = not self.grouped
        self._refresh()

    def toggle_by_severity(self) -> None:
        """Order by severity, or by time."""
        self.by_severity = not self.by_severity
        self._refresh()

    def members(self, row: AlertGroup | Alert) -> list[Alert]:
        """Return the alerts a row stands for, newest first, as far as they are kept."""
        if isinstance(row, Alert):
            return [row]
        return [a for a in reversed(self._alerts) if a.rule == row.rule and a.container_id == row.container_id]

    def _add(self, alert: Alert) -> None:
        key = (alert.rule, alert.container_id)
        old = self._groups.get(key)
        self._groups[key] = AlertGroup(
            rule=alert.rule,
            container_id=alert.container_id,
            priority=alert.priority if old is None else (worse(old.priority, alert.priority) or alert.priority),
            count=1 if old is None else old.count + 1,
            first_time_ns=alert.time_ns if old is None else old.first_time_ns,
            last_time_ns=alert.time_ns,
            newest=alert,
        )
        self._groups.move_to_end(key)

    def _refresh(self) -> None:
        everything: Sequence[AlertGroup | Alert] = list(self._groups.values()) if self.grouped else self._alerts
        rows = [r for r in reversed(everything) if self._container is None or r.container_id == self._container]
        if self.by_severity:
            rows.sort(key=lambda row: rank(row.priority))
        self._rows = tuple(rows)
