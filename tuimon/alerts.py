"""From candidate events to alerts: judge, wait for what is not known yet, make the alert, keep it.

One event that cannot be judged, and one alert whose message cannot be made, must not blind the node to all others: both
are counted and shown as what they are, a bug of tuimon.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from tuimon.batch import Batch, from_records
from tuimon.events import HOST, Alert, Event
from tuimon.kept import kept
from tuimon.records import Kind, SizeClass, record_dtype
from tuimon.rules.matching import Pending, RuleHit
from tuimon.rules.ruleset import RuleSet
from tuimon.watchdog import Announcement

MAX_ALERTS: Final = 10_000
UNKNOWN_WAIT_S: Final = 2.0


def sign_of_life() -> Batch:
    """Return the event behind an alert that tuimon makes of itself: of nobody's but its own process, now."""
    records = np.zeros(1, record_dtype(SizeClass.SLIM))
    head = records["head"]
    head["ts_ns"], head["kind"] = time.clock_gettime_ns(time.CLOCK_BOOTTIME), Kind.HEARTBEAT
    head["tid"] = head["tgid"] = os.getpid()
    return from_records([(SizeClass.SLIM, records)])


class Alerts:
    """Judges events and keeps the alerts. One thread judges; alerts and counts may be read by any.

    Args:
        node: The name of this machine, as alerts carry it.
        on_alert: Called with every alert, in the judging thread.
    """

    def __init__(self, node: str, on_alert: Callable[[Alert], None]) -> None:
        self._node = node
        self._on_alert = on_alert
        self._kept: deque[Alert] = deque(maxlen=MAX_ALERTS)
        self._pending = Pending(UNKNOWN_WAIT_S, failed=self._miss)
        self.count = 0
        """Alerts so far."""
        self.unjudged = 0
        """Events that could not be judged or told of."""
        self.unjudged_why = ""
        """What was wrong with the last of them."""

    @property
    def forgotten(self) -> int:
        """Alerts that are no longer kept."""
        return self.count - len(self._kept)

    @property
    def waiting(self) -> int:
        """Hits that wait for a value to become known."""
        return len(self._pending)

    @property
    def released_early(self) -> int:
        """Hits that fired unconfirmed before their time because too many waited."""
        return self._pending.released_early

    def judge(self, ruleset: RuleSet, event: Event) -> None:
        """Judge one event, and fire or keep waiting what it matches."""
        try:
            hits = [(hit, hit.unknown or hit.rule.template.lacks(event)) for hit in ruleset.judge(event)]
        except Exception as error:
            self._miss(error)
            return
        for hit, waits in hits:
            if waits:
                self._pending.add(event.alone(), hit)
            else:
                self._fire(event, hit)
        event.part()

    def settle(self, now_s: float, revision: int, renewed: Callable[[Event], Event]) -> None:
        """Judge again what waited for a value; see ``Pending.settle``."""
        for event, hit, unconfirmed in self._pending.settle(now_s, revision, renewed):
            self._fire(event, hit, unconfirmed=unconfirmed)
            event.part()

    def since(self, num: int) -> Sequence[Alert]:
        """Return the kept alerts with a number greater than ``num``, oldest first; any thread."""
        if self.count <= num:
            return ()
        while True:
            try:
                return [alert for alert in self._kept if alert.num > num]
            except RuntimeError:  # the deque grew under the iteration
                continue

    def announce(self, said: Announcement, revision: int, boot_to_epoch_ns: int) -> None:
        """Make an alert of what tuimon has to say of itself, in the judging thread."""
        event = Event(sign_of_life(), 0, None, HOST, boot_to_epoch_ns)
        self._keep(
            Alert(
                num=self.count + 1,
                time_ns=event.time_ns,
                rule=said.rule,
                priority=said.priority,
                output=said.output,
                output_fields=said.fields,
                tags=(),
                source="internal",
                hostname=self._node,
                revision=revision,
                event=kept(event),
            )
        )

    def _miss(self, error: Exception) -> None:
        self.unjudged += 1
        self.unjudged_why = f"{type(error).__name__}: {error}"

    def _fire(self, event: Event, hit: RuleHit, *, unconfirmed: bool = False) -> None:
        try:
            output, fields = hit.output(event), hit.fields(event)
        except Exception as error:
            self._miss(error)
            return
        alert = Alert(
            num=self.count + 1,
            time_ns=event.time_ns,
            rule=hit.rule.name,
            priority=hit.rule.priority,
            output=output,
            output_fields=fields,
            tags=hit.rule.tags,
            source=hit.rule.source,
            hostname=self._node,
            revision=hit.revision,
            event=kept(event),
            unconfirmed=unconfirmed,
        )
        self._keep(alert)

    def _keep(self, alert: Alert) -> None:
        self.count = alert.num
        self._kept.append(alert)
        self._on_alert(alert)
