"""Drill: the views of a session: which is open, over which window, in which order; and what entering a row means.

container -> process -> file or connection -> events, and from any view to any other; each row entered is a step of the
session's trail, and taking it back leads to the view it was entered from. No widgets.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from tuimon.events import Alert
from tuimon.view.background import Background
from tuimon.view.session import Session
from tuimon.view.top import EMPTY, ORDERS, WINDOWS, Top, TopRow, TopTable
from tuimon.view.top_views import RULES, VIEWS, Value
from tuimon.view.trail import Step

REFRESH_S: Final = 1.0
_NS: Final = 1_000_000_000


class Drill:
    """The views over one session.

    Args:
        session: Whose events.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.name = ""
        """Of the view that is open; empty: the events themselves."""
        self.window_s = 0.0
        """Seconds before now; 0: everything history holds."""
        self.order = ORDERS[0]
        self.table: TopTable = EMPTY
        self._top: Top | None = None
        self._background = Background("top")
        self._begun = 0.0
        self._seen: TopTable | None = None

    def close(self) -> None:
        """End what runs in the background."""
        self._background.stop()

    @property
    def title(self) -> str:
        """Name of the view that is open."""
        return "Rules" if self.name == RULES else VIEWS[self.name].title if self.name else ""

    @property
    def progress(self) -> float:
        """Share of the window that has been counted, 0 to 1."""
        return 1.0 if self._top is None else self._top.progress

    @property
    def error(self) -> str:
        """What went wrong, empty while all is well."""
        return "" if self._top is None else self._top.error

    # What is shown.

    def open(self, name: str) -> None:
        """Open a view; empty: the events."""
        self.name = name
        self._session.want_messages(name == "dns")
        self.again()

    def again(self) -> None:
        """Count anew: the view, the filter or the containers are others."""
        self._background.run(None)
        self._top, self.table, self._seen, self._begun = None, EMPTY, None, 0.0
        session = self._session
        if self.name in VIEWS:
            self._top = Top(
                VIEWS[self.name],
                session.live,
                session.engine.event,
                session.row_filter,
                session.containers.cgroups(),
                self._offset_ns(),
                session.containers.name,
            )

    def set_window(self, by: int) -> None:
        """Take a longer (1) or shorter (-1) window."""
        at = min(max(WINDOWS.index(self.window_s) + by, 0), len(WINDOWS) - 1)
        self.window_s = WINDOWS[at]
        self._begun = 0.0

    def set_order(self, by: int) -> None:
        """Order by the next figure (1) or the one before (-1)."""
        self.order = ORDERS[(ORDERS.index(self.order) + by) % len(ORDERS)]
        self._begun = 0.0

    def pump(self) -> bool:
        """Go on; return whether the table is another one."""
        if not self.name:
            return False
        now = time.monotonic()
        if now - self._begun >= REFRESH_S and not self._background.is_running:
            self._begun = now
            if self.name == RULES:
                self.table = self._rules()
            elif self._top is not None:
                self._top.window_s, self._top.order = self.window_s, self.order
                self._background.run(self._top.work(self._end_ns()))
        if self._top is not None:
            self.table = self._top.table
        changed = self.table is not self._seen
        self._seen = self.table
        return changed

    @property
    def at_work(self) -> bool:
        """Whether ``pump`` will bring another table soon."""
        if self._top is None:
            return False
        return self._background.is_running or self._begun == 0 or self._top.table is not self._seen

    def _offset_ns(self) -> int:
        """Return what makes a time since boot one since the epoch."""
        batches = self._session.live.batches()
        if not batches:
            return 0
        event = self._session.engine.event(batches[-1], 0)
        return event.boot_to_epoch_ns

    def _end_ns(self) -> int:
        """Return where the window ends, since boot: now, or (0) at the newest event of a recording."""
        snapshot = self._session.snapshot
        if snapshot is None or not snapshot.live or not self.window_s or self._session.live.paused:
            return 0
        return snapshot.time_ns - self._offset_ns()

    # The view by rule.

    def _rules(self) -> TopTable:
        """Count the alerts whose events the filter keeps, by rule."""
        session = self._session
        newest = session.snapshot.time_ns if session.snapshot is not None else 0
        start_ns = newest - int(self.window_s * _NS) if self.window_s else 0
        chosen, keeps = session.containers.chosen_ids, session.row_filter
        alerts: list[Alert] = []
        for alert in session.engine.alerts_since(0):
            if alert.time_ns < start_ns or (chosen and alert.container_id not in chosen):
                continue
            if keeps is None or alert.event.row in keeps.rows(alert.event.batch).tolist():
                alerts.append(alert)
        return _rule_table(alerts, self.order, newest, self.window_s)

    # Going in and back out.

    def step(self, row: TopRow, *, keep: bool = True) -> Step | None:
        """Return the step that a row of the view stands for, None when it stands for none."""
        value = row.value
        if value.container and keep:
            return Step(value.label, containers=frozenset((value.container,)), view=self.name)
        if not value.term:
            return None
        return Step(value.label, value.term, view=self.name)

    @property
    def next(self) -> str:
        """The view that a row leads to; empty: to the events."""
        return VIEWS[self.name].next if self.name in VIEWS else ""


def _rule_table(alerts: Sequence[Alert], order: str, now_ns: int, window_s: float) -> TopTable:
    found: dict[str, tuple[int, int]] = {}
    for alert in alerts:
        count, last = found.get(alert.rule, (0, 0))
        found[alert.rule] = (count + 1, max(last, alert.time_ns))
    begin_ns = min((alert.time_ns for alert in alerts), default=now_ns)
    seconds = window_s or max((now_ns - begin_ns) / _NS, 1e-3)
    total = max(len(alerts), 1)
    rows = [
        TopRow(Value(rule), count, count / total, count / seconds, 0, 0, last) for rule, (count, last) in found.items()
    ]
    keys = {"last": lambda row: -row.last_ns, "name": lambda row: row.value.label}
    rows.sort(key=keys.get(order, lambda row: -row.events))
    return TopTable(tuple(rows), len(alerts), 0, len(rows), seconds)


def finish(drill: Drill) -> Iterator[None]:
    """Pump until the table is whole; for front ends without a tick."""
    drill.pump()
    while drill.progress < 1 and not drill.error:
        time.sleep(0.005)
        drill.pump()
        yield
