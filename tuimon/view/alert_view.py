"""AlertView: the list behind the alerts pane, without a screen.

Repeats are folded by rule, container and, if wanted, the value of one field. What the user acknowledged goes below a
line and comes back when it happens again; what is muted stays below the line while the mute lasts. Both are counted.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tuimon.events import Alert
from tuimon.view.alert_field import field_text
from tuimon.view.mutes import Mute, Mutes
from tuimon.view.noise import Noise
from tuimon.view.severity import rank, worse

KEPT: Final = 20_000
"""Single alerts kept for the list, and groups; groups go on counting what fell off."""
UNDO: Final = 50


class Key(NamedTuple):
    """What tells a group from the others."""

    rule: str
    container_id: str
    value: str | None
    """Of the field grouped by; None without one."""
    muted: bool


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """The alerts of one rule in one container (and with one value of a field); one line of the list."""

    rule: str
    container_id: str
    """Empty while unknown."""
    priority: str
    """The worst seen."""
    count: int
    first_time_ns: int
    last_time_ns: int
    newest: Alert
    value: str | None = None
    """Of the field grouped by; None without one."""
    acked: int = 0
    """How many of them are acknowledged."""
    muted: bool = False

    @property
    def key(self) -> Key:
        """What tells it from other groups."""
        return Key(self.rule, self.container_id, self.value, self.muted)

    @property
    def is_acked(self) -> bool:
        """Whether nothing of it is left to look at."""
        return self.acked >= self.count

    @property
    def is_back(self) -> bool:
        """Whether it was acknowledged and happened again."""
        return 0 < self.acked < self.count


@dataclass(frozen=True, slots=True)
class Divider:
    """The line between what is to be looked at and what is not."""

    acked: int
    """Rows below it that are acknowledged, shown or not."""
    muted: int
    """Alerts that are muted, shown or not."""
    shown: bool


Row = AlertGroup | Alert | Divider


class AlertView:
    """The rows of the alerts pane, newest first.

    Args:
        since: The engine's ``alerts_since``: the alerts with a number greater than the one given, oldest first.
        mutes: What is muted.
    """

    def __init__(self, since: Callable[[int], Sequence[Alert]], mutes: Mutes | None = None) -> None:
        self.grouped = True
        self.by_severity = False
        """Worst first instead of newest first."""
        self.settled_shown = True
        """Whether acknowledged and muted ones are listed below the line, or only counted in it."""
        self.total = 0
        """All alerts since the start, shown or not."""
        self.muted = 0
        """Alerts that a mute in force keeps away, of those kept."""
        self.noise = Noise()
        self.mutes = mutes if mutes is not None else Mutes()
        self.field: str | None = None
        """Field whose value repeats are told apart by, beside rule and container."""
        self._since = since
        self._find_text = ""
        self._containers: frozenset[str] = frozenset()
        self._alerts: list[Alert] = []
        self._keys: list[Key] = []
        self._acked: set[int] = set()
        self._undo: list[frozenset[int]] = []
        self._groups: OrderedDict[Key, AlertGroup] = OrderedDict()
        self._rows: tuple[Row, ...] = ()
        self._hidden = 0
        self._listed = 0

    @property
    def rows(self) -> tuple[Row, ...]:
        """What the list shows now; replaced as a whole by ``sync`` and the commands."""
        return self._rows

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self._groups)

    @property
    def open(self) -> int:
        """Alerts that are neither acknowledged nor muted."""
        return sum(group.count - group.acked for group in self._groups.values() if not group.muted)

    @property
    def containers(self) -> frozenset[str]:
        """Ids of the containers shown, empty for all."""
        return self._containers

    @property
    def hidden(self) -> int:
        """Rows that the chosen container keeps out of the list."""
        return self._hidden

    @property
    def listed(self) -> int:
        """Rows of the list, whether those that are settled are shown or only counted."""
        return self._listed

    @property
    def find_text(self) -> str:
        """Only alerts with it in rule, priority, tags, container or value are listed, in small letters or capitals."""
        return self._find_text

    @find_text.setter
    def find_text(self, text: str) -> None:
        self._find_text = text
        self._refresh()

    def sync(self) -> Sequence[Alert]:
        """Take the new alerts and return them; mutes whose time is over end."""
        expired = self.mutes.expire()
        new = self._since(self.total)
        if new:
            self.total = new[-1].num
            for alert in new:
                self.noise.add(alert)
                self._alerts.append(alert)
                self._keys.append(self._add(alert))
            self._forget()
        if expired:
            self._regroup()
        elif new:
            self._refresh()
        return new or ()

    def _forget(self) -> None:
        gone = self._alerts[:-KEPT]
        self._acked.difference_update(alert.num for alert in gone)
        self.muted -= sum(key.muted for key in self._keys[: len(gone)])
        del self._alerts[: len(gone)], self._keys[: len(gone)]
        while len(self._groups) > KEPT:
            self._groups.popitem(last=False)

    # What is shown, and how.

    def show(self, *, containers: frozenset[str]) -> None:
        """Show the alerts of some containers, by id, or (none given) of all."""
        self._containers = containers
        self._refresh()

    def toggle_grouped(self) -> None:
        """Fold repeats, or show every alert."""
        self.grouped = not self.grouped
        self._refresh()

    def toggle_by_severity(self) -> None:
        """Order by severity, or by time."""
        self.by_severity = not self.by_severity
        self._refresh()

    def toggle_settled(self) -> None:
        """List what is acknowledged or muted below the line, or only count it."""
        self.settled_shown = not self.settled_shown
        self._refresh()

    def group_by(self, field: str | None) -> None:
        """Tell repeats apart by the value of a field too, None: by rule and container alone."""
        self.field = field
        self.grouped = True
        self._regroup()

    def mutes_changed(self) -> None:
        """A mute was added or ended."""
        self._regroup()

    @property
    def kept(self) -> Sequence[Alert]:
        """The single alerts that are kept, oldest first; not to be changed."""
        return self._alerts

    def kept_away(self, mute: Mute) -> int:
        """Return how many of the alerts that are kept a mute keeps from being shown."""
        pairs = zip(self._alerts, self._keys, strict=True)
        return sum(key.muted and mute.covers(alert) for alert, key in pairs)

    def members(self, row: AlertGroup | Alert) -> list[Alert]:
        """Return the alerts a row stands for, newest first, as far as they are kept."""
        if isinstance(row, Alert):
            return [row]
        return [a for a, key in zip(reversed(self._alerts), reversed(self._keys), strict=True) if key == row.key]

    # Acknowledging.

    def is_acked(self, row: Row | None) -> bool:
        """Return whether a row is acknowledged as a whole."""
        if isinstance(row, Alert):
            return row.num in self._acked
        return isinstance(row, AlertGroup) and row.is_acked

    def acknowledge(self, row: AlertGroup | Alert) -> int:
        """Acknowledge what a row stands for, or take that back; return how many alerts that were."""
        nums = frozenset(alert.num for alert in self.members(row))
        changed = nums if self.is_acked(row) else nums - self._acked
        self._undo = [*self._undo[-UNDO + 1 :], changed]
        self._flip(changed)
        return len(changed)

    def fresh(self, like: Callable[[Alert], bool]) -> frozenset[int]:
        """Return the numbers of the alerts that are listed above the line and are like what is meant."""
        return frozenset(
            alert.num
            for alert, key in zip(self._alerts, self._keys, strict=True)
            if not key.muted
            and alert.num not in self._acked
            and (not self._containers or alert.container_id in self._containers)
            and self._is_wanted(alert, key.value if self.grouped else None)
            and like(alert)
        )

    def acknowledge_all(self, nums: frozenset[int]) -> int:
        """Acknowledge alerts by their numbers (see ``fresh``); return how many were not yet."""
        changed = nums - self._acked
        self._undo = [*self._undo[-UNDO + 1 :], changed]
        self._flip(changed)
        return len(changed)

    def undo_acknowledge(self) -> int:
        """Take the last acknowledgement back; return how many alerts that were, 0 when there is none."""
        if not self._undo:
            return 0
        changed = self._undo.pop()
        self._flip(changed)
        return len(changed)

    def _flip(self, nums: frozenset[int]) -> None:
        self._acked ^= nums
        counts: Counter[Key] = Counter()
        fresh: Counter[Key] = Counter()
        for alert, key in zip(self._alerts, self._keys, strict=True):
            acked = alert.num in self._acked
            fresh[key] += not acked
            if alert.num in nums:
                counts[key] += 1 if acked else -1
        for key, change in counts.items():
            group = self._groups[key]
            # Those that fell off the list are acknowledged with the rest, and come back with it.
            whole = change > 0 and not fresh[key]
            many = group.count if whole else max(min(group.acked + change, group.count - 1), 0)
            self._groups[key] = replace(group, acked=many)
        self._refresh()

    # Groups.

    def _regroup(self) -> None:
        """Make the groups afresh of the alerts that are kept."""
        self._groups.clear()
        self.muted = 0
        self._keys = [self._add(alert) for alert in self._alerts]
        self._refresh()

    def _add(self, alert: Alert) -> Key:
        value = field_text(alert, self.field) if self.field is not None else None
        key = Key(alert.rule, alert.container_id, value, self.mutes.of(alert) is not None)
        self.muted += key.muted
        old = self._groups.get(key)
        acked = alert.num in self._acked
        self._groups[key] = AlertGroup(
            rule=alert.rule,
            container_id=alert.container_id,
            priority=alert.priority if old is None else (worse(old.priority, alert.priority) or alert.priority),
            count=1 if old is None else old.count + 1,
            first_time_ns=alert.time_ns if old is None else old.first_time_ns,
            last_time_ns=alert.time_ns,
            newest=alert,
            value=value,
            acked=acked if old is None else old.acked + acked,
            muted=key.muted,
        )
        self._groups.move_to_end(key)
        return key

    def _refresh(self) -> None:
        fresh, acked, muted = self._sorted_out()
        self._listed = len(fresh) + len(acked) + len(muted)
        if not acked and not muted:
            self._rows = tuple(fresh)
            return
        many = sum(row.count if isinstance(row, AlertGroup) else 1 for row in muted)
        below = (*acked, *muted) if self.settled_shown else ()
        self._rows = (*fresh, Divider(len(acked), many, self.settled_shown), *below)

    def _sorted_out(self) -> tuple[list[AlertGroup | Alert], list[AlertGroup | Alert], list[AlertGroup | Alert]]:
        """Return the rows in order: to be looked at, acknowledged, muted."""
        rows: list[list[AlertGroup | Alert]] = [[], [], []]
        self._hidden = 0
        for row, muted in reversed(list(self._everything())):
            if self._containers and row.container_id not in self._containers:
                self._hidden += 1
            elif self._is_wanted(*((row.newest, row.value) if isinstance(row, AlertGroup) else (row, None))):
                rows[2 if muted else 1 if self.is_acked(row) else 0].append(row)
        if self.by_severity:
            for part in rows:
                part.sort(key=lambda row: rank(row.priority))
        return rows[0], rows[1], rows[2]

    def _is_wanted(self, alert: Alert, value: str | None) -> bool:
        """Whether an alert holds what is looked for; of a group all do or none, so its output is not looked into."""
        if not self._find_text:
            return True
        container = alert.event.container
        name = (container.name if container is not None else "") or ""
        said = (alert.rule, alert.priority, *alert.tags, name, alert.container_id, value or "")
        return self._find_text.lower() in "\n".join(said).lower()

    def _everything(self) -> Iterable[tuple[AlertGroup | Alert, bool]]:
        if self.grouped:
            return ((group, group.muted) for group in self._groups.values())
        return zip(self._alerts, (key.muted for key in self._keys), strict=True)
